"""The state of a service, and how it is read from the answer of a Describe…Service operation.

The vendor varies the form of its lists and values, and these functions accept every form seen. An answer that makes
no sense raises MalformedReply, so that it never looks like a healthy service.

    {"InstanceId": "1883927335936173", "OpeningTime": "2018-03-19T11:16:11Z",
     "InternetChargeType": "PayByBandwidth",
     "ChangingChargeType": "PayByTraffic", "ChangingAffectTime": "2018-03-31T16:00:00Z",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]}, "RequestId": "EF2A…"}

Source: https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from exporter.api.fields import AnswerFields, cut, described, printable
from exporter.core.model import Answer, require_aware, require_label_value

# The one that the vendor documents for these products.
KNOWN_LOCK_REASONS = frozenset({"financial"})
UNSPECIFIED_REASON = "unspecified"
"""The reason of a lock that names none."""
CHARGE_TYPE, NEXT_CHARGE_TYPE, LOCK_REASON = "InternetChargeType", "ChangingChargeType", "LockReason"
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
UNKNOWN_FIELDS = (CHARGE_TYPE, NEXT_CHARGE_TYPE, LOCK_REASON)
_LOCKS = "OperationLocks"
_LOCK_LEVELS = 6  # the documented form has three
_SPELLINGS = MappingProxyType({charge_type.casefold(): charge_type for charge_type in CHARGE_TYPES})
_NONE_UNKNOWN: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class ServiceStatus(StrEnum):
    """The status of one product in one account; exactly one holds."""

    ACTIVE = "active"
    LOCKED = "locked"
    NOT_ACTIVATED = "not_activated"


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
class ServiceState:
    """The answer of one Describe…Service operation.

    ``lock_reasons`` are lower case, sorted, without repeats; empty when nothing is locked. Every text is 1 to 64
    printable characters. A service that is not activated has no other field.
    """

    activated: bool = True
    lock_reasons: tuple[str, ...] = ()
    charge_type: str | None = None
    change: ChargeTypeChange | None = None
    opening_time: datetime | None = None
    instance_id: str | None = None

    def __post_init__(self) -> None:
        if list(self.lock_reasons) != sorted(set(self.lock_reasons)):
            raise ValueError(f"lock reasons are sorted and unique, not {self.lock_reasons!r}")
        if any(reason != reason.lower() for reason in self.lock_reasons):
            raise ValueError(f"lock reasons are lower case, not {self.lock_reasons!r}")
        others = (self.lock_reasons, self.charge_type, self.change, self.opening_time, self.instance_id)
        if not self.activated and any(others):
            raise ValueError("a service that is not activated has no locks, billing method, dates or instance")
        for text in (*self.lock_reasons, self.charge_type, self.instance_id):
            require_label_value(text)
        require_aware(self.opening_time)

    @property
    def status(self) -> ServiceStatus:
        """The one status that holds: locked when there is any lock."""
        if not self.activated:
            return ServiceStatus.NOT_ACTIVATED
        return ServiceStatus.LOCKED if self.lock_reasons else ServiceStatus.ACTIVE

    def pending_change(self, now: float) -> ChargeTypeChange | None:
        """The change that lies ahead of ``now``, if any: the API also repeats changes that are past."""
        return self.change if self.change is not None and self.change.is_pending(now) else None


NOT_ACTIVATED = ServiceState(activated=False)
LOCKED_FOR_SECURITY = ServiceState(lock_reasons=("security",))


def parse_service(payload: Mapping[str, object], request_id: str | None) -> Answer[ServiceState]:
    """Return the state that the answer describes, and its values that the documentation does not name.

    Raises MalformedReply, which names the field, what was seen and what would be accepted.
    """
    fields = AnswerFields(payload, request_id)
    charge_type = _charge_type(fields.label(CHARGE_TYPE))
    next_charge_type = _charge_type(fields.label(NEXT_CHARGE_TYPE))
    takes_effect = fields.moment("ChangingAffectTime")
    change = None
    if next_charge_type is not None or takes_effect is not None:
        change = ChargeTypeChange(charge_type=next_charge_type, takes_effect=takes_effect)
    state = ServiceState(
        lock_reasons=lock_reasons(fields),
        charge_type=charge_type,
        change=change,
        opening_time=fields.moment("OpeningTime"),
        instance_id=fields.label("InstanceId"),
    )
    if not (state.instance_id or state.opening_time or state.charge_type or state.lock_reasons):
        raise fields.without_needed("those of a service: InstanceId, OpeningTime, InternetChargeType or a lock")
    named = (
        (CHARGE_TYPE, (charge_type,), CHARGE_TYPES),
        (NEXT_CHARGE_TYPE, (next_charge_type,), CHARGE_TYPES),
        (LOCK_REASON, state.lock_reasons, KNOWN_LOCK_REASONS),
    )
    unknown = {
        field: undocumented
        for field, values, documented in named
        if (undocumented := tuple(value for value in values if value is not None and value not in documented))
    }
    return Answer(
        state=state, request_id=request_id, unknown_values=MappingProxyType(unknown) if unknown else _NONE_UNKNOWN
    )


def _charge_type(text: str | None) -> str | None:
    """The documented spelling where there is one, else the text unchanged."""
    return _SPELLINGS.get(text.casefold(), text) if text is not None else None


def lock_reasons(fields: AnswerFields) -> tuple[str, ...]:
    """All reasons, lower case, sorted, each once; raises MalformedReply for what is no form of a lock.

    The documented form is that of the sample above. A flat list, a list of texts, one object and one text were seen
    or are likely in the same place.
    """
    return tuple(sorted(set(_reasons(fields, fields.payload.get(_LOCKS), field=_LOCKS, is_lock=False))))


def _reasons(
    fields: AnswerFields, value: object, *, field: str, is_lock: bool, levels: int = _LOCK_LEVELS
) -> list[str]:
    """The reasons in a value; ``is_lock``: the value is one lock, with or without a reason."""
    nameless = [UNSPECIFIED_REASON] if is_lock else []
    if value is None or value == {}:
        return nameless
    if isinstance(value, str):
        reason = cut(printable(value).lower())
        return [reason] if reason else nameless
    if isinstance(value, list) and levels:
        return [
            reason
            for item in value
            for reason in _reasons(fields, item, field=field, is_lock=True, levels=levels - 1)
        ]
    if isinstance(value, dict) and LOCK_REASON in value and levels:
        return _reasons(
            fields, value[LOCK_REASON], field=f"{field}.{LOCK_REASON}", is_lock=is_lock, levels=levels - 1
        )
    if isinstance(value, dict) and is_lock:
        return nameless
    accepted = f'an object such as {{"{LOCK_REASON}": [{{"{LOCK_REASON}": "financial"}}]}}'
    raise fields.malformed(field, described(value), accepted)
