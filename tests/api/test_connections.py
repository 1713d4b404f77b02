"""The adapter between calls: what one leaves behind must not harm the next."""

import itertools
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from exporter.api.connections import POOLS, CaBundle, CallAdapter
from exporter.api.deadline import KEPT_UNUSED_S, Call, OpenSockets
from exporter.api.dns import Resolver
from tests.api.raw_server import PATIENCE_S, Peer, RawServer, always, reply

Serve = Callable[..., RawServer]
ALONE = (2, 3)
"""The calls that come by themselves, after two at once and before two others."""


class Sender:
    """Sends requests, each as a call that ends after ten seconds on a clock that stands still."""

    def __init__(self, *, single_use: bool = False) -> None:
        self.now_s = 0.0
        self.sockets = OpenSockets(lambda: self.now_s)
        self.adapter = CallAdapter(CaBundle(verify=True), resolver=Resolver(), pool_size=2, single_use=single_use)

    def call(
        self, server: RawServer, *, within_s: float = PATIENCE_S, before_send: Callable[[Call], None] | None = None
    ) -> bytes:
        call = Call(self.now_s + within_s, self.sockets, before_send=before_send)
        body: bytes = self.adapter.send_within(call, request_for(server), proxies={}).raw.read()
        return body


@pytest.fixture
def sender() -> Iterator[Sender]:
    """Sends over connections that are kept."""
    sender = Sender()
    yield sender
    sender.adapter.close()


@pytest.fixture
def single_use() -> Iterator[Sender]:
    """Sends each request over a connection of its own."""
    sender = Sender(single_use=True)
    yield sender
    sender.adapter.close()


def request_for(server: RawServer) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.prepare(method="POST", url=server.url)
    return request


def test_a_connection_for_each_request(serve: Serve, single_use: Sender) -> None:
    """It says so to the server, and stays true to it when the server would keep the connection."""
    server = serve(always(reply(b"whole")))

    assert [single_use.call(server) for _ in range(3)] == [b"whole"] * 3
    assert server.connections == 3
    assert [b"\r\nconnection: close\r\n" in head.lower() for head in server.heads] == [True] * 3


def test_connections_that_are_kept(serve: Serve, sender: Sender) -> None:
    """Requests one after the other share a connection, of which nobody says that it will be closed."""
    server = serve(always(reply(b"whole")))

    assert [sender.call(server) for _ in range(3)] == [b"whole"] * 3
    assert server.connections == 1
    assert b"close" not in server.heads[0]


def test_a_request_outside_of_a_call(serve: Serve, sender: Sender) -> None:
    """A request with another timeout, which would not hold, is a defect, and is not sent."""
    server = serve(always(reply()))

    with pytest.raises(TypeError, match="not a call"):
        sender.adapter.send(request_for(server), stream=True, timeout=10)
    assert server.heads == []


def test_more_endpoints_than_pools(serve: Serve, sender: Sender) -> None:
    """An endpoint whose pool was closed in favour of others is reached again."""
    servers = [serve(always(reply(b"whole"))) for _ in range(POOLS + 1)]
    for server in (*servers, servers[0]):
        assert sender.call(server) == b"whole"

    assert [server.connections for server in servers] == [2] + [1] * POOLS


def test_connections_of_a_busy_moment_do_not_stay(serve: Serve, sender: Sender) -> None:
    """Of two that were used at once, the one that nothing has used since is closed; the other goes on."""
    together = threading.Barrier(2)
    calls = itertools.count()
    left = threading.Event()

    def answer(peer: Peer) -> None:
        while peer.read_head():
            if next(calls) not in ALONE:
                together.wait(PATIENCE_S)
            peer.send(reply(b"whole"))
        left.set()

    server = serve(answer)

    def call_twice_at_once() -> None:
        with ThreadPoolExecutor(2) as threads:
            for future in [threads.submit(sender.call, server) for _ in range(2)]:
                future.result()

    call_twice_at_once()
    sender.now_s += PATIENCE_S + KEPT_UNUSED_S - 1
    sender.call(server)
    assert not left.is_set()
    sender.now_s += 12
    sender.call(server)

    assert left.wait(PATIENCE_S)
    assert server.connections == 2
    call_twice_at_once()
    assert server.connections == 3


def test_an_old_connection_is_not_used_again(serve: Serve, sender: Sender) -> None:
    """It is left to be closed, since another thread may do that at any moment."""
    server = serve(always(reply(b"whole")))
    sender.call(server)
    sender.now_s += PATIENCE_S + KEPT_UNUSED_S + 1
    sender.call(server)

    assert server.connections == 2


def test_a_connection_that_waits_for_a_permit_is_in_use(serve: Serve, sender: Sender) -> None:
    """It belongs to its call from the moment at which it was taken, however long the wait."""

    def wait(_: Call) -> None:
        sender.now_s += 12
        sender.sockets.close_unused()

    server = serve(always(reply(b"whole")))
    sender.call(server)
    sender.now_s += PATIENCE_S + KEPT_UNUSED_S - 1

    assert sender.call(server, within_s=100, before_send=wait) == b"whole"
    assert server.connections == 1


def test_one_tls_context_for_a_bundle(ca_file: str, tmp_path: Path) -> None:
    """All connections share it, and those who need it first at once; until the file is another one."""
    path = tmp_path / "ca.pem"
    path.write_bytes(Path(ca_file).read_bytes())
    bundle = CaBundle(str(path))
    together = threading.Barrier(8)

    def context() -> ssl.SSLContext:
        together.wait(PATIENCE_S)
        return bundle.context()

    with ThreadPoolExecutor(together.parties) as threads:
        (first,) = {future.result() for future in [threads.submit(context) for _ in range(together.parties)]}

    assert bundle.context() is first
    path.write_bytes(Path(ca_file).read_bytes() * 2)
    assert bundle.context() is not first
