"""What a client prefers, by Accept and the headers like it (RFC 9110, section 12.5).

No header makes this raise, and reading one costs bounded time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Prometheus sends about 250 characters and six elements, browsers fewer. What is beyond these limits is not read.
_HEADER_LIMIT = 4096
_ELEMENT_LIMIT = 64

# RFC 9110, section 12.4.2, allows three digits; more are accepted.
_QUALITY = re.compile(r"0(?:\.[0-9]{0,9})?|1(?:\.0{0,9})?")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of such a header."""

    value: str
    """What is preferred, in lower case: a media range, a content coding or a language range."""
    quality: float
    """0 (refused) to 1."""
    version: str | None
    position: int


def elements_of(header: str) -> Iterator[Element]:
    """The elements of the header that can be read, in order.

    A comma inside a quoted parameter splits an element too: no parameter that matters here can hold one.
    """
    if len(header) > _HEADER_LIMIT:
        # An element that the limit cuts in two could mean something else.
        header = header[:_HEADER_LIMIT].rpartition(",")[0]
    for position, text in enumerate(header.lower().split(",", _ELEMENT_LIMIT)[:_ELEMENT_LIMIT]):
        value, *parameters = (part.strip() for part in text.split(";"))
        named = {name.rstrip(): setting.strip(' \t"') for name, _, setting in (p.partition("=") for p in parameters)}
        quality = named.get("q", "1")
        if value and _QUALITY.fullmatch(quality):
            yield Element(value, quality=float(quality), version=named.get("version"), position=position)


def preferred_language(accept_language: str | None, offered: Sequence[str]) -> str:
    """The language that a browser likes best of those offered, the first where it likes none.

    A range such as `zh-CN` asks for `zh`, and `*` for every language that no range names.
    """
    ranges = tuple(elements_of(accept_language or ""))
    best, best_rank = offered[0], (0.0, 0)
    for language in offered:
        named = [each for each in ranges if each.value.partition("-")[0] == language]
        for each in named or [each for each in ranges if each.value == "*"]:
            rank = (each.quality, -each.position)
            if rank > best_rank:
                best, best_rank = language, rank
    return best
