"""Waits for what other threads do."""

import time
from collections.abc import Callable

PATIENCE_S = 20.0


def soon(condition: Callable[[], object]) -> bool:
    """Whether it comes to hold."""
    ends_at = time.monotonic() + PATIENCE_S
    while not (holds := bool(condition())) and time.monotonic() < ends_at:
        time.sleep(0.005)
    return holds
