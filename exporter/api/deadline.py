"""One request and its reply, which can be ended from outside, whatever the other side does.

requests and urllib3 time each socket operation, so a reply that trickles never times out. Here sockets have no
timeout, which would cost two system calls more for each operation, and every connection keeps a **lifeline**, a
duplicate of its socket. One watchdog thread shuts the lifeline down when the exchange's deadline passes, and
``close`` when the process stops: that wakes a thread in connect, TLS handshake, write or read alike, since the
duplicate stays valid while the TLS layer owns the original.

    Exchanges           begins, watches and ends exchanges
    └── Exchange        one of them: deadline, how it ended, which connection it uses
"""

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from typing import Any

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


class Ending(Enum):
    """Why an exchange was ended from outside."""

    DEADLINE = "deadline"
    STOPPING = "stopping"


class Exchange:
    """One request and its reply; ``ended`` says whether and why it was ended from outside.

    ``deadline`` is a moment of ``time.monotonic``. ``before_send`` is called when a connection is there and the
    request goes out next; what it raises ends the exchange. ``only_new_connection`` keeps it off pooled connections.
    ``reused``, ``sent`` and ``answered`` say whether the connection had served a request before, whether anything of
    this one may have gone out, and whether the head of a reply came over it. ``end`` is called by other threads, all
    the rest by the one that makes the request.
    """

    def __init__(
        self,
        deadline: float,
        *,
        before_send: Callable[[], None] = lambda: None,
        only_new_connection: bool = False,
    ) -> None:
        self.deadline = deadline
        self.before_send = before_send
        self.only_new_connection = only_new_connection
        self.ended: Ending | None = None
        self.reused = False
        self.sent = False
        self.answered = False
        self._over = False
        self._lock = threading.Lock()
        self._lifeline: socket.socket | None = None
        self._adopted = False
        self._addresses: Future[list[Address]] | None = None

    def remaining_s(self) -> float:
        """Seconds to the deadline, never below a millisecond: zero would mean 'do not block'."""
        return max(0.001, self.deadline - time.monotonic())

    def hold(self, lifeline: socket.socket) -> None:
        """From now on, ending the exchange shuts this socket down; at once if it has been ended.

        The socket is connected or connecting: the system refuses to shut down any other.
        """
        with self._lock:
            self._lifeline = lifeline
            if self.ended is not None:
                _shut_down(lifeline)

    def discard(self, lifeline: socket.socket) -> None:
        """Close the lifeline of a connection that failed, held or not."""
        with self._lock:
            if self._lifeline is lifeline:
                self._lifeline = None
            lifeline.close()

    def adopt(self, lifeline: socket.socket) -> bool:
        """Whether it holds this lifeline; if so it closes it when it is over, not the connection.

        http.client closes a connection as soon as the head of its last reply is there; the body still trickles.
        """
        with self._lock:
            if self._lifeline is lifeline:
                self._adopted = True
            return self._lifeline is lifeline

    def let_go(self) -> bool:
        """The exchange is over and can no longer be ended; False if it was, and its connection with it."""
        with self._lock:
            self._over = True
            # Often it knows the exchange: a cycle, which would keep the credentials of the call.
            self.before_send = lambda: None
            lifeline, self._lifeline = self._lifeline, None
            if lifeline is not None and self._adopted:
                lifeline.close()
            return self.ended is None

    def wait_for(self, addresses: "Future[list[Address]]") -> list[Address]:
        """The addresses; raises TimeoutError when the exchange ends first."""
        mine: Future[list[Address]] = Future()
        with self._lock:
            self._addresses = mine
            if self.ended is not None:
                raise TimeoutError
        addresses.add_done_callback(partial(_pass_on, mine))
        try:
            return mine.result(timeout=self.remaining_s())
        except CancelledError:
            raise TimeoutError from None

    def end(self, ending: Ending) -> None:
        """End it now; the first ending stays, and one that comes after the reply was whole changes nothing."""
        with self._lock:
            if self._over:
                return
            if self.ended is None:
                self.ended = ending
            if self._addresses is not None:
                self._addresses.cancel()
            if self._lifeline is not None:
                _shut_down(self._lifeline)


class Exchanges:
    """The exchanges under way; its watchdog thread runs from the first one until ``close``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way: set[Exchange] = set()
        self._wakes_at = -math.inf
        self._of_thread = threading.local()
        self._watchdog: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def begin(self, exchange: Exchange) -> Iterator[Exchange]:
        """While inside, connections used by this thread belong to the exchange, and it ends at its deadline."""
        with self._changed:
            if self._closed:
                exchange.end(Ending.STOPPING)
            elif self._watchdog is None:
                watchdog = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                watchdog.start()
                self._watchdog = watchdog
            self._under_way.add(exchange)
            if exchange.deadline < self._wakes_at:
                self._changed.notify()
        self._of_thread.exchange = exchange
        try:
            yield exchange
        finally:
            self._of_thread.exchange = None
            exchange.let_go()
            with self._changed:
                self._under_way.discard(exchange)

    def current(self) -> Exchange | None:
        """The exchange of the calling thread."""
        return getattr(self._of_thread, "exchange", None)

    def close(self) -> None:
        """End every exchange under way, and any that begins from now on; ends the watchdog."""
        with self._changed:
            self._closed = True
            under_way = list(self._under_way)
            self._changed.notify()
        for exchange in under_way:
            exchange.end(Ending.STOPPING)

    def _watch(self) -> None:
        while (overdue := self._wait_for_overdue()) is not None:
            for exchange in overdue:
                exchange.end(Ending.DEADLINE)

    def _wait_for_overdue(self) -> list[Exchange] | None:
        """The exchanges whose deadline has passed, at least one; None once closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                overdue = [exchange for exchange in self._under_way if exchange.deadline <= now]
                if overdue:
                    self._under_way.difference_update(overdue)
                    return overdue
                # Nearly all will be over by then, so that a deadline costs those who begin an exchange nothing.
                self._wakes_at = min((exchange.deadline for exchange in self._under_way), default=math.inf)
                self._changed.wait(self._wakes_at - now if self._under_way else None)
            return None


def _shut_down(lifeline: socket.socket) -> None:
    with suppress(OSError):  # ended already, by the other side for instance
        lifeline.shutdown(socket.SHUT_RDWR)


def _pass_on(mine: "Future[list[Address]]", addresses: "Future[list[Address]]") -> None:
    if not mine.set_running_or_notify_cancel():
        return
    error = addresses.exception()
    if error is not None:
        mine.set_exception(error)
    else:
        mine.set_result(addresses.result())
