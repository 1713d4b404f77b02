"""Waiting for facts instead of for time."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_S = float(os.environ.get("DCDN_EXPORTER_TESTS_PATIENCE_S", "60"))
"""Long enough for a machine with much else to do; a wait ends as soon as its fact holds."""
# First often, for what takes milliseconds; then rarely, for what may be dear to look at.
_LOOK_AFTER_S, _SLOWER = 0.002, 1.5
_LOOK_EVERY_S = 0.05


def wait_until(fact: str, holds: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """What `holds` returned when it first was true; a LookupError of it counts as not yet.

    AssertionError, with what was seen last, when it does not hold in time.
    """
    deadline = time.monotonic() + within_s
    look_again_s = _LOOK_AFTER_S
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
        time.sleep(min(_LOOK_EVERY_S, look_again_s))
        look_again_s *= _SLOWER


def soon(holds: Callable[[], object]) -> bool:
    """Whether it comes to hold, for facts that a line says."""
    try:
        wait_until("it holds", holds)
    except AssertionError:
        return False
    return True


@contextmanager
def killed_at_the_end(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """The process, which does not outlive a test that fails: the end of its own context waits without a limit."""
    with process:
        try:
            yield process
        finally:
            process.kill()
