"""Who is polled, and how: built from a configuration, and from another one without losing what is known.

The parts that calls need. The daemon, which polls on a schedule, is not their only user.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial

from exporter import __version__
from exporter.aliyun.budget import Budgets
from exporter.aliyun.client import CallObserver, Client
from exporter.aliyun.credentials import CredentialsProvider
from exporter.aliyun.route import Route, ca_bundle, route
from exporter.catalogue import OPERATIONS, SITES, endpoints, kinds_for
from exporter.config import Account, Configuration, RamRoleCredentials
from exporter.identity import Identity
from exporter.logger import Logger
from exporter.poller import Probe
from exporter.providers import Providers

USER_AGENT = f"dcdn-exporter/{__version__}"
_CONNECTIONS_KEPT = 1_100  # as many as the most calls that can be under way

_Key = tuple[object, ...]


class Unobserved:
    """An observer of calls for whoever keeps no count of them."""

    def waited(self, action: str, seconds: float) -> None:
        """Forget it."""

    def called(self, action: str, duration_s: float) -> None:
        """Forget it."""

    def clock_skew(self, seconds: float) -> None:
        """Forget it."""


class Composition:
    """Budgets, client and identities of one process; ``probes`` are those of the configuration in use.

    ``environ`` is the environment to read proxies and the CA bundle from. ``learned`` is told, from any thread, of an
    account's name and of the account id that is behind it. Raises ValueError for credentials without a provider.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        environ: Mapping[str, str],
        observer: CallObserver,
        learned: Callable[[str, str], None] = lambda _account, _account_id: None,
        log: Logger,
    ) -> None:
        self._environ = environ
        self._learned = learned
        self._log = log
        self._providers = Providers(assume=_assume, sts_endpoint=configuration.endpoints.sts)
        self.budgets = Budgets(_permitted(configuration), clock=time.monotonic)
        self.client = Client(
            {},  # every caller brings its own
            budgets=self.budgets,
            observer=observer,
            deadline_s=configuration.poll.timeout_s,
            pool_size=_CONNECTIONS_KEPT,
            user_agent=USER_AGENT,
            verify=ca_bundle(environ),
        )
        self._by_key: Mapping[_Key, Identity] = {}
        self.accounts: tuple[Account, ...] = ()
        self.identities: Mapping[str, Identity] = {}
        self.configure(configuration)

    @property
    def probes(self) -> list[Probe]:
        """What is polled, by whom; equal to what it was before another configuration where nothing changed."""
        return [
            Probe(key=kind.key(account.name), kind=kind, caller=self.identities[account.name].caller)
            for account in self.accounts
            for kind in kinds_for(account.products, debt_status=account.debt_status, balance=account.balance)
        ]

    def configure(self, configuration: Configuration) -> None:
        """From now on the probes, budgets and deadline are those of this configuration.

        An account whose credentials, id and addresses are as before keeps its identity. Nothing has changed when
        this raises.
        """
        routes = {site: _routes(configuration, site, self._environ) for site in SITES}
        by_key = {
            key: self._by_key.get(key) or self._identity(account, key, routes[account.site])
            for account in configuration.accounts
            for key in [_key(account, configuration)]
        }
        self.budgets.permit(_permitted(configuration))
        self.client.use_deadline(configuration.poll.timeout_s)
        self._by_key = by_key
        self.accounts = configuration.accounts
        self.identities = {identity.account: identity for identity in by_key.values()}

    def close(self) -> None:
        """End calls and waits under way."""
        self.client.close()
        self._providers.close()

    def account_id(self, account: str) -> str | None:
        """The id of an account of the configuration, as far as it is known now."""
        return self.identities[account].caller().account_id

    def _identity(self, account: Account, key: _Key, routes: Mapping[str, Route]) -> Identity:
        return Identity(
            account.name,
            credentials=self._providers.of(account.credentials),
            account_id=account.known_account_id,
            routes=routes,
            unite=self.budgets.unite,
            learned=partial(self._tell, key, account.name),
            log=self._log,
        )

    def _tell(self, key: _Key, account: str, account_id: str) -> None:
        if key in self._by_key:  # else the name stands for another account by now, or for none
            self._learned(account, account_id)


def _key(account: Account, configuration: Configuration) -> _Key:
    """What tells one identity from another; names, labels and products of an account are not part of it."""
    return account.name, account.credentials, account.known_account_id, account.site, configuration.endpoints


def _permitted(configuration: Configuration) -> Mapping[str, float]:
    return {
        operation.action: configuration.rate_limit.allowance(
            operation.action, vendor_limit=operation.calls_per_second
        )
        for operation in OPERATIONS
    }


def _routes(configuration: Configuration, site: str, environ: Mapping[str, str]) -> Mapping[str, Route]:
    """Where the endpoints are for accounts of a site; those that the configuration names hold for both."""
    named = configuration.endpoints.model_dump(exclude_none=True)
    return {name: route(named.get(name, url), environ) for name, url in endpoints(site).items()}


def _assume(role: RamRoleCredentials, source: CredentialsProvider) -> CredentialsProvider:  # noqa: ARG001
    raise ValueError(f"there is no provider of credentials of type {role.type}")
