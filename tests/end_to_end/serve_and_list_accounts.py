"""The command, which at SIGUSR1 also prints the names of the accounts of which its memory holds an object."""

from __future__ import annotations

import gc
import json
import signal
import sys
from typing import TYPE_CHECKING

from exporter.__main__ import run
from exporter.config import Account

if TYPE_CHECKING:
    from types import FrameType


def print_accounts(_number: int, _frame: FrameType | None) -> None:
    gc.unfreeze()
    gc.collect()
    names = sorted(thing.name for thing in gc.get_objects() if isinstance(thing, Account))
    sys.stdout.write(f"{json.dumps(names)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, print_accounts)
    run()
