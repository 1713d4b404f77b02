"""The running exporter: what ``build`` made is connected, started, reloaded and stopped here.

configuration -> Daemon
    schedule -> poller -> client -> the API
                   |
                 store -> metrics page <- web server <- Prometheus
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from exporter import __version__
from exporter.accounts.account_id import AccountIds, LearnedId
from exporter.accounts.directory import Directory
from exporter.accounts.inventory import Inventory
from exporter.accounts.sharding import Shard
from exporter.app.build import UNSHARDED, Composition, intervals_of, keeping, stale_after_of
from exporter.app.reload import Reloads, log_removed, logging_defects
from exporter.config import Configuration, ConfigurationError
from exporter.core.logger import Logger, defect
from exporter.core.pool import Pool, Work, threads_for
from exporter.core.store import Store
from exporter.core.threads import FixedThreads
from exporter.metrics.page import Exposition
from exporter.metrics.self_metrics import SelfMetrics
from exporter.polling.jobs import Jobs
from exporter.polling.lookups import Lookups
from exporter.polling.policy import stands_still
from exporter.polling.poller import Poller
from exporter.polling.schedule import HAND_OUT_EVERY_S, Schedule
from exporter.probes.table import OPERATIONS, PROBES, UNKNOWN_FIELDS
from exporter.report.json_document import to_json
from exporter.report.report import Report, build_report
from exporter.web.app import create_app
from exporter.web.server import WebServer
from exporter.web.status_page import StatusPage
from exporter.web.threads import WebThreads

LOOK_EVERY_S = 1.0
_LAST_RUNS_S = 0.5


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where and how the daemon listens, and what a request may do."""

    listen_address: str = ":10520"
    telemetry_path: str = "/metrics"
    documentation_url: str = ""
    enable_lifecycle: bool = False
    """Whether a request reloads the configuration."""
    config_file: Path | None = None
    """TLS and users; without it, every request is answered over HTTP."""


