"""One call of the API: sign it, send it under one deadline, and read what came back.

    Client.ask       reserve and call in one
    Client.reserve   the moment at which the budget allows the call
    Client.call      waits for that moment, signs, sends, reads; returns a Reply or raises

Any thread may use it; one pool of connections serves all of them. Requests go straight to the adapter: a session of
requests keeps cookies, reads the environment, and reads the whole body of a redirect.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from exporter.api.body import read
from exporter.api.call import NO_PARAMETERS, Caller, CallObserver, Permit, Reply
from exporter.api.connections import CaBundle, CallAdapter
from exporter.api.credentials.base import Credentials
from exporter.api.deadline import Call, OpenSockets, Step
from exporter.api.dns import Resolver
from exporter.api.endpoints import Route
from exporter.api.errors import (
    ApiError,
    CallAborted,
    CallTimedOut,
    ConnectionFailed,
    CredentialsUnavailable,
    Refused,
    WriteRefused,
)
from exporter.api.failures import StaleConnection, closed_early, died, failed, timed_out
from exporter.api.operation import Access, Operation
from exporter.api.pages import Listing
from exporter.api.rate_limit import Budgets
from exporter.api.redaction import Redaction
from exporter.api.reply import clock_skew_s, decode
from exporter.api.request import signed_request
from exporter.core.logger import Logger
from exporter.core.model import FailureReason

LONGEST_RETRY_WAIT_S = 1.0
RATE_LIMIT_HEADER = "x-ratelimit-user-api"  # on some replies: Limit:20,Remain:19,TimeLeft:1000,Reset:0


class Client:
    """Calls operations of the API within their budgets.

    ``routes`` has an entry for each ``endpoint`` of an operation. ``verify`` is as in requests: True, or the path of
    a CA bundle. ``writes`` names the actions that change an account and that this client may call; the daemon has
    none.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        budgets: Budgets,
        observer: CallObserver,
        deadline_s: float,
        pool_size: int,
        user_agent: str,
        verify: bool | str = True,
        writes: frozenset[str] = frozenset(),
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        nonce: Callable[[], str] = lambda: f"{random.getrandbits(128):032x}",  # new each time; no secret
        resolver: Resolver | None = None,
        log: Logger | None = None,
    ) -> None:
        self._routes = dict(routes)
        self._budgets = budgets
        self._observer = observer
        self._deadline_s = deadline_s
        self._user_agent = user_agent
        self._writes = writes
        self._wall_clock = wall_clock
        self._clock = clock
        self._nonce = nonce
        self._log = log
        self._stopping = threading.Event()
        self._sockets = OpenSockets()
        self._resolver = resolver or Resolver()
        bundle = CaBundle(verify)
        self._adapters = {
            single_use: CallAdapter(bundle, resolver=self._resolver, pool_size=pool_size, single_use=single_use)
            for single_use in (False, True)
        }

    def reserve(self, operation: Operation, caller: Caller, *, after_reply: bool = False) -> Permit:
        """Reserve the next moment, as Budgets does; raises CredentialsUnavailable, WriteRefused or CallAborted."""
        self._refuse_write(operation)
        credentials = caller.credentials.credentials(patience_s=self._deadline_s)
        return self._permit(operation, caller, credentials, after_reply=after_reply)

    def ask(self, operation: Operation, caller: Caller, parameters: Mapping[str, str] = NO_PARAMETERS) -> Reply:
        """Call an operation as soon as its budget allows, and return the reply; raises as reserve and call do."""
        return self.call(operation, caller, self.reserve(operation, caller), parameters)

    def seconds_to(self, permit: Permit) -> float:
        """Seconds to the permit's moment; 0 when it has come."""
        return self._budgets.seconds_to(permit.reservation)

    def call(
        self, operation: Operation, caller: Caller, permit: Permit, parameters: Mapping[str, str] = NO_PARAMETERS
    ) -> Reply:
        """Wait for the permit, send the operation with its parameters, and return the reply.

        The reply to an operation with pages holds the rows of all; each further page has its own permit. A read is
        sent a second time, with its own permit and a new connection, when a reused connection ends before the head of
        a reply, or when the API refuses a token and there is another one. A write is sent once, on a new connection.
        Raises ApiError without an answer, CallAborted when the daemon stops, and WriteRefused.
        """
        self._refuse_write(operation)
        if operation.pages is None:
            return self._call(operation, caller, permit, parameters)
        ends_at = self._clock() + operation.pages.within_s
        listing = Listing(operation.pages, parameters)
        while (whole := listing.read(partial(self._call, operation, caller, permit))) is None:
            permit = self.reserve(operation, caller, after_reply=True)
            if self._clock() + self.seconds_to(permit) >= ends_at:
                raise CallTimedOut(f"no end of the list of {operation.action} within {operation.pages.within_s:g} s")
        return whole

    def _call(self, operation: Operation, caller: Caller, permit: Permit, parameters: Mapping[str, str]) -> Reply:
        route = (self._routes if caller.routes is None else caller.routes)[operation.endpoint]
        self._wait_for(permit)
        credentials = self._fresh(caller, permit)
        began = self._clock()
        writes = operation.access is Access.WRITE
        refused = None
        failure: ApiError
        try:
            return self._send(operation, credentials, permit, parameters, route=route, single_use=writes)
        except StaleConnection:
            failure = ConnectionFailed(closed_early(route))
        except Refused as refusal:
            if not _ended(credentials, refusal):
                raise
            refused, failure = credentials, refusal
        if writes or (refused is not None and not caller.credentials.renew(refused)):
            raise failure
        again, spent_s = self._second_permit(
            operation, caller, failure, refused=refused, spent_s=self._clock() - began, route=route
        )
        try:
            return self._send(
                operation, again.credentials, again, parameters, route=route, spent_s=spent_s, single_use=True
            )
        except Refused as refusal:
            # There is no third try, but the next call gets another token.
            if refused is None and _ended(again.credentials, refusal):
                caller.credentials.renew(again.credentials)
            raise

    def use_deadline(self, seconds: float) -> None:
        """Give each call that begins from now on so many seconds from its first byte to the end of its reply."""
        self._deadline_s = seconds

    def close(self) -> None:
        """End waits and calls under way with CallAborted, and refuse new ones."""
        self._stopping.set()
        self._resolver.close()
        self._sockets.stop()
        for adapter in self._adapters.values():
            adapter.close()

    def _refuse_write(self, operation: Operation) -> None:
        if operation.access is Access.WRITE and operation.action not in self._writes:
            raise WriteRefused(operation.action)

    def _permit(self, operation: Operation, caller: Caller, credentials: Credentials, *, after_reply: bool) -> Permit:
        identity = caller.account_id or credentials.access_key_id
        return Permit(
            credentials=credentials,
            reservation=self._budgets.reserve(identity, operation.action, after_reply=after_reply),
            reserved_at=self._clock(),
            sent=caller.sent,
        )

    def _second_permit(
        self,
        operation: Operation,
        caller: Caller,
        failure: ApiError,
        *,
        refused: Credentials | None,
        spent_s: float,
        route: Route,
    ) -> tuple[Permit, float]:
        """Wait for a permit with other credentials than those refused; also returns the time spent so far.

        Raises the failure of the first try when there is no time, or no room in the budget, for a second.
        """
        began = self._clock() - spent_s
        if spent_s >= self._deadline_s:
            raise self._timed_out(route)
        credentials = caller.credentials.credentials(patience_s=self._deadline_s - spent_s)
        spent_s = self._clock() - began
        if credentials == refused or spent_s >= self._deadline_s:
            raise failure
        permit = self._permit(operation, caller, credentials, after_reply=False)
        if self.seconds_to(permit) > LONGEST_RETRY_WAIT_S:
            raise failure
        self._wait_for(permit)
        return permit, spent_s

    def _wait_for(self, permit: Permit) -> None:
        while (wait_s := self.seconds_to(permit)) > 0:
            self._refuse_held(permit)
            self._pause(wait_s)

    def _refuse_held(self, permit: Permit) -> None:
        """Raise ApiError rather than keep a thread for as long as the API has asked to wait."""
        if self._budgets.held_s(permit.reservation) > LONGEST_RETRY_WAIT_S:
            raise ApiError(
                "not sent: the API has asked to wait before the next call", reason=FailureReason.THROTTLED, sent=False
            )

    def _admit(self, operation: Operation, permit: Permit, call: Call) -> None:
        """Count the call as sent, last before it is: connections may be made late, and many at once."""
        waited_s = max(0.0, permit.reservation.moment - permit.reserved_at)
        came_at = self._clock()
        while (wait_s := self._budgets.admit(permit.reservation)) > 0:
            self._refuse_held(permit)
            self._pause(min(wait_s, call.left_s()))
        waited_s += self._clock() - came_at
        self._observer.waited(operation.action, waited_s)
        self._pause(0)
        permit.sent(waited_s)

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise CallAborted

    def _fresh(self, caller: Caller, permit: Permit) -> Credentials:
        """The current credentials; where there are none, those of the permit unless they have ended."""
        try:
            return caller.credentials.credentials(patience_s=self._deadline_s)
        except CredentialsUnavailable:
            ends_at = permit.credentials.expires_at
            if ends_at is not None and ends_at <= self._wall_clock():
                raise
            return permit.credentials

    def _send(
        self,
        operation: Operation,
        credentials: Credentials,
        permit: Permit,
        parameters: Mapping[str, str],
        *,
        route: Route,
        spent_s: float = 0.0,
        single_use: bool = False,
    ) -> Reply:
        """Send the request, with ``single_use`` on a connection of its own; ``spent_s`` of the deadline are spent."""
        began = self._clock() - spent_s
        call = Call(
            self._sockets.clock() + self._deadline_s - spent_s,
            self._sockets,
            before_send=partial(self._admit, operation, permit),
        )
        request = signed_request(
            operation,
            credentials,
            parameters,
            route=route,
            user_agent=self._user_agent,
            moment=datetime.fromtimestamp(self._wall_clock(), UTC),
            nonce=self._nonce(),
        )
        redaction = Redaction.of(
            credentials,
            authorization=request.headers["Authorization"],
            parameters=[value for name, value in parameters.items() if name in operation.secret_parameters],
        )
        with self._timed(operation.action):
            try:
                response = self._adapters[single_use].send_within(call, request, proxies=route.proxies)
                came_at = self._wall_clock()
                request_id = redaction.plain(response.headers.get("x-acs-request-id"))
                body, problem = read(response)
            except (RequestException, HTTPError, OSError) as error:
                # The error's text can hold the request's headers.
                raise self._translated(error, call, route) from None
        if self._stopping.is_set():  # in a reply that ends with the connection, a cut looks like the end
            raise CallAborted
        if (ahead_s := clock_skew_s(response.headers.get("Date"), came_at)) is not None:
            self._observer.clock_skew(ahead_s)
        if self._log is not None and RATE_LIMIT_HEADER in response.headers:
            text = redaction.sentence(None, response.headers[RATE_LIMIT_HEADER])
            self._log.log(
                logging.DEBUG, "rate limit", operation=operation.action, rate_limit=text, request_id=request_id
            )
        try:
            payload, request_id = decode(
                body,
                redaction,
                http_status=response.status_code,
                request_id=request_id,
                headers=response.headers,
                came_at=came_at,
                longest_wait_s=self._budgets.longest_hold_s,
                problem=problem,
            )
        except Refused as refusal:
            if refusal.retry_after_s is not None:
                self._budgets.hold(permit.reservation, refusal.retry_after_s)
            raise
        return Reply(
            payload=payload,
            request_id=request_id,
            duration_s=self._clock() - began,
            access_key_id=credentials.access_key_id,
            fingerprint=hash(body.replace((request_id or "").encode(), b"")),
        )

    def _translated(self, error: Exception, call: Call, route: Route) -> Exception:
        if self._stopping.is_set():
            return CallAborted()
        if self._sockets.clock() >= call.deadline:
            return self._timed_out(route, step=call.step, sent=call.sent)
        if call.reused and not call.answered and died(error):
            return StaleConnection()
        return ConnectionFailed(failed(error, route, call.step), sent=call.sent)

    def _timed_out(self, route: Route, *, step: Step | None = None, sent: bool = True) -> CallTimedOut:
        return CallTimedOut(timed_out(route, step, self._deadline_s), sent=sent)

    @contextmanager
    def _timed(self, action: str) -> Iterator[None]:
        began = self._clock()
        try:
            yield
        finally:
            self._observer.called(action, self._clock() - began)


def _ended(credentials: Credentials, refusal: Refused) -> bool:
    """Whether the API refused a call because of its token."""
    return credentials.security_token is not None and refusal.refuses_token
