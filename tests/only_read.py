"""Simulators for everything that watches: none may have been asked to change an account in the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from exporter.simulator import WRITES, Scenario, Simulator


@contextmanager
def only_read(scenario: Scenario, *, writes: int = 0, **parts: Any) -> Iterator[Simulator]:
    """A running simulator; AssertionError in the end unless so many calls that change an account have come."""
    with Simulator(scenario, **parts) as simulator:
        yield simulator
    seen = [entry.action for entry in simulator.journal.entries() if entry.action in WRITES]
    assert len(seen) == writes, f"calls that change an account: {seen}"
