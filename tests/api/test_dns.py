import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from exporter.api.dns import Address, Resolver
from tests.waiting import PATIENCE_S

FOUND: list[Address] = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class Names:
    """Stands for the system's resolver: it counts, hangs and fails as told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.asking = threading.Semaphore(0)
        self.answering = threading.Event()
        self.answering.set()
        self.failure: Exception | None = None

    def __call__(self, host: str, port: int, **_: Any) -> list[Address]:
        self.asked.append((host, port))
        self.asking.release()
        self.answering.wait()
        if self.failure is not None:
            raise self.failure
        return FOUND


@pytest.fixture
def names() -> Iterator[Names]:
    """A resolver of the system that answers at once until told otherwise."""
    names = Names()
    yield names
    names.answering.set()


def test_a_name(names: Names) -> None:
    """A name is looked up in a thread of its own, anew for each new connection."""
    resolver = Resolver(names)

    assert [resolver.addresses("api.example", 443, within_s=PATIENCE_S) for _ in range(2)] == [FOUND, FOUND]
    assert names.asked == [("api.example", 443)] * 2


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_literal_address(names: Names, address: str) -> None:
    """An address is nobody's name."""
    found = Resolver(names).addresses(address, 443, within_s=PATIENCE_S)

    assert [entry[4][:2] for entry in found] == [(address, 443)]
    assert names.asked == []


def test_many_threads_at_once(names: Names) -> None:
    """Many threads that need one name at once all get it."""
    names.answering.clear()
    resolver = Resolver(names)
    threads = 8
    begun = threading.Barrier(threads + 1)

    def ask() -> list[Address]:
        begun.wait()
        return resolver.addresses("api.example", 443, within_s=PATIENCE_S)

    with ThreadPoolExecutor(threads) as pool:
        asked = [pool.submit(ask) for _ in range(threads)]
        begun.wait()
        names.asking.acquire(timeout=PATIENCE_S)
        names.answering.set()
        found = [future.result(PATIENCE_S) for future in asked]

    assert found == [FOUND] * threads


def test_a_hanging_lookup_costs_no_more_than_the_deadline(names: Names) -> None:
    """Each caller gives up in its time; those who ask meanwhile share the lookup under way."""
    names.answering.clear()
    resolver = Resolver(names)

    for _ in range(3):
        with pytest.raises(TimeoutError):
            resolver.addresses("api.example", 443, within_s=0.02)

    assert names.asked == [("api.example", 443)]


def test_close_ends_the_wait(names: Names) -> None:
    """Those who wait when it is closed are woken, and an answer that comes later has no effect."""
    names.answering.clear()
    resolver = Resolver(names)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(resolver.addresses, "api.example", 443, within_s=PATIENCE_S)
        names.asking.acquire(timeout=PATIENCE_S)
        resolver.close()
        with pytest.raises(OSError, match="canceled"):
            asked.result(PATIENCE_S)
    names.answering.set()


def test_no_wait_after_close(names: Names) -> None:
    """Once closed, it looks nothing up."""
    resolver = Resolver(names)
    resolver.close()

    with pytest.raises(OSError, match="canceled"):
        resolver.addresses("api.example", 443, within_s=PATIENCE_S)
    assert names.asked == []


def test_no_thread_for_a_lookup(names: Names) -> None:
    """Where the system has no thread to give, the lookup fails in words, and the next one is a new one."""
    threads = iter([False, True])

    def run(work: Callable[[], None]) -> None:
        if not next(threads):
            raise RuntimeError("can't start new thread")
        work()

    resolver = Resolver(names, run=run)
    with pytest.raises(OSError, match="there is no thread"):
        resolver.addresses("api.example", 443, within_s=PATIENCE_S)

    assert resolver.addresses("api.example", 443, within_s=PATIENCE_S) == FOUND


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        pytest.param(socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "not known", id="unknown"),
        pytest.param(OSError("no resolver"), "no resolver", id="os-error"),
        pytest.param(UnicodeError("label too long"), "cannot be looked up", id="no-name"),
        pytest.param(RuntimeError("a defect"), "cannot be looked up", id="anything-else"),
    ],
)
def test_a_failed_lookup(names: Names, failure: Exception, words: str) -> None:
    """Whatever goes wrong is an OSError for those who wait, and the next one asks anew."""
    names.failure = failure
    resolver = Resolver(names)
    with pytest.raises(OSError, match=words):
        resolver.addresses("api.example", 443, within_s=PATIENCE_S)
    names.failure = None

    assert resolver.addresses("api.example", 443, within_s=PATIENCE_S) == FOUND


def test_a_name_that_is_none() -> None:
    """A name that cannot be one at all is an OSError of the system's own resolver too."""
    with pytest.raises(OSError, match="cannot be looked up"):
        Resolver().addresses("a" * 70 + ".example", 443, within_s=PATIENCE_S)


def test_lookups_are_daemons(names: Names) -> None:
    """A lookup that hangs does not keep the process."""
    names.answering.clear()
    before = set(threading.enumerate())
    with pytest.raises(TimeoutError):
        Resolver(names).addresses("hanging.example", 443, within_s=0.02)
    begun = set(threading.enumerate()) - before

    assert [(thread.name, thread.daemon) for thread in begun] == [("resolver", True)]
