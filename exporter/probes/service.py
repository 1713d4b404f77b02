"""The probe ``service``: whether a service is active or locked, how it is billed, and when it ends.

service(product, operation, …) -> ProbeKind
├── service_state       the state, and how it is read from an answer
├── service_families    what is remembered between answers, and what the page shows
├── attention           more polls in the first hour of a lock, and when a billing change falls due
├── news                how a state is logged
└── view                what people are shown
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from exporter.api.errors import RefusalPattern
from exporter.api.operation import Operation
from exporter.core.durations import in_words
from exporter.core.moments import Moment
from exporter.probes.kind import Attention, News, ProbeKind, StateInRefusal
from exporter.probes.service_families import ServiceMemory, VisibleService, families_of, remember, visible
from exporter.probes.service_locks import KNOWN_LOCK_REASONS
from exporter.probes.service_state import (
    LOCKED_FOR_SECURITY,
    PLAIN,
    WHOLE_SERVICE,
    AnswerForm,
    Billing,
    ServiceState,
    ServiceStatus,
    parse_service,
)
from exporter.probes.view import Condition, Fragment, Note, Severity, Terms, View

SERVICE = "service"

LOCK_ATTENTION_S = 3600.0
CHANGE_DELAY_S = 1.0
CHANGE_ATTENTION_S = 60.0
CHANGE_HORIZON_S = 7 * 86_400.0
CHANGE_SOON_S = 3 * 86_400.0
END_HORIZON_S = 7 * 86_400.0

# https://www.alibabacloud.com/help/doc-detail/27232.htm: one code with this meaning, and further ones.
_LOCK_IN_REFUSAL = StateInRefusal(
    RefusalPattern("operationdenied", words="locked for security reasons"), LOCKED_FOR_SECURITY
)


def attention(state: ServiceState, memory: ServiceMemory | None, now: float) -> Attention:
    """More polls in the first hour of a lock, and a run of its own for a billing change that falls due."""
    since = memory.locked_since if memory is not None else None
    runs = (_change_run(billing, now) for billing in (state.billing, *state.components))
    return Attention(
        faster_until=-math.inf if since is None else since + LOCK_ATTENTION_S,
        extra_run_at=min((run for run in runs if run is not None), default=None),
    )


def _change_run(billing: Billing, now: float) -> float | None:
    """The Unix time of the next extra run for a billing change, or None when there is none within a week.

    It is a second after the change, then 3, 7, 15 and 31 seconds, until an answer has the new method or no change:
    the API's clock may be behind ours, and a poll may fail. A later change is planned when it is nearer: the API may
    name any year.
    """
    if billing.change is None or billing.change.takes_effect is None:
        return None
    due = billing.change.takes_effect.timestamp()
    if due - now > CHANGE_HORIZON_S or (due <= now and billing.charge_type == billing.change.charge_type):
        return None
    delay = CHANGE_DELAY_S
    while due + delay <= now and delay < CHANGE_ATTENTION_S:
        delay = 2 * delay + CHANGE_DELAY_S
    return due + delay if delay < CHANGE_ATTENTION_S else None


def news(form: AnswerForm = PLAIN) -> News[ServiceState]:
    """How a service is logged about which there are answers of this form."""

    def fields(state: ServiceState) -> Mapping[str, str]:
        of_components = {billing.of: billing for billing in state.components}
        return {
            "status": state.status.value,
            "lock_reasons": ",".join(state.lock_reasons),
            **_news_of(state.billing),
            "opening_time": _written(state.opening_time),
            "instance_id": state.instance_id or "",
            **{
                f"{billed.component}_{name}": value
                for billed in form.components
                for name, value in _news_of(of_components.get(billed, Billing(billed))).items()
            },
            **({"end_time": _written(state.end_time)} if form.end_time is not None else {}),
        }

    return News(
        "service state",
        fields=fields,
        is_bad=lambda state: state.status is ServiceStatus.LOCKED,
        is_worse=lambda _state, field, value: field == "status" and value != ServiceStatus.ACTIVE,
    )


def _news_of(billing: Billing) -> Mapping[str, str]:
    dated = {"charge_type_change": _written(billing.change.takes_effect if billing.change is not None else None)}
    return {
        "charge_type": billing.charge_type or "",
        "next_charge_type": billing.next_charge_type or "",
        **(dated if billing.of.change_time is not None else {}),
    }


_CHANGE = "with a change pending"
CHANGE_PENDING = Condition(
    "change_pending", Severity.UPCOMING, alarm="changing", state=False, one=_CHANGE, many=_CHANGE
)
ENDING = Condition("ending", Severity.WARNING)
ENDED = Condition("ended", Severity.SERIOUS, alarm="ended")
_OF_STATUS = {
    ServiceStatus.LOCKED: Condition("locked", Severity.CRITICAL, alarm="locked"),
    ServiceStatus.NOT_ACTIVATED: Condition("not_activated", Severity.INACTIVE),
    ServiceStatus.ACTIVE: Condition("active", Severity.GOOD),
}


def view(state: ServiceState | None, now: float) -> View:
    """What people are shown: status and lock reasons, the billing method and the next one, and the end."""
    if state is None:
        return View(
            status_json={"status": None, "lock_reasons": []},
            billing_json={**_billing_json(Billing(WHOLE_SERVICE), now), "components": [], "ends_at": None},
        )
    billings = (state.billing, *state.components)
    pending = any(billing.pending_change(now) is not None for billing in billings)
    ahead_s = (_ahead_s(billing, now) for billing in billings)
    return View(
        conditions=(_OF_STATUS[state.status], *((CHANGE_PENDING,) if pending else ()), *_end_conditions(state, now)),
        status=tuple(_status_cell(state)),
        notes=tuple(_end_notes(state, now)),
        billing=tuple(_billing_cell(state, now)),
        status_json={"status": state.status.value, "lock_reasons": list(state.lock_reasons)},
        billing_json={
            **_billing_json(state.billing, now),
            "components": [
                {"component": component.of.component, **_billing_json(component, now)}
                for component in state.components
            ],
            "ends_at": state.end_time,
        },
        ahead_s=min((seconds for seconds in ahead_s if seconds is not None), default=None),
    )


def _end_conditions(state: ServiceState, now: float) -> Iterator[Condition]:
    """Whether the service ends within a week, or has ended."""
    if state.end_time is not None and state.end_time.timestamp() - now <= END_HORIZON_S:
        yield ENDING if state.end_time.timestamp() > now else ENDED


def _end_notes(state: ServiceState, now: float) -> Iterator[Note]:
    """When the service ends; a warning when that is near, and worse when it is past."""
    if state.end_time is not None:
        severity = next((condition.severity for condition in _end_conditions(state, now)), Severity.GOOD)
        template = "ends at {moment}" if state.end_time.timestamp() > now else "ended at {moment}"
        runbook = "DcdnServiceEnding" if severity < Severity.GOOD else ""
        yield Note(severity, template, {"moment": Moment(state.end_time)}, runbook)


def _ahead_s(billing: Billing, now: float) -> float | None:
    """The seconds until the pending change, as far as its moment is known."""
    pending = billing.pending_change(now)
    return pending.takes_effect.timestamp() - now if pending is not None and pending.takes_effect else None


def _billing_json(billing: Billing, now: float) -> Mapping[str, Any]:
    pending, ahead_s = billing.pending_change(now), _ahead_s(billing, now)
    return {
        "charge_type": billing.charge_type,
        "change_pending": pending is not None,
        "next_charge_type": pending.charge_type if pending is not None else None,
        "changes_at": pending.takes_effect if pending is not None else None,
        "changes_in_seconds": None if ahead_s is None else round(ahead_s, 3),
    }


def _status_cell(state: ServiceState) -> Iterator[Fragment]:
    if state.lock_reasons:
        yield Fragment(
            "locked ({reasons})",
            values={"reasons": Terms(state.lock_reasons)},
            runbook=_runbook(state.lock_reasons),
        )
    else:
        yield Fragment(state.status.replace("_", " "))


def _runbook(lock_reasons: tuple[str, ...]) -> str:
    """That of the payment first: what else there is cannot be ended by oneself."""
    return "DcdnServiceLockedOther" if KNOWN_LOCK_REASONS.isdisjoint(lock_reasons) else "DcdnServiceLockedFinancial"


def _billing_cell(state: ServiceState, now: float) -> Iterator[Fragment]:
    """The service's billing, and that of each component which changes."""
    yield from _method(state.billing, now)
    for component in state.components:
        if component.pending_change(now) is not None:
            yield Fragment("· {component}:", values={"component": component.of.component})
            yield from _method(component, now)


