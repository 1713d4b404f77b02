"""The families of a probe's history, which every kind of probe has."""

import itertools
from functools import partial

import pytest

from exporter.core.model import Answer, Failure, FailureReason, Outcome
from exporter.core.store import ProbeRecord
from exporter.metrics.families import HEALTH_FAMILIES
from exporter.probes.kind import Sample, Scope
from exporter.probes.service_state import NOT_ACTIVATED, ServiceState
from tests.records import record_of

BY_NAME = {family.name: family for family in HEALTH_FAMILIES}
NOW = 1_522_511_940.0

# The public interface, written down a second time on purpose: name, type, labels of its own.
TABLE = [
    ("dcdn_poll_success", "gauge", ()),
    ("dcdn_last_poll_timestamp_seconds", "gauge", ()),
    ("dcdn_last_success_timestamp_seconds", "gauge", ()),
    ("dcdn_last_poll_duration_seconds", "gauge", ()),
    ("dcdn_polls_total", "counter", ()),
    ("dcdn_poll_failures_total", "counter", ("reason",)),
    ("dcdn_polls_skipped_total", "counter", ()),
]


after = partial(record_of, at=NOW, duration_s=0.25)


def history(name: str, record: ProbeRecord) -> list[Sample]:
    return list(BY_NAME[name].samples(record))


def test_every_family_is_there() -> None:
    """Names, types and labels are fixed: dashboards and rules of others are written with them. These are by probe."""
    assert [(family.name, family.metric_type.value, family.labels) for family in HEALTH_FAMILIES] == TABLE
    assert {(family.scope, family.countdown) for family in HEALTH_FAMILIES} == {(Scope.PROBE, False)}


def test_help_is_one_line_without_escapes() -> None:
    """Heads are written as they are."""
    for family in HEALTH_FAMILIES:
        assert family.help.isprintable()
        assert "\\" not in family.help


@pytest.mark.parametrize(
    ("outcomes", "success"),
    [
        pytest.param([], 0.0, id="none has finished"),
        pytest.param([Answer(NOT_ACTIVATED)], 1.0, id="not activated is an answer"),
        pytest.param([Failure(FailureReason.AUTH, "no")], 0.0, id="failed"),
        pytest.param([Answer(NOT_ACTIVATED), Failure(FailureReason.AUTH, "no")], 0.0, id="failed after an answer"),
        pytest.param([Failure(FailureReason.AUTH, "no"), Answer(NOT_ACTIVATED)], 1.0, id="recovered"),
    ],
)
def test_success_is_that_of_the_last_poll(outcomes: list[Outcome], success: float) -> None:
    """Whatever came before it."""
    assert history("dcdn_poll_success", after(*outcomes)) == [((), success)]


def test_every_reason_of_failure_is_a_series_from_0() -> None:
    """In a fixed order, so that rates work from the first failure on."""
    record = after(Failure(FailureReason.TIMEOUT, "no reply"))
    names = ["auth", "permission", "throttled", "timeout", "network", "server", "rejected", "malformed", "internal"]

    assert history("dcdn_poll_failures_total", ProbeRecord()) == [((name,), 0.0) for name in names]
    assert history("dcdn_poll_failures_total", record) == [((name,), float(name == "timeout")) for name in names]


def test_health_is_shown_without_any_answer() -> None:
    """Zeros, and what the polls that failed have left."""
    record = after(Failure(FailureReason.TIMEOUT, "no reply")).after_skips(1)
    singles = [family.name for family in HEALTH_FAMILIES if not family.labels]

    assert {name: history(name, ProbeRecord()) for name in singles} == {name: [((), 0.0)] for name in singles}
    assert {name: history(name, record)[0][1] for name in singles} == {
        "dcdn_poll_success": 0.0,
        "dcdn_last_poll_timestamp_seconds": NOW,
        "dcdn_last_success_timestamp_seconds": 0.0,
        "dcdn_last_poll_duration_seconds": 0.25,
        "dcdn_polls_total": 1.0,
        "dcdn_polls_skipped_total": 1.0,
    }


def test_samples_are_the_same_as_long_as_their_part_is() -> None:
    """Lines are kept for the same part: one that stays while the samples change would leave the page behind."""
    answer, failure = Answer(ServiceState(charge_type="PayByTraffic")), Failure(FailureReason.TIMEOUT, "no reply")
    records = [ProbeRecord(), after(answer)]
    records += [after(answer, failure), records[-1].after_skips(1), records[-1].of_another_account()]
    parted = [(family, family.part) for family in HEALTH_FAMILIES if family.part is not None]

    for family, part in parted:
        pairs = [(one, other) for one, other in itertools.combinations(records, 2) if part(one) is part(other)]
        assert [list(family.samples(one)) for one, _ in pairs] == [list(family.samples(other)) for _, other in pairs]
    assert [family.name for family, _ in parted] == ["dcdn_poll_failures_total"]
