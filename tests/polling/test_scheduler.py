import gc
import weakref
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from exporter.polling.scheduler import FixedPhaseTrigger, Inline
from tests.waiting import soon

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now_s", "next_s"),
    [
        pytest.param(0, 60, id="at the anchor"),
        pytest.param(59.9, 60, id="just before"),
        pytest.param(60, 120, id="at a point"),
        pytest.param(-30, 0, id="before the anchor"),
        pytest.param(1e9 + 1, 1e9 + 20, id="decades later"),
    ],
)
def test_the_next_point_is_always_ahead(now_s: float, next_s: float) -> None:
    """A probe keeps its place in the interval, and no run ever falls due in the past."""
    now = ANCHOR + timedelta(seconds=now_s)

    assert FixedPhaseTrigger(ANCHOR, 60).get_next_fire_time(None, now) == ANCHOR + timedelta(seconds=next_s)


def test_a_point_itself_is_never_next() -> None:
    """Nor where a pause has no exact binary fraction: APScheduler would ask for the run after it without an end."""
    points = [ANCHOR + number * timedelta(milliseconds=1_100) for number in range(1, 1_000)]

    assert [FixedPhaseTrigger(ANCHOR, 1.1).get_next_fire_time(None, point) for point in points[:-1]] == points[1:]


def test_a_clock_that_is_set_forward_makes_one_run() -> None:
    """However many points of the grid lie between, APScheduler finds one run that was missed."""
    scheduler = BackgroundScheduler(timezone=UTC)
    job = scheduler.add_job(print, FixedPhaseTrigger(ANCHOR, 1), next_run_time=ANCHOR)

    assert len(job._get_run_times(ANCHOR + timedelta(days=36_500))) == 1


class JobId(str):  # noqa: SLOT000 — without slots it can be referred to weakly
    """One that can be watched; of a plain string nobody learns that it has gone."""


def test_nothing_is_kept_of_a_job_that_has_run() -> None:
    """A scheduler that runs on holds no id of a job that has run once: thousands of those come in a month."""
    scheduler = BackgroundScheduler(executors={"default": Inline()}, timezone=UTC)
    scheduler.start()
    try:
        runs: list[str] = []
        job_id = JobId("once")
        watched = weakref.ref(job_id)
        scheduler.add_job(runs.append, args=("ran",), id=job_id)
        del job_id

        def gone() -> bool:
            gc.collect()
            return watched() is None

        assert soon(lambda: runs == ["ran"])
        assert soon(gone)
    finally:
        scheduler.shutdown()


def test_a_job_runs_again_and_again() -> None:
    """One run is no hindrance to the next of the same job."""
    scheduler = BackgroundScheduler(executors={"default": Inline()}, timezone=UTC)
    scheduler.start()
    try:
        runs: list[str] = []
        scheduler.add_job(runs.append, "interval", seconds=0.01, args=("ran",))

        assert soon(lambda: len(runs) >= 3)
    finally:
        scheduler.shutdown()
