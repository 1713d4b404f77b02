"""The scenarios that come with the simulator are worth playing."""

import pytest

from exporter.simulator import FAULT_KINDS, Debt, load_scenario, packaged_scenarios
from exporter.simulator.operations import INVENTORIES, describe_status


@pytest.mark.parametrize("name", packaged_scenarios())
def test_packaged_scenarios_can_be_played(name: str) -> None:
    """Each scenario that comes with the simulator is read without a problem and says something."""
    scenario = load_scenario(name)
    assert all(account.timeline[0].announce for account in scenario.accounts)


def test_the_scenario_of_faults_has_every_kind() -> None:
    """A new kind of fault gets an account there."""
    played = {account.timeline[0].fault for account in load_scenario("faults").accounts}
    assert {fault.kind for fault in played if fault is not None} == set(FAULT_KINDS)


def test_the_demo_is_interesting_within_seconds() -> None:
    """The accounts of the demo are those that its documents name, and things happen at once."""
    demo = {account.name: account for account in load_scenario("demo").accounts}
    older = ["healthy", "released", "switching", "dormant", "flaky", "silent", "legacy"]
    assert list(demo) == [
        *older,
        "indebted",
        "shrinking",
        "streaming",
        "website",
        "undecided",
        "secured",
        "lapsing",
        "unfiled",
        "prepaid",
        "edge",
    ]
    first_events = [account.timeline[1].at_s for account in demo.values() if len(account.timeline) > 1]
    assert min(first_events) <= 10


def test_the_demo_has_every_kind_of_probe() -> None:
    """What each account is worth watching for adds up to every product, debts, a balance, and each inventory."""
    watched = {
        account.name: (account.products, account.debt_status, account.balance, *account.inventories)
        for account in load_scenario("demo").accounts
    }
    plain = (("dcdn_ipa",), False, False)
    assert {name: probes for name, probes in watched.items() if probes != plain} == {
        "indebted": (("dcdn_ipa",), True, False),
        "shrinking": (("dcdn_ipa",), False, True),
        "streaming": (("dcdn",), True, False),
        "website": (("cdn",), True, False),
        "undecided": (("dcdn_ipa", "cdn"), False, False),
        "secured": (("dcdn_sec",), False, False),
        "lapsing": (("cdn",), False, False, "certificates"),
        "unfiled": (("dcdn",), False, False, "domains"),
        "prepaid": (("cdn",), False, False, "resource_packages"),
        "edge": (("esa",), False, False),  # which is watched for its plans in any case
    }
    assert {key for account in watched.values() for key in account[3:]} | {"plans"} == {*INVENTORIES}


def test_the_demo_warns_before_it_locks() -> None:
    """In debt comes first, then overdue and locked, then paid."""
    account = next(account for account in load_scenario("demo").accounts if account.name == "indebted")
    seen = []
    for step in account.timeline:
        answer = describe_status(step.services["dcdn_ipa"].state, step.debts.get("dcdn_ipa", Debt()))
        seen.append((answer["InDebt"], answer["InDebtOverdue"], answer["OnService"]))
    assert seen == [(False, False, True), (True, False, True), (True, True, False), (False, False, True)]


def test_the_demos_package_is_used_up() -> None:
    """It runs low, then nothing is left, then another one is bought."""
    account = next(account for account in load_scenario("demo").accounts if account.name == "prepaid")
    seen = [
        [(int(each.left) * 100 // int(each.init_capacity), each.present_status) for each in packages]
        for packages in [step.inventories["resource_packages", "cdn"] for step in account.timeline]
    ]
    assert seen == [[(31, "valid")], [(4, "valid")], [(0, "exhaust")], [(0, "exhaust"), (100, "valid")]]


def test_the_demos_balance_shrinks() -> None:
    """It falls below zero before it is topped up."""
    account = next(account for account in load_scenario("demo").accounts if account.name == "shrinking")
    amounts = [float(step.balance.available_amount) for step in account.timeline]
    assert amounts[:-1] == sorted(amounts[:-1], reverse=True)
    assert amounts[-2] < 0 < amounts[-1]
