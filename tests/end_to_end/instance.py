"""A machine that is an ECS instance: a network namespace whose loopback device has the metadata service's address.

Nothing outside of it can be reached from there, so all that a test needs runs inside: a program of this folder, which
prints what it saw as JSON. It begins with ``become_instance``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter.simulator.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exporter.simulator import Simulator

METADATA_ADDRESS = "100.100.100.200"
_ROOT = Path(__file__).parent.parent.parent
_LONGEST_S = 180  # several waits of theirs


def run_on_instance(
    program: str, *arguments: str, unshare: str, environ: Mapping[str, str], unavailable: Callable[[str], object]
) -> Any:
    """Run a module of this folder in a namespace of its own, to its end; returns what it printed."""
    probe = _run(unshare, "-rn", "true", environ=environ)
    if probe.returncode:
        unavailable(f"network namespaces cannot be had here: {probe.stderr.strip()}")
    module = f"tests.end_to_end.{program}"
    done = _run(unshare, "-rn", sys.executable, "-m", module, *arguments, environ=environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def become_instance(ip: str) -> None:
    """Bring the loopback device up, with the address of the metadata service on it."""
    for command in ("link set lo up", f"addr add {METADATA_ADDRESS}/32 dev lo"):
        subprocess.run([ip, *command.split()], check=True)  # noqa: S603 — the machine's own tool


@contextmanager
def metadata_service(simulator: Simulator) -> Iterator[None]:
    """Have a simulator that has started heard at the metadata service's address too, in plain HTTP."""
    server = HttpServer(simulator._handler, host=METADATA_ADDRESS, port=80, ssl_context=None)
    server.start()
    try:
        yield
    finally:
        server.stop()


def _run(*command: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 — our own program, or the machine's tool
        command,
        cwd=_ROOT,
        env={**environ, "LC_ALL": "C.UTF-8"},  # in C, Python 3.11 does not start where this path is not ASCII
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
