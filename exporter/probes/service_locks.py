"""How the locks of a service are read: the vendor varies the form of the list, and every form seen is accepted."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from exporter.api.fields import AnswerFields, cut, described, pairs, printable, read_json
from exporter.probes.kind import bounded

# The one that the vendor documents for these products.
KNOWN_LOCK_REASONS = frozenset({"financial"})
UNSPECIFIED_REASON = "unspecified"
"""The reason of a lock that names none."""
LOCK_REASON = "LockReason"
# OperationLocks or LockReason in any spelling, or a path to it, as OperationLocks.LockReason.1; ``rest`` is behind.
_LOCK_NAME = re.compile(
    r".*(?:operation[\W_]*lock|(?<![bc])(?<!un)lock(?:ed)?[\W_]*reason)s?[\W_\d]*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_REASON_NAME = re.compile(r"[\W_]*reasons?[\W_\d]*(?P<rest>)", re.IGNORECASE)
_NUMBER = re.compile(r"(?:^|[\W_])\d|\d$")
_BETWEEN_REASONS = re.compile(r"[\s,;|\uff0c\uff1b\u3001]+")
_LOCK_LEVELS = 6  # the documented form has three


def lock_reasons(fields: AnswerFields) -> tuple[str, ...]:
    """The reasons, lower case, sorted, each once; raises MalformedReply for what is no form of a lock.

    Beside those that are documented, 16 are kept, then ``other``.

    Documented is ``{"OperationLocks": {"LockReason": [{"LockReason": "financial"}]}}``. Its keys in other spellings,
    deeper, repeated, or flat as OperationLocks.LockReason.1, and in them a list, texts, one object, numbered items,
    JSON in a text, several reasons in a text, and a further object around, were seen or are likely. Where one reason
    is found, the rest may make no sense.
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
    return tuple(sorted(bounded(dict.fromkeys(reasons, 1), KNOWN_LOCK_REASONS)))


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
