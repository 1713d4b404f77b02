"""Roles and the answers of AssumeRole."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.credentials.role import Role, account_of, parse_assume_role, role_arn
from exporter.api.errors import MalformedReply

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
    """It is as good as a password to whoever may assume roles."""
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
    """Without an end that can be read nobody knows when to ask again."""
    with pytest.raises(MalformedReply, match="Expiration") as refusal:
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
