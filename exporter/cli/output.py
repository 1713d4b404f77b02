"""Standard output as a stream that never fails; what it could not write decides the exit code in the end."""

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from exporter.app.signals import LONGEST_WAIT_S
from exporter.cli.exit import EXIT_FAILED, EXIT_NOT_WRITTEN, End, fail

_STANDARD_OUTPUT = 1
_UNTIL_STOPPED = ("serve", "demo", "simulator")


@contextmanager
def checked_output(arguments: list[str], descriptor: int | None) -> Iterator[None]:
    """Inside, standard output never fails; a command that ends with 0 without having written its result ends with 6.

    ``descriptor`` is where it goes, None where that is closed.

    A command that runs until it is stopped ends with 1 then, if it was to print and not to run. A reader that leaves
    early is no failure.
    """
    former = sys.stdout
    raw = _Descriptor(descriptor)
    encoding = former.encoding if former else "utf-8"
    buffered = io.BufferedWriter(raw)
    sys.stdout = io.TextIOWrapper(buffered, encoding=encoding, errors="replace", line_buffering=raw.isatty())
    try:
        yield
    except SystemExit as end:
        raw.ended = True
        sys.stdout.flush()  # a signal has interrupted what waits by now
        result = end.result if isinstance(end, End) else ""
        if raw.lost is None or result is None:
            raise
        not_written = EXIT_FAILED if arguments[:1] and arguments[0] in _UNTIL_STOPPED else EXIT_NOT_WRITTEN
        message = f"{result} The result could not be written to standard output: {raw.lost}".lstrip()
        fail(message, int(end.code or not_written))
    finally:
        sys.stdout = former


class _Descriptor(io.RawIOBase):
    """The descriptor, or None for one that is closed.

    ``lost`` is why something could not be written, in the system's words; None while all was, or a reader has left.
    Once the command has ended, nothing is written any more.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self.lost: str | None = None
        self.ended = False

    def write(self, data: Any) -> int:
        """Write what the descriptor takes; what it never takes counts as written."""
        if self.ended:
            self.lost = self.lost or "interrupted"
        elif self._descriptor is None:
            self.lost = "it is closed"
        elif self.lost is None:
            try:
                return _written(self._descriptor, data)
            except OSError as error:
                if error.errno != errno.EPIPE:
                    self.lost = os.strerror(error.errno or errno.EIO)
        return len(data)

    def fileno(self) -> int:
        """Its number, that of standard output where it is closed."""
        return _STANDARD_OUTPUT if self._descriptor is None else self._descriptor

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return self._descriptor is not None and os.isatty(self._descriptor)

    def writable(self) -> bool:
        """It is."""
        return True


def _written(descriptor: int, data: Any) -> int:
    """How many bytes it took, once it could take some."""
    while True:
        # A blocking write would be a wait without end.
        if select.select((), (descriptor,), (), LONGEST_WAIT_S)[1]:
            with suppress(BlockingIOError):  # another process with the same pipe or terminal has made it so
                return os.write(descriptor, data[: select.PIPE_BUF])
