"""One round of polls: what a configuration asks for is looked at once, and reported."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from exporter.api.call import Unobserved
from exporter.app.build import Composition
from exporter.config import Configuration
from exporter.core.logger import Logger
from exporter.core.store import Store
from exporter.polling.one_shot import poll_once
from exporter.polling.poller import Poller, Probe
from exporter.report.report import Report, build_report


def look_once(
    configuration: Configuration,
    *,
    environ: Mapping[str, str],
    progress: Callable[[int], AbstractContextManager[Callable[[Probe], None]]],
    log: Logger,
) -> Report:
    """What every probe has found out by a poll of now; an exception on the way ends the calls under way.

    ``environ`` is the environment to read proxies and the CA bundle from. ``progress`` gets the number of probes, and
    what it gives is told of each that is done. Members of directories are listed first. Nobody is asked who an
    account is.
    """
    workers = configuration.poll.max_workers
    composition = Composition(configuration, environ=environ, observer=Unobserved(), log=log)
    try:
        for directory in composition.directories:
            directory.refresh(composition.client)
        composition.configure(configuration)
        probes = composition.probes
        store = Store([probe.key for probe in probes], on_change=lambda _key, _record: None)
        poller = Poller(composition.client, store, count_unknown_value=lambda _field: None, log=log)
        with progress(len(probes)) as done:
            poll_once(probes, poll=poller.poll, max_workers=workers, done=done)
    finally:
        composition.close()
    # What a round has learned is no older than the round, however long the budgets made it.
    return build_report(store.records(), now=time.time(), stale_after_s=math.inf, unlisted=composition.unlisted)
