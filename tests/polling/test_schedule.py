"""The schedule with real threads and real time in milliseconds, over a poll that does what each test says."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from exporter.api.call import Caller, Permit
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.errors import CallAborted
from exporter.api.rate_limit import Reservation
from exporter.core.model import Answer, Failure, FailureReason, Outcome, ProbeKey
from exporter.polling import HANGING_WORKERS, Schedule
from exporter.polling.entries import Phase
from exporter.polling.policy import Intervals
from exporter.polling.poller import Polled, Postponed, Probe
from exporter.probes.kind import AnyKind
from exporter.probes.service_state import ChargeTypeChange, ServiceState
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
RARE = replace(KIND, probe="rare")

Behaviour = Callable[[Permit | None], Postponed | Polled]


class ToBeAskedFor(StaticCredentials):
    """Credentials that are not in hand."""

    def in_hand(self) -> bool:
        return False


def probe(account: str, kind: AnyKind = KIND, *, provider: type[StaticCredentials] = StaticCredentials) -> Probe:
    return Probe(key=kind.key(account), kind=kind, caller=lambda: Caller(provider(CREDENTIALS)))


def polled(outcome: Outcome, *, failures_in_row: int = 0) -> Polled:
    record = record_of(*[outcome] * max(1, failures_in_row), remember=KIND.remember)
    return Polled(record=record, outcome=outcome)


def failure(reason: FailureReason = FailureReason.NETWORK) -> Failure:
    return Failure(reason, "it does as it is told")


def change_in(seconds: float) -> Answer[ServiceState]:
    """An answer that tells of a billing change at that moment, seen from now."""
    due = datetime.fromtimestamp(time.time() + seconds, UTC)
    change = ChargeTypeChange(charge_type="PayByBandwidth", takes_effect=due)
    return Answer(state=ServiceState(charge_type="PayByTraffic", change=change))


class Polls:
    """Stands in for the poller: runs the behaviour of the account, and counts its runs and how many overlap."""

    def __init__(self, behaviours: dict[str, Behaviour]) -> None:
        self._behaviours = behaviours
        self._changed = threading.Condition()
        self.runs: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()

    def __call__(self, probe: Probe, permit: Permit | None = None) -> Postponed | Polled:
        account = probe.key.account
        with self._changed:
            self.runs[account] += 1
            self._under_way[account] += 1
            self.most_at_once[account] = max(self.most_at_once[account], self._under_way[account])
            self._changed.notify_all()
        try:
            return self._behaviours[account](permit)
        finally:
            with self._changed:
                self._under_way[account] -= 1

    def wait_for(self, account: str, runs: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.runs[account] >= runs, timeout=PATIENCE_S)


class Skips:
    """Counts what the schedule says that it skipped."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._keys: Counter[ProbeKey] = Counter()

    def __call__(self, key: ProbeKey) -> None:
        with self._changed:
            self._keys[key] += 1
            self._changed.notify_all()

    def wait_for(self, account: str, skips: int) -> bool:
        key = KIND.key(account)
        with self._changed:
            return self._changed.wait_for(lambda: self._keys[key] >= skips, timeout=PATIENCE_S)

    @property
    def total(self) -> int:
        return sum(self._keys.values())


@contextmanager
def running(
    polls: Polls,
    *accounts: str,
    intervals: Intervals = FAST,
    rare: Collection[str] = (),
    skips: Skips | None = None,
    log: RecordingLog | None = None,
    max_workers: int = 8,
    wall_clock: Callable[[], float] = time.time,
    clock_check_s: float = 5.0,
) -> Iterator[Schedule]:
    """A schedule of one probe for each account; those of the rare ones are of a kind that runs every 600 s."""
    schedule = Schedule(
        poll=polls,
        skipped=skips or Skips(),
        log=log or RecordingLog(),
        wall_clock=wall_clock,
        clock_check_s=clock_check_s,
    )
    schedule.configure(
        [probe(account, RARE if account in rare else KIND) for account in accounts],
        intervals_of=lambda kind: SLOW if kind is RARE else intervals,
        max_workers=max_workers,
    )
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.stop()


