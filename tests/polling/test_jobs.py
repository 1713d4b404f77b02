"""What is periodic, with APScheduler as it is."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from exporter.core.threads import NoThread
from exporter.polling.jobs import EveryTrigger, Jobs
from tests.no_new_threads import no_new_threads
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon

START = datetime(2026, 1, 1, tzinfo=UTC)

Make = Callable[..., Jobs]


@pytest.fixture
def log() -> RecordingLog:
    return RecordingLog()


@pytest.fixture
def make(log: RecordingLog) -> Iterator[Make]:
    made: list[Jobs] = []

    def make_jobs(wall_clock: Callable[[], float] = time.time) -> Jobs:
        made.append(Jobs(wall_clock=wall_clock, clock=time.monotonic, clock_check_s=0.02, log=log))
        return made[-1]

    yield make_jobs
    for jobs in made:
        jobs.stop()


def test_a_job_is_called_at_once_and_again_and_again(make: Make) -> None:
    """Whether it came before the start or after it."""
    jobs, calls = make(), list[str]()
    jobs.every("early", 0.02, lambda: calls.append("early"))
    jobs.start()
    jobs.every("late", 600, lambda: calls.append("late"))

    assert soon(lambda: calls.count("early") >= 3)
    assert soon(lambda: calls.count("late") == 1)


def test_no_call_needs_a_new_thread(make: Make) -> None:
    """All are there from the start, however few the system has later."""
    jobs, calls = make(), list[str]()
    jobs.start()
    with no_new_threads():
        jobs.every("job", 0.02, lambda: calls.append("called"))
        assert soon(lambda: len(calls) >= 3)


def test_a_start_without_threads_fails(make: Make) -> None:
    """The start of the jobs raises NoThread, and they can be stopped then."""
    with no_new_threads(), pytest.raises(NoThread):
        make().start()


def test_a_job_takes_the_place_of_the_one_of_its_name(make: Make) -> None:
    """With another interval or function, as after a reload; it is called at once."""
    jobs, calls = make(), list[str]()
    jobs.every("job", 600, lambda: calls.append("one"))
    jobs.start()
    assert soon(lambda: calls == ["one"])
    jobs.every("job", 0.02, lambda: calls.append("other"))

    assert soon(lambda: calls.count("other") >= 3)
    assert calls.count("one") == 1


def test_a_job_may_be_called_while_it_is_under_way(make: Make) -> None:
    """As often at a time as it was said, and no more often."""
    jobs, release, calls = make(), threading.Event(), list[str]()

    def hang() -> None:
        calls.append("hangs")
        release.wait(PATIENCE_S)

    jobs.every("hangs", 0.01, hang, at_a_time=2)
    jobs.start()

    assert soon(lambda: len(calls) == 2)
    release.set()
    assert soon(lambda: len(calls) > 2)


def test_a_job_that_is_under_way_is_not_called_again(make: Make) -> None:
    """And holds up no other one."""
    jobs, release, calls = make(), threading.Event(), list[str]()

    def hang() -> None:
        calls.append("hangs")
        release.wait(PATIENCE_S)

    jobs.every("hangs", 0.01, hang)
    jobs.every("goes on", 0.01, lambda: calls.append("goes on"))
    jobs.start()

    assert soon(lambda: calls.count("goes on") >= 5)
    assert calls.count("hangs") == 1
    release.set()


def test_a_job_with_a_defect_is_called_again(make: Make) -> None:
    """Whatever it raises."""
    jobs, calls = make(), list[str]()

    def fail() -> None:
        calls.append("called")
        raise LookupError

    jobs.every("fails", 0.01, fail)
    jobs.start()

    assert soon(lambda: len(calls) >= 3)


def test_nothing_is_called_after_the_stop(make: Make) -> None:
    """Nor does a stop before the start do harm."""
    jobs, calls = make(), list[str]()
    jobs.every("job", 0.01, lambda: calls.append("called"))
    jobs.start()
    assert soon(lambda: calls)
    jobs.stop()
    time.sleep(0.05)
    seen = len(calls)
    time.sleep(0.05)

    assert len(calls) == seen
    make().stop()


def test_a_clock_that_is_set_back_stops_no_job(make: Make, log: RecordingLog) -> None:
    """The jobs begin anew, at their intervals."""
    back_s, calls = [0.0], list[str]()
    jobs = make(lambda: time.time() - back_s[0])
    jobs.every("job", 0.02, lambda: calls.append("called"))
    jobs.start()
    assert soon(lambda: calls)
    # APScheduler reads the system's clock, which the test must not set: its job is put where it would be then.
    jobs._scheduler.modify_job("job", next_run_time=datetime.now(UTC) + timedelta(hours=1))
    seen = len(calls)
    back_s[0] = 3600.0

    assert soon(lambda: len(calls) >= seen + 3)
    assert [(event, round(fields["seconds"])) for event, fields in log.above_debug()] == [
        ("clock was set back", 3600)
    ]


def test_the_clock_is_looked_at_all_the_time(make: Make, log: RecordingLog) -> None:
    """Being set forward, or a second time back, is seen as what it is."""
    ahead_s = [0.0]
    jobs = make(lambda: time.time() + ahead_s[0])
    jobs.start()
    for ahead in (3600, 1800, 5000, 0):
        ahead_s[0] = ahead
        time.sleep(0.1)

    assert [round(fields["seconds"]) for _, fields in log.above_debug()] == [1800, 5000]


@pytest.mark.parametrize(
    ("now_s", "next_s"),
    [
        pytest.param(0, 60, id="at the start"),
        pytest.param(59.9, 60, id="just before"),
        pytest.param(60, 120, id="at a point"),
        pytest.param(-30, 0, id="before the start"),
        pytest.param(1e9 + 1, 1e9 + 20, id="decades later"),
    ],
)
def test_the_next_point_is_always_ahead(now_s: float, next_s: float) -> None:
    """No run ever falls due in the past."""
    now = START + timedelta(seconds=now_s)

    assert EveryTrigger(START, 60).get_next_fire_time(None, now) == START + timedelta(seconds=next_s)


def test_a_point_itself_is_never_next() -> None:
    """Nor where an interval has no exact binary fraction: APScheduler would run the job without end."""
    points = [START + number * timedelta(milliseconds=1_100) for number in range(1, 1_000)]

    assert [EveryTrigger(START, 1.1).get_next_fire_time(None, point) for point in points[:-1]] == points[1:]


def test_a_clock_that_is_set_forward_makes_one_run() -> None:
    """However many points lie between, APScheduler finds one run that was missed."""
    scheduler = BackgroundScheduler(timezone=UTC)
    job = scheduler.add_job(print, EveryTrigger(START, 1), next_run_time=START)

    assert len(job._get_run_times(START + timedelta(days=36_500))) == 1
