"""What an account consists of is answered in the documented form, and refuses what the API does not have."""

from typing import Any

import pytest

from exporter.simulator import Balance, ChargeChange, Component, Debt, ServiceState
from exporter.simulator.operations import describe, describe_balance, describe_status

CHANGES_AT = 1_522_512_000  # 2018-03-31T16:00:00Z

ACTIVE = ServiceState()
OVERDUE = ServiceState(locks=(" Financial",))
LOCKED = ServiceState(locks=("security",))
DORMANT = ServiceState(activated=False, locks=("financial",))


def test_the_documented_answer() -> None:
    """A locked service with a change pending is the vendor's own sample, less its request id."""
    state = ServiceState(
        charge_type="PayByTraffic", locks=("financial",), change=ChargeChange("PayByBandwidth", CHANGES_AT)
    )
    assert describe(state, product="dcdn_ipa", now=CHANGES_AT - 0.1) == {
        "InstanceId": "1883927335936173",
        "OpeningTime": "2018-03-19T11:16:11Z",
        "InternetChargeType": "PayByTraffic",
        "OperationLocks": {"LockReason": [{"LockReason": "financial"}]},
        "ChangingChargeType": "PayByBandwidth",
        "ChangingAffectTime": "2018-03-31T16:00:00Z",
    }


def test_a_change_is_carried_out_at_its_moment() -> None:
    """From its moment on the new billing method is the current one and nothing is pending."""
    state = ServiceState(change=ChargeChange("PayByBandwidth", CHANGES_AT))
    assert describe(state, product="dcdn_ipa", now=CHANGES_AT) == {
        "InstanceId": "1883927335936173",
        "OpeningTime": "2018-03-19T11:16:11Z",
        "InternetChargeType": "PayByBandwidth",
        "OperationLocks": {"LockReason": []},
    }


WEBSOCKET_CHANGES = {
    "WebsocketType": "websockettraffic",
    "WebsocketChangingType": "websocketbps",
    "WebsocketChangingTime": "2018-03-31T16:00:00Z",
}


@pytest.mark.parametrize(
    ("product", "component", "now", "fields"),
    [
        pytest.param("dcdn", None, 0, {"WebsocketType": "websockettraffic"}, id="WebSocket, unless it is said"),
        pytest.param("dcdn", Component(""), 0, {"WebsocketType": ""}, id="WebSocket that has none"),
        pytest.param(
            "dcdn",
            Component(change=ChargeChange("websocketbps", CHANGES_AT)),
            CHANGES_AT - 0.1,
            WEBSOCKET_CHANGES,
            id="WebSocket, pending",
        ),
        pytest.param(
            "dcdn",
            Component(change=ChargeChange("websocketbps", CHANGES_AT)),
            CHANGES_AT,
            {"WebsocketType": "websocketbps"},
            id="WebSocket, carried out",
        ),
        pytest.param("cdn", None, 0, {"DynamicBillingType": ""}, id="dynamic content, unless it is said"),
        pytest.param(
            "cdn",
            Component("a", ChargeChange("b", CHANGES_AT)),
            0,
            {"DynamicBillingType": "a", "ChangingDynamicBillingType": "b"},
            id="dynamic content, pending without a moment",
        ),
    ],
)
def test_a_component_is_part_of_its_products_answer(
    product: str, component: Component | None, now: float, fields: dict[str, str]
) -> None:
    """Its fields stand beside those of the service, and the next method only while it is pending."""
    name = {"dcdn": "websocket", "cdn": "dynamic"}[product]
    state = ServiceState(components={} if component is None else {name: component})
    plain = describe(ServiceState(), product="dcdn_ipa", now=now)

    assert describe(state, product=product, now=now) == {**plain, **fields}


def test_locks_keep_their_order() -> None:
    """Every lock is a row of its own."""
    locks: Any = describe(ServiceState(locks=("security", "financial")), product="dcdn_ipa", now=0)["OperationLocks"]
    assert locks == {"LockReason": [{"LockReason": "security"}, {"LockReason": "financial"}]}


def test_bad_states_do_not_exist() -> None:
    """A state without a billing method, or whose locks are one text, is refused."""
    text: Any = "financial"
    with pytest.raises(ValueError, match="charge type is empty"):
        ServiceState(charge_type="")
    with pytest.raises(ValueError, match="charge type of a change is empty"):
        ChargeChange("", CHANGES_AT)
    with pytest.raises(TypeError, match="tuple of reasons"):
        ServiceState(locks=text)


@pytest.mark.parametrize(
    ("service", "debt", "answer"),
    [
        pytest.param(ACTIVE, Debt(), (True, True, False, False), id="active"),
        pytest.param(OVERDUE, Debt(), (True, False, True, True), id="locked for financial"),
        pytest.param(LOCKED, Debt(), (True, False, False, False), id="locked for something else"),
        pytest.param(DORMANT, Debt(), (False, False, False, False), id="not activated"),
        pytest.param(ACTIVE, Debt(in_debt=True), (True, True, True, False), id="the warning before the lock"),
        pytest.param(ACTIVE, Debt(in_debt_overdue=True), (True, False, True, True), id="overdue without a lock"),
        pytest.param(OVERDUE, Debt(in_debt=True), (True, False, True, True), id="the warning came true"),
        pytest.param(OVERDUE, Debt(in_debt=False), (True, False, False, False), id="paid, and still locked"),
        pytest.param(OVERDUE, Debt(in_debt_overdue=False), (True, False, False, False), id="locked, not overdue"),
        pytest.param(ACTIVE, Debt(on_service=False), (True, False, False, False), id="off service"),
        pytest.param(ACTIVE, Debt(enabled=False), (False, False, False, False), id="not enabled"),
    ],
)
def test_what_is_not_said_follows(service: ServiceState, debt: Debt, answer: tuple[bool, ...]) -> None:
    """Each of the four booleans follows from the rest and the service where it is not said."""
    names = ("Enabled", "OnService", "InDebt", "InDebtOverdue")
    assert describe_status(service, debt) == dict(zip(names, answer, strict=True))


def test_an_overdue_debt_is_a_debt() -> None:
    """Overdue without any debt is refused."""
    with pytest.raises(ValueError, match="what is overdue is in debt"):
        Debt(in_debt=False, in_debt_overdue=True)


@pytest.mark.parametrize("amount", ["0.00", "-11.19", "10000.00", "1,234,567.89"])
def test_an_amount_goes_out_as_it_is(amount: str) -> None:
    """Negative, with commas or without: what is said is what is sent."""
    assert describe_balance(Balance(amount, "USD")) == {
        "Code": "200",
        "Message": "success",
        "Success": True,
        "Data": {
            "AvailableAmount": amount,
            "AvailableCashAmount": amount,
            "CreditAmount": "0.00",
            "MybankCreditAmount": "0.00",
            "QuotaLimit": "0.00",
            "Currency": "USD",
        },
    }


@pytest.mark.parametrize("amount", ["", "1", "1.5", "1.234", "1,23.00", "12,345678.00", "+1.00", "1.00 ", "NaN"])
def test_other_amounts_do_not_exist(amount: str) -> None:
    """What the API never sends is refused."""
    with pytest.raises(ValueError, match="available_amount is"):
        Balance(amount)


def test_other_currencies_do_not_exist() -> None:
    """The documented currencies are three."""
    with pytest.raises(ValueError, match="currency is 'EUR'; accepted: CNY, USD, JPY"):
        Balance(currency="EUR")
