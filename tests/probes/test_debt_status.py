import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply, RefusalPattern, Refused
from exporter.api.fields import read_json
from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.debt_status import FAMILIES, NEWS, NOT_ENABLED, OWED, DebtState, debt_status, parse_debt, view
from exporter.probes.kind import NO_ATTENTION, Interval, MetricType, Scope, StateInRefusal, Visible
from exporter.probes.view import Note, Severity, View
from tests.json_values import JSON, TEXTS

OPERATION = Operation(action="DescribeUserMoonStatus", version="2026-01-01", endpoint="dcdn", calls_per_second=1)
FIELDS = ("Enabled", "OnService", "InDebt", "InDebtOverdue")
NAMES = ("enabled", "available", "in_debt", "in_debt_overdue")


def test_every_field_has_its_place() -> None:
    """Each of the four states differs from the others."""
    for number, field in enumerate(FIELDS):
        payload = {name: name == field for name in FIELDS}
        values = [number == place for place in range(4)]

        assert parse_debt(payload, "request-1") == Answer(DebtState(*values), request_id="request-1")


@pytest.mark.parametrize(
    ("written", "flag"),
    [
        pytest.param(True, True, id="true"),
        pytest.param(False, False, id="false"),
        pytest.param("true", True, id="a text"),
        pytest.param(" False\n", False, id="a text in another case, with spaces"),
        pytest.param(1, True, id="one"),
        pytest.param(0, False, id="zero"),
        pytest.param("1", True, id="one as a text"),
        pytest.param("0", False, id="zero as a text"),
        pytest.param(None, None, id="null"),
        pytest.param("", None, id="empty"),
        pytest.param("  ", None, id="spaces"),
    ],
)
def test_every_form_of_yes_and_no_is_understood(written: object, flag: bool | None) -> None:  # noqa: FBT001 - a row's fact
    """What says neither is left out."""
    assert parse_debt({"Enabled": True, "InDebt": written}, None).state == DebtState(enabled=True, in_debt=flag)


ODD = [
    pytest.param("on", "str 'on'", id="another word"),
    pytest.param(2, "int 2", id="another number"),
    pytest.param(1.0, "float 1.0", id="a fraction"),
    pytest.param([True], "list [True]", id="a list"),
    pytest.param({}, "dict {}", id="an object"),
]


@pytest.mark.parametrize("field", ["InDebt", "InDebtOverdue"])
@pytest.mark.parametrize(("value", "seen"), ODD)
def test_a_debt_that_is_neither_yes_nor_no_is_no_answer(field: str, value: object, seen: str) -> None:
    """A debt never looks paid because a word was not understood; the error names the field and what it held."""
    with pytest.raises(MalformedReply) as caught:
        parse_debt({**dict.fromkeys(FIELDS, False), field: value}, "request-1")

    assert caught.value.explanation == f"{field}: seen {seen}; accepted: true or false"
    assert caught.value.request_id == "request-1"


@pytest.mark.parametrize(("field", "name"), [*zip(FIELDS, NAMES, strict=True)])
@pytest.mark.parametrize(("value", "seen"), ODD)
def test_what_makes_no_sense_beside_a_debt_is_absent_and_counted(
    field: str, name: str, value: object, seen: str
) -> None:
    """One debt that is there decides, whatever became of the other fields."""
    answer = parse_debt({**dict.fromkeys(FIELDS, True), field: value}, "request-1")

    assert answer.state == DebtState(**{**dict.fromkeys(NAMES, True), name: None})
    assert answer.unknown_values == {field: (f"{field}: seen {seen}; accepted: true or false",)}


@pytest.mark.parametrize("field", ["Enabled", "OnService"])
def test_what_makes_no_sense_beside_no_debt_is_absent_and_counted(field: str) -> None:
    """These two say nothing of what is owed."""
    answer = parse_debt({**dict.fromkeys(FIELDS, False), field: "?"}, None)

    assert (answer.state.in_debt, answer.state.in_debt_overdue) == (False, False)
    assert set(answer.unknown_values) == {field}


@pytest.mark.parametrize(
    "values", [["true", "false"], ["false", "true"], ["1", "null", '"?"'], ["[]", '"TRUE "', "{}"], ["0.5", "true"]]
)
@pytest.mark.parametrize("field", OWED)
def test_a_debt_that_is_said_and_denied_is_one(field: str, values: list[str]) -> None:
    """JSON keeps the last value of a repeated key, and a debt must not be lost by that."""
    repeated = ", ".join(f'"{field}": {value}' for value in values)
    answer = parse_debt(read_json(f'{{"Enabled": true, {repeated}}}'), None)

    assert (answer.state.in_debt or answer.state.in_debt_overdue, answer.unknown_values) == (True, {})


