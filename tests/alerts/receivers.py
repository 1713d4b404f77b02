"""Who takes the messages of an Alertmanager, in place of other companies' services: over HTTP, and for mail."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

# What the services answer with, in one: "ok" is for Slack, the rest for WeCom, which first hands out a token.
_ANSWER = {"ok": True, "errcode": 0, "errmsg": "ok", "access_token": "token"}


class _Server(socketserver.ThreadingTCPServer):
    # Alertmanager opens a connection for each message, many at once.
    request_queue_size = 512
    daemon_threads = True


@dataclass(slots=True)
class Receivers:
    """Both servers, and what they took: by the first part of the path, or by the address that mail went to."""

    http: str = ""
    """The address of the one, with its scheme."""
    smtp: str = ""
    """Host and port of the other."""
    taken: dict[str, list[Any]] = field(default_factory=dict)
    """Documents, read as JSON, and mails."""


@contextmanager
def receivers() -> Iterator[Receivers]:
    """Both, listening until the end of the block."""
    found, lock = Receivers(), threading.Lock()

    def take(name: str, message: Any) -> None:
        with lock:
            found.taken.setdefault(name, []).append(message)

    servers = _Server(("127.0.0.1", 0), _http(take)), _Server(("127.0.0.1", 0), _mail(take))
    with ExitStack() as running:
        for server in servers:
            running.enter_context(server)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            running.callback(server.shutdown)
        web, mail = (server.server_address[1] for server in servers)
        found.http, found.smtp = f"http://127.0.0.1:{web}", f"127.0.0.1:{mail}"
        yield found


def _http(take: Callable[[str, Any], None]) -> type[BaseHTTPRequestHandler]:
    class Http(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(HTTPStatus.OK)

        def do_POST(self) -> None:
            name = self.path.split("/")[1]
            take(name, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer(HTTPStatus.ACCEPTED if name.startswith("pagerduty") else HTTPStatus.OK)

        def _answer(self, status: HTTPStatus) -> None:
            body = json.dumps(_ANSWER).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the library's name
            """Nothing."""

    return Http


def _mail(take: Callable[[str, Any], None]) -> type[socketserver.StreamRequestHandler]:
    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    mail = message_from_bytes(text, EmailMessage, policy=policy.default)
                    take(mail["To"].addresses[0].username, mail)
                self.wfile.write(b"250 ok\r\n")

    return Mail
