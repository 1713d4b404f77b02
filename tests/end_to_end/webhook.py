"""Who hears of alerts, in place of a pager."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Webhook:
    """Takes what Alertmanager sends, each receiver's under its own path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: list[tuple[str, dict[str, Any]]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with webhook._lock:
                    webhook._taken += [(self.path.strip("/"), alert) for alert in message["alerts"]]
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the library's name
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def alerts(self, name: str, status: str, receiver: str = "pager") -> list[dict[str, Any]]:
        """What a receiver was told of an alert."""
        with self._lock:
            taken = list(self._taken)
        return [
            alert
            for by, alert in taken
            if (by, alert["status"], alert["labels"]["alertname"]) == (receiver, status, name)
        ]

    def told(self, receiver: str = "pager") -> list[tuple[str, str]]:
        """Which alerts a receiver was told of, each with its status, in order."""
        with self._lock:
            taken = list(self._taken)
        return [(alert["labels"]["alertname"], alert["status"]) for by, alert in taken if by == receiver]

    def quiet(self) -> bool:
        """Whether of each alert a receiver was told that it is over as often as that it fires."""
        with self._lock:
            taken = Counter((by, alert["labels"]["alertname"], alert["status"]) for by, alert in self._taken)
        return all(taken[by, name, "firing"] == taken[by, name, "resolved"] for by, name, _ in taken)

    def forget(self) -> None:
        """Begin anew, as if nobody had been told of anything."""
        with self._lock:
            self._taken.clear()
