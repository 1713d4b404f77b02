import gc
import weakref
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler

from exporter.polling.executor import Inline
from tests.waiting import soon


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
