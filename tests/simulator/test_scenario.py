"""Scenario files are read strictly."""

from pathlib import Path

import pytest

from exporter.simulator import (
    Account,
    Balance,
    Component,
    Debt,
    Fault,
    Member,
    PlannedChange,
    PlannedService,
    Role,
    Scenario,
    ScenarioError,
    ServiceState,
    Step,
    load_scenario,
    parse_scenario,
    scenario,
)
from exporter.simulator.reading import MAX_BYTES
from tests.simulator.scenarios import SCENARIO


def test_steps_inherit_what_they_do_not_name() -> None:
    """Each step is whole: what it names, the rest from the step before, and a change that fell due carried out."""
    first = ServiceState(instance_id="1000000000000002", opening_time="2020-01-01T00:00Z")
    locked = ServiceState(instance_id="1000000000000002", opening_time="2020-01-01T00:00Z", locks=("financial",))
    changed = ServiceState(
        instance_id="1000000000000002", opening_time="2020-01-01T00:00Z", charge_type="PayByBandwidth"
    )
    gone = ServiceState(
        instance_id="FP-1", opening_time="2020-01-01T00:00Z", charge_type="PayByBandwidth", activated=False
    )
    slow = Fault("latency", seconds=2)
    assert parse_scenario(SCENARIO) == Scenario(
        "three steps",
        (
            Account(
                name="released",
                account_id="1000000000000002",
                access_key_id="LTAI5tReleased",
                access_key_secret="made-up",
                security_token="made-up-too",
                repeat_every_s=180.0,
                timeline=(
                    Step(services={"dcdn_ipa": PlannedService(first)}, announce="healthy"),
                    Step(
                        at_s=30.0,
                        services={"dcdn_ipa": PlannedService(locked, PlannedChange("PayByBandwidth", 60.0))},
                        fault=slow,
                    ),
                    Step(at_s=75.0, services={"dcdn_ipa": PlannedService(changed)}, fault=slow),
                    Step(at_s=90.5, services={"dcdn_ipa": PlannedService(gone)}),
                ),
            ),
        ),
    )


def test_a_change_can_be_called_off() -> None:
    """Null takes back what is pending, which the real service does not let anybody do."""
    [account] = parse_scenario(SCENARIO.replace("locks: []", "change: null").replace("1m15s", "45s")).accounts
    assert [step.services["dcdn_ipa"].change for step in account.timeline] == [
        None,
        PlannedChange("PayByBandwidth", 60.0),
        None,
        None,
    ]
    assert account.timeline[-1].services["dcdn_ipa"].state.charge_type == "PayByTraffic"


def test_components_are_billed_by_themselves() -> None:
    """What a step does not name of one stays: its method, a change that is pending, the service around it."""
    text = """
        description: components
        accounts:
          - name: a
            account_id: "1"
            access_key_id: k
            access_key_secret: s
            timeline:
              - at: 0s
                services: {dcdn: {components: {websocket: {change: {charge_type: websocketbps, in: 3s}}}}}
              - {at: 1s, services: {dcdn: {components: {websocket: {charge_type: websockettraffic}}, locks: [x]}}}
              - {at: 2s, services: {dcdn: {components: {websocket: {charge_type: ""}}}}}
              - {at: 4s, services: {cdn: {components: {dynamic: {charge_type: a, change: {charge_type: b, in: 1s}}}}}}
              - {at: 4s500ms, services: {cdn: {components: {dynamic: {change: null}}}}}
    """
    [account] = parse_scenario(text).accounts
    change = PlannedChange("websocketbps", 3.0)
    services = [step.services["dcdn"] for step in account.timeline]
    assert [(service.state.components, service.component_changes) for service in services] == [
        ({}, {"websocket": change}),
        ({"websocket": Component("websockettraffic")}, {"websocket": change}),
        ({"websocket": Component("")}, {"websocket": change}),
        ({"websocket": Component("websocketbps")}, {}),
        ({"websocket": Component("websocketbps")}, {}),
    ]
    assert services[-1].state.locks == ("x",)
    assert [step.services["cdn"].component_changes for step in account.timeline[3:]] == [
        {"dynamic": PlannedChange("b", 5.0)},
        {},
    ]
    with pytest.raises(ScenarioError, match=r"timeline\[4\]: cdn has a component 'websocket'; accepted: dynamic"):
        parse_scenario(text.replace("dynamic: {change: null}", "websocket: {change: null, charge_type: x}"))


