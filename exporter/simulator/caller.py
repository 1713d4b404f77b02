"""Who calls: an account itself, a RAM user of it, or somebody who has assumed a role of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.simulator.timeline import Account


@dataclass(frozen=True, slots=True)
class RoleSession:
    """Somebody's time in a role."""

    role: str
    name: str
    """Given by whoever assumed it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind a key."""

    account: Account
    """Whose services and rights it has."""
    session: RoleSession | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the account itself."""
        return self.session is None and self.account.ram_user is None


def holder_of_key(account: Account) -> Caller:
    """Return who has the key of an account: nobody but a role has a key that comes with a token."""
    if account.security_token is not None:
        return Caller(account, RoleSession("simulated", account.name))
    return Caller(account)


def describe_identity(caller: Caller) -> dict[str, object]:
    """Return the answer of GetCallerIdentity, less its RequestId.

    https://help.aliyun.com/document_detail/43767.html (read 2026-11-22).
    """
    account_id = caller.account.account_id
    if caller.session is not None:
        role, name = caller.session.role, caller.session.name
        return {
            "IdentityType": "AssumedRoleUser",
            "AccountId": account_id,
            "PrincipalId": f"{principal_id(account_id, role)}:{name}",
            "RoleId": principal_id(account_id, role),
            "Arn": f"acs:ram::{account_id}:assumed-role/{role}/{name}",
        }
    user = caller.account.ram_user
    user_id = account_id if user is None else principal_id(account_id, f"user/{user}")
    return {
        "IdentityType": "Account" if user is None else "RAMUser",
        "AccountId": account_id,
        "PrincipalId": user_id,
        "UserId": user_id,
        "Arn": f"acs:ram::{account_id}:{'root' if user is None else f'user/{user}'}",
    }


def principal_id(account_id: str, name: str) -> str:
    """Return the number of a role or user: 18 digits, always the same ones."""
    digest = hashlib.sha256(f"{account_id}/{name}".encode()).digest()
    return f"3{int.from_bytes(digest[:8], 'big') % 10**17:017d}"
