"""Notifications of the daemon to a service manager: that it is ready, reloads, stops, and is alive.

systemd's protocol is a datagram of lines to the socket that the environment names:
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html. Without such a socket nothing is sent.
"""

import signal
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Protocol

from exporter.app.signals import next_signal

_PINGS_PER_LIMIT = 3  # one may be lost, and one be late
_MICROSECONDS = 1_000_000


class Supervised(Protocol):
    """What is needed of the daemon."""

    def reload(self) -> Future[str | None]:
        """Begin to use the configuration as it is now; the outcome is why not, else None."""

    def is_alive(self) -> bool:
        """Whether its parts still work."""


class ServiceManager:
    """The service manager that the environment names, if any; a notification that gets lost is no failure."""

    def __init__(self, environ: Mapping[str, str], *, pid: int) -> None:
        self._socket = environ.get("NOTIFY_SOCKET", "")
        limit = environ.get("WATCHDOG_USEC", "")
        of_this_process = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        self.ping_every_s: float | None = None
        """Seconds between watchdog notifications; None: it wants none."""
        if limit.isascii() and limit.isdecimal() and int(limit) and of_this_process:
            self.ping_every_s = int(limit) / _MICROSECONDS / _PINGS_PER_LIMIT

    def notify(self, *assignments: str) -> None:
        """Send these, such as ``READY=1``, if there is a socket."""
        if not self._socket:
            return
        # An address of Linux' abstract namespace begins with a zero byte, and in a variable with "@".
        address = f"\0{self._socket[1:]}" if self._socket.startswith("@") else self._socket
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
                notification.setblocking(False)  # noqa: FBT003 — it has no name
                notification.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return  # it has ended or its queue is full: its timeouts decide


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
            if daemon.is_alive():
                manager.notify("WATCHDOG=1")
            continue
        if number != signal.SIGHUP:
            break
        manager.notify("RELOADING=1", f"MONOTONIC_USEC={int(clock() * _MICROSECONDS)}")
        daemon.reload().add_done_callback(reloaded)
    manager.notify("STOPPING=1")
