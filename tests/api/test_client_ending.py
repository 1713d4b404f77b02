"""A call ends at its deadline and at a stop, whatever the other side is doing, and wherever the call is."""

import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
from urllib3.util import wait_for_write

from exporter.api.call import Caller, Reply
from exporter.api.client import Client
from exporter.api.dns import Resolver
from exporter.api.endpoints import Route
from exporter.api.errors import CallAborted, CallTimedOut
from exporter.api.operation import Operation
from exporter.api.rate_limit import Budgets
from tests.api.raw_server import Act, Peer, RawServer, always, once, reply
from tests.api.recording_observer import RecordingObserver

Serve = Callable[..., RawServer]
Connect = Callable[..., Client]
Ask = Callable[[Client], Reply]

PATIENCE_S = 5.0  # half of the server's
DEADLINE_S = 0.1
LATE_S = 0.05


@dataclass
class Trap:
    """Something that never lets a call go: where it is, how the client has to be made, whether a call is in it.

    ``lacks`` is what a call waits for there; None: for the reply.
    """

    to: Route
    sprung: threading.Event
    lacks: str | None
    settings: dict[str, Any] = field(default_factory=dict)


def trickling(head: bytes, filler: bytes) -> Act:
    def act(peer: Peer) -> None:
        peer.read_head()
        peer.trickle(head, filler)

    return act


def answering(head: bytes, filler: bytes = b" ") -> Act:
    def act(peer: Peer) -> None:
        peer.read_head()
        peer.send(head)
        peer.trickle(b"", filler)

    return act