def test_a_service_ends_at_a_moment_or_some_time_after_a_step() -> None:
    """Whichever was named last holds, until the other one is named; both at once are none."""
    text = """
        description: an end
        accounts:
          - name: a
            account_id: "1"
            access_key_id: k
            access_key_secret: s
            timeline:
              - {at: 0s, services: {dcdn_sec: {end_time: "2030-01-01T00:00Z"}}}
              - {at: 10s, services: {dcdn_sec: {ends_in: 1h}}}
              - {at: 20s, services: {dcdn_sec: {locks: [financial]}}}
              - {at: 30s, services: {dcdn_sec: {end_time: never}}}
    """
    [account] = parse_scenario(text).accounts
    services = [step.services["dcdn_sec"] for step in account.timeline]

    assert [service.ends_at_s for service in services] == [None, 3610.0, 3610.0, None]
    assert [service.state.end_time for service in services] == [*["2030-01-01T00:00Z"] * 3, "never"]
    with pytest.raises(ScenarioError, match="a service has one end; leave out end_time or ends_in"):
        parse_scenario(text.replace("end_time: never", "end_time: never, ends_in: 1s"))


def test_money_and_rights_stay_until_they_are_named() -> None:
    """A step names what changes: one product's debt, the amount of the balance, the whole list of lacking rights."""
    text = """
        description: money
        accounts:
          - name: a
            account_id: "1"
            access_key_id: k
            access_key_secret: s
            denied: [QueryAccountBalance]
            timeline:
              - {at: 0s, debt: {dcdn_ipa: {in_debt: true}}, balance: {available_amount: "1.00", currency: USD}}
              - {at: 1s, debt: {cdn: {enabled: true}}, balance: {available_amount: "-1.00"}, denied: []}
              - {at: 2s, debt: {dcdn_ipa: {on_service: false, in_debt: null}}}
              - {at: 3s, debt: {dcdn_ipa: null}, services: {cdn: {denied_for_security: true}}}
    """
    [account] = parse_scenario(text).accounts
    assert [(step.debts, step.balance, step.denied) for step in account.timeline] == [
        ({"dcdn_ipa": Debt(in_debt=True)}, Balance("1.00", "USD"), {"QueryAccountBalance"}),
        ({"dcdn_ipa": Debt(in_debt=True), "cdn": Debt(enabled=True)}, Balance("-1.00", "USD"), frozenset()),
        ({"dcdn_ipa": Debt(on_service=False), "cdn": Debt(enabled=True)}, Balance("-1.00", "USD"), frozenset()),
        ({"cdn": Debt(enabled=True)}, Balance("-1.00", "USD"), frozenset()),
    ]
    assert account.timeline[-1].services["cdn"].state.denied_for_security


def test_members_come_and_go() -> None:
    """A step that names members names all of them, and null ends the directory."""
    text = """
        description: directory
        accounts:
          - name: a
            account_id: "1"
            access_key_id: k
            access_key_secret: s
            timeline:
              - {at: 0s}
              - {at: 1s, members: [{account_id: "2", display_name: b}, {account_id: "3", display_name: c}]}
              - {at: 2s}
              - {at: 3s, members: [{account_id: "2", display_name: b, status: InviteSuccess, type: CloudAccount,
                                    join_time: soon}]}
              - {at: 4s, members: null}
    """
    [account] = parse_scenario(text).accounts
    both = (Member("2", "b"), Member("3", "c"))
    one = (Member("2", "b", "InviteSuccess", "CloudAccount", "soon"),)
    assert [step.members for step in account.timeline] == [None, both, both, one, None]


