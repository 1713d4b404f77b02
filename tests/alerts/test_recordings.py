"""What the recordings take for granted of the exporter's page."""

from __future__ import annotations

import re

import pytest

from deploy.prometheus.rules.recordings import RECORDINGS
from exporter.core.model import NOT_ACTIVATED, Answer, Observation, ServiceState
from exporter.core.store import ProbeRecord
from exporter.metrics.families import STATE_FAMILIES
from exporter.metrics.visible_state import ShownService, shown
from exporter.probes.table import PROBE_KINDS, SERVICE, ProbeKind

_SPEAKS_FOR_ALL = re.compile(r'unless on \(account, product\)\n\s+(\w+)\{(\w+)="(\w+)"\}')
SPEAKERS = [match.groups() for rule in RECORDINGS for match in _SPEAKS_FOR_ALL.finditer(rule.expression)]


def test_the_recordings_were_read() -> None:
    """An expression that is written otherwise would make the test below say nothing."""
    assert [metric for metric, _, _ in SPEAKERS] == [
        "dcdn_service_status",
        "dcdn_service_lock",
        "dcdn_service_charge_type",
        "dcdn_service_next_charge_type",
    ]


@pytest.mark.parametrize(
    "kind", [kind for kind in PROBE_KINDS if kind.probe == SERVICE], ids=lambda kind: kind.product
)
@pytest.mark.parametrize(
    "state",
    [
        NOT_ACTIVATED,
        ServiceState(charge_type="PayByMoon"),
        ServiceState(charge_type="PayByTraffic", lock_reasons=("security",)),
    ],
    ids=["not activated", "unknown method", "locked"],
)
def test_the_series_that_speaks_for_its_metric_is_always_there(kind: ProbeKind, state: ServiceState) -> None:
    """Its absence means that the state is not shown at all, and never that another value holds."""
    record = ProbeRecord().after(Observation(1.0, 0.1, Answer(state)))
    seen = shown(record, 1.0, stale_after_s=600, documented_charge_types=kind.charge_types)
    assert isinstance(seen, ShownService)
    series = {
        (family.name, family.label, value)
        for family in STATE_FAMILIES
        if family.of is ShownService
        for value, _ in family.samples(seen)
    }
    assert set(SPEAKERS) <= series
