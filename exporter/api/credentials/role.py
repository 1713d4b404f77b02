"""Which role to assume, and what AssumeRole says; pure.

Source: https://www.alibabacloud.com/help/doc-detail/42775.htm
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.errors import CredentialsUnavailable, MalformedReply

ACCOUNT_ID = re.compile(r"[0-9]{1,32}")
ROLE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
ROLE_ARN = re.compile(rf"acs:ram::{ACCOUNT_ID.pattern}:role/(?:{ROLE_NAME.pattern}/)*{ROLE_NAME.pattern}")
SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
EXTERNAL_ID = re.compile(r"[!-~]{2,1224}")
DEFAULT_SESSION_NAME = "dcdn-exporter"


def role_arn(account_id: str, role_name: str) -> str:
    """The ARN of the account's role of that name."""
    return f"acs:ram::{account_id}:role/{role_name}"


def account_of(role_arn: str) -> str:
    """The id of the account whose role it is."""
    return role_arn.split(":")[3]


@dataclass(frozen=True, slots=True)
class Role:
    """A role of this or another account; ``session_name`` stands in that account's audit log.

    ``external_id`` is what the role's trust policy demands, if it does, and is shown nowhere.
    """

    arn: str
    session_name: str = DEFAULT_SESSION_NAME
    external_id: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if ROLE_ARN.fullmatch(self.arn) is None:
            raise ValueError(f"the ARN of a role: accepted is acs:ram::ACCOUNT_ID:role/NAME, seen {self.arn!r}")
        if SESSION_NAME.fullmatch(self.session_name) is None:
            raise ValueError(f"a session name: accepted are 2 to 64 of A-Za-z0-9.@_-, seen {self.session_name!r}")
        if self.external_id is not None and EXTERNAL_ID.fullmatch(self.external_id) is None:
            raise ValueError("an external id: accepted are 2 to 1224 printable ASCII characters without spaces")

    @property
    def account_id(self) -> str:
        """The account whose role it is."""
        return account_of(self.arn)

    def parameters(self) -> Mapping[str, str]:
        """The parameters of AssumeRole; the token lives as long as the role lets it, an hour unless it is shorter."""
        parameters = {"RoleArn": self.arn, "RoleSessionName": self.session_name}
        return parameters if self.external_id is None else {**parameters, "ExternalId": self.external_id}


def parse_assume_role(payload: Mapping[str, object], request_id: str | None) -> Credentials:
    """The credentials in an answer of AssumeRole, with their end.

        {"Credentials": {"AccessKeyId": "STS.…", "AccessKeySecret": "…", "SecurityToken": "…",
                         "Expiration": "2026-01-02T03:04:05Z"}}

    Raises MalformedReply, which names what is missing or wrong and repeats no value.
    """
    given = payload.get("Credentials")
    fields = given if isinstance(given, Mapping) else {}
    texts = {
        name: value.strip()
        for name in ("AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration")
        if isinstance(value := fields.get(name), str) and value.strip()
    }
    if len(texts) < 4:  # noqa: PLR2004 — all of them
        raise _malformed("accepted would be AccessKeyId, AccessKeySecret, SecurityToken, Expiration", request_id)
    expires_at = _unix_time(texts["Expiration"])
    if expires_at is None:
        raise _malformed("Expiration: accepted would be a moment such as 2026-01-02T03:04:05Z", request_id)
    try:
        return Credentials(
            access_key_id=texts["AccessKeyId"],
            access_key_secret=Secret(texts["AccessKeySecret"]),
            security_token=Secret(texts["SecurityToken"]),
            expires_at=expires_at,
        )
    except CredentialsUnavailable as unusable:
        raise _malformed(unusable.explanation, request_id) from None


def _malformed(problem: str, request_id: str | None) -> MalformedReply:
    return MalformedReply(f"Credentials: {problem}", http_status=HTTPStatus.OK, request_id=request_id)


def _unix_time(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()
