"""What the daemon does where it has no standard streams."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter


@pytest.fixture
def port() -> Iterator[int]:
    """A port that the kernel chose and keeps; a server can listen there."""
    with closing(socket.socket()) as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def listens(exporter: Exporter) -> bool:
    with closing(socket.socket()) as client:
        host, _, port = exporter.address.rpartition(":")
        return client.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("redirections", [">&- 2>&-", "<&- >&- 2>&-"])
def test_a_daemon_whose_streams_are_closed_works_and_stops_with_0(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    port: int,
    redirections: str,
) -> None:
    """Its descriptors 0 to 2 never become those of a socket."""
    account = make_account("alone")
    exporter = serve(configure(simulate(account).url, account), port=port, redirections=redirections)
    eventually("it listens", lambda: listens(exporter))
    eventually("the account is polled", lambda: exporter.scrape().value("dcdn_polls_total", account="alone") >= 2)

    assert not any("socket" in str(Path(f"/proc/{exporter.pid}/fd/{number}").readlink()) for number in range(3))
    assert exporter.stop() == 0