def test_the_first_round_runs_at_once() -> None:
    """Every probe runs when the daemon starts, and not only when its place in the interval comes."""
    polls = Polls(dict.fromkeys(("a", "b", "c"), lambda _permit: polled(ACTIVE)))
    with running(polls, "a", "b", "c", intervals=SLOW):
        assert all(polls.wait_for(account, 1) for account in ("a", "b", "c"))


def test_every_probe_runs_again_and_again() -> None:
    """After its first poll each probe runs at every interval."""
    polls = Polls(dict.fromkeys(("a", "b"), lambda _permit: polled(ACTIVE)))
    with running(polls, "a", "b"):
        assert polls.wait_for("a", 4)
        assert polls.wait_for("b", 4)


def test_every_kind_has_an_interval_of_its_own() -> None:
    """What is polled rarely does not follow what is polled often, and has its poll at the start."""
    polls = Polls(dict.fromkeys(("rare", "often"), lambda _permit: polled(ACTIVE)))
    with running(polls, "rare", "often", rare={"rare"}):
        assert polls.wait_for("often", 5)
        assert polls.wait_for("rare", 1)
    assert polls.runs["rare"] == 1


def test_a_run_that_is_due_too_early_is_skipped_and_counted() -> None:
    """A probe never runs twice at a time: what falls due meanwhile is counted and dropped."""
    release = threading.Event()

    def hang(_permit: Permit | None) -> Polled:
        release.wait(PATIENCE_S)
        return polled(ACTIVE)

    polls, skips = Polls({"a": hang}), Skips()
    with running(polls, "a", skips=skips):
        assert skips.wait_for("a", 3)
        assert polls.runs["a"] == 1
        release.set()
        assert polls.wait_for("a", 3)
    assert polls.most_at_once["a"] == 1


def test_runs_that_wait_for_a_thread_do_not_pile_up() -> None:
    """With all threads taken, a waiting probe is queued once, and its further runs are skipped."""
    release = threading.Event()

    def hang(_permit: Permit | None) -> Polled:
        release.wait(PATIENCE_S)
        return polled(ACTIVE)

    polls, skips = Polls({"a": hang, "b": lambda _permit: polled(ACTIVE)}), Skips()
    with running(polls, "a", "b", skips=skips, max_workers=1):
        assert skips.wait_for("b", 3)
        assert polls.runs["b"] == 0
        release.set()
        assert polls.wait_for("b", 2)
    assert polls.most_at_once["b"] == 1


def test_a_postponed_probe_keeps_its_turn() -> None:
    """A probe that has to wait for its budget comes back at its moment, with the permit that it had reserved."""
    permits: list[Permit | None] = []

    def wait_once(permit: Permit | None) -> Postponed | Polled:
        permits.append(permit)
        return polled(ACTIVE) if permits[:-1] else Postponed(permit=PERMIT, wait_s=0.05)

    polls = Polls({"a": wait_once})
    with running(polls, "a", intervals=SLOW):
        assert polls.wait_for("a", 2)
    assert permits == [None, PERMIT]


def test_a_postponed_probe_is_neither_polled_nor_skipped_meanwhile() -> None:
    """However often it falls due before its permit comes."""
    polls, skips = Polls({"a": lambda _permit: Postponed(permit=PERMIT, wait_s=600)}), Skips()
    with running(polls, "a", skips=skips) as schedule:
        assert soon(lambda: [entry.phase for entry in schedule._entries] == [Phase.POSTPONED])
        before = skips.total
        threading.Event().wait(0.2)  # four intervals
        assert (polls.runs["a"], skips.total) == (1, before)


def test_a_billing_change_has_a_run_when_it_falls_due() -> None:
    """The run after a change comes at its moment, however long the interval is."""
    # The schedule's clock is a second slow, so that the run a second after the change comes in a tenth of one.
    changing = change_in(-0.9)
    polls, skips = Polls({"a": lambda _permit: polled(changing)}), Skips()
    with running(polls, "a", intervals=SLOW, skips=skips, wall_clock=lambda: time.time() - 1):
        assert polls.wait_for("a", 2)
    assert skips.total == 0


