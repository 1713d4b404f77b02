"""When probes run: the plan over a clock that stands still until it is moved."""

import gc
import itertools
import weakref
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exporter.accounts.inventory import Probe
from exporter.api.call import Caller, Permit
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.endpoints import Route
from exporter.api.rate_limit import Reservation
from exporter.core.model import Answer, Failure, FailureReason, Outcome
from exporter.core.store import ProbeRecord
from exporter.polling.plan import Finished, Plan, Run
from exporter.polling.policy import Intervals
from exporter.polling.poller import Polled, Postponed
from exporter.probes.kind import AnyKind
from exporter.probes.service_state import ChargeTypeChange, ServiceState
from exporter.probes.table import PROBES
from tests.records import record_of

KEYS = Credentials(access_key_id="LTAItest", access_key_secret=Secret("secret"))
PERMIT = Permit(KEYS, Reservation("LTAItest", "DescribeDcdnIpaService", 0.0), reserved_at=0.0)
ACTIVE = Answer(state=ServiceState(charge_type="PayByTraffic"))
EVERY_MINUTE = Intervals(interval_s=60, locked_interval_s=15, failing_interval_s=300)
BEGAN_AT, WALL_BEGAN_AT = 1000.0, 1_800_000_000.0

KIND = PROBES[0]
RARE = replace(KIND, probe="rare")


def probe(account: str, kind: AnyKind = KIND, *, routes: dict[str, Route] | None = None) -> Probe:
    """A probe with a caller of its own: two of the same account differ."""
    caller = Caller(StaticCredentials(KEYS), routes=routes)
    return Probe(key=kind.key(account), kind=kind, caller=lambda: caller)


def failure(reason: FailureReason = FailureReason.NETWORK) -> Failure:
    return Failure(reason, "no answer")


def change_at(moment: float) -> Answer[ServiceState]:
    """An answer that names a billing change at this Unix time."""
    change = ChargeTypeChange(charge_type="PayByBandwidth", takes_effect=datetime.fromtimestamp(moment, UTC))
    return Answer(state=ServiceState(charge_type="PayByTraffic", change=change))


class World:
    """A plan, and its clocks."""

    def __init__(self, *probes: Probe, intervals: Intervals = EVERY_MINUTE) -> None:
        self.now = BEGAN_AT
        self.wall_clock_is_ahead_s = 0.0
        self.plan = Plan(clock=lambda: self.now, wall_clock=self.wall_now)
        self.configure(*probes, intervals=intervals)

    def wall_now(self) -> float:
        return WALL_BEGAN_AT + self.now - BEGAN_AT + self.wall_clock_is_ahead_s

    def configure(self, *probes: Probe, intervals: Intervals = EVERY_MINUTE) -> None:
        slow = replace(intervals, interval_s=300, failing_interval_s=600)
        self.plan.configure(probes, lambda kind: slow if kind is RARE else intervals)

    def take(self, *, at: float | None = None) -> list[Run]:
        """What is due at this moment after the beginning."""
        if at is not None:
            self.now = BEGAN_AT + at
        return self.plan.due()

    def due(self, *, at: float) -> list[str]:
        """The accounts that are due, which stay taken."""
        return [run.probe.key.account for run in self.take(at=at)]

    def end(
        self, run: Run, outcome: Outcome | None = ACTIVE, *, record: ProbeRecord | None = None, takes_s: float = 0.0
    ) -> Finished:
        """Poll a run that was taken: it begins now, and ends after so long."""
        assert self.plan.begin(run) is not None
        self.now += takes_s
        return self.finish(run, outcome, record=record)

    def finish(self, run: Run, outcome: Outcome | None = ACTIVE, *, record: ProbeRecord | None = None) -> Finished:
        if outcome is None:
            return self.plan.finish(run, None)
        return self.plan.finish(run, Polled(record or record_of(outcome, remember=KIND.remember), outcome))

    def round(self, outcome: Outcome = ACTIVE, *, at: float) -> list[str]:
        """Poll all that is due at this moment; returns their accounts."""
        runs = self.take(at=at)
        for run in runs:
            self.end(run, outcome)
        return [run.probe.key.account for run in runs]

    def moments(self, *, until: float, outcome: Outcome = ACTIVE) -> list[tuple[str, float]]:
        """Poll all that is due until then; returns accounts and moments after the beginning."""
        seen = []
        while self.plan.next_moment() <= BEGAN_AT + until:
            self.now = max(self.now, self.plan.next_moment())
            for run in self.plan.due():
                seen.append((run.probe.key.account, round(self.now - BEGAN_AT, 3)))
                self.end(run, outcome)
        return seen


