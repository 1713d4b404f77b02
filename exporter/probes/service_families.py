"""What the page shows of a service: what is remembered between answers, what is visible now, and its families."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from exporter.core.model import Answer
from exporter.probes.kind import AS_OF, Family, Sample, Visible, state_set, with_seen
from exporter.probes.service_locks import KNOWN_LOCK_REASONS
from exporter.probes.service_state import (
    AnswerForm,
    Billing,
    ChargeTypeChange,
    ServiceState,
    ServiceStatus,
)


@dataclass(frozen=True, slots=True)
class ServiceMemory:
    """What is remembered of a service between answers.

    ``locked_since`` is the Unix time at which the present lock was first seen, or None. ``lock_reasons``,
    ``charge_types`` and, by the component's name, ``component_charge_types`` are values of answers that the vendor
    does not document: 16 each at most, then ``other``.
    """

    locked_since: float | None = None
    lock_reasons: tuple[str, ...] = ()
    charge_types: tuple[str, ...] = ()
    component_charge_types: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class VisibleBilling:
    """All that the samples of a billing depend on.

    ``pending`` is the change that lies ahead. ``charge_types`` are the values that have a series, also at 0.
    """

    billing: Billing
    pending: ChargeTypeChange | None
    charge_types: tuple[str, ...]

    @property
    def takes_effect(self) -> float | None:
        """The Unix time of the pending change, as far as it is known."""
        if self.pending is None or self.pending.takes_effect is None:
            return None
        return self.pending.takes_effect.timestamp()


@dataclass(frozen=True, slots=True)
class VisibleService:
    """All that the samples of a service depend on; ``lock_reasons`` have a series, also at 0."""

    state: ServiceState
    lock_reasons: tuple[str, ...]
    billing: VisibleBilling
    components: tuple[VisibleBilling, ...]


def remember(before: ServiceMemory | None, answer: Answer[ServiceState], at: float) -> ServiceMemory:
    """What is remembered after an answer at this Unix time; ``before`` is None before the first."""
    before = before or ServiceMemory()
    state = answer.state
    locked_since = None
    if state.status is ServiceStatus.LOCKED:
        locked_since = before.locked_since if before.locked_since is not None else at
    of_components = dict(before.component_charge_types)
    for component in state.components:
        seen = of_components.get(component.of.component, ())
        of_components[component.of.component] = with_seen(seen, _undocumented(component))
    return ServiceMemory(
        locked_since,
        lock_reasons=with_seen(
            before.lock_reasons, (reason for reason in state.lock_reasons if reason not in KNOWN_LOCK_REASONS)
        ),
        charge_types=with_seen(before.charge_types, _undocumented(state.billing)),
        component_charge_types=tuple(of_components.items()),
    )


def _undocumented(billing: Billing) -> Iterator[str]:
    return (name for _, name in billing.undocumented())


def visible(state: ServiceState, memory: ServiceMemory | None, now: float) -> Visible[VisibleService]:
    """What the page shows now, until the first of the pending changes falls due."""
    memory = memory or ServiceMemory()
    of_components = dict(memory.component_charge_types)
    service = VisibleService(
        state=state,
        lock_reasons=(*sorted(KNOWN_LOCK_REASONS), *memory.lock_reasons),
        billing=_visible_billing(state.billing, memory.charge_types, now),
        components=tuple(
            _visible_billing(component, of_components.get(component.of.component, ()), now)
            for component in state.components
        ),
    )
    moments = (billing.takes_effect for billing in (service.billing, *service.components))
    return Visible(service, until=min((moment for moment in moments if moment is not None), default=math.inf))


def _visible_billing(billing: Billing, seen: tuple[str, ...], now: float) -> VisibleBilling:
    return VisibleBilling(billing, billing.pending_change(now), (*billing.of.charge_types, *seen))


def _current(shown: VisibleBilling) -> Iterator[Sample]:
    return state_set(shown.charge_types, {shown.billing.charge_type})


def _next(shown: VisibleBilling) -> Iterator[Sample]:
    return state_set(shown.charge_types, {shown.pending.charge_type if shown.pending is not None else None})


def _change(shown: VisibleBilling) -> Iterator[Sample]:
    if shown.takes_effect is not None:
        yield (), shown.takes_effect


_OfBilling = Callable[[VisibleBilling], Iterator[Sample]]


def _of_service(samples: _OfBilling) -> Callable[[VisibleService], Iterable[Sample]]:
    return lambda service: samples(service.billing)


def _of_components(samples: _OfBilling) -> Callable[[VisibleService], Iterable[Sample]]:
    """The samples of each component, its name before their own labels."""
    return lambda service: (
        ((shown.billing.of.component, *labels), number)
        for shown in service.components
        for labels, number in samples(shown)
    )


def _moment(of: Callable[[ServiceState], datetime | None]) -> Callable[[VisibleService], Iterator[Sample]]:
    """The sample of a moment; none where the API names none."""

    def samples(service: VisibleService) -> Iterator[Sample]:
        moment = of(service.state)
        if moment is not None:
            yield (), moment.timestamp()

    return samples


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
        _of_service(_current),
        labels=("charge_type",),
    ),
    Family(
        "dcdn_service_next_charge_type",
        "Whether this is the billing method to come (ChangingChargeType); all 0 when no change is pending at the "
        f"moment of the scrape. {AS_OF}",
        _of_service(_next),
        labels=("charge_type",),
    ),
    Family(
        "dcdn_service_charge_type_change_timestamp_seconds",
        "Unix time at which the pending change of the billing method takes effect (ChangingAffectTime); absent when "
        f"no change lies ahead. {AS_OF}",
        _of_service(_change),
    ),
    Family(
        "dcdn_service_charge_type_change_remaining_seconds",
        "Seconds until the pending change of the billing method takes effect (ChangingAffectTime minus now, computed "
        f"at scrape time); absent when no change lies ahead. {AS_OF}",
        _of_service(_change),
        countdown=True,
    ),
    Family(
        "dcdn_service_opening_timestamp_seconds",
        f"Unix time at which the service was activated (OpeningTime; of dcdn_sec StartTime). {AS_OF}",
        _moment(lambda state: state.opening_time),
    ),
    Family(
        "dcdn_service_info",
        f"Always 1; the label names the service's instance (InstanceId). {AS_OF}",
        _info,
        labels=("instance_id",),
    ),
)
"""Those of every service."""

_OF_COMPONENTS: tuple[Family[VisibleService], ...] = (
    Family(
        "dcdn_service_component_charge_type",
        "Whether this is the current billing method of a part that is billed by itself (WebsocketType, "
        f"DynamicBillingType); absent when the API names none. {AS_OF}",
        _of_components(_current),
        labels=("component", "charge_type"),
    ),
    Family(
        "dcdn_service_component_next_charge_type",
        "Whether this is the billing method to come of a part that is billed by itself (WebsocketChangingType, "
        f"ChangingDynamicBillingType); all 0 when no change is pending at the moment of the scrape. {AS_OF}",
        _of_components(_next),
        labels=("component", "charge_type"),
    ),
    Family(
        "dcdn_service_component_charge_type_change_timestamp_seconds",
        "Unix time at which the pending change of such a part's billing method takes effect (WebsocketChangingTime); "
        f"absent when no change lies ahead, or the API does not say when. {AS_OF}",
        _of_components(_change),
        labels=("component",),
    ),
)
_OF_END: tuple[Family[VisibleService], ...] = (
    Family(
        "dcdn_service_end_timestamp_seconds",
        f"Unix time at which the service ends, or has ended (EndTime); absent when the API names none. {AS_OF}",
        _moment(lambda state: state.end_time),
    ),
)


def families_of(form: AnswerForm) -> tuple[Family[VisibleService], ...]:
    """The families of a service about which there are answers of this form."""
    return _families(components=bool(form.components), end=form.end_time is not None)


@cache
def _families(*, components: bool, end: bool) -> tuple[Family[VisibleService], ...]:
    """One tuple for all products that are alike: their lines share blocks of the page."""
    return (*FAMILIES, *(_OF_COMPONENTS if components else ()), *(_OF_END if end else ()))
