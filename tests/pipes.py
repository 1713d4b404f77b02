"""Pipes, full ones too, and terminals."""

import os
import pty
import select
import subprocess
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE_S, killed_at_the_end, wait_until

LINE = b"." * (select.PIPE_BUF - 1) + b"\n"
"""What a full pipe is full of."""

_SELECT = ("23", "270", "72")
"""The numbers of select and pselect6 on x86-64, and of pselect6 on ARM64."""


def fill(pipe: int) -> None:
    """Write to it until it takes no more."""
    poll = select.poll()
    poll.register(pipe, select.POLLOUT)
    while poll.poll(0):
        os.write(pipe, LINE)


def waits_to_write(thread: Path) -> bool:
    """Whether a thread, by its folder in /proc, waits until its output can be written.

    Nothing else in the exporter calls select: sockets call poll.
    """
    return (thread / "syscall").read_text().partition(" ")[0] in _SELECT


class Pipe:
    """A pipe, and what was read from it so far."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()
        self.received = b""

    def read(self) -> list[str]:
        """The lines that can be read now, without what a full pipe was full of."""
        while select.select([self.out], [], [], 0)[0] and (data := os.read(self.out, 65536)):
            self.received += data
        return self.received.replace(LINE, b"").decode().splitlines()

    def read_until(self, last: str) -> list[str]:
        """The lines up to this one, once it has come."""
        wait_until(f"{last!r} has come", lambda: self.read()[-1:] == [last])
        return self.read()

    def close(self) -> None:
        """Close both ends that are open."""
        for descriptor in (self.out, self.into):
            with suppress(OSError):
                os.close(descriptor)


@contextmanager
def on_terminal(
    command: list[str], *, cwd: Path, env: Mapping[str, str], size: tuple[int, int] = (24, 80)
) -> Iterator[tuple[subprocess.Popen[Any], int]]:
    """A command on a terminal of so many lines and columns, and the descriptor from which a test reads it."""
    here, there = pty.openpty()
    termios.tcsetwinsize(there, size)
    try:
        try:
            process = subprocess.Popen(command, cwd=cwd, env=env, stdin=there, stdout=there, stderr=there)  # noqa: S603 — our own
        finally:
            os.close(there)
        with killed_at_the_end(process):
            yield process, here
    finally:
        os.close(here)


def read_until(terminal: int, text: str) -> str:
    """What a terminal shows up to some text."""
    seen = ""
    while text not in seen:
        assert select.select([terminal], [], [], PATIENCE_S)[0], f"the terminal is silent: {seen}"
        more = os.read(terminal, 4096)
        assert more, f"the terminal ended: {seen}"
        seen += more.decode(errors="replace")
    return seen


def read_to_end(terminal: int) -> str:
    """What it shows until the last program has let go of it, which Linux tells with an error."""
    seen = ""
    with suppress(OSError):
        while more := os.read(terminal, 4096):
            seen += more.decode(errors="replace")
    return seen