def failing(times: int, reason: FailureReason = FailureReason.NETWORK) -> ProbeRecord:
    return record_of(*[failure(reason)] * times)


# Rounds


def test_every_probe_is_due_at_once_then_at_its_place() -> None:
    """The first round is a burst; the second is spread over the interval, whose last place is its end."""
    world = World(*map(probe, "abcd"))

    assert world.moments(until=140) == [
        *((account, 0.0) for account in "abcd"),
        *(("a", 15.0), ("b", 30.0), ("c", 45.0), ("d", 60.0)),
        *(("a", 75.0), ("b", 90.0), ("c", 105.0), ("d", 120.0)),
        ("a", 135.0),
    ]


def test_places_lie_on_hundredths_of_a_second() -> None:
    """So that one look at the plan finds many runs."""
    world = World(*(probe(str(number)) for number in range(7)), intervals=replace(EVERY_MINUTE, interval_s=15))
    world.now += 0.0073
    world.configure(*(probe(str(number)) for number in range(7)))
    runs = world.moments(until=62)[7:]

    assert len(runs) == 7
    assert all(abs(moment * 100 - round(moment * 100)) < 1e-6 for _, moment in runs)


def test_a_point_is_not_taken_twice() -> None:
    """An interval without an exact binary fraction makes no second run at the point that has just come."""
    world = World(probe("a"), intervals=Intervals(1.1, 1.1, 300))
    moments = [moment for _, moment in world.moments(until=2_200)]

    assert len(moments) == 2_001
    assert all(later - earlier == pytest.approx(1.1) for earlier, later in itertools.pairwise(moments[1:]))


def test_every_kind_has_an_interval_of_its_own() -> None:
    """What is polled rarely does not follow what is polled often."""
    world = World(probe("often"), probe("rare", RARE))

    assert [moment for account, moment in world.moments(until=320) if account == "rare"] == [0.0, 300.0]


def test_a_probe_is_taken_once() -> None:
    """It is not due again before it has ended, however often its points come."""
    world = World(probe("a"))
    (run,) = world.take()
    assert world.due(at=500) == []
    world.end(run)

    assert world.due(at=540) == ["a"]


def test_points_that_come_meanwhile_are_skipped_and_counted() -> None:
    """While it waits for a thread and while it runs; the next run is at its place."""
    world = World(probe("a"))
    world.round(at=0)
    (run,) = world.take(at=60)
    world.now = BEGAN_AT + 121  # it had no thread for a minute
    finished = world.end(run, takes_s=120)

    assert finished.skipped == 3
    assert world.moments(until=310) == [("a", 300.0)]


def test_nothing_is_skipped_where_a_run_ends_in_time() -> None:
    """A point is counted only when it comes while the probe is not done."""
    world = World(probe("a"))
    skipped = [world.end(run, takes_s=59).skipped for at in (0, 60, 120) for run in world.take(at=at)]

    assert skipped == [0, 0, 0]


# Permits


