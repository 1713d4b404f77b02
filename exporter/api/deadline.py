"""Sockets that keep the deadline of a call.

requests and urllib3 time each operation of a socket, so a reply that trickles never times out. Here a call stands in
place of their timeout: requests hands it to urllib3, urllib3 to its socket, and TLS to the socket that it makes of
that one. Before each operation the socket asks the call how much time is left.

    Call            one request and its reply, under one deadline
    └── Step            how far its connection is
    CallSocket      a socket that belongs to one call at a time
    TlsCallSocket   the same over TLS
    OpenSockets     those of a client, for its end, and for those that are not used any more
"""

import errno
import math
import os
import socket
import ssl
import struct
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import nullcontext, suppress
from enum import Enum
from typing import Any, TypeVar

from urllib3.util import Timeout, wait_for_write

from exporter.api.dns import Address

KEPT_UNUSED_S = 120.0
"""A connection may be used again until so long after the deadline of its last call; most servers close it earlier."""
LOOK_EVERY_S = 10.0
LATE_S = 0.01
"""An operation may end so late: to set the time left before each of them, exactly, costs 4 % of a call."""

Result = TypeVar("Result")


class Step(Enum):
    """What a connection that is being made waits for."""

    RESOLVE = "the addresses of the host, or of the proxy"
    CONNECT = "the connection to one of them"
    PROXY_TLS = "TLS with the proxy"
    TUNNEL = "the proxy's answer to CONNECT, and TLS in the tunnel of a proxy that speaks TLS itself"
    TLS = "TLS with the host"


