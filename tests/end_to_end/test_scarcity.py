"""A daemon whose system has few threads or files to give."""

from __future__ import annotations

import gzip
import resource
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import Fault
from tests.end_to_end.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from tests.end_to_end.conftest import Configure, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter

CGROUPS = Path("/sys/fs/cgroup")
WATCHED_S = 10.0
SCRAPED_EVERY_S = 0.1


@pytest.fixture
def limit_threads(unavailable: Callable[[str], NoReturn]) -> Iterator[Callable[[Exporter, int], None]]:
    """Puts a process into a cgroup, which has so many threads at most from then on."""
    version_1 = CGROUPS / "pids"
    parent = version_1 if version_1.is_dir() else CGROUPS
    group = parent / f"dcdn-exporter-{uuid.uuid4().hex}"

    def limit(exporter: Exporter, threads: int) -> None:
        try:
            group.mkdir(exist_ok=True)
            (group / "pids.max").write_text(str(threads))
            (group / "cgroup.procs").write_text(str(exporter.pid))
        except OSError as error:
            unavailable(f"no cgroup can be made here that limits threads ({error})")

    yield limit
    if group.is_dir():
        for pid in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(pid)
        group.rmdir()


def scrape(exporter: Exporter, *, readers: int) -> Page:
    """One of the pages that so many readers get who scrape at the same moment."""
    with ThreadPoolExecutor(readers) as scrapers:
        scrapes = scrapers.map(lambda _: exporter.get("/metrics", **{"Accept-Encoding": "gzip"}), range(readers))
        pages = [gzip.decompress(body) for status, _, body in scrapes if status == 200]
    assert len(pages) == readers
    return Page.parse(pages[-1].decode())


def always_answers(exporter: Exporter, *, readers: int) -> None:
    """Every scrape is a page, until all accounts have been polled and some time is over."""
    polls: dict[str, float] = {}
    ends_at = time.monotonic() + WATCHED_S
    while time.monotonic() < ends_at or not all(polls.values()):
        polls = scrape(exporter, readers=readers).by("account", "dcdn_polls_total")
        assert exporter.status("/-/healthy") == 200
        time.sleep(SCRAPED_EVERY_S)


@pytest.mark.rehearsal
def test_few_threads(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    limit_threads: Callable[[Exporter, int], None],
    serve: Serve,
) -> None:
    """Polls wait for one another where threads are fewer than accounts; no scrape does, and the start says so."""
    accounts = [make_account(f"account-{number:03}") for number in range(150)]
    simulator = simulate(*accounts)
    for account in accounts:
        simulator.set_fault(account.name, Fault("latency", seconds=1))
    exporter = serve(configure(simulator.url, *accounts, interval="10s", timeout="5s"), "--web.enable-lifecycle")
    limit_threads(exporter, 100)
    always_answers(exporter, readers=4)
    assert exporter.told(msg="thread limit is too low")
    assert exporter.stop() == 0


@pytest.mark.rehearsal
def test_no_more_threads(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    limit_threads: Callable[[Exporter, int], None],
    serve: Serve,
) -> None:
    """From the moment it listens every page is answered, though none was before; polls go on when they can."""
    accounts = [make_account(f"account-{number:03}") for number in range(150)]
    exporter = serve(configure(simulate(*accounts).url, *accounts, interval="2s"), "--web.enable-lifecycle")
    assert exporter.address
    limit_threads(exporter, 1)  # it has more: none can be started now
    scrape(exporter, readers=4)
    assert exporter.get("/-/reload", method="POST")[0] == 200
    assert [exporter.status(path) for path in ("/", "/api/v1/status", "/-/healthy")] == [200] * 3
    scrape(exporter, readers=4)

    limit_threads(exporter, 1_000)
    always_answers(exporter, readers=4)
    assert exporter.stop() == 0


@pytest.mark.rehearsal
def test_few_files(make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve) -> None:
    """Polls wait for one another where files are few; no scrape does, and the start says so."""
    accounts = [make_account(f"account-{number:02}") for number in range(60)]
    simulator = simulate(*accounts)
    for account in accounts:
        simulator.set_fault(account.name, Fault("latency", seconds=0.2))
    exporter = serve(configure(simulator.url, *accounts, interval="10s", timeout="5s"), "--web.enable-lifecycle")
    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (24, 24))  # before it looks at its limits
    always_answers(exporter, readers=1)

    assert exporter.get("/-/reload", method="POST")[0] == 200
    assert exporter.told(msg="open file limit is too low")
    assert exporter.stop() == 0
