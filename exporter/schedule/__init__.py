"""When each probe runs, and in which thread.

schedule      due -> queued -> running, pauses and extra runs
├── entries       what it knows of one probe, and of the endpoint behind it
├── workers       the threads that polls run in
├── questions     what is asked until it is answered, beside the probes
├── clock_watch   notices a wall clock that is set back
├── executor      where APScheduler runs its jobs
└── grid          a place in the interval, as APScheduler takes it
"""

from exporter.schedule.questions import ASKERS
from exporter.schedule.schedule import HANGING_WORKERS, WAITING_WORKERS, Schedule

__all__ = ["ASKERS", "HANGING_WORKERS", "WAITING_WORKERS", "Schedule"]
