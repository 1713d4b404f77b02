"""How many heaps the C library keeps for the daemon's threads."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

# https://sourceware.org/git/?p=glibc.git;a=blob;f=malloc/arena.c: beside the first, each begins where 64 MiB do, and
# what is not in use of those is there, but nobody's to write.
HEAP_BYTES = 64 * 1024 * 1024
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ 0$")


def heaps(pid: int) -> int:
    """How many heaps a process has beside its first."""
    mappings = [
        (int(found[1], 16), int(found[2], 16), found[3])
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
        if (found := MAPPING.match(line.strip()))
    ]
    ends = {end for _, end, access in mappings if access == "---p"}
    return sum(
        access == "rw-p" and begin % HEAP_BYTES == 0 and begin + HEAP_BYTES in ends for begin, _, access in mappings
    )


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc")
def test_threads_of_polls_share_two_heaps(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    unavailable: Callable[[str], NoReturn],
) -> None:
    """Thirty calls under way at once, each in a thread, have the first heap and one more between them."""
    if os.geteuid() != 0:
        unavailable("only root sees the memory of a process that forbids core dumps")
    accounts = [make_account(f"account {number}") for number in range(30)]
    simulator = simulate(*accounts)
    for account in accounts:
        simulator.set_fault(account.name, Fault("latency", seconds=1))
    exporter = serve(configure(simulator.url, *accounts, interval="10m", timeout="10s", max_workers=64))
    eventually("every account was polled", lambda: exporter.status("/-/ready") == 200)

    assert heaps(exporter.pid) == 1
