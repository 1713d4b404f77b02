"""A real Prometheus, for as long as a test or the recording needs it."""

import json
import re
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

_PATIENCE_S = 60.0


@contextmanager
def prometheus(program: str, folder: Path, configuration: Mapping[str, object], *flags: str) -> Iterator[str]:
    """A server that answers, with its data in the folder; its host and port."""
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    log = folder / "prometheus.log"
    command = [
        program,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--web.listen-address=127.0.0.1:0",
        *flags,
    ]
    with started(command, folder, log) as process:

        def address() -> re.Match[str] | None:
            return re.search(r"address=(127\.0\.0\.1:[1-9]\d*)", log.read_text())

        def ready() -> bool:
            try:
                return _answer(host, "GET", "/-/ready")[0] == HTTPStatus.OK
            except (OSError, HTTPException):
                return False

        host = str(eventually(address, process)[1])
        eventually(ready, process)
        yield host


@contextmanager
def started(command: Sequence[str], folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program whose output goes to the log, ended afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 — tools that the tests look for, and our own command
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


def eventually(look: Callable[[], Any], process: subprocess.Popen[bytes]) -> Any:
    """What is seen at last; ends early when the program has ended, which would never show it."""
    until = time.monotonic() + _PATIENCE_S
    while not (seen := look()):
        if process.poll() is not None or time.monotonic() > until:
            raise TimeoutError(f"{process.args!r} has not become ready; exit code {process.returncode}")
        time.sleep(0.05)
    return seen


def ask(host: str, path: str, **parameters: str) -> list[dict[str, Any]]:
    """The series that the server answers with; raises ValueError with its words where it refuses."""
    status, body = _answer(host, "POST", f"/api/v1/{path}", urllib.parse.urlencode(parameters))
    if status != HTTPStatus.OK:
        raise ValueError(body.decode())
    series: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return series


def _answer(host: str, method: str, path: str, form: str = "") -> tuple[int, bytes]:
    with closing(HTTPConnection(host, timeout=30)) as connection:
        connection.request(method, path, form, {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        return response.status, response.read()
