"""Credentials from a source that may be slow, hang or fail, without delaying polls."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from functools import partial
from typing import Protocol

from exporter.api.credentials.base import Credentials
from exporter.api.errors import CallAborted, CredentialsUnavailable
from exporter.core.pool import Pool, Work

THREAD = Work.SOURCE.value
"""The name of threads while they call a source."""

_LOOK_S = 60.0
_FAILURE_HOLDS_S = 5.0
_FORCED_S = 10.0
# What the library remembers lasts for 14 minutes more when it is looked at: within ten, none seems to end soon.
_IDLE_AFTER_S = 600.0
# A call that ends takes less: the command of a profile may run for a minute, and requests have timeouts of seconds.
# Each byte of an answer begins such a timeout anew.
_GIVEN_UP_S = 120.0
# They keep their threads, of which there are eight for all sources.
_MOST_GIVEN_UP = 2


class Source(Protocol):
    """Calls a source; may take long and raise anything. Called while another call runs only if that was given up."""

    def __call__(self, *, anew: bool) -> Credentials:
        """Return its credentials; ``anew``: those it remembers are of no use."""


class RefreshedCredentials:
    """A source's credentials, shared by all callers; the source is called once a minute while they are good.

    The source may wait for a server or run a command, and cannot be interrupted. So it runs in a thread of the pool,
    once at a time: a caller stops waiting after its patience, and at once when the process stops. A caller waits only
    while there are no good credentials; they are used until they end, however often the source fails. Where the
    source does not say when they end, the API refuses them. A failure without good credentials holds for 5 seconds,
    so that many callers do not call the source many times.

    ``clock`` is monotonic, ``now`` gives Unix time.
    """

    def __init__(
        self, call: Source, *, source: str, pool: Pool, clock: Callable[[], float], now: Callable[[], float]
    ) -> None:
        self._call_source = call
        self._pool = pool
        self._source = source
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._latest: Credentials | None = None
        self._refused: Credentials | None = None
        self._failure: str | None = None
        self._asked_at = -math.inf
        self._called_at = -math.inf
        self._forced_at = -math.inf
        self._pending: Future[Credentials] | None = None
        self._pending_since = math.inf  # while it waits for a thread
        self._given_up = 0
        self._closed = False

    def credentials(self, *, patience_s: float) -> Credentials:
        """Return the good credentials, or those that the source gives within the patience."""
        with self._lock:
            if self._closed:
                raise CallAborted
            self._asked_at = self._clock()
            in_hand = self._in_hand()
            former = self._give_up()
            begins = self._pending is None and self._is_due(in_hand)
            if begins:
                self._pending, self._pending_since = Future(), math.inf
            pending = self._pending
            failure = self._failure
        if former is not None:
            _settle(former, error=CredentialsUnavailable(f"{self._source} gave no answer within {_GIVEN_UP_S:g} s"))
        if begins and pending is not None:
            self._pool.submit(Work.SOURCE, partial(self._run, pending, anew=former is not None))
        if in_hand is not None:
            return in_hand
        if pending is None:
            raise CredentialsUnavailable(failure or f"{self._source} gave no credentials")
        try:
            return pending.result(timeout=patience_s)
        except TimeoutError:
            raise CredentialsUnavailable(f"{self._source} gave no answer within {patience_s:g} s") from None

    def renew(self, refused: Credentials) -> bool:
        """Forget these and call the source anew, at most every 10 seconds; False in between."""
        with self._lock:
            if self._latest != refused:
                return not self._closed  # there are others by now, or the source is called for them
            if self._closed or self._clock() - self._forced_at < _FORCED_S:
                return False
            self._forced_at = self._clock()
            self._called_at = -math.inf
            self._refused = refused
            self._latest = None
        return True

    def in_hand(self) -> bool:
        """Whether the last good ones have not ended."""
        return self._in_hand() is not None

    def expiry(self) -> float | None:
        """Return when the latest ones end, if the source says; None while no call needs any, as others come then."""
        latest = self._latest
        idle = self._clock() - self._asked_at > _IDLE_AFTER_S
        return latest.expires_at if latest is not None and not idle else None

    def close(self) -> None:
        """End every wait for the source; its thread ends with the process."""
        with self._lock:
            self._closed = True
            pending = self._pending
        if pending is not None:
            _settle(pending, error=CallAborted())

    def _in_hand(self) -> Credentials | None:
        return None if self._latest is None or self._has_ended(self._latest) else self._latest

    def _has_ended(self, credentials: Credentials) -> bool:
        return credentials.expires_at is not None and self._now() >= credentials.expires_at

    def _give_up(self) -> Future[Credentials] | None:
        """The call under way, if it takes too long and is not waited for any more; the lock is held."""
        if self._clock() - self._pending_since < _GIVEN_UP_S or self._given_up == _MOST_GIVEN_UP:
            return None
        former, self._pending, self._pending_since = self._pending, None, math.inf
        self._given_up += former is not None
        return former

    def _is_due(self, in_hand: Credentials | None) -> bool:
        without_s = _FAILURE_HOLDS_S if self._failure is not None else 0.0
        return self._clock() - self._called_at >= (without_s if in_hand is None else _LOOK_S)

    def _run(self, pending: Future[Credentials], *, anew: bool) -> None:
        with self._lock:
            self._pending_since = self._clock()
        found: Credentials | None = None
        failure: str | None = None
        try:
            found = self._good_credentials(anew=anew)
        except CredentialsUnavailable as unavailable:
            failure = unavailable.explanation
        except Exception as unexpected:  # noqa: BLE001 — each means that there are none
            failure = f"{self._source} gave no credentials ({type(unexpected).__name__})"
        with self._lock:
            if self._pending is not pending:
                self._given_up -= 1
                return
            if found is not None:
                self._latest = found
            self._failure = failure
            self._called_at = self._clock()
            self._pending, self._pending_since = None, math.inf
        _settle(pending, result=found, error=CredentialsUnavailable(failure or ""))

    def _good_credentials(self, *, anew: bool) -> Credentials:
        found = self._call_source(anew=anew)
        if not anew and (self._has_ended(found) or found == self._refused):
            found = self._call_source(anew=True)
        if self._has_ended(found):
            raise CredentialsUnavailable(
                f"{self._source} gave credentials that have ended already; see that this machine's clock is right"
            )
        return found


def _settle(
    pending: Future[Credentials], *, result: Credentials | None = None, error: Exception | None = None
) -> None:
    try:
        if result is not None:
            pending.set_result(result)
        else:
            pending.set_exception(error or CallAborted())
    except InvalidStateError:
        pass  # close() and the source's thread both settle it
