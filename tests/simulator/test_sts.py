"""Temporary credentials are handed out only to those that a role trusts."""

import base64
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode

import pytest

from exporter.simulator import Account, Fault, Role, Scenario, Simulator, role_arn
from exporter.simulator.call import Caller, RoleSession
from exporter.simulator.sts import IssuedTokens

Simulate = Callable[..., Simulator]
Assume = Callable[..., dict[str, Any]]

NOW = 1_800_000_000.0
BASE = Account(
    name="base", account_id="10", access_key_id="LTAI5tBase", access_key_secret="base-secret", ram_user="exporter"
)
MEMBER = Account(
    name="member",
    account_id="20",
    access_key_id="LTAI5tMember",
    access_key_secret="member-secret",
    roles=(
        Role("reader", trusted=("10",), external_id="pass-word"),
        Role("open", trusted=("10", "oidc-provider/cluster"), max_session_s=7200),
        Role("closed", trusted=("30",)),
        Role("further", trusted=("20",)),
    ),
)
KEY_FIELDS = ("access_key_id", "access_key_secret", "security_token")
STS = {"version": "2015-04-01"}
IDENTITY = {"action": "GetCallerIdentity", **STS}
OPEN = {"RoleArn": role_arn("20", "open"), "RoleSessionName": "test"}


def jwt(claims: object) -> str:
    """Return a token with these claims, signed by nobody."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2lnbmF0dXJl"


class World:
    """A simulator with a base account and a member, its clocks, and a connection to it."""

    def __init__(
        self,
        simulate: Simulate,
        connect: Callable[[Simulator], socket.socket],
        ask: Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]],
        signed: Callable[..., bytes],
    ) -> None:
        self.now = NOW
        self.simulator = simulate(Scenario("", (BASE, MEMBER)), wall_clock=lambda: self.now)
        self._connection = connect(self.simulator)
        self._ask = ask
        self._signed = signed

    def send(self, data: bytes) -> dict[str, Any]:
        """Send bytes; returns the body with the status beside it."""
        response, body = self._ask(self._connection, data)
        return {"status": response.status, **json.loads(body)}

    def call(
        self, of: Account, action: str, version: str, parameters: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Call an operation in the newer form."""
        target = f"/?{urlencode(parameters or {})}"
        return self.send(self._signed(of, action=action, version=version, target=target, now=self.now))

    def assume(self, parameters: dict[str, str], of: Account = BASE) -> dict[str, Any]:
        """Assume a role."""
        return self.call(of, "AssumeRole", STS["version"], parameters)

    def with_oidc(self, parameters: dict[str, str]) -> dict[str, Any]:
        """Assume a role as the vendor's library does with an OIDC token, unsigned."""
        query = {"Action": "AssumeRoleWithOIDC", "Format": "JSON", "Version": "2015-04-01", **parameters}
        return self.send(f"GET /?{urlencode(query)} HTTP/1.1\r\nHost: here\r\n\r\n".encode())

    def identity(self, of: Account) -> dict[str, Any]:
        """Ask who the holder of a key is."""
        return self.call(of, "GetCallerIdentity", STS["version"])


@pytest.fixture
def world(simulate: Simulate, connect: Any, ask: Any, signed: Any) -> World:
    """The world of these tests."""
    return World(simulate, connect, ask, signed)


def bearer_of(answer: dict[str, Any]) -> Account:
    """Return an account that calls with the credentials of an answer."""
    credentials = answer.get("Credentials", answer)
    return replace(
        MEMBER,
        access_key_id=credentials["AccessKeyId"],
        access_key_secret=credentials["AccessKeySecret"],
        security_token=credentials["SecurityToken"],
    )


