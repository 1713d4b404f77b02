"""The ways to an endpoint: TLS and proxies."""

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from exporter.api.call import Reply
from exporter.api.client import Client
from exporter.api.dns import Resolver
from exporter.api.endpoints import Route, route
from exporter.api.errors import ApiError, ConnectionFailed
from exporter.simulator import Simulator
from tests.api.conftest import SECRET
from tests.api.raw_server import Peer, RawServer, always, reply

Simulate = Callable[..., Simulator]
Serve = Callable[..., RawServer]
Connect = Callable[..., Client]
Ask = Callable[[Client], Reply]

PASSWORD = "hunter2"


def test_tls(simulate: Simulate, connect: Connect, ask: Ask, server_tls: ssl.SSLContext, ca_file: str) -> None:
    """With the right bundle a server is trusted, and its connection reused."""
    simulator = simulate(ssl_context=server_tls)
    client = connect(simulator.url, verify=ca_file)
    for _ in range(2):
        ask(client)

    assert [entry.connection for entry in simulator.journal.entries()] == [1, 1]


def failure(client: Client, ask: Ask) -> ApiError:
    with pytest.raises(ConnectionFailed) as caught:
        ask(client)
    assert SECRET not in repr((caught.value, vars(caught.value), caught.value.__cause__))
    return caught.value


def test_an_unknown_authority(simulate: Simulate, connect: Connect, ask: Ask, server_tls: ssl.SSLContext) -> None:
    """A certificate that nobody vouches for is not accepted, in words."""
    error = failure(connect(simulate(ssl_context=server_tls).url), ask)

    assert error.explanation.startswith("the certificate was not accepted: ")


def test_another_name(simulate: Simulate, connect: Connect, ask: Ask, authority: trustme.CA, ca_file: str) -> None:
    """A certificate for another host is not accepted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    error = failure(connect(simulate(ssl_context=context).url, verify=ca_file), ask)

    assert error.explanation.startswith("the certificate was not accepted: ")
    assert "127.0.0.1" in error.explanation


def test_no_tls_at_the_other_end(serve: Serve, connect: Connect, ask: Ask, ca_file: str) -> None:
    """A server that does not speak TLS is a failure of TLS."""
    server = serve(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="https")

    assert failure(connect(server.url, verify=ca_file), ask).explanation.startswith("TLS failed: ")


def test_a_missing_bundle(
    simulate: Simulate, connect: Connect, ask: Ask, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    """A CA bundle that is not there is named."""
    nowhere = str(tmp_path / "nowhere.pem")
    error = failure(connect(simulate(ssl_context=server_tls).url, verify=nowhere), ask)

    assert error.explanation == f"the connection failed: there is no CA bundle {nowhere}"


def test_a_bundle_that_is_none(
    simulate: Simulate, connect: Connect, ask: Ask, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    """A CA bundle without certificates is a failure of TLS."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing", encoding="ascii")
    error = failure(connect(simulate(ssl_context=server_tls).url, verify=str(empty)), ask)

    assert error.explanation.startswith("TLS failed: ")


@pytest.fixture
def over_tls(simulate: Simulate, server_tls: ssl.SSLContext) -> Simulator:
    """A simulator whose certificate comes from the authority of the tests."""
    return simulate(ssl_context=server_tls)


def test_a_bundle_that_is_replaced(
    over_tls: Simulator, connect: Connect, ask: Ask, ca_file: str, tmp_path: Path
) -> None:
    """The next connection is judged by the bundle as it is by then."""
    bundle = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(bundle))
    client = connect(over_tls.url, verify=str(bundle))
    assert failure(client, ask).explanation.startswith("the certificate was not accepted: ")
    bundle.write_bytes(Path(ca_file).read_bytes() + b"\n")

    assert ask(client).payload


@pytest.fixture
def ca_directory(ca_file: str, tmp_path: Path, tool: Callable[[str], str]) -> str:
    """A directory with the authority of the tests, in a file that is called by the hash of its subject."""
    hashed = [tool("openssl"), "x509", "-in", ca_file, "-noout", "-subject_hash"]
    subject = subprocess.check_output(hashed, text=True)  # noqa: S603 — arguments of our own
    (tmp_path / f"{subject.strip()}.0").write_bytes(Path(ca_file).read_bytes())
    return str(tmp_path)


def test_a_directory_of_authorities(over_tls: Simulator, connect: Connect, ask: Ask, ca_directory: str) -> None:
    """A CA bundle may be a directory, in which OpenSSL looks for those that it needs."""
    assert ask(connect(over_tls.url, verify=ca_directory)).payload


def test_a_name_that_nobody_knows(connect: Connect, ask: Ask) -> None:
    """A name without addresses is named as the resolver names it."""

    def look_up(*_: object, **__: object) -> list[object]:
        raise OSError(-2, "Name or service not known")

    error = failure(connect("https://api.example", resolver=Resolver(look_up)), ask)

    assert error.explanation == "the connection failed: Name or service not known"


def test_a_name_without_addresses(connect: Connect, ask: Ask) -> None:
    """An empty answer of the resolver is a failed connection."""
    failure(connect("https://api.example", resolver=Resolver(lambda *_, **__: [])), ask)


def test_a_forwarding_proxy(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Plain HTTP goes to the proxy with the whole URL, and the proxy's password with it."""
    proxy = serve(always(reply(b'{"a":1}')))
    way = route("http://api.example", {"http_proxy": f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"})

    assert ask(connect(way)).payload == {"a": 1}
    assert proxy.heads[0].startswith(b"POST http://api.example/ HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in proxy.heads[0]


def test_a_tunnel(serve: Serve, connect: Connect, ask: Ask, authority: trustme.CA, ca_file: str) -> None:
    """HTTPS goes through the proxy in a tunnel; the signed request is for the endpoint alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example").configure_cert(context)

    def act(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.shake_hands(context)
        while peer.read_head():
            peer.send(reply(b'{"a":1}'))

    proxy = serve(act)
    client = connect(Route("https://api.example", proxies={"https": proxy.url}), verify=ca_file)

    assert [ask(client).payload for _ in range(2)] == [{"a": 1}] * 2
    assert proxy.connections == 1
    assert proxy.heads[0].startswith(b"CONNECT api.example:443 HTTP/1.")
    assert b"uthorization" not in proxy.heads[0]
    assert [head.startswith(b"POST / HTTP/1.1\r\n") for head in proxy.heads[1:]] == [True, True]


def test_a_proxy_that_refuses(serve: Serve, connect: Connect, ask: Ask) -> None:
    """A proxy's refusal is told by its status, and the proxy's password by nobody."""
    proxy = serve(always(b"HTTP/1.1 407 Who are you, hunter2?\r\nContent-Length: 0\r\n\r\n"))
    way = route("https://api.example", {"https_proxy": f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"})
    error = failure(connect(way), ask)

    assert error.explanation == "the proxy refused to connect: HTTP 407"


def test_a_proxy_that_is_not_there(connect: Connect, ask: Ask) -> None:
    """A proxy that cannot be reached is a failed connection."""
    with RawServer(always(reply())) as gone:
        way = route("https://api.example", {"https_proxy": f"http://user:{PASSWORD}@127.0.0.1:{gone.port}"})
    error = failure(connect(way), ask)

    assert error.explanation == "the connection failed: Connection refused"
