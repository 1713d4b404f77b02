"""Reads the fields of an answer; errors name the field, the value seen and what would be accepted.

The vendor writes values in several forms, which are all accepted. A value that makes no sense raises MalformedReply,
so that it never looks like a good state.
"""

import math
import re
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from exporter.api.errors import MalformedReply
from exporter.core.model import LABEL_VALUE_LENGTH

# 2018-03-31T16:00:00Z, 2015-12-10T20:00Z and 2021-01-18T08:01:50.522Z are all the vendor's.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})")
_AMOUNT = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?")
_FLAGS = MappingProxyType({"true": True, "1": True, "false": False, "0": False})
_ENDLESS = 1e300
_SEEN_LENGTH = 80


class AnswerFields:
    """The fields of an answer, or of the object in it at ``path``, such as ``Data.``."""

    def __init__(self, payload: Mapping[str, object], request_id: str | None, *, path: str = "") -> None:
        self.payload = payload
        self._request_id = request_id
        self._path = path

    def malformed(self, field: str, seen: str, accepted: str) -> MalformedReply:
        """The error for a field that makes no sense."""
        return self._malformed(f"{self._path}{field}", seen, accepted)

    def without_needed(self, accepted: str) -> MalformedReply:
        """The error for an answer that lacks the fields needed."""
        seen = f"the fields {', '.join(sorted(self.payload)) or '(none)'}"
        return self._malformed(self._path.rstrip(".") or "the answer", seen, accepted)

    def inside(self, field: str) -> "AnswerFields":
        """The fields of the object in this field."""
        value = self.payload.get(field)
        if not isinstance(value, dict):
            raise self.malformed(field, described(value), "an object")
        return AnswerFields(value, self._request_id, path=f"{self._path}{field}.")

    def text(self, field: str) -> str | None:
        """The trimmed text, a number written out; None where it is missing, null or empty."""
        value = self.payload.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.malformed(field, described(value), "a text")
        return printable(value) or None

    def label(self, field: str) -> str | None:
        """The text, cut to the length of a label value."""
        text = self.text(field)
        return cut(text) if text is not None else None

    def moment(self, field: str) -> datetime | None:
        """The date, in UTC; None where it is missing, null or empty."""
        text = self.text(field)
        if text is None:
            return None
        try:
            if _DATE.fullmatch(text) is None:
                raise ValueError  # noqa: TRY301 — one answer to every text that is no date
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.malformed(field, described(text), "a date such as 2018-03-31T16:00:00Z") from None

    def flag(self, field: str) -> bool | None:
        """Yes or no, also as a text or as 1 or 0; None where it is missing, null or empty."""
        value = self.payload.get(field)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str | int):
            word = str(value).strip().casefold()
            if not word:
                return None
            if word in _FLAGS:
                return _FLAGS[word]
        raise self.malformed(field, described(value), "true or false")

    def amount(self, field: str) -> float | None:
        """A sum of money, also as a text with commas between thousands; None where it is missing, null or empty."""
        value = self.payload.get(field)
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

    def _malformed(self, where: str, seen: str, accepted: str) -> MalformedReply:
        return MalformedReply(
            f"{where}: seen {_shortened(printable(seen))}; accepted would be {accepted}",
            http_status=200,
            request_id=self._request_id,
        )


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
