"""Credentials of assumed roles, for thousands of accounts: cached, refreshed ahead, one call to STS each at a time.

    Roles                 the roles in use
    ├── RoleCredentials   the provider of one account; closed when the account is removed
    └── _AssumedRole      one role, assumed with the credentials of one source; providers share it

They share one lock; nothing that takes time, and nothing of the pool's, is done while it is held.
"""

import logging
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from exporter.api.call import Api, Caller
from exporter.api.credentials.base import Credentials, CredentialsProvider
from exporter.api.credentials.role import Role, RoleToken, is_idle, parse_assume_role
from exporter.api.errors import ApiError, CallAborted, CallTimedOut, MalformedReply, RoleNotAssumed
from exporter.api.operation import ASSUME_ROLE
from exporter.core.logger import Logger, defect
from exporter.core.model import FailureReason
from exporter.core.pool import Pool, Work

MOST_OF_SOURCE = 6
"""So many calls at most are made for the roles of one source at a time: one that hangs leaves threads to others."""

_Key = tuple[Role, int, str | None]


@dataclass(slots=True, eq=False)
class _Attempt:
    """One call of AssumeRole; ``outcome`` is set once it is over."""

    began_at: float
    outcome: Credentials | ApiError | CallAborted | None = None


@dataclass(slots=True, eq=False)
class _AssumedRole:
    """One role, assumed with the credentials of one source; ``changed`` shares the lock of Roles."""

    key: _Key
    role: Role
    source: Caller
    changed: threading.Condition
    used_at: float
    token: RoleToken = field(default_factory=RoleToken)
    attempt: _Attempt | None = None
    users: "set[RoleCredentials]" = field(default_factory=set)
    last_logged: tuple[str, ...] = ()


