"""Simulators on 127.0.0.1, and raw ways to talk to them."""

import hashlib
import socket
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode

import pytest
from alibabacloud_tea_openapi.utils_models import Config

from exporter.simulator import Account, Scenario, Simulator
from exporter.simulator.http_messages import parse_head
from exporter.simulator.signature_check import canonical_request, sign, sign_v1, string_to_sign, string_to_sign_v1

PATIENCE_S = 10.0
FORM_TYPE = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture
def account() -> Account:
    """An account with a long-term key, its service healthy."""
    return Account(
        name="alice",
        account_id="1000000000000001",
        access_key_id="LTAI5tAlice",
        access_key_secret="alice-secret",
    )


@pytest.fixture
def temporary_account() -> Account:
    """An account with temporary credentials."""
    return Account(
        name="bob",
        account_id="1000000000000002",
        access_key_id="STS.NBob",
        access_key_secret="bob-secret",
        security_token="bob-token+/==",
    )


@pytest.fixture
def simulate(account: Account, temporary_account: Account) -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator with the given parts; its accounts are those of the fixtures unless a scenario is given."""
    with ExitStack() as running:

        def start(scenario: Scenario | None = None, **parts: Any) -> Simulator:
            played = scenario or Scenario("accounts of a test", (account, temporary_account))
            return running.enter_context(Simulator(played, **parts))

        yield start


@pytest.fixture
def client_config(account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    """Makes what the vendor's clients are configured by, for a simulator and an account of it."""
    # A client would otherwise look for a metadata server, and send its requests to whatever proxy is set.
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def make(simulator: Simulator, of: Account = account, *, secret: str | None = None) -> Config:
        return Config(
            access_key_id=of.access_key_id,
            access_key_secret=of.access_key_secret if secret is None else secret,
            security_token=of.security_token,
            region_id="cn-hangzhou",
            endpoint=f"127.0.0.1:{simulator.port}",
            protocol="http",
        )

    return make


@pytest.fixture
def connect() -> Iterator[Callable[[Simulator], socket.socket]]:
    """Opens plain connections to a simulator."""
    with ExitStack() as opened:

        def open_one(simulator: Simulator) -> socket.socket:
            return opened.enter_context(socket.create_connection(("127.0.0.1", simulator.port), PATIENCE_S))

        yield open_one


@pytest.fixture
def signed(account: Account) -> Callable[..., bytes]:
    """Makes the bytes of a rightly signed request; what is given differs from the plainest one."""

    def make(
        of: Account = account,
        *,
        action: str = "DescribeDcdnIpaService",
        version: str = "2018-01-15",
        method: str = "POST",
        target: str = "/",
        body: bytes = b"",
        now: float | None = None,
        changed: Mapping[str, str] | None = None,
        unsigned: Mapping[str, str] | None = None,
        secret: str | None = None,
    ) -> bytes:
        sent_at = time.gmtime(time.time() if now is None else now)
        headers = {
            "host": "127.0.0.1",
            "x-acs-action": action,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", sent_at),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": version,
        }
        if of.security_token is not None:
            headers["x-acs-security-token"] = of.security_token
        headers.update(changed or {})
        names = tuple(sorted(headers))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        unsigned_head = parse_head("\r\n".join(lines).encode("latin-1"))
        canonical = canonical_request(unsigned_head, names, content_hash=headers["x-acs-content-sha256"])
        signature = sign(of.access_key_secret if secret is None else secret, string_to_sign(canonical))
        parts = f"Credential={of.access_key_id},SignedHeaders={';'.join(names)},Signature={signature}"
        lines += [
            f"Authorization: ACS3-HMAC-SHA256 {parts}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in (unsigned or {}).items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    return make


@pytest.fixture
def signed_v1(account: Account) -> Callable[..., bytes]:
    """Makes the bytes of a request in the older form, rightly signed; a parameter that is None is left out.

    The parameters `in_body` are in a form, the others in the query.
    """

    def make(
        of: Account = account,
        *,
        action: str = "DescribeDcdnIpaService",
        version: str = "2018-01-15",
        method: str = "GET",
        now: float | None = None,
        parameters: Mapping[str, str | None] | None = None,
        tampered: Mapping[str, str] | None = None,
        in_body: Collection[str] = (),
        headers: str = "",
        secret: str | None = None,
    ) -> bytes:
        sent_at = time.gmtime(time.time() if now is None else now)
        wanted: dict[str, str | None] = {
            "Action": action,
            "Version": version,
            "Format": "JSON",
            "AccessKeyId": of.access_key_id,
            "SecurityToken": of.security_token,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", sent_at),
            **(parameters or {}),
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        to_sign = string_to_sign_v1(method, urlencode(given))
        given["Signature"] = sign_v1(of.access_key_secret if secret is None else secret, to_sign)
        sent = {**given, **(tampered or {})}
        query = urlencode({name: value for name, value in sent.items() if name not in in_body})
        form = urlencode({name: value for name, value in sent.items() if name in in_body})
        if form:
            headers += f"Content-Type: {FORM_TYPE}\r\nContent-Length: {len(form)}\r\n"
        return f"{method} /?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n{form}".encode("latin-1")

    return make


@pytest.fixture
def ask() -> Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]]:
    """Sends bytes over a connection and reads one whole answer, with the standard library's reader."""

    def exchange(connection: socket.socket, data: bytes) -> tuple[HTTPResponse, bytes]:
        connection.sendall(data)
        response = HTTPResponse(connection)
        response.begin()
        return response, response.read()

    return exchange


@pytest.fixture
def read_to_end() -> Callable[[socket.socket], bytes]:
    """Reads until the server closes the connection."""

    def read(connection: socket.socket) -> bytes:
        received = b""
        while more := connection.recv(65536):
            received += more
        return received

    return read
