"""The start of the command: ``dcdn-exporter`` and ``python -m exporter`` are the same."""

import signal
import sys
from types import FrameType
from typing import NoReturn


def run() -> None:
    """Run the command; a signal to stop ends it in the same way while its parts are still being loaded.

    The exit code is 0 for commands that run until they are stopped; for others, 0 would mean that their work is done.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    if sys.argv[1:2] == ["serve"]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # there is no configuration to reload yet
    from exporter.cli import main  # noqa: PLC0415 — loading takes half a second, and signals may come meanwhile

    main()


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    runs_until_stopped = sys.argv[1:2] in (["serve"], ["demo"], ["simulator"])
    sys.exit(0 if runs_until_stopped else 128 + number)


if __name__ == "__main__":
    run()
