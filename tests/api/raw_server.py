"""A server that does to its clients what the simulator will not, and keeps what they sent."""

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

HEAD_ENDS = b"\r\n\r\n"
PATIENCE_S = 10.0  # far beyond what a client takes that works


class Peer:
    """One connection, from the server's side; used by the connection's own thread."""

    def __init__(self, sock: socket.socket, number: int, server: "RawServer") -> None:
        self.number = number
        self._sock = sock
        self._server = server

    def shake_hands(self, context: ssl.SSLContext) -> None:
        self._sock = context.wrap_socket(self._sock, server_side=True)

    def read_head(self) -> bytes:
        """The head of the next request; nothing when the client has gone."""
        received = b""
        while not received.endswith(HEAD_ENDS):
            more = self._sock.recv(65536)
            if not more:
                return b""
            received += more
        self._server.keep(received)
        self._server.reached.set()
        return received

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def trickle(self, data: bytes, filler: bytes = b"") -> None:
        """Send one byte every 10 ms, then the filler, until the client has gone or the server's patience is over."""
        for _ in range(int(PATIENCE_S / 0.01)):
            if self._server.stopping.wait(0.01):
                return
            self._sock.sendall(data[:1] or filler)
            data = data[1:]

    def relay(self, port: int) -> None:
        """Pass on what comes from either side, as a proxy does with a tunnel, until one of them has gone."""
        with socket.create_connection(("127.0.0.1", port)) as there:
            while True:
                for sock in select.select([self._sock, there], [], [])[0]:
                    data = sock.recv(65536)  # more than a record of TLS has
                    if not data:
                        return
                    (there if sock is self._sock else self._sock).sendall(data)

    def stay_silent(self) -> None:
        """Return when the client has gone or the server's patience is over."""
        self._sock.settimeout(PATIENCE_S)
        while self._sock.recv(65536):
            self._server.reached.set()

    def close(self) -> None:
        self._sock.close()

    def reset(self) -> None:
        """Close the connection with RST: on, and linger not at all."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


Act = Callable[[Peer], None]


class RawServer:
    """Listens on a loopback address; every connection gets a thread that runs ``act``.

    ``reached`` is set when a client has said something. An ``OSError`` in ``act`` means that the client has gone.
    """

    def __init__(self, act: Act, *, scheme: str = "http", host: str = "127.0.0.1") -> None:
        self.stopping = threading.Event()
        self.reached = threading.Event()
        self.heads: list[bytes] = []
        self._act = act
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        self._peers: list[tuple[Peer, threading.Thread]] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):  # wakes accept(), on every system
            socket.create_connection(self._listener.getsockname()[:2], 1).close()
        self._acceptor.join(5)
        self._listener.close()
        for peer, thread in self._peers:
            peer.cut()
            thread.join(5)

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return len(self._peers)

    def keep(self, head: bytes) -> None:
        self.heads.append(head)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            peer = Peer(sock, len(self._peers) + 1, self)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._peers.append((peer, thread))
            thread.start()

    def _serve(self, peer: Peer) -> None:
        try:
            with contextlib.suppress(OSError):
                self._act(peer)
        finally:
            peer.close()


def reply(body: bytes = b"{}", *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    """A whole reply with a Content-Length."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + HEAD_ENDS + body


def always(data: bytes) -> Act:
    """Answers every request of every connection with the same bytes."""

    def act(peer: Peer) -> None:
        while peer.read_head():
            peer.send(data)

    return act


def once(data: bytes) -> Act:
    """Answers the first request with these bytes, then closes the connection."""

    def act(peer: Peer) -> None:
        peer.read_head()
        peer.send(data)

    return act
