"""Which accounts are watched: those in the file, and the members of resource directories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from exporter.accounts.members import Member
from exporter.api.credentials.role import role_arn
from exporter.api.fields import cut
from exporter.config import Account, Credentials, ResourceDirectory


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
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        if not self.name or not self.products:
            raise ValueError(f"an account has a name and a product, seen {self.name!r} and {sorted(self.products)}")


def inventory_of(
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
        products=frozenset(account.products),
        switches=_on(account.switches),
        credentials=account.credentials,
        labels=account.labels,
    )


def _from_directory(directory: ResourceDirectory, member: Member) -> WatchedAccount:
    return WatchedAccount(
        name=member.account_id,
        account_id=member.account_id,
        site=directory.site,
        products=frozenset(directory.products),
        switches=_on(directory.switches),
        credentials=MemberRole(
            role_arn=role_arn(member.account_id, directory.role_name),
            source=directory.credentials,
            external_id=directory.external_id,
        ),
        account_name=cut(member.name),
    )


def _on(switches: Mapping[str, bool]) -> frozenset[str]:
    return frozenset(switch for switch, is_on in switches.items() if is_on)
