"""The schedule with a real pool: in which threads polls run, and what becomes of them."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from exporter.accounts.inventory import Probe
from exporter.api.call import Caller, Permit
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.errors import CallAborted
from exporter.api.rate_limit import Reservation
from exporter.core.model import Answer, Failure, FailureReason, Outcome, ProbeKey
from exporter.core.pool import MOST, Pool, Work
from exporter.polling.policy import Intervals
from exporter.polling.poller import Polled, Postponed
from exporter.polling.schedule import HAND_OUT_EVERY_S, Schedule
from exporter.probes.service_state import ServiceState
from exporter.probes.table import PROBES
from tests.no_new_threads import no_new_threads
from tests.recording_log import RecordingLog
from tests.records import record_of
from tests.waiting import PATIENCE_S, soon

CREDENTIALS = Credentials(access_key_id="LTAItest", access_key_secret=Secret("secret"))
PERMIT = Permit(CREDENTIALS, Reservation("LTAItest", "DescribeDcdnIpaService", 0.0), reserved_at=0.0)
ACTIVE = Answer(state=ServiceState(charge_type="PayByTraffic"))
FAST = Intervals(interval_s=0.05, locked_interval_s=0.05, failing_interval_s=600)
SLOW = Intervals(interval_s=600, locked_interval_s=600, failing_interval_s=600)
KIND = PROBES[0]

Behaviour = Callable[[Permit | None], Postponed | Polled]


class NotInHand(StaticCredentials):
    """Credentials that have yet to be fetched."""

    def in_hand(self) -> bool:
        return False


def probe(account: str, *, provider: type[StaticCredentials] = StaticCredentials) -> Probe:
    return Probe(key=KIND.key(account), kind=KIND, caller=lambda: Caller(provider(CREDENTIALS)))


def polled(outcome: Outcome, *, failures_in_row: int = 0) -> Polled:
    record = record_of(*[outcome] * max(1, failures_in_row), remember=KIND.remember)
    return Polled(record=record, outcome=outcome)


def answer(_permit: Permit | None) -> Polled:
    return polled(ACTIVE)


def time_out(_permit: Permit | None) -> Polled:
    return polled(Failure(FailureReason.TIMEOUT, "no answer"))


class Polls:
    """Stands in for the poller: runs the behaviour of the account, and counts its runs."""

    def __init__(self, **behaviours: Behaviour) -> None:
        self.behaviours = behaviours
        self._changed = threading.Condition()
        self.runs: Counter[str] = Counter()

    def __call__(self, probe: Probe, permit: Permit | None = None) -> Postponed | Polled:
        account = probe.key.account
        with self._changed:
            self.runs[account] += 1
            self._changed.notify_all()
        return self.behaviours[account](permit)

    def wait_for(self, account: str, runs: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.runs[account] >= runs, timeout=PATIENCE_S)


class Running:
    """A schedule whose runs are handed out all the time, by a thread of the test."""

    def __init__(self, polls: Polls, *, log: RecordingLog, skipped: Callable[[ProbeKey, int], object]) -> None:
        self.pool = Pool(log=log)
        self.schedule = Schedule(poll=polls, skipped=skipped, pool=self.pool, log=log)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._hand_out)

    def configure(self, *probes: Probe, intervals: Intervals = FAST, max_workers: int = 8) -> None:
        self.pool.allow(max_workers, bound=sum(MOST.values()))
        self.schedule.configure(probes, intervals_of=lambda _kind: intervals)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self.schedule.stop()
        self._thread.join()
        self.pool.close()

    def _hand_out(self) -> None:
        while not self._stopped.wait(0.01):
            self.schedule.hand_out()


@contextmanager
def running(
    polls: Polls,
    *probes: Probe,
    intervals: Intervals = FAST,
    log: RecordingLog | None = None,
    skipped: Callable[[ProbeKey, int], object] = lambda _key, _runs: None,
    max_workers: int = 8,
) -> Iterator[Running]:
    """Runs a probe for each account that has a behaviour, unless the probes are given."""
    schedule = Running(polls, log=log or RecordingLog(), skipped=skipped)
    schedule.configure(*(probes or map(probe, polls.behaviours)), intervals=intervals, max_workers=max_workers)
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.stop()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def until(release: threading.Event, then: Behaviour = answer) -> Behaviour:
    """Hold the thread until then."""

    def hold(permit: Permit | None) -> Postponed | Polled:
        assert release.wait(PATIENCE_S)
        return then(permit)

    return hold


def test_every_probe_runs_again_and_again() -> None:
    """At once, and then at every interval."""
    polls = Polls(a=answer, b=answer)
    with running(polls):
        assert polls.wait_for("a", 4)
        assert polls.wait_for("b", 4)


def test_a_run_that_is_due_too_early_is_skipped_and_counted(release: threading.Event) -> None:
    """A probe never runs twice at a time: what falls due meanwhile is counted when it ends."""
    skipped: Counter[ProbeKey] = Counter()
    polls = Polls(a=until(release), b=answer)
    with running(polls, skipped=lambda key, runs: skipped.update({key: runs})):
        assert polls.wait_for("b", 5)
        assert (polls.runs["a"], skipped[KIND.key("a")]) == (1, 0)
        release.set()
        assert soon(lambda: skipped[KIND.key("a")] >= 3)
        assert polls.wait_for("a", 3)


def test_a_postponed_probe_comes_back_with_its_permit() -> None:
    """It holds no thread meanwhile."""
    permits: list[Permit | None] = []

    def wait_once(permit: Permit | None) -> Postponed | Polled:
        permits.append(permit)
        return polled(ACTIVE) if permits[:-1] else Postponed(permit=PERMIT, wait_s=0.05)

    polls = Polls(a=wait_once, b=answer)
    with running(polls, intervals=SLOW, max_workers=1):
        assert polls.wait_for("a", 2)
        assert polls.runs["b"] == 1
    assert permits == [None, PERMIT]


def test_what_falls_due_soon_is_handed_out_by_the_same_call() -> None:
    """One call of ``hand_out`` does for the runs that fall due before the next one."""
    polls = Polls(a=lambda permit: polled(ACTIVE) if permit else Postponed(permit=PERMIT, wait_s=0.04))
    schedule = Running(polls, log=RecordingLog(), skipped=lambda _key, _runs: None)
    schedule.configure(probe("a"), intervals=SLOW)
    try:
        schedule.schedule.hand_out()
        assert polls.wait_for("a", 1)
        assert soon(lambda: schedule.schedule._plan.next_moment() < float("inf"))
        schedule.schedule.hand_out()
        assert polls.wait_for("a", 2)
    finally:
        schedule.schedule.stop()
        schedule.pool.close()


class InThisThread(Pool):
    """Runs all work at once."""

    def submit(self, work: Work, *runs: Callable[[], object]) -> None:  # noqa: ARG002
        for run in runs:
            run()


def rounds_of_a_call(
    *, late_s: float = 0.0, meanwhile: Callable[[float, Schedule], object] = lambda _now, _schedule: None
) -> tuple[list[float], float]:
    """When one call handed out runs, of which some are always due, and when it ended; its rounds are so late."""
    now, rounds = [0.0], list[float]()

    def wait(_stopped: threading.Event, seconds: float) -> None:
        now[0] += seconds + late_s
        meanwhile(now[0], schedule)

    def poll(probe: Probe, permit: Permit | None = None) -> Polled:  # noqa: ARG001 — as Poll names them
        rounds.append(round(now[0], 3))
        return polled(ACTIVE)

    log = RecordingLog()
    schedule = Schedule(
        poll=poll, skipped=lambda *_: None, pool=InThisThread(log=log), log=log, clock=lambda: now[0], wait=wait
    )
    schedule.configure([probe(f"account{number}") for number in range(100)], intervals_of=lambda _kind: FAST)
    schedule.hand_out()
    return sorted(set(rounds)), now[0]


@pytest.mark.parametrize("late_s", [0.0, 0.001, 0.002, 0.005], ids=str)
def test_a_call_ends_before_the_next_one(late_s: float) -> None:
    """However late its rounds are, they come in steady steps, and the last one leaves time."""
    rounds, ended_at = rounds_of_a_call(late_s=late_s)

    assert rounds == pytest.approx([0.0, 0.025 + late_s, 0.05 + late_s, 0.075 + late_s])
    assert ended_at < HAND_OUT_EVERY_S


def test_a_call_that_begins_before_the_last_one_ends_hands_out_what_falls_due_after_that() -> None:
    """Where a call began late, the next one is not left out."""

    def call_once(now: float, schedule: Schedule) -> None:
        if round(now, 3) == 0.05:
            schedule.hand_out()

    rounds, _ = rounds_of_a_call(meanwhile=call_once)

    assert rounds == [0.0, 0.025, 0.05, 0.075, 0.1, 0.125]


def test_a_hanging_account_takes_no_thread_of_the_others(release: threading.Event) -> None:
    """After its first timeout a probe has threads that others do not need."""
    polls = Polls(healthy=answer)
    polls.behaviours["hanging"] = lambda permit: (
        time_out(permit) if polls.runs["hanging"] == 1 else until(release, time_out)(permit)
    )
    with running(polls, max_workers=1):
        assert polls.wait_for("hanging", 2)
        assert polls.wait_for("healthy", polls.runs["healthy"] + 3)
        assert polls.runs["hanging"] == 2
        release.set()


def test_accounts_that_wait_for_credentials_take_no_thread_of_the_others(release: threading.Event) -> None:
    """With one thread for polls, an account runs on while many wait for their credentials."""
    waiting = [f"role {number}" for number in range(20)]
    polls = Polls(**dict.fromkeys(waiting, until(release)), healthy=answer)
    probes = [*(probe(account, provider=NotInHand) for account in waiting), probe("healthy")]
    with running(polls, *probes, max_workers=1):
        assert polls.wait_for("healthy", 4)
        assert sum(polls.runs[account] for account in waiting) == MOST[Work.WAITING]
        release.set()


def test_the_end_of_an_outage_does_not_wait_for_those_that_still_hang(release: threading.Event) -> None:
    """A probe in the queue of those that hang has a thread at once, though none of theirs is free."""
    outage_over = threading.Event()
    hanging = [f"hanging {number}" for number in range(MOST[Work.HANGING])]

    def hang(account: str, permit: Permit | None) -> Postponed | Polled:
        return time_out(permit) if polls.runs[account] == 1 else until(release, time_out)(permit)

    def first(permit: Permit | None) -> Polled:
        return answer(permit) if outage_over.wait(0.1) else polled(Failure(FailureReason.NETWORK, "no answer"))

    polls = Polls(**{account: partial(hang, account) for account in hanging}, queued=time_out, first=first)
    with running(polls):
        assert all(polls.wait_for(account, 2) for account in (*hanging, "first"))
        runs = polls.runs["queued"]
        outage_over.set()
        assert polls.wait_for("queued", runs + 1)
        release.set()


def test_a_defect_is_logged_and_the_probe_runs_again() -> None:
    """Whatever a poll raises, the probe keeps its place in the schedule."""
    log = RecordingLog()

    def break_once(permit: Permit | None) -> Polled:
        if polls.runs["a"] == 1:
            raise KeyError("with a secret in it")
        return answer(permit)

    polls = Polls(a=break_once)
    with running(polls, log=log):
        assert polls.wait_for("a", 2)
    [(event, fields)] = log.above_debug()
    assert (event, fields["probe"], fields["error"]) == ("schedule hit a defect", "a/dcdn_ipa/service", "KeyError")
    assert "secret" not in fields["where"]


class Broken(StaticCredentials):
    """Credentials that cannot say whether they are in hand."""

    def in_hand(self) -> bool:
        raise KeyError("with a secret in it")


def test_a_defect_on_the_way_to_a_thread_silences_no_probe() -> None:
    """Neither those that were due with it, nor itself."""
    log = RecordingLog()
    polls = Polls(before=answer, broken=answer, behind=answer)
    probes = [probe("before"), probe("broken", provider=Broken), probe("behind")]
    with running(polls, *probes, log=log):
        assert all(polls.wait_for(account, 2) for account in polls.behaviours)

    seen = {(event, fields["probe"], fields["error"]) for event, fields in log.above_debug()}
    assert seen == {("schedule hit a defect", "broken/dcdn_ipa/service", "KeyError")}


def test_an_aborted_poll_is_made_again() -> None:
    """Where the daemon goes on, the account has other credentials by now, and is polled with those."""
    log = RecordingLog()

    def abort_once(permit: Permit | None) -> Polled:
        if polls.runs["a"] == 1:
            raise CallAborted
        return answer(permit)

    polls = Polls(a=abort_once)
    with running(polls, log=log):
        assert polls.wait_for("a", 2)
    assert log.lines == []


def test_nothing_runs_after_the_stop(release: threading.Event) -> None:
    """Once stopped, no run begins, and one that its poll aborts ends without a line in the log."""
    log = RecordingLog()

    def abort(_permit: Permit | None) -> Polled:
        assert release.wait(PATIENCE_S)
        raise CallAborted

    polls = Polls(a=abort, b=answer)
    with running(polls, log=log) as schedule:
        assert polls.wait_for("b", 2)
        schedule.stop()
        seen = polls.runs["b"]
        release.set()
        threading.Event().wait(0.15)  # three intervals
    assert polls.runs["b"] <= seen + 1  # one may have been on its way to a thread
    assert log.lines == []


def test_a_stop_does_not_wait_for_many_probes_that_are_due() -> None:
    """However many are handed out when it comes."""
    release = threading.Event()
    polls = Polls(**dict.fromkeys(map(str, range(3000)), until(release)))
    with running(polls, intervals=SLOW) as schedule:
        assert soon(lambda: polls.runs.total() >= 8)
        schedule.stop()
        release.set()
        schedule.pool.wait(within_s=PATIENCE_S)

    assert polls.runs.total() < 100


def test_a_moment_without_threads_ends_no_probe() -> None:
    """Runs wait for a thread, and the log says so once; with a thread, all is as before."""
    log = RecordingLog()
    polls = Polls(a=answer)
    schedule = Running(polls, log=log, skipped=lambda _key, _runs: None)
    schedule.start()
    try:
        with no_new_threads():
            schedule.configure(probe("a"))
            assert soon(log.above_debug)
            assert polls.runs["a"] == 0
        assert polls.wait_for("a", 3)
    finally:
        schedule.stop()
    assert [event for event, _ in log.above_debug()] == ["no thread to be had"]
