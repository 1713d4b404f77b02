"""The probe ``balance``: how much an account can still spend, by QueryAccountBalance.

    {"Code": "200", "Message": "success", "Success": true, "RequestId": "2595…",
     "Data": {"AvailableAmount": "10000.00", "AvailableCashAmount": "10000.00", "CreditAmount": "0.00",
              "MybankCreditAmount": "0.00", "QuotaLimit": "10000.00", "Currency": "CNY"}}

Amounts are texts. Source: https://help.aliyun.com/document_detail/472991.html (read 2026-11-22)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.api.fields import AnswerFields, cut
from exporter.api.operation import Operation
from exporter.core.model import Answer, require_label_value
from exporter.probes.kind import AS_OF, Family, Interval, News, ProbeKind, Scope
from exporter.probes.view import Condition, Fragment, Severity, View

BALANCE = "balance"
CURRENCY = "Currency"
KNOWN_CURRENCIES = frozenset({"CNY", "USD", "JPY"})


@dataclass(frozen=True, slots=True)
class Balance:
    """The answer of QueryAccountBalance: what an account can still spend, credit included; negative in debt.

    ``currency`` is upper case, such as CNY.
    """

    available_amount: float
    currency: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.available_amount):
            raise ValueError(f"an amount is finite, seen {self.available_amount!r}")
        if self.currency != self.currency.upper():
            raise ValueError(f"a currency is upper case, not {self.currency!r}")
        require_label_value(self.currency)

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.available_amount <= 0


def parse_balance(payload: Mapping[str, object], request_id: str | None) -> Answer[Balance]:
    """Return the balance in the answer.

    Raises MalformedReply when the amount or its currency is missing or makes no sense.
    """
    data = AnswerFields(payload, request_id).inside("Data")
    amount, name = data.amount("AvailableAmount"), data.label(CURRENCY)
    if amount is None or name is None:
        raise data.without_needed("AvailableAmount and Currency")
    currency = cut(name.upper())
    unknown = {} if currency in KNOWN_CURRENCIES else {CURRENCY: (currency,)}
    return Answer(Balance(amount, currency), request_id=request_id, unknown_values=unknown)


FAMILIES: tuple[Family[Balance], ...] = (
    Family(
        "dcdn_account_available_amount",
        "What the account can still spend, credit included, in the currency that the label names; negative in debt "
        f"(AvailableAmount). {AS_OF}",
        lambda balance: [((balance.currency,), balance.available_amount)],
        labels=("currency",),
        scope=Scope.ACCOUNT,
    ),
)

# The amount may change with every poll: logged is that nothing is left, or something again, or another currency.
NEWS: News[Balance] = News(
    "balance",
    fields=lambda balance: {"available_amount": f"{balance.available_amount:.2f}", "currency": balance.currency},
    is_bad=lambda balance: balance.spent,
    is_worse=lambda balance, field, _value: field == "available_amount" and balance.spent,
    is_worth_a_line=lambda before, after: (before.spent, before.currency) != (after.spent, after.currency),
)

SPENT = Condition("spent", Severity.WARNING)
IN_CREDIT = Condition("in_credit", Severity.GOOD)


def view(balance: Balance | None, _now: float) -> View:
    """What people are shown: whether anything is left, and how much."""
    if balance is None:
        return View(billing_json={BALANCE: None})
    condition = SPENT if balance.spent else IN_CREDIT
    return View(
        conditions=(condition,),
        status=(Fragment(condition.word.replace("_", " "), runbook="DcdnBalanceSpent" if balance.spent else ""),),
        billing=(Fragment(f"{balance.available_amount:,.2f}"), Fragment(balance.currency, foreign=True)),
        billing_json={BALANCE: {"amount": balance.available_amount, "currency": balance.currency}},
    )


def balance(operation: Operation) -> ProbeKind[Balance, None, Balance]:
    """The row of QueryAccountBalance, which is polled once for an account with any products."""
    return ProbeKind(
        product="bss",
        probe=BALANCE,
        operation=operation,
        parse=parse_balance,
        families=FAMILIES,
        news=NEWS,
        conditions=(SPENT, IN_CREDIT),
        view=view,
        unknown_fields=(CURRENCY,),
        interval=Interval.BALANCE,
        switch=BALANCE,
        switch_help="Also poll the account's balance.",
        of_account=True,
    )
