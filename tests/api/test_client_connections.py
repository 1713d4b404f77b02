"""Which connection a call uses, and what becomes of it."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from exporter.api.call import Caller, Permit, Reply
from exporter.api.client import Client
from exporter.api.dns import Address, Resolver
from exporter.api.errors import ApiError, CallAborted, CallTimedOut, ConnectionFailed
from exporter.api.operation import Operation
from exporter.api.rate_limit import Budgets
from exporter.simulator import Fault, Simulator
from tests.api.raw_server import PATIENCE_S, Peer, RawServer, always, once, reply
from tests.api.recording_observer import RecordingObserver
from tests.waiting import soon

Simulate = Callable[..., Simulator]
Serve = Callable[..., RawServer]
Connect = Callable[..., Client]
Ask = Callable[[Client], Reply]
NO_FAMILY = 999


def connections(simulator: Simulator) -> list[int]:
    return [entry.connection for entry in simulator.journal.entries()]


def test_a_connection_is_reused(simulate: Simulate, connect: Connect, ask: Ask) -> None:
    """Calls one after the other share one connection."""
    simulator = simulate()
    client = connect(simulator.url)
    for _ in range(5):
        ask(client)

    assert connections(simulator) == [1] * 5


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(Fault("error", status=400, code="Throttling"), [1, 1], id="error"),
        pytest.param(Fault("redirect_302"), [1, 1], id="redirect"),
        pytest.param(Fault("oversized"), [1, 2], id="oversized"),
        pytest.param(Fault("oversized", chunked=True), [1, 2], id="oversized-chunked"),
        pytest.param(Fault("cut_body"), [1, 2], id="cut-body"),
    ],
)
def test_after_a_failure(simulate: Simulate, connect: Connect, ask: Ask, fault: Fault, expected: list[int]) -> None:
    """A connection is used again when its reply was read to the end, and not when it was left half read."""
    simulator = simulate()
    client = connect(simulator.url)
    simulator.set_fault("alice", fault)
    with pytest.raises(ApiError):
        ask(client)
    simulator.set_fault("alice", None)
    ask(client)

    assert connections(simulator) == expected


def test_after_a_timeout(simulate: Simulate, connect: Connect, ask: Ask) -> None:
    """A connection whose call timed out is not used again: its late reply belongs to nobody."""
    simulator = simulate()
    client = connect(simulator.url, deadline_s=0.5)
    simulator.set_fault("alice", Fault("latency", seconds=1))
    with pytest.raises(ApiError):
        ask(client)
    simulator.set_fault("alice", None)
    client.use_deadline(20)
    ask(client)

    assert connections(simulator) == [1, 2]


def test_a_stale_connection(simulate: Simulate, connect: Connect, ask: Ask, observer: RecordingObserver) -> None:
    """A read on a connection that has died in the pool is sent once more, on a new one, through the budget."""
    simulator = simulate()
    client = connect(simulator.url)
    ask(client)
    simulator.set_fault("alice", Fault("close_reused"))

    assert ask(client).payload
    assert connections(simulator) == [1, 1, 2]
    assert len(observer.waits) == len(observer.calls) == 3


def close_at_second_request(peer: Peer) -> None:
    """The first connection answers once; after that none does."""
    peer.read_head()
    if peer.number == 1:
        peer.send(reply())
        peer.read_head()


def test_a_read_is_sent_once_more_and_no_more(serve: Serve, connect: Connect, ask: Ask) -> None:
    """When the new connection dies too, that is the failure."""
    server = serve(close_at_second_request)
    client = connect(server.url)
    ask(client)

    with pytest.raises(ConnectionFailed):
        ask(client)
    assert (len(server.heads), server.connections) == (3, 2)


def test_a_write_is_sent_once(serve: Serve, connect: Connect, caller: Caller, write: Operation) -> None:
    """A write whose connection died may have taken effect: it is not repeated."""
    server = serve(close_at_second_request)
    client = connect(server.url, writes=frozenset({write.action}))
    client.call(write, caller, client.reserve(write, caller))

    with pytest.raises(ConnectionFailed):
        client.call(write, caller, client.reserve(write, caller))
    assert (len(server.heads), server.connections) == (2, 2)


def test_a_write_has_a_connection_of_its_own(
    simulate: Simulate, connect: Connect, ask: Ask, caller: Caller, write: Operation
) -> None:
    """One that has died in the pool would lose its answer, and nobody would know whether it took effect."""
    simulator = simulate()
    client = connect(simulator.url, writes=frozenset({write.action}))
    ask(client)
    simulator.set_fault("alice", Fault("close_reused"))
    parameters = {"InternetChargeType": "PayByTraffic"}

    assert client.call(write, caller, client.reserve(write, caller), parameters).request_id
    assert connections(simulator) == [1, 2]


def test_a_new_connection_that_dies_is_no_stale_one(serve: Serve, connect: Connect, ask: Ask) -> None:
    """A first request that gets no reply is not repeated."""
    server = serve(once(b""))

    with pytest.raises(ConnectionFailed):
        ask(connect(server.url))
    assert len(server.heads) == 1


def test_a_connection_made_anew_is_no_stale_one(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Where the one in the pool was seen to be closed, the first request of the next one is not repeated either."""
    closed = threading.Event()

    def act(peer: Peer) -> None:
        peer.read_head()
        if peer.number == 1:
            peer.send(reply())
        peer.close()
        closed.set()

    server = serve(act)
    client = connect(server.url)
    ask(client)
    assert closed.wait(PATIENCE_S)

    with pytest.raises(ConnectionFailed):
        ask(client)
    assert (len(server.heads), server.connections) == (2, 2)


