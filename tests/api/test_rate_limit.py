import heapq
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.rate_limit import Budget, Budgets


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that is moved by hand."""
    return Clock()


def test_moments_are_evenly_spaced(clock: Clock) -> None:
    """Places of a queue are 1 / 18.5 s apart where 20 calls a second are permitted."""
    budget = Budget(20, clock=clock)
    moments = [budget.reserve() for _ in range(41)]

    assert moments[0] == 1000.0
    assert [later - earlier for earlier, later in pairwise(moments)] == pytest.approx([1 / 18.5] * 40)


def test_an_idle_time_is_not_saved_up(clock: Clock) -> None:
    """After a pause the first call goes at once, and the second one spacing later."""
    budget = Budget(20, clock=clock)
    budget.reserve()
    clock.now = 2000.0

    assert [budget.reserve(), budget.reserve()] == pytest.approx([2000.0, 2000.0 + 1 / 18.5])


def test_an_early_call_waits_for_its_moment(clock: Clock) -> None:
    """A call is admitted at its moment and not before."""
    budget = Budget(2, clock=clock)
    budget.reserve()
    moment = budget.reserve()
    early = budget.admit(moment)
    clock.now += early

    assert early == pytest.approx(1 / 1.85)
    assert budget.admit(moment) == 0


def test_a_call_that_follows_on_a_reply_is_a_spacing_behind_it(clock: Clock) -> None:
    """However long the call before was on its way; any other may go as soon as its moment has come."""
    budgets = Budgets({"Describe": 20}, clock=clock)
    first = budgets.reserve("1", "Describe")
    assert budgets.admit(first) == 0
    clock.now += 0.5

    assert budgets.reserve("1", "Describe", after_reply=True).moment == pytest.approx(clock.now + 1 / 18.5)
    assert budgets.reserve("1", "Describe").moment == pytest.approx(clock.now + 2 / 18.5)
    budgets.hold(first, 60)
    assert budgets.reserve("1", "Describe", after_reply=True).moment == pytest.approx(clock.now + 60)


def test_late_calls_do_not_follow_in_a_burst(clock: Clock) -> None:
    """After a stall no more calls go at once than are permitted in a second; the next waits 1.05 s."""
    budget = Budget(3, clock=clock)
    moments = [budget.reserve() for _ in range(5)]
    clock.now = 1010.0

    assert [budget.admit(moment) for moment in moments] == pytest.approx([0, 0, 0, 1.05, 1.05])
    clock.now += 1.05
    assert budget.admit(moments[3]) == 0


def test_less_than_one_call_a_second(clock: Clock) -> None:
    """Half a call a second is one call in two seconds and a margin."""
    budget = Budget(0.5, clock=clock)
    moments = [budget.reserve(), budget.reserve()]

    assert moments == pytest.approx([1000.0, 1000.0 + 2 / 0.925])
    clock.now = moments[1]
    assert budget.admit(moments[0]) == 0
    assert budget.admit(moments[1]) == pytest.approx(2.1)


@pytest.mark.parametrize(
    "permitted",
    [
        pytest.param(0, id="none"),
        pytest.param(-1, id="negative"),
        pytest.param(1.5, id="one-and-a-half"),
        pytest.param(float("nan"), id="not-a-number"),
    ],
)
def test_a_limit_that_makes_no_sense(clock: Clock, permitted: float) -> None:
    """No window of a second holds one and a half calls; such a limit is refused."""
    with pytest.raises(ValueError, match="permitted calls per second"):
        Budget(permitted, clock=clock)


delays = st.floats(0, 3, allow_nan=False) | st.just(0.0)
late_calls = st.lists(st.tuples(delays, delays, delays), min_size=1, max_size=120)


def play(budget: Budget, clock: Clock, calls: list[tuple[float, float, float]]) -> list[float]:
    """When each call was admitted; each comes some time after the one before it, and is late to each appointment."""
    came = clock.now
    events: list[tuple[float, int, float | None]] = []
    lateness = []
    for number, (gap, late, later) in enumerate(calls):
        came += gap
        events.append((came, number, None))
        lateness.append((late, later))
    admitted = []
    while events:
        at, number, moment = heapq.heappop(events)
        clock.now = at
        late, later = lateness[number]
        if moment is None:
            moment = budget.reserve()
            heapq.heappush(events, (max(at, moment) + late, number, moment))
        elif wait := budget.admit(moment):
            assert wait > 0
            heapq.heappush(events, (at + wait + later, number, moment))
        else:
            admitted.append(at)
    return admitted


@settings(deadline=None, max_examples=150)
@given(permitted=st.integers(1, 40), calls=late_calls)
def test_no_second_has_too_many_calls(permitted: int, calls: list[tuple[float, float, float]]) -> None:
    """However calls come and however late they are, no window of one second has more than are permitted."""
    clock = Clock()
    admitted = play(Budget(permitted, clock=clock), clock, calls)

    assert len(admitted) == len(calls)
    assert all(later - earlier >= 1 for earlier, later in zip(admitted, admitted[permitted:], strict=False)), admitted


@settings(deadline=None, max_examples=50)
@given(permitted=st.floats(0.05, 0.99), calls=late_calls)
def test_calls_rarer_than_one_a_second(permitted: float, calls: list[tuple[float, float, float]]) -> None:
    """Where less than one call a second is permitted, two are never closer than that."""
    clock = Clock()
    admitted = play(Budget(permitted, clock=clock), clock, calls)

    assert all(later - earlier >= 1 / permitted for earlier, later in pairwise(admitted))


@settings(deadline=None, max_examples=50)
@given(permitted=st.integers(1, 100), calls=st.integers(100, 400))
def test_saturation_uses_the_limit(permitted: int, calls: int) -> None:
    """When there is always a call waiting, at least 92 % of what is permitted is used."""
    clock = Clock()
    admitted = play(Budget(permitted, clock=clock), clock, [(0.0, 0.0, 0.0)] * calls)

    assert (calls - 1) / (admitted[-1] - admitted[0]) >= 0.92 * permitted


@pytest.fixture
def budgets(clock: Clock) -> Budgets:
    """Two operations: the first of two calls a second."""
    return Budgets({"Describe": 2, "Whoami": 100}, clock=clock)


def test_each_account_and_operation_has_its_own(budgets: Budgets) -> None:
    """Neither another account nor another operation takes a place in the queue."""
    for identity, action in [("1", "Describe"), ("2", "Describe"), ("1", "Whoami")]:
        assert budgets.reserve(identity, action).moment == 1000.0
    assert budgets.reserve("1", "Describe").moment == pytest.approx(1000.0 + 1 / 1.85)


def test_an_operation_without_a_limit(budgets: Budgets) -> None:
    """An operation that has no limit cannot be called by mistake."""
    with pytest.raises(KeyError, match="Unknown"):
        budgets.reserve("1", "Unknown")


def test_the_pace_of_each_operation(budgets: Budgets) -> None:
    """The pace is what is permitted less the margin."""
    assert budgets.calls_per_second() == pytest.approx({"Describe": 1.85, "Whoami": 92.5})


def test_budgets_at_rest_are_forgotten_and_others_are_kept(clock: Clock) -> None:
    """With another configuration goes what a new budget would do as well; a recent call and a queue stay counted."""
    budgets = Budgets({"Describe": 2}, clock=clock)
    past = budgets.reserve("past", "Describe")
    budgets.admit(past)
    clock.now += 1.05
    budgets.admit(budgets.reserve("sent", "Describe"))
    queued = [budgets.reserve("queued", "Describe") for _ in range(3)]
    clock.now += 1.0
    budgets.permit({"Describe": 2})

    assert {identity for identity, _ in budgets._budgets} == {"sent", "queued"}
    assert budgets.reserve("past", "Describe").moment == clock.now
    assert budgets.reserve("queued", "Describe").moment == pytest.approx(queued[-1].moment + 1 / 1.85)


def test_budgets_of_keys_that_come_and_go_do_not_pile_up(clock: Clock) -> None:
    """Ten thousand temporary keys, one after another, leave no more than a thousand; the one in use stays counted."""
    budgets = Budgets({"Describe": 2}, clock=clock)
    queued = [budgets.reserve("in use", "Describe") for _ in range(100_000)]
    for number in range(10_000):
        clock.now += 2.0
        budgets.admit(budgets.reserve(f"STS.{number}", "Describe"))

    assert len(budgets._budgets) <= 1_000
    assert budgets.reserve("in use", "Describe").moment == pytest.approx(queued[-1].moment + 1 / 1.85)


def test_a_budget_more_looks_at_few_others() -> None:
    """However many are in use, what is at rest is looked for once in so many new ones as there are."""
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return 1000.0

    budgets = Budgets({"Describe": 2}, clock=clock)
    for number in range(4_000):
        budgets.admit(budgets.reserve(f"account {number}", "Describe"))

    assert looks < 10 * 4_000


@pytest.mark.parametrize(("early_s", "kept"), [(0.0, 0), (0.01, 1)])
def test_a_budget_is_at_rest_from_its_next_moment_on(clock: Clock, early_s: float, kept: int) -> None:
    """What was reserved and not sent counts until then."""
    budgets = Budgets({"Describe": 2}, clock=clock)
    budgets.reserve("account", "Describe")
    (budget,) = budgets._budgets.values()
    clock.now = budget.spent()[0] - early_s
    budgets.permit({"Describe": 2})

    assert len(budgets._budgets) == kept


def test_a_call_of_the_last_seconds_counts_when_calls_become_rarer(clock: Clock) -> None:
    """What was sent two seconds ago is at rest at two calls a second, and not at one in ten seconds."""
    budgets = Budgets({"Describe": 2}, clock=clock)
    budgets.admit(budgets.reserve("account", "Describe"))
    clock.now += 2.0
    budgets.permit({"Describe": 0.1})

    assert budgets.admit(budgets.reserve("account", "Describe")) == pytest.approx(8.5)


def test_a_hold(budgets: Budgets, clock: Clock) -> None:
    """No reservation of that account and operation, made before or after it, is admitted earlier; others are."""
    before = [budgets.reserve("1", "Describe") for _ in range(2)]
    others = [budgets.reserve("2", "Describe"), budgets.reserve("1", "Whoami")]
    budgets.hold(before[0], 60.0)
    after = [budgets.reserve("1", "Describe") for _ in range(2)]

    assert [budgets.seconds_to(each) for each in before + after] == pytest.approx([60, 60, 60, 60 + 1 / 1.85])
    assert [budgets.admit(each) for each in before] == [60, 60]
    assert [budgets.seconds_to(each) for each in others] == [0, 0]
    assert [budgets.admit(each) for each in others] == [0, 0]
    clock.now += 60
    assert [budgets.admit(each) for each in before] == [0, 0]
    assert budgets.admit(after[0]) == pytest.approx(1.05)  # no burst follows


def test_the_longest_hold(budgets: Budgets, clock: Clock) -> None:
    """A budget is never held for longer than that, whatever the API says; the value can change."""
    reservation = budgets.reserve("1", "Describe")
    budgets.longest_hold_s = 300.0
    budgets.hold(reservation, 86_400.0)
    before = budgets.held_s(reservation)
    clock.now += 300
    budgets.longest_hold_s = 40.0
    budgets.hold(reservation, 86_400.0)

    assert (before, budgets.held_s(reservation)) == (300, 40)


def test_a_second_hold_ends_no_earlier(budgets: Budgets, clock: Clock) -> None:
    """The later end counts; and holds that have ended are not kept."""
    first, second = budgets.reserve("1", "Describe"), budgets.reserve("2", "Describe")
    budgets.hold(first, 60.0)
    budgets.hold(first, 5.0)
    assert budgets.held_s(first) == 60
    clock.now += 60
    budgets.hold(second, 5.0)

    assert budgets._held_until == {("2", "Describe"): clock.now + 5}


def test_a_hold_survives_another_configuration(budgets: Budgets, clock: Clock) -> None:
    """It is the API's, whatever we permit ourselves."""
    reservation = budgets.reserve("1", "Describe")
    budgets.hold(reservation, 60.0)
    clock.now += 10
    budgets.permit({"Describe": 1, "Whoami": 100})

    assert budgets.reserve("1", "Describe").moment == 1060.0


