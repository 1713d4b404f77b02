"""Reads the fields of an answer; errors name the field, the value seen and what would be accepted.

The vendor writes values in several forms, which are all accepted. A value that makes no sense raises MalformedReply,
so that it never looks like a good state; ``AnswerFields.auxiliary`` notes it instead, for a field beside those that
decide.
"""

import json
import math
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from exporter.api.errors import MalformedReply
from exporter.core.model import LABEL_VALUE_LENGTH

# 2018-03-31T16:00:00Z, 2015-12-10T20:00Z and 2021-01-18T08:01:50.522Z are all the vendor's; others write a space for
# the T, leave the zone out, or write +0800, and 1522512000000 counts milliseconds.
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):([0-5]\d)(?::([0-5]\d|60)(?:[.,](\d+))?)?"
    r" ?(?:[Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?",
    re.ASCII,
)
_MILLISECONDS = re.compile(r"[1-9]\d{12}", re.ASCII)
# Where there is no date, some systems write the zero of their clock: year 1, 1601, 1900 or 1970.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_LAST_HOUR = 23
_AMOUNT = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?")
_FLAGS = MappingProxyType({"true": True, "1": True, "false": False, "0": False})
_ENDLESS = 1e300
_LONGEST_NUMBER = 1000
_INEXACT = 2**53  # from here on a float may stand for another whole number
_SEEN_LENGTH = 80
_MOST_DIGITS = 9

_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})  # one for all answers

T = TypeVar("T")