def test_a_postponed_probe_comes_back_with_its_permit() -> None:
    """At the permit's moment, and not at the points that come before it, which are not skipped."""
    world = World(probe("a"))
    (run,) = world.take()
    begun = world.plan.begin(run)
    assert begun is not None
    world.plan.postpone(run, begun[0], Postponed(permit=PERMIT, wait_s=150))
    assert world.due(at=149.9) == []
    (run,) = world.take(at=150)
    assert world.plan.begin(run) == (run.probe, PERMIT)

    assert world.finish(run).skipped == 0
    assert world.moments(until=181) == [("a", 180.0)]


def test_a_permit_is_used_once() -> None:
    """The next run of the probe reserves another one."""
    world = World(probe("a"))
    (run,) = world.take()
    world.plan.begin(run)
    world.plan.postpone(run, run.probe, Postponed(permit=PERMIT, wait_s=5))
    (run,) = world.take(at=5)
    world.end(run)
    (run,) = world.take(at=60)

    assert world.plan.begin(run) == (run.probe, None)


@pytest.mark.parametrize("when", ["before it is postponed", "afterwards"])
def test_a_permit_leaves_with_its_caller(when: str) -> None:
    """A probe that gets another caller runs at once, on a permit of that one."""
    world = World(probe("a"))
    (run,) = world.take()
    begun = world.plan.begin(run)
    assert begun is not None
    other = probe("a")
    if when == "afterwards":
        world.plan.postpone(run, begun[0], Postponed(permit=PERMIT, wait_s=50))
        world.configure(other)
    else:
        world.configure(other)
        world.plan.postpone(run, begun[0], Postponed(permit=PERMIT, wait_s=50))
    (run,) = world.take()
    assert world.plan.begin(run) == (other, None)
    world.finish(run)

    assert world.moments(until=61) == [("a", 60.0)]  # once, not twice


# Extra runs


def test_an_extra_run_is_at_once() -> None:
    """Beside those at its place."""
    world = World(probe("a"))
    world.round(at=0)
    world.now += 10
    world.plan.run_now([KIND.key("a"), KIND.key("unknown")])

    assert world.moments(until=61) == [("a", 10.0), ("a", 60.0)]


def test_an_extra_run_follows_one_under_way() -> None:
    """It is never lost, and neither is it a run that was skipped."""
    world = World(probe("a"))
    (run,) = world.take()
    world.plan.begin(run)
    world.plan.run_now([KIND.key("a")])
    world.now += 3

    assert world.finish(run).skipped == 0
    assert world.moments(until=61) == [("a", 3.0), ("a", 60.0)]


def test_a_run_that_waits_for_a_thread_is_as_good_as_an_extra_one() -> None:
    """It has not called the API yet."""
    world = World(probe("a"))
    (run,) = world.take()
    world.plan.run_now([KIND.key("a")])
    world.end(run, takes_s=3)

    assert world.moments(until=61) == [("a", 60.0)]


def test_an_extra_run_does_not_pass_over_a_permit() -> None:
    """Who waits for the budget goes on waiting."""
    world = World(probe("a"))
    (run,) = world.take()
    world.plan.begin(run)
    world.plan.postpone(run, run.probe, Postponed(permit=PERMIT, wait_s=50))
    world.plan.run_now([KIND.key("a")])

    assert world.due(at=49) == []


def test_a_billing_change_has_a_run_when_it_falls_due() -> None:
    """At its moment, however long the interval is."""
    world = World(probe("a"))
    world.round(change_at(WALL_BEGAN_AT + 90), at=0)
    later = change_at(WALL_BEGAN_AT + 90)

    assert [moment for _, moment in world.moments(until=91, outcome=later)] == [60.0, 91.0]


def test_a_billing_change_follows_the_wall_clock() -> None:
    """When that is set forward, the next run plans it anew."""
    world = World(probe("a"))
    change = change_at(WALL_BEGAN_AT + 3600)
    world.round(change, at=0)
    world.wall_clock_is_ahead_s = 3530
    world.round(change, at=60)

    assert [moment for _, moment in world.moments(until=71, outcome=change)] == [71.0]


