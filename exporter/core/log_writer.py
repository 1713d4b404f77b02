"""Standard error as a stream that never blocks and never fails.

A pipe that is full and not read, a disk without space, a terminal stopped with Ctrl-S: they cost lines, which are
counted, and nothing else. The descriptor is not made non-blocking, since other processes may share it.
"""

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

# Enough for a line of each of 10,000 accounts, at once, when the API fails.
_MOST_BYTES = 4 * 1024 * 1024
# As much again as a pipe holds, so that the number of dropped lines shows soon that a log is not read.
_MOST_BYTES_UNREAD = 64 * 1024


class LogWriter:
    """A stream whose texts, one or more lines each, wait in memory until the descriptor takes them.

    A caller writes to the descriptor what that takes at once; from ``start`` on, a thread does. ``most_bytes`` may
    wait, and ``most_bytes_unread`` once the thread cannot write; a text for which there is no room is dropped.
    ``dropped`` counts the lines that never reached the descriptor. Safe to use from any thread, also while the same
    thread uses it: a destructor may log at any moment.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        encoding: str = "utf-8",
        most_bytes: int = _MOST_BYTES,
        most_bytes_unread: int = _MOST_BYTES_UNREAD,
        patience_s: float = 0.2,
    ) -> None:
        self.encoding = encoding
        self.dropped = 0
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._most_bytes, self._most_bytes_unread = most_bytes, most_bytes_unread
        self._bound = most_bytes
        self._patience_s = patience_s
        self._waiting_bytes = 0
        self._counting = threading.RLock()
        self._waiting: deque[bytes] = deque()
        self._turn = deque([None])  # taken by the one that writes; a lock would be held over I/O
        self._piece = b""  # what is being written
        self._inside_line = False
        self._reported = 0
        self._report: Callable[[int], object] = lambda _count: None
        self._wakings: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, report: Callable[[int], object]) -> None:
        """Let a thread write from now on; where the system has none to give, callers write as before.

        ``report`` is called with the number of lines that were dropped, once all that waited since is written.
        """
        self._report = report
        thread = threading.Thread(target=self._run, name="log", daemon=True)
        with suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def write(self, text: str) -> int:
        """Keep the text until it is written, or drop it."""
        data = text.encode(self.encoding, "backslashreplace")
        size, lines = sys.getsizeof(data), data.count(b"\n")
        with self._counting:
            if self._waiting_bytes + size <= self._bound:
                self._waiting_bytes += size
                self._waiting.append(data)
            else:
                self.dropped += lines
        if self._thread is None:
            self._write_waiting(within_s=0)
        elif self._wakings.empty():
            self._wakings.put(None)
        return len(text)

    def flush(self) -> None:
        """Nothing, as nothing waits for more to be written."""

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return os.isatty(self._descriptor)

    def close(self) -> None:
        """Write what waits; gives up when the descriptor takes nothing for ``patience_s``, a thread after so long."""
        if self._thread is None:
            self._write_waiting(within_s=self._patience_s)
        else:
            self._closing.set()
            self._wakings.put(None)
            self._thread.join(self._patience_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wakings.get()
            while not self._write_waiting(within_s=self._patience_s) and not self._closing.wait(self._patience_s):
                self._bound = self._most_bytes_unread
            self._bound = self._most_bytes
        self._write_waiting(within_s=self._patience_s)

    def _write_waiting(self, *, within_s: float) -> bool:
        """Write what waits; returns False when the descriptor takes nothing for so long, or fails."""
        taken = True
        while taken and (self._piece or self._waiting):
            try:
                turn = self._turn.pop()
            except IndexError:
                return True  # the thread that has the turn looks again afterwards
            try:
                taken = self._write_piece(within_s)
            finally:
                self._turn.append(turn)
        return taken

    def _write_piece(self, within_s: float) -> bool:
        if not self._poll.poll(within_s * 1000):
            return False
        self._piece = self._piece or self._next_lines()
        try:
            written = os.write(self._descriptor, self._piece[: select.PIPE_BUF])
        except OSError:
            with self._counting:
                self.dropped += self._piece.lstrip(b"\n").count(b"\n")
            self._piece = b""
            return False
        self._inside_line = written < len(self._piece) and self._piece[written - 1 : written] != b"\n"
        self._piece = self._piece[written:]
        if not self._piece and not self._waiting and self.dropped > self._reported:
            count, self._reported = self.dropped - self._reported, self.dropped
            self._report(count)
        return True

    def _next_lines(self) -> bytes:
        """As many whole texts as a pipe takes at once, or one that is longer."""
        lines = b""
        while self._waiting and (not lines or len(lines) + len(self._waiting[0]) < select.PIPE_BUF):
            text = self._waiting.popleft()
            lines += text
            with self._counting:
                self._waiting_bytes -= sys.getsizeof(text)
        return b"\n" + lines if self._inside_line else lines  # after a line that failed halfway


def lines_dropped() -> int:
    """The lines that standard error of this process has dropped."""
    return sys.stderr.dropped if isinstance(sys.stderr, LogWriter) else 0
