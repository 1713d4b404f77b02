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
from tests.api.raw_server import Peer, RawServer, always, once, reply

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
    simulator = simulate(ssl_context=server_tls)
    error = failure(connect(simulator.url), ask)

    there = f"127.0.0.1:{simulator.port}"
    assert error.explanation.startswith(f"cannot reach {there}: the certificate of {there} was not accepted: ")


def test_another_name(simulate: Simulate, connect: Connect, ask: Ask, authority: trustme.CA, ca_file: str) -> None:
    """A certificate for another host is not accepted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    simulator = simulate(ssl_context=context)
    error = failure(connect(simulator.url, verify=ca_file), ask)

    there = f"127.0.0.1:{simulator.port}"
    refusal = "IP address mismatch, certificate is not valid for '127.0.0.1'."
    assert error.explanation == f"cannot reach {there}: the certificate of {there} was not accepted: {refusal}"


def test_no_tls_at_the_other_end(serve: Serve, connect: Connect, ask: Ask, ca_file: str) -> None:
    """A server that does not speak TLS is a failure of TLS."""
    server = serve(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="https")

    error = failure(connect(server.url, verify=ca_file), ask)
    there = f"127.0.0.1:{server.port}"
    assert error.explanation.startswith(f"cannot reach {there}: TLS with {there} failed: ")


def test_a_missing_bundle(
    simulate: Simulate, connect: Connect, ask: Ask, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    """A CA bundle that is not there is named."""
    nowhere = str(tmp_path / "nowhere.pem")
    simulator = simulate(ssl_context=server_tls)
    error = failure(connect(simulator.url, verify=nowhere), ask)

    assert error.explanation == f"cannot reach 127.0.0.1:{simulator.port}: there is no CA bundle {nowhere}"


def test_a_bundle_that_is_none(
    simulate: Simulate, connect: Connect, ask: Ask, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    """A CA bundle without certificates is named, not the server."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing", encoding="ascii")
    simulator = simulate(ssl_context=server_tls)
    error = failure(connect(simulator.url, verify=str(empty)), ask)

    why = f"the CA bundle {empty} cannot be used: NO_CERTIFICATE_OR_CRL_FOUND"
    assert error.explanation == f"cannot reach 127.0.0.1:{simulator.port}: {why}"


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
    assert " was not accepted: " in failure(client, ask).explanation
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


def unknown(*_: object, **__: object) -> list[object]:
    raise OSError(-2, "Name or service not known")


def test_a_name_that_nobody_knows(connect: Connect, ask: Ask) -> None:
    """A name without addresses is named as the resolver names it: the endpoint's, or that of the proxy."""
    through = Route("https://api.example", proxies={"https": f"http://user:{PASSWORD}@squid:3128"})
    errors = [failure(connect(to, resolver=Resolver(unknown)), ask) for to in ("https://api.example", through)]

    why = "cannot be resolved: Name or service not known"
    assert [error.explanation for error in errors] == [
        f"cannot reach api.example:443: api.example {why}",
        f"cannot reach api.example:443 through the proxy squid:3128: squid {why}",
    ]


def test_a_name_without_addresses(connect: Connect, ask: Ask) -> None:
    """An empty answer of the resolver is a failed connection."""
    error = failure(connect("https://api.example", resolver=Resolver(lambda *_, **__: [])), ask)

    assert error.explanation == (
        "cannot reach api.example:443: api.example cannot be resolved: the name has no address"
    )


def read_and_close(peer: Peer) -> None:
    peer.read_head()
    peer.close()


