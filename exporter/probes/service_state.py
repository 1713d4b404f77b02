"""The state of a service, and how it is read from the answer of a Describe…Service operation.

The vendor varies the form of its lists and values, and these functions accept every form seen. Locks decide: locks
that make no sense raise MalformedReply, so that they never look like a healthy service. Any other field that makes no
sense is absent, and one of the unknown values.

    {"InstanceId": "1883927335936173", "OpeningTime": "2018-03-19T11:16:11Z",
     "InternetChargeType": "PayByBandwidth",
     "ChangingChargeType": "PayByTraffic", "ChangingAffectTime": "2018-03-31T16:00:00Z",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]}, "RequestId": "EF2A…"}

Source: https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from exporter.api.fields import AnswerFields, cut, described, pairs, printable, read_json
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
CHANGE_TIME, OPENING_TIME, INSTANCE_ID = "ChangingAffectTime", "OpeningTime", "InstanceId"
UNKNOWN_FIELDS = (CHARGE_TYPE, NEXT_CHARGE_TYPE, LOCK_REASON, CHANGE_TIME, OPENING_TIME, INSTANCE_ID)
# OperationLocks or LockReason in any spelling, or a path to it, as OperationLocks.LockReason.1; ``rest`` is behind.
_LOCK_NAME = re.compile(
    r".*(?:operation[\W_]*lock|(?<![bc])(?<!un)lock(?:ed)?[\W_]*reason)s?[\W_\d]*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_REASON_NAME = re.compile(r"[\W_]*reasons?[\W_\d]*(?P<rest>)", re.IGNORECASE)
_NUMBER = re.compile(r"(?:^|[\W_])\d|\d$")
_BETWEEN_REASONS = re.compile(r"[\s,;|\uff0c\uff1b\u3001]+")
_LOCK_LEVELS = 6  # the documented form has three
_SPELLINGS = MappingProxyType({charge_type.casefold(): charge_type for charge_type in CHARGE_TYPES})


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

    Raises MalformedReply when locks make no sense, or when nothing in the answer is about a service; it names the
    field, what was seen and what would be accepted.
    """
    fields = AnswerFields(payload, request_id)
    charge_type = _charge_type(fields.auxiliary(fields.label, CHARGE_TYPE))
    next_charge_type = _charge_type(fields.auxiliary(fields.label, NEXT_CHARGE_TYPE))
    takes_effect = fields.auxiliary(fields.moment, CHANGE_TIME)
    state = ServiceState(
        lock_reasons=lock_reasons(fields),
        charge_type=charge_type,
        change=_change(charge_type, next_charge_type, takes_effect),
        opening_time=fields.auxiliary(fields.moment, OPENING_TIME),
        instance_id=fields.auxiliary(fields.label, INSTANCE_ID),
    )
    if state == ServiceState() and _is_empty(fields):
        return Answer(NOT_ACTIVATED, request_id=request_id)
    if not (state.instance_id or state.opening_time or state.charge_type or state.lock_reasons):
        raise fields.without_needed("those of a service: InstanceId, OpeningTime, InternetChargeType or a lock")
    named = (
        (CHARGE_TYPE, (charge_type,), CHARGE_TYPES),
        (NEXT_CHARGE_TYPE, (next_charge_type,), CHARGE_TYPES),
        (LOCK_REASON, state.lock_reasons, KNOWN_LOCK_REASONS),
    )
    undocumented = {
        field: unknown
        for field, values, documented in named
        if (unknown := tuple(value for value in values if value is not None and value not in documented))
    }
    return Answer(state=state, request_id=request_id, unknown_values=fields.unknown_values(undocumented))


def _is_empty(fields: AnswerFields) -> bool:
    """Whether an answer in which nothing was found says so: its OpeningTime, and any other time or type, is empty.

    To the vendor's provider for Terraform, "opened" is an OpeningTime that is not empty: https://github.com/aliyun/terraform-provider-alicloud/blob/master/alicloud/data_source_alicloud_cdn_service.go
    """
    texts = [fields.auxiliary(fields.text, name) for name in fields.payload if name.endswith(("Time", "Type"))]
    return OPENING_TIME in fields.payload and not any(texts) and not fields.odd


def _charge_type(text: str | None) -> str | None:
    """The documented spelling where there is one, else the text unchanged."""
    return _SPELLINGS.get(text.casefold(), text) if text is not None else None


def _change(
    charge_type: str | None, next_charge_type: str | None, takes_effect: datetime | None
) -> ChargeTypeChange | None:
    """The change that an answer announces; the current method without a moment is none."""
    if takes_effect is None and (next_charge_type or "").casefold() in ("", (charge_type or "").casefold()):
        return None
    return ChargeTypeChange(charge_type=next_charge_type, takes_effect=takes_effect)


