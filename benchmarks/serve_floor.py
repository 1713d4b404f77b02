"""The floor: ``python -m benchmarks.serve_floor FILE …`` sends files from memory, by our own server.

The first is at ``/0``, the next at ``/1``. Nothing is chosen, joined or compressed; what is left is to send.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from exporter.web.server import WebServer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class _Files:
    """An application that sends whole files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the one of the path."""
        body = self._files[scope["path"]]
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Silent:
    """A logger without an output."""

    def log(self, level: int, event: str, **fields: object) -> None:
        """Forget it."""


def main() -> NoReturn:
    """Serve until ended."""
    files = {f"/{number}": Path(file).read_bytes() for number, file in enumerate(sys.argv[1:])}
    with WebServer(_Files(files), listen_address="127.0.0.1:0", log=_Silent()) as server:
        sys.stdout.write(f"listening {server.address}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    sys.exit(0)


if __name__ == "__main__":
    main()
