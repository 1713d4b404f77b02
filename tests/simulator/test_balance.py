"""Amounts are texts with two decimals."""

import pytest

from exporter.simulator import Balance
from exporter.simulator.balance import describe_balance


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
