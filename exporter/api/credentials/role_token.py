"""What is known of one role's credentials, and when STS is asked for them again: pure decisions.

A token is replaced when about two thirds of its life are over, and used until it ends if that fails. Two clocks are
needed: a token ends by the wall clock, a pause is over by the monotonic one.
"""

from dataclasses import dataclass, replace

from exporter.api.credentials.base import Credentials
from exporter.api.errors import ApiError
from exporter.core.backoff import backoff_s
from exporter.core.model import FailureReason

ENDS_EARLY_S = 5.0
IDLE_AFTER_S = 3600.0
FORCED_EVERY_S = 10.0
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
# What an operator has to mend is asked for less often: thousands of such roles would use up the budget of the others.
LONGEST_PAUSE_REFUSED_S = 300.0
_TO_BE_MENDED = frozenset({FailureReason.AUTH, FailureReason.PERMISSION, FailureReason.REJECTED})


@dataclass(frozen=True, slots=True)
class RoleToken:
    """The history of one role's credentials, as far as anybody needs it.

    ``credentials`` are those in hand, ended or not. ``refresh_at`` is Unix time, the other moments are monotonic.
    ``cause`` is why the last attempt failed, None after a good one; the next one is at ``retry_at``. ``refused``
    are the credentials that the API refused last, at ``forced_at``.
    """

    credentials: Credentials | None = None
    refresh_at: float = 0.0
    cause: ApiError | None = None
    failures: int = 0
    retry_at: float = 0.0
    refused: Credentials | None = None
    forced_at: float = float("-inf")

    def usable(self, wall_now: float) -> Credentials | None:
        """The credentials in hand, unless they end before a call that begins now would."""
        return self.credentials if self.credentials is not None and _lasts(self.credentials, wall_now) else None

    def is_due(self, *, now: float, wall_now: float, asked_at: float) -> bool:
        """Whether STS is to be asked again: not for what nobody has asked for within the last hour."""
        if now - asked_at > IDLE_AFTER_S:
            return False
        if self.cause is not None:
            return now >= self.retry_at
        return self.credentials is not None and wall_now >= self.refresh_at

    def given(self, credentials: Credentials, *, wall_now: float, jitter: float) -> "RoleToken":
        """After STS gave these; ``jitter`` from 0 to 1 is when, around 2/3 of their life, they are replaced."""
        life_s = (credentials.expires_at or wall_now) - wall_now
        return replace(
            self,
            credentials=credentials,
            refresh_at=wall_now + life_s * (0.58 + 0.16 * jitter),
            cause=None,
            failures=0,
        )

    def failed(self, cause: ApiError, *, now: float, jitter: float) -> "RoleToken":
        """After an attempt that failed; pauses double, and differ by a fifth to either side."""
        longest = LONGEST_PAUSE_REFUSED_S if cause.reason in _TO_BE_MENDED else LONGEST_PAUSE_S
        pause_s = backoff_s(FIRST_PAUSE_S, self.failures, longest_s=longest)
        return replace(
            self,
            cause=cause,
            failures=self.failures + 1,
            retry_at=now + pause_s * (0.8 + 0.4 * jitter),
        )

    def may_force(self, refused: Credentials, now: float) -> bool:
        """Whether the credentials in hand, which the API refuses, are to be thrown away: once, and not too often."""
        return refused != self.refused and now - self.forced_at >= FORCED_EVERY_S

    def forced(self, refused: Credentials, now: float) -> "RoleToken":
        """Without the credentials that were in hand."""
        return RoleToken(refused=refused, forced_at=now)


def _lasts(credentials: Credentials, wall_now: float) -> bool:
    return credentials.expires_at is None or credentials.expires_at - ENDS_EARLY_S > wall_now
