"""Listens, gives each connection a thread, and hands over its requests; knows nothing of their meaning.

The connections are plain sockets so that a handler can reset one, let it trickle or keep it silent. Whatever a
handler waits for ends at once when the server stops.
"""

import contextlib
import selectors
import socket
import ssl
import struct
import threading
import time
from typing import Protocol

from exporter.simulator.http_messages import MalformedRequestError, Request, RequestReader

_BACKLOG = 1024
_STOP_WITHIN_S = 0.9
_DRAIN_WITHIN_S = 0.3
_DRAIN_BYTES = 4 * 1024 * 1024
_RECEIVE_BYTES = 64 * 1024
_PAUSE_FOR_RESOURCES_S = 0.05
# SO_LINGER {on, 0 seconds}: close() throws unsent bytes away and sends RST in place of FIN.
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


class Connection:
    """A client's connection, as a handler may use it; used by the connection's own thread."""

    def __init__(self, sock: socket.socket, *, number: int, stopping: threading.Event) -> None:
        self.number = number
        """Counts connections from 1 in the order in which they were accepted."""
        self.served = 0
        """Requests of this connection that were handled before the present one."""
        self._socket = sock
        self._stopping = stopping

    def send(self, data: bytes) -> None:
        """Write all of the bytes; raises OSError when the client has gone."""
        self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        """Return what has arrived, nothing once the client has gone or the server stops."""
        return self._socket.recv(size)

    def pause(self, seconds: float) -> bool:
        """Wait, and return True if the server still runs; it stops the wait early."""
        return not self._stopping.wait(seconds)

    def wait_until_gone(self) -> None:
        """Return when the client has closed its side or the server stops."""
        while self.receive(_RECEIVE_BYTES):
            pass

    def reset(self) -> None:
        """Close the connection with RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        self._socket.close()

    def close(self) -> None:
        """Close the connection with FIN."""
        self._socket.close()

    def drain(self) -> None:
        """Send FIN and read what still comes, briefly.

        To close over unread bytes would send RST, and the client could lose the answer.
        """
        socket.socket.shutdown(self._socket, socket.SHUT_WR)
        self._socket.settimeout(_DRAIN_WITHIN_S)
        left = _DRAIN_BYTES
        while left > 0 and (received := self._socket.recv(_RECEIVE_BYTES)):
            left -= len(received)

    def cut(self) -> None:
        """Wake the connection's thread out of any read or write; called by the thread that stops the server."""
        # The base method: SSLSocket.shutdown would first turn the socket into a plain one under its reader.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class OutOfThreadsError(Exception):
    """The system has no thread to give."""


class Handler(Protocol):
    """What answers; called by the threads of the connections."""

    def handle(self, request: Request, connection: Connection) -> bool:
        """Answer a request and return whether the connection goes on; OSError means the client has gone."""

    def refuse(self, error: MalformedRequestError, connection: Connection) -> None:
        """Answer what was no request; the connection ends then."""


class HttpServer:
    """A listening socket and the threads behind it; lives once, from `start` to `stop`."""

    def __init__(self, handler: Handler, *, host: str, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self._handler = handler
        self._ssl_context = ssl_context
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[Connection, threading.Thread] = {}
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._listener.settimeout(0)
        self._waker, self._wakened = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept_all, name="simulator-accept", daemon=True)
        self.port: int = self._listener.getsockname()[1]
        """The port that is listened on, chosen by the kernel if 0 was given."""

    def start(self) -> None:
        """Begin to accept connections; raises OutOfThreadsError, and is stopped then."""
        try:
            self._acceptor.start()
        except RuntimeError as error:
            self.stop()
            raise OutOfThreadsError from error

    def stop(self) -> None:
        """Close everything; returns within a second, whatever the connections are doing."""
        deadline = time.monotonic() + _STOP_WITHIN_S
        self._stopping.set()
        self._waker.close()
        if self._acceptor.is_alive():
            self._acceptor.join(_STOP_WITHIN_S)
        for each in (self._listener, self._wakened):
            each.close()
        # From here on no connection is added, so that this list is the last word.
        with self._lock:
            remaining = list(self._connections.items())
        for connection, _ in remaining:
            connection.cut()
        for _, thread in remaining:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept_all(self) -> None:
        number = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakened, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                try:
                    sock, _ = self._listener.accept()
                except OSError:
                    # The peer has gone again already, or no file descriptor is left: no reason to spin.
                    self._stopping.wait(_PAUSE_FOR_RESOURCES_S)
                    continue
                number += 1
                self._begin(sock, number)

    def _begin(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(None)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._ssl_context is not None:
                # The first read shakes hands, in the connection's own thread: a silent client delays no other.
                sock = self._ssl_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:
            # The peer has gone again already.
            sock.close()
            return
        connection = Connection(sock, number=number, stopping=self._stopping)
        name = f"simulator-connection-{number}"
        thread = threading.Thread(target=self._serve, args=(connection,), name=name, daemon=True)
        with self._lock:
            self._connections[connection] = thread
        try:
            thread.start()
        except RuntimeError:
            # The system has no thread to give: no reason to spin.
            self._end(connection)
            self._stopping.wait(_PAUSE_FOR_RESOURCES_S)

    def _serve(self, connection: Connection) -> None:
        try:
            # OSError: the client has gone, or the server stops; either way no one waits for an answer.
            with contextlib.suppress(OSError):
                self._serve_requests(connection)
        finally:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        connection.close()
        with self._lock:
            del self._connections[connection]

    def _serve_requests(self, connection: Connection) -> None:
        reader = RequestReader(connection.receive, connection.send)
        try:
            while (request := reader.read()) is not None:
                if not self._handler.handle(request, connection) or self._stopping.is_set():
                    return
                connection.served += 1
        except MalformedRequestError as error:
            self._handler.refuse(error, connection)
            connection.drain()
