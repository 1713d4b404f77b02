"""What the answer of QueryAccountBalance says: how much an account can still spend.

    {"Code": "200", "Message": "success", "Success": true, "RequestId": "2595…",
     "Data": {"AvailableAmount": "10000.00", "AvailableCashAmount": "10000.00", "CreditAmount": "0.00",
              "MybankCreditAmount": "0.00", "QuotaLimit": "10000.00", "Currency": "CNY"}}

Amounts are texts. Source: https://help.aliyun.com/document_detail/472991.html (read 2026-11-22)
"""

from collections.abc import Mapping

from exporter.api.fields import AnswerFields, cut
from exporter.core.model import Answer, Balance, UnknownField

KNOWN_CURRENCIES = frozenset({"CNY", "USD", "JPY"})


def parse_balance(payload: Mapping[str, object], request_id: str | None) -> Answer:
    """Return the balance that the answer names; an amount says nothing without its currency.

    Raises MalformedReply when one of them is missing or makes no sense.
    """
    data = AnswerFields(payload, request_id).inside("Data")
    amount, name = data.amount("AvailableAmount"), data.label("Currency")
    if amount is None or name is None:
        raise data.strangers("AvailableAmount and Currency")
    currency = cut(name.upper())
    unknown = {} if currency in KNOWN_CURRENCIES else {UnknownField.CURRENCY: (currency,)}
    return Answer(Balance(amount, currency), request_id=request_id, unknown_values=unknown)
