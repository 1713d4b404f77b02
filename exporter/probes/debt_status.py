"""The probe ``debt_status``: whether an account owes for a service, by a DescribeUser…Status operation.

    {"Enabled": true, "OnService": true, "InDebt": false, "InDebtOverdue": false, "RequestId": "4F51…"}

Source: https://help.aliyun.com/document_detail/130616.html (read 2026-11-22)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.api.fields import AnswerFields
from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.kind import AS_OF, Family, News, ProbeKind, Sample, StateInRefusal
from exporter.probes.view import Condition, Note, Severity, View

DEBT_STATUS = "debt_status"
OWED = ("InDebt", "InDebtOverdue")
FIELDS = ("Enabled", "OnService", *OWED)
_YES_OR_NO = MappingProxyType({True: "true", False: "false", None: ""})


@dataclass(frozen=True, slots=True)
class DebtState:
    """The answer of one DescribeUser…Status operation; a field that the API left out is None.

    ``enabled``: the service is activated (Enabled). ``available``: it can be used (OnService). ``in_debt``: a payment
    is overdue (InDebt). ``in_debt_overdue``: the time to make up for it is over as well (InDebtOverdue).
    """

    enabled: bool | None = None
    available: bool | None = None
    in_debt: bool | None = None
    in_debt_overdue: bool | None = None

    def __post_init__(self) -> None:
        if (self.enabled, self.available, self.in_debt, self.in_debt_overdue) == (None, None, None, None):
            raise ValueError("a debt state has at least one field")


NOT_ENABLED = DebtState(enabled=False)


def parse_debt(payload: Mapping[str, object], request_id: str | None) -> Answer[DebtState]:
    """Return the state that the answer describes; what it leaves out, or what is neither yes nor no, is None.

    Raises MalformedReply when none of the four fields says anything, or when what is owed makes no sense: a debt
    decides, whatever the other fields or further values of its own hold, and never looks paid because it could not be
    read.
    """
    fields = AnswerFields(payload, request_id)
    enabled, available = fields.auxiliary(fields.flag, "Enabled"), fields.auxiliary(fields.flag, "OnService")
    in_debt, in_debt_overdue = (fields.auxiliary(fields.any_flag, name) for name in OWED)
    owed = [fields.odd[name] for name in OWED if name in fields.odd]
    if owed and not (in_debt or in_debt_overdue):
        raise owed[0]
    if (enabled, available, in_debt, in_debt_overdue) == (None, None, None, None):
        raise fields.without_needed("Enabled, OnService, InDebt or InDebtOverdue")
    return Answer(
        DebtState(enabled=enabled, available=available, in_debt=in_debt, in_debt_overdue=in_debt_overdue),
        request_id=request_id,
        unknown_values=fields.unknown_values(),
    )


def _flag(name: str) -> Callable[[DebtState], Iterator[Sample]]:
    """The samples of a field; none where the API left it out."""

    def samples(debt: DebtState) -> Iterator[Sample]:
        value = getattr(debt, name)
        if value is not None:
            yield (), float(value)

    return samples


FAMILIES: tuple[Family[DebtState], ...] = (
    Family(
        "dcdn_service_enabled",
        f"1 when the service is activated, else 0 (Enabled of the probe debt_status). {AS_OF}",
        _flag("enabled"),
    ),
    Family(
        "dcdn_service_available",
        f"1 when the service can be used, else 0 (OnService of the probe debt_status). {AS_OF}",
        _flag("available"),
    ),
    Family(
        "dcdn_service_in_debt",
        f"1 when the account has overdue payments, else 0 (InDebt of the probe debt_status). {AS_OF}",
        _flag("in_debt"),
    ),
    Family(
        "dcdn_service_in_debt_overdue",
        "1 when the time to make up for an overdue payment is over too, else 0 (InDebtOverdue of the probe "
        f"debt_status). {AS_OF}",
        _flag("in_debt_overdue"),
    ),
)

_WORSE = frozenset({("enabled", "false"), ("available", "false"), ("in_debt", "true"), ("in_debt_overdue", "true")})
NEWS: News[DebtState] = News(
    "debt state",
    fields=lambda debt: {
        "enabled": _YES_OR_NO[debt.enabled],
        "available": _YES_OR_NO[debt.available],
        "in_debt": _YES_OR_NO[debt.in_debt],
        "in_debt_overdue": _YES_OR_NO[debt.in_debt_overdue],
    },
    is_bad=lambda debt: bool(debt.in_debt or debt.in_debt_overdue),
    is_worse=lambda _debt, field, value: (field, value) in _WORSE,
)

OVERDUE = Condition("overdue", Severity.CRITICAL, alarm="overdue")
UNAVAILABLE = Condition("unavailable", Severity.SERIOUS, alarm="unavailable")
IN_DEBT = Condition("in_debt", Severity.WARNING)
_RUNBOOKS = MappingProxyType(
    {OVERDUE: "DcdnInDebtOverdue", IN_DEBT: "DcdnInDebt", UNAVAILABLE: "DcdnServiceLockedOther"}
)


def view(debt: DebtState | None, _now: float) -> View:
    """What people are shown: notes of what is owed; a service that was never enabled is not called unavailable."""
    conditions = []
    if debt is not None:
        if debt.in_debt_overdue:
            conditions.append(OVERDUE)
        if debt.available is False and debt.enabled is not False:
            conditions.append(UNAVAILABLE)
        if debt.in_debt and not debt.in_debt_overdue:
            conditions.append(IN_DEBT)
    return View(
        conditions=tuple(conditions),
        notes=tuple(Note(each.severity, each.word.replace("_", " "), runbook=_RUNBOOKS[each]) for each in conditions),
        status_json={"debts": [condition.word for condition in conditions]},
    )


def debt_status(
    product: str, operation: Operation, *states_in_refusals: StateInRefusal[DebtState]
) -> ProbeKind[DebtState, None, DebtState]:
    """The row of a product's DescribeUser…Status."""
    return ProbeKind(
        product=product,
        probe=DEBT_STATUS,
        operation=operation,
        parse=parse_debt,
        states_in_refusals=states_in_refusals,
        families=FAMILIES,
        news=NEWS,
        conditions=(OVERDUE, UNAVAILABLE, IN_DEBT),
        view=view,
        unknown_fields=FIELDS,
        switch=DEBT_STATUS,
        switch_help="Also poll the debt status of each product: the warning before the lock.",
    )
