"""How soon an alert is seen, with the intervals that are shipped."""

from deploy.prometheus.rules.rule import Alert, Severity
from deploy.prometheus.rules.thresholds import (
    EVALUATION_INTERVAL_S,
    GROUP_WAIT_S,
    INFO_GROUP_WAIT_S,
    SCRAPE_INTERVAL_S,
)


def first_seen_after_s(alert: Alert) -> int:
    """The longest from the event until the first message, when each step has just missed the one before."""
    group_wait_s = INFO_GROUP_WAIT_S if alert.severity is Severity.INFO else GROUP_WAIT_S
    return alert.learned_after_s + SCRAPE_INTERVAL_S + EVALUATION_INTERVAL_S + alert.waits.seconds + group_wait_s