ACTS: dict[str, Act] = {
    "silence": Peer.stay_silent,
    "status-line": trickling(b"HTTP/1.1 200 ", b"O"),
    "headers": trickling(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
    "header-after-header": answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx: ", b"y"),
    "continue-for-ever": answering(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    "chunks": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "chunk-size": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"x: y\r\n"),
    # Here the end of the connection is the end of the reply, and what came until then is a good answer.
    "body-without-length": answering(b"HTTP/1.1 200 OK\r\n\r\n{}"),
    "body-before-close": answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n{}"),
    "http-1.0": answering(b"HTTP/1.0 200 OK\r\n\r\n{}"),
    "redirect": answering(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 100000\r\n\r\n"),
}
# The way to it: over HTTP, over TLS, or in a tunnel through a proxy, to which TLS may lead as well.
WAYS = ("http", "https", "http-proxy", "https-proxy")
TRAPS = [
    *(f"{way} {act}" for way in ("http", "https") for act in ACTS),
    *(f"{way} {act}" for way in ("http-proxy", "https-proxy") for act in ("silence", "headers", "body-before-close")),
    *(f"{way} handshake" for way in WAYS if way != "http"),
    "http-proxy no-tunnel",
    "http-proxy tunnel-trickles",
    "https-proxy no-tunnel",
    "https-proxy no-proxy",
    "name",
    "connect",
]


@pytest.fixture
def black_hole(unavailable: Callable[[str], NoReturn]) -> Iterator[int]:
    """A port whose connections are never made: the queue of its listener is full."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(32):
            filler = opened.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 — the standard library's own signature
            filler.connect_ex(listener.getsockname())
            if not wait_for_write(filler, timeout=0.05):
                yield listener.getsockname()[1]
                return
        unavailable("this system makes every connection to a listener whose queue is full")


@pytest.fixture
def trap(request: pytest.FixtureRequest, serve: Serve, server_tls: ssl.SSLContext, ca_file: str) -> Iterator[Trap]:
    """The trap of the parameter's name."""
    way, _, where = request.param.partition(" ")
    if where:
        yield trap_of_a_server(way, where, serve, server_tls, ca_file)
        return
    asked, answering = threading.Event(), threading.Event()

    def look_up(*_: Any, **__: Any) -> list[Any]:
        asked.set()
        if way == "name":
            answering.wait()
            raise OSError
        port = request.getfixturevalue("black_hole")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    if way == "connect":
        request.getfixturevalue("black_hole")  # skips here, not in the thread that looks up
    lacks = "no address of api.example" if way == "name" else "no connection"
    yield Trap(Route("http://api.example"), asked, lacks, {"resolver": Resolver(look_up)})
    answering.set()


def trap_of_a_server(way: str, where: str, serve: Serve, server_tls: ssl.SSLContext, ca_file: str) -> Trap:
    def act_of_the_server(peer: Peer) -> None:
        if way != "http" and where != "handshake":
            peer.shake_hands(server_tls)
        ACTS.get(where, Peer.stay_silent)(peer)

    server = serve(act_of_the_server, scheme="http" if way == "http" else "https")
    if "proxy" not in way:
        lacks = "no end of the TLS handshake" if where == "handshake" else None
        return Trap(Route(server.url), server.reached, lacks, {"verify": ca_file})

    def act_of_the_proxy(peer: Peer) -> None:
        if way == "https-proxy" and where != "no-proxy":
            peer.shake_hands(server_tls)
        if where.startswith("no-"):
            peer.stay_silent()
        peer.read_head()
        if where == "tunnel-trickles":
            peer.trickle(b"HTTP/1.1 200 OK\r\nx: ", b"y")
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        peer.relay(server.port)

    proxy = serve(act_of_the_proxy, scheme=way.removesuffix("-proxy"))
    in_the_proxy = where.startswith(("no-", "tunnel-"))
    lacks = "no TLS tunnel" if in_the_proxy else None
    if where == "no-proxy":
        lacks = "no end of the TLS handshake with the proxy"
    if where == "handshake":  # TLS within TLS does not say how far it is
        lacks = "no end of the TLS handshake" if way == "http-proxy" else "no TLS tunnel"
    reached = proxy.reached if in_the_proxy else server.reached
    return Trap(Route(server.url, proxies={"https": proxy.url}), reached, lacks, {"verify": ca_file})


each_trap = pytest.mark.parametrize("trap", TRAPS, indirect=True)


@each_trap
def test_a_deadline_ends_a_call(trap: Trap, connect: Connect, ask: Ask) -> None:
    """The total deadline ends the call with CallTimedOut, wherever it is caught, and no later than 50 ms after it.

    The error says where it was caught.
    """
    client = connect(trap.to, deadline_s=DEADLINE_S, **trap.settings)
    way = trap.to.address + "".join(
        f" through the proxy {proxy.partition('://')[2]}" for proxy in trap.to.proxies.values()
    )
    words = f"no whole reply from {way}" if trap.lacks is None else f"cannot reach {way}: {trap.lacks}"

    def ended() -> tuple[str, float]:
        began = time.monotonic()
        with pytest.raises(CallTimedOut) as caught:
            ask(client)
        return caught.value.explanation, time.monotonic() - began

    def as_it_should(explanation: str, took_s: float) -> bool:
        return explanation == f"{words} within 0.1 s" and took_s <= DEADLINE_S + LATE_S

    # A busy machine may be late, and then not get as far as the trap, but not each time.
    others = list(itertools.takewhile(lambda end: not as_it_should(*end), (ended() for _ in range(20))))
    assert len(others) < 20, others


@each_trap
def test_a_stop_ends_a_call_at_once(trap: Trap, connect: Connect, ask: Ask) -> None:
    """A close from another thread ends the call with CallAborted, and leaves no thread that holds the process."""
    threads_before = set(threading.enumerate())
    client = connect(trap.to, deadline_s=3600.0, **trap.settings)
    ended: list[Exception | Reply] = []

    def call() -> None:
        try:
            ended.append(ask(client))
        except Exception as error:  # noqa: BLE001 — which one is what is asked
            ended.append(error)

    caught = threading.Thread(target=call, daemon=True)
    caught.start()
    assert trap.sprung.wait(PATIENCE_S)
    client.close()
    caught.join(PATIENCE_S)

    assert [type(end) for end in ended] == [CallAborted]
    left = [thread for thread in set(threading.enumerate()) - threads_before if thread.is_alive()]
    assert [thread.name for thread in left if not thread.daemon] == []


def test_a_stop_ends_the_wait_for_the_budget(
    connect: Connect, ask: Ask, operation: Operation, caller: Caller, observer: RecordingObserver
) -> None:
    """A call that waits for its permit is ended at once and is not counted as a call."""
    waiting = threading.Event()

    def clock() -> float:
        waiting.set()
        return 1000.0

    client = connect("http://127.0.0.1:1", permitted=0.001, clock=clock)
    client.reserve(operation, caller)  # the next permit comes in a quarter of an hour
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, client)
        assert waiting.wait(PATIENCE_S)
        client.close()
        with pytest.raises(CallAborted):
            asked.result(PATIENCE_S)

    assert (observer.waits, observer.calls) == ([], [])


def test_a_deadline_ends_the_wait_of_a_call_that_is_late(
    serve: Serve, connect: Connect, operation: Operation, caller: Caller, observer: RecordingObserver
) -> None:
    """A call that comes so late that others have filled the window waits for room, but not past its deadline."""
    server = serve(always(reply()))
    now = [1000.0]
    client = connect(
        server.url, budgets=Budgets({operation.action: 0.001}, clock=lambda: now[0]), deadline_s=DEADLINE_S
    )
    permits = [client.reserve(operation, caller) for _ in range(2)]
    now[0] += 1 / 0.001 / 0.925  # both moments have come
    client.call(operation, caller, permits[0])
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(client.call, operation, caller, permits[1])
        try:
            with pytest.raises(CallTimedOut) as timed_out:
                late.result(PATIENCE_S)
        finally:
            client.close()  # ends it if nothing else does

    assert not timed_out.value.sent
    assert (len(server.heads), len(observer.waits)) == (1, 1)


def test_a_black_hole_leaves_time_for_the_next_address(
    black_hole: int, serve: Serve, connect: Connect, ask: Ask
) -> None:
    """Where a name's first address does not answer, the second one gets its share of the deadline."""
    server = serve(once(reply()))

    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in (black_hole, server.port)
        ]

    assert ask(connect("http://api.example", deadline_s=2, resolver=Resolver(look_up))).payload == {}
