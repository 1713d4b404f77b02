"""Decides what each request gets: who calls, what is asked, whether it is too often, what goes wrong on purpose."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.simulator.call import Call, Caller, common_parameters
from exporter.simulator.credential_services import CredentialServices, service_at
from exporter.simulator.errors import GatewayError, error_payload
from exporter.simulator.fault_effects import UNANSWERED, fault_answer, fault_error, fault_request_id
from exporter.simulator.http_messages import Answer
from exporter.simulator.journal import Journal, JournalEntry
from exporter.simulator.operations import LIMITS, OPERATIONS, find_operation, lacking_right
from exporter.simulator.overrides import Overrides
from exporter.simulator.signature_check import DATE_WINDOW_S, NonceStore, check_signature, check_signature_v1
from exporter.simulator.sts import IssuedTokens, holder_of_key, requested_role
from exporter.simulator.throttle import Throttle
from exporter.simulator.timeline import account_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exporter.simulator.call import CommonParameters, IssuedToken
    from exporter.simulator.faults import Fault
    from exporter.simulator.http_messages import MalformedRequestError, Request
    from exporter.simulator.operations import Operation
    from exporter.simulator.state import AccessKey, Role
    from exporter.simulator.timeline import Account, Moment, Scenario

_METHODS: Final = ("POST", "GET")
_UNSIGNED: Final = frozenset((row.action, row.version) for row in OPERATIONS if not row.signed)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a request gets."""

    answer: Answer
    fault: Fault | None
    now: float
    """The Unix time of the decision."""


