"""Memory of a process that runs for months: settings of Python's collector and of the C library."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_M_ARENA_MAX = -8  # https://sourceware.org/git/?p=glibc.git;a=blob;f=malloc/malloc.h
_HEAPS = 2
_MIDDLE_BEFORE_FULL = 100
_PR_SET_DUMPABLE = 4  # https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html


def share_heaps() -> None:
    """Let all threads share two heaps from then on, where the C library can do that (glibc).

    Without this it makes up to eight for each core. Memory that was freed in one heap is not used by the threads of
    another, so each heap grows to the peak of its own threads.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, _HEAPS)


def forbid_dumps() -> None:
    """Let no core dump be written of this process, and let no process of the same user read its memory; on Linux.

    The memory holds keys. A limit of size zero would not stop dumps that go to a program. What the process reads of
    itself in /proc, such as its open files, it can still read.
    """
    control = getattr(ctypes.CDLL(None), "prctl", None)
    if control is not None:
        control(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def collect_rarely() -> None:
    """Let ten times as many other collections pass before a full one as Python does by itself.

    A full one holds up all threads: for 0.12 to 0.2 s with the records of 30,000 accounts, each 10 to 25 s. It found
    nothing after 8,000 polls that were answered, and 574 objects after 1,160 that hung until their timeout.
    """
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _MIDDLE_BEFORE_FULL)


def set_aside() -> None:
    """Collect garbage, and leave the remaining objects out of later collections.

    A configuration of 10,000 accounts is 350,000 objects. To go through them takes tenths of a second in which polls
    and scrapes stand still, at every full collection.
    """
    gc.collect()
    gc.freeze()


def set_aside_anew() -> None:
    """Set aside, after a look at all that was set aside before, of which some has been replaced.

    Memory that is freed returns to the system. Without that, the C library kept 5 to 17 MB of 120 in holes, with
    2,000 accounts and a reload each 15 s.
    """
    gc.unfreeze()
    set_aside()
    release_memory()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Turn the collector off meanwhile, in all threads: for work that makes many objects and no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def loading() -> Iterator[None]:
    """Pause the collector while modules are loaded, and set aside without a look what is there then.

    Modules stay. A daemon loads 70,000 objects; of its first 0.57 s, 0.1 s went into collections that found 1,300
    objects. These are kept until something is set aside anew.
    """
    with collector_paused():
        yield
        gc.freeze()


def release_memory() -> None:
    """Return free memory to the system, where the C library can do that (glibc); other threads run on meanwhile."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
