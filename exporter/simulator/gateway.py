"""Decides the answer to each request: who calls, which operation, within the limit or not, with which fault."""

import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.simulator.alterations import Alteration
from exporter.simulator.call import Call, Caller, CommonParameters, IssuedToken, common_parameters
from exporter.simulator.credential_services import CredentialServices, service_at
from exporter.simulator.errors import GatewayError, describe_error, throttled
from exporter.simulator.fault_effects import fault_answer, fault_error, fault_request_id
from exporter.simulator.faults import UNANSWERED, Fault
from exporter.simulator.http_messages import Answer, MalformedRequestError, Request, json_of, xml_of
from exporter.simulator.journal import Journal, JournalEntry
from exporter.simulator.operation import Operation
from exporter.simulator.operations import LIMITS, OPERATIONS, find_operation, lacking_right
from exporter.simulator.overrides import Overrides
from exporter.simulator.signature_check import DATE_WINDOW_S, NonceStore, check_signature, check_signature_v1
from exporter.simulator.state import AccessKey, Role
from exporter.simulator.sts import IssuedTokens, holder_of_key, requested_role
from exporter.simulator.timeline import Account, Moment, Scenario, account_at

_METHODS: Final = ("POST", "GET")
_UNALTERED: Final = Alteration()
_NO_HEADERS: Final[tuple[tuple[str, str], ...]] = ()
_UNSIGNED: Final = frozenset((row.action, row.version) for row in OPERATIONS if not row.signed)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a request gets."""

    answer: Answer
    fault: Fault | None
    now: float
    """The Unix time of the decision."""


class Throttle:
    """Admits at most N calls in any window of one second, per account and operation; a true sliding window.

    A call that is refused does not count: however hard a client hammers, N calls a second are served. Two calls
    exactly one window apart are not in one window. Not thread-safe, its owner holds the lock.
    """

    def __init__(self, limits: Mapping[str, int], *, window_s: float = 1.0) -> None:
        for action, limit in limits.items():
            if limit < 1:
                raise ValueError(f"the limit of {action} is {limit}; a limit is at least 1 call per second")
        self._limits = dict(limits)
        self._window_s = window_s
        self._admitted: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def wait_s(self, account_id: str, action: str, *, now: float) -> float:
        """Return 0 for a call at this moment that is served, and count it; else when the next one would be.

        `now` never goes back.
        """
        admitted = self._admitted[account_id, action]
        while admitted and now - admitted[0] >= self._window_s:
            admitted.popleft()
        if len(admitted) >= self._limits[action]:
            return admitted[0] + self._window_s - now
        admitted.append(now)
        return 0.0


def _new_request_id() -> str:
    return str(uuid.uuid4()).upper()


@dataclass(slots=True)
class _Arrival:
    """A request on its way to its answer, and what is found out about it on the way."""

    request: Request
    connection: int
    """The number of its connection."""
    reused: bool
    """Whether that has served another request before."""
    at_s: float
    """On the monotonic clock."""
    now: float
    """Unix time."""
    request_id: str = field(default_factory=_new_request_id)
    action: str | None = None
    access_key_id: str | None = None
    account: Account | None = None
    fault: Fault | None = None
    code: str | None = None

    def note_refusal(self, error: GatewayError) -> None:
        # The code of an echo can hold a token, and the journal needs no credentials.
        self.code = "InternalError" if self.fault is not None and self.fault.kind == "echo" else error.code

    def entry(self, answer: Answer) -> JournalEntry:
        return JournalEntry(
            at_s=self.at_s,
            at_unix=self.now,
            action=self.action,
            account_id=None if self.account is None else self.account.account_id,
            access_key_id=self.access_key_id,
            method=self.request.method,
            http_status=None if self.fault is not None and self.fault.kind in UNANSWERED else answer.status,
            code=self.code,
            request_id=self.request_id,
            fault=None if self.fault is None else self.fault.kind,
            connection=self.connection,
        )


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
        self._site = scenario.site
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
        """Yield what is set by hand for the account of that name; no request is decided meanwhile."""
        overrides = self._overrides_of(account)
        with self._lock:
            yield overrides

    def revoke_tokens(self, account: str) -> None:
        """Have all credentials that were issued for an account expire now."""
        self._overrides_of(account)
        with self._lock:
            self._tokens.revoke(account, now=self._wall_clock())

    def issued_tokens(self) -> tuple[IssuedToken, ...]:
        """Return all credentials that were issued, oldest first."""
        with self._lock:
            return self._tokens.all()

    def decide(self, request: Request, *, connection: int, reused: bool) -> Decision:
        """Return what a request gets, and note it in the journal."""
        with self._lock:
            arrival = _Arrival(request, connection, reused, at_s=self._monotonic(), now=self._wall_clock())
            service = service_at(request.path)
            answer = self._answer_call(arrival) if service is None else self._hand_out(arrival, service)
            if arrival.fault is not None:
                answer = fault_answer(arrival.fault, answer)
            self._journal.append(arrival.entry(answer))
        return Decision(answer, arrival.fault, arrival.now)

    def decide_malformed(self, error: MalformedRequestError, *, connection: int) -> Decision:
        """Return the answer to what is no HTTP request, and note it in the journal."""
        with self._lock:
            now = self._wall_clock()
            entry = JournalEntry(
                at_s=self._monotonic(),
                at_unix=now,
                http_status=error.status,
                request_id=_new_request_id(),
                connection=connection,
            )
            self._journal.append(entry)
        # No body of the API: it is the real gateway's web server that answers this one.
        answer = Answer(error.status, f"{error.reason}\n".encode(), content_type="text/plain")
        return Decision(answer, None, now)

    def _answer_call(self, arrival: _Arrival) -> Answer:
        request = arrival.request
        common = common_parameters(request)
        arrival.action = common.action or None
        arrival.access_key_id = common.access_key_id
        operation = None
        try:
            caller = self._caller(request, common, arrival.now)
            arrival.account = caller.account
            operation = find_operation(common.action, common.version)
            payload, root = self._payload(arrival, caller, operation), f"{operation.action}Response"
            status, shown_id, headers = 200, arrival.request_id, _NO_HEADERS
        except GatewayError as error:
            arrival.note_refusal(error)
            status, headers = error.status, error.headers
            shown_id = fault_request_id(arrival.fault, request, request_id=arrival.request_id)
            product = "" if operation is None else operation.product
            payload = describe_error(error, request_id=shown_id, host=request.header("host"), product=product)
            root = "Error"
        if isinstance(payload, bytes):
            answer = Answer(200, payload)
        else:
            answer = xml_of(payload, root=root) if common.xml else json_of(payload)
        return replace(answer, status=status, headers=(("x-acs-request-id", shown_id), *headers))

    def _payload(self, arrival: _Arrival, caller: Caller, operation: Operation) -> dict[str, object] | bytes:
        request, account, now = arrival.request, caller.account, arrival.now
        if wait_s := self._throttle.wait_s(account.account_id, operation.action, now=arrival.at_s):
            raise throttled(wait_s)
        overrides = self._overrides[account.name]
        moment = self._moment(account, arrival.at_s)
        arrival.fault = overrides.take_fault(moment, operation.action, reused=arrival.reused)
        if arrival.fault is not None and (error := fault_error(arrival.fault, request)) is not None:
            raise error
        if (raw := overrides.raw_answer(operation.action)) is not None:
            return raw
        present = overrides.over(moment, now=now)
        if operation.action in present.denied:
            raise lacking_right(operation, caller)
        shows_at = now + present.opening.shows_after_s
        call = Call(
            caller,
            request.parameters(),
            present,
            other_site=account.site not in (None, self._site),
            now=now,
            find_role=self._find_role,
            issue=lambda bearer, lasts_s: self._tokens.issue(bearer, now=now, lasts_s=lasts_s),
            activate=lambda product, state: overrides.activate(product, state, shows_at=shows_at),
        )
        answer = {**operation.answer(call), "RequestId": arrival.request_id}
        return present.answers.get(operation.action, _UNALTERED).applied(answer)

    def _hand_out(self, arrival: _Arrival, service: str) -> Answer:
        request = arrival.request
        arrival.action = service
        bearer = self._services.bearer(request)
        if bearer is not None:
            arrival.account = bearer.account
            moment = self._moment(bearer.account, arrival.at_s)
            overrides = self._overrides[bearer.account.name]
            arrival.fault = overrides.take_fault(moment, service, reused=arrival.reused, if_named=True)
        error = None if arrival.fault is None else fault_error(arrival.fault, request)
        if error is None:
            return self._services.answer(request, now=arrival.now)
        arrival.note_refusal(error)
        host = request.header("host")
        payload = describe_error(error, request_id=arrival.request_id, host=host, product="")
        return replace(json_of(payload), status=error.status)

    def _moment(self, account: Account, at_s: float) -> Moment:
        return account_at(account, at_s - self._started_s, self._started_at_unix)

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

    def _overrides_of(self, account: str) -> Overrides:
        try:
            return self._overrides[account]
        except KeyError:
            known = ", ".join(self._overrides)
            raise ValueError(f"no account is named {account!r}; the scenario has {known}") from None
