"""Failures of requests that somebody else made, as the vendor's library for credentials does."""

from collections.abc import Callable

import pytest
import requests

from exporter.api.failures import failed_elsewhere
from tests.api.raw_server import Peer, RawServer, always, reply

Serve = Callable[..., RawServer]


def failure(server: RawServer, *, timeout: float = 20.0, proxies: dict[str, str] | None = None) -> str:
    url = f"http://planted:planted@127.0.0.1:{server.port}/planted?planted"
    with pytest.raises(requests.RequestException) as caught:
        requests.get(url, timeout=timeout, proxies=proxies)
    explanation = failed_elsewhere(caught.value)
    assert "planted" not in explanation
    return explanation


def test_a_server_that_is_not_there() -> None:
    """Host and port are named, and nothing else of the URL."""
    with RawServer(always(reply())) as gone:
        pass

    assert failure(gone) == f"cannot reach 127.0.0.1:{gone.port}: Connection refused"


def test_a_server_that_does_not_answer(serve: Serve) -> None:
    """The connection was there."""
    server = serve(Peer.stay_silent)

    assert failure(server, timeout=0.05) == f"the connection to 127.0.0.1:{server.port} failed: timed out"


def test_a_proxy_that_is_not_there(serve: Serve) -> None:
    """It is named without its password."""
    with RawServer(always(reply())) as gone:
        pass
    proxies = {"http": f"http://planted:planted@127.0.0.1:{gone.port}"}
    server = serve(always(reply()))

    assert failure(server, proxies=proxies) == (
        f"cannot reach 127.0.0.1:{server.port} through the proxy 127.0.0.1:{gone.port}: Connection refused"
    )


def test_an_error_of_no_request() -> None:
    """Where nothing is known of a request, the system's words are all there is."""
    assert failed_elsewhere(OSError(111, "Connection refused")) == "the connection failed: Connection refused"
