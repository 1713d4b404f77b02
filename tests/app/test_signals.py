import os
import signal

import pytest

from exporter.app.signals import interrupt_on_signal, next_signal, signals_ignored, signals_received, stop_signal


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


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_an_end_is_an_event_or_an_interruption(end: signal.Signals) -> None:
    """As the command has asked for it."""
    with stop_signal() as stopping:
        os.kill(os.getpid(), end)
        assert stopping.wait(10)
    with pytest.raises(KeyboardInterrupt), interrupt_on_signal():
        os.kill(os.getpid(), end)


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
    with signals_ignored():
        os.kill(os.getpid(), second)
        said.append("the rest")

    assert said == ["how far it got", "the rest"]
