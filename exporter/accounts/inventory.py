"""Who is watched: the accounts in the file and the members of resource directories, with callers and probes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from exporter.accounts.directory import Directory
from exporter.accounts.members import Member
from exporter.api.call import Caller
from exporter.api.credentials.base import CredentialsProvider, RereadCredentials, StaticCredentials
from exporter.api.credentials.role import role_arn
from exporter.api.endpoints import Route
from exporter.api.errors import CallAborted
from exporter.api.fields import cut
from exporter.config import Account, Credentials, ResourceDirectory
from exporter.core.model import ProbeKey
from exporter.probes.kind import AnyKind

# Access keys do not expire, and files do not say when their credentials do.
_NEVER_EXPIRING = StaticCredentials | RereadCredentials
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MemberRole:
    """A role in a member account, which the identity of its directory assumes; that may be a role itself."""

    role_arn: str
    source: Credentials
    external_id: str | None = field(default=None, repr=False)


AnyCredentials = Credentials | MemberRole
"""The credentials of an account: those in the file, or the role of a member."""


@dataclass(frozen=True, slots=True)
class WatchedAccount:
    """One account to watch; equal to another one when nothing about it has changed.

    ``account_id`` is that of the file or the directory, and None where it has to be learned; an id that is learned
    later is not filled in here. ``switches`` are the configured switches that are on. ``account_name`` is the
    directory's name for a member, cut to the length of a label value, and else empty.
    """

    name: str
    account_id: str | None
    site: str
    products: frozenset[str]
    switches: frozenset[str]
    credentials: AnyCredentials
    account_name: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING, hash=False)

    def __post_init__(self) -> None:
        if not self.name or not self.products:
            raise ValueError(f"an account has a name and a product, seen {self.name!r} and {sorted(self.products)}")


@dataclass(frozen=True, slots=True)
class Probe:
    """What is polled, and for whom.

    ``caller`` returns the caller of now, whose account id may be learned later, and raises CallAborted where the
    account has left, or has other credentials by now.
    """

    key: ProbeKey
    kind: AnyKind
    caller: Callable[[], Caller]


@dataclass(frozen=True, slots=True)
class Watched:
    """An account and its caller, whose id is the one that is given, or that was learned.

    ``probes`` are those that this process polls: none where another shard does.
    """

    account: WatchedAccount
    caller: Caller
    probes: tuple[Probe, ...] = ()

    @property
    def labels(self) -> Mapping[str, str]:
        """Those of ``dcdn_account_info`` beside the account: ours first, which the user's never replace."""
        account = self.account
        own = {
            "account_id": self.caller.account_id or "",
            "account_name": account.account_name,
            "site": account.site,
        }
        return {**own, **account.labels, **own}

    def calls_as(self, account: WatchedAccount, caller: Caller) -> bool:
        """Whether the API sees the same caller, but for an id that was learned."""
        own = self.caller
        return (own.credentials, own.routes, self.account.account_id) == (
            caller.credentials,
            caller.routes,
            account.account_id,
        )


@dataclass(frozen=True, slots=True)
class Inventory:
    """Who is watched, as one value that is replaced as a whole: any thread may read it without a lock.

    ``watched`` are, by name, the accounts that this process polls, and those whose id it has to learn; ``total``
    counts those of all shards. ``listed`` are the members that are taken over from each directory. ``sharing`` are
    the names of the accounts that have the same credentials, ``expiring`` those whose credentials may expire.
    """

    watched: Mapping[str, Watched] = field(default_factory=dict)
    total: int = 0
    listed: Mapping[Directory, Sequence[Member]] = field(default_factory=dict)
    sharing: Mapping[AnyCredentials, Sequence[str]] = field(default_factory=dict)
    expiring: Sequence[tuple[str, CredentialsProvider]] = ()
    member_ids: frozenset[str] = frozenset()

    @property
    def polled(self) -> Sequence[Watched]:
        """The accounts that this process polls."""
        return [watched for watched in self.watched.values() if watched.probes]

    @property
    def probes(self) -> Sequence[Probe]:
        """The probes that this process polls."""
        return [probe for watched in self.watched.values() for probe in watched.probes]

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The directories whose members could not be listed when that was last tried."""
        return tuple(directory.configured.name for directory in self.listed if directory.failing)

    def known_ids(self) -> Mapping[str, str]:
        """The account ids that are given or were learned, by name."""
        return {name: each.caller.account_id for name, each in self.watched.items() if each.caller.account_id}

    def identities(self) -> Mapping[str, tuple[str, str]]:
        """The id and the directory's name of each account, by its own name; empty where there is none."""
        return {
            name: (each.caller.account_id or "", each.account.account_name) for name, each in self.watched.items()
        }

    def without_id(self) -> Sequence[tuple[str, Caller]]:
        """The names and callers of accounts whose id is not known."""
        return [(name, each.caller) for name, each in self.watched.items() if each.caller.account_id is None]

    def with_ids(self, account_ids: Mapping[str, str]) -> "Inventory":
        """The same with these ids, by name."""
        learned = {
            name: replace(self.watched[name], caller=replace(self.watched[name].caller, account_id=account_id))
            for name, account_id in account_ids.items()
        }
        return replace(self, watched={**self.watched, **learned})

    def expiries(self) -> Iterable[tuple[str, float]]:
        """The accounts whose credentials expire, with the Unix time of it; never waits."""
        for name, provider in self.expiring:
            expiry = provider.expiry()
            if expiry is not None:
                yield name, expiry


