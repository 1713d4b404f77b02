"""Roles, the answers of AssumeRole, and when it is asked again: decided without a clock or a thread."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.credentials.role import Role, RoleToken, account_of, parse_assume_role, role_arn
from exporter.api.errors import ApiError, MalformedReply
from exporter.core.model import FailureReason

WALL = 1_800_000_000.0
ARN = "acs:ram::1000000000000007:role/reader"
GOOD: Mapping[str, Any] = {
    "RequestId": "ID",
    "Credentials": {
        "AccessKeyId": "STS.planted",
        "AccessKeySecret": "planted-secret",
        "SecurityToken": "planted/token==",
        "Expiration": "2026-01-02T03:04:05Z",
    },
}


def test_a_role() -> None:
    """A role knows its account, and asks with its external id only where it has one."""
    assert Role(ARN).account_id == "1000000000000007"
    assert Role(ARN).parameters() == {"RoleArn": ARN, "RoleSessionName": "dcdn-exporter"}
    assert Role(ARN, "me", "demanded").parameters() == {
        "RoleArn": ARN,
        "RoleSessionName": "me",
        "ExternalId": "demanded",
    }
    assert Role("acs:ram::7:role/aliyun/reader").account_id == "7"


def test_an_external_id_is_not_shown() -> None:
    """Together with the right to assume roles it is as good as a password."""
    with pytest.raises(ValueError, match="external id") as refusal:
        Role(ARN, external_id="planted id")

    assert "planted" not in repr(Role(ARN, external_id="planted-id")) + str(refusal.value)


@pytest.mark.parametrize(
    ("arn", "session_name", "external_id"),
    [
        pytest.param("acs:ram::x:role/reader", "me", None, id="no account"),
        pytest.param("acs:ram::7:user/reader", "me", None, id="a user"),
        pytest.param("acs:ram::7:role/", "me", None, id="no name"),
        pytest.param(f"{ARN}\n", "me", None, id="a line break"),
        pytest.param(ARN, "m", None, id="short session name"),
        pytest.param(ARN, "m" * 65, None, id="long session name"),
        pytest.param(ARN, "m e", None, id="space in the session name"),
        pytest.param(ARN, "me", "x", id="short external id"),
        pytest.param(ARN, "me", "x" * 1225, id="long external id"),
    ],
)
def test_what_is_no_role(arn: str, session_name: str, external_id: str | None) -> None:
    """What STS would refuse is refused before it is asked."""
    with pytest.raises(ValueError, match="accepted"):
        Role(arn, session_name, external_id)


def test_credentials_of_an_answer() -> None:
    """An answer gives temporary credentials and the moment of their end."""
    assert parse_assume_role(GOOD, "ID") == Credentials(
        "STS.planted", Secret("planted-secret"), Secret("planted/token=="), expires_at=1767323045.0
    )


@pytest.mark.parametrize("name", ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"])
@pytest.mark.parametrize("value", [None, "", " ", 7, ["planted"], "plan\nted", "plan ted é"])
def test_an_answer_without_credentials(name: str, value: object) -> None:
    """What is missing or no such thing is malformed, and the error repeats nothing of the answer."""
    payload = copy.deepcopy(dict(GOOD))
    payload["Credentials"][name] = value

    with pytest.raises(MalformedReply, match=r"Credentials: ") as refusal:
        parse_assume_role(payload, "ID")
    assert (refusal.value.request_id, refusal.value.http_status) == ("ID", 200)
    assert "plan" not in str(refusal.value)


@pytest.mark.parametrize("value", ["tomorrow", "2026-01-02T03:04:06", "2026-13-02T03:04:05Z"])
def test_an_expiration_that_is_no_moment(value: str) -> None:
    """Without an end that can be read, the time of the next call is not known."""
    with pytest.raises(MalformedReply, match=r"Expiration: seen .*; accepted: a moment") as refusal:
        parse_assume_role({"Credentials": {**GOOD["Credentials"], "Expiration": value}}, None)
    assert value not in str(refusal.value)


@pytest.mark.parametrize("payload", [{}, {"Credentials": None}, {"Credentials": []}, {"Credentials": "planted"}])
def test_an_answer_of_another_shape(payload: Mapping[str, object]) -> None:
    """Whatever else the answer is, it is malformed."""
    with pytest.raises(MalformedReply):
        parse_assume_role(payload, None)


def test_the_account_of_a_role_is_in_its_arn() -> None:
    """Of one that we name, and of one in a path."""
    assert role_arn("1883927335936173", "reader") == "acs:ram::1883927335936173:role/reader"
    assert account_of("acs:ram::1883927335936173:role/path/reader") == "1883927335936173"


def lasting(seconds: float, key: str = "STS.1") -> Credentials:
    return Credentials(key, Secret("secret"), Secret("token"), expires_at=WALL + seconds)


def trouble(reason: FailureReason = FailureReason.NETWORK) -> ApiError:
    return ApiError("why", reason=reason)


def test_a_token_is_used_until_just_before_its_end() -> None:
    """It does not end on the way to the API."""
    token = RoleToken().given(lasting(3600), wall_now=WALL, jitter=0.5)

    assert token.usable(WALL + 3594) == lasting(3600)
    assert token.usable(WALL + 3595) is None


@pytest.mark.parametrize(("jitter", "due_s"), [(0.0, 2088), (0.5, 2376), (1.0, 2664)])
def test_a_token_is_replaced_ahead_of_its_end(jitter: float, due_s: float) -> None:
    """Around two thirds of an hour's token is when STS is asked again, not at one moment for all."""
    token = RoleToken().given(lasting(3600), wall_now=WALL, jitter=jitter)

    assert not token.is_due(now=0, wall_now=WALL + due_s - 1, used_at=0)
    assert token.is_due(now=0, wall_now=WALL + due_s + 1, used_at=0)


