"""Building blocks of the models: checks that say in words what they accept, and what checks know besides the file.

The words for a problem come from the refusal itself; where pydantic refuses (a missing key, a list in place of
a mapping), from the description of the field.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeGuard, cast

from pydantic import BeforeValidator, ConfigDict, ValidationInfo
from pydantic_core import PydanticCustomError

from exporter.config.durations import milliseconds, parse_duration

FROZEN = ConfigDict(
    frozen=True,
    extra="forbid",
    strict=True,
    hide_input_in_errors=True,  # a traceback through pydantic must not quote a secret
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks need to know besides the file; the context of every validation."""

    folder: Path = field(default_factory=Path)
    """Where relative paths of the file begin."""
    vendor_limits: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Calls per second and account that the vendor allows, by operation."""
    products: Collection[str] = ()
    """The products that can be polled."""


def facts(info: ValidationInfo) -> Facts:
    """The facts that a validation was started with."""
    return cast("Facts", info.context)


def refusal(
    accepted: str,
    *,
    seen: str | None = None,
    kind: Literal["refused", "text_refused"] = "refused",
) -> PydanticCustomError:
    """The error to raise in a check; `seen` replaces the value itself in the message."""
    # The words travel as context: in the template, pydantic would read their braces as fields.
    return PydanticCustomError(kind, "refused", {"accepted": accepted, "seen": seen})


def text(holds: Callable[[str], bool], accepted: str) -> BeforeValidator:
    """A check for text of which `holds` is true."""

    def check(value: object) -> str:
        if isinstance(value, str) and holds(value):
            return value
        raise refusal(accepted, kind="text_refused")

    return BeforeValidator(check)


def duration(shortest: str, longest: str) -> BeforeValidator:
    """A check for durations between the two, both included, that turns them into seconds."""
    low, high = milliseconds(parse_duration(shortest)), milliseconds(parse_duration(longest))
    error = refusal(f"a duration with its units, from {shortest} to {longest}")

    def check(value: object) -> float:
        # YAML reads an unquoted 0 as a number; it is the only duration without a unit.
        written = "0" if value == 0 and not isinstance(value, bool) else value
        if not isinstance(written, str):
            raise error
        try:
            seconds = parse_duration(written)
        except ValueError:
            raise error from None
        if not low <= milliseconds(seconds) <= high:
            raise error
        return seconds

    return BeforeValidator(check)


def whole_number(lowest: int, highest: int) -> BeforeValidator:
    """A check for whole numbers between the two, both included."""

    def check(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        raise refusal(f"a whole number from {lowest} to {highest}")

    return BeforeValidator(check)


def is_positive(value: object, *, at_most: float) -> TypeGuard[float]:
    """Whether the value is a number above 0 and not above the limit."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= at_most


def nearest(word: str, known: Iterable[str]) -> str:
    """The known words for a message, with the one that was probably meant."""
    words = sorted(known)
    similar = difflib.get_close_matches(word[:64], words, n=1)
    if len(words) == 1:
        return words[0]
    return f"one of {', '.join(words)}" + (f" (did you mean {similar[0]}?)" if similar else "")
