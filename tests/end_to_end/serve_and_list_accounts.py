"""The command, which at SIGUSR1 also prints the names of the accounts of which its memory holds an object, once."""

from __future__ import annotations

import gc
import json
import signal
import sys
import threading

from exporter.__main__ import run
from exporter.config import Account


def print_accounts_when_asked() -> None:
    signal.sigwait({signal.SIGUSR1})
    while True:
        gc.collect()
        gc.unfreeze()
        things = gc.get_objects()
        if gc.get_freeze_count() == 0:  # else the daemon has set its objects aside just now: they are not listed
            break
    names = sorted(thing.name for thing in things if isinstance(thing, Account))
    sys.stdout.write(f"{json.dumps(names)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # in all threads: the one below waits for it
    threading.Thread(target=print_accounts_when_asked, daemon=True).start()
    run()
