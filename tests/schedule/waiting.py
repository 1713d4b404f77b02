"""Waits for what other threads do."""

import time
from collections.abc import Callable

PATIENCE_S = 10.0


def wait_until(condition: Callable[[], object]) -> bool:
    """Whether it comes to hold."""
    ends_at = time.monotonic() + PATIENCE_S
    while not (holds := bool(condition())) and time.monotonic() < ends_at:
        time.sleep(0.001)
    return holds
