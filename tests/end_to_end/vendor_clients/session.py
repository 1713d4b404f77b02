"""The vendor's own clients, each in an environment of its own, and the programs that make calls with them.

A program reads calls from its standard input, one line of JSON each:

    {"action": "AssumeRole", "version": "2015-04-01", "key": [access key id, secret, token if any],
     "signature": "V1", "method": "POST", "place": "query", "parameters": {"RoleArn": …}}

`anonymous` asks for a call without a signature, `format` for another answer than JSON. It prints what became of each:

    {"answer": {…}}, {"text": "…"}, or, of what its client raised,
    {"error": {"type": …, "code": …, "message": …, "status": …, "request_id": …, "retry_after": …, …}}
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

_PROGRAMS = Path(__file__).parent
_INSTALL_WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class Form:
    """One way to send a call."""

    signature: str
    """V1 or V3."""
    method: str
    place: str
    """Where its parameters are: in the query or in a form body."""

    def __str__(self) -> str:
        return f"{self.signature} {self.method} {self.place}"


@dataclass(frozen=True, slots=True)
class VendorClient:
    """A client of the vendor's, and how it tells of refusals."""

    name: str
    program: str
    packages: tuple[str, ...]
    """Pinned; what those need is installed as pip and npm choose it today, as its users have it."""
    forms: tuple[Form, ...]
    error_type: Callable[[str, int, str, int | None], str]
    """The type of the error for a code, an HTTP status, the version of the product, and the milliseconds to wait."""
    retry_after: frozenset[str] = frozenset()
    """The versions of the products where its errors bear the time after which a throttled call may come again."""
    access_denied_detail: bool = False
    """Whether its errors bear which right is lacking."""
    anonymous: bool = True
    """Whether it can make calls without a signature."""
    xml: bool = False
    """Whether it can ask for an answer in XML."""

    @property
    def is_node(self) -> bool:
        return self.program.endswith(".js")


def install(client: VendorClient, folder: Path, *, unavailable: Callable[[str], NoReturn], npm: str = "") -> None:
    """Put the client's packages into an environment in the folder, by the machine's own settings of pip or npm."""
    if client.is_node:
        flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        commands = [[npm, "install", "--prefix", str(folder), *flags, *client.packages]]
    else:
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install"]
        flags = ["--quiet", "--disable-pip-version-check", "--no-compile"]  # most of the modules are never imported
        commands = [[sys.executable, "-m", "venv", str(folder)], [*pip, *flags, *client.packages]]
    for command in commands:
        done = subprocess.run(  # noqa: S603 — tools that the tests look for
            command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_WITHIN_S, check=False
        )
        if done.returncode != 0:
            unavailable(f"{client.name} cannot be installed: {(done.stdout + done.stderr).strip()[-500:]}")


class Session:
    """A program at work, which makes one call after the other at a server."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process = process
        self._errors = errors

    def make(self, call: dict[str, Any]) -> dict[str, Any]:
        """What became of a call; AssertionError, with what the program wrote last, if that ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(call) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            line = ""
        else:
            line = self._process.stdout.readline()
        assert line, f"the program has ended:\n{self._errors.read_text()[-2000:]}"
        outcome: dict[str, Any] = json.loads(line)
        return outcome


@contextmanager
def session(client: VendorClient, folder: Path, url: str, *, node: str = "") -> Iterator[Session]:
    """The client's program, from the environment in the folder, with a server's address."""
    errors = folder / "stderr.log"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NODE_PATH": str(folder / "node_modules"),
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
    }
    interpreter = node if client.is_node else str(folder / "bin" / "python")
    with (
        errors.open("wb") as output,
        subprocess.Popen(  # noqa: S603 — a program of ours
            [interpreter, str(_PROGRAMS / client.program), url],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        ) as process,
    ):
        try:
            yield Session(process, errors)
            process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
            process.wait(PATIENCE_S)
        finally:
            process.kill()
