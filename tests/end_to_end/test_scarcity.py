"""A daemon whose system has few threads or files to give: polls wait, and every scrape is answered."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from exporter.simulator import Fault, Member, Role, Step, role_arn
from tests.waiting import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import NoReturn

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter

    Slow = Callable[..., dict[str, Any]]
    Unavailable = Callable[[str], NoReturn]

CGROUPS = Path("/sys/fs/cgroup")
SCRAPE_EVERY_S = 0.5
TOO_FEW_THREADS = (
    "the system has too few threads for the daemon: raise pids.max of the cgroup, "
    "or the limit of the user's processes (ulimit -u)"
)
# A user that owns nothing else: the limit is one of all processes of a user, and root has none.
USER = "3000000017"


class ThreadLimit:
    """A cgroup whose processes may have so many threads in all."""

    def __init__(self, parent: Path, unavailable: Unavailable) -> None:
        self._parent = parent
        self._group = parent / f"dcdn-exporter-{uuid.uuid4().hex}"
        self._unavailable = unavailable

    def __call__(self, exporter: Exporter, threads: int) -> None:
        """Have a process in it, which may have so many threads from now on."""
        try:
            self._group.mkdir(exist_ok=True)
            (self._group / "pids.max").write_text(str(threads))
            (self._group / "cgroup.procs").write_text(str(exporter.pid))
        except OSError as error:
            self._unavailable(f"no cgroup can be made here that limits threads ({error})")

    def refused(self) -> int:
        """How many threads were asked for in vain."""
        return int((self._group / "pids.events").read_text().removeprefix("max "))

    def remove(self) -> None:
        """Have all processes where they were."""
        if self._group.is_dir():
            for pid in (self._group / "cgroup.procs").read_text().split():
                (self._parent / "cgroup.procs").write_text(pid)
            self._group.rmdir()


@pytest.fixture
def limit_threads(unavailable: Unavailable) -> Iterator[ThreadLimit]:
    version_1 = CGROUPS / "pids"
    limit = ThreadLimit(version_1 if version_1.is_dir() else CGROUPS, unavailable)
    yield limit
    limit.remove()


@pytest.fixture
def slow(make_account: MakeAccount, simulate: Simulate, configure: Configure) -> Slow:
    """Starts a simulator of so many accounts, each with this latency; returns a configuration that polls them."""

    def start(number: int, latency: Fault, **poll: Any) -> dict[str, Any]:
        accounts = [make_account(f"account-{place:03}") for place in range(number)]
        simulator = simulate(*accounts)
        for account in accounts:
            simulator.set_fault(account.name, latency)
        return configure(by_name(simulator.url), *accounts, **poll)

    return start


def by_name(url: str) -> str:
    """The same with a name in it, which has to be looked up."""
    return url.replace("127.0.0.1", "localhost")


@contextmanager
def scraping(exporter: Exporter, *, keeping: int = 1, others: int = 1) -> Iterator[Counter[object]]:
    """Meanwhile scrapers get /metrics and /-/healthy twice a second; what each answer was: a status or an error.

    So many keep their connections, and so many make one each time.
    """
    answers: Counter[object] = Counter()
    stopped = threading.Event()
    address = exporter.address

    def scrape(keep: int) -> None:
        connection = HTTPConnection(address, timeout=PATIENCE_S)
        while not stopped.is_set():
            for path in ("/metrics", "/-/healthy"):
                try:
                    connection.request("GET", path)
                    with connection.getresponse() as response:
                        response.read()
                    answers[response.status] += 1
                except (OSError, HTTPException) as error:
                    answers[repr(error)] += 1
                    connection.close()
            if not keep:
                connection.close()
            stopped.wait(SCRAPE_EVERY_S)
        connection.close()

    threads = [threading.Thread(target=scrape, args=(keep,)) for keep in (*[1] * keeping, *[0] * others)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def polled(exporter: Exporter, number: int) -> bool:
    """Whether the last polls of so many accounts were a success."""
    return sum(exporter.scrape().by("account", "dcdn_poll_success").values()) == number


@pytest.mark.rehearsal
def test_few_threads(limit_threads: ThreadLimit, slow: Slow, serve: Serve, eventually: Eventually) -> None:
    """150 accounts whose first answers take a second, in 100 threads: no thread is refused, and no scrape fails.

    The start says how many polls it may make at a time. A reload says the same: the threads that are there are ours.
    """
    configuration = slow(150, Fault("latency", seconds=1, times=1), interval="1m", timeout="10s", max_workers=120)
    exporter = serve(configuration)
    limit_threads(exporter, 100)
    with scraping(exporter) as answers:
        eventually("all accounts were polled", lambda: polled(exporter, 150))
        exporter.send(signal.SIGHUP)
        eventually("the reload", lambda: exporter.log("configuration reloaded"))

    assert set(answers) == {200}
    assert limit_threads.refused() == 0
    at_the_start, at_the_reload = exporter.log("thread limit is too low")
    assert 50 < at_the_start["polls_at_a_time"] < 100
    assert at_the_reload["polls_at_a_time"] == pytest.approx(at_the_start["polls_at_a_time"], abs=5)
    assert at_the_start["max_workers"] == 120
    assert exporter.stop() == 0


@pytest.mark.rehearsal
def test_fewest_threads(limit_threads: ThreadLimit, slow: Slow, serve: Serve, eventually: Eventually) -> None:
    """With fewer the start fails and says why; with these no scrape fails, and polls go on one by one."""
    configuration = slow(12, Fault("latency", seconds=0.3), interval="10s", timeout="10s")
    threads = 12
    limit_threads(exporter := serve(configuration), threads)
    while not listens(exporter):
        assert exporter.exit_code() == 1
        threads += 1
        limit_threads(exporter := serve(configuration), threads)
    with scraping(exporter) as answers:
        eventually("all accounts were polled", lambda: polled(exporter, 12))

    assert threads > 12
    assert set(answers) == {200}
    assert [line["polls_at_a_time"] for line in exporter.log("thread limit is too low")] == [1]
    assert exporter.stop() == 0


def listens(exporter: Exporter) -> bool:
    """Whether the start succeeds; False when it says that there are too few threads."""
    wait_until("it listens or fails", lambda: '"listening"' in exporter.stderr or TOO_FEW_THREADS in exporter.stderr)
    return TOO_FEW_THREADS not in exporter.stderr


@pytest.mark.rehearsal
def test_no_more_threads(limit_threads: ThreadLimit, slow: Slow, serve: Serve, eventually: Eventually) -> None:
    """From the moment it listens every page is answered, though none was before; polls go on when they can."""
    exporter = serve(slow(150, Fault("latency", seconds=0.1), interval="2s"), "--web.enable-lifecycle")
    assert exporter.address
    limit_threads(exporter, 1)  # it has more: none can be started now
    with scraping(exporter, others=3) as answers:
        assert exporter.get("/-/reload", method="POST")[0] == 200
        assert [exporter.status(path) for path in ("/", "/api/v1/status", "/-/healthy")] == [200] * 3
        limit_threads(exporter, 1_000)
        eventually("all accounts were polled", lambda: polled(exporter, 150))

    assert set(answers) == {200}
    assert exporter.stop() == 0


@pytest.mark.rehearsal
def test_few_threads_of_the_user(
    tool: Callable[[str], str], unavailable: Unavailable, slow: Slow, launch: Serve, eventually: Eventually
) -> None:
    """Of this limit the daemon learns when a thread is refused: polls wait, the log says it once, no scrape fails."""
    through = as_another_user(threads=40, tool=tool, unavailable=unavailable)
    configuration = slow(150, Fault("latency", seconds=1, times=1), interval="1m", timeout="10s")
    with TemporaryDirectory() as readable:  # those of pytest are not
        Path(readable).chmod(0o755)
        file = Path(readable, "exporter.yaml")
        file.write_text(json.dumps(configuration))
        exporter = launch("serve", "--config.file", str(file), through=through)
        with scraping(exporter) as answers:
            eventually("all accounts were polled", lambda: polled(exporter, 150))

    assert set(answers) == {200}
    (line,) = exporter.log("no thread to be had")
    assert line["work"] in {"poll", "resolve name"}  # whichever was the first to want one more
    assert exporter.log("poll failed") == []
    assert exporter.stop() == 0


def as_another_user(*, threads: int, tool: Callable[[str], str], unavailable: Unavailable) -> Sequence[str]:
    """The command line that becomes another one, of a user that may have so many threads and may read what we may."""
    reads = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    user = (tool("setpriv"), f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *reads)
    through = (*user, tool("prlimit"), f"--nproc={threads}")
    probe = subprocess.run(  # noqa: S603 — the machine's own tools
        (*through, sys.executable, "-c", ""), capture_output=True, text=True, check=False
    )
    if probe.returncode:
        unavailable(f"no command can be run as another user: {probe.stderr.strip()}")
    return through


@pytest.mark.rehearsal
@pytest.mark.parametrize("files", [24, 32, 64])
def test_few_files(every_work: dict[str, Any], serve: Serve, eventually: Eventually, *, files: int) -> None:
    """Polls wait for one another where files are few; no scrape does, and the start says so."""
    exporter = serve(every_work)
    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (files, files))  # before it looks at its limits
    with scraping(exporter, keeping=2, others=2) as answers:
        eventually("all accounts but those that hang were polled", lambda: polled(exporter, 28))
        eventually("both have run under the limit for those that hang", lambda: timed_out(exporter) >= 4)
        exporter.send(signal.SIGHUP)
        eventually("the reload", lambda: exporter.log("configuration reloaded"))

    assert set(answers) == {200}
    assert exporter.log("open file limit is too low")
    assert exporter.stop() == 0


def timed_out(exporter: Exporter) -> float:
    """How many polls have timed out."""
    return sum(exporter.scrape().by("account", "dcdn_poll_failures_total", reason="timeout").values())


@pytest.fixture
def every_work(make_account: MakeAccount, simulate: Simulate, configure: Configure) -> dict[str, Any]:
    """Starts a simulator of 30 accounts, and returns a configuration for which calls of every kind are made.

    Keys whose accounts have to be learned, roles, members of a directory, and two accounts that hang.
    """
    keys = [make_account(f"key-{place}", ram_user="exporter") for place in range(10)]
    manager_id = "1999999999999999"
    roles = [
        make_account(f"role-{place}", roles=(Role("reader", (key.account_id,)),)) for place, key in enumerate(keys)
    ]
    members = [make_account(f"member-{place}", roles=(Role("reader", (manager_id,)),)) for place in range(10)]
    listed = tuple(Member(each.account_id, each.name) for each in members)
    manager = make_account("manager", account_id=manager_id, ram_user="exporter", timeline=(Step(members=listed),))
    simulator = simulate(*keys, *roles, *members, manager)
    for name in ("key-3", "role-7"):
        simulator.set_fault(name, Fault("hang", action="DescribeDcdnIpaService"))
    configuration = configure(by_name(simulator.url), *keys, manager, interval="2s", timeout="1s")
    credentials = [each["credentials"] for each in configuration["accounts"]]
    configuration["accounts"] = [
        *({"name": key.name, "credentials": own} for key, own in zip(keys, credentials, strict=False)),
        *(
            {
                "name": role.name,
                "credentials": {
                    "type": "ram_role",
                    "role_arn": role_arn(role.account_id, "reader"),
                    "source": own,
                },
            }
            for role, own in zip(roles, credentials, strict=False)
        ),
    ]
    directory = {"name": "directory", "role_name": "reader", "credentials": credentials[-1]}
    configuration["discovery"] = {"resource_directories": [directory]}
    return configuration