@pytest.mark.parametrize(("of_key", "of_account"), [(60.0, 5.0), (5.0, 60.0)])
def test_unite_keeps_the_later_hold(budgets: Budgets, of_key: float, of_account: float) -> None:
    """What was said to a key holds for its account, as the limit is the account's."""
    by_key, by_account = budgets.reserve("key", "Describe"), budgets.reserve("account", "Describe")
    budgets.hold(by_key, of_key)
    budgets.hold(by_account, of_account)
    budgets.unite("key", "account")

    assert (budgets.held_s(by_key), budgets.held_s(by_account)) == (60, 60)


def test_unite_counts_what_was_spent(budgets: Budgets) -> None:
    """Two keys that turn out to be of one account spend one budget, what they have spent before included."""
    places = [budgets.reserve(identity, "Describe") for identity in ("key-1", "key-2", "account")]
    assert [budgets.admit(place) for place in places[:2]] == [0, 0]  # as two budgets
    budgets.unite("key-1", "account")
    budgets.unite("key-2", "account")

    assert budgets.admit(places[2]) == pytest.approx(1.05)  # as one
    assert budgets.reserve("key-1", "Describe").moment == pytest.approx(1000.0 + 1 / 1.85)
    assert budgets.reserve("key-2", "Describe").moment == pytest.approx(1000.0 + 2 / 1.85)
    assert budgets.reserve("account", "Describe").moment == pytest.approx(1000.0 + 3 / 1.85)


