"""Waiting for facts instead of for time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Long enough for a machine with much else to do; a wait ends as soon as its fact holds.
PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.05


def wait_until(fact: str, holds: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """What `holds` returned when it first was true; a LookupError of it counts as not yet."""
    deadline = time.monotonic() + within_s
    seen: object = None
    while True:
        try:
            seen = holds()
        except LookupError as error:
            seen = error
        else:
            if seen:
                return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {fact}; last seen: {seen!r}")
        time.sleep(_LOOK_EVERY_S)
