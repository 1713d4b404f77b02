"""A process that has no file descriptor left."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_new_files() -> Iterator[None]:
    """While inside, this process can open no file and no socket; one that is closed makes room for one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.dup(0)
    fillers = [first_free]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + 1, hard))
        _fill(fillers)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for filler in fillers:
            os.close(filler)


def _fill(fillers: list[int]) -> None:
    """Take what is left below the limit."""
    while True:
        try:
            fillers.append(os.dup(0))
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            return