def test_a_debt_that_is_denied_and_makes_no_sense_is_no_answer() -> None:
    """It may be one; and what is no debt has one value, or none."""
    with pytest.raises(MalformedReply, match=r"InDebt: seen 2 values, the last str '\?'"):
        parse_debt(read_json('{"Enabled": true, "InDebt": false, "InDebt": "?"}'), None)
    answer = parse_debt(read_json('{"Enabled": true, "Enabled": false, "InDebt": false}'), None)
    assert (answer.state, list(answer.unknown_values)) == (DebtState(in_debt=False), ["Enabled"])


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        pytest.param({}, "the fields (none)", id="empty"),
        pytest.param({"RequestId": "4F51"}, "the fields RequestId", id="only a request id"),
        pytest.param({"InDebt": None, "Enabled": ""}, "the empty fields Enabled, InDebt", id="all empty"),
        pytest.param(
            {"RequestId": "4F51", "OnService": None, "InDebt": " "},
            "the empty fields InDebt, OnService and the fields RequestId",
            id="some empty",
        ),
        pytest.param(
            {"InstanceId": "1", "InternetChargeType": "PayByTraffic"},
            "the fields InstanceId, InternetChargeType",
            id="another operation's",
        ),
    ],
)
def test_an_answer_about_no_debt_is_malformed(payload: dict[str, object], fields: str) -> None:
    """A 200 that has none of the four fields must not look like an account without debts."""
    with pytest.raises(MalformedReply) as caught:
        parse_debt(payload, None)

    assert caught.value.explanation == (
        f"the answer: seen {fields}; accepted: Enabled, OnService, InDebt or InDebtOverdue"
    )


@pytest.mark.parametrize("field", FIELDS)
def test_one_field_is_enough(field: str) -> None:
    """The others are left out."""
    assert parse_debt({field: False}, None).state == DebtState(*(False if name == field else None for name in FIELDS))


@given(payload=st.dictionaries(st.sampled_from(FIELDS) | TEXTS, JSON, max_size=6))
def test_any_json_object_is_an_answer_or_malformed(payload: dict[str, object]) -> None:
    """Nothing that the network could bring is a defect, and what the log says of it can be written as UTF-8."""
    try:
        told = repr(parse_debt(payload, None))
    except MalformedReply as error:
        told = error.explanation

    assert told.isprintable()
    told.encode()


def test_a_state_says_one_thing_at_least() -> None:
    """An answer without any word on debts is none."""
    with pytest.raises(ValueError, match="at least one field"):
        DebtState()


# The public interface, written down a second time on purpose: name, field, words of the help text.
FAMILY_TABLE = [
    ("dcdn_service_enabled", "enabled", ("Enabled", "debt_status")),
    ("dcdn_service_available", "available", ("OnService", "debt_status")),
    ("dcdn_service_in_debt", "in_debt", ("InDebt", "debt_status")),
    ("dcdn_service_in_debt_overdue", "in_debt_overdue", ("InDebtOverdue", "debt_status")),
]
BY_NAME = {family.name: family for family in FAMILIES}


def test_every_family_is_there() -> None:
    """Names and labels are fixed: dashboards and rules of others are written with them."""
    assert [family.name for family in FAMILIES] == [row[0] for row in FAMILY_TABLE]
    assert {(family.labels, family.metric_type, family.scope, family.countdown) for family in FAMILIES} == {
        ((), MetricType.GAUGE, Scope.PRODUCT, False)
    }


@pytest.mark.parametrize(("name", "words"), [pytest.param(row[0], row[2], id=row[0]) for row in FAMILY_TABLE])
def test_help_names_the_vendors_field(name: str, words: tuple[str, ...]) -> None:
    """An operator finds the field in the vendor's documentation, and how old a value may be."""
    assert all(word in BY_NAME[name].help for word in (*words, "As of the last successful poll"))


@pytest.mark.parametrize("value", [True, False, None])
@pytest.mark.parametrize(("name", "field"), [row[:2] for row in FAMILY_TABLE])
def test_a_debt_is_0_or_1_where_the_api_says_so(name: str, field: str, value: bool | None) -> None:  # noqa: FBT001 - a row's fact
    """What it leaves out is no series: neither answer would be known."""
    others = dict.fromkeys({"enabled", "available", "in_debt", "in_debt_overdue"} - {field}, value is not True)
    debts = DebtState(**{**others, field: value})

    assert list(BY_NAME[name].samples(debts)) == ([((), float(value))] if value is not None else [])


