"""Containers that podman really runs, in a storage of their own that is gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ASKED_FROM_INSIDE = """
import ssl, sys, urllib.error, urllib.request
url, certificate, *headers = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
if certificate:
    context.load_cert_chain(certificate + ".crt", certificate + ".key")
request = urllib.request.Request(url, headers=dict(header.split(": ") for header in headers))
try:
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
except OSError:
    print(0)
"""
_CONNECTED_FROM_INSIDE = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10).close()
except OSError:
    print("closed")
else:
    print("open")
"""


class Containers:
    """Images and containers below one folder; made on a machine whose init is not systemd, too."""

    def __init__(self, folder: Path, *, podman: str, buildah: str) -> None:
        self._folder, self._podman, self._buildah = folder, podman, buildah
        settings = folder / "containers.conf"
        # podman's own limits are more than a root without CAP_SYS_RESOURCE may ask for.
        settings.write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            '[engine]\nruntime = "runc"\nevents_logger = "file"\n',
            encoding="utf-8",
        )
        self._environ = {**os.environ, "CONTAINERS_CONF": str(settings)}
        self._storage = ["--root", str(folder / "root"), "--runroot", str(folder / "run")]

    def podman(self, *arguments: str, check: bool = True, given: str = "") -> subprocess.CompletedProcess[str]:
        """How podman ended with these arguments; a test fails with it, unless that is expected."""
        return self._run(self._podman, "--log-level=error", *arguments, check=check, given=given)

    def build(self, image: str, context: Path, *options: str) -> None:
        """Build an image of this name from a folder."""
        # A chroot needs fewer rights than a container; Docker's format is the one that knows HEALTHCHECK.
        plain = ["build", "--quiet", "--isolation=chroot", "--format=docker", f"--tag={image}"]
        self._run(self._buildah, *plain, *options, str(context))

    def start(self, *arguments: str) -> str:
        """The id of a new container that runs in the background."""
        return self.podman("run", "--detach", *arguments).stdout.strip().splitlines()[-1]

    def run_to_end(self, *arguments: str) -> str:
        """What a new container printed, which has ended and is gone."""
        return self.podman("run", "--rm", "--network=none", *arguments).stdout

    def execute(self, container: str, *command: str, check: bool = True, given: str = "") -> str:
        """What a command printed in a container."""
        return self.podman("exec", "--interactive", container, *command, check=check, given=given).stdout

    def ask(self, container: str, url: str, *headers: str, certificate: str = "") -> tuple[int, str]:
        """Status and body of an answer, asked for from within the container; 0: there was none.

        As a kubelet does, it takes any certificate; its own is in the container's files with this name.
        """
        command = ["python3", "-c", _ASKED_FROM_INSIDE, url, certificate, *headers]
        status, _, body = self.execute(container, *command).partition(" ")
        return int(status), body

    def is_open(self, container: str, port: int) -> bool:
        """Whether a connection can be made from within the container."""
        return self.execute(container, "python3", "-c", _CONNECTED_FROM_INSIDE, str(port)).strip() == "open"

    def inspect(self, container: str) -> dict[str, Any]:
        """All that is known of a container."""
        found: list[dict[str, Any]] = json.loads(self.podman("container", "inspect", container).stdout)
        return found[0]

    def log(self, container: str) -> str:
        """What it has written to both of its outputs."""
        logs = self.podman("logs", container, check=False)
        return logs.stdout + logs.stderr

    def remove(self, container: str) -> None:
        """It has been ended and forgotten, whatever it did."""
        self.podman("rm", "--force", "--time=0", container)

    def clear_away(self) -> None:
        """Nothing of all this is left on the machine."""
        for arguments in (["pod", "rm", "--all", "--force", "--time=0"], ["rm", "--all", "--force", "--time=0"]):
            self.podman(*arguments, check=False)
        self.podman("rmi", "--all", "--force", check=False)
        for mounted in sorted(self._mounts(), reverse=True):
            subprocess.run(["/bin/umount", mounted], check=False)  # noqa: S603 — below our own folder
        shutil.rmtree(self._folder)

    def _mounts(self) -> Iterator[str]:
        with open("/proc/self/mounts", encoding="utf-8") as mounts:  # noqa: PTH123 — a file of the kernel
            for line in mounts:
                if line.split()[1].startswith(f"{self._folder}/"):
                    yield line.split()[1]

    def _run(
        self, program: str, *arguments: str, check: bool = True, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(  # noqa: S603 — a tool that the tests look for
            [program, *self._storage, *arguments],
            env=self._environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert not check or ended.returncode == 0, f"{program} {arguments}: {ended.stderr[-3000:]}"
        return ended


def rights_of(status: str) -> dict[str, str]:
    """What the kernel says in /proc/PID/status of a process's user and rights."""
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return {
        name: " ".join(fields[name].split()) for name in ("Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
    }
