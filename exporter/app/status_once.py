"""The one-shot status: every configured probe polled once, and reported."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from exporter.accounts.inventory import Probe
from exporter.api.call import Unobserved
from exporter.app.build import Composition
from exporter.config import Configuration
from exporter.core.logger import Logger
from exporter.core.pool import Pool, threads_for
from exporter.core.store import Store
from exporter.polling.one_shot import poll_once
from exporter.polling.poller import Poller
from exporter.report.report import Report, build_report


@dataclass(frozen=True, slots=True)
class _Repeating:
    """A log for what the report says too: its warnings are no more than information; defects stay errors."""

    log_below: Logger

    def log(self, level: int, event: str, **fields: Any) -> None:
        self.log_below.log(logging.INFO if level == logging.WARNING else level, event, **fields)


def look_once(
    configuration: Configuration,
    *,
    environ: Mapping[str, str],
    allowed: Callable[[int], int] = threads_for,
    progress: Callable[[int], AbstractContextManager[Callable[[Probe], None]]],
    log: Logger,
) -> Report:
    """Poll every probe once and return the report; an exception ends the calls under way.

    ``environ`` is the environment to read proxies and the CA bundle from. ``allowed`` returns how many worker
    threads there may be, for a configured number of polls at a time. ``progress`` is called with the number of
    probes; the function that it gives is called for each probe that is done. Members of directories are listed first.
    Account ids are not looked up.
    """
    pool = Pool(log=log)
    pool.allow(configuration.poll.max_workers, bound=allowed(configuration.poll.max_workers))
    composition = Composition(configuration, environ=environ, pool=pool, observer=Unobserved(), log=log)
    try:
        for directory in composition.inventory.listed:
            directory.refresh(composition.client)
        composition.configure(configuration)
        probes = composition.inventory.probes
        store = Store([probe.key for probe in probes], on_change=lambda _key, _record: None)
        poller = Poller(composition.client, store, log=_Repeating(log))
        with progress(len(probes)) as done:
            poll_once(probes, poll=poller.poll, pool=pool, done=done)
    finally:
        composition.close()
        pool.close()
    # No answer of these polls is stale, however long the budgets made them wait.
    return build_report(
        store.records(),
        now=time.time(),
        stale_after_of=lambda _kind: math.inf,
        identities=composition.inventory.identities(),
        unlisted=composition.inventory.unlisted,
    )