def test_unite_keeps_the_places_in_the_queue(budgets: Budgets, clock: Clock) -> None:
    """A place that was reserved under the key is honoured, and counted, under the account."""
    places = [budgets.reserve("key", "Describe") for _ in range(4)]
    budgets.unite("key", "account")
    budgets.unite("key", "account")
    clock.now = 1010.0

    assert [budgets.admit(place) for place in places] == pytest.approx([0, 0, 1.05, 1.05])


def test_unite_before_the_first_call(budgets: Budgets) -> None:
    """A key that has spent nothing joins the account's budget all the same."""
    budgets.unite("key", "account")
    budgets.reserve("key", "Describe")

    assert budgets.reserve("account", "Describe").moment == pytest.approx(1000.0 + 1 / 1.85)


def test_unite_leaves_the_budgets_of_others_alone(budgets: Budgets) -> None:
    """What another key and another account have spent stays theirs, and is no part of the account's."""
    for identity in ("other-key", "other-account", "key"):
        budgets.reserve(identity, "Describe")
    budgets.unite("key", "account")

    for identity in ("other-key", "other-account", "account"):
        assert budgets.reserve(identity, "Describe").moment == pytest.approx(1000.0 + 1 / 1.85)


def in_threads(do: Callable[[], Sequence[float]], threads: int = 16) -> list[float]:
    """What many threads got that all began at once."""
    ready = threading.Barrier(threads)

    def begin_at_once(_: int) -> Sequence[float]:
        ready.wait()
        return do()

    with ThreadPoolExecutor(threads) as pool:
        return [got for each in pool.map(begin_at_once, range(threads)) for got in each]


