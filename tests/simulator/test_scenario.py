"""Scenario files are read strictly."""

from pathlib import Path

import pytest

from exporter.simulator import (
    FAULT_KINDS,
    Account,
    Balance,
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
    packaged_scenarios,
    parse_scenario,
    scenario,
)
from exporter.simulator.operations import describe_status

SCENARIO = """
description: three steps
accounts:
  - name: released
    account_id: "1000000000000002"
    access_key_id: LTAI5tReleased
    access_key_secret: made-up
    security_token: made-up-too
    repeat_every: 3m
    timeline:
      - at: 0s
        services: {dcdn_ipa: {charge_type: PayByTraffic, opening_time: "2020-01-01T00:00Z"}}
        announce: healthy
      - at: 30s
        services: {dcdn_ipa: {locks: [financial], change: {charge_type: PayByBandwidth, in: 30s}}}
        fault: {kind: latency, seconds: 2}
      - at: 1m15s
        services: {dcdn_ipa: {locks: []}}
      - at: 90s500ms
        services: {dcdn_ipa: {activated: false, instance_id: FP-1}}
        fault: null
"""


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


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param("name: rel", "nmae: rel", "accounts[0].nmae: the key is not known; accepted: name, ", id="typo"),
        pytest.param(
            "  - name: released\n    account_id",
            "  - account_id",
            "accounts[0].name: is missing",
            id="missing",
        ),
        pytest.param(
            "    security_token: made-up-too",
            "    access_key_id: LTAI5tTwice",
            "accounts[0].access_key_id: the key is there twice; accepted: once",
            id="repeated key",
        ),
        pytest.param(
            "locks: []",
            "locks: [], locks: [x]",
            "accounts[0].timeline[2].services.dcdn_ipa.locks: the key is there twice; accepted: once",
            id="repeated key deep inside",
        ),
        pytest.param(
            '"1000000000000002"',
            "1000000000000002",
            "accounts[0].account_id: is 1000000000000002; accepted: a text, in quotes",
            id="id without quotes",
        ),
        pytest.param(
            "made-up\n", "12345\n", "accounts[0].access_key_secret: is '...'; accepted: a text", id="secret not shown"
        ),
        pytest.param("at: 30s", "at: 30", "accounts[0].timeline[1].at: is 30; accepted: a duration", id="no unit"),
        pytest.param(
            "at: 30s", "at: soon", "accounts[0].timeline[1].at: is 'soon'; accepted: a dur", id="no duration"
        ),
        pytest.param("at: 30s", "at: ''", "accounts[0].timeline[1].at: is ''; accepted: a duration", id="empty"),
        pytest.param("at: 30s", "at: 2m", "accounts[0]: each step of a timeline is later", id="out of order"),
        pytest.param("3m", "1m", "accounts[0]: repeat_every is longer than", id="short round"),
        pytest.param("dcdn_ipa: {locks: []}", "ipa: {}", "[2].services.ipa: the key is not known", id="product"),
        pytest.param("locks: []", "locks: financial", "dcdn_ipa.locks: is 'financial'; accepted: a list", id="locks"),
        pytest.param("locks: []", "locks: [1]", "dcdn_ipa.locks[0]: is 1; accepted: a reason", id="lock"),
        pytest.param("activated: false", "activated: maybe", "is 'maybe'; accepted: true or false", id="flag"),
        pytest.param("in: 30s", "at: 30s", "dcdn_ipa.change.at: the key is not known", id="change"),
        pytest.param("kind: latency", "kind: slow", "fault.kind: is 'slow'; accepted: latency, reset", id="kind"),
        pytest.param("seconds: 2", "seconds: 2s", "[1].fault.seconds: is '2s'; accepted: a number", id="number"),
        pytest.param("seconds: 2", "times: 2", "[1].fault: a fault of kind latency needs seconds", id="bad fault"),
        pytest.param("seconds: 2", "times: 1.5", "fault.times: is 1.5; accepted: a whole number", id="whole number"),
        pytest.param("{locks: []}", "[]", "services.dcdn_ipa: is []; accepted: a mapping of activated", id="mapping"),
        pytest.param("fault: null", "debt: {ipa: {}}", "[3].debt.ipa: the key is not known", id="debt of what"),
        pytest.param("fault: null", "debt: {cdn: {owed: 1}}", "debt.cdn.owed: the key is not known", id="debt"),
        pytest.param("fault: null", "debt: {cdn: {in_debt: 1}}", "in_debt: is 1; accepted: true or", id="debt flag"),
        pytest.param(
            "fault: null",
            "debt: {cdn: {in_debt: false, in_debt_overdue: true}}",
            "accounts[0].timeline[3].debt.cdn: in_debt is false and",
            id="debt against itself",
        ),
        pytest.param(
            "fault: null",
            "balance: {available_amount: 1.5}",
            "balance.available_amount: is 1.5; accepted: a text, in quotes",
            id="amount without quotes",
        ),
        pytest.param(
            "fault: null",
            'balance: {available_amount: "1.5"}',
            "accounts[0].timeline[3].balance: available_amount is '1.5'; accepted: an amount",
            id="amount",
        ),
        pytest.param(
            "fault: null",
            "denied: [QueryAccountBalance, OpenDcdnService]",
            "accounts[0].timeline[3].denied[1]: is 'OpenDcdnService'; accepted: DescribeDcdnIpaService, ",
            id="right",
        ),
        pytest.param(
            "repeat_every: 3m",
            "roles: [{name: r, trusted: [1]}]",
            "accounts[0].roles[0].trusted[0]: is 1; accepted: an account id in quotes",
            id="trusted id without quotes",
        ),
        pytest.param(
            "repeat_every: 3m",
            'roles: [{name: r, trusted: ["1"]}, {name: s, trusted: [x]}]',
            "accounts[0].roles[1]: the role s trusts 'x'; accepted: an account id",
            id="trusted",
        ),
        pytest.param(
            "fault: null",
            'members: [{account_id: "1"}]',
            "accounts[0].timeline[3].members[0].display_name: is missing",
            id="member without a name",
        ),
        pytest.param(
            "fault: null",
            'members: [{account_id: "1", display_name: x, status: Gone}]',
            "timeline[3].members[0]: the status of the member 1 is 'Gone'; accepted: CreateSuccess",
            id="member",
        ),
        pytest.param(
            "fault: null",
            'members: [{account_id: "1", display_name: x}, {account_id: "1", display_name: y}]',
            "accounts[0].timeline[3].members: two members have the account_id '1'",
            id="member twice",
        ),
        pytest.param(
            "repeat_every: 3m", "products: [ipa]", "products[0]: is 'ipa'; accepted: dcdn_ipa, d", id="watch"
        ),
        pytest.param("repeat_every: 3m", "products: []", "accounts[0]: products is (); accepted: some", id="nothing"),
        pytest.param("repeat_every: 3m", "balance: 5", "accounts[0].balance: is 5; accepted: true", id="watch what"),
        pytest.param(
            "seconds: 2",
            "seconds: 2, action: AsumeRole",
            "[1].fault: the action of a fault is 'AsumeRole'; accepted: DescribeDcdnIpaService, ",
            id="fault of nothing",
        ),
        pytest.param("accounts:", "accounts: [", "the file is no YAML", id="no YAML"),
    ],
)
def test_a_problem_names_its_path_and_what_is_accepted(old: str, new: str, problem: str) -> None:
    """Every mistake is told with the path of keys, what was seen and what is accepted."""
    assert old in SCENARIO
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(SCENARIO.replace(old, new, 1))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "the file: is None; accepted: a mapping of description, accounts", id="empty"),
        pytest.param("[]", "the file: is []; accepted: a mapping of description, accounts", id="list"),
        pytest.param("description: d", "accounts: is missing", id="no accounts"),
        pytest.param("description: d\naccounts: []", "accounts: is []; accepted: at least one", id="none"),
        pytest.param("description: &a [*a]", "nested deeper than 20 levels", id="endless"),
        pytest.param("a: 1\n---\nb: 2", "the file is no YAML", id="two documents"),
    ],
)
def test_a_file_that_is_no_scenario(text: str, problem: str) -> None:
    """What is no scenario at all is told as such."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert problem in str(caught.value)


def test_the_problems_of_all_accounts_are_told_at_once() -> None:
    """One mistake does not hide another account's, nor one step another's."""
    text = """
        description: d
        accounts:
          - {name: a, account_id: 1, access_key_id: k, access_key_secret: s, timeline: []}
          - {name: b, account_id: "1", access_key_id: l, access_key_secret: s,
             timeline: [{at: 0}, {at: 1s, fault: {kind: x}}]}
    """
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "accounts[0].account_id",
        "accounts[1].timeline[0].at",
        "accounts[1].timeline[1].fault.kind",
    ]


def test_accounts_of_one_name_are_a_problem_of_the_file() -> None:
    """What is wrong between accounts is told too."""
    one = '{name: a, account_id: "1", access_key_id: k, access_key_secret: s, timeline: [{at: 0s}]}'
    with pytest.raises(ScenarioError, match="accounts: two accounts have the name 'a'"):
        parse_scenario(f"description: d\naccounts: [{one}, {one}]")


def test_scenarios_come_by_name_or_from_a_file(tmp_path: Path) -> None:
    """A packaged name is looked up first, anything else is a path."""
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    assert load_scenario(str(file)) == parse_scenario(SCENARIO)
    assert load_scenario("healthy").accounts[0].name == "healthy"
    with pytest.raises(ScenarioError, match=r"no scenario is named 'nowhere' \(demo, directory, faults, healthy\)"):
        load_scenario("nowhere")


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
    """The accounts of the demo are those its readers were told of, and things happen at once."""
    demo = {account.name: account for account in load_scenario("demo").accounts}
    older = ["healthy", "released", "switching", "dormant", "flaky", "silent", "legacy"]
    assert list(demo) == [*older, "indebted", "shrinking", "streaming", "website", "undecided"]
    first_events = [account.timeline[1].at_s for account in demo.values() if len(account.timeline) > 1]
    assert min(first_events) <= 10


def test_the_demo_has_every_kind_of_probe() -> None:
    """What each account is worth watching for adds up to every product, its debts, and a balance."""
    watched = {
        account.name: (account.products, account.debt_status, account.balance)
        for account in load_scenario("demo").accounts
    }
    plain = (("dcdn_ipa",), False, False)
    assert {name: probes for name, probes in watched.items() if probes != plain} == {
        "indebted": (("dcdn_ipa",), True, False),
        "shrinking": (("dcdn_ipa",), False, True),
        "streaming": (("dcdn",), True, False),
        "website": (("cdn",), True, False),
        "undecided": (("dcdn_ipa", "cdn"), False, False),
    }


def test_the_demo_warns_before_it_locks() -> None:
    """In debt comes first, then overdue and locked, then paid."""
    account = next(account for account in load_scenario("demo").accounts if account.name == "indebted")
    seen = []
    for step in account.timeline:
        answer = describe_status(step.services["dcdn_ipa"].state, step.debts.get("dcdn_ipa", Debt()))
        seen.append((answer["InDebt"], answer["InDebtOverdue"], answer["OnService"]))
    assert seen == [(False, False, True), (True, False, True), (True, True, False), (False, False, True)]


def test_the_demos_balance_shrinks() -> None:
    """It falls below zero before it is topped up."""
    account = next(account for account in load_scenario("demo").accounts if account.name == "shrinking")
    amounts = [float(step.balance.available_amount) for step in account.timeline]
    assert amounts[:-1] == sorted(amounts[:-1], reverse=True)
    assert amounts[-2] < 0 < amounts[-1]


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
    """What the module shows to people who write scenarios is a scenario, and names every key of an account."""
    example = str(scenario.__doc__).split("```")[1].removeprefix("yaml\n")
    [account] = parse_scenario(example).accounts
    assert account.name == "released"
    assert all(f" {key}:" in example for key in scenario._ACCOUNT_KEYS)