def test_a_change_that_is_withdrawn_has_no_run() -> None:
    """Once the API no longer names it."""
    world = World(probe("a"))
    world.round(change_at(WALL_BEGAN_AT + 90), at=0)
    world.round(at=60)

    assert world.moments(until=121) == [("a", 120.0)]


# Failures


def test_pauses_grow_and_end() -> None:
    """Up to the failing interval; an answer ends them."""
    world = World(probe("a"))
    seen = []
    for times in range(1, 8):
        world.now = world.plan.next_moment()
        (run,) = world.take()
        world.end(run, failure(), record=failing(times))
        seen.append(run.pause_s)
    world.now = world.plan.next_moment()
    (run,) = world.take()
    world.end(run)

    assert seen == [60, 60, 120, 240, 300, 300, 300]
    assert run.pause_s == 60


def test_a_probe_that_timed_out_hangs_until_it_answers() -> None:
    """Its next poll may hold its thread for as long."""
    world = World(probe("a"))
    seen = []
    for outcome in (failure(FailureReason.TIMEOUT), failure(), failure(FailureReason.TIMEOUT), ACTIVE):
        world.now = world.plan.next_moment()
        (run,) = world.take()
        world.end(run, outcome)
        seen.append(run.hanging)

    assert seen == [True, False, True, False]


def outage(*accounts: str, failures: int = 30, **kinds: AnyKind) -> World:
    """A world in which the endpoint has been silent for two minutes, and all probes are paused for five."""
    world = World(*(probe(account, kinds.get(account, KIND)) for account in accounts))
    for run in world.take():
        world.end(run, failure(FailureReason.TIMEOUT), record=failing(failures, FailureReason.TIMEOUT))
    world.now += 120
    return world


def test_the_end_of_an_outage_ends_the_pauses_of_its_endpoint() -> None:
    """The first answer after a long silence brings every probe of the endpoint back within an interval."""
    world = outage("first", "b", "c")
    world.plan.run_now([KIND.key("first")])
    world.round(at=120)

    assert [account for account, _ in world.moments(until=180)] == ["first", "b", "c"]


def test_one_failing_account_among_healthy_ones_keeps_its_pause() -> None:
    """Answers for others say nothing new of an endpoint that was never silent."""
    world = World(probe("failing"), probe("healthy"))
    for run in world.take():
        name = run.probe.key.account
        outcome = ACTIVE if name == "healthy" else failure()
        world.end(run, outcome, record=record_of(ACTIVE) if name == "healthy" else failing(30))

    assert [account for account, _ in world.moments(until=250)] == ["healthy"] * 4


def test_one_of_two_failing_accounts_leaves_the_other_its_pause() -> None:
    """An answer after a failure is no end of an outage while others of the endpoint were answered."""
    world = World(probe("failing"), probe("mended"), probe("healthy"))
    for run in world.take():
        healthy = run.probe.key.account == "healthy"
        world.end(run, ACTIVE if healthy else failure(), record=record_of(ACTIVE) if healthy else failing(30))
    world.moments(until=60)
    world.plan.run_now([KIND.key("mended")])

    assert {account for account, _ in world.moments(until=250)} == {"mended", "healthy"}


def test_an_outage_is_judged_by_what_is_polled_most_often() -> None:
    """A silence is long by the interval of the probes that fell silent first, whichever stands first."""
    world = outage("rare", "first", "paused", rare=RARE)
    world.plan.run_now([KIND.key("first")])
    world.round(at=120)
    seen = [account for account, _ in world.moments(until=180)]

    assert "paused" in seen
    assert "rare" not in seen


def test_endpoints_recover_each_for_themselves() -> None:
    """An answer of one address ends no pause of another."""
    china = {name: Route(f"https://{name}.example") for name in ("dcdn", "cdn")}
    abroad = {name: Route(f"https://{name}.abroad.example") for name in ("dcdn", "cdn")}
    world = World(probe("here", routes=china), probe("there", routes=abroad))
    for run in world.take():
        world.end(run, failure(), record=failing(30))
    world.now += 120
    world.plan.run_now([KIND.key("here")])
    world.round(at=120)

    assert {account for account, _ in world.moments(until=240)} == {"here"}


