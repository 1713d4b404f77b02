"""The simulator: a scenario played by an HTTP server."""

import dataclasses
import enum
import json
import secrets
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from exporter.simulator.alterations import Alteration
from exporter.simulator.call import IssuedToken
from exporter.simulator.fault_effects import send_with_fault
from exporter.simulator.faults import Fault
from exporter.simulator.gateway import Gateway
from exporter.simulator.http_messages import Answer, MalformedRequestError, Request, json_of, to_wire
from exporter.simulator.http_server import Connection, HttpServer
from exporter.simulator.journal import Journal
from exporter.simulator.operations import LIMITS
from exporter.simulator.state import Balance, Debt, Member, Opening, ServiceState
from exporter.simulator.timeline import Scenario, announcements

JOURNAL_PATH: Final = "/_journal"


class Unset(enum.Enum):
    """The type of UNSET, which is no JSON value."""

    UNSET = enum.auto()


UNSET: Final = Unset.UNSET
"""Ends a raw answer."""


class Simulator:
    """Plays a scenario over real HTTP from `start` to `stop`; every method may be called from any thread.

    `port` 0 lets the kernel choose. The clocks are for tests: `wall_clock` gives Unix time, by which dates are
    checked, changes fall due and tokens expire; `monotonic` is what timelines and limits go by. `random_bytes` makes
    the tokens. `limits` are calls per second by action, for those that should differ from the vendor's.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        limits: Mapping[str, int] = LIMITS,
    ) -> None:
        self.journal = Journal()
        """Every request that arrived."""
        self._scenario = scenario
        self._host = host
        self._port = port
        self._ssl_context = ssl_context
        self._gateway = Gateway(
            scenario,
            journal=self.journal,
            limits=limits,
            wall_clock=wall_clock,
            monotonic=monotonic,
            random_bytes=random_bytes,
        )
        self._handler = _Handler(self._gateway, self.journal, wall_clock)
        self._server: HttpServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, and begin the timelines.

        Raises OSError if the port is taken, OutOfThreadsError, and RuntimeError the second time.
        """
        if self._server is not None:
            raise RuntimeError("a simulator starts once")
        self._server = HttpServer(self._handler, host=self._host, port=self._port, ssl_context=self._ssl_context)
        self._gateway.begin()
        self._server.start()

    def stop(self) -> None:
        """Close every connection; returns within a second, hung connections or not, and may be called again."""
        if self._server is not None:
            self._server.stop()

    @property
    def port(self) -> int:
        """The port in use; raises RuntimeError before the start."""
        if self._server is None:
            raise RuntimeError("the simulator has no port before it starts")
        return self._server.port

    @property
    def url(self) -> str:
        """Where clients find it, without a slash at the end; raises RuntimeError before the start."""
        scheme = "http" if self._ssl_context is None else "https"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self.port}"

    @property
    def elapsed_s(self) -> float:
        """How far the timelines are, in seconds since the start."""
        return self._gateway.elapsed_s

    def set_service(self, account: str, service: ServiceState | None, *, product: str = "dcdn_ipa") -> None:
        """Put a service above the timeline of the account of that name; None gives it back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.set_service(service, product=product)

    def set_debt(self, account: str, debt: Debt | None, *, product: str = "dcdn_ipa") -> None:
        """Put a product's debt above the timeline; None gives it back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.set_debt(debt, product=product)

    def set_balance(self, account: str, balance: Balance | None) -> None:
        """Put a balance above the timeline; None gives it back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.balance = balance

    def set_inventory(self, account: str, key: str, state: object, *, product: str = "") -> None:
        """Put what there is of a kind above the timeline, such as `certificates`; None gives it back to that.

        `state` is the value of that kind. Without a product, the kind is one of the whole account.
        """
        with self._gateway.overriding(account) as overrides:
            overrides.set_inventory(key, state, product=product)

    def set_denied(self, account: str, actions: Collection[str] | None) -> None:
        """Have the RAM policy lack these actions and no other; None gives it back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.set_denied(actions)

    def set_members(self, account: str, members: Sequence[Member] | None) -> None:
        """Have the account manage a directory of these members; None gives it back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.set_members(members)

    def set_opening(self, account: str, opening: Opening | None) -> None:
        """Decide what becomes of a call that would activate CDN; None gives that back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.opening = opening

    def set_fault(self, account: str, fault: Fault | None) -> None:
        """Put a fault above the timeline of the account of that name; None gives it back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.set_fault(fault)

    def set_alteration(self, account: str, alteration: Alteration | None, *, action: str) -> None:
        """Have the answers of an operation altered; None gives that back to the timeline."""
        with self._gateway.overriding(account) as overrides:
            overrides.set_alteration(alteration, action=action)

    def set_raw_answer(self, account: str, answer: object, *, action: str = "DescribeDcdnIpaService") -> None:
        """Have an operation answered with any JSON value, or with bytes as they are, and status 200.

        UNSET ends that. Raises TypeError for what is no JSON.
        """
        if answer is UNSET:
            body = None
        elif isinstance(answer, bytes):
            body = answer
        else:
            body = json.dumps(answer).encode()
        with self._gateway.overriding(account) as overrides:
            overrides.set_raw_answer(body, action=action)

    def revoke_tokens(self, account: str) -> None:
        """Have all credentials that were issued for the account of that name expire now."""
        self._gateway.revoke_tokens(account)

    def issued_tokens(self) -> tuple[IssuedToken, ...]:
        """Return all credentials that were issued, oldest first, so that a test can look for leaks."""
        return self._gateway.issued_tokens()

    def events(self, *, since_s: float = 0.0) -> Iterator[tuple[float, str, str]]:
        """Yield the scenario's announcements from that moment on: (elapsed seconds, account's name, sentence).

        In order of time, endless if a timeline repeats; a narrator waits until `elapsed_s` is there.
        """
        return announcements(self._scenario.accounts, since_s=since_s)


class _Handler:
    """Answers the HTTP server's requests; called by the threads of the connections."""

    def __init__(self, gateway: Gateway, journal: Journal, wall_clock: Callable[[], float]) -> None:
        self._gateway = gateway
        self._journal = journal
        self._wall_clock = wall_clock

    def handle(self, request: Request, connection: Connection) -> bool:
        keep_alive, head_only = request.keep_alive, request.method == "HEAD"
        if request.method in ("GET", "HEAD") and request.path == JOURNAL_PATH:
            answer = _journal_answer(self._journal)
            connection.send(to_wire(answer, now=self._wall_clock(), keep_alive=keep_alive, head_only=head_only))
            return keep_alive
        decision = self._gateway.decide(request, connection=connection.number, reused=connection.served > 0)
        data = to_wire(decision.answer, now=decision.now, keep_alive=keep_alive, head_only=head_only)
        if decision.fault is None:
            connection.send(data)
            return keep_alive
        return send_with_fault(data, decision.fault, connection) and keep_alive

    def refuse(self, error: MalformedRequestError, connection: Connection) -> None:
        decision = self._gateway.decide_malformed(error, connection=connection.number)
        connection.send(to_wire(decision.answer, now=decision.now, keep_alive=False))


def _journal_answer(journal: Journal) -> Answer:
    entries = [dataclasses.asdict(entry) for entry in journal.entries()]
    return json_of({"total": journal.total, "entries": entries})
