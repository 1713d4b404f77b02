"""A process of its own for whatever is measured, and what the kernel counts of it (Linux)."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).parent.parent
_PATIENCE_S = 120.0
_STOP_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.005
# The second as the image and the unit set it; peers and floors have it too.
SETTINGS = {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


class MeasuredProcess:
    """A program that runs from `with` to the end of it, on one core if `core` is given and there are two.

    `started_s` is the moment before its start by time.monotonic. Its environment is empty but for what is given,
    SETTINGS, and the path to programs.
    """

    def __init__(
        self, command: Sequence[str], *, environ: Mapping[str, str] | None = None, core: int | None = None
    ) -> None:
        self._command = list(command)
        self._environ = {"PATH": os.environ.get("PATH", os.defpath), **SETTINGS, **(environ or {})}
        self._core = core
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 — closed at the end of `with`
        self._process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0

    @classmethod
    def python(
        cls, module: str, *arguments: str, environ: Mapping[str, str] | None = None, core: int | None = None
    ) -> Self:
        """One that runs a module of this project with this Python."""
        return cls([sys.executable, "-m", module, *arguments], environ=environ, core=core)

    def __enter__(self) -> Self:
        self.started_s = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 — our own programs
            self._command,
            cwd=ROOT,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        if self._core is not None:
            pin(self._core, pid=self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._output.close()

    @property
    def pid(self) -> int:
        """The process's id; RuntimeError when it was not started."""
        return self._running().pid

    @property
    def output(self) -> str:
        """All that it has written so far, to standard output and error."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def wait_for(self, what: str, found: Callable[[str], str | None]) -> str:
        """Return what `found` sees in whole lines of the output, once it does; RuntimeError when that never comes."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            ended = self._running().poll() is not None
            for line in self.output.rpartition("\n")[0].splitlines():
                if (value := found(line)) is not None:
                    return value
            if ended or time.monotonic() > until:
                message = f"{' '.join(self._command[:6])}: no {what} in its output:\n{self.output[-2000:]}"
                raise RuntimeError(message)
            time.sleep(_LOOK_EVERY_S)

    def address(self) -> str:
        """Where it listens, once it says so: in a line ``listening ADDRESS``, or in the exporter's own JSON log."""
        return self.wait_for("address", _listening)

    def cpu_s(self) -> float:
        """CPU seconds of all of its threads, also of those that have ended."""
        clock = ctypes.c_int()
        error = ctypes.CDLL(None).clock_getcpuclockid(self.pid, ctypes.byref(clock))
        if error:
            raise OSError(error, os.strerror(error))
        return time.clock_gettime(clock.value)

    def rss_mb(self) -> float:
        """Resident memory now, in 1,000,000 bytes."""
        return self._kilobytes("VmRSS")

    def peak_rss_mb(self) -> float:
        """The most resident memory there ever was, or since `reset_peak`."""
        return self._kilobytes("VmHWM")

    def reset_peak(self) -> None:
        """Let the peak of memory be that of now."""
        with suppress(PermissionError):  # in some containers; the peak is that of the whole life then
            Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def threads(self) -> int:
        """How many threads it has now."""
        return int(self._status("Threads"))

    def files(self) -> int:
        """How many file descriptors it has open now."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._running().send_signal(number)

    def stop(self) -> float:
        """End it, by SIGTERM first; returns the seconds that it took."""
        process = self._running()
        began = time.monotonic()
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return time.monotonic() - began

    def _kilobytes(self, name: str) -> float:
        return int(self._status(name).removesuffix(" kB")) * 1024 / 1e6

    def _status(self, name: str) -> str:
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return value.strip()
        message = f"the kernel says nothing of {name}: has the process {self.pid} ended?"
        raise RuntimeError(message)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            message = "the process was not started"
            raise RuntimeError(message)
        return self._process


def pin(core: int, *, pid: int = 0) -> bool:
    """Keep a process (0: this one) on one of two cores, counted from 0; False where there is only one.

    Threads that it starts from then on stay there too.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return False
    os.sched_setaffinity(pid, {cores[core % len(cores)]})
    return True


def _listening(line: str) -> str | None:
    if line.startswith("listening "):
        return line.split()[1]
    with suppress(ValueError):
        said = json.loads(line)
        if isinstance(said, dict) and said.get("msg") == "listening":
            return str(said["address"])
    return None
