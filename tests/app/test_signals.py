import itertools
import math
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType

import pytest

from exporter.app.signals import (
    LONGEST_WAIT_S,
    exit_on_signal,
    ignore_signals,
    interrupt_on_signal,
    next_signal,
    signals_received,
    stop_signal,
)
from exporter.core.exit_handler import ExitHandler
from tests.waiting import PATIENCE_S


class Signalling:
    """An object whose destructor gets a signal, and drops what its handler raises."""

    def __init__(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self._number)


@pytest.fixture
def dropped() -> list[type[BaseException]]:
    """What destructors have dropped."""
    dropped: list[type[BaseException]] = []
    sys.unraisablehook = lambda uncaught: dropped.append(uncaught.exc_type)
    return dropped


def test_signals_come_in_order() -> None:
    """What is not waited for at the moment is not lost; the handlers of before are back afterwards."""
    before = signal.getsignal(signal.SIGHUP)
    with signals_received(signal.SIGHUP) as received:
        for number in (signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert [received.get(timeout=10), received.get(timeout=10)] == [signal.SIGHUP, signal.SIGTERM]
    assert signal.getsignal(signal.SIGHUP) is before


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_an_end_does_not_wait_for_reloads(end: signal.Signals) -> None:
    """Many signals to reload are one, and none when the end is among them."""
    with signals_received(signal.SIGHUP) as received:
        for number in (signal.SIGHUP, signal.SIGHUP, end, signal.SIGHUP):
            os.kill(os.getpid(), number)
        first = next_signal(received)
    with signals_received(signal.SIGHUP) as received:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        second, left = next_signal(received), received.empty()

    assert (first, second, left) == (end, signal.SIGHUP, True)


class Watched(SimpleQueue[int]):
    """A queue that knows for how long it was waited for at most."""

    def __init__(self) -> None:
        self.waited = threading.Event()
        self.longest_s = 0.0

    def get(self, block: bool = True, timeout: float | None = None) -> int:  # noqa: FBT001, FBT002 — as the base
        self.longest_s = max(self.longest_s, math.inf if timeout is None else timeout)
        self.waited.set()
        return super().get(block, timeout)


def test_a_signal_that_another_thread_got_is_noticed() -> None:
    """The system gives a signal to any thread, while Python handles it in the main one, between two waits."""
    received = Watched()

    def take() -> None:
        received.waited.wait()
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, lambda number, _frame: received.put(number))
    taker = threading.Thread(target=take)
    taker.start()
    number = next_signal(received, within_s=PATIENCE_S)
    taker.join()

    assert number == signal.SIGTERM
    assert 0 < received.longest_s <= LONGEST_WAIT_S


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_an_end_is_an_event_or_an_interruption(end: signal.Signals) -> None:
    """As the command has asked for it."""
    with stop_signal() as stopping:
        os.kill(os.getpid(), end)
        assert stopping.wait(10)
    with pytest.raises(KeyboardInterrupt), interrupt_on_signal():
        os.kill(os.getpid(), end)


SIGNALLED_AT_EACH_STEP = """
import os, signal, sys
from exporter.app.signals import stop_signal

def signal_from_step(first):
    left = first

    def step(frame, event, argument):
        nonlocal left
        left -= 1
        if left in (0, -1):
            os.kill(os.getpid(), signal.SIGTERM)

    return step

for first in range(1, 20):
    with stop_signal() as stopping:
        sys.setprofile(signal_from_step(first))
        ended = stopping.wait(10)
        sys.setprofile(None)
        print(ended, stopping.wait(0))
"""


def test_a_wait_for_a_signal_ends_wherever_the_signal_comes() -> None:
    """Two of them at any step of Python, as inside a lock, hold it up no more than one; each later wait ends, too."""
    waited = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", SIGNALLED_AT_EACH_STEP], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )

    assert waited.stdout.splitlines() == ["True True"] * 19


def test_a_signal_to_stop_is_known_also_where_its_exit_is_dropped(dropped: list[type[BaseException]]) -> None:
    """Whatever waits for it inside goes no further."""
    with pytest.raises(SystemExit), stop_signal() as stopping, exit_on_signal(0, note=stopping.note):
        Signalling()

    assert (dropped, stopping.wait(0)) == ([SystemExit], True)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_is_not_interrupted(second: signal.Signals) -> None:
    """What is said after the first signal is said to its end; where nothing is to be ended, none does anything."""
    said = []
    with interrupt_on_signal():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            os.kill(os.getpid(), second)
            said.append("how far it got")
    ignore_signals()
    os.kill(os.getpid(), second)
    said.append("the rest")

    assert said == ["how far it got", "the rest"]


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (None, 143)])
def test_a_signal_in_a_destructor_ends_the_command(
    dropped: list[type[BaseException]], code: int | None, exit_code: int
) -> None:
    """Where the interruptible part ends, as Python drops what the handler raises before."""
    with pytest.raises(SystemExit) as ended, exit_on_signal(code):
        Signalling()

    assert (dropped, ended.value.code) == ([SystemExit], exit_code)


def test_a_signal_that_a_command_lost_before_it_handles_signals_ends_it(dropped: list[type[BaseException]]) -> None:
    """As one that comes while modules are loaded may be."""
    signal.signal(signal.SIGTERM, ExitHandler())
    Signalling()
    with pytest.raises(SystemExit) as ended, signals_received():
        pytest.fail("the command runs")

    assert (dropped, ended.value.code) == ([SystemExit], 143)


def test_an_interruption_that_is_dropped_keeps_no_later_one_off(dropped: list[type[BaseException]]) -> None:
    """Only signals within a second of it are taken for the same."""
    now, interrupted_at = 0.0, []
    with interrupt_on_signal(clock=lambda: now):
        Signalling()
        for now in (0.0, 0.9, 1.0, 1.9, 2.0):
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except KeyboardInterrupt:
                interrupted_at.append(now)

    assert (dropped, interrupted_at) == ([KeyboardInterrupt], [1.0, 2.0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interruption_at_the_end_leaves_all_signals_ignored(number: signal.Signals) -> None:
    """At whatever step of Python it comes, none of them interrupts what follows."""
    ignore_signals()
    seconds = itertools.count(0, 10)
    for last in range(1, 60):
        left = last

        def signal_at_the_last(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal left
            left -= event != "call"  # what a profiler raises there passes by what the function would catch
            if left == 0:
                os.kill(os.getpid(), number)

        with suppress(KeyboardInterrupt), interrupt_on_signal(clock=lambda: next(seconds)):
            sys.setprofile(signal_at_the_last)
        sys.setprofile(None)
        try:
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(os.getpid(), each)
        except KeyboardInterrupt:
            pytest.fail(f"a later signal interrupts after one at step {last}")
