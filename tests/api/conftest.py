"""Clients, and those they talk to: the simulator, raw servers, a certificate authority."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme

from exporter.api.call import Caller, Reply
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
from exporter.api.endpoints import Route
from exporter.api.operation import Access, Operation
from exporter.api.rate_limit import Budgets
from exporter.simulator import LIMITS, Account, Scenario, Simulator
from tests.api.raw_server import Act, RawServer
from tests.api.recording_observer import RecordingObserver

ACCOUNT_ID = "1000000000000001"
SECRET = "Alices+Secret/0123456789abcdef"
NO_LIMIT = 1_000_000


@pytest.fixture
def operation() -> Operation:
    """The read that the simulator answers."""
    return Operation(action="DescribeDcdnIpaService", version="2018-01-15", endpoint="dcdn", calls_per_second=20)


@pytest.fixture
def write() -> Operation:
    """An operation that changes something."""
    return Operation(
        action="OpenCdnService", version="2018-05-10", endpoint="dcdn", calls_per_second=5, access=Access.WRITE
    )


@pytest.fixture
def credentials() -> Credentials:
    """The long-term key of the simulated account."""
    return Credentials("LTAI5tAlice", Secret(SECRET))


@pytest.fixture
def caller(credentials: Credentials) -> Caller:
    """The simulated account."""
    return Caller(StaticCredentials(credentials), account_id=ACCOUNT_ID)


@pytest.fixture
def observer() -> RecordingObserver:
    """What the clients of the test tell their calls to."""
    return RecordingObserver()


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator with one account and no limits."""
    alice = Account(name="alice", account_id=ACCOUNT_ID, access_key_id="LTAI5tAlice", access_key_secret=SECRET)
    with ExitStack() as running:

        def start(account: Account = alice, **parts: Any) -> Simulator:
            limits = dict.fromkeys(LIMITS, NO_LIMIT)
            return running.enter_context(Simulator(Scenario("one account", (account,)), limits=limits, **parts))

        yield start


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    """Starts a raw server that treats each connection as the test says."""
    with ExitStack() as running:

        def start(act: Act, *, scheme: str = "http", host: str = "127.0.0.1") -> RawServer:
            return running.enter_context(RawServer(act, scheme=scheme, host=host))

        yield start


@pytest.fixture
def connect(observer: RecordingObserver) -> Iterator[Callable[..., Client]]:
    """Makes clients of an endpoint, with much time and no limits unless told otherwise, and closes them."""
    with ExitStack() as opened:

        def make(to: str | Route, **parts: Any) -> Client:
            permitted = parts.pop("permitted", NO_LIMIT)
            limits = dict.fromkeys(("DescribeDcdnIpaService", "OpenCdnService", "AssumeRole"), permitted)
            settings: dict[str, Any] = {
                "budgets": Budgets(limits, clock=time.monotonic),
                "observer": observer,
                "deadline_s": 20.0,
                "pool_size": 8,
                "user_agent": "tests",
            }
            there = to if isinstance(to, Route) else Route(to)
            client = Client({"dcdn": there, "sts": there}, **(settings | parts))
            opened.callback(client.close)
            return client

        yield make


@pytest.fixture
def ask(operation: Operation, caller: Caller) -> Callable[[Client], Reply]:
    """One call of the read."""

    def call(client: Client) -> Reply:
        return client.call(operation, caller, client.reserve(operation, caller))

    return call


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody else knows."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bundle with which its certificates are accepted."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """TLS of a server on 127.0.0.1 or ::1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "::1").configure_cert(context)
    return context
