"""The composition root: everything is built, connected, started, reloaded and stopped here.

daemon        the running exporter
├── build         what calls need, and whom they are for, from a configuration
├── reload        requests to reload that wait as one
├── systemd       notifications to a service manager, and its watchdog
└── signals       what a command does at a signal
status_once   every probe polled once, for a report
demo          the simulator, and a daemon that watches it
└── simulated     the configuration that watches a scenario

``VOCABULARY`` is what the configuration file may say of products, probes and labels.
"""

from exporter.config import Vocabulary
from exporter.metrics.families import ACCOUNT_INFO_LABELS, TARGET_LABELS
from exporter.probes.table import INTERVALS, NEEDS, PRODUCTS, SWITCH_PRODUCTS, SWITCHES, vendor_limits

VOCABULARY = Vocabulary(
    products=PRODUCTS,
    switches=SWITCHES,
    switch_products=SWITCH_PRODUCTS,
    intervals=INTERVALS,
    vendor_limits=vendor_limits(),
    operations=NEEDS,
    forbidden_labels=frozenset(ACCOUNT_INFO_LABELS) | TARGET_LABELS,
)
