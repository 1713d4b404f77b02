"""Who is polled, and how: built from a configuration, and again from another one without losing what is known.

Used by the daemon and by the one-shot status.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from exporter.accounts.account_id import Identity
from exporter.accounts.credentials import CredentialProviders
from exporter.accounts.directory import Directory
from exporter.accounts.inventory import AnyCredentials, MemberRole, WatchedAccount, inventory_of
from exporter.accounts.sharding import Shard
from exporter.api.call import Caller, CallObserver
from exporter.api.client import Client
from exporter.api.credentials.base import CredentialsProvider, RereadCredentials, StaticCredentials
from exporter.api.credentials.role import Role
from exporter.api.credentials.roles import Roles
from exporter.api.endpoints import SITES, Route, ca_bundle, routes_of
from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS
from exporter.api.rate_limit import Budgets
from exporter.api.request import USER_AGENT
from exporter.config import Configuration, RamRoleCredentials, ResourceDirectory, known_account_id
from exporter.core.logger import Logger
from exporter.core.pool import Pool
from exporter.polling.poller import Probe
from exporter.probes.table import OPERATIONS, kinds_for

UNSHARDED = Shard()
_CONNECTIONS_KEPT = 1_100  # as many as the most calls that can be under way
_CALLED_BY_ALL_SHARDS = frozenset({ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS})

_Key = tuple[object, ...]
_Part = TypeVar("_Part")


class Composition:
    """Budgets, client and identities of one process, and the accounts and probes of the configuration in use.

    ``environ`` is the environment to read proxies and the CA bundle from. From any thread, ``learned`` is called with
    an account's name and its account id, and ``renewed`` with the accounts that have credentials again after polls
    failed without them.

    ``accounts`` and ``probes`` are those of ``shard``; ``accounts_of_all_shards`` counts all. After another
    configuration, an account or probe that did not change is still the same object.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        environ: Mapping[str, str],
        shard: Shard = UNSHARDED,
        pool: Pool,
        observer: CallObserver,
        learned: Callable[[str, str], None] = lambda _account, _account_id: None,
        renewed: Callable[[Collection[str]], None] = lambda _accounts: None,
        log: Logger,
    ) -> None:
        self._environ = environ
        self._shard = shard
        self._pool = pool
        self._learned = learned
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
        )
        self._roles = Roles(self.client, pool=pool, log=log)
        self._configuration = configuration
        self._routes = _routes(configuration, environ)
        self._providers = self._build_providers()
        self._by_key: Mapping[_Key, Identity] = {}
        self._sharing: Mapping[AnyCredentials, Collection[str]] = {}
        self._expiring: Sequence[tuple[str, CredentialsProvider]] = ()
        self._member_ids: frozenset[str] = frozenset()
        self.directories: tuple[Directory, ...] = ()
        self.accounts: tuple[WatchedAccount, ...] = ()
        self.probes: tuple[Probe, ...] = ()
        self.accounts_of_all_shards = 0
        self.identities: Mapping[str, Identity] = {}
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Use the budgets, deadline, accounts and probes of this configuration.

        The accounts are those that it names and the members that its directories have listed. An account whose
        credentials, id and addresses are as before keeps its identity. For one thread at a time.
        """
        elsewhere = configuration.endpoints != self._configuration.endpoints
        former = self._providers
        self._configuration = configuration
        if elsewhere:
            self._routes = _routes(configuration, self._environ)
            self._providers = self._build_providers()
        self.budgets.permit(_calls_per_second(configuration, self._shard))
        self.client.use_deadline(configuration.poll.timeout_s)
        self.directories = self._directories(configuration, keep=not elsewhere)
        inventory = _kept(self._inventory(), self.accounts, by=lambda account: account.name)
        self.accounts_of_all_shards = len(inventory)
        self.accounts = tuple(each for each in inventory if self._shard.owns(each.account_id or each.name))
        own = {account.name for account in self.accounts}
        needed = [account for account in inventory if account.name in own or self._may_be_member(account)]
        self._identify(needed, own=own)
        self.probes = _kept(self._probes_now(), self.probes, by=lambda probe: probe.key)
        if elsewhere:
            former.close()
        self._providers.keep(
            {account.credentials for account in needed}
            | {directory.configured.credentials for directory in self.directories}
        )

    def is_member(self, account_id: str) -> bool:
        """Whether a directory has this account, whether it is polled as a member or under a name in the file."""
        return account_id in self._member_ids

    def account_id(self, account: str) -> str | None:
        """The id of a watched account; None while it is not known."""
        return self.identities[account].caller().account_id

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The directories whose members could not be listed when that was last tried."""
        return tuple(directory.configured.name for directory in self.directories if directory.failing)

    def expiries(self) -> Iterable[tuple[str, float]]:
        """The accounts whose credentials expire, with the Unix time of it; never waits."""
        for account, provider in self._expiring:
            expiry = provider.expiry()
            if expiry is not None:
                yield account, expiry

    def renew_tokens(self) -> None:
        """Call STS for tokens that end soon; returns at once."""
        self._roles.renew_due()

    def close(self) -> None:
        """End calls and waits under way."""
        self.client.close()
        self._roles.close()
        self._providers.close()

    def _inventory(self) -> tuple[WatchedAccount, ...]:
        known_ids = {
            name: account_id for name in self.identities if (account_id := self.account_id(name)) is not None
        }
        members = [(directory.configured, directory.members) for directory in self.directories]
        self._member_ids = frozenset(member.account_id for _, listed in members for member in listed)
        return inventory_of(self._configuration.accounts, known_ids, members)

    def _probes_now(self) -> Iterator[Probe]:
        for account in self.accounts:
            for kind in kinds_for(account.products, account.switches):
                yield Probe(key=kind.key(account.name), kind=kind, caller=self.identities[account.name].caller)

    def _may_be_member(self, account: WatchedAccount) -> bool:
        """Whether the id, once learned, may be a member's, which no two shards may poll."""
        return account.account_id is None and bool(self.directories)

    def _identify(self, accounts: Iterable[WatchedAccount], *, own: Collection[str]) -> None:
        by_key: dict[_Key, Identity] = {}
        sharing: dict[AnyCredentials, list[str]] = defaultdict(list)
        expiring = []
        for account in accounts:
            key = _key(account, self._configuration)
            provider = self._providers.of(account.credentials)
            by_key[key] = self._by_key.get(key) or self._identity(account, key, provider)
            sharing[account.credentials].append(account.name)
            # Access keys do not expire, and files do not say when their credentials do.
            if account.name in own and not isinstance(provider, StaticCredentials | RereadCredentials):
                expiring.append((account.name, provider))
        self._by_key, self._sharing, self._expiring = by_key, sharing, expiring
        self.identities = {identity.account: identity for identity in by_key.values()}

    def _identity(self, account: WatchedAccount, key: _Key, provider: CredentialsProvider) -> Identity:
        return Identity(
            account.name,
            credentials=provider,
            account_id=account.account_id,
            routes=self._routes[account.site],
            unite=self.budgets.unite,
            learned=partial(self._on_learned, key, account.name),
            log=self._log,
        )

    def _on_learned(self, key: _Key, account: str, account_id: str) -> None:
        if key in self._by_key:  # else the name now stands for another account, or for none
            self._learned(account, account_id)

    def _directories(self, configuration: Configuration, *, keep: bool) -> tuple[Directory, ...]:
        """One for each that is configured; an unchanged one is kept, a changed one starts with the last list."""
        configured = configuration.discovery.resource_directories
        before = {directory.configured.name: directory for directory in self.directories}
        gone = [directory for name, directory in before.items() if name not in {other.name for other in configured}]
        return tuple(
            there
            if keep and (there := before.get(each.name)) is not None and there.configured == each
            else Directory(
                each,
                caller=partial(self._lister, each),
                now=time.time,
                log=self._log,
                predecessor=before.get(each.name) or _renamed(each, gone),
            )
            for each in configured
        )

    def _lister(self, directory: ResourceDirectory) -> Caller:
        return Caller(
            self._providers.of(directory.credentials),
            account_id=known_account_id(directory.credentials),
            routes=self._routes[directory.site],
        )

    def _build_providers(self) -> CredentialProviders:
        return CredentialProviders(
            assume=self._assume, pool=self._pool, sts_endpoint=self._configuration.endpoints.sts
        )

    def _assume(
        self, credentials: RamRoleCredentials | MemberRole, role: Role, source: CredentialsProvider
    ) -> CredentialsProvider:
        # STS has the same address for both sites.
        caller = Caller(source, account_id=known_account_id(credentials.source), routes=self._routes["china"])
        return self._roles.provider(role, caller, renewed=lambda: self._renewed(self._sharing.get(credentials, ())))


def keeping(former: Configuration, configuration: Configuration) -> Configuration:
    """The same as ``configuration``, with the former's objects for accounts that did not change."""
    accounts = _kept(configuration.accounts, former.accounts, by=lambda account: account.name)
    return configuration.model_copy(update={"accounts": accounts})


def _kept(now: Iterable[_Part], before: Iterable[_Part], *, by: Callable[[_Part], object]) -> tuple[_Part, ...]:
    """The parts of now, each replaced by the equal one of before if there is one.

    Without this, equal objects of before and now would both stay in memory after a reload.
    """
    known = {by(part): part for part in before}
    return tuple(known[by(part)] if known.get(by(part)) == part else part for part in now)


def _renamed(configured: ResourceDirectory, gone: Iterable[Directory]) -> Directory | None:
    """The directory that was renamed: same identity and site, and its old name is no longer configured."""
    who = configured.credentials, configured.site
    return next((other for other in gone if (other.configured.credentials, other.configured.site) == who), None)


def _key(account: WatchedAccount, configuration: Configuration) -> _Key:
    """What makes an identity the same one; labels and products of an account are not part of it."""
    return account.name, account.credentials, account.account_id, account.site, configuration.endpoints


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
