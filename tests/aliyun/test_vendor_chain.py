"""The vendor's real library, in processes of its own: it reads its environment when it is loaded."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import sys, time
from exporter.aliyun.vendor_chain import DefaultChain, ask_vendor_chain
from exporter.aliyun.errors import CredentialsUnavailable

ask = ask_vendor_chain()
assert "alibabacloud_credentials" not in sys.modules
try:
    found = DefaultChain(ask, clock=time.monotonic).credentials(patience_s=60)
except CredentialsUnavailable as error:
    print(error)
else:
    token = found.security_token
    print(found.access_key_id, found.access_key_secret.reveal(), token and token.reveal())
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Asks the real chain in an empty home, with these variables and no others."""

    def start(**variables: str) -> "subprocess.CompletedProcess[str]":
        environ = {"HOME": str(tmp_path), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", **variables}
        return subprocess.run(  # noqa: S603 — our own interpreter
            [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    return start


def test_keys_from_the_environment(run: Run) -> None:
    """Long-term keys in the environment are found."""
    done = run(ALIBABA_CLOUD_ACCESS_KEY_ID="LTAI5tEnv", ALIBABA_CLOUD_ACCESS_KEY_SECRET="env-secret")

    assert (done.stdout, done.stderr, done.returncode) == ("LTAI5tEnv env-secret None\n", "", 0)


def test_a_token_from_the_environment(run: Run) -> None:
    """Temporary keys come with their token."""
    done = run(
        ALIBABA_CLOUD_ACCESS_KEY_ID="STS.Env",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="env-secret",
        ALIBABA_CLOUD_SECURITY_TOKEN="env-token",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("STS.Env env-secret env-token\n", "", 0)


def test_no_credentials_at_all(run: Run) -> None:
    """Where there is nothing, the error says what to set, and the library's own talk is not heard."""
    done = run()

    assert done.stdout.startswith("the default credential chain found no credentials (CredentialException); set ")
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_failing_refresh_says_nothing(run: Run, tmp_path: Path) -> None:
    """A source of the chain that fails prints neither its traceback nor its signed URL."""
    token_file = tmp_path / "token"
    token_file.write_text("an-oidc-token", encoding="ascii")
    done = run(
        ALIBABA_CLOUD_ROLE_ARN="acs:ram::1:role/x",
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN="acs:ram::1:oidc-provider/x",
        ALIBABA_CLOUD_OIDC_TOKEN_FILE=str(token_file),
        HTTPS_PROXY="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
    )

    assert done.stdout.startswith("the default credential chain found no credentials (")
    assert (done.stderr, done.returncode) == ("", 0)