class Daemon:
    """One running exporter.

    ``environ`` is the environment to read proxies and the CA bundle from. ``load`` reads the configuration anew for a
    reload, or raises ConfigurationError. ``allowed`` returns how many worker threads there may be, for a configured
    number of polls at a time. Only the accounts of ``shard`` are polled. ``settled`` is called when every
    probe has been polled once, ``replaced`` after each change of configuration or accounts. Raises ValueError for bad
    web options and ConfigurationError for a bad web configuration file, before anything is started.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        load: Callable[[], Configuration],
        allowed: Callable[[int], int] = threads_for,
        web: WebOptions,
        environ: Mapping[str, str],
        shard: Shard = UNSHARDED,
        settled: Callable[[], None] = lambda: None,
        replaced: Callable[[], None] = lambda: None,
        log: Logger,
    ) -> None:
        self._load = load
        self._allowed = allowed
        self._replaced = replaced
        self._log = log
        self._ready = False
        # One after the other, by one thread: a lock would be held over work of every other room.
        self._changes = FixedThreads(1, name="inventory")
        self._self_metrics = SelfMetrics(
            version=__version__,
            actions=[operation.action for operation in OPERATIONS],
            unknown_fields=UNKNOWN_FIELDS,
        )
        self._self_metrics.describe_shard(ordinal=shard.ordinal, total=shard.total)
        self._pool = Pool(log=log)
        self._lookups = Lookups(self._pool)
        self._jobs = Jobs(wall_clock=time.time, clock=time.monotonic, log=log)
        self._composition = Composition(
            configuration,
            environ=environ,
            shard=shard,
            pool=self._pool,
            observer=self._self_metrics,
            renewed=self._run_now,
            log=log,
        )
        self._exposition = Exposition(
            PROBES, own=self._self_metrics.registry, now=time.time, expiries=self._composition.expiries
        )
        self._store = Store([], on_change=self._exposition.update, on_all_polled=settled)
        poller = Poller(
            self._composition.client,
            self._store,
            count_unknown_value=self._self_metrics.unknown_value,
            count_failure=self._self_metrics.poll_failed,
            log=log,
        )
        self._account_ids = AccountIds(self._composition.client, log=log)
        self._schedule = Schedule(poll=poller.poll, skipped=self._store.record_skips, pool=self._pool, log=log)
        threads = self._web_threads = WebThreads()
        self._reloads = Reloads(self._reload, executor=threads.reloads)
        self._server = WebServer(
            create_app(
                exposition=self._exposition,
                telemetry_path=web.telemetry_path,
                ready=self.is_ready,
                standstill_s=self.standstill_s,
                status=partial(self._status_page, web),
                status_json=lambda: to_json(self._report()),
                pages=threads.pages,
                reload=self.reload if web.enable_lifecycle else None,
                log=log,
            ),
            listen_address=web.listen_address,
            config_file=web.config_file,
            threads=threads,
            log=log,
        )
        self._set_up(configuration)
        self._self_metrics.config_loaded(time.time())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """The bound address, such as ``127.0.0.1:10520``, once started."""
        return self._server.address

    def start(self, **logged: object) -> None:
        """Serve /metrics, log that with these fields too, then poll; never waits for the API.

        Raises OSError for the address, and NoThread.
        """
        try:
            self._pool.start()
            self._changes.start()
            self._jobs.start()
            self._server.start()
        except BaseException:
            self.stop()
            raise
        served = {"address": self._server.address, "version": __version__, **self._counts()}
        self._log.log(logging.INFO, "listening", **served, **logged)
        self._jobs.every("polls", HAND_OUT_EVERY_S, self._schedule.hand_out, at_a_time=2)
        self._jobs.every("directories", LOOK_EVERY_S, self._look_up_directories)
        self._jobs.every("learned account ids", LOOK_EVERY_S, self._take_learned)
        self._jobs.every("role tokens", LOOK_EVERY_S, self._composition.renew_tokens)
        self._look_up_account_ids_from_now_on()

    def stop(self) -> None:
        """End calls under way and stop; returns within about 1.5 seconds."""
        # First what computes: a hundred threads that do hold up every further step.
        self._web_threads.reloads.stop()
        self._changes.stop()
        self._schedule.stop()
        self._pool.close()
        self._composition.close()
        self._jobs.stop()
        self._server.stop()
        self._pool.wait(within_s=_LAST_RUNS_S)  # the exit must not cut off a log line that a run writes

    def is_ready(self) -> bool:
        """Whether members were listed and every probe polled once, failed or not; once true it stays so."""
        if not self._ready:
            listed = self._inventory.listed.items()
            discovered = all(directory.attempted and directory.members == members for directory, members in listed)
            self._ready = discovered and self._store.all_polled
        return self._ready

    def call_if_alive(self, call: Callable[[], object]) -> None:
        """Have this called by the web server, as soon as it does work, if polls go on; never waits for that."""
        if self.standstill_s() is None:
            self._server.call(call)

    def standstill_s(self) -> float | None:
        """For how many seconds no poll has ended although some are late; None while polls go on, or none is due."""
        poll = self._composition.configuration.poll
        late_since = self._schedule.late_since(timeout_s=poll.timeout_s)
        late_s = 0.0 if late_since is None else time.monotonic() - late_since
        return late_s if stands_still(late_s, interval_s=poll.interval_s, timeout_s=poll.timeout_s) else None

    def reload(self) -> Future[str | None]:
        """Begin to read the configuration anew and to use it; the outcome is None, or why the one in use stays.

        For any thread, while the daemon runs. One reload runs at a time; requests that come meanwhile share the next.
        """
        return self._reloads.request()

    def _reload(self) -> str | None:
        before = self._inventory.polled
        try:
            self._changes.submit(self._use, keeping(self._composition.configuration, self._load())).result()
        except CancelledError:  # the daemon stops
            raise
        except (ConfigurationError, ValueError) as error:
            return self._not_reloaded(str(error))
        except Exception as error:  # noqa: BLE001 — the daemon stays up after any error
            self._log.log(logging.ERROR, "reload hit a defect", **defect(error))
            return self._not_reloaded("a defect of the exporter; its log says more")
        self._look_up_account_ids_from_now_on()
        self._self_metrics.config_loaded(time.time())
        self._log.log(logging.INFO, "configuration reloaded", **self._counts())
        log_removed(before, self._inventory.polled, log=self._log)
        return None

    def _counts(self) -> dict[str, int]:
        return {"accounts": len(self._inventory.polled), "probes": len(self._inventory.probes)}

    def _not_reloaded(self, explanation: str) -> str:
        self._self_metrics.config_refused()
        self._log.log(logging.ERROR, "configuration not reloaded", explanation=explanation)
        return explanation

    @property
    def _inventory(self) -> Inventory:
        return self._composition.inventory

    def _use(self, configuration: Configuration | None = None) -> None:
        """Use this configuration, or the one in use with the members of now; for one thread at a time.

        Accounts and probes that do not change keep their history and their place in the schedule.
        """
        self._set_up(configuration or self._composition.configuration)
        self._replaced()

    def _set_up(self, configuration: Configuration) -> None:
        self._composition.configure(configuration)
        inventory, probes = self._inventory, self._inventory.probes
        # Before the store: an earlier poll of a probe that left and came back needs a place on the page.
        self._exposition.configure(
            [(probe.key, probe.kind) for probe in probes], stale_after_of=stale_after_of(configuration)
        )
        self._store.configure([probe.key for probe in probes], account_ids=inventory.known_ids())
        self._exposition.set_accounts({each.account.name: each.labels for each in inventory.polled})
        self._describe()
        workers = configuration.poll.max_workers
        self._pool.allow(workers, bound=self._allowed(workers))
        self._schedule.configure(probes, intervals_of=intervals_of(configuration))

    def _take_learned(self) -> None:
        learned = self._account_ids.take_learned()
        if learned:
            self._changes.submit(logging_defects(partial(self._learn, learned), self._log))

    def _learn(self, learned: Sequence[LearnedId]) -> None:
        """Show accounts with the ids that the API gave, and no longer watch them as members of a directory.

        A member that a name stood for before is watched again.
        """
        others, members = [], False
        for each in self._composition.learn(learned):
            watched = self._inventory.watched[each.account]
            former = each.account_id
            if watched.probes:  # else it is of another shard
                self._exposition.set_account(each.account, watched.labels)
                former = self._store.know_account(each.account, each.account_id)
            if former != each.account_id:
                others.append(each.account)
            members = members or not self._inventory.member_ids.isdisjoint({former, each.account_id})
        self._run_now(others)
        if members:
            self._use()

    def _run_now(self, accounts: Iterable[str]) -> None:
        """Poll these accounts now: they have credentials again, or their name stands for another account."""
        watched = self._inventory.watched
        self._schedule.run_now([probe.key for name in accounts if name in watched for probe in watched[name].probes])

    def _look_up_account_ids_from_now_on(self) -> None:
        """Look unknown account ids up now, and at every interval of failing probes."""
        interval_s = self._composition.configuration.poll.failing_interval_s
        self._jobs.every("account ids", interval_s, self._look_up_account_ids)

    def _look_up_account_ids(self) -> None:
        for name, caller in self._inventory.without_id():
            key = name, id(caller)  # what a former caller of the name learns is not of use
            self._lookups.begin(Work.ACCOUNT_ID, key, partial(self._account_ids.look_up, name, caller))

    def _look_up_directories(self) -> None:
        for directory in filter(Directory.is_due, self._inventory.listed):
            self._lookups.begin(Work.DIRECTORY, directory, partial(self._discover, directory))

    def _discover(self, directory: Directory) -> None:
        directory.refresh(self._composition.client)
        self._changes.submit(logging_defects(partial(self._follow, directory), self._log))

    def _follow(self, directory: Directory) -> None:
        """Watch the members that were listed last."""
        if directory.members != self._inventory.listed.get(directory, directory.members):
            self._use()
        self._describe_discovery()

    def _describe(self) -> None:
        configuration, probes = self._composition.configuration, self._inventory.probes
        poll, intervals, stale_after = configuration.poll, intervals_of(configuration), stale_after_of(configuration)
        self._self_metrics.describe_schedule(
            interval_s=poll.interval_s,
            stale_after_s=poll.stale_after_s,
            accounts=self._inventory.total,
            probes=len(probes),
        )
        kinds = dict.fromkeys(probe.kind for probe in probes)
        self._self_metrics.describe_probes({kind: (intervals(kind).interval_s, stale_after(kind)) for kind in kinds})
        self._self_metrics.describe_budgets(self._composition.budgets.calls_per_second())
        self._describe_discovery()

    def _describe_discovery(self) -> None:
        self._self_metrics.describe_discovery(
            {directory.configured.name: directory.last_success_at for directory in self._inventory.listed}
        )

    def _status_page(self, web: WebOptions) -> StatusPage:
        return StatusPage(__version__, web.telemetry_path, self._report(), self.is_ready(), web.documentation_url)

    def _report(self) -> Report:
        return build_report(
            self._store.records(),
            now=time.time(),
            stale_after_of=stale_after_of(self._composition.configuration),
            identities=self._inventory.identities(),
            unlisted=self._inventory.unlisted,
        )
