import math
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import pytest

from exporter.core.model import Answer, Failure, FailureReason, Observation, ProbeKey, State
from exporter.core.store import ProbeRecord, Store
from exporter.probes.service_state import ServiceState

PROD = ProbeKey(account="prod", product="dcdn_ipa", probe="service")
SHOP = ProbeKey(account="shop", product="dcdn_ipa", probe="service")
NEW = ProbeKey(account="new", product="dcdn_ipa", probe="service")
ACTIVE = ServiceState(charge_type="PayByTraffic")
LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial",))
TIMEOUT = Failure(FailureReason.TIMEOUT, "no reply within 10 s")
THROTTLED = Failure(FailureReason.THROTTLED, "too many calls", code="Throttling.User", http_status=400)


def answered(at: float, state: State = ACTIVE) -> Observation:
    return Observation(finished_at=at, duration_s=0.25, outcome=Answer(state=state))


def times_of_answers(memory: tuple[float, ...] | None, _answer: Answer[Any], at: float) -> tuple[float, ...]:
    """What an invented kind of probe remembers."""
    return (*(memory or ()), at)


def record_in(store: Store, key: ProbeKey, observation: Observation, **caller: str) -> Any:
    return store.record(key, observation, remember=times_of_answers, **caller)


def failed(at: float, failure: Failure = TIMEOUT) -> Observation:
    return Observation(finished_at=at, duration_s=10.0, outcome=failure)


def after(*observations: Observation) -> ProbeRecord:
    record = ProbeRecord()
    for observation in observations:
        record = record.after(observation, remember=times_of_answers)
    return record


def ignore(_key: ProbeKey, _record: ProbeRecord) -> None:
    return


def none_failed(**but: int) -> dict[FailureReason, int]:
    return {reason: but.get(reason.value, 0) for reason in FailureReason}


def test_a_fresh_record_knows_nothing() -> None:
    """Every counter is 0, every reason of failure among them, and there is no state."""
    record = ProbeRecord()

    assert (record.polls, record.skipped, record.failures) == (0, 0, none_failed())
    assert (record.last_poll_at, record.last_success_at, record.last_poll_duration_s) == (0, 0, 0)
    assert record.state is None
    assert record.current_state(0.0, math.inf) is None


def test_an_answer_is_kept_with_its_time() -> None:
    """The record after the first answer, as a whole."""
    observation = answered(1000.0)

    assert after(observation) == ProbeRecord(
        polls=1,
        last_poll_at=1000.0,
        last_poll_duration_s=0.25,
        last_success_at=1000.0,
        last_outcome=observation.outcome,
        state=ACTIVE,
        memory=(1000.0,),
    )


def test_a_failure_moves_neither_state_nor_success() -> None:
    """What was known stays known, as old as it is; the poll itself is counted."""
    record = after(answered(1000.0, LOCKED), failed(1060.0), failed(1120.0, THROTTLED))

    assert record == ProbeRecord(
        polls=3,
        failures=MappingProxyType(none_failed(timeout=1, throttled=1)),
        last_poll_at=1120.0,
        last_poll_duration_s=10.0,
        last_success_at=1000.0,
        last_outcome=THROTTLED,
        failures_in_row=2,
        state=LOCKED,
        memory=(1000.0,),
    )


def test_an_answer_grows_old_by_a_clock_that_was_set_back() -> None:
    """From the first failure after that on: an answer of a moment to come would not grow old before that moment."""
    record = after(answered(90_000.0), failed(1000.0), failed(1060.0))

    assert record.last_success_at == 1000.0
    assert record.current_state(1600.0, 600.0) == ACTIVE
    assert record.current_state(1600.5, 600.0) is None
    assert after(failed(1000.0)).last_success_at == 0
    assert record.after(answered(1120.0), remember=times_of_answers).last_success_at == 1120.0


@pytest.mark.parametrize("reason", FailureReason)
def test_every_failure_counts_for_its_reason(reason: FailureReason) -> None:
    """And for no other."""
    assert after(failed(1000.0, Failure(reason, "because"))).failures == none_failed(**{reason.value: 1})


def test_an_answer_ends_the_row_of_failures() -> None:
    """Their count stays in the counter, not in the row."""
    record = after(failed(1000.0), failed(1060.0), answered(1120.0), failed(1180.0))

    assert record.failures_in_row == 1
    assert record.failures[FailureReason.TIMEOUT] == 3


