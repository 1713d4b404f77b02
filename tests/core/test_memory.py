"""What the process does about its memory."""

import ctypes
import gc
import os
import resource
import signal
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.core.memory import collect_rarely, collector_paused, loading, set_aside, set_aside_anew


class Node:
    """Holds itself, so that nothing but the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Other tests have a collector that looks at what they make, and not at what was there before."""
    yield
    set_aside_anew()


def test_what_lives_is_looked_at_no_more() -> None:
    """What was there is out of every later collection, and what came since is in it."""
    before = Node()
    set_aside()
    since = Node()
    looked_at = {id(each) for each in gc.get_objects()}

    assert id(since) in looked_at
    assert id(before) not in looked_at


def test_garbage_is_freed_and_what_was_set_aside_once_anew() -> None:
    """A configuration that was replaced is not kept for good."""
    set_aside_once = Node()
    set_aside()
    garbage = Node()
    first, second = weakref.ref(set_aside_once), weakref.ref(garbage)
    del set_aside_once, garbage
    set_aside()
    assert (first() is None, second()) == (False, None)
    set_aside_anew()

    assert first() is None


def test_what_is_loaded_is_set_aside_without_a_look() -> None:
    """The collector is off meanwhile and on afterwards, also when a module could not be loaded."""
    with loading():
        assert not gc.isenabled()
        loaded = Node()
    assert gc.isenabled()
    with suppress(ImportError), loading():
        raise ImportError

    assert gc.isenabled()
    assert id(loaded) not in {id(each) for each in gc.get_objects()}


def test_the_collector_is_paused_for_a_while() -> None:
    """It is on again afterwards, also when that failed, unless it was off before."""
    with suppress(LookupError), collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
        raise LookupError
    assert gc.isenabled()


def test_full_collections_are_rare() -> None:
    """Young ones come as often as before."""
    before = gc.get_threshold()
    try:
        collect_rarely()
        young, middle, full = gc.get_threshold()
    finally:
        gc.set_threshold(*before)

    assert (young, middle) == before[:2]
    assert full >= 10 * before[2]


COUNT_HEAPS = """
import ctypes, sys, threading
from exporter.core.memory import share_heaps

if sys.argv[1] == "shared":
    share_heaps()
everybody = threading.Barrier(20)
kept = []

def allocate():
    everybody.wait()  # threads that never live together take turns with one heap
    kept.append(bytearray(100_000))
    everybody.wait()

threads = [threading.Thread(target=allocate) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library = ctypes.CDLL(None)
library.malloc_info(0, ctypes.c_void_p.in_dll(library, "stdout"))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc")
@pytest.mark.parametrize(("heaps", "most", "least"), [("shared", 2, 1), ("own", 999, 3)])
def test_threads_share_heaps(heaps: str, most: int, least: int) -> None:
    """However many threads there are, glibc keeps two heaps for them; left alone, it keeps more."""
    process = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", COUNT_HEAPS, heaps], capture_output=True, check=True
    )

    assert least <= process.stdout.count(b"<heap nr=") <= most


@pytest.mark.skipif(sys.platform != "linux", reason="core dumps are forbidden on Linux alone")
@pytest.mark.parametrize(("before", "dumped"), [("", True), ("forbid_dumps()", False)], ids=["usual", "forbidden"])
def test_no_core_is_dumped(tmp_path: Path, before: str, *, dumped: bool) -> None:
    """Though the limit of their size allows one; the process can still count the files that it has open."""
    limited = resource.getrlimit(resource.RLIMIT_CORE)[1] == 0
    code = (
        "import os, resource; from exporter.core.memory import forbid_dumps; "
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2); "
        f"{before or 'pass'}; assert len(os.listdir('/proc/self/fd')) > 2; os.abort()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": os.getcwd()})  # noqa: S603, PTH109
    _, status = os.waitpid(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)  # which is not asked for again

    assert child.returncode == -signal.SIGABRT
    assert os.WCOREDUMP(status) == (dumped and not limited)
