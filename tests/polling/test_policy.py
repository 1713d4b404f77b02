from collections import Counter
from datetime import UTC, datetime

import pytest

from exporter.core.model import (
    Answer,
    Balance,
    ChargeTypeChange,
    DebtState,
    Failure,
    FailureReason,
    Observation,
    ServiceState,
    State,
)
from exporter.core.store import ProbeRecord
from exporter.polling.policy import Cadence, change_moment, endpoint_answered, hangs, place_s

CADENCE = Cadence(interval_s=60, locked_interval_s=15, failing_interval_s=300)
ACTIVE = ServiceState(charge_type="PayByTraffic")
LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial",))


def answered(record: ProbeRecord, state: State, at: float) -> ProbeRecord:
    return record.after(Observation(finished_at=at, duration_s=0.1, outcome=Answer(state=state)))


def failed(record: ProbeRecord, reason: FailureReason, *, times: int = 1) -> ProbeRecord:
    for _ in range(times):
        record = record.after(Observation(finished_at=1000.0, duration_s=0.1, outcome=Failure(reason, "no answer")))
    return record


def test_a_healthy_probe_runs_every_interval() -> None:
    """Nothing known and nothing wrong both mean the plain interval."""
    assert CADENCE.pause_s(ProbeRecord(), now=1000.0) == 60
    assert CADENCE.pause_s(answered(ProbeRecord(), ACTIVE, 1000.0), now=1001.0) == 60


@pytest.mark.parametrize(
    ("seconds_locked", "pause_s"),
    [
        pytest.param(0, 15, id="just seen"),
        pytest.param(3599, 15, id="for almost an hour"),
        pytest.param(3600, 60, id="for an hour"),
    ],
)
def test_the_first_hour_of_a_lock_is_watched_closely(seconds_locked: float, pause_s: float) -> None:
    """The locked interval holds for an hour from the first sight of the lock, not from the last."""
    record = answered(ProbeRecord(), LOCKED, 1000.0)
    record = answered(record, LOCKED, 1000.0 + seconds_locked)

    assert CADENCE.pause_s(record, now=1000.0 + seconds_locked) == pause_s


@pytest.mark.parametrize("state", [DebtState(in_debt_overdue=True), Balance(-1.0, "CNY")], ids=["debts", "a balance"])
def test_only_a_service_is_watched_closely(state: State) -> None:
    """Money moves in hours; there is neither a lock nor a change to wait for."""
    record = answered(ProbeRecord(), state, 1000.0)

    assert CADENCE.pause_s(record, now=1000.0) == 60
    assert change_moment(record, now=1000.0) is None


def test_a_lock_that_returns_is_watched_closely_again() -> None:
    """A release ends the hour; the next lock has one of its own."""
    record = answered(ProbeRecord(), LOCKED, 1000.0)
    record = answered(record, ACTIVE, 9000.0)
    record = answered(record, LOCKED, 10_000.0)

    assert CADENCE.pause_s(record, now=10_001.0) == 15


@pytest.mark.parametrize(
    ("failures", "pause_s"),
    [(1, 60), (2, 60), (3, 120), (4, 240), (5, 300), (6, 300), (5000, 300)],
)
def test_pauses_double_from_the_third_failure_on(failures: int, pause_s: float) -> None:
    """Pauses grow to the failing interval and no further, however long it lasts."""
    record = failed(ProbeRecord(), FailureReason.NETWORK, times=failures)

    assert CADENCE.pause_s(record, now=2000.0) == pause_s


def test_one_answer_ends_the_pauses() -> None:
    """After an answer the probe is at its plain interval again."""
    record = answered(failed(ProbeRecord(), FailureReason.SERVER, times=9), ACTIVE, 2000.0)

    assert CADENCE.pause_s(record, now=2000.0) == 60


def test_failures_under_a_lock_slow_down_from_the_locked_interval() -> None:
    """A lock that cannot be confirmed is still asked for more often than anything else that fails."""
    record = failed(answered(ProbeRecord(), LOCKED, 1000.0), FailureReason.TIMEOUT, times=3)

    assert CADENCE.pause_s(record, now=1100.0) == 30


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
    """A cadence whose intervals contradict each other cannot exist."""
    interval_s, locked_interval_s, failing_interval_s = intervals
    with pytest.raises(ValueError, match="locked interval <= interval <= failing interval"):
        Cadence(interval_s=interval_s, locked_interval_s=locked_interval_s, failing_interval_s=failing_interval_s)


@pytest.mark.parametrize(
    ("interval_s", "cadence"),
    [
        pytest.param(5, Cadence(interval_s=5, locked_interval_s=5, failing_interval_s=300), id="shorter than locked"),
        pytest.param(120, Cadence(interval_s=120, locked_interval_s=15, failing_interval_s=300), id="longer"),
        pytest.param(600, Cadence(interval_s=600, locked_interval_s=15, failing_interval_s=600), id="past failing"),
    ],
)
def test_another_interval_moves_the_two_others_only_out_of_its_way(interval_s: float, cadence: Cadence) -> None:
    """Any interval has a cadence, whatever was configured for another."""
    assert CADENCE.at_interval(interval_s) == cadence


