"""The probe ``service``: whether a service is active or locked, and how it is billed.

service(product, operation, …) -> ProbeKind
├── remember    when the lock was first seen, and values beyond the documentation
├── visible     what the page shows, and the families that it stands in
├── attention   more polls in the first hour of a lock, and when a billing change falls due
├── NEWS        how a state is logged
└── view        what people are shown
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from exporter.api.errors import RefusalPattern
from exporter.api.operation import Operation
from exporter.core.durations import in_words
from exporter.core.model import Answer
from exporter.probes.kind import (
    AS_OF,
    Attention,
    Condition,
    Family,
    Fragment,
    News,
    ProbeKind,
    Sample,
    Severity,
    StateInRefusal,
    View,
    Visible,
    state_set,
    with_seen,
)
from exporter.probes.service_state import (
    CHARGE_TYPES,
    KNOWN_LOCK_REASONS,
    LOCKED_FOR_SECURITY,
    UNKNOWN_FIELDS,
    ChargeTypeChange,
    ServiceState,
    ServiceStatus,
    parse_service,
)

SERVICE = "service"

LOCK_ATTENTION_S = 3600.0
CHANGE_DELAY_S = 1.0
CHANGE_ATTENTION_S = 60.0
CHANGE_HORIZON_S = 7 * 86_400.0

# https://www.alibabacloud.com/help/doc-detail/27232.htm: one code with this meaning, and further ones.
_LOCK_IN_REFUSAL = StateInRefusal(
    RefusalPattern("operationdenied", words="locked for security reasons"), LOCKED_FOR_SECURITY
)


@dataclass(frozen=True, slots=True)
class ServiceMemory:
    """What is remembered of a service between answers.

    ``locked_since`` is the Unix time at which the present lock was first seen, or None. ``lock_reasons`` and
    ``charge_types`` are values of answers that the vendor does not document: 16 each at most, then ``other``.
    """

    locked_since: float | None = None
    lock_reasons: tuple[str, ...] = ()
    charge_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VisibleService:
    """All that the samples of a service depend on.

    ``pending`` is the billing change that lies ahead. ``lock_reasons`` and ``charge_types`` are the values that have
    a series, also at 0.
    """

    state: ServiceState
    pending: ChargeTypeChange | None
    lock_reasons: tuple[str, ...]
    charge_types: tuple[str, ...]

    @property
    def takes_effect(self) -> float | None:
        """The Unix time of the pending change, as far as it is known."""
        if self.pending is None or self.pending.takes_effect is None:
            return None
        return self.pending.takes_effect.timestamp()


def remember(before: ServiceMemory | None, answer: Answer[ServiceState], at: float) -> ServiceMemory:
    """What is remembered after an answer at this Unix time; ``before`` is None before the first."""
    before = before or ServiceMemory()
    state = answer.state
    named = (state.charge_type, state.change.charge_type if state.change is not None else None)
    locked_since = None
    if state.status is ServiceStatus.LOCKED:
        locked_since = before.locked_since if before.locked_since is not None else at
    return ServiceMemory(
        locked_since,
        lock_reasons=with_seen(
            before.lock_reasons, (reason for reason in state.lock_reasons if reason not in KNOWN_LOCK_REASONS)
        ),
        charge_types=with_seen(
            before.charge_types, (name for name in named if name is not None and name not in CHARGE_TYPES)
        ),
    )


def visible(state: ServiceState, memory: ServiceMemory | None, now: float) -> Visible[VisibleService]:
    """What the page shows now, until the pending change falls due."""
    memory = memory or ServiceMemory()
    shown = VisibleService(
        state=state,
        pending=state.pending_change(now),
        lock_reasons=(*sorted(KNOWN_LOCK_REASONS), *memory.lock_reasons),
        charge_types=(*CHARGE_TYPES, *memory.charge_types),
    )
    until = shown.takes_effect
    return Visible(shown, until=math.inf if until is None else until)


def attention(state: ServiceState, memory: ServiceMemory | None, now: float) -> Attention:
    """More polls in the first hour of a lock, and a run of its own for a billing change that falls due."""
    since = memory.locked_since if memory is not None else None
    return Attention(
        faster_until=-math.inf if since is None else since + LOCK_ATTENTION_S, extra_run_at=_change_run(state, now)
    )


def _change_run(state: ServiceState, now: float) -> float | None:
    """The Unix time of the next extra run for a billing change, or None when there is none within a week.

    It is a second after the change, then 3, 7, 15 and 31 seconds, until an answer has the new method or no change:
    the API's clock may be behind ours, and a poll may fail. A later change is planned when it is nearer: the API may
    name any year.
    """
    if state.change is None or state.change.takes_effect is None:
        return None
    due = state.change.takes_effect.timestamp()
    if due - now > CHANGE_HORIZON_S or (due <= now and state.charge_type == state.change.charge_type):
        return None
    delay = CHANGE_DELAY_S
    while due + delay <= now and delay < CHANGE_ATTENTION_S:
        delay = 2 * delay + CHANGE_DELAY_S
    return due + delay if delay < CHANGE_ATTENTION_S else None


def _change(service: VisibleService) -> Iterator[Sample]:
    if service.takes_effect is not None:
        yield (), service.takes_effect


def _opening(service: VisibleService) -> Iterator[Sample]:
    if service.state.opening_time is not None:
        yield (), service.state.opening_time.timestamp()


def _info(service: VisibleService) -> Iterator[Sample]:
    if service.state.instance_id is not None:
        yield (service.state.instance_id,), 1.0


FAMILIES: tuple[Family[VisibleService], ...] = (
    Family(
        "dcdn_service_status",
        "Whether the service has this status: locked when OperationLocks names any lock, not_activated when the API "
        f"says that the service was never opened, else active. Exactly one is 1. {AS_OF}",
        lambda service: state_set(tuple(ServiceStatus), {service.state.status}),
        labels=("status",),
    ),
    Family(
        "dcdn_service_lock",
        "Whether the service is locked for this reason (OperationLocks.LockReason); financial is an overdue payment, "
        f"unspecified a lock that names no reason. {AS_OF}",
        lambda service: state_set(service.lock_reasons, set(service.state.lock_reasons)),
        labels=("reason",),
    ),
    Family(
        "dcdn_service_charge_type",
        f"Whether this is the current billing method (InternetChargeType). {AS_OF}",
        lambda service: state_set(service.charge_types, {service.state.charge_type}),
        labels=("charge_type",),
    ),
    Family(
        "dcdn_service_next_charge_type",
        "Whether this is the billing method to come (ChangingChargeType); all 0 when no change is pending at the "
        f"moment of the scrape. {AS_OF}",
        lambda service: state_set(
            service.charge_types, {service.pending.charge_type if service.pending is not None else None}
        ),
        labels=("charge_type",),
    ),
    Family(
        "dcdn_service_charge_type_change_timestamp_seconds",
        "Unix time at which the pending change of the billing method takes effect (ChangingAffectTime); absent when "
        f"no change lies ahead. {AS_OF}",
        _change,
    ),
    Family(
        "dcdn_service_charge_type_change_remaining_seconds",
        "Seconds until the pending change of the billing method takes effect (ChangingAffectTime minus now, computed "
        f"at scrape time); absent when no change lies ahead. {AS_OF}",
        _change,
        countdown=True,
    ),
    Family(
        "dcdn_service_opening_timestamp_seconds",
        f"Unix time at which the service was activated (OpeningTime). {AS_OF}",
        _opening,
    ),
    Family(
        "dcdn_service_info",
        f"Always 1; the label names the service's instance (InstanceId). {AS_OF}",
        _info,
        labels=("instance_id",),
    ),
)

NEWS: News[ServiceState] = News(
    "service state",
    fields=lambda state: {
        "status": state.status.value,
        "lock_reasons": ",".join(state.lock_reasons),
        "charge_type": state.charge_type or "",
        "next_charge_type": (state.change.charge_type or "") if state.change is not None else "",
        "charge_type_change": _written(state.change.takes_effect) if state.change is not None else "",
        "opening_time": _written(state.opening_time),
        "instance_id": state.instance_id or "",
    },
    is_bad=lambda state: state.status is ServiceStatus.LOCKED,
    is_worse=lambda _state, field, value: field == "status" and value != ServiceStatus.ACTIVE,
)

CHANGE_PENDING = Condition("change_pending", Severity.UPCOMING, alarm="changing", state=False)
_OF_STATUS = {
    ServiceStatus.LOCKED: Condition("locked", Severity.CRITICAL, alarm="locked"),
    ServiceStatus.NOT_ACTIVATED: Condition("not_activated", Severity.INACTIVE),
    ServiceStatus.ACTIVE: Condition("active", Severity.GOOD),
}


def view(state: ServiceState | None, now: float) -> View:
    """What people are shown: status and lock reasons, the billing method and the next one."""
    pending = state.pending_change(now) if state is not None else None
    ahead_s = pending.takes_effect.timestamp() - now if pending is not None and pending.takes_effect else None
    return View(
        conditions=(
            *((_OF_STATUS[state.status],) if state is not None else ()),
            *((CHANGE_PENDING,) if pending is not None else ()),
        ),
        status=() if state is None else tuple(_status_cell(state)),
        billing=() if state is None else tuple(_billing_cell(state, pending, ahead_s)),
        status_json={
            "status": state.status.value if state is not None else None,
            "lock_reasons": list(state.lock_reasons) if state is not None else [],
        },
        billing_json={
            "charge_type": state.charge_type if state is not None else None,
            "change_pending": pending is not None,
            "next_charge_type": pending.charge_type if pending is not None else None,
            "changes_at": pending.takes_effect if pending is not None else None,
            "changes_in_seconds": None if ahead_s is None else round(ahead_s, 3),
        },
        ahead_s=ahead_s,
    )


def _status_cell(state: ServiceState) -> Iterator[Fragment]:
    yield Fragment(state.status.replace("_", " "))
    if state.lock_reasons:
        yield Fragment(f"({', '.join(state.lock_reasons)})", foreign=True)


def _billing_cell(state: ServiceState, pending: ChargeTypeChange | None, ahead_s: float | None) -> Iterator[Fragment]:
    yield Fragment(state.charge_type, foreign=True) if state.charge_type is not None else Fragment("-")
    if pending is not None and pending.charge_type is not None:
        yield Fragment("→")
        yield Fragment(pending.charge_type, foreign=True)
        if ahead_s is not None:
            yield Fragment(f"in {in_words(ahead_s)}")


def service(
    product: str, operation: Operation, *states_in_refusals: StateInRefusal[ServiceState]
) -> ProbeKind[ServiceState, ServiceMemory, VisibleService]:
    """The row of a product's Describe…Service."""
    return ProbeKind(
        product=product,
        probe=SERVICE,
        operation=operation,
        parse=parse_service,
        states_in_refusals=(*states_in_refusals, _LOCK_IN_REFUSAL),
        remember=remember,
        visible=visible,
        attention=attention,
        families=FAMILIES,
        news=NEWS,
        conditions=(*_OF_STATUS.values(), CHANGE_PENDING),
        view=view,
        unknown_fields=UNKNOWN_FIELDS,
    )


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