def test_assumed_credentials_are_the_members(world: World) -> None:
    """Who assumes a role calls as the role from then on, with the services of the role's account."""
    answer = world.assume(OPEN)
    assert answer["AssumedRoleUser"]["Arn"] == "acs:ram::20:role/open/test"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":test")
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("STS.")
    assert credentials["Expiration"] == "2027-01-15T09:00:00Z"
    identity = world.identity(bearer_of(answer))
    assert identity["IdentityType"] == "AssumedRoleUser"
    assert (identity["AccountId"], identity["Arn"]) == ("20", "acs:ram::20:assumed-role/open/test")
    assert identity["PrincipalId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert world.call(bearer_of(answer), "DescribeDcdnIpaService", "2018-01-15")["status"] == 200
    assert world.simulator.journal.entries()[-1].account_id == "20"


def test_a_source_identity_stays(world: World) -> None:
    """It comes back with the credentials, and again with those of every further role, which cannot change it."""
    first = world.assume({**OPEN, "SourceIdentity": "Alice@example.com"})
    assert first["SourceIdentity"] == "Alice@example.com"
    session = replace(BASE, **{name: getattr(bearer_of(first), name) for name in KEY_FIELDS})
    further = {"RoleArn": role_arn("20", "further"), "RoleSessionName": "test"}
    assert world.assume(further, session)["SourceIdentity"] == "Alice@example.com"
    for named in ("Bob", "A", "Al ice", ""):
        refused = world.assume({**further, "SourceIdentity": named}, session)
        assert (refused["status"], refused["Code"]) == (400, "InvalidParameter.SourceIdentity")
    assert "SourceIdentity" not in world.assume(OPEN)


def test_who_calls(world: World) -> None:
    """An account and its RAM user have identities of their own."""
    assert world.identity(MEMBER)["Arn"] == "acs:ram::20:root"
    user = world.identity(BASE)
    assert (user["IdentityType"], user["AccountId"], user["Arn"]) == ("RAMUser", "10", "acs:ram::10:user/exporter")
    assert user["UserId"] == user["PrincipalId"] != "10"


def test_the_older_form_is_answered_too(world: World, signed_v1: Callable[..., bytes]) -> None:
    """AssumeRole and what it gives work in the query of a GET, token and all."""
    answer = world.send(signed_v1(BASE, action="AssumeRole", **STS, now=NOW, parameters=OPEN))
    assert world.send(signed_v1(bearer_of(answer), **IDENTITY, now=NOW))["AccountId"] == "20"
    entries = world.simulator.journal.entries()
    assert [entry.action for entry in entries] == ["AssumeRole", "GetCallerIdentity"]
    assert [entry.account_id for entry in entries] == ["10", "20"]
    assert [entry.access_key_id for entry in entries] == ["LTAI5tBase", bearer_of(answer).access_key_id]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        pytest.param({"RoleArn": ""}, 400, "MissingParameter", id="no role"),
        pytest.param({"RoleArn": "acs:ram::20:user/open"}, 400, "InvalidParameter.RoleArn", id="no role's ARN"),
        pytest.param({"RoleArn": role_arn("20", "none")}, 404, "EntityNotExist.Role", id="unknown role"),
        pytest.param({"RoleArn": role_arn("99", "open")}, 404, "EntityNotExist.Role", id="unknown account"),
        pytest.param({"RoleArn": role_arn("20", "closed")}, 403, "NoPermission", id="trusts somebody else"),
        pytest.param({"RoleSessionName": ""}, 400, "MissingParameter", id="no session"),
        pytest.param({"RoleSessionName": "x"}, 400, "InvalidParameter.RoleSessionName", id="short session"),
        pytest.param({"RoleSessionName": "x" * 65}, 400, "InvalidParameter.RoleSessionName", id="long session"),
        pytest.param({"RoleSessionName": "a b"}, 400, "InvalidParameter.RoleSessionName", id="odd session"),
        pytest.param({"DurationSeconds": "899"}, 400, "InvalidParameter.DurationSeconds", id="too short"),
        pytest.param({"DurationSeconds": "7201"}, 400, "InvalidParameter.DurationSeconds", id="too long"),
        pytest.param({"DurationSeconds": "1h"}, 400, "InvalidParameter.DurationSeconds", id="no number"),
        pytest.param({"DurationSeconds": "9" * 5000}, 400, "InvalidParameter.DurationSeconds", id="huge"),
        pytest.param({"ExternalId": "x"}, 400, "InvalidParameter.ExternalId", id="short external id"),
        pytest.param({"ExternalId": "x" * 1225}, 400, "InvalidParameter.ExternalId", id="long external id"),
    ],
)
def test_a_role_that_is_not_given(world: World, changed: dict[str, str], status: int, code: str) -> None:
    """Each reason has its own code, and no credentials are made."""
    answer = world.assume({**OPEN, **changed})
    assert (answer["status"], answer["Code"]) == (status, code)
    assert world.simulator.issued_tokens() == ()


@pytest.mark.parametrize(
    ("duration", "expiration"),
    [
        pytest.param({}, "2027-01-15T09:00:00Z", id="an hour unless asked"),
        pytest.param({"DurationSeconds": "900"}, "2027-01-15T08:15:00Z", id="shortest"),
        pytest.param({"DurationSeconds": "7200"}, "2027-01-15T10:00:00Z", id="the role's longest"),
    ],
)
def test_how_long_credentials_last(world: World, duration: dict[str, str], expiration: str) -> None:
    """From a quarter of an hour to the role's own limit."""
    assert world.assume({**OPEN, **duration})["Credentials"]["Expiration"] == expiration


