"""Resolves names in threads, as the system's resolver has no timeout and cannot be interrupted."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from exporter.api.deadline import Address, Exchange


class Resolver:
    """Looks names up in daemon threads, one for each name, and stops waiting when the exchange ends.

    ``look_up`` is as ``socket.getaddrinfo``.
    """

    def __init__(self, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], Future[list[Address]]] = {}

    def addresses(self, host: str, port: int, exchange: Exchange) -> list[Address]:
        """The addresses of a host; raises OSError, or TimeoutError when the exchange ends first."""
        try:  # a literal address needs no thread
            return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
        except (socket.gaierror, UnicodeError):
            pass
        with self._lock:
            future = self._under_way.get((host, port))
            if future is None:
                future = Future()
                threading.Thread(
                    target=self._run, args=(host, port, future), name=f"resolve {host}", daemon=True
                ).start()
                self._under_way[host, port] = future
        return exchange.wait_for(future)

    def _run(self, host: str, port: int, future: "Future[list[Address]]") -> None:
        found: list[Address] = []
        failure: OSError | None = None
        try:
            found = list(self._look_up(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 — the waiting threads need an outcome
            failure = socket.gaierror(socket.EAI_FAIL, f"the name cannot be looked up ({type(error).__name__})")
        with self._lock:
            del self._under_way[host, port]
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(found)