def test_a_record_never_changes() -> None:
    """The next poll makes a new one, so that a reader never sees half of it."""
    before = after(answered(1000.0))
    copy = after(answered(1000.0))
    before.after(failed(1060.0), remember=times_of_answers)
    before.after_skips(1)

    assert before == copy


def test_a_skip_is_no_poll() -> None:
    """It counts by itself and changes nothing else."""
    record = after(answered(1000.0)).after_skips(1).after_skips(1)

    assert record.skipped == 2
    assert record.polls == 1
    assert record.last_poll_at == 1000.0


def test_a_kind_remembers_from_answer_to_answer() -> None:
    """It receives what it remembered, the answer and its time, and nothing else; a failure leaves it as it is."""
    record = after(answered(1000.0), failed(1060.0), answered(1120.0))

    assert record.memory == (1000.0, 1120.0)


@pytest.mark.parametrize(
    ("age_s", "current"),
    [
        pytest.param(0, ACTIVE, id="fresh"),
        pytest.param(600, ACTIVE, id="as old as allowed"),
        pytest.param(600.001, None, id="stale"),
    ],
)
def test_an_answer_goes_stale(age_s: float, current: ServiceState | None) -> None:
    """It is current up to the limit and the limit included."""
    assert after(answered(1000.0)).current_state(1000.0 + age_s, 600.0) == current


def test_the_store_returns_the_record_before_and_after() -> None:
    """So that the poller can compare the two."""
    store = Store([PROD], on_change=ignore)
    first = record_in(store, PROD, answered(1000.0))
    second = record_in(store, PROD, failed(1060.0))

    assert first == (ProbeRecord(), after(answered(1000.0)))
    assert first is not None
    assert second == (first[1], after(answered(1000.0), failed(1060.0)))
    assert second is not None
    assert store.get(PROD) == second[1]


def test_probes_do_not_touch_each_other() -> None:
    """Each has a history of its own, also before its first poll."""
    store = Store([PROD, SHOP], on_change=ignore)
    record_in(store, PROD, answered(1000.0))
    store.record_skips(SHOP, 1)

    assert store.records() == {PROD: after(answered(1000.0)), SHOP: ProbeRecord(skipped=1)}


def test_a_probe_that_is_not_configured_has_no_record() -> None:
    """Nothing is kept of it, and no listener is called."""
    told: list[ProbeKey] = []
    store = Store([PROD], on_change=lambda key, _: told.append(key))

    store.record_skips(SHOP, 1)
    assert record_in(store, SHOP, answered(1000.0)) is None
    assert store.records() == {PROD: ProbeRecord()}
    assert told == []


def test_another_configuration_keeps_the_records_of_probes_that_stay() -> None:
    """New ones begin from nothing, those that leave have no record, and readiness waits for the new ones."""
    store = Store([PROD, SHOP], on_change=ignore)
    record_in(store, PROD, answered(1000.0))
    record_in(store, SHOP, answered(1000.0))
    store.configure([NEW, PROD])

    assert store.records() == {NEW: ProbeRecord(), PROD: after(answered(1000.0))}
    assert not store.all_polled
    assert record_in(store, SHOP, answered(1060.0)) is None
    store.configure([PROD])
    assert store.all_polled


def test_a_name_that_stands_for_another_account_keeps_its_counters_only() -> None:
    """What was learned of the other account is gone at once, and the listener that shows records is called."""
    told: list[ProbeRecord] = []
    store = Store([PROD], on_change=lambda _key, record: told.append(record))
    store.configure([PROD], account_ids={"prod": "1"})
    record_in(store, PROD, failed(1000.0))
    record_in(store, PROD, answered(1060.0, LOCKED))
    store.record_skips(PROD, 1)
    store.configure([PROD], account_ids={"prod": "2"})

    counted = ProbeRecord(polls=2, failures=none_failed(timeout=1), skipped=1)
    assert (store.get(PROD), told[-1]) == (counted, counted)


def test_nothing_is_told_of_a_probe_that_another_account_brings_along() -> None:
    """The listener that shows records does not know it yet, and there is nothing to forget of it."""
    told: list[ProbeKey] = []
    store = Store([PROD], on_change=lambda key, _record: told.append(key))
    store.configure([PROD], account_ids={"prod": "1"})
    store.configure([PROD, ProbeKey(account="prod", product="cdn", probe="service")], account_ids={"prod": "2"})

    assert told == [PROD]


