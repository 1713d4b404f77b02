"""What a command does when it is told to end, or to read its configuration again. For the main thread only."""

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NoReturn

EXIT_BY_SIGNAL = 128
# Handlers run when the main thread does: one that waits without an end may sleep through a signal that the system has
# given to another thread, or that came just before the wait.
_LISTEN_EVERY_S = 1.0
_TO_END = (signal.SIGTERM, signal.SIGINT)

_Handler = Callable[[int, FrameType | None], object]


@contextmanager
def signals_received(*others: signal.Signals) -> Iterator[SimpleQueue[int]]:
    """The signals that come while inside: SIGTERM, Ctrl-C and these others."""
    received: SimpleQueue[int] = SimpleQueue()  # the one kind of queue that a signal handler may put into
    with _handled(lambda number, _frame: received.put(number), *_TO_END, *others):
        yield received


def next_signal(received: SimpleQueue[int], *, within_s: float | None = None) -> int | None:
    """Wait for a signal: one to end goes before the others, of which the last stands for all that have come.

    None when no signal comes in time.
    """
    ends_at = math.inf if within_s is None else time.monotonic() + within_s
    number: int | None = None
    while number is None:
        try:
            number = received.get(timeout=max(0.0, min(_LISTEN_EVERY_S, ends_at - time.monotonic())))
        except Empty:
            if time.monotonic() >= ends_at:
                return None
    while number not in _TO_END and not received.empty():
        number = received.get()
    return number


def wait_for_stop(stopping: threading.Event) -> None:
    """Wait until a signal has set the event."""
    while not stopping.wait(_LISTEN_EVERY_S):
        pass


@contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set while inside."""
    stopping = threading.Event()
    with _handled(lambda _number, _frame: stopping.set(), *_TO_END):
        yield stopping


@contextmanager
def exit_on_signal() -> Iterator[None]:
    """While inside, Ctrl-C and SIGTERM end the command as a shell tells of it: 130 and 143."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(EXIT_BY_SIGNAL + number)

    with _handled(leave, *_TO_END):
        yield


@contextmanager
def interrupt_on_signal() -> Iterator[None]:
    """While inside, SIGTERM and Ctrl-C raise KeyboardInterrupt, for what can say how far it was."""
    with _handled(signal.default_int_handler, *_TO_END):
        yield


@contextmanager
def _handled(handler: _Handler, *numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
