"""The command behind a proxy, and what it says of a network that fails."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.api.raw_server import Peer, RawServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.end_to_end.conftest import Command, Configure, MakeAccount, Simulate

PASSWORD = "hunter2"


@pytest.fixture
def behind_proxy(
    simulate: Simulate, make_account: MakeAccount, configure: Configure, environ: dict[str, str], tmp_path: Path
) -> Iterator[RawServer]:
    """A proxy that the environment names as HOST:PORT, with a password; only it leads to the API."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example").configure_cert(context)
    account = make_account("prod")
    simulator = simulate(account, ssl_context=context)
    configuration = configure("https://api.example", account)
    (tmp_path / "config.yaml").write_text(json.dumps(configuration))

    def tunnel(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.relay(simulator.port)

    environ["REQUESTS_CA_BUNDLE"] = str(tmp_path / "ca.pem")
    with RawServer(tunnel) as proxy:
        environ["HTTPS_PROXY"] = f"user:{PASSWORD}@127.0.0.1:{proxy.port}"
        yield proxy


def test_a_proxy_that_is_named_without_a_scheme(behind_proxy: RawServer, command: Command) -> None:
    """HOST:PORT is a proxy that speaks HTTP."""
    done = command("status", "--config.file", "config.yaml")

    assert (done.returncode, done.stderr) == (0, "")
    assert behind_proxy.heads[0].startswith(b"CONNECT api.example:443 HTTP/1.")


@pytest.mark.usefixtures("behind_proxy")
def test_a_proxy_that_cannot_be_reached(command: Command, environ: dict[str, str]) -> None:
    """The failure names the target of the call, the proxy, and the error of the system; no password."""
    with RawServer(Peer.close) as gone:
        environ["HTTPS_PROXY"] = f"http://user:{PASSWORD}@127.0.0.1:{gone.port}"
    done = command("status", "--config.file", "config.yaml", "--output", "json")

    (row,) = json.loads(done.stdout)["services"]
    assert done.returncode == 4
    assert row["failures"][0]["explanation"] == (
        f"cannot reach api.example:443 through the proxy 127.0.0.1:{gone.port}: Connection refused"
    )
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.usefixtures("behind_proxy")
def test_a_proxy_of_a_kind_that_is_not_supported(command: Command, environ: dict[str, str]) -> None:
    """The command does not start; the variable is named."""
    environ["HTTPS_PROXY"] = f"socks5://user:{PASSWORD}@127.0.0.1:1080"
    done = command("status", "--config.file", "config.yaml")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "HTTPS_PROXY: seen a proxy of the kind socks5://, which is not supported; accepted: "
    )
    assert PASSWORD not in done.stderr
