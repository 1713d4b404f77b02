"""The operations that are called for the accounts of a configuration."""

from collections.abc import Sequence

from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS
from exporter.config.accounts import Account, ResourceDirectory
from exporter.config.credentials import RamRoleCredentials
from exporter.config.vocabulary import Vocabulary


def called_operations(
    accounts: Sequence[Account], directories: Sequence[ResourceDirectory], vocabulary: Vocabulary
) -> frozenset[str]:
    """Those with a limit, of probes and of what has to be known before; the sections know what they poll."""
    polled: tuple[Account | ResourceDirectory, ...] = (*accounts, *directories)
    called = set[str]().union(*(vocabulary.polled_operations(each.products, each.switches) for each in polled))
    if directories:
        called |= {LIST_ACCOUNTS.action, ASSUME_ROLE.action}
    if any(isinstance(each.credentials, RamRoleCredentials) for each in polled):
        called.add(ASSUME_ROLE.action)
    if any(account.known_account_id is None for account in accounts):
        called.add(GET_CALLER_IDENTITY.action)
    return frozenset(called & vocabulary.vendor_limits.keys())