@pytest.mark.parametrize(
    ("external_id", "code"),
    [({}, "NoPermission"), ({"ExternalId": "guessed"}, "NoPermission"), ({"ExternalId": "pass-word"}, None)],
)
def test_an_external_id_is_asked_for(world: World, external_id: dict[str, str], code: str | None) -> None:
    """A role with an external id is given only to callers that send it."""
    answer = world.assume({**OPEN, "RoleArn": role_arn("20", "reader"), **external_id})
    assert answer.get("Code") == code


def test_root_accounts_assume_no_roles(world: World) -> None:
    """The key of an account itself is refused, its user's is not."""
    answer = world.assume(OPEN, of=MEMBER)
    assert (answer["status"], answer["Code"]) == (403, "NoPermission")
    assert answer["Message"] == "Roles may not be assumed by root accounts."


def test_credentials_expire(world: World) -> None:
    """They are good until the server's clock says otherwise."""
    bearer = bearer_of(world.assume(OPEN))
    world.now = NOW + 3599.9
    assert world.identity(bearer)["status"] == 200
    world.now = NOW + 3600
    answer = world.identity(bearer)
    assert (answer["status"], answer["Code"]) == (400, "InvalidSecurityToken.Expired")


def test_credentials_can_be_revoked(world: World) -> None:
    """All that an account has out expire at once; those handed out later are good."""
    before = bearer_of(world.assume(OPEN))
    world.simulator.revoke_tokens("base")
    assert world.identity(before)["status"] == 200
    world.simulator.revoke_tokens("member")
    assert world.identity(before)["Code"] == "InvalidSecurityToken.Expired"
    assert world.identity(bearer_of(world.assume(OPEN)))["status"] == 200
    with pytest.raises(ValueError, match="no account is named 'mallory'"):
        world.simulator.revoke_tokens("mallory")


def test_the_limit_is_the_base_accounts(
    simulate: Simulate, connect: Any, ask: Any, signed: Callable[..., bytes]
) -> None:
    """All roles that one base account assumes share its limit, whichever of its users calls."""
    other_user = replace(BASE, name="other", access_key_id="LTAI5tOther", ram_user="other")
    second = replace(BASE, name="second", account_id="30", access_key_id="LTAI5tSecond")
    scenario = Scenario("", (BASE, other_user, second, MEMBER))
    simulator = simulate(scenario, limits={"AssumeRole": 2}, monotonic=lambda: 0.0)
    closed = {"RoleArn": role_arn("20", "closed"), "RoleSessionName": "test"}
    targets = [f"/?{urlencode(parameters)}" for parameters in (OPEN, closed, OPEN, closed)]
    connection = connect(simulator)
    codes = [
        json.loads(ask(connection, signed(of, action="AssumeRole", **STS, target=target))[1]).get("Code")
        for of, target in zip((BASE, other_user, BASE, second), targets, strict=True)
    ]
    assert codes == [None, "NoPermission", "Throttling.User", None]


def test_an_oidc_token_is_exchanged(world: World) -> None:
    """A role that trusts the provider is given to the bearer of a token, without any signature."""
    claims = {"sub": "system:serviceaccount:x", "iss": "https://issuer", "aud": "sts", "exp": NOW + 1}
    parameters = {
        **OPEN,
        "OIDCProviderArn": "acs:ram::20:oidc-provider/cluster",
        "OIDCToken": jwt(claims),
        "DurationSeconds": "900",
    }
    answer = world.with_oidc(parameters)
    assert answer["status"] == 200
    assert answer["Credentials"]["Expiration"] == "2027-01-15T08:15:00Z"
    assert answer["OIDCTokenInfo"]["Subject"] == "system:serviceaccount:x"
    assert world.identity(bearer_of(answer))["Arn"] == "acs:ram::20:assumed-role/open/test"
    entry = world.simulator.journal.entries()[0]
    assert (entry.action, entry.account_id, entry.access_key_id) == ("AssumeRoleWithOIDC", "20", None)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        pytest.param({"RoleArn": role_arn("20", "none")}, 404, "EntityNotExist.Role", id="unknown role"),
        pytest.param({"RoleArn": role_arn("20", "reader")}, 401, "AuthenticationFail.NoPermission", id="no trust"),
        pytest.param(
            {"OIDCProviderArn": "acs:ram::20:oidc-provider/x"}, 401, "AuthenticationFail.NoPermission", id="provider"
        ),
        pytest.param(
            {"OIDCProviderArn": "acs:ram::10:oidc-provider/cluster"},
            401,
            "AuthenticationFail.NoPermission",
            id="provider of another account",
        ),
        pytest.param({"OIDCProviderArn": "x"}, 401, "AuthenticationFail.NoPermission", id="no provider's ARN"),
        pytest.param({"OIDCProviderArn": ""}, 400, "MissingParameter", id="no provider"),
        pytest.param({"OIDCToken": ""}, 400, "MissingParameter", id="no token"),
        pytest.param({"OIDCToken": "opaque"}, 401, "AuthenticationFail.OIDCToken.Invalid", id="no JWT"),
        pytest.param({"OIDCToken": "a.!.c"}, 401, "AuthenticationFail.OIDCToken.Invalid", id="no base64"),
        pytest.param({"OIDCToken": jwt([])}, 401, "AuthenticationFail.OIDCToken.Invalid", id="no claims"),
        pytest.param({"OIDCToken": jwt({"exp": NOW})}, 401, "AuthenticationFail.OIDCToken.Expired", id="expired"),
        pytest.param({"DurationSeconds": "7201"}, 400, "InvalidParameter.DurationSeconds", id="too long"),
    ],
)
def test_an_oidc_token_that_is_refused(world: World, changed: dict[str, str], status: int, code: str) -> None:
    """Each reason has its own code, and no credentials are made."""
    right = {**OPEN, "OIDCProviderArn": "acs:ram::20:oidc-provider/cluster", "OIDCToken": jwt({"sub": "me"})}
    answer = world.with_oidc({**right, **changed})
    assert (answer["status"], answer["Code"]) == (status, code)
    assert world.simulator.issued_tokens() == ()


