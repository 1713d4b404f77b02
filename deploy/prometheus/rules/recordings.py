"""The states that alerts look at, held through outages of the API, and the labels that route alerts."""

from deploy.prometheus.rules.expressions import (
    CHARGE_TYPE,
    IN_DEBT,
    IN_DEBT_OVERDUE,
    LOCK,
    LOCKED_ROUTES,
    NEXT_CHARGE_TYPE,
    POLL_ROUTES,
    SERVICE_ROUTES,
    STATUS,
    held,
    routes,
    written,
)
from deploy.prometheus.rules.rule import Recording
from deploy.prometheus.rules.thresholds import ROUTED_BY

# Every documented value has its series while the state is shown, so that one of them speaks for all.
_STATES = (
    (STATUS, "dcdn_service_status", ("status",), '{status="active"}', "service"),
    (LOCK, "dcdn_service_lock", ("reason",), '{reason="financial"}', "service"),
    (CHARGE_TYPE, "dcdn_service_charge_type", ("charge_type",), '{charge_type="PayByTraffic"}', "service"),
    (NEXT_CHARGE_TYPE, "dcdn_service_next_charge_type", ("charge_type",), '{charge_type="PayByTraffic"}', "service"),
    (IN_DEBT, "dcdn_service_in_debt", (), "", "debt_status"),
    (IN_DEBT_OVERDUE, "dcdn_service_in_debt_overdue", (), "", "debt_status"),
)

_HELD = tuple(
    Recording(
        record,
        held(metric, by=("account", "product", *labels), shown=f"{metric}{shown}", probe=probe, record=record),
        why=f"what was 1 of {metric} in the last answer, one series over all replicas, also while the API is away",
    )
    for record, metric, labels, shown, probe in _STATES
)

RECORDINGS = (
    *_HELD,
    Recording(SERVICE_ROUTES, routes(), why="the labels of each account that route its alerts"),
    Recording(
        LOCKED_ROUTES,
        written(f"""
group by (account, {", ".join(ROUTED_BY)}) (
  {SERVICE_ROUTES}
    and on (account)
  {STATUS}{{status="locked"}}
)"""),
        why="the same, of locked accounts alone: looked at over a day, which would take long for all accounts",
    ),
)
# Again, though the other group has them: neither is held up by the other, or late by it.
POLL_RECORDINGS = (Recording(POLL_ROUTES, routes(), why="the labels of each account that route its alerts"),)
