import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply
from exporter.core.model import Answer, Balance, UnknownField
from exporter.probes.balance import parse_balance
from tests.json_values import JSON, TEXTS


def refusal(payload: dict[str, object]) -> str:
    with pytest.raises(MalformedReply) as caught:
        parse_balance(payload, "request-1")
    assert caught.value.request_id == "request-1"
    return caught.value.explanation


def test_amount_and_currency_are_kept() -> None:
    """What can still be spent, and none of the other amounts."""
    data = {
        "AvailableAmount": "10000.00",
        "AvailableCashAmount": "9000.00",
        "CreditAmount": "7.00",
        "Currency": "CNY",
    }

    assert parse_balance({"Data": data}, "request-1") == Answer(Balance(10000.0, "CNY"), request_id="request-1")


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        pytest.param("10000.00", 10000.0, id="as documented"),
        pytest.param("-11.19", -11.19, id="negative"),
        pytest.param("0.00", 0.0, id="nothing"),
        pytest.param("+5", 5.0, id="plus"),
        pytest.param("1,234,567.89", 1234567.89, id="thousands"),
        pytest.param("-1,234", -1234.0, id="thousands in debt"),
        pytest.param(" 12.5\n", 12.5, id="spaces around"),
        pytest.param("0.000001", 0.000001, id="many decimals"),
        pytest.param(12, 12.0, id="a whole number"),
        pytest.param(-12.5, -12.5, id="a number"),
    ],
)
def test_every_form_of_an_amount_is_understood(written: object, amount: float) -> None:
    """A text with or without commas between thousands, or a number."""
    answer = parse_balance({"Data": {"AvailableAmount": written, "Currency": "CNY"}}, None)

    assert answer.state == Balance(amount, "CNY")


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        pytest.param("12,5", "str '12,5'", id="a comma for decimals"),
        pytest.param("1,2345", "str '1,2345'", id="four digits behind a comma"),
        pytest.param("1.234,5", "str '1.234,5'", id="points between thousands"),
        pytest.param("12 CNY", "str '12 CNY'", id="with a currency"),
        pytest.param("1e5", "str '1e5'", id="an exponent"),
        pytest.param("--1", "str '--1'", id="two signs"),
        pytest.param(".5", "str '.5'", id="no digit before the point"),
        pytest.param("٣", "str '٣'", id="other digits"),
        pytest.param("NaN", "str 'NaN'", id="no number"),
        pytest.param("9" * 400, "str '999999999999...9999999999999'", id="endless digits"),
        pytest.param(10**400, f"int 1{17 * '0'}...{19 * '0'}", id="an endless number"),
        pytest.param(math.inf, "float inf", id="infinity"),
        pytest.param(math.nan, "float nan", id="NaN"),
        pytest.param(True, "bool True", id="a boolean"),
        pytest.param(["1"], "list ['1']", id="a list"),
    ],
)
def test_what_is_no_amount_is_no_answer(value: object, seen: str) -> None:
    """An account never looks solvent because its amount could not be read."""
    explanation = refusal({"Data": {"AvailableAmount": value, "Currency": "CNY"}})

    assert explanation == f'Data.AvailableAmount: seen {seen}; accepted would be an amount such as "-1,234.50"'


@pytest.mark.parametrize(
    ("written", "currency", "unknown"),
    [
        pytest.param("CNY", "CNY", False, id="yuan"),
        pytest.param(" usd ", "USD", False, id="dollars, in small letters"),
        pytest.param("JPY", "JPY", False, id="yen"),
        pytest.param("EUR", "EUR", True, id="not documented"),
        pytest.param("ß" * 60, "S" * 64, True, id="longer in capitals than a label value may be"),
    ],
)
def test_a_currency_is_upper_case(written: str, currency: str, unknown: bool) -> None:  # noqa: FBT001 - a row's fact
    """One that the documentation does not name is kept, and counted."""
    answer = parse_balance({"Data": {"AvailableAmount": "1.00", "Currency": written}}, None)

    assert answer.state == Balance(1.0, currency)
    assert answer.unknown_values == ({UnknownField.CURRENCY: (currency,)} if unknown else {})


@pytest.mark.parametrize(
    ("payload", "explanation"),
    [
        pytest.param({}, "Data: seen NoneType None; accepted would be an object", id="empty"),
        pytest.param({"Data": "12.00"}, "Data: seen str '12.00'; accepted would be an object", id="no object"),
        pytest.param(
            {"Data": {}},
            "Data: seen the fields (none); accepted would be AvailableAmount and Currency",
            id="no fields",
        ),
        pytest.param(
            {"Data": {"AvailableAmount": "1.00"}},
            "Data: seen the fields AvailableAmount; accepted would be AvailableAmount and Currency",
            id="no currency",
        ),
        pytest.param(
            {"Data": {"AvailableAmount": "", "Currency": "CNY"}},
            "Data: seen the fields AvailableAmount, Currency; accepted would be AvailableAmount and Currency",
            id="an empty amount",
        ),
        pytest.param(
            {"Data": {"AvailableAmount": "1.00", "Currency": []}},
            "Data.Currency: seen list []; accepted would be a text",
            id="a currency that is no text",
        ),
    ],
)
def test_an_answer_without_a_balance_is_malformed(payload: dict[str, object], explanation: str) -> None:
    """The error says where it looked and what was there."""
    assert refusal(payload) == explanation


@given(data=st.dictionaries(st.sampled_from(["AvailableAmount", "Currency"]) | TEXTS, JSON, max_size=4) | JSON)
def test_any_json_object_is_an_answer_or_malformed(data: object) -> None:
    """Nothing that the network could bring is a defect, and what is told of it can be written as UTF-8."""
    try:
        told = repr(parse_balance({"Data": data}, None))
    except MalformedReply as error:
        told = error.explanation

    assert told.isprintable()
    told.encode()
