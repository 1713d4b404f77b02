import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply
from exporter.core.model import Answer, DebtState
from exporter.probes.debt_status import parse_debt
from tests.json_values import JSON, TEXTS

FIELDS = ("Enabled", "OnService", "InDebt", "InDebtOverdue")


def test_every_field_has_its_place() -> None:
    """Each of the four is told apart from the others."""
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


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("value", "seen"),
    [
        pytest.param("on", "str 'on'", id="another word"),
        pytest.param(2, "int 2", id="another number"),
        pytest.param(1.0, "float 1.0", id="a fraction"),
        pytest.param([True], "list [True]", id="a list"),
        pytest.param({}, "dict {}", id="an object"),
    ],
)
def test_what_is_neither_yes_nor_no_is_no_answer(field: str, value: object, seen: str) -> None:
    """A debt never looks paid because a word was not understood; the error names the field and what it held."""
    with pytest.raises(MalformedReply) as caught:
        parse_debt({**dict.fromkeys(FIELDS, False), field: value}, "request-1")

    assert caught.value.explanation == f"{field}: seen {seen}; accepted would be true or false"
    assert caught.value.request_id == "request-1"


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        pytest.param({}, "(none)", id="empty"),
        pytest.param({"RequestId": "4F51"}, "RequestId", id="only a request id"),
        pytest.param({"InDebt": None, "Enabled": ""}, "Enabled, InDebt", id="all empty"),
        pytest.param(
            {"InstanceId": "1", "InternetChargeType": "PayByTraffic"},
            "InstanceId, InternetChargeType",
            id="another operation's",
        ),
    ],
)
def test_an_answer_about_no_debt_is_malformed(payload: dict[str, object], fields: str) -> None:
    """A 200 that has none of the four fields must not look like an account without debts."""
    with pytest.raises(MalformedReply) as caught:
        parse_debt(payload, None)

    assert caught.value.explanation == (
        f"the answer: seen the fields {fields}; accepted would be Enabled, OnService, InDebt or InDebtOverdue"
    )


@pytest.mark.parametrize("field", FIELDS)
def test_one_field_is_enough(field: str) -> None:
    """The others are left out."""
    assert parse_debt({field: False}, None).state == DebtState(*(False if name == field else None for name in FIELDS))


@given(payload=st.dictionaries(st.sampled_from(FIELDS) | TEXTS, JSON, max_size=6))
def test_any_json_object_is_an_answer_or_malformed(payload: dict[str, object]) -> None:
    """Nothing that the network could bring is a defect, and what is told of it can be written as UTF-8."""
    try:
        told = repr(parse_debt(payload, None))
    except MalformedReply as error:
        told = error.explanation

    assert told.isprintable()
    told.encode()
