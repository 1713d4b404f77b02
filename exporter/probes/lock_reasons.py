"""The lock reasons in an answer, in whatever form the vendor gives its locks.

    "OperationLocks": {"LockReason": [{"LockReason": "financial"}]}

A flat list, a list of texts, one object and one text were seen or are likely in the same place. Source:
https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
"""

from exporter.api.fields import AnswerFields, cut, described, printable

UNSPECIFIED = "unspecified"
"""The reason of a lock that names none."""

_LOCKS = "OperationLocks"
_REASON = "LockReason"
_LEVELS = 6  # the documented form has three


def lock_reasons(fields: AnswerFields) -> tuple[str, ...]:
    """All reasons, lower case, sorted, each once; raises MalformedReply for what is no form of a lock."""
    return tuple(sorted(set(_reasons(fields, fields.payload.get(_LOCKS), field=_LOCKS, is_lock=False))))


def _reasons(fields: AnswerFields, value: object, *, field: str, is_lock: bool, levels: int = _LEVELS) -> list[str]:
    """The reasons in a value; ``is_lock`` says that it stands for one lock, be its reason named or not."""
    nameless = [UNSPECIFIED] if is_lock else []
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
    if isinstance(value, dict) and _REASON in value and levels:
        return _reasons(fields, value[_REASON], field=f"{field}.{_REASON}", is_lock=is_lock, levels=levels - 1)
    if isinstance(value, dict) and is_lock:
        return nameless
    accepted = f'an object such as {{"{_REASON}": [{{"{_REASON}": "financial"}}]}}'
    raise fields.malformed(field, described(value), accepted)
