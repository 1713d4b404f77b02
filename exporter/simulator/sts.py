"""The Security Token Service: who may have temporary credentials of which role.

AssumeRole: https://help.aliyun.com/document_detail/28763.htm, its refusals:
https://www.alibabacloud.com/help/doc-detail/42775.htm and
https://help.aliyun.com/zh/ram/developer-reference/api-sts-2015-04-01-errorcodes (all read 2026-11-22).
"""

import base64
import binascii
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from exporter.simulator.call import Call, Caller, FindRole, IssuedToken, RoleSession, required_parameter
from exporter.simulator.errors import GatewayError
from exporter.simulator.state import SHORTEST_SESSION_S, AccessKey, Role, role_arn
from exporter.simulator.timeline import Account

_ROLE_ARN = re.compile(r"acs:ram::(?P<account>[0-9]+):role/(?P<name>[A-Za-z0-9._-]{1,64})", re.ASCII)
_PROVIDER_ARN = re.compile(r"acs:ram::(?P<account>[0-9]+):(?P<provider>oidc-provider/[A-Za-z0-9._-]+)", re.ASCII)
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}", re.ASCII)
_SOURCE_IDENTITY = re.compile(r"[A-Za-z0-9=,.@_-]{2,64}", re.ASCII)
_EXTERNAL_ID_LENGTH: Final = range(2, 1225)
_OIDC_TOKEN_LENGTH: Final = range(4, 20001)
_JWT_PARTS: Final = 3
_LONGEST_NUMBER: Final = 6
_DEFAULT_SESSION_S: Final = 3600


class IssuedTokens:
    """All credentials that were issued, in bounded memory; not thread-safe, its owner holds the lock."""

    def __init__(self, *, random_bytes: Callable[[int], bytes], capacity: int = 100_000) -> None:
        self._random_bytes = random_bytes
        self._capacity = capacity
        self._issued: OrderedDict[str, IssuedToken] = OrderedDict()

    def issue(self, caller: Caller, *, now: float, lasts_s: int) -> IssuedToken:
        """Return new credentials, good from `now` (Unix time) on; beyond the capacity the oldest are forgotten."""
        key = AccessKey(
            f"STS.N{self._random_text(15, altchars=b'xy')}",
            self._random_text(30, altchars=b"xy"),
            # Plus, slash and equals signs: a client has to encode them.
            f"CAIS+/{self._random_text(160)}==",
            expires_at=int(now) + lasts_s,
        )
        token = IssuedToken(key, caller)
        self._issued[key.access_key_id] = token
        if len(self._issued) > self._capacity:
            self._issued.popitem(last=False)
        return token

    def find(self, access_key_id: str) -> IssuedToken | None:
        """Return the credentials of that key, expired or not."""
        return self._issued.get(access_key_id)

    def all(self) -> tuple[IssuedToken, ...]:
        """Return all that are remembered, oldest first."""
        return tuple(self._issued.values())

    def revoke(self, account_name: str, *, now: float) -> None:
        """Have all of an account's credentials expire at this moment."""
        for access_key_id, token in self._issued.items():
            expires_at = token.key.expires_at
            if token.caller.account.name == account_name and (expires_at is None or expires_at > now):
                self._issued[access_key_id] = replace(token, key=replace(token.key, expires_at=now))

    def _random_text(self, size: int, *, altchars: bytes | None = None) -> str:
        return base64.b64encode(self._random_bytes(size), altchars).decode()


def expiration(token: IssuedToken) -> str:
    """Return when credentials expire, as the API writes it."""
    return datetime.fromtimestamp(token.key.expires_at or 0, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def holder_of_key(account: Account) -> Caller:
    """Return who has the key of an account: a key that comes with a token is a role's."""
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
            "PrincipalId": f"{_principal_id(account_id, role)}:{name}",
            "RoleId": _principal_id(account_id, role),
            "Arn": f"acs:ram::{account_id}:assumed-role/{role}/{name}",
        }
    user = caller.account.ram_user
    user_id = account_id if user is None else _principal_id(account_id, f"user/{user}")
    return {
        "IdentityType": "Account" if user is None else "RAMUser",
        "AccountId": account_id,
        "PrincipalId": user_id,
        "UserId": user_id,
        "Arn": f"acs:ram::{account_id}:{'root' if user is None else f'user/{user}'}",
    }


def describe_principal(caller: Caller) -> dict[str, str]:
    """Return who lacks a right, as the details of a refusal name them: a user by id, a session by role and name."""
    account_id = caller.account.account_id
    if caller.session is not None:
        kind, name = "AssumedRoleUser", f"{caller.session.role}:{caller.session.name}"
    else:
        kind, name = "SubUser", _principal_id(account_id, f"user/{caller.account.ram_user}")
    return {"AuthPrincipalType": kind, "AuthPrincipalDisplayName": name, "AuthPrincipalOwnerId": account_id}


def assume_role(call: Call) -> dict[str, object]:
    """Issue credentials of a role that trusts the caller's account. A Policy is taken, and changes nothing."""
    if call.caller.is_root:
        raise GatewayError("NoPermission", "Roles may not be assumed by root accounts.")
    account, role = requested_role(call.parameters, find_role=call.find_role)
    session_name = _session_name(call.parameters)
    external_id = call.parameters.get("ExternalId")
    if external_id is not None and len(external_id) not in _EXTERNAL_ID_LENGTH:
        raise GatewayError("InvalidParameter.ExternalId", "The parameter ExternalId is wrongly formed.")
    lasts_s = _lasts_s(call.parameters, role)
    stranger = call.caller.account.account_id not in role.trusted
    if stranger or (role.external_id is not None and external_id != role.external_id):
        message = (
            "No permission perform sts:AssumeRole on this Role. "
            "Maybe you are not authorized to perform sts:AssumeRole or the specified role does not trust you."
        )
        raise GatewayError("NoPermission", message)
    return _answer(call, account, RoleSession(role.name, session_name, _source_identity(call)), lasts_s)