def test_a_billing_change_that_falls_due_during_a_poll_has_its_run_right_after() -> None:
    """It is not taken for a run that is skipped, however long the interval is."""
    started, release, answers = threading.Event(), threading.Event(), list[Answer[ServiceState]]()

    def hang_at_the_change(_permit: Permit | None) -> Polled:
        if not answers:
            started.wait(PATIENCE_S)
            schedule.run_now([KIND.key("a")])  # so that the second poll begins right after this one
            answers.append(change_in(-0.5))  # on a clock that is a second slow, its run is due in half of one
        elif polls.runs["a"] == 2:
            release.wait(PATIENCE_S)
        return polled(answers[0])

    polls, skips = Polls({"a": hang_at_the_change}), Skips()
    with running(polls, "a", intervals=SLOW, skips=skips, wall_clock=lambda: time.time() - 1) as schedule:
        started.set()
        assert polls.wait_for("a", 2)
        assert soon(lambda: not any(job_of(job).startswith("extra") for job in schedule._scheduler.get_jobs()))
        release.set()
        assert polls.wait_for("a", 3)
    assert skips.total == 0


def test_an_extra_run_that_meets_one_under_way_follows_it() -> None:
    """The run of a billing change is never lost: it comes right after the one that was under way."""
    started = threading.Event()

    def meets_the_change(_permit: Permit | None) -> Polled:
        if polls.runs["a"] == 1:
            started.wait(PATIENCE_S)
            schedule.run_now([KIND.key("a")])
        return polled(ACTIVE)

    polls, skips = Polls({"a": meets_the_change}), Skips()
    with running(polls, "a", intervals=SLOW, skips=skips) as schedule:
        started.set()
        assert polls.wait_for("a", 2)
    assert polls.most_at_once["a"] == 1
    assert skips.total == 0


def test_a_hanging_account_takes_no_thread_of_the_others() -> None:
    """After its first timeout a probe hangs in an executor of its own."""
    release = threading.Event()

    def time_out(_permit: Permit | None) -> Polled:
        if polls.runs["hanging"] > 1:
            release.wait(3 * PATIENCE_S)
        return polled(failure(FailureReason.TIMEOUT))

    polls = Polls({"hanging": time_out, "healthy": lambda _permit: polled(ACTIVE)})
    with running(polls, "hanging", "healthy", max_workers=1):
        assert polls.wait_for("hanging", 2)
        seen = polls.runs["healthy"]
        assert polls.wait_for("healthy", seen + 3)
        assert polls.runs["hanging"] == 2
        release.set()


def test_accounts_that_wait_for_credentials_take_no_thread_of_the_others() -> None:
    """With one thread for polls, an account runs on while many wait for their credentials."""
    release = threading.Event()

    def wait(_permit: Permit | None) -> Polled:
        release.wait(PATIENCE_S)
        return polled(ACTIVE)

    waiting = [f"role {number}" for number in range(20)]
    polls = Polls({**dict.fromkeys(waiting, wait), "healthy": lambda _permit: polled(ACTIVE)})
    probes = [*(probe(account, provider=ToBeAskedFor) for account in waiting), probe("healthy")]
    with running(polls) as schedule:
        configure(schedule, *probes, intervals=FAST, max_workers=1)
        assert polls.wait_for("healthy", 4)
        assert sum(polls.runs[account] for account in waiting) == 16
        release.set()


def back_when(over: threading.Event) -> Behaviour:
    """The API is silent until then."""
    return lambda _permit: polled(ACTIVE) if over.wait(0.1) else polled(failure())


def test_the_end_of_an_outage_ends_the_pauses_of_its_endpoint() -> None:
    """The first answer after a long silence brings every probe of the endpoint back within an interval."""
    outage_over = threading.Event()

    def long_failing(_permit: Permit | None) -> Polled:
        return polled(failure(), failures_in_row=30)

    polls = Polls({"paused": long_failing, "first": back_when(outage_over)})
    with running(polls, "paused", "first"):
        assert polls.wait_for("first", 2)
        assert polls.runs["paused"] == 1
        outage_over.set()
        assert polls.wait_for("paused", 2)


