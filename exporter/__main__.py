"""The start of the command: ``dcdn-exporter`` and ``python -m exporter`` are the same."""

import atexit
import os
import signal
import sys
from typing import TextIO, cast

from exporter.core.exit_handler import ExitHandler
from exporter.core.log_writer import LogWriter
from exporter.core.memory import loading

_STANDARD_ERROR = 2
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run() -> None:
    """Run the command; a signal to stop ends it in the same way while its parts are still being loaded.

    The exit code is 0 for commands that run until they are stopped; for others, 0 would mean that their work is done.
    """
    _open_closed_streams()
    leave = ExitHandler(0 if sys.argv[1:2] in (["serve"], ["demo"], ["simulator"]) else None)
    for number in _STOP_SIGNALS:
        signal.signal(number, leave)
    if sys.argv[1:2] == ["serve"]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # there is no configuration to reload yet
    stderr = LogWriter(_STANDARD_ERROR, encoding=sys.stderr.encoding if sys.stderr else "utf-8")
    sys.stderr = cast("TextIO", stderr)
    atexit.register(stderr.close)
    with loading():
        from exporter.cli import main  # noqa: PLC0415 — loading takes half a second, and signals may come meanwhile
        from exporter.cli.output import checked_output  # noqa: PLC0415

    try:
        with checked_output(sys.argv[1:], 1 if sys.stdout else None):
            main()
    finally:
        # The exit code is decided, and the interpreter takes a moment to end: it would die of a second signal.
        for number in (*_STOP_SIGNALS, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def _open_closed_streams() -> None:
    """Open the standard descriptors that are closed, else the next file or socket takes their numbers.

    ``sys.stdout`` and the like stay None.
    """
    for descriptor in range(_STANDARD_ERROR + 1):
        try:
            os.fstat(descriptor)
        except OSError:
            lowest_that_is_free = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(lowest_that_is_free, True)  # noqa: FBT003 — it has no name


if __name__ == "__main__":
    run()
