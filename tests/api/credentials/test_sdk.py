"""The vendor's real library finds credentials of each kind, with the simulator where it calls somebody."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.credentials.sdk import LibrarySource, _sts_host, credentials_uri, oidc_role, profile
from exporter.api.errors import CredentialsUnavailable
from exporter.simulator import Fault, Simulator, role_arn
from exporter.simulator.sts import expiration
from tests.api.credentials.conftest import oidc_token

Simulate = Callable[..., Simulator]
PROVIDER_ARN = "acs:ram::10:oidc-provider/cluster"


@pytest.fixture
def simulator(simulate: Simulate) -> Simulator:
    return simulate()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(oidc_token(), encoding="ascii")
    return file


def oidc(simulator: Simulator, token_file: Path, **parts: Any) -> LibrarySource:
    return oidc_role(
        **{
            "role_arn": role_arn("10", "reader"),
            "provider_arn": PROVIDER_ARN,
            "token_file": token_file,
            "sts_endpoint": simulator.url,
            **parts,
        }
    )


def latest(simulator: Simulator) -> Credentials:
    """What the simulator handed out last."""
    token = simulator.issued_tokens()[-1]
    return Credentials(
        token.key.access_key_id,
        Secret(token.key.access_key_secret),
        Secret(token.key.security_token or ""),
        expires_at=datetime.fromisoformat(expiration(token)).timestamp(),
    )


def refusal(source: LibrarySource) -> str:
    with pytest.raises(CredentialsUnavailable) as caught:
        source(anew=False)
    return str(caught.value)


def test_an_oidc_token_is_exchanged(simulator: Simulator, token_file: Path) -> None:
    """With the exporter's name for the session, and with the end that STS told."""
    assert oidc(simulator, token_file)(anew=False) == latest(simulator)
    [entry] = simulator.journal.entries()
    assert (entry.action, entry.code) == ("AssumeRoleWithOIDC", None)


def test_the_oidc_token_is_read_for_each_exchange(simulator: Simulator, token_file: Path) -> None:
    """A token that was rotated is the one that is exchanged next; until then the library remembers."""
    ask = oidc(simulator, token_file)
    first = ask(anew=False)
    token_file.write_text(oidc_token(exp=1), encoding="ascii")
    again = ask(anew=False)
    with pytest.raises(CredentialsUnavailable, match=r"refused with AuthenticationFail\.OIDCToken\.Expired"):
        ask(anew=True)

    assert first == again


def test_anew_means_another_exchange(simulator: Simulator, token_file: Path) -> None:
    """What the library remembers is of no use then."""
    ask = oidc(simulator, token_file)
    assert ask(anew=False) != ask(anew=True)
    assert ask(anew=False) == latest(simulator)


def test_credentials_from_a_uri(simulator: Simulator) -> None:
    """With the end that the URI told."""
    found = credentials_uri(Secret(f"{simulator.url}/_credentials/base"))(anew=False)
    assert found == latest(simulator)


def profile_file(folder: Path, *profiles: dict[str, str], current: str = "reader") -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps({"current": current, "profiles": profiles}), encoding="utf-8")
    return file


KEYS = {"name": "keys", "mode": "AK", "access_key_id": "LTAI5tProfile", "access_key_secret": "profile-secret"}


def test_a_profile_with_keys(tmp_path: Path) -> None:
    """They have no end; the profile is the one that is named, or the current one."""
    file = profile_file(tmp_path, {**KEYS, "name": "other", "access_key_id": "LTAI5tOther"}, KEYS, current="keys")
    assert profile(file=file)(anew=False) == Credentials("LTAI5tProfile", Secret("profile-secret"))
    assert profile("other", file)(anew=False).access_key_id == "LTAI5tOther"


def test_a_profile_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    """An exchanged key is found without a restart."""
    ask = profile("keys", profile_file(tmp_path, KEYS))
    ask(anew=False)
    profile_file(tmp_path, {**KEYS, "access_key_id": "LTAI5tExchangedKey"})

    assert ask(anew=False).access_key_id == "LTAI5tExchangedKey"