def test_the_end_of_an_outage_does_not_wait_for_those_that_still_hang() -> None:
    """A probe in the queue of those that hang has a thread at once, though none of theirs is free."""
    outage_over, release = threading.Event(), threading.Event()
    begun = Counter[str]()

    def hang(account: str, _permit: Permit | None) -> Polled:
        begun[account] += 1
        if begun[account] > 1:
            release.wait(3 * PATIENCE_S)
        return polled(failure(FailureReason.TIMEOUT))

    hanging = [f"hanging-{number}" for number in range(HANGING_WORKERS)]
    behaviours: dict[str, Behaviour] = {account: partial(hang, account) for account in hanging}
    behaviours["queued"] = lambda _permit: polled(failure(FailureReason.TIMEOUT))
    polls = Polls({**behaviours, "first": back_when(outage_over)})
    with running(polls, *hanging, "queued", "first"):
        assert all(polls.wait_for(account, 2) for account in (*hanging, "first"))
        runs = polls.runs["queued"]
        outage_over.set()
        assert polls.wait_for("queued", runs + 1)
        release.set()


def test_a_call_from_before_the_end_of_an_outage_is_made_again_at_once() -> None:
    """It hangs until its deadline although the API is back; the next one must not wait for its place."""
    outage_over, deadline = threading.Event(), threading.Event()

    def hang_once(_permit: Permit | None) -> Polled:
        return polled(failure(FailureReason.TIMEOUT)) if deadline.wait(PATIENCE_S) else polled(ACTIVE)

    polls = Polls({"held": hang_once, "first": back_when(outage_over)})
    with running(polls, "held", "first", rare={"held"}):
        assert polls.wait_for("held", 1)
        assert polls.wait_for("first", 2)
        outage_over.set()
        assert polls.wait_for("first", polls.runs["first"] + 2)
        deadline.set()
        assert polls.wait_for("held", 2)


def test_an_outage_is_judged_by_what_is_polled_most_often() -> None:
    """A silence is long by the interval of the probes that fell silent first, whichever of them stands first."""
    outage_over = threading.Event()

    def long_failing(_permit: Permit | None) -> Polled:
        return polled(failure(), failures_in_row=30)

    polls = Polls({"rare": long_failing, "paused": long_failing, "first": back_when(outage_over)})
    with running(polls, "rare", "paused", "first", rare={"rare"}):
        assert polls.wait_for("first", 2)
        assert polls.runs["paused"] == 1
        outage_over.set()
        assert polls.wait_for("paused", 2)
    assert polls.runs["rare"] == 1


def test_one_failing_account_among_healthy_ones_keeps_its_pause() -> None:
    """Answers for others say nothing new of an endpoint that was never silent."""
    polls = Polls(
        {
            "paused": lambda _permit: polled(failure(), failures_in_row=30),
            "healthy": lambda _permit: polled(ACTIVE),
        }
    )
    with running(polls, "paused", "healthy"):
        assert polls.wait_for("healthy", 6)
    assert polls.runs["paused"] == 1


def test_a_defect_is_logged_and_the_probe_runs_again() -> None:
    """Whatever a poll raises, the probe keeps its place in the schedule."""

    def break_once(_permit: Permit | None) -> Polled:
        if polls.runs["a"] == 1:
            raise KeyError("with a secret in it")
        return polled(ACTIVE)

    polls, log = Polls({"a": break_once}), RecordingLog()
    with running(polls, "a", log=log):
        assert polls.wait_for("a", 2)
    [(event, fields)] = log.above_debug()
    assert (event, fields["probe"], fields["error"]) == ("schedule hit a defect", "a/dcdn_ipa/service", "KeyError")
    assert "secret" not in fields["where"]


def test_an_aborted_poll_is_made_again() -> None:
    """Where the daemon goes on, the account has other credentials by now, and is polled with those."""

    def abort_once(_permit: Permit | None) -> Polled:
        if polls.runs["a"] == 1:
            raise CallAborted
        return polled(ACTIVE)

    polls, log = Polls({"a": abort_once}), RecordingLog()
    with running(polls, "a", log=log):
        assert polls.wait_for("a", 2)
    assert log.lines == []


def test_nothing_runs_after_the_stop() -> None:
    """Once stopped, no run begins, and one that its poll aborts ends without a word."""
    stopped = threading.Event()

    def abort(_permit: Permit | None) -> Polled:
        stopped.wait(PATIENCE_S)
        raise CallAborted

    polls, log = Polls({"a": abort, "b": lambda _permit: polled(ACTIVE)}), RecordingLog()
    with running(polls, "a", "b", log=log) as schedule:
        assert polls.wait_for("b", 2)
        schedule.stop()
        seen = polls.runs["b"]
        stopped.set()
        threading.Event().wait(0.15)  # three intervals
    assert polls.runs["b"] <= seen + 1  # one may have been on its way to a thread
    assert log.lines == []


