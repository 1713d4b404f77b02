"""What a benchmark ran on, and of what, so that its figures can be read and found again by somebody else."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import ROOT

_LIBRARIES = ("prometheus-client", "uvicorn", "uvloop", "httptools", "starlette", "isal", "requests", "APScheduler")


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and the versions on it, on one day.

    ``commit`` is what git calls the state of the project, empty where that is not known.
    """

    processor: str
    cores: int
    """Those that this process may run on."""
    memory_gib: float
    kernel: str
    python: str
    libraries: dict[str, str]
    date: str
    commit: str = ""

    def __str__(self) -> str:
        libraries = ", ".join(f"{name} {number}" for name, number in self.libraries.items())
        commit = f", commit {self.commit}" * bool(self.commit)
        return (
            f"{self.date}{commit}: {self.processor}, {self.cores} cores, {self.memory_gib:.0f} GiB, {self.kernel}, "
            f"Python {self.python}; {libraries}"
        )


def this_machine() -> Machine:
    """Return what is measured on now."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        kernel=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        libraries={name: version(name) for name in _LIBRARIES},
        date=datetime.now(UTC).date().isoformat(),
        commit=_commit(),
    )


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    described = subprocess.run(  # noqa: S603 — as installed
        [git, "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return described.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