def assume_role_with_oidc(call: Call) -> dict[str, object]:
    """Issue credentials of a role that trusts the provider of an OIDC token; such a call is not signed.

    The token's form and expiry are checked, its signature is not: the simulator knows no identity provider's keys.
    """
    account, role = requested_role(call.parameters, find_role=call.find_role)
    session_name = _session_name(call.parameters)
    lasts_s = _lasts_s(call.parameters, role)
    provider = _PROVIDER_ARN.fullmatch(required_parameter(call.parameters, "OIDCProviderArn"))
    if provider is None or provider["account"] != account.account_id or provider["provider"] not in role.trusted:
        raise GatewayError("AuthenticationFail.NoPermission", "No such OIDC Provider registered.")
    claims = _claims(required_parameter(call.parameters, "OIDCToken"))
    expires_at = claims.get("exp")
    if isinstance(expires_at, int | float) and call.now >= expires_at:
        raise GatewayError("AuthenticationFail.OIDCToken.Expired", "This JsonWebToken is expired.")
    information = {
        "Subject": claims.get("sub", ""),
        "Issuer": claims.get("iss", ""),
        "ClientIds": claims.get("aud", ""),
    }
    return {**_answer(call, account, RoleSession(role.name, session_name), lasts_s), "OIDCTokenInfo": information}


def requested_role(parameters: Mapping[str, str], *, find_role: FindRole) -> tuple[Account, Role]:
    """Return the role that a call names, with its account; raises GatewayError."""
    arn = required_parameter(parameters, "RoleArn")
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise GatewayError("InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.")
    found = find_role(match["account"], match["name"])
    if found is None:
        raise GatewayError("EntityNotExist.Role", f"The role not exists: {arn}.")
    return found


def credentials_answer(token: IssuedToken) -> dict[str, str]:
    """Return temporary credentials in the form that every answer with some has."""
    return {
        "AccessKeyId": token.key.access_key_id,
        "AccessKeySecret": token.key.access_key_secret,
        "SecurityToken": token.key.security_token or "",
        "Expiration": expiration(token),
    }


def _answer(call: Call, account: Account, session: RoleSession, lasts_s: int) -> dict[str, object]:
    token = call.issue(Caller(account, session), lasts_s)
    answer: dict[str, object] = {
        "AssumedRoleUser": {
            "Arn": f"{role_arn(account.account_id, session.role)}/{session.name}",
            "AssumedRoleId": f"{_principal_id(account.account_id, session.role)}:{session.name}",
        },
        "Credentials": credentials_answer(token),
    }
    return answer if session.source_identity is None else {**answer, "SourceIdentity": session.source_identity}


def _principal_id(account_id: str, name: str) -> str:
    """Return the number of a role or user: 18 digits, always the same ones."""
    digest = hashlib.sha256(f"{account_id}/{name}".encode()).digest()
    return f"3{int.from_bytes(digest[:8], 'big') % 10**17:017d}"


def _session_name(parameters: Mapping[str, str]) -> str:
    name = required_parameter(parameters, "RoleSessionName")
    if not _SESSION_NAME.fullmatch(name):
        raise GatewayError("InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
    return name


def _source_identity(call: Call) -> str | None:
    """Return that of the caller's own session, which stays through every further role, else the one it names.

    https://help.aliyun.com/zh/ram/user-guide/session-tagging-and-fine-grained-access-control-for-assumed-roles-using-sourceidentity
    (read 2026-11-29).
    """
    before = None if call.caller.session is None else call.caller.session.source_identity
    named = call.parameters.get("SourceIdentity", before)
    if named is not None and (not _SOURCE_IDENTITY.fullmatch(named) or before not in (None, named)):
        raise GatewayError("InvalidParameter.SourceIdentity", "The parameter SourceIdentity is wrongly formed.")
    return named


def _lasts_s(parameters: Mapping[str, str], role: Role) -> int:
    duration = parameters.get("DurationSeconds")
    if duration is None:
        return min(_DEFAULT_SESSION_S, role.max_session_s)
    # The digits are counted first: int() itself refuses thousands of them.
    in_digits = duration.isascii() and duration.isdigit() and len(duration) <= _LONGEST_NUMBER
    if not in_digits or not SHORTEST_SESSION_S <= int(duration) <= role.max_session_s:
        message = f"The Min/Max value of DurationSeconds is {SHORTEST_SESSION_S}s/{role.max_session_s}s."
        raise GatewayError("InvalidParameter.DurationSeconds", message)
    return int(duration)


def _claims(token: str) -> dict[str, object]:
    invalid = "AuthenticationFail.OIDCToken.Invalid"
    parts = token.split(".")
    if len(token) not in _OIDC_TOKEN_LENGTH or len(parts) != _JWT_PARTS:
        raise GatewayError(invalid, "The number of Jwt field should be divided into 3 parts with '.' .")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        claims = None
    if not isinstance(claims, dict):
        raise GatewayError(invalid, "The Jwt content is invalid that cannot be recognized.")
    return claims
