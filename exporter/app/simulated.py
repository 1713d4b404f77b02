"""The configuration file with which the exporter watches every account of a scenario of the simulator."""

from collections.abc import Mapping, Sequence
from typing import Any

from exporter.app import VOCABULARY
from exporter.config import Configuration, parse, to_yaml
from exporter.simulator import Account, Scenario, role_arn

POLL: Mapping[str, str] = {
    "interval": "5s",
    "timeout": "3s",
    "stale_after": "1m",
    "locked_interval": "2s",
    "failing_interval": "10s",
    "balance_interval": "5s",
    "inventory_interval": "5s",
}
"""Often enough to watch."""
PATIENT_POLL: Mapping[str, str] = {**POLL, "stale_after": "2m", "failing_interval": "1m"}
"""The same, but for a minute that the API may ask to wait."""
_REFRESH = {"refresh_interval": "30s"}
_ENDPOINTS = ("dcdn", "cdn", "sts", "resource_directory", "bss", "esa")


def simulated_configuration(scenario: Scenario, url: str) -> Configuration:
    """The file as the exporter reads it; raises ConfigurationError."""
    return parse(simulated_file(scenario, url), source="the scenario", vocabulary=VOCABULARY)


def simulated_file(scenario: Scenario, url: str, poll: Mapping[str, str] = POLL) -> str:
    """The text of the file, for a simulator at ``url``.

    Members of a directory are discovered, accounts with a role for some user are polled by it, all others by the keys
    that they have.
    """
    users = [account for account in scenario.accounts if account.ram_user or account.security_token]
    directories, discovered = [], set[str]()
    for user in users:
        role, members = _members(user, scenario.accounts)
        if role is not None:
            directories.append(
                {"name": user.name, **_polled(members, scenario), "credentials": _key(user), **role, **_REFRESH}
            )
            discovered |= {member.account_id for member in members}
    accounts = [
        {**_named(account), **_polled([account], scenario), "credentials": _credentials(account, users)}
        for account in scenario.accounts
        if account.account_id not in discovered
    ]
    discovery = {"discovery": {"resource_directories": directories}} if directories else {}
    sections = {"accounts": accounts, **discovery, "endpoints": dict.fromkeys(_ENDPOINTS, url)}
    return to_yaml({"poll": _used(poll, [*accounts, *directories]), **sections})


def _used(poll: Mapping[str, str], polled: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Without the intervals that no product and no switch of these sections uses."""
    named = {name for section in polled for name in (*section["products"], *section)}
    idle = {key for name, key in VOCABULARY.intervals.items() if name not in named}
    used = {key for name, key in VOCABULARY.intervals.items() if name in named}
    return {key: value for key, value in poll.items() if key not in idle - used}


def _named(account: Account) -> dict[str, str]:
    """Its name, and its id beside a name that has to be one."""
    id_as_name = account.name == account.account_id
    return {"name": account.name, **({"account_id": account.account_id} if id_as_name else {})}


def _members(user: Account, accounts: Sequence[Account]) -> tuple[dict[str, str] | None, list[Account]]:
    """The role that most members, now or later, have for the user, and those members; None without one."""
    ids = {member.account_id for step in user.timeline for member in step.members or ()}
    candidates = [account for account in accounts if account.account_id in ids]
    roles = [role for account in candidates for role in _roles_for(user, account)]
    common = max(roles, key=roles.count, default=None)
    return common, [account for account in candidates if common in _roles_for(user, account)]


def _credentials(account: Account, users: Sequence[Account]) -> dict[str, Any]:
    for user in users:
        for role in _roles_for(user, account):
            arn = role_arn(account.account_id, role.pop("role_name"))
            return {"type": "ram_role", "role_arn": arn, **role, "source": _key(user)}
    return _key(account)


def _roles_for(user: Account, account: Account) -> list[dict[str, str]]:
    """The keys of the file that name each of the account's roles which the user may assume."""
    return [
        {"role_name": role.name, **({} if role.external_id is None else {"external_id": role.external_id})}
        for role in account.roles
        if user.account_id in role.trusted
    ]


def _key(account: Account) -> dict[str, str]:
    token = {} if account.security_token is None else {"security_token": account.security_token}
    return {
        "type": "access_key",
        "access_key_id": account.access_key_id,
        "access_key_secret": account.access_key_secret,
        **token,
    }


def _polled(accounts: Sequence[Account], scenario: Scenario) -> dict[str, Any]:
    """What is polled of accounts: all that any of them names."""
    named = {product for account in accounts for product in account.products}
    return {
        "site": accounts[0].site or scenario.site,
        "products": [product for product in VOCABULARY.products if product in named],
        **{switch: True for switch in VOCABULARY.switches if any(switch in _watched(each) for each in accounts)},
    }


def _watched(account: Account) -> frozenset[str]:
    """The switches that the scenario turns on for the account."""
    own = {"debt_status": account.debt_status, "balance": account.balance}
    return account.inventories | {switch for switch, on in own.items() if on}