def test_only_a_silence_longer_than_a_round_and_a_half_is_an_outage() -> None:
    """A quiet moment between two polls is not taken for an outage."""
    assert not CADENCE.was_outage(90.0)
    assert CADENCE.was_outage(90.1)


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
def test_an_endpoint_that_refuses_has_answered(outcome: Answer | Failure, *, answered: bool | None) -> None:
    """Only what came over a connection, or did not, says something of the endpoint."""
    assert endpoint_answered(outcome) is answered


def test_a_probe_hangs_from_a_timeout_to_its_next_outcome() -> None:
    """Whatever ends the waiting, a failure of another kind included, brings the probe back among the others."""
    hanging = failed(ProbeRecord(), FailureReason.TIMEOUT)

    assert hangs(hanging)
    assert not hangs(failed(hanging, FailureReason.NETWORK))
    assert not hangs(answered(hanging, ACTIVE, 1100.0))
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
    record = ProbeRecord().after(Observation(finished_at=1000.0, duration_s=waited_s, outcome=failure))

    assert hangs(record) is hanging


DUE = datetime(2026, 12, 1, 16, tzinfo=UTC)


def changing(charge_type: str = "PayByTraffic") -> ProbeRecord:
    change = ChargeTypeChange(charge_type="PayByBandwidth", takes_effect=DUE)
    return answered(ProbeRecord(), ServiceState(charge_type=charge_type, change=change), 1000.0)


@pytest.mark.parametrize(
    ("seconds_after", "run_after"),
    [
        pytest.param(-86_400, 1, id="a day before"),
        pytest.param(0, 1, id="at its moment"),
        pytest.param(1, 3, id="after the first run"),
        pytest.param(2.5, 3, id="on the way to the second"),
        pytest.param(3, 7, id="after the second"),
        pytest.param(15, 31, id="after the fourth"),
        pytest.param(31, None, id="after the last"),
        pytest.param(86_400 * 365, None, id="a year later"),
    ],
)
def test_a_dated_change_has_runs_just_after_its_moment(seconds_after: float, run_after: float | None) -> None:
    """While the API tells of the change and of the old method, it is asked again, ever later, for half a minute."""
    moment = change_moment(changing(), now=DUE.timestamp() + seconds_after)

    assert moment == (None if run_after is None else DUE.timestamp() + run_after)


def test_a_change_that_has_come_needs_no_further_run() -> None:
    """An answer with the new method ends the extra runs, be the change still told of or not."""
    now = DUE.timestamp() + 1
    assert change_moment(changing("PayByBandwidth"), now=now) is None
    assert change_moment(answered(changing(), ServiceState(charge_type="PayByBandwidth"), now), now=now) is None


def test_a_failed_run_of_a_change_is_made_up_for() -> None:
    """When the run just after the change fails, the next one follows in seconds."""
    assert change_moment(failed(changing(), FailureReason.TIMEOUT), now=DUE.timestamp() + 2) == DUE.timestamp() + 3


def test_a_change_far_ahead_is_planned_when_it_is_near() -> None:
    """A change in a week or more has no run yet, be it in the last year that a calendar knows."""
    moment = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    change = ChargeTypeChange(charge_type="PayByBandwidth", takes_effect=moment)
    record = answered(ProbeRecord(), ServiceState(charge_type="PayByTraffic", change=change), 1000.0)

    assert change_moment(record, now=1000.0) is None
    assert change_moment(record, now=moment.timestamp() - 6 * 86_400) == moment.timestamp() + 1


def test_a_change_without_a_date_has_no_run_of_its_own() -> None:
    """A pending change that names no moment is seen by the plain interval."""
    change = ChargeTypeChange(charge_type="PayByBandwidth", takes_effect=None)
    record = answered(ProbeRecord(), ServiceState(charge_type="PayByTraffic", change=change), 1000.0)

    assert change_moment(record, now=1001.0) is None
    assert change_moment(ProbeRecord(), now=1001.0) is None


def test_places_fill_the_interval_evenly() -> None:
    """The second runs of all probes are spread over one interval, and none waits longer than that."""
    assert [place_s(index, 4, 60) for index in range(4)] == [15, 30, 45, 60]
    assert place_s(0, 1, 60) == 60


def test_places_of_many_are_shared() -> None:
    """Of 30,000 probes fifty run at each tenth of a second; the first does not run at once, nor the last too late."""
    places = Counter(place_s(index, 30_000, 60) for index in range(30_000))

    assert set(places.values()) == {50}
    assert sorted(places) == pytest.approx([tick / 10 for tick in range(1, 601)])


def test_places_in_a_short_interval_lie_within_it() -> None:
    """An interval that is no multiple of a tenth of a second has its last place at its end."""
    assert [place_s(index, 3, 0.25) for index in range(3)] == pytest.approx([0.1, 0.2, 0.25])
    assert place_s(0, 1, 0.05) == 0.05
