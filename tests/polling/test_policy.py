import math
from collections import Counter
from dataclasses import replace

import pytest

from exporter.core.model import Answer, Failure, FailureReason, Outcome
from exporter.core.store import ProbeRecord
from exporter.polling.policy import Intervals, attention_of, endpoint_answered, hangs, place_s, stands_still
from exporter.probes.kind import NO_ATTENTION, Attention
from exporter.probes.service_state import ServiceState
from exporter.probes.table import PROBES
from tests.records import record_of

INTERVALS = Intervals(interval_s=60, locked_interval_s=15, failing_interval_s=300)
ACTIVE = ServiceState(charge_type="PayByTraffic")
LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial",))


def failed(record: ProbeRecord, reason: FailureReason, *, times: int = 1) -> ProbeRecord:
    return record_of(*[Failure(reason, "no answer")] * times, since=record)


def test_a_healthy_probe_runs_every_interval() -> None:
    """Nothing known and nothing wrong both mean the plain interval."""
    assert INTERVALS.pause_s(ProbeRecord(), NO_ATTENTION, now=1000.0) == 60
    assert INTERVALS.pause_s(record_of(ACTIVE), NO_ATTENTION, now=1001.0) == 60


@pytest.mark.parametrize(
    ("faster_until", "pause_s"),
    [
        pytest.param(-math.inf, 60, id="never"),
        pytest.param(999.9, 60, id="until just now"),
        pytest.param(1000.0, 60, id="until this moment"),
        pytest.param(1000.1, 15, id="still"),
    ],
)
def test_a_kind_may_ask_for_more_polls_until_a_moment(faster_until: float, pause_s: float) -> None:
    """The locked interval holds until then, and the plain one from then on."""
    assert INTERVALS.pause_s(ProbeRecord(), Attention(faster_until=faster_until), now=1000.0) == pause_s


def test_attention_is_asked_of_the_kind() -> None:
    """It hears what is known and remembered, and the time; without any answer there is nothing to ask about."""
    seen: list[object] = []

    def attention(state: object, memory: object, now: float) -> Attention:
        seen.append((state, memory, now))
        return Attention(faster_until=now + 1, extra_run_at=now + 2)

    kind = replace(PROBES[0], attention=attention)
    record = failed(ProbeRecord(state=LOCKED, memory="a memory"), FailureReason.TIMEOUT)

    assert attention_of(kind, record, 1000.0) == Attention(faster_until=1001.0, extra_run_at=1002.0)
    assert attention_of(kind, failed(ProbeRecord(), FailureReason.TIMEOUT), 1000.0) == NO_ATTENTION
    assert seen == [(LOCKED, "a memory", 1000.0)]


@pytest.mark.parametrize(
    ("failures", "pause_s"),
    [(1, 60), (2, 60), (3, 120), (4, 240), (5, 300), (6, 300), (5000, 300)],
)
def test_pauses_double_from_the_third_failure_on(failures: int, pause_s: float) -> None:
    """Pauses grow to the failing interval and no further, however long it lasts."""
    record = failed(ProbeRecord(), FailureReason.NETWORK, times=failures)

    assert INTERVALS.pause_s(record, NO_ATTENTION, now=2000.0) == pause_s


def test_one_answer_ends_the_pauses() -> None:
    """After an answer the probe is at its plain interval again."""
    record = record_of(ACTIVE, since=failed(ProbeRecord(), FailureReason.SERVER, times=9), at=2000.0)

    assert INTERVALS.pause_s(record, NO_ATTENTION, now=2000.0) == 60


def test_failures_under_a_lock_slow_down_from_the_locked_interval() -> None:
    """A lock that cannot be confirmed is still asked for more often than anything else that fails."""
    record = failed(record_of(LOCKED), FailureReason.TIMEOUT, times=3)

    assert INTERVALS.pause_s(record, Attention(faster_until=math.inf), now=1100.0) == 30


@pytest.mark.parametrize(
    "intervals",
    [
        pytest.param((0, 15, 300), id="no interval"),
        pytest.param((60, 0, 300), id="no locked interval"),
        pytest.param((60, 61, 300), id="locked interval above the interval"),
        pytest.param((60, 15, 59), id="failing interval below the interval"),
    ],
)
def test_intervals_out_of_order_are_refused(intervals: tuple[float, float, float]) -> None:
    """Intervals that contradict each other cannot exist."""
    interval_s, locked_interval_s, failing_interval_s = intervals
    with pytest.raises(ValueError, match="locked interval <= interval <= failing interval"):
        Intervals(interval_s=interval_s, locked_interval_s=locked_interval_s, failing_interval_s=failing_interval_s)