def test_many_threads_get_different_places(budgets: Budgets) -> None:
    """No two threads get one moment."""
    moments = in_threads(lambda: [budgets.reserve("account", "Whoami").moment for _ in range(50)])

    assert sorted(moments) == pytest.approx([1000.0 + place / 92.5 for place in range(800)])


def test_many_late_threads_get_what_is_permitted(budgets: Budgets, clock: Clock) -> None:
    """When all threads are late for their moments, as many as are permitted are admitted."""
    place = budgets.reserve("account", "Whoami")
    clock.now += 100
    waits = in_threads(lambda: [budgets.admit(place) for _ in range(50)])

    assert Counter(round(wait, 6) for wait in waits) == {0: 100, 1.05: 700}


def test_the_keys_of_accounts_that_left_are_forgotten(budgets: Budgets) -> None:
    """Accounts come and go for months; a key of one that stays still counts in its budget."""
    budgets.unite("key-1", "account-1")
    budgets.unite("key-2", "account-2")
    budgets.keep({"account-2"})
    by_key_and_account = [
        budgets.reserve(f"{of}-{number}", "Describe").moment for number in "12" for of in ("key", "account")
    ]

    assert by_key_and_account == pytest.approx([1000.0, 1000.0, 1000.0, 1000.0 + 1 / 1.85])
