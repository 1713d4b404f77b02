"""What the recordings take for granted of the exporter's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from deploy.prometheus.rules.recordings import LOCK_RECORDINGS, STATE_RECORDINGS
from exporter.core.model import Answer
from exporter.probes.service import SERVICE
from exporter.probes.service_state import NOT_ACTIVATED, ServiceState
from exporter.probes.table import PROBES

if TYPE_CHECKING:
    from exporter.probes.kind import AnyKind

_SPEAKS_FOR_ALL = re.compile(r'unless on \(account, product\)\n\s*\(\n\s*(\w+)\{(\w+)="(\w+)"\}')
SPEAKERS = [
    match.groups()
    for rule in (*LOCK_RECORDINGS, *STATE_RECORDINGS)
    for match in _SPEAKS_FOR_ALL.finditer(rule.expression)
]


def test_the_recordings_were_read() -> None:
    """An expression that is written otherwise would make the test below say nothing."""
    assert [metric for metric, _, _ in SPEAKERS] == [
        "dcdn_service_lock",
        # of all other states of a service
        "dcdn_service_status",
    ]


@pytest.mark.parametrize("kind", [kind for kind in PROBES if kind.probe == SERVICE], ids=lambda kind: kind.product)
@pytest.mark.parametrize(
    "state",
    [
        NOT_ACTIVATED,
        ServiceState(charge_type="PayByMoon"),
        ServiceState(charge_type="PayByTraffic", lock_reasons=("security",)),
    ],
    ids=["not activated", "unknown method", "locked"],
)
def test_the_series_that_speaks_for_its_metric_is_always_there(kind: AnyKind, state: ServiceState) -> None:
    """Its absence means that the state is not shown at all, and never that another value holds."""
    seen = kind.visible(state, kind.remember(None, Answer(state), 1.0), 1.0).value
    series = {
        (family.name, name, value)
        for family in kind.families
        for labels, _ in family.samples(seen)
        for name, value in zip(family.labels, labels, strict=True)
    }
    assert set(SPEAKERS) <= series
