"""Reads the fields of an answer: tolerant of form, and its errors name the field, what was seen and what would do.

The vendor is loose in the form of its values; what makes no sense raises MalformedReply, so that it never looks like
good news.
"""

import re
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime

from exporter.aliyun.errors import MalformedReply
from exporter.model import LABEL_VALUE_LENGTH

# 2018-03-31T16:00:00Z, 2015-12-10T20:00Z and 2021-01-18T08:01:50.522Z are all the vendor's.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})")
_SEEN_LENGTH = 80


class AnswerFields:
    """The fields of one answer."""

    def __init__(self, payload: Mapping[str, object], request_id: str | None) -> None:
        self.payload = payload
        self._request_id = request_id

    def malformed(self, field: str, seen: str, accepted: str) -> MalformedReply:
        """The error that this field, or the whole answer, makes no sense."""
        return MalformedReply(
            f"{field}: seen {_shortened(printable(seen))}; accepted would be {accepted}",
            http_status=200,
            request_id=self._request_id,
        )

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


def printable(text: str) -> str:
    """The text without what no label needs: control characters, line ends and spaces around."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def cut(text: str) -> str:
    """The text within the length of a label value, and still without spaces around."""
    return text[:LABEL_VALUE_LENGTH].strip()


def described(value: object) -> str:
    """The type and the outer parts of a value, however deep or long it is."""
    return f"{type(value).__name__} {reprlib.repr(value)}"


def _shortened(text: str) -> str:
    return text if len(text) <= _SEEN_LENGTH else f"{text[:_SEEN_LENGTH]}…"
