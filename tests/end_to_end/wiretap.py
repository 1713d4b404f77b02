"""An ear on the wire between the exporter and the simulator."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Wiretap(socketserver.ThreadingTCPServer):
    """A relay that keeps what clients say; with ``twice`` the server behind it hears every request twice."""

    daemon_threads = True
    request_queue_size = 128  # a whole round begins at once

    def __init__(self, port: int, *, twice: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.behind = ("127.0.0.1", port)
        self.twice = twice
        self.heard: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def signatures(self) -> set[str]:
        """Every signature that went over the wire."""
        return set(re.findall(r"Signature=([0-9a-f]{64})", b"".join(self.heard).decode()))


class _Relay(socketserver.BaseRequestHandler):
    server: Wiretap

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(self.server.behind) as upstream:
            answers = threading.Thread(target=self._pass_answers, args=(upstream,), daemon=True)
            answers.start()
            request = b""
            while more := self.request.recv(65536):
                request += more
                if request.endswith(b"\r\n\r\n"):  # the exporter's requests have no body
                    self.server.heard.append(request)
                    if self.server.twice:
                        self._say_beforehand(request)
                    upstream.sendall(request)
                    request = b""
            upstream.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _pass_answers(self, upstream: socket.socket) -> None:
        with suppress(OSError):
            while answer := upstream.recv(65536):
                self.request.sendall(answer)
        with suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)

    def _say_beforehand(self, request: bytes) -> None:
        with socket.create_connection(self.server.behind) as other:
            other.sendall(request)
            other.recv(1)


@contextmanager
def wiretap(port: int, *, twice: bool = False) -> Iterator[Wiretap]:
    with Wiretap(port, twice=twice) as relay:
        thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()
