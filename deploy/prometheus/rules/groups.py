"""All rules, in the groups in which Prometheus evaluates them."""

from deploy.prometheus.rules.exporter_alerts import EXPORTER_ALERTS
from deploy.prometheus.rules.poll_alerts import POLL_ALERTS
from deploy.prometheus.rules.recordings import POLL_RECORDINGS, RECORDINGS
from deploy.prometheus.rules.rule import Group
from deploy.prometheus.rules.service_alerts import SERVICE_ALERTS

GROUPS = (
    # One group: alerts look at what was recorded a moment before.
    Group("dcdn-service", (*RECORDINGS, *SERVICE_ALERTS)),
    Group("dcdn-poll", (*POLL_RECORDINGS, *POLL_ALERTS)),
    Group("dcdn-exporter", EXPORTER_ALERTS),
)
ALERTS = tuple(alert for group in GROUPS for alert in group.alerts)
