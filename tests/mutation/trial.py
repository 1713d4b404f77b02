"""Runs the tests in a copy of the tree in which one module is not what it was."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import cache_from_source
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# What may notice a mutant that the tests of its own module do not.
_WIDE = ("accounts", "app", "core", "metrics", "polling", "probes", "report")
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".hypothesis", "build")
_AT_LEAST_S, _TIMES = 30.0, 4.0

Tests = tuple[str, ...]


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


def tests_of(module: Path) -> tuple[Tests, ...]:
    """What to run for a module, one selection after the other: its own test files if it has any, then all folders."""
    folder = Path("tests", *module.parts[1:-1])
    patterns = (f"test_{module.stem}.py", f"test_{module.stem}_*.py")
    own = tuple(sorted(str(folder / file.name) for pattern in patterns for file in (ROOT / folder).glob(pattern)))
    folders = tuple(sorted({str(folder), *(f"tests/{name}" for name in _WIDE)}))
    return (own, folders) if own else (folders,)


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy of the project, of which one module may be broken at a time; for one thread at a time."""

    root: Path

    @classmethod
    def copied(cls, source: Path, to: Path) -> "Tree":
        """A copy of what the tests need."""
        shutil.copytree(source, to, ignore=_LEFT_OUT, symlinks=True)
        return cls(to)

    def limits_s(self, tests_of_modules: Mapping[Path, Sequence[Tests]]) -> dict[Tests, float]:
        """How long each selection of tests may take: far longer than it takes now.

        Raises RuntimeError, with what pytest says, when tests fail that nothing has broken.
        """
        limits_s = {}
        for tests in sorted({tests for selections in tests_of_modules.values() for tests in selections}):
            began = time.monotonic()
            code, said = self._run(tests, limit_s=3600)
            if code != 0:
                raise RuntimeError(f"the tests fail as they are: {said}")
            limits_s[tests] = max(_AT_LEAST_S, _TIMES * (time.monotonic() - began))
        return limits_s

    def verdict(self, module: Path, source: str, *, limits_s: Mapping[Tests, float]) -> Verdict:
        """What the tests say of the module with this source."""
        file = self.root / module
        whole = file.read_text(encoding="utf-8")
        try:
            self._write(file, source)
            for tests in tests_of(module):
                code, _ = self._run(tests, limit_s=limits_s[tests])
                if code is None:
                    return Verdict.TIMED_OUT
                if code != 0:
                    return Verdict.KILLED
        finally:
            self._write(file, whole)
        return Verdict.SURVIVED

    @staticmethod
    def _write(file: Path, source: str) -> None:
        """Write it; Python would take the code of before for the new one's, if both are of one second and length."""
        file.write_text(source, encoding="utf-8")
        Path(cache_from_source(str(file))).unlink(missing_ok=True)

    def _run(self, tests: Tests, *, limit_s: float) -> tuple[int | None, str]:
        """The exit code of pytest, None when it took too long, and the end of what it said."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.root), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
        process = subprocess.Popen(  # noqa: S603 — our own tests
            command,
            cwd=self.root,
            env={**environ, "DCDN_EXPORTER_TESTS_PATIENCE_S": "15"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None, ""
        return process.returncode, said[-2000:]