@pytest.mark.parametrize("breaks_off", [Peer.close, Peer.reset])
def test_a_reply_that_breaks_off_is_not_asked_again(
    serve: Serve, connect: Connect, ask: Ask, breaks_off: Callable[[Peer], None]
) -> None:
    """Once the head of a reply was there the request is not repeated, reused connection or not."""
    head_was_read = threading.Event()

    def act(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply())
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        head_was_read.wait(0.1)  # a reset overtakes what was sent before it
        breaks_off(peer)

    server = serve(act)
    client = connect(server.url)
    ask(client)

    with pytest.raises(ConnectionFailed):
        ask(client)
    assert len(server.heads) == 2


@pytest.mark.parametrize(
    ("jump_s", "outcome"),
    [pytest.param(7.0, 7.0, id="in-time"), pytest.param(100.0, CallTimedOut, id="too-late")],
)
def test_both_tries_have_one_deadline(
    serve: Serve, connect: Connect, ask: Ask, jump_s: float, outcome: float | type[ApiError]
) -> None:
    """The time that the stale connection took counts, and is not given back to the second try."""
    now = [0.0]

    def act(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply())
        if peer.number == 1:
            peer.read_head()
            now[0] += jump_s

    client = connect(serve(act).url, clock=lambda: now[0], deadline_s=20.0)
    ask(client)

    if isinstance(outcome, float):
        assert ask(client).duration_s == outcome
    else:
        with pytest.raises(outcome):
            ask(client)