@pytest.mark.parametrize("raised", [None, CallAborted, LookupError], ids=["says no", "is aborted", "has a defect"])
def test_a_repeated_function_runs_until_it_says_yes(raised: type[Exception] | None) -> None:
    """A function is asked again after each interval, and never again once it has returned True."""
    answers = iter([raised, raised, True])
    asked: list[object] = []
    done = threading.Event()

    def ask() -> bool:
        answer = next(answers)
        asked.append(answer)
        if isinstance(answer, type):
            raise answer
        if answer:
            done.set()
        return bool(answer)

    log = RecordingLog()
    with running(Polls({}), intervals=SLOW, log=log) as schedule:
        schedule.look_up("it", {1: ask}, interval_s=0.03)
        assert done.wait(PATIENCE_S)
        threading.Event().wait(0.1)
    assert asked == [raised, raised, True]
    assert [event for event, _ in log.above_debug()] == ["lookup hit a defect"] * 2 * (raised is LookupError)


def test_hanging_accounts_never_come_back_among_the_others() -> None:
    """More hanging accounts than threads hold up the healthy ones once, when they begin to hang, and never again."""
    release = threading.Event()
    hanging = [f"hanging {number}" for number in range(6)]

    def time_out(_permit: Permit | None) -> Polled:
        release.wait(0.1)  # longer than 1.5 intervals, so that the healthy one is silent for as long
        return polled(failure(FailureReason.TIMEOUT))

    behaviours: dict[str, Behaviour] = dict.fromkeys(hanging, time_out)
    polls, skips = Polls({**behaviours, "healthy": lambda _permit: polled(ACTIVE)}), Skips()
    with running(polls, *hanging, "healthy", max_workers=2, skips=skips) as schedule:
        assert all(polls.wait_for(account, 2) for account in hanging)
        assert polls.wait_for("healthy", polls.runs["healthy"] + 5)
        assert all(entry.hanging for entry in list(schedule._entries)[:-1])
        release.set()


def test_a_question_that_hangs_is_not_asked_again_meanwhile() -> None:
    """A function under way is not called a second time, however often its interval passes, and delays no poll."""
    release = threading.Event()
    asked: list[int] = []

    def hang(number: int) -> bool:
        asked.append(number)
        release.wait(PATIENCE_S)
        return True

    polls = Polls({"a": lambda _permit: polled(ACTIVE)})
    with running(polls, "a") as schedule:
        schedule.look_up("it", {number: partial(hang, number) for number in range(5)}, interval_s=0.02)
        assert polls.wait_for("a", 6)
        assert len(asked) == 2  # as many as there are threads for questions
        release.set()


def test_a_question_under_way_stays_when_others_come() -> None:
    """It is not called a second time beside the first, and one that is not named any more is never called again."""
    release, asked = threading.Event(), Counter[str]()

    def ask(name: str, *, hangs: bool) -> bool:
        asked[name] += 1
        return hangs and release.wait(PATIENCE_S)

    with running(Polls({})) as schedule:
        stays, leaves, comes = (
            partial(ask, "stays", hangs=True),
            partial(ask, "leaves", hangs=False),
            partial(ask, "comes", hangs=False),
        )
        schedule.look_up("it", {1: stays, 2: leaves}, interval_s=0.02)
        assert soon(lambda: asked["leaves"] > 1)
        schedule.look_up("it", {1: stays, 3: comes}, interval_s=0.02)
        assert soon(lambda: asked["comes"] > 1)
        before = asked["leaves"]
        assert soon(lambda: asked["comes"] > 4)
        release.set()
    assert (asked["stays"], asked["leaves"]) == (1, before)


def test_a_stop_does_not_wait_for_the_planning_of_many_probes() -> None:
    """Thousands of probes are planned while the process already hears of its end; nobody misses a thread for them."""
    accounts = [str(number) for number in range(3000)]
    polls, skips, log = Polls(dict.fromkeys(accounts, lambda _permit: polled(ACTIVE))), Skips(), RecordingLog()
    with running(polls, *accounts, intervals=SLOW, skips=skips, log=log) as schedule:
        schedule.stop()
        seen = sum(polls.runs.values())
        assert soon(lambda: "first round" not in {thread.name for thread in threading.enumerate()})

    assert seen < len(accounts)
    assert (skips.total, log.lines) == (0, [])


