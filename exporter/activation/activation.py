"""One attempt to activate CDN: check account and state, call once, and wait for the new state."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from exporter.accounts.account_id import parse_account_id
from exporter.accounts.credentials import CredentialProviders
from exporter.activation.outcome import (
    LastLook,
    Outcome,
    Subject,
    accepted,
    found_active,
    interrupted,
    interrupted_before,
    never_left,
    not_sent,
    other_account,
    refused,
    unanswered,
)
from exporter.api.call import NO_PARAMETERS, Api, Caller, Permit, Reply, Unobserved
from exporter.api.client import Client
from exporter.api.credentials.roles import Roles
from exporter.api.endpoints import ca_bundle, routes_of
from exporter.api.errors import ApiError, MalformedReply, Refused
from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY, Access, Operation
from exporter.api.rate_limit import Budgets
from exporter.api.request import USER_AGENT
from exporter.config import Account, Configuration
from exporter.core.logger import Logger
from exporter.core.pool import Pool
from exporter.probes.kind import ProbeKind
from exporter.probes.service import SERVICE
from exporter.probes.service_state import ServiceState
from exporter.probes.table import PROBES

# https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-opencdnservice
OPEN_CDN_SERVICE = Operation(
    action="OpenCdnService",
    version="2018-05-10",
    endpoint="cdn",
    calls_per_second=5,
    access=Access.WRITE,
    ram_action="cdn:OpenCdnService",
)
CDN: ProbeKind[ServiceState, Any, Any] = next(
    kind for kind in PROBES if (kind.product, kind.probe) == ("cdn", SERVICE)
)

_LOOK_EVERY_S = 1.0


class WritingApi(Api, Protocol):
    """What is needed of the API client: reads in one step, the write in two."""

    def reserve(self, operation: Operation, caller: Caller) -> Permit:
        """Reserve the next moment for a call."""

    def call(
        self, operation: Operation, caller: Caller, permit: Permit, parameters: Mapping[str, str] = NO_PARAMETERS
    ) -> Reply:
        """Wait for the permit, send, and return the reply; a write is sent once."""


@dataclass(frozen=True, slots=True)
class Wait:
    """For how long, and how, to wait until DescribeCdnService shows CDN as active."""

    patience_s: float
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if not self.patience_s >= 0:
            raise ValueError(f"a patience is 0 s or more, seen {self.patience_s!r}")


class Activation:
    """Activates CDN for the caller, once; an account id of the subject has to be the caller's.

    ``subject`` is for whom, and ``outcome`` what is known at every moment: an interrupt (KeyboardInterrupt) is an
    outcome, too.
    """

    def __init__(self, api: WritingApi, caller: Caller, subject: Subject, *, wait: Wait) -> None:
        self.subject = subject
        self.outcome = interrupted_before()
        self._api = api
        self._caller = caller
        self._wait = wait

    def run(self, objection: Callable[[Subject], Outcome | None]) -> None:
        """Activate CDN unless it is active or ``objection`` returns an outcome."""
        outcome = self.prepare() or objection(self.subject)
        if outcome is None:
            self.carry_out()
        else:
            self.outcome = outcome

    def prepare(self) -> Outcome | None:
        """Learn the account id; returns the outcome where there is nothing to activate, and changes nothing."""
        try:
            found = self._account_id()
        except ApiError as error:
            return not_sent("GetCallerIdentity", error)
        configured = self.subject.account_id
        if configured is not None and configured != found:
            return other_account(configured, found)
        self.subject = replace(self.subject, account_id=found)
        try:
            return found_active(self._state())
        except ApiError as error:
            return not_sent("DescribeCdnService", error)

    def carry_out(self) -> None:
        """Call OpenCdnService once, and wait for the new state."""
        try:
            permit = self._api.reserve(OPEN_CDN_SERVICE, self._caller)
        except ApiError as error:
            self.outcome = not_sent("Getting credentials", error)
            return
        self.outcome = interrupted(None)
        try:
            request_id = self._open(permit)
        except Refused as refusal:
            self.outcome = refused(refusal) or self._without_answer(refusal)
        except ApiError as error:
            self.outcome = self._without_answer(error) if error.sent else never_left(error)
        else:
            self.outcome = interrupted(request_id)
            self.outcome = accepted(request_id, self._look())

    def _open(self, permit: Permit) -> str:
        """The request id of the answer; raises MalformedReply for an answer without one, which is not the API's."""
        parameters = {"InternetChargeType": self.subject.charge_type}
        reply = self._api.call(OPEN_CDN_SERVICE, self._caller, permit, parameters)
        if reply.request_id is None or "RequestId" not in reply.payload:
            raise MalformedReply("the reply has no RequestId", request_id=reply.request_id)
        return reply.request_id

    def _without_answer(self, error: ApiError) -> Outcome:
        return unanswered(error.explanation, self._look(), request_id=error.request_id)

    def _look(self) -> LastLook:
        """Call DescribeCdnService until it shows CDN as active or the patience ends; at least once."""
        began = self._wait.clock()
        while True:
            state, failure = None, None
            try:
                state = self._state()
            except ApiError as error:
                failure = error.explanation
            waited_s = self._wait.clock() - began
            look = LastLook(round(waited_s, 1), state=state, failure=failure)
            if look.shows_it or waited_s >= self._wait.patience_s:
                return look
            self._wait.pause(min(_LOOK_EVERY_S, self._wait.patience_s - waited_s))

    def _account_id(self) -> str:
        reply = self._api.ask(GET_CALLER_IDENTITY, self._caller)
        return parse_account_id(reply.payload, reply.request_id)

    def _state(self) -> ServiceState:
        try:
            reply = self._api.ask(CDN.operation, self._caller)
            answer = CDN.parse(reply.payload, reply.request_id)
        except Refused as refusal:
            stands_for = CDN.state_in_refusal(refusal)
            if stands_for is None:
                raise
            answer = stands_for
        return answer.state


@contextmanager
def connected(
    configuration: Configuration, account: Account, *, environ: Mapping[str, str], log: Logger
) -> Iterator[tuple[Client, Caller]]:
    """A client that may call OpenCdnService and no other write, and the account as its caller.

    Nothing else makes such a client. Both are closed in the end.
    """
    operations = (OPEN_CDN_SERVICE, CDN.operation, GET_CALLER_IDENTITY, ASSUME_ROLE)
    routes = routes_of(account.site, configuration.endpoints.model_dump(exclude_none=True), environ)
    client = Client(
        routes,
        budgets=Budgets({each.action: each.calls_per_second for each in operations}, clock=time.monotonic),
        observer=Unobserved(),
        deadline_s=configuration.poll.timeout_s,
        pool_size=1,
        user_agent=f"{USER_AGENT} open-cdn",
        verify=ca_bundle(environ),
        writes=frozenset({OPEN_CDN_SERVICE.action}),
    )
    pool = Pool(log=log)
    roles = Roles(client, pool=pool, log=log)
    providers = CredentialProviders(
        assume=lambda _, role, source: roles.provider(role, Caller(source, routes=routes), renewed=lambda: None),
        pool=pool,
        sts_endpoint=configuration.endpoints.sts,
    )
    try:
        yield client, Caller(providers.of(account.credentials), account_id=account.known_account_id)
    finally:
        client.close()
        providers.close()
        roles.close()
        pool.close()
