"""Accepts connections and limits them: how many at a time, and how long each may take.

The limits hold from accept on, so during the TLS handshake too. When there are too many connections, the one that is
needed least is closed.
"""

import asyncio
import enum
import errno
import fcntl
import logging
import socket
import ssl
import struct
import termios
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from exporter.core.logger import Logger, defect

# After so many connections, when most have closed, it is worth giving memory back to the system.
_MANY = 64
_FEW_OF_MANY = 4
_AT_ONCE = 64  # then the event loop serves the connections it has
_PAUSE_S = 0.1
_LOOKS = 4  # for progress, in the time that a client may take nothing
# A client that has its answer may take so long to shut TLS down.
_TLS_SHUTDOWN_S = 1.0
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Phase(enum.IntEnum):
    """What the server waits for on a connection; when there are too many, those with the lowest value close first."""

    REQUEST = 0
    """A whole request, the TLS handshake included."""
    IDLE = 1
    """The next request."""
    ANSWER = 2
    """The answer, until the client has read it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and how many seconds a client may take; ValueError unless all are above zero."""

    connections: int = 256
    """At a time."""
    request_s: float = 10.0
    """From the first byte of a request, or from accepting the connection, to the last byte of the request."""
    idle_s: float = 80.0
    """Between two requests, if the server's keep-alive, which is shorter, has not closed the connection in order."""
    answer_s: float = 120.0
    """From the request to the last byte of its answer."""
    stalled_s: float = 20.0
    """Without the client reading any more of its answer."""
    stalled: int = 16
    """Connections at a time whose clients do not read: each may hold a page as it was before the last polls."""

    def __post_init__(self) -> None:
        seconds = (self.request_s, self.idle_s, self.answer_s, self.stalled_s)
        if min(self.connections, self.stalled) < 1 or min(seconds) <= 0:
            raise ValueError(f"limits must be above zero: {self!r}")