class _RepeatedKeys(dict[str, Any]):
    """A JSON object in which a key stands more than once; as a dict it has the last value of each key."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text; ``pairs`` finds all values of a key that stands more than once.

    Control characters within texts, and NUL at the end, are read past. Raises ValueError, or RecursionError when
    it is nested too deep.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return _DECODER.decode(text.rstrip("\0 \t\r\n"))


def pairs(fields: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    """The keys and values of an object, all of a key that stands more than once."""
    return fields.pairs if isinstance(fields, _RepeatedKeys) else fields.items()


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(members)
    return fields if len(fields) == len(members) else _RepeatedKeys(members)


def _whole_number(digits: str) -> int | float:
    # Python refuses thousands of digits, and with them the whole answer.
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_object, parse_int=_whole_number)


class AnswerFields:
    """The fields of an answer, or of the object in it at ``path``, such as ``Data.``."""

    def __init__(self, payload: Mapping[str, object], request_id: str | None, *, path: str = "") -> None:
        self.payload = payload
        self.odd: dict[str, MalformedReply] = {}
        """The errors of the auxiliary fields that made no sense."""
        self._request_id = request_id
        self._path = path

    def auxiliary(self, read: Callable[[str], T | None], field: str) -> T | None:
        """What ``read`` finds in the field; None, and the field is in ``odd``, where it makes no sense."""
        try:
            return read(field)
        except MalformedReply as error:
            self.odd[field] = error
            return None

    def unknown_values(self, undocumented: Mapping[str, tuple[str, ...]] = _NONE) -> Mapping[str, tuple[str, ...]]:
        """The undocumented values of an answer, and what was seen in auxiliary fields that made no sense."""
        odd = {field: (error.explanation,) for field, error in self.odd.items()}
        return MappingProxyType({**odd, **undocumented}) if odd or undocumented else _NONE

    def malformed(self, field: str, seen: str, accepted: str) -> MalformedReply:
        """The error for a field that makes no sense."""
        return self._malformed(f"{self._path}{field}", seen, accepted)

    def without_needed(self, accepted: str) -> MalformedReply:
        """The error for an answer that lacks the fields needed."""
        empty = [
            name
            for name, value in self.payload.items()
            if value is None or (isinstance(value, str) and not printable(value))
        ]
        named = (("the empty fields", empty), ("the fields", self.payload.keys() - set(empty)))
        seen = " and ".join(f"{word} {', '.join(sorted(names))}" for word, names in named if names)
        seen = seen or "the fields (none)"
        return self._malformed(self._path.rstrip(".") or "the answer", seen, accepted)

    def inside(self, field: str) -> "AnswerFields":
        """The fields of the object in this field."""
        return self.object_at(field, self._value(field))

    def object_at(self, place: str, value: object) -> "AnswerFields":
        """The fields of this value, which stands at a place such as ``Accounts[0]``; raises where it is no object."""
        if not isinstance(value, dict):
            raise self.malformed(place, described(value), "an object")
        return AnswerFields(value, self._request_id, path=f"{self._path}{place}.")

    def text(self, field: str, accepted: str = "a text") -> str | None:
        """The trimmed text, a whole number written out; None where it is missing, null or empty."""
        value = self._value(field)
        if value is None:
            return None
        if isinstance(value, str):
            return printable(value) or None
        if isinstance(value, float) and value.is_integer() and abs(value) < _INEXACT:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.malformed(field, described(value), accepted)
        return str(value)

    def label(self, field: str) -> str | None:
        """The text, cut to the length of a label value."""
        text = self.text(field)
        return cut(text) if text is not None else None

    def moment(self, field: str) -> datetime | None:
        """The date, in UTC, also without a zone, to the millisecond; None where it is missing, null or empty."""
        text = self.text(field)
        if text is None:
            return None
        try:
            moment = _moment(text)
        except (ValueError, OverflowError):
            raise self.malformed(
                field, described(self.payload[field]), "a date such as 2018-03-31T16:00:00Z"
            ) from None
        if moment < _EARLIEST:
            raise self.malformed(field, described(self.payload[field]), f"a date from {_EARLIEST.year} on")
        return moment

    def flag(self, field: str) -> bool | None:
        """Yes or no, also as a text or as 1 or 0; None where it is missing, null or empty."""
        value = self._value(field)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str | int):
            word = str(value).strip().casefold()
            if not word:
                return None
            if word in _FLAGS:
                return _FLAGS[word]
        raise self.malformed(field, described(value), "true or false")

    def any_flag(self, field: str) -> bool | None:
        """The same, and yes where one of several values is yes, whatever the others are."""
        values = [value for name, value in pairs(self.payload) if name == field and isinstance(value, str | int)]
        return any(_FLAGS.get(str(value).strip().casefold()) for value in values) or self.flag(field)

    def amount(self, field: str) -> float | None:
        """A sum of money, also as a text with commas between thousands; None where it is missing, null or empty."""
        value = self._value(field)
        number = math.nan
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, str) and _AMOUNT.fullmatch(value.strip()):
            number = float(value.replace(",", ""))
        elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _ENDLESS:
            number = float(value)
        if not math.isfinite(number):
            raise self.malformed(field, described(value), 'an amount such as "-1,234.50"')
        return number

    def count(self, field: str, what: str = "a whole number, 0 or more") -> int | None:
        """A number of things, also as a text; None where it is missing, null or empty."""
        text = self.text(field, what)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise self.malformed(field, described(self.payload[field]), what)
        return int(text)

    def _value(self, field: str) -> object:
        value = self.payload.get(field)
        if isinstance(self.payload, _RepeatedKeys):
            values = [other for name, other in self.payload.pairs if name == field]
            if len(values) > 1 and any(isinstance(other, dict | list) or other != value for other in values):
                raise self.malformed(field, f"{len(values)} values, the last {described(value)}", "one value")
        return value

    def _malformed(self, where: str, seen: str, accepted: str) -> MalformedReply:
        return MalformedReply(
            f"{_shortened(printable(where))}: seen {_shortened(printable(seen))}; accepted: {accepted}",
            http_status=200,
            request_id=self._request_id,
        )


def _moment(text: str) -> datetime:
    """The moment that a text names, in UTC; raises ValueError or OverflowError where it names none."""
    if _MILLISECONDS.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(text))
    form = _DATE.fullmatch(text)
    if form is None:
        raise ValueError("a text in no form of a date")
    day, hours, minutes, seconds, fraction, sign, zone_hours, zone_minutes = form.groups("0")
    # 24:00 is the end of the day, and second 60 a leap second, which Unix time counts as the next one.
    since_midnight = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    if int(hours) > _LAST_HOUR and (since_midnight != _DAY or fraction.strip("0")):
        raise ValueError("no time of a day")
    ahead_of_utc = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    to_utc = ahead_of_utc if sign == "-" else -ahead_of_utc
    # As a float, microseconds of the last second would be those of the year 10000.
    after = timedelta(milliseconds=int(fraction[:3].ljust(3, "0")))
    return datetime.combine(date.fromisoformat(day), time(), UTC) + (since_midnight + to_utc + after)


def printable(text: str) -> str:
    """The text with spaces for control characters and line ends, and without spaces around."""
    if text.isprintable():
        return text.strip()
    return "".join(char if char.isprintable() else " " for char in text).strip()


def cut(text: str) -> str:
    """The text within the length of a label value, and still without spaces around."""
    return text[:LABEL_VALUE_LENGTH].strip()


def described(value: object) -> str:
    """The type and the outer parts of a value, however deep or long it is."""
    return f"{type(value).__name__} {reprlib.repr(value)}"


def _shortened(text: str) -> str:
    return text if len(text) <= _SEEN_LENGTH else f"{text[:_SEEN_LENGTH]}…"
