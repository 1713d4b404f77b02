"""Who is behind an account, asked of the simulator."""

import time
from collections.abc import Callable, Iterator

import pytest

from exporter.accounts.account_id import AccountIds, LearnedId, parse_account_id
from exporter.api.call import Caller
from exporter.api.client import Client
from exporter.api.credentials.base import Credentials, Secret, StaticCredentials
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


CALLER = Caller(CREDENTIALS)


def test_an_account_id_is_learned(client: Client) -> None:
    """It comes with the caller it was looked up for, and with the access key, which had a budget of its own."""
    log = RecordingLog()
    account_ids = AccountIds(client, log=log)
    account_ids.look_up("prod", CALLER)

    assert account_ids.take_learned() == [LearnedId("prod", CALLER, ACCOUNT.account_id, ACCOUNT.access_key_id)]
    assert account_ids.take_learned() == []
    assert log.above_debug() == [("account id learned", {"account": "prod", "account_id": ACCOUNT.account_id})]


def test_a_refusal_is_logged_once(simulator: Simulator, client: Client) -> None:
    """As long as the API gives the same reason; nothing is learned."""
    log = RecordingLog()
    account_ids = AccountIds(client, log=log)
    simulator.set_fault(ACCOUNT.name, Fault("error", status=403, code="NoPermission", message="no"))
    for _ in range(3):
        account_ids.look_up("prod", CALLER)
    account_ids.look_up("shop", CALLER)

    assert [(event, fields["account"], fields["reason"]) for event, fields in log.above_debug()] == [
        ("account id not learned", "prod", "permission"),
        ("account id not learned", "shop", "permission"),
    ]
    simulator.set_fault(ACCOUNT.name, None)
    account_ids.look_up("prod", CALLER)
    assert [learned.account for learned in account_ids.take_learned()] == ["prod"]


def test_missing_credentials_are_logged(client: Client) -> None:
    """Without credentials the API cannot be called."""
    log = RecordingLog()
    account_ids = AccountIds(client, log=log)
    account_ids.look_up("prod", Caller(NoCredentials()))

    assert account_ids.take_learned() == []
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
    with pytest.raises(MalformedReply, match=r"AccountId: seen .*; accepted: the digits"):
        parse_account_id({"AccountId": value}, "request")
