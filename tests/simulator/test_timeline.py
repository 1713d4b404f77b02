"""What an account is like at any moment follows from its steps alone."""

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from exporter.simulator import (
    Account,
    ChargeChange,
    Component,
    Fault,
    PlannedChange,
    PlannedService,
    Scenario,
    ServiceState,
    Step,
)
from exporter.simulator.timeline import account_at, announcements

STARTED = 1_800_000_000.75
HANG = Fault("hang", times=1)


def account_of(*steps: Step, repeat_every_s: float | None = None, name: str = "alice") -> Account:
    """Return an account with these steps."""
    return Account(
        name=name,
        account_id="1",
        access_key_id=f"LTAI5t{name}",
        access_key_secret="s",
        timeline=steps,
        repeat_every_s=repeat_every_s,
    )


def test_the_last_step_begun_is_the_one_that_counts() -> None:
    """A step holds from its own moment until the next one's; the last one stays."""
    active = PlannedService(ServiceState())
    locked = PlannedService(ServiceState(locks=("financial",)))
    account = account_of(Step(services={"dcdn_ipa": active}), Step(at_s=30, services={"dcdn_ipa": locked}))
    for elapsed_s, expected in ((0, active), (29.9, active), (30, locked), (10_000, locked)):
        assert account_at(account, elapsed_s, STARTED).services == {"dcdn_ipa": expected.state}


def test_a_timeline_starts_over() -> None:
    """A repeated timeline is the same in every round."""
    account = account_of(Step(fault=None), Step(at_s=30, fault=HANG), repeat_every_s=60)
    faults = [account_at(account, elapsed_s, STARTED).fault for elapsed_s in (0, 30, 59.9, 60, 89, 90, 3600, 3630)]
    assert faults == [None, HANG, HANG, None, None, HANG, None, HANG]


def test_a_change_falls_due_relative_to_its_round() -> None:
    """The moment of a change is Unix time in whole seconds, in every round anew."""
    planned = PlannedService(ServiceState(), PlannedChange("PayByBandwidth", 45))
    account = account_of(Step(services={"dcdn_ipa": planned}), repeat_every_s=60)
    for elapsed_s, round_starts in ((0, 0), (50, 0), (60, 60), (185, 180)):
        state = account_at(account, elapsed_s, STARTED).services["dcdn_ipa"]
        assert state == ServiceState(change=ChargeChange("PayByBandwidth", 1_800_000_045 + round_starts))


def test_a_change_is_carried_out_in_the_plan_at_its_moment() -> None:
    """A step at the very moment of a change finds it done, one before it finds it pending."""
    planned = PlannedService(ServiceState(), PlannedChange("PayByBandwidth", 45))
    assert planned.settled(44.9) == planned
    assert planned.settled(45) == PlannedService(ServiceState(charge_type="PayByBandwidth"))


def test_a_component_changes_in_the_plan_like_the_service() -> None:
    """Each change at its own moment, and counted from the timeline's start."""
    planned = PlannedService(
        ServiceState(components={"websocket": Component("websockettraffic")}),
        PlannedChange("PayByBandwidth", 45),
        {"websocket": PlannedChange("websocketbps", 30)},
    )
    by_bandwidth = ServiceState(components={"websocket": Component("websocketbps")})

    assert planned.begun(STARTED) == ServiceState(
        change=ChargeChange("PayByBandwidth", 1_800_000_045),
        components={"websocket": Component("websockettraffic", ChargeChange("websocketbps", 1_800_000_030))},
    )
    assert planned.settled(29.9) == planned
    assert planned.settled(30) == PlannedService(by_bandwidth, PlannedChange("PayByBandwidth", 45))
    assert planned.settled(45) == PlannedService(replace(by_bandwidth, charge_type="PayByBandwidth"))


def test_an_end_is_relative_to_its_round() -> None:
    """Unix time in whole seconds, in every round anew; without one in the plan the state's own is sent."""
    planned = PlannedService(ServiceState(end_time="some day"), ends_at_s=3600)
    account = account_of(Step(services={"dcdn_sec": planned}), repeat_every_s=60)
    ends = [account_at(account, elapsed_s, STARTED).services["dcdn_sec"].end_time for elapsed_s in (0, 59, 60)]

    assert ends == ["2027-01-15T09:00:00Z", "2027-01-15T09:00:00Z", "2027-01-15T09:01:00Z"]
    assert planned.settled(50).begun(STARTED) == planned.begun(STARTED)
    assert replace(planned, ends_at_s=None).begun(STARTED).end_time == "some day"
    with pytest.raises(ValueError, match=r"^cdn has an end; accepted: that of dcdn_sec$"):
        Step(services={"cdn": planned})


def test_a_component_belongs_to_a_product() -> None:
    """That of another one is refused, and so is a change that is not in the plan."""
    websocket = PlannedService(ServiceState(components={"websocket": Component()}))
    with pytest.raises(ValueError, match=r"^cdn has a component 'websocket'; accepted: dynamic$"):
        Step(services={"dcdn": websocket, "cdn": websocket})
    with pytest.raises(ValueError, match=r"^dcdn_ipa has a component 'websocket'; accepted: none$"):
        Step(services={"dcdn_ipa": PlannedService(ServiceState(), None, {"websocket": PlannedChange("x", 1)})})
    with pytest.raises(ValueError, match="it belongs into the plan"):
        PlannedService(ServiceState(components={"websocket": Component("a", ChargeChange("b", 1))}))