def test_the_end_of_an_outage_frees_what_waits_among_those_that_hang() -> None:
    """It may have any thread: its endpoint answers again."""
    world = outage("first", "queued", "held")
    world.plan.run_now([KIND.key(account) for account in ("first", "queued", "held")])
    runs = {run.probe.key.account: run for run in world.take()}
    assert all(run.hanging for run in runs.values())
    world.plan.begin(runs["held"])
    finished = world.end(runs["first"])

    assert finished.freed == [runs["queued"]]
    assert not runs["queued"].hanging
    assert world.plan.begin(runs["queued"]) is not None
    assert world.plan.begin(runs["queued"]) is None  # the second thread finds it begun


def test_a_call_from_before_the_end_of_an_outage_is_made_again_at_once() -> None:
    """It hung until its deadline although the API is back; the next one does not wait for its place."""
    world = outage("first", "held")
    world.plan.run_now([KIND.key("first"), KIND.key("held")])
    first, held = world.take()
    world.plan.begin(held)
    world.end(first)
    world.now += 8
    world.finish(held, failure(FailureReason.TIMEOUT), record=failing(31, FailureReason.TIMEOUT))

    assert not held.hanging
    assert world.due(at=128) == ["held"]


def test_a_poll_that_told_nothing_keeps_its_place() -> None:
    """After a defect, or where the credentials were replaced meanwhile."""
    world = World(probe("a"))
    (run,) = world.take()
    world.end(run, None)

    assert world.moments(until=61) == [("a", 60.0)]


# Configurations


def test_another_configuration_runs_new_probes_and_leaves_the_others_their_place() -> None:
    """What is new is due at once; what stays is due when it would have been; what is gone is not due any more."""
    kept = probe("kept")
    world = World(kept, probe("gone"))
    world.round(at=0)
    world.now += 10
    world.configure(probe("new"), kept)

    assert world.moments(until=31) == [("new", 10.0), ("kept", 30.0)]


def test_a_probe_with_another_caller_or_interval_runs_at_once() -> None:
    """What a reload changed of a probe shows without delay."""
    world = World(probe("a"))
    world.round(at=0)
    other = probe("a")
    world.configure(other)
    assert world.round(at=1) == ["a"]
    world.configure(other, intervals=replace(EVERY_MINUTE, interval_s=20))

    assert [moment for _, moment in world.moments(until=45)] == [1.0, 21.0, 41.0]


def test_another_interval_spreads_probes_that_stay_among_themselves() -> None:
    """New ones beside them take none of their places."""
    stay = probe("a"), probe("b")
    world = World(*stay)
    world.round(at=0)
    world.configure(*stay, *map(probe, "cd"), intervals=replace(EVERY_MINUTE, interval_s=20))
    world.round(at=0)

    assert sorted(world.moments(until=20)) == [("a", 10.0), ("b", 20.0), ("c", 10.0), ("d", 20.0)]


def test_another_interval_ends_a_pause() -> None:
    """A probe that has failed for long is due at the new interval, and not only when it has answered."""
    same = probe("a")
    world = World(same)
    world.end(world.take()[0], failure(), record=failing(30))
    world.configure(same, intervals=replace(EVERY_MINUTE, interval_s=20))
    (run,) = world.take()

    assert run.pause_s == 20


