"""The state of a service, and how it is read from the answer of a Describe…Service operation.

Locks decide: locks that make no sense raise MalformedReply, so that they never look like a healthy service. Any
other field that makes no sense is absent, and one of the unknown values.

    {"InstanceId": "1883927335936173", "OpeningTime": "2018-03-19T11:16:11Z",
     "InternetChargeType": "PayByBandwidth",
     "ChangingChargeType": "PayByTraffic", "ChangingAffectTime": "2018-03-31T16:00:00Z",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]}, "RequestId": "EF2A…"}

Source: https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice

AnswerForm      what the answer about one product has that others lack
└── Billed      the fields of what is billed by itself
ServiceState    the state
└── Billing     how the service, or a part of it, is billed
    └── ChargeTypeChange
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import chain

from exporter.api.fields import AnswerFields, described
from exporter.core.model import Answer, require_aware, require_label_value
from exporter.probes.service_locks import KNOWN_LOCK_REASONS, LOCK_REASON, lock_reasons

CHARGE_TYPE, NEXT_CHARGE_TYPE, CHANGE_TIME = "InternetChargeType", "ChangingChargeType", "ChangingAffectTime"
OPENING_TIME, INSTANCE_ID = "OpeningTime", "InstanceId"
# Those of DCDN and IPA, and of CDN too: https://help.aliyun.com/document_detail/447990.html. The page of
# DescribeCdnService names the first two.
CHARGE_TYPES = (
    "PayByTraffic",
    "PayByBandwidth",
    "PayByBandwidth95",
    "PayByBandwidth_monthavg",
    "PayByBandwidth_month4th",
    "PayByBandwidth_monthday95avg",
    "PayByBandwidth_nighthalf95",
)


class ServiceStatus(StrEnum):
    """The status of one product in one account; exactly one holds."""

    ACTIVE = "active"
    LOCKED = "locked"
    NOT_ACTIVATED = "not_activated"


@dataclass(frozen=True, slots=True)
class Billed:
    """What is billed by a method of its own, and the fields that say how.

    ``change_time`` is None where no field dates a change. ``charge_types`` are those that the vendor documents; where
    there are none, none is unknown. ``component`` is empty for the service as a whole.
    """

    charge_type: str
    next_charge_type: str
    change_time: str | None
    charge_types: tuple[str, ...]
    component: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """All of its fields."""
        return tuple(filter(None, (self.charge_type, self.next_charge_type, self.change_time)))


WHOLE_SERVICE = Billed(CHARGE_TYPE, NEXT_CHARGE_TYPE, CHANGE_TIME, CHARGE_TYPES)
# https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnservice
WEBSOCKET = Billed(
    "WebsocketType",
    "WebsocketChangingType",
    "WebsocketChangingTime",
    ("websockettraffic", "websocketbps"),
    component="websocket",
)
# The fields are in the vendor's clients and on no page; that ChangingAffectTime dates this change too is not known.
DYNAMIC = Billed("DynamicBillingType", "ChangingDynamicBillingType", None, (), component="dynamic")


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What the answer about one product has that others lack.

    ``opening_time`` is its field of the time of activation, ``end_time`` that of the end; None: it has no end.
    """

    opening_time: str = OPENING_TIME
    end_time: str | None = None
    components: tuple[Billed, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields in which a value can be unknown or make no sense."""
        charge_type, next_charge_type, *change_time = WHOLE_SERVICE.fields
        of_components = chain.from_iterable(component.fields for component in self.components)
        plain = (charge_type, next_charge_type, LOCK_REASON, *change_time, self.opening_time, INSTANCE_ID)
        return (*plain, *of_components, *((self.end_time,) if self.end_time is not None else ()))


PLAIN = AnswerForm()


@dataclass(frozen=True, slots=True)
class ChargeTypeChange:
    """A change of the billing method as the API announced it, ahead or past.

    ``charge_type`` is None when the API gave only the moment; ``takes_effect`` is None when it gave only the
    next method. One of them is there.
    """

    charge_type: str | None
    takes_effect: datetime | None

    def __post_init__(self) -> None:
        if self.charge_type is None and self.takes_effect is None:
            raise ValueError("a change names its charge type, its moment, or both")
        require_label_value(self.charge_type)
        require_aware(self.takes_effect)

    def is_pending(self, now: float) -> bool:
        """Whether the change lies ahead of ``now``; one without a moment always does."""
        return self.takes_effect is None or self.takes_effect.timestamp() > now


@dataclass(frozen=True, slots=True)
class Billing:
    """How it is billed: the method, and a change of it; None where the API names none."""

    of: Billed
    charge_type: str | None = None
    change: ChargeTypeChange | None = None

    def __post_init__(self) -> None:
        require_label_value(self.charge_type)

    @property
    def next_charge_type(self) -> str | None:
        """The method that a change, ahead or past, is to."""
        return self.change.charge_type if self.change is not None else None

    def undocumented(self) -> Iterator[tuple[str, str]]:
        """The methods that the vendor does not document, each after its field."""
        named = ((self.of.charge_type, self.charge_type), (self.of.next_charge_type, self.next_charge_type))
        for key, name in named:
            if name is not None and name not in self.of.charge_types:
                yield key, name

    def pending_change(self, now: float) -> ChargeTypeChange | None:
        """The change that lies ahead of ``now``, if any: the API also repeats changes that are past."""
        return self.change if self.change is not None and self.change.is_pending(now) else None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The answer of one Describe…Service operation.

    ``lock_reasons`` are lower case, sorted, without repeats; empty when nothing is locked. ``components`` are the
    parts that are billed by themselves and of which the API names a method. Every text is 1 to 64 printable
    characters. A service that is not activated has no other field.
    """

    activated: bool = True
    lock_reasons: tuple[str, ...] = ()
    charge_type: str | None = None
    change: ChargeTypeChange | None = None
    opening_time: datetime | None = None
    instance_id: str | None = None
    end_time: datetime | None = None
    components: tuple[Billing, ...] = ()
    billing: Billing = field(init=False, repr=False, compare=False)
    """How the service as a whole is billed; made once, since the page reads it under its lock."""

    def __post_init__(self) -> None:
        if list(self.lock_reasons) != sorted(set(self.lock_reasons)):
            raise ValueError(f"lock reasons are sorted and unique, not {self.lock_reasons!r}")
        if any(reason != reason.lower() for reason in self.lock_reasons):
            raise ValueError(f"lock reasons are lower case, not {self.lock_reasons!r}")
        of_billing = (self.charge_type, self.change, self.components)
        if not self.activated and any((self.lock_reasons, *of_billing, *self._moments(), self.instance_id)):
            raise ValueError("a service that is not activated has no locks, billing method, dates or instance")
        for text in (*self.lock_reasons, self.charge_type, self.instance_id):
            require_label_value(text)
        for moment in self._moments():
            require_aware(moment)
        for component in self.components:
            if component.charge_type is None and component.change is None:
                raise ValueError(f"a component has a billing method or a change, seen {component!r}")
        object.__setattr__(self, "billing", Billing(WHOLE_SERVICE, self.charge_type, self.change))

    def _moments(self) -> tuple[datetime | None, ...]:
        return self.opening_time, self.end_time

    @property
    def status(self) -> ServiceStatus:
        """The one status that holds: locked when there is any lock."""
        if not self.activated:
            return ServiceStatus.NOT_ACTIVATED
        return ServiceStatus.LOCKED if self.lock_reasons else ServiceStatus.ACTIVE

    def pending_change(self, now: float) -> ChargeTypeChange | None:
        """The change of the whole service's billing that lies ahead of ``now``, if any."""
        return self.billing.pending_change(now)


NOT_ACTIVATED = ServiceState(activated=False)
LOCKED_FOR_SECURITY = ServiceState(lock_reasons=("security",))


def parse_service(
    payload: Mapping[str, object], request_id: str | None, form: AnswerForm = PLAIN
) -> Answer[ServiceState]:
    """Return the state that the answer describes, and its values that the documentation does not name.

    Raises MalformedReply when locks make no sense, or when nothing in the answer is about a service; it names the
    field, what was seen and what would be accepted.
    """
    fields = AnswerFields(payload, request_id)
    billing = _billing(fields, WHOLE_SERVICE)
    components = tuple(_billing(fields, component) for component in form.components)
    opening_time = fields.auxiliary(fields.moment, form.opening_time)
    state = ServiceState(
        lock_reasons=lock_reasons(fields),
        charge_type=billing.charge_type,
        change=billing.change,
        opening_time=opening_time,
        instance_id=fields.auxiliary(fields.label, INSTANCE_ID),
        end_time=_end_time(fields, form, opening_time),
        components=tuple(each for each in components if (each.charge_type, each.change) != (None, None)),
    )
    if state == ServiceState() and _is_empty(fields, form):
        return Answer(NOT_ACTIVATED, request_id=request_id)
    if not (state.instance_id or state.opening_time or state.charge_type or state.lock_reasons):
        raise fields.without_needed(
            f"those of a service: {INSTANCE_ID}, {form.opening_time}, {CHARGE_TYPE} or a lock"
        )
    return Answer(
        state=state,
        request_id=request_id,
        unknown_values=fields.unknown_values(dict(_undocumented(state, (billing, *state.components)))),
    )


def _undocumented(state: ServiceState, billings: Iterable[Billing]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The values that the documentation does not name, after their fields."""
    for billing in billings:
        if billing.of.charge_types:
            yield from ((field, (name,)) for field, name in billing.undocumented())
    documented = {*KNOWN_LOCK_REASONS, *LOCKED_FOR_SECURITY.lock_reasons}
    reasons = tuple(reason for reason in state.lock_reasons if reason not in documented)
    if reasons:
        yield LOCK_REASON, reasons


def _is_empty(fields: AnswerFields, form: AnswerForm) -> bool:
    """Whether an answer in which nothing was found says so: its opening time, and any other time or type, is empty.

    To the vendor's provider for Terraform, "opened" is an OpeningTime that is not empty: https://github.com/aliyun/terraform-provider-alicloud/blob/master/alicloud/data_source_alicloud_cdn_service.go
    """
    texts = [fields.auxiliary(fields.text, name) for name in fields.payload if name.endswith(("Time", "Type"))]
    return form.opening_time in fields.payload and not any(texts) and not fields.odd


def _end_time(fields: AnswerFields, form: AnswerForm, opening_time: datetime | None) -> datetime | None:
    """The end that an answer names; one before the service was activated makes no sense, such as 1970."""
    if form.end_time is None:
        return None
    end_time = fields.auxiliary(fields.moment, form.end_time)
    if end_time is None or opening_time is None or end_time > opening_time:
        return end_time
    seen = described(fields.payload[form.end_time])
    fields.odd[form.end_time] = fields.malformed(form.end_time, seen, f"a date after {form.opening_time}")
    return None


def _billing(fields: AnswerFields, billed: Billed) -> Billing:
    """The billing that an answer describes, and the change that it announces."""
    charge_type = _charge_type(fields, billed.charge_type, billed)
    next_charge_type = _charge_type(fields, billed.next_charge_type, billed)
    takes_effect = fields.auxiliary(fields.moment, billed.change_time) if billed.change_time is not None else None
    # The current method without a moment is no change. A component's moment repeats that of the service's change, by
    # the vendor's page, and announces nothing by itself.
    same = (next_charge_type or "").casefold() in ("", (charge_type or "").casefold())
    if same and (takes_effect is None or billed.component):
        return Billing(billed, charge_type)
    return Billing(billed, charge_type, ChargeTypeChange(next_charge_type, takes_effect))


def _charge_type(fields: AnswerFields, field: str, billed: Billed) -> str | None:
    """The documented spelling where there is one, else the text unchanged."""
    text = fields.auxiliary(fields.label, field)
    folded = text.casefold() if text is not None else None
    return next((name for name in billed.charge_types if name.casefold() == folded), text)
