"""The states that alerts look at, held through outages of the API."""

from deploy.prometheus.rules.expressions import (
    CHARGE_TYPE,
    IN_DEBT,
    IN_DEBT_OVERDUE,
    LOCK,
    NEXT_CHARGE_TYPE,
    STATUS,
    held,
)
from deploy.prometheus.rules.rule import Recording

_STATES = (
    (STATUS, "dcdn_service_status", ("status",), "service"),
    (LOCK, "dcdn_service_lock", ("reason",), "service"),
    (CHARGE_TYPE, "dcdn_service_charge_type", ("charge_type",), "service"),
    (NEXT_CHARGE_TYPE, "dcdn_service_next_charge_type", ("charge_type",), "service"),
    (IN_DEBT, "dcdn_service_in_debt", (), "debt_status"),
    (IN_DEBT_OVERDUE, "dcdn_service_in_debt_overdue", (), "debt_status"),
)

RECORDINGS = tuple(
    Recording(
        record,
        held(metric, by=("account", "product", *labels), probe=probe, record=record),
        why=f"what was 1 of {metric} in the last answer, one series over all replicas, also while the API is away",
    )
    for record, metric, labels, probe in _STATES
)