def test_a_clock_that_is_set_back_stops_no_probe() -> None:
    """When the wall clock jumps back, every probe is planned anew, and keeps its place in the interval."""
    back_s = [0.0]
    log, polls = RecordingLog(), Polls(dict.fromkeys(("a", "b"), lambda _permit: polled(ACTIVE)))
    wall_clock: Callable[[], float] = lambda: time.time() - back_s[0]  # noqa: E731 — one line says it
    with running(polls, "a", "b", intervals=SLOW, log=log, wall_clock=wall_clock, clock_check_s=0.02) as schedule:
        assert polls.wait_for("b", 1)
        anchors = [entry.anchor for entry in schedule._entries]
        back_s[0] = 3600.0
        assert soon(lambda: list(schedule._entries)[-1].anchor != anchors[-1])
        assert soon(lambda: len(next_runs(schedule)) == 2)
        late_s = [(run - datetime.now(UTC)).total_seconds() for run in next_runs(schedule)]

    moved_s = [
        (entry.anchor - anchor).total_seconds() for entry, anchor in zip(schedule._entries, anchors, strict=True)
    ]
    assert moved_s == pytest.approx([-3600, -3600], abs=1)
    assert all(0 <= late <= SLOW.interval_s for late in late_s)
    assert [(event, round(fields["seconds"])) for event, fields in log.above_debug()] == [
        ("clock was set back", 3600)
    ]


def test_a_clock_that_is_set_back_ends_the_wait_for_a_permit() -> None:
    """The moment of its permit would be an hour later on the clock that there is now."""
    back_s = [0.0]

    def wait_once(permit: Permit | None) -> Postponed | Polled:
        return polled(ACTIVE) if permit else Postponed(permit=PERMIT, wait_s=600)

    polls = Polls({"a": wait_once})
    wall_clock: Callable[[], float] = lambda: time.time() - back_s[0]  # noqa: E731 — one line says it
    with running(polls, "a", intervals=SLOW, wall_clock=wall_clock, clock_check_s=0.02) as schedule:
        assert soon(lambda: [entry.phase for entry in schedule._entries] == [Phase.POSTPONED])
        back_s[0] = 3600.0
        assert polls.wait_for("a", 2)


def configure(schedule: Schedule, *probes: Probe, intervals: Intervals = SLOW, max_workers: int = 8) -> None:
    schedule.configure(probes, intervals_of=lambda _kind: intervals, max_workers=max_workers)


def job_of(job: Any) -> str:
    """What a job does for which probe."""
    what, _, _entry = job.id.rpartition(" ")
    return str(what)


def test_another_configuration_runs_new_probes_and_leaves_the_others_their_turn() -> None:
    """What is new runs at once; what stays runs when it would have run; what is gone is not planned any more."""
    polls = Polls(dict.fromkeys(("a", "b", "new"), lambda _permit: polled(ACTIVE)))
    kept, gone = probe("a"), probe("b")
    with running(polls, intervals=SLOW) as schedule:
        configure(schedule, kept, gone)
        assert polls.wait_for("a", 1)
        assert polls.wait_for("b", 1)
        (planned,) = (
            job.next_run_time for job in schedule._scheduler.get_jobs() if job_of(job) == f"probe {kept.key}"
        )
        configure(schedule, probe("new"), kept)
        assert polls.wait_for("new", 1)
        jobs = {job_of(job): job.next_run_time for job in schedule._scheduler.get_jobs()}

    assert jobs.keys() == {f"probe {kept.key}", f"probe {KIND.key('new')}"}
    assert jobs[f"probe {kept.key}"] == planned
    assert (polls.runs["a"], polls.runs["b"]) == (1, 1)


def test_a_probe_with_another_caller_or_interval_runs_at_once() -> None:
    """What a reload changed of a probe shows without waiting for its permit."""
    polls = Polls({"a": lambda _permit: polled(ACTIVE)})
    with running(polls, intervals=SLOW) as schedule:
        configure(schedule, probe("a"))
        assert polls.wait_for("a", 1)
        configure(schedule, probe("a"))
        assert polls.wait_for("a", 2)
        configure(schedule, *(entry.probe for entry in schedule._entries), intervals=FAST)
        assert polls.wait_for("a", 6)


