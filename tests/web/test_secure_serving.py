"""The server behind a web configuration file: TLS, client certificates, passwords and headers."""

import base64
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from pathlib import Path

import bcrypt
import pytest
import trustme
from starlette.types import Receive, Scope, Send

from exporter.web.server import WebServer
from tests.recording_log import RecordingLog
from tests.waiting import soon

WAIT_S = 10
LOOK_EVERY_S = 0.02
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n"
USERS = f"basic_auth_users: {{alice: {bcrypt.hashpw(b'one', bcrypt.gensalt(4)).decode()}}}\n"

Open = Callable[..., WebServer]
Trusting = Callable[..., ssl.SSLContext]


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    headers = [(b"content-length", b"5"), (b"Content-Security-Policy", b"ours")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs all certificates."""
    return trustme.CA()


@pytest.fixture
def renew(tmp_path: Path, authority: trustme.CA) -> Callable[[], None]:
    """Puts a new certificate and its key in place."""

    def write() -> None:
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "server.crt"))
        certificate.private_key_pem.write_to_path(str(tmp_path / "server.key"))

    return write


@pytest.fixture
def behind(tmp_path: Path, renew: Callable[[], None], authority: trustme.CA) -> Iterator[Open]:
    """Starts a server behind a web configuration file of some text."""
    renew()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    with ExitStack() as running:

        def start(text: str) -> WebServer:
            file = tmp_path / "web.yaml"
            file.write_text(text)
            server = WebServer(
                hello,
                listen_address="127.0.0.1:0",
                config_file=file,
                look_every_s=LOOK_EVERY_S,
                log=RecordingLog(),
            )
            return running.enter_context(server)

        yield start


@pytest.fixture
def trusting(authority: trustme.CA) -> Trusting:
    """Makes the context of a client that trusts the authority, and shows a certificate with a name if given one."""

    def make(*names: str, signer: trustme.CA = authority) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(context)
        if names:
            signer.issue_cert(*names).configure_cert(context)
        return context

    return make


def get(
    server: WebServer, context: ssl.SSLContext | None = None, *, authorization: str | None = None
) -> tuple[int, HTTPMessage, bytes]:
    headers = {} if authorization is None else {"Authorization": authorization}
    if context is None:
        connection: HTTPConnection = HTTPConnection(server.address, timeout=WAIT_S)
    else:
        connection = HTTPSConnection(server.address, timeout=WAIT_S, context=context)
    with closing(connection):
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def login(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def shown(server: WebServer, context: ssl.SSLContext) -> bytes:
    """The certificate that a new connection is shown."""
    host, _, port = server.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""


def test_tls(behind: Open, trusting: Trusting) -> None:
    """The server is who its certificate says, over TLS 1.3 where the client has it."""
    server = behind(TLS)
    assert get(server, trusting())[::2] == (200, b"hello")
    host, _, port = server.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=WAIT_S) as plain,
        trusting().wrap_socket(plain, server_hostname=host) as connection,
    ):
        assert connection.version() == "TLSv1.3"


def test_tls_that_begins_late(behind: Open, trusting: Trusting) -> None:
    """The first byte says what is spoken, whenever it comes, and however much comes with it."""
    server = behind(TLS)
    host, _, port = server.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as plain:
        assert soon(lambda: len(server._connections) == 1)
        with trusting().wrap_socket(plain, server_hostname=host) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"".join(iter(lambda: connection.recv(65536), b"")).endswith(b"hello")


def test_plain_http_at_a_tls_port(behind: Open, trusting: Trusting) -> None:
    """It is answered 400 and a sentence, and disturbs nobody."""
    server = behind(TLS)
    status, headers, body = get(server)
    assert (status, body) == (400, b"This port speaks HTTPS, and the request came in plain HTTP.\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert get(server, trusting())[0] == 200


@pytest.mark.parametrize("body_bytes", [0, 100_000])
def test_plain_http_at_a_tls_port_with_more_to_send(behind: Open, body_bytes: int) -> None:
    """The answer arrives also when it comes before the client has sent all; then the connection ends."""
    server = behind(TLS)
    host, _, port = server.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        answer = connection.recv(65536)
        connection.sendall(bytes(body_bytes))
        answer += b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert soon(lambda: len(server._connections) == 0)


def test_plain_http_at_a_tls_port_without_end(behind: Open) -> None:
    """No more is read than a request can be."""
    server = behind(TLS)
    host, _, port = server.address.rpartition(":")
    sent = 0
    with (
        socket.create_connection((host, int(port)), timeout=WAIT_S) as connection,
        suppress(OSError),  # the server has closed
    ):
        while sent < 64 * 1024 * 1024:
            sent += connection.send(b"GET " + bytes(65536))
    assert sent < 16 * 1024 * 1024  # what the system's own buffers take


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_refused(behind: Open, trusting: Trusting) -> None:
    """TLS 1.1 is not spoken, by default, to a client that speaks TLS 1.2 as well as 1.1."""
    server = behind(TLS)
    context = trusting()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shown(server, context)
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"VERSION|EOF|reset"):
        shown(server, context)


def test_a_renewed_certificate_is_served(behind: Open, trusting: Trusting, renew: Callable[[], None]) -> None:
    """New connections see it without a restart; one that is open goes on."""
    server = behind(TLS)
    context = trusting()
    before = shown(server, context)
    with closing(HTTPSConnection(server.address, timeout=WAIT_S, context=context)) as held:
        held.request("GET", "/")
        assert held.getresponse().read() == b"hello"
        renew()
        assert soon(lambda: shown(server, context) != before)
        held.request("GET", "/")
        assert held.getresponse().read() == b"hello"


def test_client_certificates(behind: Open, trusting: Trusting) -> None:
    """Only a certificate of the authority lets a client in; none and one of another authority do not."""
    server = behind(TLS + CLIENTS)
    assert get(server, trusting("prometheus"))[0] == 200
    for context in (trusting(), trusting("prometheus", signer=trustme.CA())):
        with pytest.raises(OSError, match=r"(?i)alert|reset|closed|EOF|Remote end"):
            get(server, context)


def test_names_of_client_certificates(behind: Open, trusting: Trusting) -> None:
    """With names given, the certificate must have one of them."""
    server = behind(TLS + CLIENTS + "  client_allowed_sans: [prometheus.example, 10.0.0.1]\n")
    assert get(server, trusting("prometheus.example"))[0] == 200
    assert get(server, trusting("another.example", "10.0.0.1"))[0] == 200
    with pytest.raises(OSError, match=r"(?i)reset|closed|EOF|Remote end"):
        get(server, trusting("another.example"))


def test_optional_client_certificates(behind: Open, trusting: Trusting) -> None:
    """A client without a certificate comes in, one with a bad one does not."""
    server = behind(TLS + CLIENTS.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"))
    assert get(server, trusting())[0] == 200
    assert get(server, trusting("prometheus"))[0] == 200
    with pytest.raises(OSError, match=r"(?i)alert|reset|closed|EOF|Remote end"):
        get(server, trusting("prometheus", signer=trustme.CA()))


def test_passwords(behind: Open) -> None:
    """A request with a name and its password is answered, any other gets 401."""
    server = behind(USERS)
    assert get(server, authorization=login("alice", "one"))[::2] == (200, b"hello")
    for authorization in (
        None,
        login("alice", "two"),
        login("bob", "one"),
        login("alice", "x" * 1000),
        "Bearer one",
        "Basic \xff",
    ):
        status, told, body = get(server, authorization=authorization)
        assert (status, body) == (401, b"A name and a password are needed here.\n")
        assert told["WWW-Authenticate"] == 'Basic realm="dcdn-exporter", charset="UTF-8"'
        assert told["X-Content-Type-Options"] == "nosniff"


def test_two_logins_are_none(behind: Open) -> None:
    """A request with two Authorization headers is refused, whatever stands in them."""
    server = behind(USERS)
    host, _, port = server.address.rpartition(":")
    header = f"Authorization: {login('alice', 'one')}\r\n"
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{header}{header}\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_a_new_user_is_let_in(behind: Open, tmp_path: Path) -> None:
    """The file is read anew without a restart, and no request is lost meanwhile."""
    server = behind(USERS)
    (tmp_path / "web.yaml").write_text(USERS.replace("alice", "caroline"))
    assert soon(lambda: get(server, authorization=login("caroline", "one"))[0] == 200)
    assert get(server, authorization=login("alice", "one"))[0] == 401


def test_headers(behind: Open) -> None:
    """Those of the file stand in every answer, once each, refusals included; they replace those of the page."""
    headers = (
        "{Content-Security-Policy: theirs, X-Content-Type-Options: nosniff, Strict-Transport-Security: max-age=1}"
    )
    server = behind(f"{USERS}http_server_config: {{headers: {headers}}}\n")
    for given in (None, login("alice", "one")):
        told = get(server, authorization=given)[1]
        assert told.get_all("Content-Security-Policy") == ["theirs"]
        assert told.get_all("X-Content-Type-Options") == ["nosniff"]
        assert told.get_all("Strict-Transport-Security") == ["max-age=1"]
