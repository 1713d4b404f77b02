"""The composition root: everything is built, connected, started and stopped here.

configuration -> Daemon
    schedule -> poller -> client -> the API
                   |
                 store -> exposition <- web server <- Prometheus
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from exporter import __version__
from exporter.aliyun.budget import Budgets
from exporter.aliyun.client import Client
from exporter.aliyun.credentials import (
    Credentials,
    CredentialsProvider,
    RereadCredentials,
    Secret,
)
from exporter.aliyun.route import Route, ca_bundle, route
from exporter.aliyun.vendor_chain import DefaultChain, ask_vendor_chain
from exporter.cadence import Cadence
from exporter.catalogue import BALANCE, OPERATIONS, SITES, endpoints, kinds_for
from exporter.config import AccessKeyCredentials, Account, Configuration, DefaultCredentials, read_secret_file
from exporter.exposition import Exposition
from exporter.identity import Identity
from exporter.logger import Logger
from exporter.overview import status_rows
from exporter.own_metrics import OwnMetrics
from exporter.poller import Poller, Probe
from exporter.schedule import ASKERS, HANGING_WORKERS, Schedule
from exporter.store import Store
from exporter.web.app import create_app
from exporter.web.server import WebServer
from exporter.web.status_page import StatusPage

USER_AGENT = f"dcdn-exporter/{__version__}"


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where and how the daemon listens."""

    listen_address: str = ":10520"
    telemetry_path: str = "/metrics"