def _method(billing: Billing, now: float) -> Iterator[Fragment]:
    """The method, and the one that is to come."""
    pending, ahead_s = billing.pending_change(now), _ahead_s(billing, now)
    yield Fragment(billing.charge_type, foreign=True) if billing.charge_type is not None else Fragment("-")
    if pending is not None and pending.charge_type is not None:
        yield Fragment("→")
        yield Fragment(pending.charge_type, foreign=True, runbook=_runbook_of_change(ahead_s))
        if ahead_s is not None:
            yield Fragment("in {time}", values={"time": in_words(ahead_s)})


def _runbook_of_change(ahead_s: float | None) -> str:
    """Who has submitted it is asked first, while there is time, or where the moment is not known."""
    is_soon = ahead_s is not None and ahead_s < CHANGE_SOON_S
    return "DcdnChargeTypeChangeSoon" if is_soon else "DcdnChargeTypeChangeScheduled"


def service(
    product: str, operation: Operation, *states_in_refusals: StateInRefusal[ServiceState], form: AnswerForm = PLAIN
) -> ProbeKind[ServiceState, ServiceMemory, VisibleService]:
    """The row of a product's Describe…Service, which is answered in this form."""
    return ProbeKind(
        product=product,
        probe=SERVICE,
        operation=operation,
        parse=partial(parse_service, form=form),
        states_in_refusals=(*states_in_refusals, _LOCK_IN_REFUSAL),
        remember=remember,
        visible=visible,
        attention=attention,
        families=families_of(form),
        news=news(form),
        conditions=(*_OF_STATUS.values(), CHANGE_PENDING, *((ENDING, ENDED) if form.end_time is not None else ())),
        view=view,
        unknown_fields=form.fields,
    )


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
