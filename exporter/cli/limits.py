"""How many threads and files the process may have, and how many workers that leaves."""

import logging
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

from exporter.core.logger import Logger
from exporter.core.pool import polls_in, threads_for

_FILES_FOR_THE_REST = 512  # scrapes above all
_THREADS_FOR_THE_REST = 24
_NO_LIMIT = 1_000_000
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def workers_allowed(max_workers: int, log: Logger) -> int:
    """How many worker threads there may be, by the limits of threads and files, whose soft one is raised.

    What keeps them below ``max_workers``, the polls that may run at a time, is logged.
    """
    wanted = threads_for(max_workers)
    by_files = _workers_by_files(_files_allowed(wanted + _FILES_FOR_THE_REST))
    by_threads = threads_left(_OWN_CGROUPS, _CGROUPS) + threading.active_count() - _THREADS_FOR_THE_REST
    if polls_in(by_files) < max_workers:
        _warn(log, "open file limit is too low", by_files, max_workers, "the hard limit of open files (ulimit -Hn)")
    if polls_in(by_threads) < max_workers:
        _warn(log, "thread limit is too low", by_threads, max_workers, "pids.max of the cgroup")
    return min(wanted, by_files, by_threads)


def limits_in_force() -> dict[str, int | str]:
    """How many threads and files the process may have, itself included; for the log."""
    threads = threads_left(_OWN_CGROUPS, _CGROUPS)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "threads": threads + threading.active_count() if threads < _NO_LIMIT else "unlimited",
        "files": files if files != resource.RLIM_INFINITY else "unlimited",
    }


def threads_left(own: Path, mount: Path) -> int:
    """How many threads the cgroups let this process start, by cgroup v1 or v2; a large number without a limit.

    ``own`` is ``/proc/self/cgroup``, ``mount`` where cgroups are mounted.
    """
    return min(_left(own, mount), default=_NO_LIMIT)


def _left(own: Path, mount: Path) -> Iterator[int]:
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for entry in lines:
        controllers, _, path = entry.partition(":")[2].partition(":")
        if controllers and "pids" not in controllers.split(","):
            continue
        top = mount / "pids" if controllers else mount
        # In a container the path can be that of the host, of which only the top is seen.
        folder = top / path.lstrip("/")
        for each in (folder, *folder.parents[: len(folder.parts) - len(top.parts)]):
            try:
                yield int((each / "pids.max").read_text()) - int((each / "pids.current").read_text())
            except (OSError, ValueError):  # no such limit there, or "max"
                continue


def _files_allowed(wanted: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def _workers_by_files(files: int) -> int:
    """How many connections to the API leave files for scrapes and the rest, which have most of few."""
    return files - min(_FILES_FOR_THE_REST, files * 2 // 3)


def _warn(log: Logger, event: str, threads: int, max_workers: int, what: str) -> None:
    log.log(
        logging.WARNING,
        event,
        polls_at_a_time=polls_in(threads),
        max_workers=max_workers,
        hint=f"raise {what}, or lower poll.max_workers",
    )