def read_and_reset(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


def test_a_connection_that_ends_before_the_reply(serve: Serve, connect: Connect, ask: Ask) -> None:
    """It names the endpoint, whether the system has a word for it or not."""
    closes, resets = serve(read_and_close), serve(read_and_reset)
    errors = [failure(connect(server.url), ask) for server in (closes, resets)]

    assert [(error.sent, error.explanation) for error in errors] == [
        (True, f"the connection to 127.0.0.1:{closes.port} failed: closed by the other side"),
        (True, f"the connection to 127.0.0.1:{resets.port} failed: Connection reset by peer"),
    ]


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


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_with_an_address_of_ipv6(
    serve: Serve, connect: Connect, ask: Ask, ca_file: str, server_tls: ssl.SSLContext, *, scheme: str
) -> None:
    """The brackets around it are those of the URL."""

    def answer(peer: Peer) -> None:
        peer.shake_hands(server_tls)
        peer.read_head()
        peer.send(reply(b'{"a":1}'))

    server = serve(answer, scheme="https")

    def act(peer: Peer) -> None:
        if scheme == "https":
            peer.shake_hands(server_tls)
        peer.read_head()
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.relay(server.port)

    proxy = serve(act, scheme=scheme, host="::1")
    assert proxy.url.startswith(f"{scheme}://[::1]:")

    assert ask(connect(Route(server.url, proxies={"https": proxy.url}), verify=ca_file)).payload == {"a": 1}


def proxied(port: int, *, scheme: str = "http") -> Route:
    return route("https://api.example", {"https_proxy": f"{scheme}://user:{PASSWORD}@127.0.0.1:{port}"})


def test_a_proxy_that_refuses(serve: Serve, connect: Connect, ask: Ask) -> None:
    """The error has the status of a proxy's refusal, and neither its words nor a password."""
    proxy = serve(always(b"HTTP/1.1 407 Who are you, hunter2?\r\nContent-Length: 0\r\n\r\n"))
    error = failure(connect(proxied(proxy.port)), ask)

    assert error.explanation == (
        f"cannot reach api.example:443 through the proxy 127.0.0.1:{proxy.port}: "
        "the proxy refused to connect: HTTP 407"
    )


def test_a_proxy_that_is_not_there(connect: Connect, ask: Ask) -> None:
    """A proxy that cannot be reached is named, without its password."""
    with RawServer(always(reply())) as gone:
        pass
    error = failure(connect(proxied(gone.port)), ask)

    assert error.explanation == (
        f"cannot reach api.example:443 through the proxy 127.0.0.1:{gone.port}: Connection refused"
    )


def test_a_proxy_that_closes_the_connection(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Where it answers nothing to CONNECT, no request was sent."""
    proxy = serve(read_and_close)
    error = failure(connect(proxied(proxy.port)), ask)

    assert (error.sent, error.explanation) == (
        False,
        f"cannot reach api.example:443 through the proxy 127.0.0.1:{proxy.port}: closed by the other side",
    )


def test_a_proxy_that_is_none(serve: Serve, connect: Connect, ask: Ask) -> None:
    """The error says whether a server speaks another protocol or refuses the connection."""
    proxy = serve(once(b"SSH-2.0-OpenSSH_9.2\r\n"))
    error = failure(connect(proxied(proxy.port)), ask)

    assert error.explanation == (
        f"cannot reach api.example:443 through the proxy 127.0.0.1:{proxy.port}: the reply is no HTTP"
    )


def test_a_proxy_whose_certificate_is_not_accepted(
    serve: Serve, connect: Connect, ask: Ask, server_tls: ssl.SSLContext
) -> None:
    """It is the proxy's certificate that is named."""
    proxy = serve(lambda peer: peer.shake_hands(server_tls))
    error = failure(connect(proxied(proxy.port, scheme="https")), ask)

    there = f"the proxy 127.0.0.1:{proxy.port}"
    assert error.explanation.startswith(
        f"cannot reach api.example:443 through {there}: the certificate of {there} was not accepted: "
    )


@pytest.fixture(params=["http", "https"])
def tunnelling(request: pytest.FixtureRequest, serve: Serve, server_tls: ssl.SSLContext) -> RawServer:
    """A proxy whose tunnels lead to a server with a certificate that is not accepted."""
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("api.example").configure_cert(other)
    server = serve(lambda peer: peer.shake_hands(other))

    def act(peer: Peer) -> None:
        if request.param == "https":
            peer.shake_hands(server_tls)
        peer.read_head()
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.relay(server.port)

    return serve(act, scheme=request.param)


def test_a_certificate_in_a_tunnel(tunnelling: RawServer, connect: Connect, ask: Ask, ca_file: str) -> None:
    """It is the endpoint's that is named when it is not accepted, over TLS within TLS too."""
    scheme = tunnelling.url.partition(":")[0]
    error = failure(connect(proxied(tunnelling.port, scheme=scheme), verify=ca_file), ask)

    assert error.explanation.startswith(
        f"cannot reach api.example:443 through the proxy 127.0.0.1:{tunnelling.port}: "
        "the certificate of api.example:443 was not accepted: "
    )
