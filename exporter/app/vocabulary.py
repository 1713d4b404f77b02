"""What the configuration file may say, as the rows of what is polled and shown have it."""

from exporter.config import Vocabulary
from exporter.metrics.families import ACCOUNT_INFO_LABELS, TARGET_LABELS
from exporter.probes.table import PRODUCTS, SWITCHES, vendor_limits

VOCABULARY = Vocabulary(
    products=PRODUCTS,
    switches=SWITCHES,
    vendor_limits=vendor_limits(),
    forbidden_labels=frozenset(ACCOUNT_INFO_LABELS) | TARGET_LABELS,
)
