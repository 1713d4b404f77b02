"""A real Prometheus, for as long as something needs it, and the other program of its family."""

import json
import re
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

_LISTENING = re.compile(r"(?:Listening on|Start listening).* address=(127\.0\.0\.1:[1-9]\d*)")
_STOP_WITHIN_S = 20


@contextmanager
def prometheus(program: str, folder: Path, configuration: Mapping[str, object], *flags: str) -> Iterator[str]:
    """A server that is ready, with its data in the folder; its address, as host:port."""
    (folder / "prometheus.json").write_text(json.dumps(configuration))
    command = [program, "--config.file=prometheus.json", "--storage.tsdb.path=data"]
    with ready([*command, "--web.listen-address=127.0.0.1:0", *flags], folder) as address:
        yield address


@contextmanager
def ready(command: Sequence[str], folder: Path) -> Iterator[str]:
    """Prometheus or Alertmanager, run in the folder and ready; its address, which its log names."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 — tools that the tests look for
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )

    def is_ready() -> str | None:
        assert process.poll() is None, log.read_text()
        listening = _LISTENING.search(log.read_text())
        if listening is None:
            return None
        try:
            status, _ = _answer(listening[1], "GET", "/-/ready")
        except (OSError, HTTPException):
            return None
        return listening[1] if status == HTTPStatus.OK else None

    try:
        yield wait_until(f"{command[0]} is ready", is_ready)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN_S)
        finally:
            process.kill()
            process.wait()


def query(address: str, expression: str) -> list[dict[str, Any]]:
    """The series that an expression has now; raises ValueError with the server's words where it refuses."""
    return ask(address, "query", query=expression)


def ask(address: str, path: str, **parameters: str) -> list[dict[str, Any]]:
    """The series that a path of the API answers with; raises ValueError likewise."""
    status, body = _answer(address, "POST", f"/api/v1/{path}", urllib.parse.urlencode(parameters))
    if status != HTTPStatus.OK:
        raise ValueError(body.decode())
    series: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return series


def get(address: str, path: str) -> bytes:
    """What a path of the server holds; raises ValueError likewise."""
    status, body = _answer(address, "GET", path)
    if status != HTTPStatus.OK:
        raise ValueError(body.decode())
    return body


def post(address: str, path: str, document: object) -> None:
    """Send a document as JSON; raises ValueError likewise."""
    status, body = _answer(address, "POST", path, json.dumps(document), content_type="application/json")
    if status != HTTPStatus.OK:
        raise ValueError(body.decode())


def _answer(
    address: str, method: str, path: str, body: str = "", *, content_type: str = "application/x-www-form-urlencoded"
) -> tuple[int, bytes]:
    with closing(HTTPConnection(address, timeout=30)) as connection:
        connection.request(method, path, body, {"Content-Type": content_type})
        response = connection.getresponse()
        return response.status, response.read()