def test_another_interval_ends_a_pause() -> None:
    """A probe that has failed for long is due at the new interval, and not only when it has answered."""
    release = threading.Event()

    def fail_and_hang(_permit: Permit | None) -> Polled:
        if polls.runs["a"] > 1:
            release.wait(PATIENCE_S)
        return polled(failure(), failures_in_row=30)

    polls, skips = Polls({"a": fail_and_hang}), Skips()
    with running(polls, "a", intervals=FAST, skips=skips) as schedule:
        assert soon(lambda: [entry.pause_s for entry in schedule._entries] == [FAST.failing_interval_s])
        configure(schedule, *(entry.probe for entry in schedule._entries), intervals=replace(FAST, interval_s=0.06))
        assert polls.wait_for("a", 2)
        assert skips.wait_for("a", 3)  # three intervals, while the poll is under way
        release.set()


def test_a_turn_of_the_caller_before_is_not_kept() -> None:
    """A probe that gets another caller while it waits asks anew: its permit has the other's credentials."""
    permits: list[Permit | None] = []

    def meets_a_reload(permit: Permit | None) -> Postponed | Polled:
        permits.append(permit)
        if len(permits) > 1:
            return polled(ACTIVE)
        configure(schedule, probe("a"))
        return Postponed(permit=PERMIT, wait_s=0.05)

    polls = Polls({"a": meets_a_reload})
    with running(polls, intervals=SLOW) as schedule:
        configure(schedule, probe("a"))
        assert polls.wait_for("a", 2)
    assert permits[:2] == [None, None]


def test_a_probe_that_leaves_under_way_is_never_heard_of_again() -> None:
    """Running or waiting for its permit, it has no later run, is not counted as skipped, nor planned."""
    release = threading.Event()

    def hang(_permit: Permit | None) -> Polled:
        release.wait(PATIENCE_S)
        return polled(failure())

    polls, skips = Polls({"hangs": hang, "waits": lambda _permit: Postponed(PERMIT, 600)}), Skips()
    with running(polls, intervals=FAST, skips=skips) as schedule:
        configure(schedule, probe("hangs"), probe("waits"))
        assert polls.wait_for("hangs", 1)
        assert polls.wait_for("waits", 1)
        configure(schedule)
        before = dict(polls.runs), skips.total
        release.set()
        threading.Event().wait(0.2)
        assert [job.id for job in schedule._scheduler.get_jobs()] == []
    assert (dict(polls.runs), skips.total) == before


@pytest.mark.parametrize(
    ("outcome", "failures_in_row"),
    [
        pytest.param(ACTIVE, 0, id="as before"),
        pytest.param(failure(), 30, id="after a long pause"),
        pytest.param(change_in(600), 0, id="when its billing changes"),
    ],
)
def test_a_probe_that_left_while_it_was_polled_is_not_planned_again(outcome: Outcome, failures_in_row: int) -> None:
    """Whatever the answer says of its next run, and though it was to run once more right after this one."""
    release = threading.Event()

    def hang(_permit: Permit | None) -> Polled:
        release.wait(PATIENCE_S)
        return polled(outcome, failures_in_row=failures_in_row)

    polls = Polls({"a": hang})
    with running(polls) as schedule:
        configure(schedule, probe("a"), intervals=replace(SLOW, failing_interval_s=1200))
        assert polls.wait_for("a", 1)
        schedule.run_now([KIND.key("a")])
        configure(schedule)
        release.set()
        assert soon(lambda: not schedule._workers._unfinished)
        assert schedule._scheduler.get_jobs() == []
    assert polls.runs["a"] == 1


def test_a_probe_that_comes_back_runs_on_whatever_its_last_answer_from_before_says() -> None:
    """An answer to the run that was under way when it left plans nothing in the place of the one that came back."""
    release, hung = threading.Event(), threading.Event()

    def hang_once(_permit: Permit | None) -> Polled:
        if hung.is_set():
            return polled(ACTIVE)
        hung.set()
        release.wait(PATIENCE_S)
        return polled(failure(), failures_in_row=10)

    polls = Polls({"a": hang_once})
    with running(polls, intervals=FAST) as schedule:
        configure(schedule, probe("a"), intervals=FAST)
        assert polls.wait_for("a", 1)
        configure(schedule)
        configure(schedule, probe("a"), intervals=FAST)
        assert polls.wait_for("a", 2)
        release.set()
        assert polls.wait_for("a", polls.runs["a"] + 8)
        assert soon(lambda: len(schedule._scheduler.get_jobs()) == 1)


