"""A role, the answer of AssumeRole, and when AssumeRole is called again: pure decisions.

Source: https://www.alibabacloud.com/help/doc-detail/42775.htm

A token is replaced after about two thirds of its life; if that fails, it is used until it ends. Two clocks are
needed: tokens end by the wall clock, pauses by the monotonic one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.errors import ApiError, CredentialsUnavailable, MalformedReply
from exporter.core.durations import backoff_s
from exporter.core.model import FailureReason

ACCOUNT_ID = re.compile(r"[0-9]{1,32}")
ROLE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
ROLE_ARN = re.compile(rf"acs:ram::{ACCOUNT_ID.pattern}:role/(?:{ROLE_NAME.pattern}/)*{ROLE_NAME.pattern}")
SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
EXTERNAL_ID = re.compile(r"[!-~]{2,1224}")
DEFAULT_SESSION_NAME = "dcdn-exporter"

ENDS_EARLY_S = 5.0
IDLE_AFTER_S = 3600.0
FORCED_EVERY_S = 10.0
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
# Failures that only an operator can mend have longer pauses: thousands of such roles would use up the others' budget.
LONGEST_PAUSE_REFUSED_S = 300.0
_TO_BE_MENDED = frozenset({FailureReason.AUTH, FailureReason.PERMISSION, FailureReason.REJECTED})


def role_arn(account_id: str, role_name: str) -> str:
    """The ARN of the role of that name in the account."""
    return f"acs:ram::{account_id}:role/{role_name}"


def account_of(role_arn: str) -> str:
    """The id of the account that has the role."""
    return role_arn.split(":")[3]


@dataclass(frozen=True, slots=True)
class Role:
    """A role of this or another account; that account's audit log shows ``session_name``.

    ``external_id`` is for a role whose trust policy demands it, and is shown nowhere.
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
        """The id of the account that has the role."""
        return account_of(self.arn)

    def parameters(self) -> Mapping[str, str]:
        """The parameters of AssumeRole; the token lives for an hour, or for less if the role says so."""
        parameters = {"RoleArn": self.arn, "RoleSessionName": self.session_name}
        return parameters if self.external_id is None else {**parameters, "ExternalId": self.external_id}


def parse_assume_role(payload: Mapping[str, object], request_id: str | None) -> Credentials:
    """The credentials in an answer of AssumeRole.

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
    if len(texts) < 4:  # noqa: PLR2004 — all four
        seen = f"seen texts in {', '.join(texts) or 'no field'}"
        raise _malformed(f"{seen}; accepted: AccessKeyId, AccessKeySecret, SecurityToken, Expiration", request_id)
    expires_at = _unix_time(texts["Expiration"])
    if expires_at is None:
        raise _malformed(
            "Expiration: seen a text that is no moment; accepted: a moment such as 2026-01-02T03:04:05Z", request_id
        )
    try:
        return Credentials(
            access_key_id=texts["AccessKeyId"],
            access_key_secret=Secret(texts["AccessKeySecret"]),
            security_token=Secret(texts["SecurityToken"]),
            expires_at=expires_at,
        )
    except CredentialsUnavailable as unusable:
        raise _malformed(unusable.explanation, request_id) from None


@dataclass(frozen=True, slots=True)
class RoleToken:
    """The latest credentials of a role and the state of their renewal.

    ``credentials`` may have ended. ``refresh_at`` is Unix time, the other moments are monotonic. ``cause`` is why the
    last attempt failed, None after a good one; the next attempt is at ``retry_at``. ``refused`` are the credentials
    that the API refused last, at ``forced_at``.
    """

    credentials: Credentials | None = None
    refresh_at: float = 0.0
    cause: ApiError | None = None
    failures: int = 0
    retry_at: float = 0.0
    refused: Credentials | None = None
    forced_at: float = float("-inf")

    def usable(self, wall_now: float) -> Credentials | None:
        """The credentials, unless they end before a call that begins now is over."""
        return self.credentials if self.credentials is not None and _lasts(self.credentials, wall_now) else None

    def is_due(self, *, now: float, wall_now: float, used_at: float) -> bool:
        """Whether AssumeRole is due; never for an idle role."""
        if is_idle(now=now, used_at=used_at):
            return False
        if self.cause is not None:
            return now >= self.retry_at
        return self.credentials is not None and wall_now >= self.refresh_at

    def given(self, credentials: Credentials, *, wall_now: float, jitter: float) -> "RoleToken":
        """The state with new credentials; ``jitter``, 0 to 1, spreads replacements around 2/3 of their life."""
        life_s = (credentials.expires_at or wall_now) - wall_now
        return replace(
            self,
            credentials=credentials,
            refresh_at=wall_now + life_s * (0.58 + 0.16 * jitter),
            cause=None,
            failures=0,
        )

    def failed(self, cause: ApiError, *, now: float, jitter: float) -> "RoleToken":
        """The state after a failed attempt; pauses double, and ``jitter`` changes them by up to a fifth."""
        longest = LONGEST_PAUSE_REFUSED_S if cause.reason in _TO_BE_MENDED else LONGEST_PAUSE_S
        pause_s = backoff_s(FIRST_PAUSE_S, self.failures, longest_s=longest)
        return replace(
            self,
            cause=cause,
            failures=self.failures + 1,
            retry_at=now + pause_s * (0.8 + 0.4 * jitter),
        )

    def may_force(self, refused: Credentials, now: float) -> bool:
        """Whether to drop these credentials, which the API refuses: once, and at most every FORCED_EVERY_S."""
        return refused != self.refused and now - self.forced_at >= FORCED_EVERY_S

    def forced(self, refused: Credentials, now: float) -> "RoleToken":
        """The state without the credentials, which the API refused."""
        return RoleToken(refused=refused, forced_at=now)


def is_idle(*, now: float, used_at: float) -> bool:
    """Whether a role was not used for so long that its token is not replaced before it ends."""
    return now - used_at > IDLE_AFTER_S


def _malformed(problem: str, request_id: str | None) -> MalformedReply:
    return MalformedReply(f"Credentials: {problem}", http_status=HTTPStatus.OK, request_id=request_id)


def _unix_time(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def _lasts(credentials: Credentials, wall_now: float) -> bool:
    return credentials.expires_at is None or credentials.expires_at - ENDS_EARLY_S > wall_now