def test_a_fault_that_goes_on_keeps_its_beginning() -> None:
    """Steps that keep a fault do not begin it anew, a later round does."""
    other = replace(HANG)
    account = account_of(
        Step(), Step(at_s=10, fault=HANG), Step(at_s=20, fault=HANG), Step(at_s=30, fault=other), repeat_every_s=40
    )
    beginnings = [account_at(account, elapsed_s, STARTED).fault_since_s for elapsed_s in (5, 10, 25, 35, 45, 65)]
    assert beginnings == [0, 10, 10, 30, 40, 50]


def test_announcements_come_in_order_of_time() -> None:
    """Sentences of all accounts are merged, once for a timeline that ends, for ever for one that repeats."""
    once = account_of(Step(announce="begins"), Step(at_s=25, announce="ends"), name="once")
    again = account_of(
        Step(announce="up"), Step(at_s=10), Step(at_s=15, announce="down"), repeat_every_s=20, name="x"
    )
    assert list(islice(announcements([once, again]), 7)) == [
        (0.0, "once", "begins"),
        (0.0, "x", "up"),
        (15.0, "x", "down"),
        (20.0, "x", "up"),
        (25.0, "once", "ends"),
        (35.0, "x", "down"),
        (40.0, "x", "up"),
    ]
    assert next(announcements([once, again], since_s=36)) == (40.0, "x", "up")
    assert list(announcements([account_of(Step(), repeat_every_s=5)])) == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param({"timeline": ()}, "timeline is empty; accepted: a step at 0s", id="no step"),
        pytest.param({"timeline": (Step(at_s=1),)}, r"timeline\[0\].at is 1 s; accepted: 0s", id="late first step"),
        pytest.param(
            {"timeline": (Step(), Step(at_s=5), Step(at_s=5))},
            r"timeline\[2\].at is 5 s; accepted: after .*, 5 s",
            id="same time",
        ),
        pytest.param(
            {"timeline": (Step(), Step(at_s=5)), "repeat_every_s": 5.0},
            "repeat_every is 5 s; accepted: after the last step, 5 s",
            id="short round",
        ),
        pytest.param(
            {"repeat_every_s": 0.0}, "repeat_every is 0 s; accepted: after the last step, 0 s", id="no round"
        ),
        pytest.param({"account_id": "abc"}, "account_id is 'abc'; accepted: digits", id="id"),
        pytest.param({"name": ""}, "the name of an account is empty", id="name"),
        pytest.param(
            {"products": ()},
            "products is empty; accepted: some of dcdn_ipa, dcdn, cdn, dcdn_sec, esa",
            id="no product",
        ),
        pytest.param(
            {"products": ("cdn", "cdn")},
            "accepted: some of dcdn_ipa, dcdn, cdn, dcdn_sec, esa, each once",
            id="twice",
        ),
        pytest.param({"products": ("oss",)}, "products is oss; accepted", id="product"),
        pytest.param({"access_key_id": ""}, "the access_key_id of an account is empty", id="key"),
        pytest.param({"access_key_secret": ""}, "the access_key_secret of an account is empty", id="secret"),
    ],
)
def test_bad_accounts_do_not_exist(account: Account, parts: dict[str, Any], message: str) -> None:
    """An account that could not be played is refused."""
    with pytest.raises(ValueError, match=message):
        replace(account, **parts)


def test_an_account_has_all_of_its_problems(account: Account) -> None:
    """Each is a line of the error."""
    with pytest.raises(ValueError, match=r"^account_id is .*\nproducts is .*\ntimeline.*\nrepeat_every is .*$"):
        replace(account, account_id="x", products=(), timeline=(Step(at_s=2),), repeat_every_s=1.0)


def test_a_planned_service_has_its_change_in_the_plan() -> None:
    """A change with a Unix time of its own has no place in a timeline."""
    with pytest.raises(ValueError, match="belongs into the plan"):
        PlannedService(ServiceState(change=ChargeChange("PayByBandwidth", 1)))


def test_accounts_are_told_apart(account: Account) -> None:
    """Names and keys are unique in a scenario, account ids need not be."""
    Scenario("two keys of one account", (account, replace(account, name="b", access_key_id="LTAI5tB")))
    with pytest.raises(ValueError, match=r"accounts\[0\] and accounts\[1\] have the name 'alice'"):
        Scenario("", (account, replace(account, access_key_id="LTAI5tB")))
    with pytest.raises(ValueError, match=r"accounts\[0\] and accounts\[1\] have the access_key_id 'LTAI5tAlice'"):
        Scenario("", (account, replace(account, name="b")))


def test_secrets_are_not_in_repr(temporary_account: Account) -> None:
    """An account can be printed."""
    shown = repr(Scenario("", (temporary_account,)))
    assert "bob-secret" not in shown
    assert "bob-token" not in shown