def inventory_of(
    watched: Iterable[Watched], *, listed: Mapping[Directory, Sequence[Member]], total: int
) -> Inventory:
    """The inventory of these accounts."""
    by_name = {each.account.name: each for each in watched}
    sharing: dict[AnyCredentials, list[str]] = defaultdict(list)
    for name, each in by_name.items():
        sharing[each.account.credentials].append(name)
    return Inventory(
        watched=by_name,
        total=total,
        listed=listed,
        sharing=sharing,
        expiring=[
            (name, each.caller.credentials)
            for name, each in by_name.items()
            if each.probes and not isinstance(each.caller.credentials, _NEVER_EXPIRING)
        ],
        member_ids=frozenset(member.account_id for members in listed.values() for member in members),
    )


@dataclass(frozen=True, slots=True)
class CurrentCaller:
    """Returns the caller of an account as it is now; equal to that of an account that calls as it does.

    ``given_id`` is the account id of the file or the directory.
    """

    name: str
    given_id: str | None
    credentials: CredentialsProvider
    routes: Mapping[str, Route] | None
    inventory: Callable[[], Inventory] = field(compare=False)

    def __call__(self) -> Caller:
        """Return it, with the id that is known by now; raises CallAborted where it is another one."""
        watched = self.inventory().watched.get(self.name)
        if watched is None or watched.caller.credentials is not self.credentials:
            raise CallAborted
        return watched.caller


def accounts_to_watch(
    accounts: Iterable[Account],
    known_ids: Mapping[str, str],
    members: Iterable[tuple[ResourceDirectory, Iterable[Member]]],
) -> tuple[WatchedAccount, ...]:
    """Return every account to watch once: those of the file in its order, then members in order of their ids.

    An account in the file takes precedence over the same one in a directory, and the first directory over the second.
    ``known_ids`` are the account ids learned so far, by the name of the account in the file; an id in the file takes
    precedence.
    """
    named = tuple(accounts)
    # Names count as ids too: the configuration lets very short numbers through that are no id of the account.
    taken = {account.known_account_id or known_ids.get(account.name) for account in named}
    taken |= {account.name for account in named}
    found: dict[str, tuple[ResourceDirectory, Member]] = {}
    for directory, listed in members:
        for member in listed:
            if member.account_id not in taken:
                found.setdefault(member.account_id, (directory, member))
    ordered = sorted(found.values(), key=lambda pair: pair[1].place)
    return (*map(_from_file, named), *(_from_directory(directory, member) for directory, member in ordered))


def _from_file(account: Account) -> WatchedAccount:
    return WatchedAccount(
        name=account.name,
        account_id=account.known_account_id,
        site=account.site,
        products=_shared(tuple(account.products)),
        switches=_on(account.switches),
        credentials=account.credentials,
        labels=account.labels,
    )


def _from_directory(directory: ResourceDirectory, member: Member) -> WatchedAccount:
    return WatchedAccount(
        name=member.account_id,
        account_id=member.account_id,
        site=directory.site,
        products=_shared(tuple(directory.products)),
        switches=_on(directory.switches),
        credentials=MemberRole(
            role_arn=role_arn(member.account_id, directory.role_name),
            source=directory.credentials,
            external_id=directory.external_id,
        ),
        account_name=cut(member.name),
    )


def _on(switches: Mapping[str, bool]) -> frozenset[str]:
    return _shared(tuple(switch for switch, is_on in switches.items() if is_on))


@lru_cache(maxsize=64)
def _shared(names: tuple[str, ...]) -> frozenset[str]:
    """One set for all accounts that are alike: 10,000 of two each would take 4 MB."""
    return frozenset(names)
