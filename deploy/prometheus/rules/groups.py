"""All rules, in the groups in which Prometheus evaluates them."""

from deploy.prometheus.rules.exporter_alerts import EXPORTER_ALERTS
from deploy.prometheus.rules.poll_alerts import POLL_ALERTS, POLL_RECORDINGS
from deploy.prometheus.rules.recordings import LOCK_RECORDINGS, STATE_RECORDINGS
from deploy.prometheus.rules.rule import Group
from deploy.prometheus.rules.service_alerts import LOCK_ALERTS, STATE_ALERTS
from deploy.prometheus.rules.thresholds import INTERVAL_S, LOCK_INTERVAL_S

GROUPS = (
    # In each group, alerts look at what was recorded a moment before.
    Group("dcdn-lock", LOCK_INTERVAL_S, (*LOCK_RECORDINGS, *LOCK_ALERTS)),
    Group("dcdn-service", INTERVAL_S, (*STATE_RECORDINGS, *STATE_ALERTS)),
    Group("dcdn-poll", INTERVAL_S, (*POLL_RECORDINGS, *POLL_ALERTS)),
    Group("dcdn-exporter", INTERVAL_S, EXPORTER_ALERTS),
)
ALERTS = tuple(alert for group in GROUPS for alert in group.alerts)