def test_the_end_of_a_profiles_temporary_credentials(tmp_path: Path) -> None:
    """It is known to the library's inner provider, which is where the one private name of it leads."""
    ends_at = int(time.time()) + 3600
    answer = {
        "mode": "StsToken",
        "access_key_id": "STS.Command",
        "access_key_secret": "command-secret",
        "sts_token": "command-token",
        "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends_at)),
    }
    (tmp_path / "answer").write_text(json.dumps(answer), encoding="utf-8")
    command = f"cat {tmp_path / 'answer'}"
    file = profile_file(tmp_path, {"name": "command", "mode": "External", "process_command": command})
    found = profile("command", file)(anew=False)

    assert found == Credentials("STS.Command", Secret("command-secret"), Secret("command-token"), float(ends_at))


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        pytest.param(None, "keys", "there is no such file", id="no file"),
        pytest.param("{", "keys", "the file cannot be read, or is no JSON", id="no JSON"),
        pytest.param("{}", None, "no profile is named, and the file calls none current", id="none current"),
        pytest.param('{"profiles": [{"name": "a"}]}', "b", "the file has no profile of that name", id="no such"),
        pytest.param(
            '{"profiles": [{"name": "a", "mode": "Planted"}]}',
            "a",
            "the profile has a mode that the vendor's library does not know",
            id="mode",
        ),
    ],
)
def test_why_a_profile_gives_nothing(tmp_path: Path, content: str | None, name: str | None, expected: str) -> None:
    """What is wrong with it, and where to look."""
    file = tmp_path / "config.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    assert refusal(profile(name, file)) == (
        f"the profile: {expected}; check name and file, and what `aliyun configure list` says of it"
    )


def test_why_an_exchange_gives_nothing(simulator: Simulator, token_file: Path) -> None:
    """The vendor's code, or what became of the connection, or the file."""
    stranger = refusal(oidc(simulator, token_file, provider_arn="acs:ram::10:oidc-provider/stranger"))
    token_file.unlink()
    missing = refusal(oidc(simulator, token_file))
    token_file.write_text(oidc_token(), encoding="ascii")
    simulator.stop()
    gone = refusal(oidc(simulator, token_file))

    assert stranger.startswith(
        "the exchange of the OIDC token: refused with AuthenticationFail.NoPermission (HTTP 401); check role_arn, "
    )
    assert missing.startswith("the exchange of the OIDC token: its file cannot be read: No such file or directory; ")
    there = f"127.0.0.1:{simulator.port}"
    assert gone.startswith(f"the exchange of the OIDC token: cannot reach {there}: Connection refused; ")


def test_why_a_uri_gives_nothing(simulator: Simulator) -> None:
    """The HTTP status, or that there were no credentials in the answer; never the address, which may hold a token."""
    not_found = refusal(credentials_uri(Secret(f"{simulator.url}/_credentials/planted")))
    simulator.set_fault("base", Fault("error", status=200, code="Planted", message="no", action="CredentialsUri"))
    odd = refusal(credentials_uri(Secret(f"{simulator.url}/_credentials/base?token=planted")))
    bracketed = refusal(credentials_uri(Secret("http://[::1]:1/planted")))

    assert not_found.startswith("the credentials URI: HTTP 404; see that it gives Code, ")
    assert odd.startswith("the credentials URI: refused with Planted; ")
    assert bracketed == "the credentials URI: the vendor's library cannot call IPv6 addresses; write the host's name"
    assert "planted" not in not_found + odd + bracketed


def test_plain_http_to_others_is_refused(tmp_path: Path) -> None:
    """An OIDC token never leaves this machine unencrypted."""
    with pytest.raises(ValueError, match="the STS endpoint is https, or plain http to loopback"):
        oidc_role(role_arn="r", provider_arn="p", token_file=tmp_path, sts_endpoint="http://sts.example.com")


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        pytest.param(None, None, id="the vendor's own"),
        pytest.param("https://sts.example.com:8443", "sts.example.com:8443", id="https"),
        pytest.param("http://127.0.0.1:80", "http://127.0.0.1:80", id="plain http"),
    ],
)
def test_what_the_library_takes_for_the_sts_host(endpoint: str | None, host: str | None) -> None:
    """It sends this as the Host header, so that a scheme stands in it only where there is no other way."""
    assert _sts_host(endpoint) == host