class Connection:
    """One client, from accept on, always with a deadline. Event loop only."""

    def __init__(self, sock: socket.socket, *, connections: "Connections") -> None:
        self._sock = sock
        self.phase = Phase.REQUEST
        self.since = 0.0
        """When the phase began, on the clock of the event loop."""
        self._connections = connections
        self._limits = connections.limits
        self._loop = asyncio.get_running_loop()
        self._opening: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._untaken_bytes = 0
        self._taken_at = 0.0
        self._is_open = False
        self._over = False
        self.awaits_request()

    def opening(self, task: "asyncio.Task[None]") -> None:
        """This task makes the transport of the socket; if it ends without one, the connection ends."""
        self._opening = task
        task.add_done_callback(self._not_opened)

    def opened(self, transport: asyncio.Transport) -> bool:
        """The transport owns the socket from now on; False when the connection was cut meanwhile."""
        self._is_open = True
        self._transport = None if self._over else transport
        return not self._over

    def awaits_request(self) -> None:
        """The server waits for a request, or reads one."""
        self._enter(Phase.REQUEST, self._limits.request_s)

    def answers(self) -> None:
        """The server has the request, and makes and sends the answer."""
        self._enter(Phase.ANSWER, self._limits.answer_s)

    def idles(self) -> None:
        """The server has sent the answer; the next request has not begun."""
        self._enter(Phase.IDLE, self._limits.idle_s)

    def stalls(self) -> None:
        """The client does not read its answer at the moment."""
        self.flows()
        if not self._over:
            self._untaken_bytes, self._taken_at = self._untaken(), self._loop.time()
            self._look_later()
            self._connections.add_stalled(self)

    def flows(self) -> None:
        """The client reads its answer again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
            self._connections.remove_stalled(self)

    def cut(self) -> None:
        """Close the connection at once."""
        transport, opening = self._transport, self._opening
        self.ended()
        if transport is not None:
            transport.abort()
        elif opening is not None:
            opening.cancel()

    def ended(self) -> None:
        """The connection is closed: stop its timers and forget it."""
        self._over = True
        self._transport = self._opening = None
        self.flows()
        if self._deadline is not None:
            self._deadline.cancel()
        self._connections.forget(self)

    def _look_later(self) -> None:
        self._stalled = self._loop.call_later(self._limits.stalled_s / _LOOKS, self._cut_unless_taken)

    def _cut_unless_taken(self) -> None:
        untaken_bytes, now = self._untaken(), self._loop.time()
        if untaken_bytes < self._untaken_bytes:
            self._untaken_bytes, self._taken_at = untaken_bytes, now
            self._connections.remove_stalled(self)
            self._connections.add_stalled(self)  # behind those that have taken nothing for longer
        if now - self._taken_at < self._limits.stalled_s:
            self._look_later()
        else:
            self.cut()

    def _untaken(self) -> int:
        """Bytes of the answer that the client's machine has not confirmed, of those that the transport was given.

        The kernel holds up to 4 MB of them, and takes no more before a third of that is free: without those, a client
        that reads 60 KB a second would seem to take nothing for 20 s.
        """
        waiting_bytes = self._transport.get_write_buffer_size() if self._transport is not None else 0
        try:
            queued = fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, bytes(struct.calcsize("i")))
        except (OSError, ValueError):  # the connection is closed
            return waiting_bytes
        return waiting_bytes + int(struct.unpack("i", queued)[0])

    def _not_opened(self, _task: "asyncio.Task[None]") -> None:
        if not self._is_open:
            self.ended()
            self._sock.close()

    def _enter(self, phase: Phase, limit_s: float) -> None:
        if self._over:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self.phase, self.since = phase, self._loop.time()
        self._deadline = self._loop.call_later(limit_s, self.cut)


class Connections:
    """All connections of the server. Event loop only."""

    def __init__(self, limits: Limits, *, drained: Callable[[], object] = lambda: None) -> None:
        """`drained` is called when most of many connections have closed."""
        self.limits = limits
        self._all: dict[Connection, None] = {}
        self._stalled: dict[Connection, None] = {}
        self._drained = drained
        self._most = 0

    def __len__(self) -> int:
        return len(self._all)

    def admit(self, sock: socket.socket) -> Connection:
        """Add a connection, and close another one for it when there are too many."""
        if len(self._all) >= self.limits.connections:
            self.shed()
        connection = Connection(sock, connections=self)
        self._all[connection] = None
        self._most = max(self._most, len(self._all))
        return connection

    def shed(self) -> bool:
        """Close the connection that is needed least; False when there is none."""
        victim = least_needed(self._all)
        if victim is not None:
            victim.cut()
        return victim is not None

    def forget(self, connection: Connection) -> None:
        """The connection no longer counts; calling it twice is harmless."""
        self._all.pop(connection, None)
        if self._most >= _MANY and len(self._all) <= self._most // _FEW_OF_MANY:
            self._most = len(self._all)
            self._drained()

    def add_stalled(self, connection: Connection) -> None:
        """Its client has stopped reading; where too many have, the one that did so first is cut.

        A client that keeps up stops for moments only, so that it is not the first of many. One that is slow on
        purpose reads a little again and again, which no limit of time for one stop ends.
        """
        self._stalled[connection] = None
        if len(self._stalled) > self.limits.stalled:
            next(iter(self._stalled)).cut()

    def remove_stalled(self, connection: Connection) -> None:
        """Its client reads again, or the connection has ended."""
        self._stalled.pop(connection, None)

    def cut_all(self, phase: Phase | None = None) -> None:
        """Close all connections, or all in the phase."""
        for connection in tuple(self._all):
            if phase in (None, connection.phase):
                connection.cut()


def least_needed(connections: Iterable[Connection]) -> Connection | None:
    """The oldest connection without a request, else the oldest idle one, else the oldest that is being answered."""
    return min(connections, key=lambda connection: (connection.phase, connection.since), default=None)


class Acceptor:
    """Accepts connections and gives each a protocol. Event loop only."""

    def __init__(
        self,
        listener: socket.socket,
        *,
        connections: Connections,
        protocol: Callable[[Connection], asyncio.Protocol],
        plain_http: Callable[[Connection], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext | None],
        log: Logger,
    ) -> None:
        """`plain_http` is the protocol for a client that speaks HTTP where `context` asks for TLS."""
        self._listener = listener
        self._connections = connections
        self._protocol = protocol
        self._plain_http = plain_http
        self._context = context
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)  # noqa: FBT003 — the standard library's way
        self._resume()

    def close(self) -> None:
        """Accept no more connections."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)

    def _resume(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for tried in range(_AT_ONCE):
            try:
                sock, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _FULL:
                    # The system refuses before it looks whether a client waits. After one was accepted, perhaps
                    # none does, and shedding would close the connection just accepted.
                    if tried == 0:
                        self._connections.shed()
                    self._wait_for_room()
                    return
                continue  # the client closed the connection while it was queued
            sock.setblocking(False)  # noqa: FBT003 — the standard library's way
            connection = self._connections.admit(sock)
            connection.opening(self._loop.create_task(self._open(connection, sock)))

    def _wait_for_room(self) -> None:
        """Accept again a little later, as the process has no file descriptor left."""
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(_PAUSE_S, self._resume)

    async def _open(self, connection: Connection, sock: socket.socket) -> None:
        context, protocol = self._context(), self._protocol
        try:
            if context is not None and (await _first_byte(sock)).isalpha():
                context, protocol = None, self._plain_http
            await self._loop.connect_accepted_socket(
                lambda: protocol(connection),
                sock,
                ssl=context,
                ssl_handshake_timeout=self._connections.limits.request_s if context is not None else None,
                ssl_shutdown_timeout=_TLS_SHUTDOWN_S if context is not None else None,
            )
        except OSError:
            return  # the client closed it or failed the TLS handshake; any client can, so it is not logged
        except Exception as error:  # noqa: BLE001 — other connections are served on
            self._log.log(logging.ERROR, "connection could not be opened", **defect(error))


async def _first_byte(sock: socket.socket) -> bytes:
    """The first byte that the client sends, left unread: a letter in HTTP, 22 in TLS; empty when it sends none."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            readable = asyncio.Event()
        loop.add_reader(sock, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(sock)