def test_a_fault_of_the_exchange_is_the_role_accounts(world: World) -> None:
    """AssumeRole fails by a fault of who calls, the unsigned exchange by one of whose role it is."""
    world.simulator.set_fault("member", Fault("error", status=503, code="ServiceUnavailable"))
    oidc = {**OPEN, "OIDCProviderArn": "acs:ram::20:oidc-provider/cluster", "OIDCToken": jwt({})}
    assert world.assume(OPEN)["status"] == 200
    assert world.with_oidc(oidc)["status"] == 503
    world.simulator.set_fault("base", Fault("error", status=503, code="ServiceUnavailable", action="AssumeRole"))
    assert world.assume(OPEN)["status"] == 503


def test_an_echo_repeats_the_older_forms_secrets_too(world: World, signed_v1: Callable[..., bytes]) -> None:
    """A refusal can hold what the query held: a log of it would leak that."""
    bearer = bearer_of(world.assume(OPEN))
    world.simulator.set_fault("member", Fault("echo"))
    answer = world.send(signed_v1(bearer, **IDENTITY, now=NOW))
    assert bearer.security_token is not None
    assert bearer.security_token in answer["Message"]
    token = jwt({"sub": "planted"})
    oidc = {**OPEN, "OIDCProviderArn": "acs:ram::20:oidc-provider/cluster", "OIDCToken": token}
    assert token in world.with_oidc(oidc)["Message"]


def test_credentials_are_remembered_within_limits() -> None:
    """Beyond the capacity the oldest are forgotten; what is remembered shows no secret when printed."""
    counter = iter(range(256))
    tokens = IssuedTokens(random_bytes=lambda size: next(counter).to_bytes(1, "big") * size, capacity=2)
    issued = [tokens.issue(Caller(MEMBER, RoleSession("open", "x")), now=NOW, lasts_s=900) for _ in range(3)]
    assert tokens.all() == tuple(issued[1:])
    assert tokens.find(issued[0].key.access_key_id) is None
    assert issued[2].key.access_key_secret not in repr(issued[2])
    assert str(issued[2].key.security_token) not in repr(issued[2])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param({"name": "a b"}, "the name of a role is 'a b'; accepted: 1 to 64 letters", id="name"),
        pytest.param({"trusted": ()}, "the role reader trusts no one; accepted: an account id", id="nobody"),
        pytest.param(
            {"trusted": ("alice",)}, "the role reader trusts 'alice'; accepted: an account id", id="name of"
        ),
        pytest.param({"max_session_s": 899}, "max_session of the role reader is 899 s", id="short"),
        pytest.param({"max_session_s": 43201}, "max_session of the role reader is 43201 s", id="long"),
    ],
)
def test_bad_roles_do_not_exist(parts: dict[str, Any], message: str) -> None:
    """A role that the vendor would not have is refused."""
    with pytest.raises(ValueError, match=message):
        replace(MEMBER.roles[0], **parts)


def test_roles_are_told_apart() -> None:
    """One account id has one role of a name, whatever number of accounts it has here."""
    with pytest.raises(
        ValueError, match=r"accounts\[0\].roles\[0\] and accounts\[1\].roles\[0\] .* 20 have the name 'reader'"
    ):
        Scenario("", (MEMBER, replace(MEMBER, name="b", access_key_id="LTAI5tB")))
    with pytest.raises(ValueError, match="the ram_user of an account is empty"):
        replace(BASE, ram_user="")
