"""Every probe once: in which threads, in which order, and how it ends."""

import threading
from collections.abc import Callable
from typing import NoReturn

import pytest

from exporter.accounts.inventory import Probe
from exporter.api.call import Caller, Permit
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.errors import CallAborted
from exporter.api.rate_limit import Reservation
from exporter.core.model import Answer
from exporter.core.pool import Pool
from exporter.core.store import ProbeRecord
from exporter.polling.one_shot import poll_once
from exporter.polling.poller import Polled, Postponed
from exporter.probes.service_state import NOT_ACTIVATED
from exporter.probes.table import PROBES
from tests.recording_log import RecordingLog

WAIT_S = 10.0
KEYS = Credentials("LTAItest", Secret("made-up"))
POLLED = Polled(ProbeRecord(), Answer(NOT_ACTIVATED))
PERMIT = Permit(KEYS, Reservation("LTAItest", PROBES[0].operation.action, 0.0), 0.0)

Act = Callable[[Probe, Permit | None], Postponed | Polled]


def probes(*accounts: str) -> list[Probe]:
    caller = Caller(StaticCredentials(KEYS))
    kind = PROBES[0]
    return [Probe(key=kind.key(account), kind=kind, caller=lambda: caller) for account in accounts]


class Polls:
    """A poll that does what the test set for an account, and notes each call."""

    def __init__(self, **acts: Act) -> None:
        self._acts = acts
        self._lock = threading.Lock()
        self.begun: list[tuple[str, Permit | None]] = []
        self.threads: set[threading.Thread] = set()

    def __call__(self, probe: Probe, permit: Permit | None = None) -> Postponed | Polled:
        with self._lock:
            self.begun.append((probe.key.account, permit))
            self.threads.add(threading.current_thread())
        act = self._acts.get(probe.key.account)
        return act(probe, permit) if act is not None else POLLED

    def ended(self) -> bool:
        """Wait for the end of every thread that has polled."""
        for thread in self.threads:
            thread.join(WAIT_S)
        return not any(thread.is_alive() for thread in self.threads)


def allowing(polls: int) -> Pool:
    """A pool in which so many polls may run at a time; its threads end soon."""
    pool = Pool(log=RecordingLog(), idle_s=0.1)
    pool.allow(polls, bound=100)
    return pool


def aborted(_probe: Probe, _permit: Permit | None) -> NoReturn:
    raise CallAborted


def test_every_probe_is_polled_once_in_as_many_threads_as_allowed() -> None:
    """Nine probes in three threads: three at a time and never more, each told of once where it was asked for."""
    together = threading.Barrier(3)

    def meet(_probe: Probe, _permit: Permit | None) -> Polled:
        together.wait(WAIT_S)
        return POLLED

    names = [f"account{number}" for number in range(9)]
    poll = Polls(**dict.fromkeys(names, meet))
    told: list[tuple[str, threading.Thread]] = []
    poll_once(
        probes(*names),
        poll=poll,
        pool=allowing(3),
        done=lambda probe: told.append((probe.key.account, threading.current_thread())),
    )

    assert sorted(name for name, _ in poll.begun) == names
    assert sorted(name for name, _ in told) == names
    assert {thread for _, thread in told} == {threading.current_thread()}
    assert len(poll.threads) == 3
    assert all(thread.daemon for thread in poll.threads)
    assert poll.ended()


def test_a_postponed_probe_keeps_its_turn_and_holds_no_thread() -> None:
    """While its permit is away the only thread polls the next probe, then comes back with the same permit."""

    def crowded(_probe: Probe, permit: Permit | None) -> Postponed | Polled:
        return POLLED if permit is not None else Postponed(permit=PERMIT, wait_s=0.05)

    poll = Polls(first=crowded)
    done: list[str] = []
    poll_once(
        probes("first", "second"), poll=poll, pool=allowing(1), done=lambda probe: done.append(probe.key.account)
    )

    assert poll.begun == [("first", None), ("second", None), ("first", PERMIT)]
    assert done == ["second", "first"]


def test_the_earliest_turn_comes_first() -> None:
    """Whatever the order in which probes were postponed."""

    def crowded(wait_s: float) -> Act:
        return lambda _probe, permit: POLLED if permit is not None else Postponed(permit=PERMIT, wait_s=wait_s)

    poll = Polls(late=crowded(0.15), soon=crowded(0.05))
    poll_once(probes("late", "soon"), poll=poll, pool=allowing(1), done=lambda _probe: None)

    assert [name for name, _ in poll.begun] == ["late", "soon", "soon", "late"]


def test_nothing_to_poll_is_done_at_once() -> None:
    """Without probes there is no call and no callback."""
    poll = Polls()
    poll_once([], poll=poll, pool=allowing(4), done=lambda _probe: None)

    assert poll.begun == []


def test_a_closed_client_ends_it() -> None:
    """The first call that is aborted ends all of it, and the threads with it."""
    poll = Polls(second=aborted)
    with pytest.raises(CallAborted):
        poll_once(probes("first", "second", "third"), poll=poll, pool=allowing(1), done=lambda _probe: None)

    assert [name for name, _ in poll.begun] == ["first", "second"]
    assert poll.ended()


def test_a_reader_that_ends_early_waits_for_no_call() -> None:
    """An interruption goes through while a call hangs, and no other poll begins after it."""
    hanging, let_go = threading.Event(), threading.Event()

    def hang(_probe: Probe, _permit: Permit | None) -> Polled:
        hanging.set()
        assert let_go.wait(WAIT_S)
        return POLLED

    def interrupt(_probe: Probe) -> None:
        assert hanging.wait(WAIT_S)
        raise KeyboardInterrupt

    poll = Polls(second=hang)
    try:
        with pytest.raises(KeyboardInterrupt):
            poll_once(probes("first", "second", "third"), poll=poll, pool=allowing(1), done=interrupt)
        assert [name for name, _ in poll.begun] == ["first", "second"]
    finally:
        let_go.set()
    assert poll.ended()
    assert [name for name, _ in poll.begun] == ["first", "second"]
