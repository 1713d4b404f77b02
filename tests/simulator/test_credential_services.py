"""Credentials are found at a URI and at an instance's metadata service."""

import json
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

import pytest

from exporter.simulator import Account, Fault, Role, Scenario, Simulator

Simulate = Callable[..., Simulator]
Fetch = Callable[..., tuple[int, str]]

NOW = 1_800_000_000.0
ROLES = "/latest/meta-data/ram/security-credentials"
ALICE = Account(
    name="alice smith",
    account_id="10",
    access_key_id="LTAI5tAlice",
    access_key_secret="s",
    roles=(Role("closed", trusted=("10",)), Role("worker", trusted=("ecs.aliyuncs.com",))),
)
BOB = Account(
    name="bob",
    account_id="20",
    access_key_id="LTAI5tBob",
    access_key_secret="s",
    roles=(Role("other", trusted=("10", "ecs.aliyuncs.com")), Role("worker", trusted=("ecs.aliyuncs.com",))),
)


class World:
    """A simulator whose time is set by hand, and a plain client."""

    def __init__(self, simulate: Simulate, *accounts: Account) -> None:
        self.now = NOW
        self.simulator = simulate(Scenario("", accounts), wall_clock=lambda: self.now)

    def fetch(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Return the status and body at a path; underscores in names of headers are dashes."""
        connection = HTTPConnection("127.0.0.1", self.simulator.port, timeout=10)
        try:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@pytest.fixture
def world(simulate: Simulate) -> World:
    """The world of these tests."""
    return World(simulate, ALICE, BOB)


@pytest.fixture
def identity_of(connect: Any, ask: Any, signed: Callable[..., bytes]) -> Callable[[World, str], Any]:
    """Asks who calls with the credentials of an answer."""

    def ask_one(world: World, body: str) -> Any:
        found = json.loads(body)
        bearer = replace(
            ALICE,
            access_key_id=found["AccessKeyId"],
            access_key_secret=found["AccessKeySecret"],
            security_token=found["SecurityToken"],
        )
        data = signed(bearer, action="GetCallerIdentity", version="2015-04-01", now=world.now)
        return json.loads(ask(connect(world.simulator), data)[1]).get("Arn")

    return ask_one


def test_every_account_has_a_credentials_uri(world: World, identity_of: Callable[[World, str], Any]) -> None:
    """Each answer holds new credentials of the account, good for an hour."""
    status, body = world.fetch("/_credentials/alice%20smith")
    found = json.loads(body)
    assert (status, found["Code"], found["Expiration"]) == (200, "Success", "2027-01-15T09:00:00Z")
    assert identity_of(world, body) == "acs:ram::10:assumed-role/uri/alice smith"
    assert json.loads(world.fetch("/_credentials/alice%20smith")[1])["AccessKeyId"] != found["AccessKeyId"]
    assert world.fetch("/_credentials/mallory") == (404, "Not Found")
    assert world.fetch("/_credentials/bob", "POST") == (405, "Method Not Allowed")


def test_an_instance_has_roles(world: World, identity_of: Callable[[World, str], Any]) -> None:
    """It tells the name of its first role, and hands out credentials of each one that trusts it."""
    assert world.fetch(f"{ROLES}/") == (200, "worker")
    assert world.fetch(ROLES) == (200, "worker")
    status, body = world.fetch(f"{ROLES}/worker")
    assert (status, json.loads(body)["LastUpdated"]) == (200, "2027-01-15T08:00:00Z")
    assert identity_of(world, body) == "acs:ram::10:assumed-role/worker/i-simulated"
    assert identity_of(world, world.fetch(f"{ROLES}/other")[1]) == "acs:ram::20:assumed-role/other/i-simulated"
    assert world.fetch(f"{ROLES}/closed") == (404, "Not Found")


def test_an_instance_without_a_role(simulate: Simulate) -> None:
    """There is nothing to be found."""
    world = World(simulate, replace(ALICE, roles=()))
    assert world.fetch(f"{ROLES}/") == (404, "Not Found")


def test_a_metadata_token(world: World) -> None:
    """It is not needed, but if one comes it must be good."""
    ttl = {"X_aliyun_ecs_metadata_token_ttl_seconds": "60"}
    status, token = world.fetch("/latest/api/token", "PUT", **ttl)
    assert status == 200
    assert world.fetch(f"{ROLES}/", X_aliyun_ecs_metadata_token=token) == (200, "worker")
    assert world.fetch(f"{ROLES}/", X_aliyun_ecs_metadata_token="guessed") == (403, "Forbidden")
    world.now += 60
    assert world.fetch(f"{ROLES}/", X_aliyun_ecs_metadata_token=token) == (403, "Forbidden")
    assert world.fetch("/latest/api/token") == (405, "Method Not Allowed")


@pytest.mark.parametrize("ttl", ["", "0", "21601", "x", "9" * 5000])
def test_a_metadata_token_has_a_lifetime(world: World, ttl: str) -> None:
    """From a second to six hours."""
    headers = {"X_aliyun_ecs_metadata_token_ttl_seconds": ttl}
    assert world.fetch("/latest/api/token", "PUT", **headers) == (400, "Bad Request")


def test_credentials_expire_and_are_revoked(world: World, identity_of: Callable[[World, str], Any]) -> None:
    """They are as temporary as those of STS."""
    uri, instance = world.fetch("/_credentials/bob")[1], world.fetch(f"{ROLES}/worker")[1]
    world.simulator.revoke_tokens("bob")
    assert (identity_of(world, uri), identity_of(world, instance) is None) == (None, False)
    world.now += 3600
    assert identity_of(world, instance) is None


def test_faults_must_name_where_credentials_are_found(world: World) -> None:
    """A fault of the account's operations leaves them alone, one that names them does not."""
    world.simulator.set_fault("bob", Fault("error", status=503, code="ServiceUnavailable"))
    assert world.fetch("/_credentials/bob")[0] == 200
    assert world.fetch(f"{ROLES}/other")[0] == 200
    world.simulator.set_fault("bob", Fault("error", status=503, code="ServiceUnavailable", action="CredentialsUri"))
    assert world.fetch("/_credentials/bob")[0] == 503
    assert world.fetch(f"{ROLES}/other")[0] == 200
    world.simulator.set_fault("bob", Fault("html_502", action="EcsMetadata"))
    assert world.fetch("/_credentials/bob")[0] == 200
    assert world.fetch(f"{ROLES}/other")[0] == 502
    assert world.fetch(f"{ROLES}/worker")[0] == 200


def test_what_is_handed_out_is_in_the_journal(world: World) -> None:
    """By the names that faults use, with the account and without any secret."""
    world.fetch("/_credentials/bob")
    world.fetch(f"{ROLES}/worker")
    world.fetch(f"{ROLES}/nothing")
    seen = [(entry.action, entry.account_id, entry.http_status) for entry in world.simulator.journal.entries()]
    assert seen == [("CredentialsUri", "20", 200), ("EcsMetadata", "10", 200), ("EcsMetadata", None, 404)]
    journal = world.fetch("/_journal")[1]
    for token in world.simulator.issued_tokens():
        assert token.key.access_key_secret not in journal
        assert str(token.key.security_token) not in journal
