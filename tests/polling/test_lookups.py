"""Lookups in the pool."""

import threading
from collections.abc import Iterator

import pytest

from exporter.api.errors import CallAborted
from exporter.core.pool import Pool, Work
from exporter.polling.lookups import Lookups
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon


@pytest.fixture
def log() -> RecordingLog:
    return RecordingLog()


@pytest.fixture
def lookups(log: RecordingLog) -> Iterator[Lookups]:
    pool = Pool(log=log)
    yield Lookups(pool)
    pool.close()


def test_a_lookup_runs_once_at_a_time(lookups: Lookups) -> None:
    """However often it is begun; once it has ended, it can begin again. Others do not wait for it."""
    release, begun, others = threading.Event(), list[str](), list[str]()

    def hang() -> None:
        begun.append("a")
        assert release.wait(PATIENCE_S)

    for _ in range(5):
        lookups.begin(Work.DIRECTORY, "a", hang)
    lookups.begin(Work.DIRECTORY, "b", lambda: others.append("b"))
    assert soon(lambda: others == ["b"])
    assert begun == ["a"]
    release.set()

    def began_again() -> bool:
        lookups.begin(Work.DIRECTORY, "a", hang)
        return len(begun) >= 2

    assert soon(began_again)


@pytest.mark.parametrize("error", [CallAborted, LookupError], ids=lambda error: error.__name__)
def test_a_lookup_that_fails_can_begin_again(lookups: Lookups, log: RecordingLog, error: type[Exception]) -> None:
    """A stop that ends it is no news; a defect is logged."""
    runs: list[str] = []

    def fail() -> None:
        runs.append("ran")
        raise error

    def ran_thrice() -> bool:
        lookups.begin(Work.ACCOUNT_ID, "a", fail)
        return len(runs) >= 3

    assert soon(ran_thrice)
    logged = {event for event, _ in log.above_debug()}
    assert logged == (set() if error is CallAborted else {"work hit a defect"})