class Gateway:
    """The simulated gateway; every method may be called from any thread.

    One lock makes each decision whole, so that limits, nonces and the journal see one and the same order of arrival.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        journal: Journal,
        limits: Mapping[str, int],
        wall_clock: Callable[[], float],
        monotonic: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        if unknown := limits.keys() - LIMITS.keys():
            raise ValueError(f"limits for {sorted(unknown)}; the operations are {sorted(LIMITS)}")
        self._journal = journal
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._accounts = {account.access_key_id: account for account in scenario.accounts}
        self._roles = {
            (account.account_id, role.name): (account, role)
            for account in scenario.accounts
            for role in account.roles
        }
        self._tokens = IssuedTokens(random_bytes=random_bytes)
        self._services = CredentialServices(scenario.accounts, tokens=self._tokens, random_bytes=random_bytes)
        self._overrides = {account.name: Overrides() for account in scenario.accounts}
        self._throttle = Throttle({**LIMITS, **limits})
        self._nonces = NonceStore(window_s=DATE_WINDOW_S)
        self._started_s = monotonic()
        self._started_at_unix = wall_clock()

    @property
    def elapsed_s(self) -> float:
        """How far the timelines are, in seconds."""
        return self._monotonic() - self._started_s

    def begin(self) -> None:
        """Start the timelines now."""
        with self._lock:
            self._started_s = self._monotonic()
            self._started_at_unix = self._wall_clock()

    @contextmanager
    def overriding(self, account: str) -> Iterator[Overrides]:
        """Give what is set by hand for the account of that name, no decision being made meanwhile."""
        overrides = self._overrides_of(account)
        with self._lock:
            yield overrides

    def revoke_tokens(self, account: str) -> None:
        """Have all credentials that were handed out for an account expire now."""
        self._overrides_of(account)
        with self._lock:
            self._tokens.revoke(account, now=self._wall_clock())

    def issued_tokens(self) -> tuple[IssuedToken, ...]:
        """Return all credentials that were handed out, oldest first."""
        with self._lock:
            return self._tokens.all()

    def decide(self, request: Request, *, connection: int, reused: bool) -> Decision:
        """Return what a request gets, and note it in the journal."""
        with self._lock:
            service = service_at(request.path)
            if service is not None:
                return self._hand_out(request, service, connection=connection, reused=reused)
            return self._decide(request, connection=connection, reused=reused)

    def decide_malformed(self, error: MalformedRequestError, *, connection: int) -> Decision:
        """Return what is said to a client that speaks no HTTP, and note it in the journal."""
        with self._lock:
            entry = JournalEntry(
                at_s=self._monotonic(),
                action=None,
                account_id=None,
                access_key_id=None,
                method=None,
                http_status=error.status,
                code=None,
                request_id=_new_request_id(),
                fault=None,
                connection=connection,
            )
            self._journal.append(entry)
        # No body of the API: the real gateway's front door answers this one.
        answer = Answer(error.status, f"{error.reason}\n".encode(), content_type="text/plain")
        return Decision(answer, None, self._wall_clock())

    def _decide(self, request: Request, *, connection: int, reused: bool) -> Decision:
        at_s = self._monotonic()
        now = self._wall_clock()
        request_id = _new_request_id()
        common = common_parameters(request)
        account: Account | None = None
        operation: Operation | None = None
        fault: Fault | None = None
        refusal: GatewayError | None = None
        body = b""
        try:
            caller = self._caller(request, common, now)
            account = caller.account
            operation = find_operation(common.action, common.version)
            if not self._throttle.admit(account.account_id, operation.action, now=at_s):
                raise _throttled()
            moment = account_at(account, at_s - self._started_s, self._started_at_unix)
            fault = self._overrides[account.name].take_fault(moment, operation.action, reused=reused)
            if fault is not None and (error := fault_error(fault, request)) is not None:
                refusal = error
            else:
                body = self._right_body(
                    caller, request.parameters(), moment, operation, now=now, request_id=request_id
                )
        except GatewayError as error:
            refusal = error
        shown_id = fault_request_id(fault, request, request_id=request_id)
        if refusal is not None:
            product = "" if operation is None else operation.product
            body = _encode(error_payload(refusal, request_id=shown_id, host=request.header("host"), product=product))
        status = 200 if refusal is None else refusal.status
        answer = Answer(status, body, headers=(("x-acs-request-id", shown_id),))
        if fault is not None:
            answer = fault_answer(fault, answer)
        entry = JournalEntry(
            at_s=at_s,
            action=common.action or None,
            account_id=None if account is None else account.account_id,
            access_key_id=common.access_key_id,
            method=request.method,
            http_status=None if fault is not None and fault.kind in UNANSWERED else answer.status,
            code=_code_to_note(refusal, fault),
            request_id=request_id,
            fault=None if fault is None else fault.kind,
            connection=connection,
        )
        self._journal.append(entry)
        return Decision(answer, fault, now)

    def _hand_out(self, request: Request, service: str, *, connection: int, reused: bool) -> Decision:
        at_s = self._monotonic()
        now = self._wall_clock()
        request_id = _new_request_id()
        bearer = self._services.bearer(request)
        fault: Fault | None = None
        if bearer is not None:
            moment = account_at(bearer.account, at_s - self._started_s, self._started_at_unix)
            fault = self._overrides[bearer.account.name].take_fault(moment, service, reused=reused, if_named=True)
        refusal = None if fault is None else fault_error(fault, request)
        if refusal is None:
            answer = self._services.answer(request, now=now)
        else:
            payload = error_payload(refusal, request_id=request_id, host=request.header("host"), product="")
            answer = Answer(refusal.status, _encode(payload))
        if fault is not None:
            answer = fault_answer(fault, answer)
        entry = JournalEntry(
            at_s=at_s,
            action=service,
            account_id=None if bearer is None else bearer.account.account_id,
            access_key_id=None,
            method=request.method,
            http_status=None if fault is not None and fault.kind in UNANSWERED else answer.status,
            code=_code_to_note(refusal, fault),
            request_id=request_id,
            fault=None if fault is None else fault.kind,
            connection=connection,
        )
        self._journal.append(entry)
        return Decision(answer, fault, now)

    def _caller(self, request: Request, common: CommonParameters, now: float) -> Caller:
        if request.method not in _METHODS:
            raise GatewayError("UnsupportedHTTPMethod", "This http method is not supported.")
        if request.path != "/":
            message = "Specified api is not found, please check your url and method."
            raise GatewayError("InvalidApi.NotFound", message)
        if not common.signed and (common.action, common.version) in _UNSIGNED:
            return Caller(requested_role(request.parameters(), find_role=self._find_role)[0])
        check = check_signature_v1 if common.v1 else check_signature
        key = check(request, find_key=self._find_key, now=now, nonces=self._nonces)
        issued = self._tokens.find(key.access_key_id)
        return holder_of_key(self._accounts[key.access_key_id]) if issued is None else issued.caller

    def _find_key(self, access_key_id: str) -> AccessKey | None:
        if (account := self._accounts.get(access_key_id)) is not None:
            return account.key
        issued = self._tokens.find(access_key_id)
        return None if issued is None else issued.key

    def _find_role(self, account_id: str, name: str) -> tuple[Account, Role] | None:
        return self._roles.get((account_id, name))

    def _right_body(
        self,
        caller: Caller,
        parameters: Mapping[str, str],
        moment: Moment,
        operation: Operation,
        *,
        now: float,
        request_id: str,
    ) -> bytes:
        overrides = self._overrides[caller.account.name]
        if (raw := overrides.raw_answer(operation.action)) is not None:
            return raw
        present = overrides.over(moment, now=now)
        if operation.action in present.denied:
            raise lacking_right(operation, caller.account.account_id)
        call = Call(
            caller,
            parameters,
            present,
            now=now,
            find_role=self._find_role,
            issue=lambda bearer, lasts_s: self._tokens.issue(bearer, now=now, lasts_s=lasts_s),
            activate=lambda product, state: overrides.activate(
                product, state, shows_at=now + present.opening.shows_after_s
            ),
        )
        answer = operation.answer(call)
        return _encode({**answer, "RequestId": request_id})

    def _overrides_of(self, account: str) -> Overrides:
        try:
            return self._overrides[account]
        except KeyError:
            known = ", ".join(self._overrides)
            raise ValueError(f"no account is named {account!r}; the scenario has {known}") from None


def _throttled() -> GatewayError:
    return GatewayError("Throttling.User", "Request was denied due to user flow control.")


def _new_request_id() -> str:
    return str(uuid.uuid4()).upper()


def _encode(payload: object) -> bytes:
    return json.dumps(payload).encode()


def _code_to_note(refusal: GatewayError | None, fault: Fault | None) -> str | None:
    if refusal is None:
        return None
    # An echo can hold a token in its code, and the journal is shown to anybody.
    return "InternalError" if fault is not None and fault.kind == "echo" else refusal.code
