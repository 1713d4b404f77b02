"""How soon an alert is seen, with the intervals that are shipped."""

import math

from deploy.prometheus.rules.groups import GROUPS
from deploy.prometheus.rules.rule import Alert, Severity
from deploy.prometheus.rules.thresholds import (
    GROUP_WAIT_S,
    INFO_GROUP_WAIT_S,
    SCRAPE_INTERVAL_S,
)


def first_seen_after_s(alert: Alert) -> int:
    """The longest from the event until the first message, when each step has just missed the one before."""
    group_wait_s = INFO_GROUP_WAIT_S if alert.severity is Severity.INFO else GROUP_WAIT_S
    interval_s = next(group.interval_s for group in GROUPS if alert in group.rules)
    evaluations = 1 + math.ceil(alert.waits.seconds / interval_s)
    return alert.learned_after_s + SCRAPE_INTERVAL_S + evaluations * interval_s + group_wait_s
