"""All rules, in the groups in which Prometheus evaluates them."""

from dataclasses import replace

from deploy.prometheus.rules.dashboard_inventories import INVENTORY_RECORDINGS as BESIDE_RECORDINGS
from deploy.prometheus.rules.dashboard_recordings import DASHBOARD_RECORDINGS
from deploy.prometheus.rules.exporter_alerts import EXPORTER_ALERTS
from deploy.prometheus.rules.expressions import of_job
from deploy.prometheus.rules.inventory_alerts import INVENTORY_ALERTS
from deploy.prometheus.rules.inventory_recordings import INVENTORY_RECORDINGS
from deploy.prometheus.rules.poll_alerts import POLL_ALERTS, SHARE_ALERTS
from deploy.prometheus.rules.poll_recordings import POLL_RECORDINGS, SHARE_RECORDINGS
from deploy.prometheus.rules.recordings import (
    LOCK_RECORDINGS,
    ROUTE_RECORDINGS,
    STATE_RECORDINGS,
    WATCH_RECORDINGS,
)
from deploy.prometheus.rules.rule import Alert, Group, Recording
from deploy.prometheus.rules.service_alerts import LOCK_ALERTS, STATE_ALERTS
from deploy.prometheus.rules.thresholds import INTERVAL_S, LOCK_INTERVAL_S, SHARE_INTERVAL_S


def _of_one_job(*rules: Recording | Alert) -> tuple[Recording | Alert, ...]:
    return tuple(replace(rule, expression=of_job(rule.expression)) for rule in rules)


GROUPS = (
    # In each group, alerts look at what was recorded a moment before; so all that goes by what is not shown any more
    # is in one group with that.
    Group("dcdn-lock", LOCK_INTERVAL_S, _of_one_job(*LOCK_RECORDINGS, *LOCK_ALERTS)),
    Group(
        "dcdn-service",
        INTERVAL_S,
        _of_one_job(
            *WATCH_RECORDINGS,
            *ROUTE_RECORDINGS,
            *POLL_RECORDINGS,
            *STATE_RECORDINGS,
            *INVENTORY_RECORDINGS,
            *STATE_ALERTS,
            *INVENTORY_ALERTS,
            *POLL_ALERTS,
        ),
    ),
    Group("dcdn-poll", SHARE_INTERVAL_S, _of_one_job(*SHARE_RECORDINGS, *SHARE_ALERTS)),
    Group("dcdn-exporter", INTERVAL_S, _of_one_job(*EXPORTER_ALERTS)),
    Group("dcdn-dashboards", INTERVAL_S, _of_one_job(*DASHBOARD_RECORDINGS, *BESIDE_RECORDINGS)),
)
ALERTS = tuple(alert for group in GROUPS for alert in group.alerts)
