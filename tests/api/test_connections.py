"""The pools between exchanges: what one leaves behind must not harm the next."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from exporter.api.connections import KEPT_UNUSED_S, POOLS, ExchangeAdapter
from exporter.api.deadline import Ending, Exchange, Exchanges
from exporter.api.dns import Resolver
from tests.api.raw_server import PATIENCE_S, Peer, RawServer, always, reply

Serve = Callable[..., RawServer]
ALONE = 2
"""The call that comes by itself, after two at once."""


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    """What watches exchanges."""
    exchanges = Exchanges()
    yield exchanges
    exchanges.close()


@pytest.fixture
def adapter(exchanges: Exchanges) -> Iterator[ExchangeAdapter]:
    """What is tested."""
    adapter = ExchangeAdapter(exchanges, resolver=Resolver(), pool_size=2)
    yield adapter
    adapter.close()


def request_for(server: RawServer) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.prepare(method="POST", url=server.url)
    return request


def test_an_end_that_comes_too_late(serve: Serve, exchanges: Exchanges, adapter: ExchangeAdapter) -> None:
    """Once a reply is whole its connection is out of the exchange's reach, as another thread may use it already."""
    server = serve(always(reply(b"whole")))
    bodies = []
    two = [Exchange(time.monotonic() + 10) for _ in range(2)]
    for exchange in two:
        with exchanges.begin(exchange):
            response = adapter.send(request_for(server), stream=True, timeout=10)
            bodies.append(response.raw.read())
            exchange.end(Ending.DEADLINE)

    assert bodies == [b"whole", b"whole"]
    assert [exchange.ended for exchange in two] == [None, None]
    assert server.connections == 1


def test_an_exchange_that_asks_for_a_new_connection(
    serve: Serve, exchanges: Exchanges, adapter: ExchangeAdapter
) -> None:
    """It gets one, whatever waits in the pool."""
    server = serve(always(reply(b"whole")))
    for only_new in (False, False, True):
        with exchanges.begin(Exchange(time.monotonic() + 10, only_new_connection=only_new)):
            adapter.send(request_for(server), stream=True, timeout=10).raw.read()

    assert server.connections == 2


def test_a_connection_outside_of_an_exchange(serve: Serve, adapter: ExchangeAdapter) -> None:
    """A request that nothing watches over is a defect, and is not sent."""
    server = serve(always(reply()))

    with pytest.raises(RuntimeError, match="outside of an exchange"):
        adapter.send(request_for(server), stream=True, timeout=10)
    assert server.heads == []


def test_more_endpoints_than_pools(serve: Serve, exchanges: Exchanges, adapter: ExchangeAdapter) -> None:
    """An endpoint whose pool was closed in favour of others is reached again."""
    servers = [serve(always(reply(b"whole"))) for _ in range(POOLS + 1)]
    for server in (*servers, servers[0]):
        with exchanges.begin(Exchange(time.monotonic() + 10)):
            assert adapter.send(request_for(server), stream=True, timeout=10).raw.read() == b"whole"

    assert [server.connections for server in servers] == [2] + [1] * POOLS


def test_connections_of_a_busy_moment_do_not_stay(serve: Serve, exchanges: Exchanges) -> None:
    """Of two that were used at once, the one that nothing has used since is closed; the other goes on."""
    together = threading.Barrier(2)
    calls = itertools.count()

    def answer(peer: Peer) -> None:
        while peer.read_head():
            if next(calls) != ALONE:
                together.wait(PATIENCE_S)
            peer.send(reply(b"whole"))

    now_s = 0.0
    adapter = ExchangeAdapter(exchanges, resolver=Resolver(), pool_size=2, clock=lambda: now_s)
    server = serve(answer)

    def call() -> None:
        with exchanges.begin(Exchange(time.monotonic() + PATIENCE_S)):
            adapter.send(request_for(server), stream=True, timeout=PATIENCE_S).raw.read()

    def call_twice_at_once() -> None:
        with ThreadPoolExecutor(2) as threads:
            for future in [threads.submit(call) for _ in range(2)]:
                future.result()

    call_twice_at_once()
    now_s += KEPT_UNUSED_S + 1
    call()
    now_s += 1
    assert server.connections == 2
    call_twice_at_once()
    adapter.close()

    assert server.connections == 3