SOLVENT = DebtState(enabled=True, available=True, in_debt=False, in_debt_overdue=False)
OWING = DebtState(enabled=True, available=True, in_debt=True, in_debt_overdue=False)
STOPPED = DebtState(enabled=True, available=False, in_debt=True, in_debt_overdue=True)
NEVER_ENABLED = DebtState(enabled=False, available=False)


@pytest.mark.parametrize(
    ("state", "is_bad", "told"),
    [
        pytest.param(SOLVENT, False, ("true", "true", "false", "false"), id="solvent"),
        pytest.param(OWING, True, ("true", "true", "true", "false"), id="in debt"),
        pytest.param(DebtState(in_debt_overdue=True), True, ("", "", "", "true"), id="overdue"),
        pytest.param(NEVER_ENABLED, False, ("false", "false", "", ""), id="never enabled"),
    ],
)
def test_the_log_tells_all_of_a_debt(state: DebtState, is_bad: bool, told: tuple[str, ...]) -> None:  # noqa: FBT001 - a row's fact
    """What the API left out is empty; only what is owed is bad news at its first sight."""
    assert NEWS.subject == "debt state"
    assert list(NEWS.fields(state).items()) == list(
        zip(("enabled", "available", "in_debt", "in_debt_overdue"), told, strict=True)
    )
    assert NEWS.is_bad(state) is is_bad


@pytest.mark.parametrize(
    ("state", "worse"),
    [
        pytest.param(SOLVENT, [], id="solvent"),
        pytest.param(OWING, ["in_debt"], id="in debt"),
        pytest.param(STOPPED, ["available", "in_debt", "in_debt_overdue"], id="overdue"),
        pytest.param(NEVER_ENABLED, ["enabled", "available"], id="never enabled"),
    ],
)
def test_each_part_can_get_worse(state: DebtState, worse: list[str]) -> None:
    """A service that is not there, or a debt that is; every difference has its line."""
    assert [field for field, value in NEWS.fields(state).items() if NEWS.is_worse(state, field, value)] == worse
    assert NEWS.is_worth_a_line(SOLVENT, state)


RUNBOOKS = {
    "overdue": "DcdnInDebtOverdue",
    "unavailable": "DcdnServiceLockedOther",
    "in_debt": "DcdnInDebt",
}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param(None, [], id="not known"),
        pytest.param(SOLVENT, [], id="none"),
        pytest.param(DebtState(in_debt=True), ["in_debt"], id="in debt"),
        pytest.param(DebtState(in_debt=True, in_debt_overdue=True), ["overdue"], id="overdue"),
        pytest.param(
            DebtState(enabled=True, available=False, in_debt=True), ["unavailable", "in_debt"], id="unavailable"
        ),
        pytest.param(DebtState(available=False), ["unavailable"], id="unavailable, enabled or not"),
        pytest.param(DebtState(available=False, in_debt_overdue=True), ["overdue", "unavailable"], id="both"),
        pytest.param(NEVER_ENABLED, [], id="never enabled"),
    ],
)
def test_debts_are_notes(state: DebtState | None, words: list[str]) -> None:
    """They stand behind the status of the service, the worst first; what was never enabled cannot be unavailable."""
    seen = view(state, 1000.0)

    assert [condition.word for condition in seen.conditions] == words
    assert seen == View(
        conditions=seen.conditions,
        notes=tuple(
            Note(each.severity, each.word.replace("_", " "), runbook=RUNBOOKS[each.word]) for each in seen.conditions
        ),
        status_json={"debts": words},
    )


def test_an_overdue_debt_is_critical() -> None:
    """Delivery has stopped then, as under a lock; it is counted above the status page's table."""
    row = debt_status("moon", OPERATION, StateInRefusal(RefusalPattern("moonnotfound"), NOT_ENABLED))

    assert [(condition.word, condition.severity, condition.alarm) for condition in row.conditions] == [
        ("overdue", Severity.CRITICAL, "overdue"),
        ("unavailable", Severity.SERIOUS, "unavailable"),
        ("in_debt", Severity.WARNING, None),
    ]


def test_debts_are_polled_where_they_are_wanted_at_the_plain_interval() -> None:
    """Money moves in hours: there is neither a lock nor a change to wait for, nor anything to remember."""
    row = debt_status("moon", OPERATION, StateInRefusal(RefusalPattern("moonnotfound"), NOT_ENABLED))

    assert (row.switch, row.interval, row.of_account) == ("debt_status", Interval.POLL, False)
    assert row.attention(STOPPED, None, 1000.0) == NO_ATTENTION
    assert row.remember(None, Answer(STOPPED), 1000.0) is None
    assert row.visible(STOPPED, None, 1000.0) == Visible(STOPPED)
    assert row.state_in_refusal(Refused("no", code="MoonNotFound", http_status=404)) == Answer(NOT_ENABLED)
