import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply
from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.balance import FAMILIES, NEWS, Balance, balance, parse_balance, view
from exporter.probes.kind import NO_ATTENTION, Interval, MetricType, Scope, Visible
from exporter.probes.view import Fragment, Severity, View
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

    assert explanation == f'Data.AvailableAmount: seen {seen}; accepted: an amount such as "-1,234.50"'


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
    assert answer.unknown_values == ({"Currency": (currency,)} if unknown else {})


@pytest.mark.parametrize(
    ("payload", "explanation"),
    [
        pytest.param({}, "Data: seen NoneType None; accepted: an object", id="empty"),
        pytest.param({"Data": "12.00"}, "Data: seen str '12.00'; accepted: an object", id="no object"),
        pytest.param(
            {"Data": {}},
            "Data: seen the fields (none); accepted: AvailableAmount and Currency",
            id="no fields",
        ),
        pytest.param(
            {"Data": {"AvailableAmount": "1.00"}},
            "Data: seen the fields AvailableAmount; accepted: AvailableAmount and Currency",
            id="no currency",
        ),
        pytest.param(
            {"Data": {"AvailableAmount": "", "Currency": "CNY"}},
            "Data: seen the empty fields AvailableAmount and the fields Currency; "
            "accepted: AvailableAmount and Currency",
            id="an empty amount",
        ),
        pytest.param(
            {"Data": {"AvailableAmount": " ", "Currency": None}},
            "Data: seen the empty fields AvailableAmount, Currency; accepted: AvailableAmount and Currency",
            id="both empty",
        ),
        pytest.param(
            {"Data": {"AvailableAmount": "1.00", "Currency": []}},
            "Data.Currency: seen list []; accepted: a text",
            id="a currency that is no text",
        ),
    ],
)
def test_an_answer_without_a_balance_is_malformed(payload: dict[str, object], explanation: str) -> None:
    """The error says where it looked and what was there."""
    assert refusal(payload) == explanation


@given(data=st.dictionaries(st.sampled_from(["AvailableAmount", "Currency"]) | TEXTS, JSON, max_size=4) | JSON)
def test_any_json_object_is_an_answer_or_malformed(data: object) -> None:
    """Nothing that the network could bring is a defect, and what the log says of it can be written as UTF-8."""
    try:
        told = repr(parse_balance({"Data": data}, None))
    except MalformedReply as error:
        told = error.explanation

    assert told.isprintable()
    told.encode()


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        pytest.param(lambda: Balance(math.nan, "CNY"), "finite", id="no amount"),
        pytest.param(lambda: Balance(math.inf, "CNY"), "finite", id="endless amount"),
        pytest.param(lambda: Balance(1.0, "cny"), "upper case", id="small letters in a currency"),
        pytest.param(lambda: Balance(1.0, ""), "1 to 64 printable", id="no currency"),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object], complaint: str) -> None:
    """A balance that makes no sense does not come into being."""
    with pytest.raises(ValueError, match=complaint):
        build()


@pytest.mark.parametrize(
    ("amount", "spent"),
    [pytest.param(0.01, False, id="a cent"), pytest.param(0.0, True, id="0"), pytest.param(-5.0, True, id="in debt")],
)
def test_a_balance_is_spent_at_0(amount: float, spent: bool) -> None:  # noqa: FBT001 - a row's fact
    """The amount has all credit in it, so that nothing can be paid from 0."""
    assert Balance(amount, "CNY").spent is spent


def test_an_amount_is_shown_under_its_currency() -> None:
    """Amounts of several currencies must not be added; the family's name and labels are fixed."""
    (family,) = FAMILIES

    assert (family.name, family.labels, family.metric_type, family.scope, family.countdown) == (
        "dcdn_account_available_amount",
        ("currency",),
        MetricType.GAUGE,
        Scope.ACCOUNT,
        False,
    )
    assert list(family.samples(Balance(-11.19, "USD"))) == [(("USD",), -11.19)]


@pytest.mark.parametrize("word", ["AvailableAmount", "currency", "negative", "As of the last successful poll"])
def test_help_names_the_vendors_field(word: str) -> None:
    """An operator finds the field in the vendor's documentation, and how old a value may be."""
    assert word in FAMILIES[0].help


