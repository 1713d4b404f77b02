"""A system that has no thread left to give."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NO_STACK_IS_SO_LARGE = 2**46


@contextmanager
def no_new_threads() -> Iterator[None]:
    """While inside, no thread of this process can be started; those that run go on."""
    before = threading.stack_size(_NO_STACK_IS_SO_LARGE)
    try:
        yield
    finally:
        threading.stack_size(before)
