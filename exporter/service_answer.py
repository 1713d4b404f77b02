"""What the answer of a Describe…Service operation says.

The vendor is loose in the form of its lists and values and these functions are tolerant there; an answer that makes
no sense raises MalformedReply, so that it never looks like a healthy service.

    {"InstanceId": "1883927335936173", "OpeningTime": "2018-03-19T11:16:11Z",
     "InternetChargeType": "PayByBandwidth",
     "ChangingChargeType": "PayByTraffic", "ChangingAffectTime": "2018-03-31T16:00:00Z",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]}, "RequestId": "EF2A…"}

Source: https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
"""

import re
import reprlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from exporter.aliyun.errors import MalformedReply
from exporter.model import (
    LABEL_VALUE_LENGTH,
    UNSPECIFIED_REASON,
    Answer,
    ChargeTypeChange,
    ServiceState,
    UnknownField,
)

KNOWN_LOCK_REASONS = frozenset({"financial"})

# 2018-03-31T16:00:00Z, 2015-12-10T20:00Z and 2021-01-18T08:01:50.522Z are all the vendor's.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})")
_SEEN_LENGTH = 80
_LOCK_LEVELS = 6  # the documented form has three


def parse_service(payload: Mapping[str, object], request_id: str | None, *, charge_types: Collection[str]) -> Answer:
    """Return the state that the answer describes, and its values that the documentation does not name.

    ``charge_types`` are the documented ones; others are kept as they are. Raises MalformedReply, which names the
    field, what was seen and what would be accepted.
    """
    reader = _Reader(payload, request_id)
    spellings = {charge_type.casefold(): charge_type for charge_type in charge_types}
    charge_type = _charge_type(reader.label("InternetChargeType"), spellings)
    next_charge_type = _charge_type(reader.label("ChangingChargeType"), spellings)
    takes_effect = reader.moment("ChangingAffectTime")
    change = None
    if next_charge_type is not None or takes_effect is not None:
        change = ChargeTypeChange(charge_type=next_charge_type, takes_effect=takes_effect)
    state = ServiceState(
        lock_reasons=reader.lock_reasons("OperationLocks", "LockReason"),
        charge_type=charge_type,
        change=change,
        opening_time=reader.moment("OpeningTime"),
        instance_id=reader.label("InstanceId"),
    )
    if not (state.instance_id or state.opening_time or state.charge_type or state.lock_reasons):
        raise reader.malformed(
            "the answer",
            f"the fields {', '.join(sorted(payload)) or '(none)'}",
            "those of a service: InstanceId, OpeningTime, InternetChargeType or a lock",
        )
    named = (
        (UnknownField.CHARGE_TYPE, (charge_type,), charge_types),
        (UnknownField.NEXT_CHARGE_TYPE, (next_charge_type,), charge_types),
        (UnknownField.LOCK_REASON, state.lock_reasons, KNOWN_LOCK_REASONS),
    )
    unknown = {
        field: undocumented
        for field, values, documented in named
        if (undocumented := tuple(value for value in values if value is not None and value not in documented))
    }
    return Answer(state=state, request_id=request_id, unknown_values=MappingProxyType(unknown))


def _charge_type(text: str | None, spellings: Mapping[str, str]) -> str | None:
    """The documented spelling where there is one, else the text as it came."""
    return spellings.get(text.casefold(), text) if text is not None else None


class _Reader:
    """Reads fields of one answer; its errors name the field."""

    def __init__(self, payload: Mapping[str, object], request_id: str | None) -> None:
        self._payload = payload
        self._request_id = request_id

    def malformed(self, field: str, seen: str, accepted: str) -> MalformedReply:
        return MalformedReply(
            f"{field}: seen {_shortened(_printable(seen))}; accepted would be {accepted}",
            http_status=200,
            request_id=self._request_id,
        )

    def text(self, field: str) -> str | None:
        """The trimmed text, a number written out; None where it is missing, null or empty."""
        value = self._payload.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.malformed(field, _described(value), "a text")
        return _printable(value) or None

    def label(self, field: str) -> str | None:
        """The text, cut to the length of a label value."""
        text = self.text(field)
        return _cut(text) if text is not None else None

    def moment(self, field: str) -> datetime | None:
        text = self.text(field)
        if text is None:
            return None
        try:
            if _DATE.fullmatch(text) is None:
                raise ValueError  # noqa: TRY301 — one answer to every text that is no date
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.malformed(field, _described(text), "a date such as 2018-03-31T16:00:00Z") from None

    def lock_reasons(self, field: str, key: str) -> tuple[str, ...]:
        return tuple(sorted(set(self._reasons(self._payload.get(field), key, field=field, entry=False))))

    def _reasons(self, value: object, key: str, *, field: str, entry: bool, levels: int = _LOCK_LEVELS) -> list[str]:
        """All reasons in a value; ``entry`` says that it stands for one lock, be its reason named or not.

        The documented form is {key: [{key: reason}]}; a flat list, a list of texts, one object and one text were
        seen or are likely in the same place.
        """
        nameless = [UNSPECIFIED_REASON] if entry else []
        if value is None or value == {}:
            return nameless
        if isinstance(value, str):
            reason = _cut(_printable(value).lower())
            return [reason] if reason else nameless
        if isinstance(value, list) and levels:
            return [
                reason
                for item in value
                for reason in self._reasons(item, key, field=field, entry=True, levels=levels - 1)
            ]
        if isinstance(value, dict) and key in value and levels:
            return self._reasons(value[key], key, field=f"{field}.{key}", entry=entry, levels=levels - 1)
        if isinstance(value, dict) and entry:
            return nameless
        raise self.malformed(field, _described(value), f'an object such as {{"{key}": [{{"{key}": "financial"}}]}}')


def _printable(text: str) -> str:
    """The text without what no label needs: control characters, line ends and spaces around."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _cut(text: str) -> str:
    """The text within the length of a label value, and still without spaces around."""
    return text[:LABEL_VALUE_LENGTH].strip()


def _described(value: object) -> str:
    """The type and the outer parts of a value, however deep or long it is."""
    return f"{type(value).__name__} {reprlib.repr(value)}"


def _shortened(text: str) -> str:
    return text if len(text) <= _SEEN_LENGTH else f"{text[:_SEEN_LENGTH]}…"