class Roles:
    """Assumes roles through the API client.

    ``wall_clock`` is Unix time, by which tokens end; pauses go by ``clock``. ``jitter`` gives numbers from 0 to 1.
    ``renew_due`` has to be called again and again, where tokens shall be replaced before they end.
    """

    def __init__(
        self,
        api: Api,
        *,
        pool: Pool,
        log: Logger,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._api = api
        self._pool = pool
        self._log = log
        self.wall_clock = wall_clock
        self.clock = clock
        self._jitter = jitter
        self.lock = threading.Lock()
        self._roles: dict[_Key, _AssumedRole] = {}
        # By the identity of the source: what waits, and how many calls are under way.
        self._waiting: defaultdict[int, deque[tuple[_AssumedRole, _Attempt]]] = defaultdict(deque)
        self._calling: defaultdict[int, int] = defaultdict(int)
        self._closed = False

    def provider(self, role: Role, source: Caller, *, renewed: Callable[[], None]) -> "RoleCredentials":
        """The provider of the role that ``source`` assumes; close it when the account is removed.

        Providers of the same role and source share its token, so a reload that opens new ones before it closes the
        old ones keeps it. ``renewed`` is called from a worker thread when there are credentials again after a call
        went without.
        """
        key = (
            role,
            id(source.credentials),
            None if source.routes is None else source.routes[ASSUME_ROLE.endpoint].url,
        )
        with self.lock:
            assumed = self._roles.get(key)
            if assumed is None:
                assumed = _AssumedRole(key, role, source, threading.Condition(self.lock), used_at=self.clock())
                self._roles[key] = assumed
            provider = RoleCredentials(self, assumed, renewed=renewed)
            provider.closed = self._closed
            assumed.users.add(provider)
        return provider

    def close(self) -> None:
        """End every wait for credentials with CallAborted; the client's close ends the calls under way."""
        with self.lock:
            self._closed = True
            self._waiting.clear()
            for provider in [user for assumed in self._roles.values() for user in assumed.users]:
                self.leave(provider)

    def leave(self, provider: "RoleCredentials") -> None:
        """Forget a provider, and with the last one its role; the lock is held."""
        assumed = provider.assumed
        provider.closed = True
        assumed.users.discard(provider)
        assumed.changed.notify_all()
        if not assumed.users:
            self._roles.pop(assumed.key, None)

    def attempt(self, assumed: _AssumedRole) -> _Attempt:
        """The attempt under way, or a new one; the lock is held, and ``begin`` must follow without it."""
        if assumed.attempt is None:
            assumed.attempt = _Attempt(began_at=self.clock())
            self._waiting[id(assumed.source.credentials)].append((assumed, assumed.attempt))
        return assumed.attempt

    def begin(self, assumed: _AssumedRole) -> None:
        """Give attempts of the role's source to the pool, as many as it may have; the lock is not held."""
        source = id(assumed.source.credentials)
        with self.lock:
            waiting = self._waiting[source]
            room = MOST_OF_SOURCE - self._calling[source]
            begun = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            self._calling[source] += len(begun)
            if not self._calling[source]:
                del self._calling[source], self._waiting[source]
        for role, attempt in begun:
            self._pool.submit(Work.ROLE, partial(self._run, role, attempt))

    def renew_due(self) -> None:
        """Call STS for the roles whose token ends soon, and again for those that failed; returns at once."""
        with self.lock:
            now, wall_now = self.clock(), self.wall_clock()
            due = [
                assumed
                for assumed in self._roles.values()
                if assumed.token.is_due(now=now, wall_now=wall_now, used_at=assumed.used_at)
            ]
            for assumed in due:
                self.attempt(assumed)
        for assumed in due:
            self.begin(assumed)

    def _run(self, assumed: _AssumedRole, attempt: _Attempt) -> None:
        outcome, request_id = self._assume(assumed)
        if not isinstance(outcome, CallAborted):
            self._log_outcome(assumed, outcome, request_id)
        with self.lock:
            attempt.outcome = outcome
            assumed.attempt = None
            waiting = self._note(assumed, outcome)
            assumed.changed.notify_all()
            self._calling[id(assumed.source.credentials)] -= 1
        self.begin(assumed)
        for renewed in waiting:
            try:
                renewed()
            except Exception as error:  # noqa: BLE001 — the other listeners are called too
                self._log.log(logging.ERROR, "role tokens hit a defect", **defect(error))

    def _assume(self, assumed: _AssumedRole) -> tuple[Credentials | ApiError | CallAborted, str | None]:
        try:
            reply = self._api.ask(ASSUME_ROLE, assumed.source, assumed.role.parameters())
            found = parse_assume_role(reply.payload, reply.request_id)
        except CallAborted:
            return CallAborted(), None
        except ApiError as error:
            return _evidence(error), error.request_id
        except Exception as error:  # noqa: BLE001 — the waiting threads need an outcome
            evidence = defect(error)
            self._log.log(logging.ERROR, "role tokens hit a defect", **evidence)
            explanation = f"a defect of the exporter: {evidence['error']} at {evidence['where']}"
            return ApiError(explanation, reason=FailureReason.INTERNAL), None
        if RoleToken(credentials=found).usable(self.wall_clock()) is None:
            explanation = "the credentials had ended when they came; is the clock of this machine right?"
            return MalformedReply(explanation, http_status=200, request_id=reply.request_id), reply.request_id
        return found, reply.request_id

    def _note(self, assumed: _AssumedRole, outcome: Credentials | ApiError | CallAborted) -> list[Callable[[], None]]:
        """Keep the outcome of an attempt; returns the listeners to notify. The lock is held."""
        if isinstance(outcome, CallAborted):
            return []
        if isinstance(outcome, ApiError):
            assumed.token = assumed.token.failed(outcome, now=self.clock(), jitter=self._jitter())
            return []
        assumed.token = assumed.token.given(outcome, wall_now=self.wall_clock(), jitter=self._jitter())
        waiting = [user for user in assumed.users if user.missed]
        for user in waiting:
            user.missed = False
        return [user.renewed for user in waiting]

    def _log_outcome(self, assumed: _AssumedRole, outcome: Credentials | ApiError, request_id: str | None) -> None:
        """Log each change once; only one thread at a time calls it for a role."""
        failed = outcome if isinstance(outcome, ApiError) else None
        news = ("assumed",) if failed is None else ("not assumed", failed.reason.value, failed.code or "")
        changed, assumed.last_logged = assumed.last_logged != news, news
        level = logging.DEBUG if not changed else logging.INFO if failed is None else logging.WARNING
        why = (
            {}
            if failed is None
            else {"reason": failed.reason.value, "code": failed.code, "explanation": failed.explanation}
        )
        self._log.log(
            level,
            f"role {news[0]}",
            account_id=assumed.role.account_id,
            role_arn=assumed.role.arn,
            **why,
            request_id=request_id,
        )


class RoleCredentials(CredentialsProvider):
    """The provider of one account; ``missed``: a call went without credentials since there were some."""

    def __init__(self, roles: Roles, assumed: _AssumedRole, *, renewed: Callable[[], None]) -> None:
        self._roles = roles
        self.assumed = assumed
        self.renewed = renewed
        self.missed = False
        self.closed = False

    def credentials(self, *, patience_s: float) -> Credentials:
        """Return the current token, else wait for the attempt under way until that is ``patience_s`` old.

        Raises RoleNotAssumed, at once during the pause after a failed attempt.
        """
        roles, assumed = self._roles, self.assumed
        attempt: _Attempt | None = None
        with roles.lock:
            if self.closed:
                raise CallAborted
            now = assumed.used_at = roles.clock()
            usable = assumed.token.usable(roles.wall_clock())
            if usable is not None:
                return usable
            cause = assumed.token.cause
            if assumed.attempt is not None or now >= assumed.token.retry_at or cause is None:
                attempt = roles.attempt(assumed)
        if attempt is not None:
            roles.begin(assumed)
        with roles.lock:
            outcome = cause if attempt is None else self._await(attempt, patience_s)
            if isinstance(outcome, ApiError):
                self.missed = True
                raise RoleNotAssumed(assumed.role.arn, outcome)
        if isinstance(outcome, Credentials):
            return outcome
        raise CallAborted

    def renew(self, refused: Credentials) -> bool:
        """Forget these if they are current, and call STS; False when that was done just now, or for these already."""
        with self._roles.lock:
            assumed = self.assumed
            if self.closed:
                return False
            if assumed.token.credentials == refused:
                now = self._roles.clock()
                if not assumed.token.may_force(refused, now):
                    return False
                assumed.token = assumed.token.forced(refused, now)
                self._roles.attempt(assumed)
        self._roles.begin(assumed)
        return True

    def in_hand(self) -> bool:
        """Whether the token has not ended."""
        return self.assumed.token.usable(self._roles.wall_clock()) is not None

    def expiry(self) -> float | None:
        """Return when the latest credentials end or ended; None while the role is idle: a call gets others."""
        credentials = self.assumed.token.credentials
        if credentials is None or is_idle(now=self._roles.clock(), used_at=self.assumed.used_at):
            return None
        return credentials.expires_at

    def close(self) -> None:
        """End every wait of this account; the last provider takes the role along."""
        with self._roles.lock:
            if not self.closed:
                self._roles.leave(self)

    def _await(self, attempt: _Attempt, patience_s: float) -> Credentials | ApiError | CallAborted:
        """The outcome of an attempt; a timeout when it takes too long, so that a hung STS holds few threads."""
        left_s = patience_s - (self._roles.clock() - attempt.began_at)
        self.assumed.changed.wait_for(lambda: self.closed or attempt.outcome is not None, timeout=max(0.0, left_s))
        if self.closed:
            return CallAborted()
        return attempt.outcome or CallTimedOut(f"no answer within {patience_s:g} s")


def _evidence(error: ApiError) -> ApiError:
    """The same without its traceback, whose frames hold the request."""
    return ApiError(
        error.explanation,
        reason=error.reason,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
    )
