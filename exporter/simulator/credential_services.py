"""Where programs get credentials outside of the API: a credentials URI and an instance's metadata service.

```
GET /_credentials/ACCOUNT                                   what a credentials URI answers
PUT /latest/api/token                                       a token for the metadata service
GET /latest/meta-data/ram/security-credentials/             the name of the instance's role
GET /latest/meta-data/ram/security-credentials/ROLE         its credentials
```
The last three as an instance sees them at 100.100.100.200:
https://help.aliyun.com/zh/ecs/user-guide/view-instance-metadata (read 2026-11-22).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from exporter.simulator.call import Caller, RoleSession
from exporter.simulator.http_messages import Answer, Request, json_of
from exporter.simulator.operations import CREDENTIALS_URI, ECS_METADATA
from exporter.simulator.state import ECS
from exporter.simulator.sts import IssuedTokens, credentials_answer
from exporter.simulator.timeline import Account

_URI_PATH: Final = "/_credentials/"
_TOKEN_PATH: Final = "/latest/api/token"  # noqa: S105 - a path
_ROLES_PATH: Final = "/latest/meta-data/ram/security-credentials/"
_LASTS_S: Final = 3600
_TOKEN_TTL_S: Final = range(1, 21601)
_TOKENS_KEPT: Final = 1000


def service_at(path: str) -> str | None:
    """Return which service issues credentials at a path; None at any other path."""
    if path.startswith(_URI_PATH):
        return CREDENTIALS_URI
    return ECS_METADATA if path == _TOKEN_PATH or f"{path}/".startswith(_ROLES_PATH) else None


class CredentialServices:
    """Issues credentials without checking the caller; not thread-safe, its owner holds the lock.

    A credentials URI exists for every account. The instance has each role that trusts `ecs.aliyuncs.com`, and shows
    the name of the first.
    """

    def __init__(
        self, accounts: Sequence[Account], *, tokens: IssuedTokens, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._by_uri = {account.name: Caller(account, RoleSession("uri", account.name)) for account in accounts}
        self._by_role: dict[str, Caller] = {}
        for account in accounts:
            for role in account.roles:
                if ECS in role.trusted:
                    self._by_role.setdefault(role.name, Caller(account, RoleSession(role.name, "i-simulated")))
        self._tokens = tokens
        self._random_bytes = random_bytes
        self._metadata_tokens: dict[str, float] = {}

    def bearer(self, request: Request) -> Caller | None:
        """Return whose credentials a request asks for; None where there are none."""
        path = unquote(request.path)
        if path.startswith(_URI_PATH):
            return self._by_uri.get(path.removeprefix(_URI_PATH))
        return self._by_role.get(_role_in(path))

    def answer(self, request: Request, *, now: float) -> Answer:
        """Return the answer to a request; `now` is Unix time."""
        if request.path == _TOKEN_PATH:
            return self._metadata_token(request, now) if request.method == "PUT" else _text(405, "Method Not Allowed")
        if request.method != "GET":
            return _text(405, "Method Not Allowed")
        bearer = self.bearer(request)
        if service_at(request.path) == ECS_METADATA:
            token = request.header("x-aliyun-ecs-metadata-token")
            if token and now >= self._metadata_tokens.get(token, now):
                return _text(403, "Forbidden")
            if not _role_in(request.path) and self._by_role:
                return _text(200, next(iter(self._by_role)))
        return _text(404, "Not Found") if bearer is None else self._credentials(bearer, now)

    def _credentials(self, bearer: Caller, now: float) -> Answer:
        token = self._tokens.issue(bearer, now=now, lasts_s=_LASTS_S)
        updated = datetime.fromtimestamp(int(now), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        payload = {"Code": "Success", **credentials_answer(token), "LastUpdated": updated}
        return json_of(payload)

    def _metadata_token(self, request: Request, now: float) -> Answer:
        ttl = request.header("x-aliyun-ecs-metadata-token-ttl-seconds")
        # The digits are counted first: int() itself refuses thousands of them.
        if not (ttl.isascii() and ttl.isdigit() and len(ttl) < len("100000")) or int(ttl) not in _TOKEN_TTL_S:
            return _text(400, "Bad Request")
        token = self._random_bytes(24).hex()
        self._metadata_tokens[token] = now + int(ttl)
        if len(self._metadata_tokens) > _TOKENS_KEPT:
            del self._metadata_tokens[next(iter(self._metadata_tokens))]
        return _text(200, token)


def _role_in(path: str) -> str:
    return f"{path}/".removeprefix(_ROLES_PATH).strip("/")


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), content_type="text/plain")