class OpenSockets:
    """The open sockets of a client; any thread may use it. All deadlines are moments of ``clock``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        # No socket is closed while it is shut down: its descriptor could be another file's by then. A thread may take
        # the lock twice, since a garbage collection closes sockets too.
        self.lock = threading.RLock()
        self._open: weakref.WeakSet[CallSocket] = weakref.WeakSet()
        self._stopped = False
        self._looks_at = clock() + LOOK_EVERY_S

    def add(self, sock: "CallSocket") -> None:
        """From now on a stop shuts this socket down; raises ConnectionAbortedError after a stop.

        The socket is connected or connecting: the system does not shut down any other.
        """
        with self.lock:
            self._open.add(sock)
            if self._stopped:
                raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))

    def stop(self) -> None:
        """Shut them all down, which ends what threads do with them; no other one is connected from now on."""
        with self.lock:
            self._stopped = True
            for sock in self._open:
                with suppress(OSError):  # the other side was first
                    # Not by the method of TLS, which forgets its keys first: a send would go out in the clear.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close_unused(self) -> None:
        """Close, every ten seconds at most, what a busy moment has left unused in the pools."""
        now = self.clock()
        if now < self._looks_at:
            return
        self._looks_at = now + LOOK_EVERY_S
        with self.lock:
            # A thread that has just taken one from its pool, while it was allowed, has time to give it to its call.
            unused = [sock for sock in self._open if sock.deadline + KEPT_UNUSED_S + LOOK_EVERY_S < now]
        for sock in unused:
            sock.close()


class Call(Timeout):
    """One request and its reply, which end at ``deadline``; a timeout that urllib3 hands on as it is.

    ``before_send`` is called when a connection is there and the request goes out next; what it raises ends the call.
    ``step`` says how far a connection is that is made for the call; None once it is there.
    ``reused``, ``sent`` and ``answered`` say whether the connection had served a request before, whether anything of
    this one may have gone out, and whether the head of a reply came over it.
    """

    def __init__(
        self, deadline: float, sockets: OpenSockets, *, before_send: "Callable[[Call], None] | None" = None
    ) -> None:
        super().__init__()
        self.deadline = deadline
        self.sockets = sockets
        self.step: Step | None = None
        self.reused = False
        self.sent = False
        self.answered = False
        self._before_send = before_send

    def left_s(self) -> float:
        """Seconds to the deadline, more than 0; raises TimeoutError when it has passed."""
        left_s = self.deadline - self.sockets.clock()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def admit(self) -> None:
        """Call ``before_send`` and forget it, since an unused connection keeps its last call."""
        before_send, self._before_send = self._before_send, None
        if before_send is not None:
            before_send(self)

    def clone(self) -> "Call":
        """The call itself; urllib3 copies a timeout for each request."""
        return self

    @property
    def connect_timeout(self) -> Any:
        """The timeout of a connection until its request is sent."""
        return self

    @property
    def read_timeout(self) -> Any:
        """The timeout of a connection from then on."""
        return self


class CallSocket(socket.socket):
    """A socket whose timeout is a call: an operation that takes more than the call has left raises TimeoutError."""

    _call: Call | None = None
    _given_s = 0.0

    @property
    def deadline(self) -> float:
        """The deadline of the last call that it belonged to."""
        return self._call.deadline if self._call is not None else math.inf

    def settimeout(self, value: Any) -> None:
        """Belong to this call from now on."""
        self._call = value

    def gettimeout(self) -> Any:
        """The call, which TLS gives to the socket that it makes of this one."""
        return self._call

    @classmethod
    def connected(cls, call: Call, address: Address, *, patience_s: float) -> "CallSocket":
        """A socket of the call that was connected within ``patience_s``; raises OSError."""
        sock = cls(*address[:3])
        try:
            sock.settimeout(call)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)  # noqa: FBT003 — the standard library's own signature
            problem = sock.connect_ex(address[4])
            call.sockets.add(sock)
            if problem == errno.EINPROGRESS:
                in_time = wait_for_write(sock, timeout=patience_s)
                problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if in_time else errno.ETIMEDOUT
            if problem:
                raise OSError(problem, os.strerror(problem))  # noqa: TRY301
            sock.setblocking(True)  # noqa: FBT003
        except BaseException:
            sock.close()
            raise
        return sock

    # The operations that http.client, TLS and TLS within TLS use.

    def send(self, data: Any, flags: int = 0) -> int:  # noqa: D102
        return self._in_time(super().send, data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:  # noqa: D102
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest, flags) :]

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:  # noqa: D102
        return self._in_time(super().recv, buflen, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:  # noqa: D102
        return self._in_time(super().recv_into, buffer, nbytes or len(buffer), flags)

    def close(self) -> None:  # noqa: D102
        if self._call is None:
            super().close()
        else:
            with self._call.sockets.lock:
                super().close()

    def close_at_once(self) -> None:
        """Close it also while an unfinished reply holds it."""
        with nullcontext() if self._call is None else self._call.sockets.lock:
            descriptor = self.detach()
            if descriptor >= 0:
                os.close(descriptor)

    def _in_time(self, operation: Callable[..., Result], *arguments: Any) -> Result:
        while self._call is not None:
            left_s = self._call.left_s()
            if not left_s <= self._given_s <= left_s + LATE_S:
                self._given_s = left_s + LATE_S / 2
                self._give(self._given_s)
            try:
                return operation(*arguments)
            except BlockingIOError:
                pass  # the given time is over; the system may have been a tick early
        return operation(*arguments)  # the standard library tries a socket that is not connected, before TLS

    def _give(self, seconds: float) -> None:
        """Have the system end an operation after so long.

        With a timeout of the standard library, each operation is two system calls more, after each of which a thread
        waits for the interpreter: 7 % of a call among 50 threads.
        """
        timeval = struct.pack("ll", *divmod(math.ceil(seconds * 1e6), 1_000_000))
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


class TlsCallSocket(CallSocket, ssl.SSLSocket):
    """The same over TLS, made by a TLS context whose ``sslsocket_class`` it is."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: D102, FBT001, FBT002
        if self._call is not None:
            self._call.sockets.add(self)
            if self._call.step is Step.TUNNEL:
                self._call.step = Step.TLS
        self._in_time(super().do_handshake, block)
        if self._call is not None and self._call.step is Step.PROXY_TLS:
            self._call.step = Step.TUNNEL

    def _give(self, seconds: float) -> None:
        super(CallSocket, self).settimeout(seconds)  # TLS would begin anew what the system has ended