@pytest.mark.parametrize("outcome", [ACTIVE, failure(), change_at(WALL_BEGAN_AT + 600), None], ids=repr)
def test_a_probe_that_left_under_way_is_not_put_back(outcome: Outcome | None) -> None:
    """Whatever its answer says of its next run, and though it was to run once more right after this one."""
    world = World(probe("a"))
    (run,) = world.take()
    world.plan.begin(run)
    world.plan.run_now([KIND.key("a")])
    world.configure()
    world.now += 500

    assert world.finish(run, outcome) == Finished()
    assert world.plan.next_moment() == float("inf")
    assert world.plan.late_since(timeout_s=10) is None


def test_a_probe_that_left_before_its_thread_came_does_not_begin() -> None:
    """Nor while it waits for its permit."""
    world = World(probe("queued"), probe("postponed"))
    queued, postponed = world.take()
    world.plan.begin(postponed)
    world.configure()
    world.plan.postpone(postponed, postponed.probe, Postponed(permit=PERMIT, wait_s=1))

    assert world.plan.begin(queued) is None
    assert world.due(at=100) == []


def test_a_probe_that_comes_back_is_another_one() -> None:
    """An answer to the run that was under way when it left plans nothing in its place."""
    world = World(probe("a"))
    (left,) = world.take()
    world.plan.begin(left)
    world.configure()
    world.configure(probe("a"))
    (back,) = world.take()
    world.end(back)
    world.finish(left, failure(), record=failing(30))

    assert back is not left
    assert world.moments(until=61) == [("a", 60.0)]


def test_what_has_left_is_not_kept() -> None:
    """It holds credentials, which must not stay until the moment of its run."""
    world = World(probe("a"))
    world.round(at=0)
    gone = weakref.ref(world.plan._runs[KIND.key("a")].probe.caller().credentials)
    world.configure(probe("b"))
    gc.collect()

    assert gone() is None


def test_places_that_runs_no_longer_have_do_not_pile_up() -> None:
    """However often a probe is to run now, the heap stays small."""
    world = World(*(probe(str(number)) for number in range(10)))
    world.round(at=0)
    for _ in range(1_000):
        world.plan.run_now([KIND.key("1")])

    assert len(world.plan._heap) <= 100
    assert len(world.moments(until=61)) == 11


# Health


def late_s(world: World, *, timeout_s: float = 10) -> float | None:
    """For how long polls should have gone on."""
    since = world.plan.late_since(timeout_s=timeout_s)
    return None if since is None else world.now - since


def test_nothing_is_late_in_good_times() -> None:
    """Probes wait for their place, run within their deadline, or wait for their budget."""
    world = World(probe("a"), probe("b"))
    world.round(at=0)
    assert late_s(world) is None
    (run,) = world.take(at=30)
    world.plan.begin(run)
    world.now += 9
    assert late_s(world) is None
    world.plan.postpone(run, run.probe, Postponed(permit=PERMIT, wait_s=1000))
    world.round(at=60)
    world.now += 20
    assert late_s(world) is None


def test_no_probe_is_never_late() -> None:
    """A daemon whose directory is empty is as it should be."""
    world = World()
    world.now += 10_000

    assert late_s(world) is None


@pytest.mark.parametrize("where", ["in the heap", "without a thread", "past its deadline"])
def test_what_stops_polls_shows(where: str) -> None:
    """Be it what hands them out, threads, or calls that do not end."""
    world = World(probe("a"))
    if where != "in the heap":
        (run,) = world.take()
        if where == "past its deadline":
            world.plan.begin(run)
    world.now += 100

    assert late_s(world) == (90 if where == "past its deadline" else 100)


def test_the_end_of_any_poll_starts_the_time_anew() -> None:
    """As long as polls end, what is late is a matter of their number."""
    world = World(probe("stuck"), probe("b"))
    stuck, other = world.take()
    world.plan.begin(stuck)
    world.now += 100
    world.end(other)
    world.now += 30

    assert late_s(world) == 30


def test_polls_that_go_on_are_no_longer_late() -> None:
    """Once what stood still runs again."""
    world = World(probe("a"))
    world.now += 100
    assert late_s(world) == 100
    world.round(at=100)

    assert late_s(world) is None
