"""What the answer of a Describe…Service operation says.

The vendor is loose in the form of its lists and values and these functions are tolerant there; an answer that makes
no sense raises MalformedReply, so that it never looks like a healthy service.

    {"InstanceId": "1883927335936173", "OpeningTime": "2018-03-19T11:16:11Z",
     "InternetChargeType": "PayByBandwidth",
     "ChangingChargeType": "PayByTraffic", "ChangingAffectTime": "2018-03-31T16:00:00Z",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]}, "RequestId": "EF2A…"}

Source: https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from exporter.api.fields import AnswerFields, cut, described, printable
from exporter.core.model import (
    KNOWN_LOCK_REASONS,
    UNSPECIFIED_REASON,
    Answer,
    ChargeTypeChange,
    ServiceState,
    UnknownField,
)

_LOCKS = "OperationLocks"
_REASON = "LockReason"
_NONE_UNKNOWN: Mapping[UnknownField, tuple[str, ...]] = MappingProxyType({})
_LOCK_LEVELS = 6  # the documented form has three


def parse_service(payload: Mapping[str, object], request_id: str | None, *, charge_types: Collection[str]) -> Answer:
    """Return the state that the answer describes, and its values that the documentation does not name.

    ``charge_types`` are the documented ones; others are kept as they are. Raises MalformedReply, which names the
    field, what was seen and what would be accepted.
    """
    fields = AnswerFields(payload, request_id)
    spellings = {charge_type.casefold(): charge_type for charge_type in charge_types}
    charge_type = _charge_type(fields.label("InternetChargeType"), spellings)
    next_charge_type = _charge_type(fields.label("ChangingChargeType"), spellings)
    takes_effect = fields.moment("ChangingAffectTime")
    change = None
    if next_charge_type is not None or takes_effect is not None:
        change = ChargeTypeChange(charge_type=next_charge_type, takes_effect=takes_effect)
    state = ServiceState(
        lock_reasons=_lock_reasons(fields),
        charge_type=charge_type,
        change=change,
        opening_time=fields.moment("OpeningTime"),
        instance_id=fields.label("InstanceId"),
    )
    if not (state.instance_id or state.opening_time or state.charge_type or state.lock_reasons):
        raise fields.strangers("those of a service: InstanceId, OpeningTime, InternetChargeType or a lock")
    named = (
        (UnknownField.CHARGE_TYPE, (charge_type,), charge_types),
        (UnknownField.NEXT_CHARGE_TYPE, (next_charge_type,), charge_types),
        (UnknownField.LOCK_REASON, state.lock_reasons, KNOWN_LOCK_REASONS),
    )
    unknown = {
        unknown_field: undocumented
        for unknown_field, values, documented in named
        if (undocumented := tuple(value for value in values if value is not None and value not in documented))
    }
    return Answer(
        state=state, request_id=request_id, unknown_values=MappingProxyType(unknown) if unknown else _NONE_UNKNOWN
    )


def _charge_type(text: str | None, spellings: Mapping[str, str]) -> str | None:
    """The documented spelling where there is one, else the text as it came."""
    return spellings.get(text.casefold(), text) if text is not None else None


def _lock_reasons(fields: AnswerFields) -> tuple[str, ...]:
    return tuple(sorted(set(_reasons(fields, fields.payload.get(_LOCKS), field=_LOCKS, entry=False))))


def _reasons(
    fields: AnswerFields, value: object, *, field: str, entry: bool, levels: int = _LOCK_LEVELS
) -> list[str]:
    """All reasons in a value; ``entry`` says that it stands for one lock, be its reason named or not.

    The documented form is {LockReason: [{LockReason: reason}]}; a flat list, a list of texts, one object and one text
    were seen or are likely in the same place.
    """
    nameless = [UNSPECIFIED_REASON] if entry else []
    if value is None or value == {}:
        return nameless
    if isinstance(value, str):
        reason = cut(printable(value).lower())
        return [reason] if reason else nameless
    if isinstance(value, list) and levels:
        return [
            reason for item in value for reason in _reasons(fields, item, field=field, entry=True, levels=levels - 1)
        ]
    if isinstance(value, dict) and _REASON in value and levels:
        return _reasons(fields, value[_REASON], field=f"{field}.{_REASON}", entry=entry, levels=levels - 1)
    if isinstance(value, dict) and entry:
        return nameless
    accepted = f'an object such as {{"{_REASON}": [{{"{_REASON}": "financial"}}]}}'
    raise fields.malformed(field, described(value), accepted)
