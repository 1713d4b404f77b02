"""The start of the command: ``dcdn-exporter`` and ``python -m exporter`` are the same."""

import signal
import sys
from types import FrameType
from typing import NoReturn


def run() -> None:
    """Run the command; a signal to stop while its parts are still being loaded ends it as later ones do.

    With 0, but for ``status``, which tells by that that all is well.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    from exporter.cli import main  # noqa: PLC0415 — loading takes half a second, in which signals are heard

    main()


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number if sys.argv[1:2] == ["status"] else 0)


if __name__ == "__main__":
    run()