@pytest.mark.parametrize(
    ("interval_s", "intervals"),
    [
        pytest.param(
            5, Intervals(interval_s=5, locked_interval_s=5, failing_interval_s=300), id="shorter than locked"
        ),
        pytest.param(120, Intervals(interval_s=120, locked_interval_s=15, failing_interval_s=300), id="longer"),
        pytest.param(600, Intervals(interval_s=600, locked_interval_s=15, failing_interval_s=600), id="past failing"),
    ],
)
def test_another_interval_moves_the_two_others_only_out_of_its_way(interval_s: float, intervals: Intervals) -> None:
    """Any interval can be polled at, whatever the two others are."""
    assert INTERVALS.at_interval(interval_s) == intervals


def test_only_a_silence_longer_than_a_round_and_a_half_is_an_outage() -> None:
    """A quiet moment between two polls is not taken for an outage."""
    assert not INTERVALS.was_outage(90.0)
    assert INTERVALS.was_outage(90.1)


@pytest.mark.parametrize(
    ("outcome", "answered"),
    [
        pytest.param(Answer(state=ACTIVE), True, id="an answer"),
        pytest.param(Failure(FailureReason.TIMEOUT, ""), False, id="a timeout"),
        pytest.param(Failure(FailureReason.NETWORK, ""), False, id="a broken connection"),
        pytest.param(Failure(FailureReason.SERVER, "", http_status=502), False, id="a server error"),
        pytest.param(Failure(FailureReason.AUTH, "", http_status=403), True, id="a wrong key"),
        pytest.param(Failure(FailureReason.THROTTLED, "", http_status=400), True, id="throttling"),
        pytest.param(Failure(FailureReason.MALFORMED, "", http_status=200), True, id="nonsense"),
        pytest.param(Failure(FailureReason.AUTH, ""), None, id="no credentials"),
        pytest.param(Failure(FailureReason.TIMEOUT, "", of_credentials=True), None, id="no answer of STS"),
        pytest.param(
            Failure(FailureReason.PERMISSION, "", http_status=403, of_credentials=True), None, id="a refusal of STS"
        ),
        pytest.param(Failure(FailureReason.INTERNAL, ""), None, id="a defect"),
    ],
)
def test_an_endpoint_that_refuses_has_answered(outcome: Outcome, *, answered: bool | None) -> None:
    """Only what came over a connection, or did not, says something of the endpoint."""
    assert endpoint_answered(outcome) is answered


def test_a_probe_hangs_from_a_timeout_to_its_next_outcome() -> None:
    """Whatever ends the waiting, a failure of another kind included, brings the probe back among the others."""
    hanging = failed(ProbeRecord(), FailureReason.TIMEOUT)

    assert hangs(hanging)
    assert not hangs(failed(hanging, FailureReason.NETWORK))
    assert not hangs(record_of(ACTIVE, since=hanging, at=1100.0))
    assert not hangs(ProbeRecord())


@pytest.mark.parametrize(
    ("reason", "waited_s", "hanging"),
    [
        pytest.param(FailureReason.TIMEOUT, 10.0, True, id="waited for"),
        pytest.param(FailureReason.AUTH, 10.0, True, id="waited for, whatever came of it"),
        pytest.param(FailureReason.TIMEOUT, 0.001, False, id="known not to be had"),
    ],
)
def test_credentials_hold_a_thread_as_long_as_they_are_waited_for(
    reason: FailureReason, waited_s: float, *, hanging: bool
) -> None:
    """A timeout of STS that is known already has held no thread, and keeps the probe among the others."""
    failure = Failure(reason, "no credentials", of_credentials=True)
    record = record_of(failure, duration_s=waited_s)

    assert hangs(record) is hanging


def test_places_fill_the_interval_evenly() -> None:
    """The second runs of all probes are spread over one interval, and none waits longer than that."""
    assert [place_s(index, 4, 60) for index in range(4)] == [15, 30, 45, 60]
    assert place_s(0, 1, 60) == 60


def test_places_of_many_are_shared() -> None:
    """Of 30,000 probes five run at each hundredth of a second, none at once, and none too late."""
    places = Counter(place_s(index, 30_000, 60) for index in range(30_000))

    assert set(places.values()) == {5}
    assert sorted(places) == pytest.approx([tick / 100 for tick in range(1, 6001)])


def test_places_in_a_short_interval_lie_within_it() -> None:
    """An interval that is no multiple of a hundredth of a second has its last place at its end."""
    assert [place_s(index, 3, 0.025) for index in range(3)] == pytest.approx([0.01, 0.02, 0.025])
    assert place_s(0, 1, 0.005) == 0.005


@pytest.mark.parametrize(
    ("interval_s", "timeout_s", "limit_s"),
    [(60, 10, 130), (30, 10, 120), (1, 1, 120), (300, 30, 630)],
    ids=["two intervals and a timeout", "two minutes at least", "short", "long"],
)
def test_polls_stand_still_after_two_intervals(interval_s: float, timeout_s: float, limit_s: float) -> None:
    """A deadline that has passed is no sign yet: the machine may be busy."""
    seen = [stands_still(late_s, interval_s=interval_s, timeout_s=timeout_s) for late_s in (0, limit_s - 1, limit_s)]

    assert seen == [False, False, True]