def lock_reasons(fields: AnswerFields) -> tuple[str, ...]:
    """All reasons, lower case, sorted, each once; raises MalformedReply for what is no form of a lock.

    The documented form is that of the sample above. Its keys in other spellings, deeper, repeated, or flat as
    OperationLocks.LockReason.1, and in them a list, texts, one object, numbered items, JSON in a text, several
    reasons in a text, and a further object around, were seen or are likely. Where one reason is found, the rest may
    make no sense.
    """
    found = list(_reasons_in_answer(fields.payload))
    reasons = {reason for reason in found if isinstance(reason, str)}
    for odd in found:
        if isinstance(odd, _Odd):
            accepted = f'an object such as {{"{LOCK_REASON}": [{{"{LOCK_REASON}": "financial"}}]}}'
            error = fields.malformed(odd.field, described(odd.value), accepted)
            if not reasons:
                raise error
            fields.odd[LOCK_REASON] = error
            break
    return tuple(sorted(reasons))


class _Odd(NamedTuple):
    """A value that is no form of a lock."""

    field: str
    value: object


def _reasons_in_answer(payload: Mapping[str, object]) -> Iterator[str | _Odd]:
    """The reasons under each key that names locks, however deep, and what makes no sense there."""
    around: list[Mapping[str, object] | list[object]] = [payload]
    for value in around:  # which grows meanwhile
        for key, item in (("", item) for item in value) if isinstance(value, list) else pairs(value):
            if "lock" in key.lower() and (name := _LOCK_NAME.match(key)):
                yield from _reasons_under(name, item, is_lock=False, levels=_LOCK_LEVELS)
            elif isinstance(item, dict | list):
                around.append(item)


def _reasons_under(
    name: re.Match[str], value: object, *, around: str = "", is_lock: bool, levels: int
) -> Iterator[str | _Odd]:
    """The reasons in what a key holds: under a number it is one lock; what only has to do with locks names none."""
    field = f"{around}{cut(name.string)}"
    if not name["rest"] or isinstance(value, dict | list):
        is_lock = is_lock or _NUMBER.search(name.string) is not None
        yield from _reasons(value, field=field, is_lock=is_lock, levels=levels)
    elif value:
        yield _Odd(field, value)


def _reasons(value: object, *, field: str, is_lock: bool, levels: int) -> Iterator[str | _Odd]:
    """The reasons in a value, and what makes no sense; ``is_lock``: it is one lock, with or without a reason."""
    value = _without_quotes(value)
    if value is None or value in ("", {}):
        if is_lock:
            yield UNSPECIFIED_REASON
        return
    if isinstance(value, dict) and all(map(str.isdigit, value)):
        value = [item for _, item in pairs(value)]
    if isinstance(value, str):
        yield from [cut(reason.lower()) for reason in _BETWEEN_REASONS.split(value) if reason] or [UNSPECIFIED_REASON]
    elif isinstance(value, list) and levels:
        for item in value:
            yield from _reasons(item, field=field, is_lock=True, levels=levels - 1)
    elif isinstance(value, dict) and levels:
        yield from _reasons_in_object(value, field=field, is_lock=is_lock, levels=levels - 1)
    else:
        yield _Odd(field, value)


def _reasons_in_object(
    value: Mapping[str, object], *, field: str, is_lock: bool, levels: int
) -> Iterator[str | _Odd]:
    members = list(pairs(value))
    named = [(name, item) for key, item in members if (name := _LOCK_NAME.match(key))]
    named = named or [(name, item) for key, item in members if (name := _REASON_NAME.fullmatch(key))]
    if named:
        inside = [
            reason
            for name, item in named
            for reason in _reasons_under(name, item, around=f"{field}.", is_lock=is_lock, levels=levels)
        ]
        if inside and is_lock:  # an object in a list of locks is one, whatever its reason looks like
            inside = [reason for reason in inside if isinstance(reason, str)] or [UNSPECIFIED_REASON]
        yield from inside
    elif is_lock:
        yield UNSPECIFIED_REASON
    else:
        for _, quoted in members:
            item = _without_quotes(quoted)
            if isinstance(item, list | dict):
                yield from _reasons(item, field=field, is_lock=False, levels=levels)
            elif item not in (None, ""):
                yield _Odd(field, value)


def _without_quotes(value: object) -> object:
    """What JSON in a text stands for; any other text is itself, trimmed."""
    while isinstance(value, str):
        value = printable(value)
        if not value.startswith(("[", "{", '"')) and value != "null":
            break
        try:
            value = read_json(value)
        except (ValueError, RecursionError):
            break
    return value
