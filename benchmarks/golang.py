"""The peer in Go, built where a Go toolchain and Debian's client_golang are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "client_golang"
# Where Debian's packages of Go libraries put them.
_DEBIAN_PATH = Path("/usr/share/gocode")
_CLIENT = _DEBIAN_PATH / "src" / "github.com" / "prometheus" / "client_golang"


def client_golang(folder: Path) -> tuple[Path | None, str]:
    """Build the peer in a folder; returns the program or None, and a note: which it is, or what is missing."""
    go = shutil.which("go")
    if go is None or not _CLIENT.is_dir():
        return None, "client_golang was left out: it needs golang-go and golang-github-prometheus-client-golang-dev."
    program = folder / "client_golang"
    # The compiled library is kept for the next time, where Go keeps such things.
    environ = {**os.environ, "GOPATH": str(_DEBIAN_PATH), "GO111MODULE": "off", "CGO_ENABLED": "0"}
    subprocess.run(  # noqa: S603 — our own source
        [go, "build", "-o", str(program), "main.go"], cwd=SOURCE, env=environ, check=True
    )
    version = subprocess.run([go, "version"], env=environ, check=True, capture_output=True, text=True)  # noqa: S603
    return program, f"client_golang {_client_version()}, {' '.join(version.stdout.split()[2:])}"


def _client_version() -> str:
    """The version of Debian's package, as the package manager knows it."""
    query = shutil.which("dpkg-query")
    if query is None:
        return ""
    asked = [query, "--show", "--showformat=${Version}", "golang-github-prometheus-client-golang-dev"]
    found = subprocess.run(asked, check=False, capture_output=True, text=True)  # noqa: S603
    return re.sub(r"-[^-]*$", "", found.stdout)
