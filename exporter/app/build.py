"""Who is polled, and how: built from a configuration, and again from another one without losing what is known.

Used by the daemon and by the one-shot status.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial

from exporter.accounts.account_id import LearnedId
from exporter.accounts.credentials import CredentialProviders
from exporter.accounts.directory import Directory
from exporter.accounts.inventory import (
    CurrentCaller,
    Inventory,
    MemberRole,
    Probe,
    Watched,
    WatchedAccount,
    accounts_to_watch,
    inventory_of,
)
from exporter.accounts.sharding import Shard
from exporter.api.call import Caller, CallObserver
from exporter.api.client import Client
from exporter.api.credentials.base import CredentialsProvider
from exporter.api.credentials.role import Role
from exporter.api.credentials.roles import Roles
from exporter.api.dns import Resolver
from exporter.api.endpoints import SITES, Route, ca_bundle, routes_of
from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS
from exporter.api.rate_limit import Budgets
from exporter.api.request import USER_AGENT
from exporter.config import Configuration, RamRoleCredentials, ResourceDirectory, known_account_id
from exporter.core.logger import Logger
from exporter.core.pool import Pool, Work
from exporter.polling.policy import Intervals
from exporter.probes.kind import AnyKind, Interval
from exporter.probes.table import OPERATIONS, kinds_for

UNSHARDED = Shard()
_CONNECTIONS_KEPT = 1_100  # as many as the most calls that can be under way
_CALLED_BY_ALL_SHARDS = frozenset({ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS})


class Composition:
    """Budgets, client and inventory of one process.

    ``environ`` is the environment to read proxies and the CA bundle from. ``renewed`` is called, from any thread,
    with the names of accounts that have credentials again after polls failed without them.

    ``inventory`` is replaced as a whole, by one thread at a time; of an account or probe that did not change, the
    next one has the same object.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        environ: Mapping[str, str],
        shard: Shard = UNSHARDED,
        pool: Pool,
        observer: CallObserver,
        renewed: Callable[[Collection[str]], None] = lambda _accounts: None,
        log: Logger,
    ) -> None:
        self._environ = environ
        self._shard = shard
        self._pool = pool
        self._renewed = renewed
        self._log = log
        self.budgets = Budgets(_calls_per_second(configuration, shard), clock=time.monotonic)
        self.client = Client(
            {},  # every caller brings its own
            budgets=self.budgets,
            observer=observer,
            deadline_s=configuration.poll.timeout_s,
            pool_size=_CONNECTIONS_KEPT,
            user_agent=USER_AGENT,
            verify=ca_bundle(environ),
            resolver=Resolver(run=partial(pool.submit, Work.RESOLVE)),
            log=log,
        )
        self._roles = Roles(self.client, pool=pool, log=log)
        self.configuration = configuration
        self._routes = _routes(configuration, environ)
        self._providers = self._build_providers()
        self.inventory = Inventory()
        self._read_inventory = lambda: self.inventory  # one function for all accounts
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Use the budgets, deadline, accounts and probes of this configuration.

        The accounts are those that it names and the members that its directories have listed. For one thread at a
        time.
        """
        elsewhere = configuration.endpoints != self.configuration.endpoints
        former = self._providers
        self.configuration = configuration
        if elsewhere:
            self._routes = _routes(configuration, self._environ)
            self._providers = self._build_providers()
        self.budgets.permit(_calls_per_second(configuration, self._shard))
        self.budgets.longest_hold_s = configuration.poll.failing_interval_s
        self.client.use_deadline(configuration.poll.timeout_s)
        self.inventory = self._inventory(self._directories(keep=not elsewhere))
        self.budgets.keep(frozenset(self.inventory.known_ids().values()))
        if elsewhere:
            former.close()
        self._providers.keep(
            {watched.account.credentials for watched in self.inventory.watched.values()}
            | {directory.configured.credentials for directory in self.inventory.listed}
        )

    def learn(self, learned: Iterable[LearnedId]) -> list[LearnedId]:
        """Take account ids into the inventory, and return them without those of accounts that are others by now."""
        watched = self.inventory.watched
        taken = [each for each in learned if each.account in watched and watched[each.account].caller is each.caller]
        for each in taken:
            self.budgets.unite(each.access_key_id, each.account_id)
        self.inventory = self.inventory.with_ids({each.account: each.account_id for each in taken})
        return taken

    def expiries(self) -> Iterable[tuple[str, float]]:
        """The accounts whose credentials expire, with the Unix time of it; never waits."""
        return self.inventory.expiries()

    def renew_tokens(self) -> None:
        """Call STS for tokens that end soon; returns at once."""
        self._roles.renew_due()

    def close(self) -> None:
        """End calls and waits under way."""
        self.client.close()
        self._roles.close()
        self._providers.close()

    def _inventory(self, directories: Iterable[Directory]) -> Inventory:
        """Who is to be watched now; what did not change is taken over."""
        listed = {directory: directory.members for directory in directories}
        accounts = accounts_to_watch(
            self.configuration.accounts,
            self.inventory.known_ids(),
            [(directory.configured, members) for directory, members in listed.items()],
        )
        polled = {each.name for each in accounts if self._shard.owns(each.account_id or each.name)}
        # The id of an account, once learned, may be that of a member, which no two shards may poll.
        watched = [
            self._watched(each, polled=each.name in polled)
            for each in accounts
            if each.name in polled or (each.account_id is None and listed)
        ]
        return inventory_of(watched, listed=listed, total=len(accounts))

    def _watched(self, account: WatchedAccount, *, polled: bool) -> Watched:
        """The account with its caller and probes: what there was of it, as far as it has not changed."""
        former = self.inventory.watched.get(account.name)
        provider = self._providers.of(account.credentials)
        caller = Caller(provider, account_id=account.account_id, routes=self._routes[account.site])
        if former is not None:
            account = former.account if former.account == account else account
            caller = former.caller if former.calls_as(account, caller) else caller
        probes = tuple(self._probes(account, caller)) if polled else ()
        if former is not None:  # else equal objects of before and now would both stay in memory
            probes = former.probes if former.probes == probes else probes
        now = Watched(account, caller, probes)
        return former if former == now else now

    def _probes(self, account: WatchedAccount, caller: Caller) -> Iterator[Probe]:
        current = CurrentCaller(
            account.name, account.account_id, caller.credentials, caller.routes, self._read_inventory
        )
        for kind in kinds_for(account.products, account.switches):
            yield Probe(key=kind.key(account.name), kind=kind, caller=current)

    def _directories(self, *, keep: bool) -> Iterator[Directory]:
        """One for each that is configured; an unchanged one is kept, a changed one starts with the last list."""
        configured = self.configuration.discovery.resource_directories
        before = {directory.configured.name: directory for directory in self.inventory.listed}
        gone = [directory for name, directory in before.items() if name not in {other.name for other in configured}]
        for each in configured:
            there = before.get(each.name)
            if keep and there is not None and there.configured == each:
                yield there
            else:
                yield Directory(
                    each,
                    caller=partial(self._lister, each),
                    now=time.time,
                    log=self._log,
                    predecessor=there or _renamed(each, gone),
                )

    def _lister(self, directory: ResourceDirectory) -> Caller:
        return Caller(
            self._providers.of(directory.credentials),
            account_id=known_account_id(directory.credentials),
            routes=self._routes[directory.site],
        )

    def _build_providers(self) -> CredentialProviders:
        return CredentialProviders(
            assume=self._assume, pool=self._pool, sts_endpoint=self.configuration.endpoints.sts
        )

    def _assume(
        self, credentials: RamRoleCredentials | MemberRole, role: Role, source: CredentialsProvider
    ) -> CredentialsProvider:
        # STS has the same address for both sites.
        caller = Caller(source, account_id=known_account_id(credentials.source), routes=self._routes["china"])
        return self._roles.provider(
            role, caller, renewed=lambda: self._renewed(self.inventory.sharing.get(credentials, ()))
        )


def keeping(former: Configuration, configuration: Configuration) -> Configuration:
    """The same as ``configuration``, with the former's objects for accounts that did not change."""
    known = {account.name: account for account in former.accounts}
    accounts = tuple(
        known[account.name] if known.get(account.name) == account else account for account in configuration.accounts
    )
    return configuration.model_copy(update={"accounts": accounts})