@pytest.mark.parametrize(
    ("amount", "written", "is_bad"),
    [
        pytest.param(12.5, "12.50", False, id="in credit"),
        pytest.param(0.004, "0.00", False, id="hardly in credit"),
        pytest.param(0.0, "0.00", True, id="spent"),
        pytest.param(-1234.5, "-1234.50", True, id="in debt"),
    ],
)
def test_the_log_tells_amount_and_currency(amount: float, written: str, is_bad: bool) -> None:  # noqa: FBT001 - a row's fact
    """One that is spent is bad news, at its first sight and when it comes to be; another currency is none."""
    state = Balance(amount, "CNY")

    assert NEWS.subject == "balance"
    assert list(NEWS.fields(state).items()) == [("available_amount", written), ("currency", "CNY")]
    assert NEWS.is_bad(state) is is_bad
    assert NEWS.is_worse(state, "available_amount", written) is is_bad
    assert not NEWS.is_worse(state, "currency", "CNY")


@pytest.mark.parametrize(
    ("before", "after", "is_worth_a_line"),
    [
        pytest.param(Balance(0.5, "CNY"), Balance(-0.004, "CNY"), True, id="spent"),
        pytest.param(Balance(-3.0, "CNY"), Balance(0.004, "CNY"), True, id="paid in"),
        pytest.param(Balance(5.0, "CNY"), Balance(5.0, "USD"), True, id="another currency"),
        pytest.param(Balance(100.0, "CNY"), Balance(1.0, "CNY"), False, id="less"),
        pytest.param(Balance(-1.0, "CNY"), Balance(-100.0, "CNY"), False, id="deeper in debt"),
        pytest.param(Balance(0.0, "CNY"), Balance(-1.0, "CNY"), False, id="from nothing into debt"),
    ],
)
def test_a_balance_that_merely_moves_is_no_news(before: Balance, after: Balance, *, is_worth_a_line: bool) -> None:
    """It may do so with every poll: what counts is whether anything is left, and of which currency."""
    assert NEWS.is_worth_a_line(before, after) is is_worth_a_line


@pytest.mark.parametrize(
    ("amount", "word", "written"),
    [
        pytest.param(1234567.891, "in_credit", "1,234,567.89", id="in credit"),
        pytest.param(0.0, "spent", "0.00", id="spent"),
        pytest.param(-1234.5, "spent", "-1,234.50", id="in debt"),
    ],
)
def test_people_are_shown_how_much_is_left(amount: float, word: str, written: str) -> None:
    """The amount as people write it, and as it is for programs."""
    seen = view(Balance(amount, "CNY"), 1000.0)

    assert [condition.word for condition in seen.conditions] == [word]
    assert seen == View(
        conditions=seen.conditions,
        status=(Fragment(word.replace("_", " "), runbook="DcdnBalanceSpent" if word == "spent" else ""),),
        billing=(Fragment(written), Fragment("CNY", foreign=True)),
        billing_json={"balance": {"amount": amount, "currency": "CNY"}},
    )


def test_a_balance_that_is_not_known_is_null() -> None:
    """Programs find the key all the same."""
    assert view(None, 1000.0) == View(billing_json={"balance": None})


def test_a_balance_is_polled_once_for_an_account_at_an_interval_of_its_own() -> None:
    """Where it is wanted; money moves in hours, so that nothing is waited for or remembered."""
    row = balance(Operation(action="QueryMoonBalance", version="2026-01-01", endpoint="bss", calls_per_second=1))
    spent = Balance(-1.0, "CNY")

    assert (row.switch, row.interval, row.of_account) == ("balance", Interval.BALANCE, True)
    assert row.attention(spent, None, 1000.0) == NO_ATTENTION
    assert row.remember(None, Answer(spent), 1000.0) is None
    assert row.visible(spent, None, 1000.0) == Visible(spent)
    assert [(condition.word, condition.severity, condition.alarm) for condition in row.conditions] == [
        ("spent", Severity.WARNING, None),
        ("in_credit", Severity.GOOD, None),
    ]