def test_a_moment_without_threads_ends_no_probe() -> None:
    """Runs for which there is no thread are skipped and told; the next one that gets a thread is as any other."""
    polls, skips, log = Polls({"a": lambda _permit: polled(ACTIVE)}), Skips(), RecordingLog()
    with running(polls, skips=skips, log=log) as schedule:
        assert soon(lambda: schedule._started)
        with no_new_threads():
            configure(schedule, probe("a"), intervals=FAST)
            assert skips.wait_for("a", 2)
        assert polls.wait_for("a", 3)
    assert {(event, fields["probe"]) for event, fields in log.above_debug()} == {
        ("no thread for a poll", "a/dcdn_ipa/service")
    }


def test_another_number_of_threads_loses_no_run() -> None:
    """What waited for one of few threads is run, and more run side by side from then on."""
    release = threading.Event()
    accounts = ("a", "b", "c", "d")

    def hang(_permit: Permit | None) -> Polled:
        release.wait(PATIENCE_S)
        return polled(ACTIVE)

    polls = Polls(dict.fromkeys(accounts, hang))
    probes = [probe(account) for account in accounts]
    with running(polls, intervals=SLOW) as schedule:
        configure(schedule, *probes[:2], max_workers=1)
        assert soon(lambda: sum(polls.runs.values()) == 1)
        configure(schedule, *probes, max_workers=2)
        assert soon(lambda: sum(polls.runs.values()) == 2)
        release.set()
        assert all(polls.wait_for(account, 1) for account in accounts)


def next_runs(schedule: Schedule) -> list[datetime]:
    return [job.next_run_time for job in schedule._scheduler.get_jobs()]


def test_probes_are_spread_over_the_interval_after_the_first_round() -> None:
    """The second runs come one after the other, at even distances, the last of them one interval after the start."""
    accounts = ("a", "b", "c", "d")
    polls = Polls(dict.fromkeys(accounts, lambda _permit: polled(ACTIVE)))
    started = datetime.now(UTC)
    with running(polls, *accounts, intervals=SLOW) as schedule:
        assert all(polls.wait_for(account, 1) for account in accounts)
        assert soon(lambda: len(next_runs(schedule)) == len(accounts))
        after_s = sorted((run - started).total_seconds() for run in next_runs(schedule))

    assert after_s == pytest.approx([150, 300, 450, 600], abs=5)


def test_a_change_that_is_withdrawn_has_no_run() -> None:
    """When the API no longer tells of a change, its extra run is taken out of the plan."""
    changing = change_in(600)
    polls = Polls({"a": lambda _permit: polled(changing if polls.runs["a"] == 1 else ACTIVE)})
    with running(polls, "a") as schedule:
        assert polls.wait_for("a", 3)
        jobs = [job_of(job) for job in schedule._scheduler.get_jobs()]

    assert jobs == ["probe a/dcdn_ipa/service"]


def test_a_schedule_that_is_stuck_does_not_respond() -> None:
    """One that begins what is due responds; one whose thread is kept by what it calls is told from it."""
    stuck, release, may_end = threading.Event(), threading.Event(), threading.Event()

    class Keeping(Skips):
        def __call__(self, key: ProbeKey) -> None:
            super().__call__(key)
            if threading.current_thread().name == "APScheduler":  # the first polls have a thread of their own
                stuck.set()
                release.wait(PATIENCE_S)

    def hang(_permit: Permit | None) -> Polled:
        may_end.wait(PATIENCE_S)
        return polled(ACTIVE)

    with running(Polls({"a": hang}), "a", skips=Keeping()) as schedule:
        assert stuck.wait(PATIENCE_S)
        assert not schedule.responds(within_s=0.01)
        may_end.set()
        release.set()
        assert schedule.responds(within_s=PATIENCE_S)
    assert not schedule.responds(within_s=0)
