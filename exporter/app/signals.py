"""What a command does at a signal: stop, or reload its configuration. For the main thread only."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

from exporter.core.exit_handler import ExitHandler

LONGEST_WAIT_S = 0.1
"""How long the main thread may wait for anything at a time; a daemon needs up to 1.5 s more to stop.

Python runs handlers there: a wait without end may miss a signal that came just before it, or that the system gave to
another thread, as it does while one starts a thread.
"""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_AT_ONCE_S = 1.0

_Handler = Callable[[int, FrameType | None], object] | signal.Handlers


@contextmanager
def signals_received(*others: signal.Signals) -> Iterator[SimpleQueue[int]]:
    """A queue of the signals received inside: SIGTERM, Ctrl-C and these others."""
    received: SimpleQueue[int] = SimpleQueue()  # the one kind of queue that a signal handler may put into
    with _handled(lambda number, _frame: received.put(number), *_STOP_SIGNALS, *others):
        yield received


def next_signal(received: SimpleQueue[int], *, within_s: float | None = None) -> int | None:
    """Wait for a signal: one to stop if there is any, else the last one received, which stands for all.

    Returns None when no signal comes in time.
    """
    ends_at = math.inf if within_s is None else time.monotonic() + within_s
    number: int | None = None
    while number is None:
        try:
            number = received.get(timeout=max(0.0, min(LONGEST_WAIT_S, ends_at - time.monotonic())))
        except Empty:
            if time.monotonic() >= ends_at:
                return None
    while number not in _STOP_SIGNALS and not received.empty():
        number = received.get()
    return number


class Stop:
    """Whether a signal to stop was received; for the main thread."""

    def __init__(self) -> None:
        self._received: SimpleQueue[int] = SimpleQueue()

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """One was; also as a signal handler, which may interrupt itself and `wait`."""
        self._received.put(number)

    def wait(self, within_s: float | None = None) -> bool:
        """Wait for one, for so long at most; whether there was any."""
        number = next_signal(self._received, within_s=within_s)
        if number is None:
            return False
        self.note(number)  # for the next wait
        return True


@contextmanager
def stop_signal() -> Iterator[Stop]:
    """What SIGTERM and Ctrl-C set inside."""
    stop = Stop()
    with _handled(stop.note, *_STOP_SIGNALS):
        yield stop


@contextmanager
def exit_on_signal(code: int | None = None, *, note: Callable[[int], object] = lambda _: None) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM end the command with this exit code, else with those of a shell: 130 and 143.

    ``note`` is called before with the number of the signal.
    """
    leave = ExitHandler(code, note=note)
    with _handled(leave, *_STOP_SIGNALS):
        yield
    leave.check()


@contextmanager
def interrupt_on_signal(*, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Inside, SIGTERM, Ctrl-C and a lost terminal raise KeyboardInterrupt, for a command that reports how far it got.

    Those that come within a second of it do not: `timeout` sends two at once, and the second would interrupt the
    report. Later ones do, as Python drops what is raised in a destructor.
    """
    interruptible, interrupted_at = True, -math.inf

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted_at
        if interruptible and clock() >= interrupted_at + _AT_ONCE_S:
            interrupted_at = clock()
            raise KeyboardInterrupt

    with _handled(interrupt, *_STOP_SIGNALS, *_hangup()):
        yield
        interruptible = False  # else some signals would go on to be handled like this


def ignore_signals() -> None:
    """From here on SIGTERM, Ctrl-C and a lost terminal do nothing, to the end of the process.

    They count again inside of the contexts above.
    """
    _handle(lambda _number, _frame: None, *_STOP_SIGNALS, *_hangup())


def _hangup() -> Iterator[signal.Signals]:
    """SIGHUP, which says that the terminal is gone, unless `nohup` has the process ignore it."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield signal.SIGHUP


@contextmanager
def _handled(handler: _Handler, *numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        _handle(handler, *numbers)
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _handle(handler: _Handler, *numbers: signal.Signals) -> None:
    """Have these handled so; a handler of before that has lost a signal ends the command."""
    for number in numbers:
        former = signal.signal(number, handler)
        if isinstance(former, ExitHandler):
            former.check()