def test_nobody_asks_for_what_is_not_used() -> None:
    """A role that no call has needed for an hour is left alone, be it due or failing."""
    due = RoleToken().given(lasting(60), wall_now=WALL, jitter=0.5)
    failing = RoleToken().failed(trouble(), now=0, jitter=0.5)

    for token in (due, failing):
        assert token.is_due(now=4000, wall_now=WALL + 59, used_at=400)
        assert not token.is_due(now=4000.1, wall_now=WALL + 59, used_at=400)


@pytest.mark.parametrize(
    ("reason", "pauses"),
    [
        pytest.param(FailureReason.TIMEOUT, [5, 10, 20, 40, 60, 60, 60, 60], id="STS in trouble"),
        pytest.param(FailureReason.PERMISSION, [5, 10, 20, 40, 80, 160, 300, 300], id="to be mended"),
    ],
)
def test_pauses_grow(reason: FailureReason, pauses: list[float]) -> None:
    """An attempt that fails is repeated ever later, at most every minute, or every five for a lack of rights."""
    token = RoleToken()
    seen = []
    for _ in pauses:
        token = token.failed(trouble(reason), now=0, jitter=0.5)
        seen.append(token.retry_at)

    assert seen == pytest.approx(pauses)
    assert not token.is_due(now=token.retry_at - 0.1, wall_now=WALL, used_at=0)
    assert token.is_due(now=token.retry_at, wall_now=WALL, used_at=0)


@pytest.mark.parametrize(("jitter", "pause_s"), [(0.0, 4.0), (1.0, 6.0)])
def test_pauses_differ(jitter: float, pause_s: float) -> None:
    """Roles that failed together do not ask together."""
    assert RoleToken().failed(trouble(), now=100, jitter=jitter).retry_at == pytest.approx(100 + pause_s)


def test_pauses_begin_anew_after_a_success() -> None:
    """An attempt that succeeds ends the failure, and the next one starts with the shortest pause."""
    token = RoleToken()
    for _ in range(5):
        token = token.failed(trouble(), now=0, jitter=0.5)
    token = token.given(lasting(3600), wall_now=WALL, jitter=0.5)

    assert token.cause is None
    assert token.failed(trouble(), now=0, jitter=0.5).retry_at == pytest.approx(5)


def test_a_failure_leaves_the_token_in_hand() -> None:
    """What is in hand is good until it ends, whatever becomes of the refresh."""
    token = RoleToken().given(lasting(3600), wall_now=WALL, jitter=0.5).failed(trouble(), now=0, jitter=0.5)

    assert token.usable(WALL + 3000) == lasting(3600)


def test_a_refused_token_is_thrown_away_once() -> None:
    """The token that STS gives again after its refusal stays, and so does any within ten seconds."""
    first, second = lasting(3600), lasting(3600, "STS.2")
    token = RoleToken().given(first, wall_now=WALL, jitter=0.5)

    assert token.may_force(first, 100)
    token = token.forced(first, 100)
    assert token.usable(WALL) is None
    assert not token.may_force(first, 1000)
    assert not token.may_force(second, 109.9)
    assert token.may_force(second, 110)
