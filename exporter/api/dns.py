"""Resolves names in threads, as the system's resolver has no timeout and cannot be interrupted."""

import errno
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


def in_daemon_thread(work: Callable[[], None]) -> None:
    """Run the work in a thread of its own, which does not keep the process."""
    threading.Thread(target=work, name="resolver", daemon=True).start()


class Resolver:
    """Looks up each name once at a time, while those who need it wait no longer than they can.

    ``look_up`` is as ``socket.getaddrinfo``. ``run`` runs a lookup in another thread, and raises RuntimeError when
    there is none.
    """

    def __init__(
        self,
        look_up: Callable[..., Any] = socket.getaddrinfo,
        *,
        run: Callable[[Callable[[], None]], None] = in_daemon_thread,
    ) -> None:
        self._look_up = look_up
        self._run = run
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], Future[list[Address]]] = {}
        self._closed = False

    def addresses(self, host: str, port: int, *, within_s: float) -> list[Address]:
        """The addresses of a host; raises OSError, and TimeoutError after ``within_s``."""
        try:  # a literal address needs no thread
            return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
        except (socket.gaierror, UnicodeError):
            pass
        try:
            return self._lookup(host, port).result(within_s)
        except CancelledError:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED)) from None

    def close(self) -> None:
        """End all waiting, now and later."""
        with self._lock:
            self._closed = True
            under_way = list(self._under_way.values())
        for future in under_way:
            future.cancel()

    def _lookup(self, host: str, port: int) -> "Future[list[Address]]":
        """The lookup of this name that is under way, or a new one; raises CancelledError once closed."""
        with self._lock:
            if self._closed:
                raise CancelledError
            future = self._under_way.get((host, port))
            if future is not None:
                return future
            future = self._under_way[host, port] = Future()
        try:
            self._run(partial(self._resolve, host, port, future))
        except RuntimeError:
            self._end(host, port, future, OSError(errno.EAGAIN, "there is no thread to look the name up"))
        return future

    def _resolve(self, host: str, port: int, future: "Future[list[Address]]") -> None:
        outcome: list[Address] | OSError
        try:
            outcome = list(self._look_up(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 — the waiting threads need an outcome
            outcome = socket.gaierror(socket.EAI_FAIL, f"the name cannot be looked up ({type(error).__name__})")
        self._end(host, port, future, outcome)

    def _end(self, host: str, port: int, future: "Future[list[Address]]", outcome: list[Address] | OSError) -> None:
        with self._lock:
            del self._under_way[host, port]
        if not future.set_running_or_notify_cancel():  # no caller waits any more
            return
        if isinstance(outcome, OSError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
