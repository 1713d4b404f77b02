"""What the answer of a DescribeUser…Status operation says: whether an account owes for a service.

    {"Enabled": true, "OnService": true, "InDebt": false, "InDebtOverdue": false, "RequestId": "4F51…"}

Source: https://help.aliyun.com/document_detail/130616.html (read 2026-11-22)
"""

from collections.abc import Mapping

from exporter.api.fields import AnswerFields
from exporter.core.model import Answer, DebtState


def parse_debt(payload: Mapping[str, object], request_id: str | None) -> Answer:
    """Return the state that the answer describes; what it leaves out is None.

    Raises MalformedReply when a value is neither yes nor no, or when none of the four fields is there.
    """
    fields = AnswerFields(payload, request_id)
    enabled, available = fields.flag("Enabled"), fields.flag("OnService")
    in_debt, in_debt_overdue = fields.flag("InDebt"), fields.flag("InDebtOverdue")
    if (enabled, available, in_debt, in_debt_overdue) == (None, None, None, None):
        raise fields.strangers("Enabled, OnService, InDebt or InDebtOverdue")
    return Answer(
        DebtState(enabled=enabled, available=available, in_debt=in_debt, in_debt_overdue=in_debt_overdue),
        request_id=request_id,
    )