def test_no_more_connections_than_the_pool_are_kept(serve: Serve, connect: Connect, ask: Ask) -> None:
    """A connection that finds the pool full is closed."""
    together = threading.Barrier(3)

    def act(peer: Peer) -> None:
        while peer.read_head():
            if peer.number <= 3:
                together.wait(10)
            peer.send(reply())

    server = serve(act)
    client = connect(server.url, pool_size=1)
    threads = [threading.Thread(target=ask, args=(client,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert (server.connections, len(server.heads)) == (3, 3)


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 — only the number counts


def test_no_file_descriptor_is_lost(simulate: Simulate, connect: Connect, ask: Ask) -> None:
    """Two hundred calls that go wrong in every way leave as many files open as the first twenty."""
    faults = [
        Fault("reset"),
        Fault("close"),
        Fault("cut_body"),
        Fault("not_http"),
        Fault("html_502"),
        Fault("redirect_302"),
        Fault("oversized"),
        Fault("oversized", chunked=True),
        Fault("wrong_shape"),
        None,
    ]
    simulator = simulate()
    client = connect(simulator.url)

    def call_all(rounds: int) -> None:
        for _ in range(rounds):
            for fault in faults:
                simulator.set_fault("alice", fault)
                try:
                    ask(client)
                except ApiError:
                    assert fault is not None

    call_all(2)
    before = open_files()
    call_all(18)
    # The simulator's threads close their ends in their own time.
    for _ in range(200):
        if open_files() <= before:
            break
        threading.Event().wait(0.02)

    assert open_files() <= before


def test_timeouts_lose_no_file_descriptor(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Calls that time out close what they opened."""
    server = serve(Peer.stay_silent)
    client = connect(server.url, deadline_s=0.02)

    def call(times: int) -> None:
        for _ in range(times):
            with pytest.raises(ApiError):
                ask(client)

    call(2)
    before = open_files()
    call(10)
    for _ in range(200):
        if open_files() <= before:
            break
        threading.Event().wait(0.02)

    assert open_files() <= before


def test_unreachable(connect: Connect, ask: Ask) -> None:
    """A closed port is named as the system names it."""
    with RawServer(always(reply())) as server:
        url = server.url

    with pytest.raises(ConnectionFailed, match=f"^cannot reach {url[7:]}: Connection refused$") as failure:
        ask(connect(url))
    assert not failure.value.sent


def test_an_address_of_a_kind_unknown_here(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Where this system has no sockets for one address of a name, as without IPv6, the next one is tried."""
    server = serve(once(reply()))

    def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
        address = ("127.0.0.1", server.port)
        return [(family, socket.SOCK_STREAM, 0, "", address) for family in (NO_FAMILY, socket.AF_INET)]

    assert ask(connect("http://api.example", resolver=Resolver(look_up))).payload == {}


def test_unreachable_after_a_call(connect: Connect, caller: Caller, ask: Ask, write: Operation) -> None:
    """A server that has gone since the last call is not taken for one that closed a connection under the call."""
    with RawServer(always(reply())) as server:
        client = connect(server.url, writes=frozenset({write.action}))
        ask(client)

    with pytest.raises(ConnectionFailed, match=f"^cannot reach {server.url[7:]}: Connection refused$") as failure:
        client.call(write, caller, client.reserve(write, caller))
    assert not failure.value.sent


def test_a_handshake_that_does_not_end_sends_nothing(connect: Connect, ask: Ask) -> None:
    """A deadline that passes before the connection is there has other words than one that passes after it."""
    with (
        RawServer(Peer.stay_silent, scheme="https") as server,
        pytest.raises(CallTimedOut) as failure,
    ):
        ask(connect(server.url, deadline_s=0.05))
    assert not failure.value.sent


def read_and_leave(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        pytest.param(read_and_leave, ConnectionFailed, id="cut"),
        pytest.param(Peer.stay_silent, CallTimedOut, id="silent"),
    ],
)
def test_what_may_have_arrived_was_sent(
    serve: Serve, connect: Connect, ask: Ask, act: Callable[[Peer], None], kind: type[ApiError]
) -> None:
    """A request that went out may have had its effect, whatever became of the connection."""
    with pytest.raises(kind) as failure:
        ask(connect(serve(act).url, deadline_s=0.5 if kind is CallTimedOut else PATIENCE_S))
    assert failure.value.sent


@pytest.mark.parametrize("status", ["101 Switching Protocols", "204 No Content"])
def test_no_reply_is_left_for_another_call(serve: Serve, connect: Connect, ask: Ask, status: str) -> None:
    """A reply that comes after a head without a body is never read as the answer to the next call."""
    sent_late = threading.Event()

    def act(peer: Peer) -> None:
        while peer.read_head():
            if peer.number == 1:
                peer.send(f"HTTP/1.1 {status}\r\n\r\n".encode())
                sent_late.wait(PATIENCE_S)
                with suppress(OSError):  # the client has left, as it should
                    peer.send(reply(b'{"InstanceId": "of another account"}'))
            else:
                peer.send(reply(b'{"InstanceId": "its own"}'))

    client = connect(serve(act).url)
    with pytest.raises(ApiError):
        ask(client)
    sent_late.set()

    assert ask(client).payload == {"InstanceId": "its own"}


def test_connections_that_come_late_together_cause_no_burst(
    serve: Serve, connect: Connect, operation: Operation, caller: Caller
) -> None:
    """Calls whose turns have passed while a name was looked up go within the limit, not all at once."""
    looked_up, now = threading.Event(), [0.0]

    def look_up(_host: str, port: int, **_parts: object) -> list[Address]:
        looked_up.wait(PATIENCE_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    server = serve(always(reply()))
    budgets = Budgets({operation.action: 20}, clock=lambda: now[0])
    client = connect(
        server.url.replace("127.0.0.1", "slow.invalid"), budgets=budgets, resolver=Resolver(look_up), pool_size=30
    )
    permits = [client.reserve(operation, caller) for _ in range(30)]
    now[0] = 60.0  # all their moments have come
    callers = [
        threading.Thread(target=call_until_closed, args=(client, operation, caller, permit)) for permit in permits
    ]
    for thread in callers:
        thread.start()
    looked_up.set()
    assert soon(lambda: len(server.heads) >= 20)
    threading.Event().wait(0.15)  # time for a 21st to go astray
    client.close()
    for thread in callers:
        thread.join(PATIENCE_S)

    assert len(server.heads) == 20


def call_until_closed(client: Client, operation: Operation, caller: Caller, permit: Permit) -> None:
    with suppress(CallAborted):
        client.call(operation, caller, permit)
