"""RAM roles: who may assume them, and for how long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ECS: Final = "ecs.aliyuncs.com"
"""In a role's `trusted`: an instance may have the role, and gives its credentials out by the metadata service."""
SHORTEST_SESSION_S: Final = 900

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_ROLE_ARN = re.compile(r"acs:ram::(?P<account>[0-9]+):role/(?P<name>[A-Za-z0-9._-]{1,64})", re.ASCII)
_PROVIDER_ARN = re.compile(r"acs:ram::(?P<account>[0-9]+):(?P<provider>oidc-provider/[A-Za-z0-9._-]+)", re.ASCII)
_TRUSTED = re.compile(rf"[0-9]+|{re.escape(ECS)}|oidc-provider/[A-Za-z0-9._-]+", re.ASCII)
_LONGEST_SESSION_S: Final = 43200


@dataclass(frozen=True, slots=True)
class Role:
    """A role of an account."""

    name: str
    trusted: tuple[str, ...]
    """Account ids, `ecs.aliyuncs.com`, or `oidc-provider/NAME` for an identity provider of the role's own account."""
    external_id: str | None = None
    """What a caller must bring to assume it."""
    max_session_s: int = 3600

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"the name of a role is {self.name!r}; accepted: 1 to 64 letters, digits, and . _ -")
        if not self.trusted:
            raise ValueError(f"the role {self.name} trusts nobody")
        for trusted in self.trusted:
            if not _TRUSTED.fullmatch(trusted):
                raise ValueError(
                    f"the role {self.name} trusts {trusted!r}; accepted: an account id, {ECS}, oidc-provider/NAME"
                )
        if not SHORTEST_SESSION_S <= self.max_session_s <= _LONGEST_SESSION_S:
            raise ValueError(f"max_session of the role {self.name} is {self.max_session_s} s; accepted: 900 to 43200")


def role_arn(account_id: str, name: str) -> str:
    """Return the name of a role in the whole cloud."""
    return f"acs:ram::{account_id}:role/{name}"


def parse_role_arn(arn: str) -> tuple[str, str] | None:
    """Return the account id and the name in a role's ARN, None if it is none."""
    match = _ROLE_ARN.fullmatch(arn)
    return None if match is None else (match["account"], match["name"])


def parse_provider_arn(arn: str) -> tuple[str, str] | None:
    """Return the account id and the `oidc-provider/NAME` in a provider's ARN, None if it is none."""
    match = _PROVIDER_ARN.fullmatch(arn)
    return None if match is None else (match["account"], match["provider"])
