"""Every probe polled exactly once, as fast as threads and budgets allow."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from exporter.accounts.inventory import Probe
from exporter.core.pool import Pool, Work
from exporter.polling.plan import Plan, Run
from exporter.polling.policy import Intervals
from exporter.polling.poller import Poll, Postponed

_LOOK_EVERY_S = 0.05
_ONCE = Intervals(interval_s=86_400, locked_interval_s=86_400, failing_interval_s=86_400)


def poll_once(
    probes: Sequence[Probe],
    *,
    poll: Poll,
    pool: Pool,
    done: Callable[[Probe], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Poll every probe to its end; ``done`` is called for each, in the calling thread.

    After this has returned or raised, no thread begins another poll. Raises CallAborted when the
    client is closed meanwhile, and what a poll raises.
    """
    stopped = threading.Event()
    plan = Plan(clock=clock, wall_clock=time.time)
    plan.configure(probes, lambda _kind: _ONCE)
    ended: queue.SimpleQueue[Probe | BaseException] = queue.SimpleQueue()
    left = len(probes)
    try:
        while left:
            for run in plan.due():
                pool.submit(Work.POLL, partial(_run, plan, run, poll, ended, stopped))
            pool.start_threads()
            try:
                result = ended.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            left -= 1
            done(result)
    finally:
        stopped.set()


def _run(
    plan: Plan, run: Run, poll: Poll, ended: "queue.SimpleQueue[Probe | BaseException]", stopped: threading.Event
) -> None:
    begun = plan.begin(run)
    if begun is None or stopped.is_set():
        return
    probe, permit = begun
    try:
        result = poll(probe, permit)
    except BaseException as error:  # noqa: BLE001 — the calling thread raises it
        stopped.set()
        ended.put(error)
        return
    if isinstance(result, Postponed):
        plan.postpone(run, probe, result)
    else:
        ended.put(probe)
