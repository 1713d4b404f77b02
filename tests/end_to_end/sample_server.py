"""A server that answers with samples, and takes everything else for a defect."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def sample_server(sample: Callable[[str, str], bytes | None]) -> Iterator[str]:
    """The server's URL; ``sample`` has the action with its version, such as "A 2018-01-15", and the query."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            action = f"{self.headers['x-acs-action']} {self.headers['x-acs-version']}"
            body = sample(action, urlsplit(self.path).query) or b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/json;charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