def intervals_of(configuration: Configuration) -> Callable[[AnyKind], Intervals]:
    """The intervals of each kind of probe."""
    poll = configuration.poll
    usual = Intervals(
        interval_s=poll.interval_s,
        locked_interval_s=poll.locked_interval_s,
        failing_interval_s=poll.failing_interval_s,
    )
    intervals = {
        Interval.POLL: usual,
        Interval.BALANCE: usual.at_interval(poll.balance_interval_s),
        Interval.INVENTORY: usual.at_interval(poll.inventory_interval_s),
    }
    return lambda kind: intervals[kind.interval]


def stale_after_of(configuration: Configuration) -> Callable[[AnyKind], float]:
    """The age in seconds past which an answer of each kind of probe is no longer shown."""
    poll = configuration.poll
    return lambda kind: poll.inventory_stale_after_s if kind.interval is Interval.INVENTORY else poll.stale_after_s


def _renamed(configured: ResourceDirectory, gone: Iterable[Directory]) -> Directory | None:
    """The directory that was renamed: same identity and site, and its old name is no longer configured."""
    who = configured.credentials, configured.site
    return next((other for other in gone if (other.configured.credentials, other.configured.site) == who), None)


def _calls_per_second(configuration: Configuration, shard: Shard) -> Mapping[str, float]:
    """Calls per second of each operation; those that all shards call for the same accounts are divided."""
    return {
        operation.action: configuration.rate_limit.allowance(
            operation.action,
            vendor_limit=operation.calls_per_second,
            shards=shard.total if operation in _CALLED_BY_ALL_SHARDS else 1,
        )
        for operation in OPERATIONS
    }


def _routes(configuration: Configuration, environ: Mapping[str, str]) -> Mapping[str, Mapping[str, Route]]:
    named = configuration.endpoints.model_dump(exclude_none=True)
    return {site: routes_of(site, named, environ) for site in SITES}
