"""What the daemon keeps from other processes of its user."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

GROUP = 65534  # of no member


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")
def test_no_core_of_the_daemon_can_be_dumped(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
) -> None:
    """Its memory is root's alone, as the kernel shows; its own metrics of itself are there all the same."""
    account = make_account("alone")
    # Where the tests are root's, the group says whose it is.
    as_another = [tool("setpriv"), f"--regid={GROUP}", "--clear-groups"] if os.geteuid() == 0 else []
    exporter = serve(configure(simulate(account).url, account), through=as_another)
    page = eventually("it is scraped", exporter.scrape)
    memory = Path(f"/proc/{exporter.pid}/mem").stat()

    assert (memory.st_uid, memory.st_gid) == (0, 0)
    assert page.value("process_open_fds") > 2
    assert page.value("process_max_fds") > 2
    assert page.value("process_resident_memory_bytes") > 0
