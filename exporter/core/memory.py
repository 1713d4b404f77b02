"""Memory of a process that runs for months: what Python and the C library do not see to by themselves."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_M_ARENA_MAX = -8  # https://sourceware.org/git/?p=glibc.git;a=blob;f=malloc/malloc.h
_HEAPS = 2


def share_heaps() -> None:
    """Threads have two heaps between them from then on, where the C library can do that (glibc).

    It makes up to eight for each core otherwise. What was freed in one heap is of no use to the threads of another,
    so that each grows to what its own threads need in their worst moment.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, _HEAPS)


def set_aside() -> None:
    """The collector has looked at all objects once, and looks at those that are left no more, until called again.

    A configuration of 10,000 accounts is 350,000 objects. To go through them takes tenths of a second in which
    neither polls nor scrapes go on, and it would be done again and again.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@contextmanager
def collector_paused() -> Iterator[None]:
    """The collector looks for no garbage meanwhile, in any thread: for work that makes many objects and no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def release_memory() -> None:
    """What was free is the system's again, where the C library can do that (glibc). Other threads go on meanwhile."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
