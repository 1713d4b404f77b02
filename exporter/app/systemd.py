"""Notifications of the daemon to a service manager: that it is ready, reloads, stops, and is alive.

systemd's protocol is a datagram of lines to the socket that the environment names:
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html. Without such a socket nothing is sent.
"""

import signal
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Protocol

from exporter.app.signals import next_signal

_PINGS_PER_LIMIT = 3  # one may be lost, and one be late
_MICROSECONDS = 1_000_000


class Supervised(Protocol):
    """What is needed of the daemon."""

    def reload(self) -> Future[str | None]:
        """Begin to use the configuration as it is now; the outcome is why not, else None."""

    def call_if_alive(self, call: Callable[[], object]) -> None:
        """Have this called soon, in any thread, if its parts still work; never waits for that."""


class ServiceManager:
    """The service manager that the environment names, if any; a notification that gets lost is no failure.

    Its socket is open from the beginning to `close`: later, there may be no file descriptor left.
    """

    def __init__(self, environ: Mapping[str, str], *, pid: int) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        # An address of Linux' abstract namespace begins with a zero byte, and in a variable with "@".
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._socket: socket.socket | None = None
        if name:
            with suppress(OSError):  # this kind is not allowed
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)  # noqa: FBT003 — it has no name
        limit = environ.get("WATCHDOG_USEC", "")
        of_this_process = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        self.ping_every_s: float | None = None
        """Seconds between watchdog notifications; None: it wants none."""
        if limit.isascii() and limit.isdecimal() and int(limit) and of_this_process:
            self.ping_every_s = int(limit) / _MICROSECONDS / _PINGS_PER_LIMIT

    def notify(self, *assignments: str) -> None:
        """Send these, such as ``READY=1``, if there is a socket; for any thread."""
        if self._socket is not None:
            with suppress(OSError):  # it has ended or its queue is full: its timeouts decide
                self._socket.sendto("\n".join(assignments).encode(), self._address)

    def close(self) -> None:
        """Send nothing more."""
        if self._socket is not None:
            self._socket.close()


def supervise(
    daemon: Supervised,
    received: SimpleQueue[int],
    manager: ServiceManager,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Begin a reload of a started daemon at each SIGHUP received, and return at any other signal.

    The manager is notified of the start, of reloads and of the stop, and that the daemon is alive while it is.
    """

    def reloaded(outcome: Future[str | None]) -> None:
        if outcome.cancelled() or outcome.exception() is not None:
            return  # the daemon stops
        status = "" if outcome.result() is None else "the configuration was refused, the one before is in use"
        manager.notify("READY=1", f"STATUS={status}", "WATCHDOG=1")

    manager.notify("READY=1")
    while True:
        number = next_signal(received, within_s=manager.ping_every_s)
        if number is None:
            daemon.call_if_alive(partial(manager.notify, "WATCHDOG=1"))
            continue
        if number != signal.SIGHUP:
            break
        manager.notify("RELOADING=1", f"MONOTONIC_USEC={int(clock() * _MICROSECONDS)}")
        daemon.reload().add_done_callback(reloaded)
    manager.notify("STOPPING=1")