def test_roles_are_read() -> None:
    """An account has a user and roles, whom each trusts and what it asks for."""
    text = SCENARIO.replace(
        "    repeat_every: 3m",
        """    ram_user: exporter
    roles:
      - {name: reader, trusted: ["1", ecs.aliyuncs.com, oidc-provider/c], external_id: made-up, max_session: 2h}
      - {name: other, trusted: ["1"]}""",
    )
    [account] = parse_scenario(text).accounts
    assert (account.ram_user, account.roles) == (
        "exporter",
        (Role("reader", ("1", "ecs.aliyuncs.com", "oidc-provider/c"), "made-up", 7200), Role("other", ("1",))),
    )


def test_a_date_needs_no_quotes() -> None:
    """It is the text that it is in the API's answers."""
    text = SCENARIO.replace('opening_time: "2020-01-01T00:00Z"', "opening_time: 2020-01-01")
    [account] = parse_scenario(text).accounts
    assert account.timeline[0].services["dcdn_ipa"].state.opening_time == "2020-01-01"


def test_scenarios_come_by_name_or_from_a_file(tmp_path: Path) -> None:
    """A packaged name is looked up first, anything else is a path."""
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    assert load_scenario(str(file)) == parse_scenario(SCENARIO)
    assert load_scenario("healthy").accounts[0].name == "healthy"
    for name, hint in (("nowhere", ""), ("helthy", r" \(did you mean healthy\?\)")):
        accepted = f"accepted: demo, directory, faults, healthy{hint}, or a file"
        with pytest.raises(ScenarioError, match=f"^there is no such scenario and no such file; {accepted}$"):
            load_scenario(name)
    with pytest.raises(ScenarioError, match=r"^the file cannot be read: Is a directory$"):
        load_scenario(str(tmp_path))
    with pytest.raises(ScenarioError, match=r"^it is empty; accepted: demo, directory, faults, healthy, or a file$"):
        load_scenario("")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"a: b\nc: \xff\n", "line 2: these bytes are not UTF-8; save the file as UTF-8", id="not UTF-8"),
        pytest.param(SCENARIO.encode("utf-16"), "line 1: these bytes are not UTF-8", id="UTF-16"),
        pytest.param(b"#" * MAX_BYTES + b"\n", "the file: larger than 16 MiB, the most that is read", id="too large"),
    ],
)
def test_a_file_that_cannot_be_read_whole(tmp_path: Path, content: bytes, problem: str) -> None:
    """It is said what is wrong with the file, not that no scenario has its name."""
    file = tmp_path / "scenario.yaml"
    file.write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(file))
    assert str(caught.value).startswith(problem)


def test_a_large_scenario_is_read() -> None:
    """More than a hundred thousand values are no bomb."""
    tags = ", ".join(f"t{number}: x" for number in range(500))
    members = ", ".join(f'{{account_id: "{number}", display_name: x, tags: *t}}' for number in range(1, 120))
    text = f"""
description: many members with many tags
accounts:
  - name: a
    account_id: "1"
    access_key_id: k
    access_key_secret: s
    timeline: [{{at: 0s, members: [{{account_id: "0", display_name: x, tags: &t {{{tags}}}}}, {members}]}}]
"""
    members_read = parse_scenario(text).accounts[0].timeline[0].members
    assert members_read is not None
    assert sum(1 + 2 * len(member.tags) for member in members_read) > 100_000


def test_what_is_worth_watching_is_read() -> None:
    """An account says which products, whether their debts, and whether its balance."""
    text = SCENARIO.replace(
        "    repeat_every: 3m", "    products: [cdn, dcdn]\n    debt_status: true\n    balance: true"
    )
    [account] = parse_scenario(text).accounts
    assert (account.products, account.debt_status, account.balance) == (("cdn", "dcdn"), True, True)
    [account] = parse_scenario(SCENARIO).accounts
    assert (account.products, account.debt_status, account.balance) == (("dcdn_ipa",), False, False)


def test_the_example_of_the_format_can_be_played() -> None:
    """What the module shows to people who write scenarios is a scenario."""
    example = str(scenario.__doc__).split("```")[1].removeprefix("yaml\n")
    [account] = parse_scenario(example).accounts
    assert account.name == "released"