def test_an_id_that_is_learned_later_counts_alike() -> None:
    """The first one changes nothing, another one leaves the counters; other accounts are left alone."""
    store = Store([PROD, SHOP], on_change=ignore)
    for key in (PROD, SHOP):
        record_in(store, key, answered(1000.0))
    store.know_account("prod", "1")
    store.know_account("shop", "1")
    assert store.get(PROD) == after(answered(1000.0))

    store.know_account("prod", "2")
    assert store.records() == {PROD: ProbeRecord(polls=1), SHOP: after(answered(1000.0))}


def test_a_late_answer_of_another_account_is_nobodys() -> None:
    """A poll that began before its name came to stand for another account leaves no trace, nor does it count."""
    store = Store([PROD], on_change=ignore)
    store.configure([PROD], account_ids={"prod": "2"})

    assert record_in(store, PROD, answered(1000.0), account_id="1") is None
    assert store.get(PROD) == ProbeRecord()
    assert record_in(store, PROD, answered(1000.0), account_id="2") is not None
    assert record_in(store, PROD, answered(1060.0)) is not None  # it is not known yet who that was


def test_records_are_as_of_one_moment() -> None:
    """A later poll does not show in what was read before it."""
    store = Store([PROD], on_change=ignore)
    before = store.records()
    record_in(store, PROD, answered(1000.0))

    assert before == {PROD: ProbeRecord()}


def test_all_are_polled_once_each_was() -> None:
    """One finished poll of every probe, failed or not, is what readiness waits for; skips and repeats are none."""
    store = Store([PROD, SHOP], on_change=ignore)
    store.record_skips(PROD, 1)
    record_in(store, PROD, failed(1000.0))
    record_in(store, PROD, answered(1060.0))
    assert not store.all_polled

    record_in(store, SHOP, answered(1000.0))
    assert store.all_polled


def test_every_change_is_told_in_order() -> None:
    """A skip is a change too."""
    told: list[tuple[ProbeKey, int, int]] = []
    store = Store([PROD, SHOP], on_change=lambda key, record: told.append((key, record.polls, record.skipped)))
    record_in(store, PROD, answered(1000.0))
    store.record_skips(PROD, 1)
    record_in(store, SHOP, failed(1060.0))

    assert told == [(PROD, 1, 0), (PROD, 1, 1), (SHOP, 1, 0)]


def test_threads_lose_nothing() -> None:
    """Polls from many threads are all counted, and told one at a time in the order of their records."""
    told: dict[ProbeKey, list[int]] = {PROD: [], SHOP: []}
    store = Store([PROD, SHOP], on_change=lambda key, record: told[key].append(record.polls + record.skipped))

    def story(thread: int) -> None:
        for number in range(250):
            key = (PROD, SHOP)[number % 2]
            match (number + thread) % 5:
                case 0:
                    store.record_skips(key, 1)
                case 1:
                    record_in(store, key, failed(1000.0))
                case _:
                    record_in(store, key, answered(1000.0))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(story, range(8)))

    records = store.records().values()
    assert sum(record.polls for record in records) == 1600
    assert sum(record.skipped for record in records) == 400
    assert sum(record.failures[FailureReason.TIMEOUT] for record in records) == 400
    assert told == {PROD: list(range(1, 1001)), SHOP: list(range(1, 1001))}


def test_what_is_told_again_is_the_same_object() -> None:
    """As long as a service stays as it is, nothing of its state is made anew and kept."""
    first, again, changed = (after(answered(1.0), answered(2.0, state)) for state in (ACTIVE, again_active(), LOCKED))
    outcomes = [record.last_outcome for record in (first, again, changed)]

    assert [record.state is ACTIVE for record in (first, again, changed)] == [True, True, False]
    assert [isinstance(outcome, Answer) and outcome.state is ACTIVE for outcome in outcomes] == [True, True, False]
    assert again.last_success_at == 2.0


def again_active() -> ServiceState:
    return ServiceState(charge_type="PayByTraffic")


def test_the_last_first_poll_is_told() -> None:
    """Once for each configuration that brings new probes, after the record of it is there."""
    told: list[int] = []
    store = Store([PROD, SHOP], on_change=ignore, on_all_polled=lambda: told.append(store.get(SHOP).polls))
    record_in(store, PROD, answered(1.0))
    record_in(store, PROD, answered(2.0))
    assert told == []
    record_in(store, SHOP, failed(3.0))
    record_in(store, SHOP, answered(4.0))
    assert told == [1]
    store.configure([PROD, SHOP, NEW])
    record_in(store, PROD, answered(5.0))
    assert told == [1]
    record_in(store, NEW, answered(6.0))
    assert told == [1, 2]
