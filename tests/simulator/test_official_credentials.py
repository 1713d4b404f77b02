"""The vendor's own library for credentials is satisfied with the simulator."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_credentials.provider.oidc import OIDCRoleArnCredentialsProvider
from alibabacloud_credentials.provider.ram_role_arn import RamRoleArnCredentialsProvider
from alibabacloud_credentials.provider.uri import URLCredentialsProvider

from exporter.simulator import Account, Role, Scenario, Simulator, role_arn

Simulate = Callable[..., Simulator]

# No space in the external id: the library signs it as a plus sign, which is not what the vendor documents.
BASE = Account(
    name="base",
    account_id="10",
    access_key_id="LTAI5tBase",
    access_key_secret="base-secret",
    ram_user="exporter",
    roles=(Role("reader", trusted=("10", "oidc-provider/cluster"), external_id="pass=word/*~"),),
)


@pytest.fixture
def simulator(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """A simulator that the library reaches without a proxy."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return simulate(Scenario("", (BASE,)))


def role_provider(simulator: Simulator, **parts: Any) -> RamRoleArnCredentialsProvider:
    """Return the library's provider for the role; an endpoint with a scheme makes it speak plain HTTP."""
    given = {"access_key_id": "LTAI5tBase", "access_key_secret": "base-secret", "external_id": "pass=word/*~"}
    return RamRoleArnCredentialsProvider(
        role_arn=role_arn("10", "reader"), role_session_name="test", sts_endpoint=simulator.url, **{**given, **parts}
    )


def only_token(simulator: Simulator) -> tuple[str, str, str | None]:
    """Return the only credentials that were handed out."""
    [token] = simulator.issued_tokens()
    return token.key.access_key_id, token.key.access_key_secret, token.key.security_token


def as_tuple(credentials: Any) -> tuple[str, str, str | None]:
    """Return the credentials that the library holds."""
    return (
        credentials.get_access_key_id(),
        credentials.get_access_key_secret(),
        credentials.get_security_token(),
    )


def test_a_role_is_assumed(simulator: Simulator) -> None:
    """The library's signature in the query is the one that is checked, and the role asks for its external id."""
    assert as_tuple(role_provider(simulator).get_credentials()) == only_token(simulator)
    for parts in ({"external_id": "guessed"}, {"access_key_secret": "guessed"}):
        with pytest.raises(CredentialException):
            role_provider(simulator, **parts).get_credentials()
    assert [entry.code for entry in simulator.journal.entries()] == [None, "NoPermission", "SignatureDoesNotMatch"]


def test_a_role_is_assumed_with_temporary_credentials(simulator: Simulator) -> None:
    """The library's way to send a token in the query is the one that is checked."""
    first = role_provider(simulator).get_credentials()
    parts = dict(zip(("access_key_id", "access_key_secret", "security_token"), as_tuple(first), strict=True))
    role_provider(simulator, **parts).get_credentials()
    assert len(simulator.issued_tokens()) == 2


def test_an_oidc_token_is_exchanged(simulator: Simulator, tmp_path: Path) -> None:
    """The library's unsigned exchange gets credentials."""
    claims = base64.urlsafe_b64encode(json.dumps({"sub": "me"}).encode()).decode().rstrip("=")
    (tmp_path / "token").write_text(f"e30.{claims}.c2ln", encoding="utf-8")
    provider = OIDCRoleArnCredentialsProvider(
        role_arn=role_arn("10", "reader"),
        oidc_provider_arn="acs:ram::10:oidc-provider/cluster",
        oidc_token_file_path=str(tmp_path / "token"),
        role_session_name="test",
        sts_endpoint=simulator.url,
    )
    assert as_tuple(provider.get_credentials()) == only_token(simulator)


def test_a_credentials_uri(simulator: Simulator) -> None:
    """The library reads what the URI answers."""
    provider = URLCredentialsProvider(uri=f"{simulator.url}/_credentials/base")
    assert as_tuple(provider.get_credentials()) == only_token(simulator)