class Daemon:
    """One running exporter.

    ``environ`` is the environment to read proxies and the CA bundle from. Raises ValueError for web options that
    cannot be and credentials that it has no provider of, before anything is started.
    """

    def __init__(
        self, configuration: Configuration, *, web: WebOptions, environ: Mapping[str, str], log: Logger
    ) -> None:
        self._configuration = configuration
        self._log = log
        self._ready = False
        self._own = OwnMetrics(version=__version__, actions=[operation.action for operation in OPERATIONS])
        self._budgets = _budgets(configuration)
        self._routes = {site: _routes(configuration, site, environ) for site in SITES}
        self._client = self._build_client(environ)
        self._chain = DefaultChain(ask_vendor_chain(), clock=time.monotonic)
        self._identities = {account.name: self._identity(account) for account in configuration.accounts}
        probes = self._probes()
        self._exposition = Exposition(own=self._own.registry, now=time.time)
        self._exposition.configure(
            [(probe.key, probe.kind) for probe in probes], stale_after_s=configuration.poll.stale_after_s
        )
        self._store = Store([probe.key for probe in probes], on_change=self._exposition.update)
        self._schedule = self._build_schedule(probes)
        self._server = WebServer(
            create_app(
                exposition=self._exposition,
                telemetry_path=web.telemetry_path,
                ready=self.is_ready,
                status=partial(self._status_page, web.telemetry_path),
                log=log,
            ),
            listen_address=web.listen_address,
            log=log,
        )
        self._describe(probes)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """The bound address, such as ``127.0.0.1:10520``, once started."""
        return self._server.address

    def start(self) -> None:
        """Serve /metrics, then poll; never waits for the API. Raises OSError when the address cannot be had."""
        self._server.start()
        self._log.log(logging.INFO, "listening", address=self._server.address)
        self._schedule.start()
        unknown = [identity for identity in self._identities.values() if identity.caller().account_id is None]
        if unknown:
            self._schedule.ask_until_answered(
                "identities",
                {identity: partial(identity.ask, self._client) for identity in unknown},
                interval_s=self._configuration.poll.failing_interval_s,
            )

    def stop(self) -> None:
        """End calls under way and stop; returns within about 1.5 seconds."""
        self._schedule.stop()
        self._client.close()
        self._chain.close()
        self._server.stop()

    def is_ready(self) -> bool:
        """Whether every probe has finished one poll, failed or not; once true it stays so."""
        if not self._ready:
            self._ready = self._store.all_polled
        return self._ready

    def _build_client(self, environ: Mapping[str, str]) -> Client:
        return Client(
            self._routes["china"],
            budgets=self._budgets,
            observer=self._own,
            deadline_s=self._configuration.poll.timeout_s,
            pool_size=self._configuration.poll.max_workers + HANGING_WORKERS + ASKERS,
            user_agent=USER_AGENT,
            verify=ca_bundle(environ),
        )

    def _build_schedule(self, probes: Sequence[Probe]) -> Schedule:
        poll = self._configuration.poll
        poller = Poller(self._client, self._store, count_unknown_value=self._own.unknown_value, log=self._log)
        cadence = Cadence(
            interval_s=poll.interval_s,
            locked_interval_s=poll.locked_interval_s,
            failing_interval_s=poll.failing_interval_s,
        )
        balances = cadence.at_interval(poll.balance_interval_s)
        schedule = Schedule(poll=poller.poll, skipped=self._store.record_skip, log=self._log)
        schedule.configure(
            probes,
            cadence_of=lambda kind: balances if kind.probe == BALANCE else cadence,
            max_workers=poll.max_workers,
        )
        return schedule

    def _identity(self, account: Account) -> Identity:
        return Identity(
            account.name,
            credentials=self._provider(account),
            account_id=account.known_account_id,
            routes=self._routes[account.site],
            learned=partial(self._learned, account),
            log=self._log,
        )

    def _provider(self, account: Account) -> CredentialsProvider:
        match account.credentials:
            case DefaultCredentials():
                return self._chain
            case AccessKeyCredentials() as configured:
                return RereadCredentials(partial(_read, configured))
            case other:
                raise ValueError(f"there is no provider of credentials of type {other.type}")

    def _learned(self, account: Account, access_key_id: str, account_id: str) -> None:
        self._budgets.unite(access_key_id, account_id)
        self._exposition.set_account(account.name, _account_labels(account, account_id))

    def _probes(self) -> list[Probe]:
        return [
            Probe(key=kind.key(account.name), kind=kind, caller=self._identities[account.name].caller)
            for account in self._configuration.accounts
            for kind in kinds_for(account.products, debt_status=account.debt_status, balance=account.balance)
        ]

    def _describe(self, probes: Sequence[Probe]) -> None:
        poll = self._configuration.poll
        self._exposition.set_accounts(
            {
                account.name: _account_labels(account, account.known_account_id or "")
                for account in self._configuration.accounts
            }
        )
        self._own.describe_schedule(
            interval_s=poll.interval_s,
            stale_after_s=poll.stale_after_s,
            accounts=len(self._configuration.accounts),
            probes=len(probes),
        )
        kinds = {probe.kind for probe in probes}
        self._own.describe_probes((kind.product, kind.probe, kind.operation.action) for kind in kinds)
        self._own.describe_budgets(self._budgets.calls_per_second())
        self._own.config_loaded(time.time())

    def _status_page(self, telemetry_path: str) -> StatusPage:
        return StatusPage(
            version=__version__,
            telemetry_path=telemetry_path,
            accounts=status_rows(
                self._store.records(), now=time.time(), stale_after_s=self._configuration.poll.stale_after_s
            ),
            ready=self.is_ready(),
        )


def _account_labels(account: Account, account_id: str) -> Mapping[str, str]:
    return {"account_id": account_id, "account_name": "", "site": account.site, **account.labels}


def _budgets(configuration: Configuration) -> Budgets:
    permitted = {
        operation.action: configuration.rate_limit.allowance(
            operation.action, vendor_limit=operation.calls_per_second
        )
        for operation in OPERATIONS
    }
    return Budgets(permitted, clock=time.monotonic)


def _routes(configuration: Configuration, site: str, environ: Mapping[str, str]) -> Mapping[str, Route]:
    """Where the endpoints are for accounts of a site; those that the configuration names hold for both."""
    named = configuration.endpoints.model_dump(exclude_none=True)
    return {name: route(named.get(name, url), environ) for name, url in endpoints(site).items()}


def _read(configured: AccessKeyCredentials) -> Credentials:
    """The credentials as the configuration and its files hold them now."""
    token = _part(configured.security_token, configured.security_token_file)
    return Credentials(
        access_key_id=configured.access_key_id or _part(None, configured.access_key_id_file) or "",
        access_key_secret=Secret(_part(configured.access_key_secret, configured.access_key_secret_file) or ""),
        security_token=Secret(token) if token is not None else None,
    )


def _part(inline: Any, file: Any) -> str | None:
    if inline is not None:
        return str(inline.get_secret_value())
    return read_secret_file(file) if file is not None else None
