"""How much money an account has left, and the answer that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

CURRENCIES: Final = ("CNY", "USD", "JPY")

_AMOUNT = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)\.[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's money."""

    available_amount: str = "10000.00"
    """Two decimals, as on the wire; may be negative, and have commas between thousands."""
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not _AMOUNT.fullmatch(self.available_amount):
            raise ValueError(f"available_amount is {self.available_amount!r}; accepted: an amount such as '-11.19'")
        if self.currency not in CURRENCIES:
            raise ValueError(f"currency is {self.currency!r}; accepted: {', '.join(CURRENCIES)}")


def describe_balance(balance: Balance) -> dict[str, object]:
    """Return the answer of QueryAccountBalance, less its RequestId; every amount in it is a text.

    https://help.aliyun.com/document_detail/472991.html (read 2026-11-22).
    """
    return {
        "Code": "200",
        "Message": "success",
        "Success": True,
        "Data": {
            "AvailableAmount": balance.available_amount,
            "AvailableCashAmount": balance.available_amount,
            "CreditAmount": "0.00",
            "MybankCreditAmount": "0.00",
            "QuotaLimit": "0.00",
            "Currency": balance.currency,
        },
    }
