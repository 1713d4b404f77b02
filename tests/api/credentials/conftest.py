"""Simulators with roles, and the vendor's library in processes of its own: it reads its environment when loaded."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import Account, Role, Scenario, Simulator

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")
BASE = Account(
    name="base",
    account_id="10",
    access_key_id="LTAI5tBase",
    access_key_secret="base-secret",
    ram_user="exporter",
    roles=(Role("reader", trusted=("10", "oidc-provider/cluster", "ecs.aliyuncs.com")),),
)
# Asks for a source, which is an expression, and prints what was found or why nothing was.
ASK = """
import sys, threading, time
from pathlib import Path
from exporter.api.credentials.base import Secret
from exporter.api.errors import CredentialsUnavailable
from exporter.api.credentials.sdk import credentials_uri, default_chain, instance_role, oidc_role, profile
from exporter.api.credentials.refresh import RefreshedCredentials
from exporter.core.pool import Pool

class NoLog:
    def log(self, level, event, **fields):
        print(event, fields, file=sys.stderr)

def ask(source):
    provider = RefreshedCredentials(
        source, source=source.words, pool=Pool(log=NoLog()), clock=time.monotonic, now=time.time
    )
    try:
        found = provider.credentials(patience_s=60)
    except CredentialsUnavailable as error:
        print(error)
    else:
        token = found.security_token
        print(found.access_key_id, found.access_key_secret.reveal(), token and token.reveal(), found.expires_at)
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def oidc_token(**claims: Any) -> str:
    """A token as an identity provider gives it, but for the signature, which the simulator takes as it is."""
    payload = base64.urlsafe_b64encode(json.dumps({"sub": "me", **claims}).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library takes proxies from the environment, for this machine too."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator with the account BASE."""
    with ExitStack() as running:
        yield lambda **parts: running.enter_context(Simulator(Scenario("", (BASE,)), **parts))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program after ASK in an empty home, with these variables and no others."""

    def start(program: str, *, before: tuple[str, ...] = (), **variables: str) -> "subprocess.CompletedProcess[str]":
        environ = {"HOME": str(tmp_path), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", **variables}
        command = [*before, sys.executable, "-c", f"{ASK}\n{program}"]
        return subprocess.run(  # noqa: S603 — our own interpreter
            command, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    return start
