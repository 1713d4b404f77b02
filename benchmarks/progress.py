"""What a benchmark says while it runs, for some take half an hour."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_EVERY_S = 0.2


def say(text: str) -> None:
    """Write a line for the person who waits; results go elsewhere."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def wait_until(fact: str, holds: Callable[[], bool], *, within_s: float) -> float:
    """Return the monotonic moment at which it held; RuntimeError when it does not in time."""
    until = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until:
            message = f"not within {within_s:g} s: {fact}"
            raise RuntimeError(message)
        time.sleep(_LOOK_EVERY_S)
    return time.monotonic()


def sleep_until(moment: float) -> None:
    """Return at a monotonic moment, at once if it is over."""
    time.sleep(max(0.0, moment - time.monotonic()))
