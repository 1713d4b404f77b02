"""The command as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from tests.end_to_end.page import Page
from tests.waiting import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from http.client import HTTPMessage
    from pathlib import Path


_LINES_SHOWN = 30  # more would bury the assertion that failed


class Exporter:
    """One process of the command, or of another module that runs it; its log is read as it grows.

    With ``redirections`` of a shell, such as ``2>&-``, there may be no log to read: ``address`` is given then.
    ``through`` is a command line that becomes the one after it, such as ``prlimit --nofile=24``.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        module: str = "exporter",
        redirections: str = "",
        through: Sequence[str] = (),
        address: str | None = None,
    ) -> None:
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        self._address = address
        shell = ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh"] if redirections else []
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.started_s = time.monotonic()
            """The monotonic moment of the process's start."""
            self._process = subprocess.Popen(  # noqa: S603 — our own command
                [*through, *shell, sys.executable, "-m", module, *arguments],
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def address(self) -> str:
        """The bound address, from the log; waits for it."""
        if self._address is None:
            lines = wait_until("the log names the address", lambda: self._ended() or self.log("listening"))
            assert isinstance(lines, list), f"the process ended: {lines}"
            self._address = lines[0]["address"]
        return self._address

    @property
    def stdout(self) -> str:
        """All of standard output so far."""
        return self._stdout.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """All of standard error so far."""
        return self._stderr.read_text(encoding="utf-8")

    def log(self, event: str | None = None, **fields: object) -> list[dict[str, Any]]:
        """The lines of the log so far; those of the event, with these fields, if given."""
        whole, _, _ = self.stderr.rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if event in (None, line["msg"]) and fields.items() <= line.items()]

    def told(self, **fields: str) -> list[dict[str, Any]]:
        """The lines above debug with these fields."""
        return [line for line in self.log(None, **fields) if line["level"] != "debug"]

    def get(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, HTTPMessage, bytes]:
        """Status, headers and body of an answer, asked for on a connection of its own."""
        with closing(HTTPConnection(self.address, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def status(self, path: str) -> int:
        """The HTTP status of a path."""
        return self.get(path)[0]

    def scrape(self) -> Page:
        """The samples on /metrics now."""
        status, _, body = self.get("/metrics")
        assert status == 200
        return Page.parse(body.decode())

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; returns the exit code, once the process has ended."""
        self._process.send_signal(by)
        return self.exit_code()

    def exit_code(self) -> int:
        """The exit code, once the process has ended by itself."""
        return self._process.wait(PATIENCE_S)

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def clear_away(self) -> None:
        """End the process, whatever it does, and show what it wrote: pytest prints that for a test that fails."""
        self.end()
        log = "\n".join(self.stderr.splitlines()[-_LINES_SHOWN:])
        sys.stdout.write(f"--- standard output\n{self.stdout}\n--- the end of standard error\n{log}\n")

    def _ended(self) -> str:
        """How the process ended; empty while it runs."""
        return "" if self._process.poll() is None else f"exit code {self._process.returncode}\n{self.stderr}"
