"""A list that comes in pages: what requests the next page, and whether the list is whole.

    by token    {"TotalCount": 2, "NextToken": "TGlzdF…", "Accounts": {"Account": [{…}]}}     until there is no token
    by number   {"TotalCount": 2, "PageNumber": 1, "Domains": {"PageData": [{…}]}}            until all rows are there

What a list lacks would seem to be gone, so that a list that is not whole is an error. TotalCount says how many rows
there are. It changes where rows come and go meanwhile; as many rows are needed as the largest one says, since by
number a row that goes moves another one to a page that was read already. It may also say too little: by number, a
full page is never the last one. A page that repeats the one before it has no rows: so a server answers that has no
further one, or reads no number. Other rows that come twice are left to the caller, who knows their ids.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exporter.api.call import Reply
from exporter.api.errors import PageRefused, Refused, ReplyTooLarge
from exporter.api.fields import AnswerFields, described
from exporter.api.operation import Pages
from exporter.core.counts import counted

_SIZE = {"PageNumber": "PageSize", "NextToken": "MaxResults"}


class Listing:
    """The pages of one list that were read so far; for one thread."""

    def __init__(self, pages: Pages, parameters: Mapping[str, str]) -> None:
        self._pages = pages
        self._parameters = parameters
        self._rows: list[object] = []
        self._page_before: list[object] = []
        self._size = pages.size
        self._total = 0
        self._number = 1
        self._tokens: list[str] = []
        self._duration_s = 0.0
        self._fingerprint = 0

    def read(self, call: Callable[[Mapping[str, str]], Reply]) -> Reply | None:
        """The last reply with all rows in the place of its own, once the list is whole; None before.

        ``call`` requests a page by its parameters; what it raises ends the list, but for ReplyTooLarge where smaller
        pages can be requested next, and for Refused once there are rows, which becomes PageRefused. Raises
        MalformedReply when the list is not whole, or has no end.
        """
        try:
            reply = call({**self._parameters, **self._page()})
        except Refused as refusal:
            if not self._rows:
                raise
            raise PageRefused(self._number, refusal) from None
        except ReplyTooLarge:
            if not self._turns_smaller():
                raise
            return None
        return self._with(reply)

    def _page(self) -> Mapping[str, str]:
        """What requests the next page."""
        turn = self._pages.turn
        size = {_SIZE[turn]: str(self._size)}
        if turn == "PageNumber":
            return size | {turn: str(self._number)}
        return size | ({turn: self._tokens[-1]} if self._tokens else {})

    def _with(self, reply: Reply) -> Reply | None:
        answer = AnswerFields(reply.payload, reply.request_id)
        total = total_of(answer)
        rows = rows_of(answer, self._pages.rows, may_be_missing=total == 0)
        if self._pages.turn == "PageNumber" and rows == self._page_before:
            rows = []
        self._page_before = rows
        self._rows += rows
        self._total = max(self._total, total or 0)
        self._duration_s += reply.duration_s
        self._fingerprint = hash((self._fingerprint, reply.fingerprint))
        if self._pages.turn == "NextToken":
            goes_on = self._take_token(answer)
        elif total is None:
            raise answer.malformed("TotalCount", "none", "the number of all rows")
        else:
            goes_on = bool(rows) and (len(self._rows) < self._total or len(rows) >= self._size)
        # Rows count too: a page of a server that reads no size may have thousands of small ones.
        read = max(len(self._rows), self._number * self._size)
        if goes_on and read >= self._pages.most * self._pages.size:
            raise answer.malformed(self._pages.turn, f"{self._number} pages and no end", "an end of the list")
        if not goes_on and len(self._rows) < self._total:
            rows_seen = counted(len(self._rows), "row", "rows")
            raise answer.malformed("TotalCount", f"{self._total} with {rows_seen}", "the whole list")
        self._number += 1
        if goes_on:
            return None
        payload = _with_rows(reply.payload, self._pages.rows, self._rows) | {"TotalCount": self._total}
        return replace(reply, payload=payload, duration_s=self._duration_s, fingerprint=self._fingerprint)

    def _turns_smaller(self) -> bool:
        """Whether the next page is a smaller one from now on, where it was not."""
        if self._pages.smaller is None or self._size == self._pages.smaller:
            return False
        self._size = self._pages.smaller
        if self._pages.turn == "PageNumber":
            read = len(self._rows) // self._size
            del self._rows[read * self._size :]  # the next page begins with them
            self._number = read + 1
            self._page_before = []
        return True

    def _take_token(self, answer: AnswerFields) -> bool:
        token = answer.text("NextToken")
        if token is None:
            return False
        if token in self._tokens:
            raise answer.malformed("NextToken", "a token that an earlier page had", "an end of the list")
        self._tokens.append(token)
        return True


def rows_of(answer: AnswerFields, path: Sequence[str], *, may_be_missing: bool = False) -> list[object]:
    """The list at the end of a path of keys; raises MalformedReply where it is none, or missing and may not be."""
    *outer, last = path
    for key in outer:
        if may_be_missing and not answer.payload.get(key):
            return []
        answer = answer.inside(key)
    rows = answer.payload.get(last)
    if rows is None and may_be_missing:
        return []
    if not isinstance(rows, list):
        raise answer.malformed(last, described(rows), "a list")
    return rows


def objects_in(answer: AnswerFields, path: Sequence[str], *, may_be_missing: bool = False) -> Iterator[AnswerFields]:
    """The objects in that list, one after the other; raises MalformedReply as well where a row is none."""
    for number, row in enumerate(rows_of(answer, path, may_be_missing=may_be_missing)):
        yield answer.object_at(f"{'.'.join(path)}[{number}]", row)


def total_of(answer: AnswerFields) -> int | None:
    """How many rows there are in all; None where the answer does not say it."""
    return answer.count("TotalCount", "a number of rows")


def _with_rows(payload: Mapping[str, Any], path: Sequence[str], rows: Sequence[object]) -> dict[str, Any]:
    key, *inner = path
    return {**payload, key: _with_rows(payload.get(key) or {}, inner, rows) if inner else rows}
