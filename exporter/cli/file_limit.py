"""How many files the process may open."""

import logging
import resource

from exporter.config import Configuration
from exporter.core.logger import Logger
from exporter.polling import HANGING_WORKERS, LOOKUP_WORKERS, WAITING_WORKERS

_FILES_PER_CALL = 2  # its socket and the lifeline
_FILES_FOR_THE_REST = 512  # scrapes above all


def raise_file_limit(configuration: Configuration, log: Logger) -> None:
    """Raise the limit of open files to what calls and scrapes need, or log that this is not possible."""
    callers = configuration.poll.max_workers + HANGING_WORKERS + WAITING_WORKERS + LOOKUP_WORKERS
    needed = _FILES_PER_CALL * callers + _FILES_FOR_THE_REST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.log(
            logging.WARNING,
            "open file limit is too low",
            allowed=allowed,
            needed=needed,
            hint="raise the hard limit of open files (ulimit -Hn), or lower poll.max_workers",
        )
