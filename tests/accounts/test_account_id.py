"""Who is behind an account, asked of the simulator."""

import time
from collections.abc import Callable, Iterator

import pytest

from exporter.accounts.account_id import Identity, parse_account_id
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, CredentialsProvider, Secret, StaticCredentials
from exporter.api.endpoints import Route, endpoints
from exporter.api.errors import CredentialsUnavailable, MalformedReply
from exporter.api.rate_limit import Budgets
from exporter.metrics.self_metrics import SelfMetrics
from exporter.probes.table import vendor_limits
from exporter.simulator import Fault, Simulator, load_scenario
from tests.recording_log import RecordingLog

ACCOUNT = load_scenario("healthy").accounts[0]
CREDENTIALS = StaticCredentials(Credentials(ACCOUNT.access_key_id, Secret(ACCOUNT.access_key_secret)))


class NoCredentials:
    """A provider that has none."""

    def credentials(self, *, patience_s: float) -> Credentials:
        raise CredentialsUnavailable(f"none within {patience_s:g} s")

    def renew(self, refused: Credentials) -> bool:
        raise AssertionError(refused)

    def in_hand(self) -> bool:
        return False

    def expiry(self) -> float | None:
        return None

    def close(self) -> None:
        """Nothing waits here."""


@pytest.fixture
def simulator(play: Callable[..., Simulator]) -> Simulator:
    return play(load_scenario("healthy"))


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    client = Client(
        {name: Route(simulator.url) for name in endpoints("china")},
        budgets=Budgets(vendor_limits(), clock=time.monotonic),
        observer=SelfMetrics(version="test", actions=[], unknown_fields=[]),
        deadline_s=5,
        pool_size=1,
        user_agent="test",
    )
    yield client
    client.close()


def identity(
    learned: list[tuple[str, str]], log: RecordingLog, *, credentials: CredentialsProvider = CREDENTIALS
) -> Identity:
    return Identity(
        "prod",
        credentials=credentials,
        account_id=None,
        unite=lambda key, account_id: learned.append((key, account_id)),
        learned=lambda account_id: learned.append(("", account_id)),
        log=log,
    )


def test_the_account_id_is_learned_once(client: Client) -> None:
    """After GetCallerIdentity the caller has its account id, and whoever keeps budgets is told of both names."""
    learned: list[tuple[str, str]] = []
    asking = identity(learned, RecordingLog())
    assert asking.caller().account_id is None

    assert asking.look_up(client)
    assert asking.caller().account_id == ACCOUNT.account_id
    assert learned == [(ACCOUNT.access_key_id, ACCOUNT.account_id), ("", ACCOUNT.account_id)]


def test_a_refusal_is_told_once_and_asked_again(simulator: Simulator, client: Client) -> None:
    """As long as the API does not say who calls, the answer is no; the same failure is logged once."""
    learned: list[tuple[str, str]] = []
    log = RecordingLog()
    asking = identity(learned, log)
    simulator.set_fault(ACCOUNT.name, Fault("error", status=403, code="NoPermission", message="no"))

    assert [asking.look_up(client) for _ in range(3)] == [False, False, False]
    assert [event for event, _ in log.above_debug()] == ["account id not learned"]
    assert log.above_debug()[0][1]["reason"] == "permission"
    assert learned == []


def test_missing_credentials_are_a_no(client: Client) -> None:
    """Without credentials nobody can be asked, and that is said."""
    log = RecordingLog()
    assert not identity([], log, credentials=NoCredentials()).look_up(client)
    assert [fields["reason"] for _, fields in log.above_debug()] == ["auth"]


@pytest.mark.parametrize(
    ("value", "account_id"),
    [
        ("1883927335936173", "1883927335936173"),
        (" 188 ".strip() + " ", "188"),
        (1883927335936173, "1883927335936173"),
    ],
    ids=["text", "with a space", "number"],
)
def test_an_account_id_is_digits(value: object, account_id: str) -> None:
    """The id is taken as text or number, trimmed."""
    assert parse_account_id({"AccountId": value}, None) == account_id


@pytest.mark.parametrize("value", [None, "", "abc", True, ["1"], "١٢٣"])
def test_anything_else_is_no_account_id(value: object) -> None:
    """What is no id is refused, so that it never becomes a label or the key of a budget."""
    with pytest.raises(MalformedReply, match="AccountId"):
        parse_account_id({"AccountId": value}, "request")
