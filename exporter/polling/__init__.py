"""When each probe is polled, in which thread, and what one poll does.

schedule      due -> queued -> running, pauses and extra runs
├── policy        decides when a probe runs next
├── entries       what the schedule knows of one probe, and of the endpoint behind it
├── workers       the threads that polls run in
├── lookups       functions that are called until they have returned True, beside the probes
└── scheduler     what APScheduler gets from us: a trigger, an executor, a watch over its clock
one_shot      every probe polled exactly once
poller        one poll: call, parse, keep
└── transitions   what is worth a line in the log
"""

from exporter.polling.lookups import LOOKUP_WORKERS
from exporter.polling.schedule import HANGING_WORKERS, WAITING_WORKERS, Schedule

__all__ = ["HANGING_WORKERS", "LOOKUP_WORKERS", "WAITING_WORKERS", "Schedule"]
