"""The locks of the daemon while everything happens to it at once: their order, and what is done while one is held."""

from __future__ import annotations

import ast
import base64
import itertools
import json
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bcrypt
import pytest

import exporter
from exporter.simulator import Account, Member, Role, role_arn
from tests.end_to_end import serve_and_trace_locks
from tests.end_to_end.every_fault import FAULTS, ON_REUSE
from tests.end_to_end.lock_tracer import Trace, problems
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter

PACKAGE = Path(exporter.__file__).parent
LOAD_S = 25.0
STEP_S = 0.1
FAULTS_AT_A_TIME = 8
FAULT_KINDS_AT_LEAST = 12  # of eighteen: a slow machine may have time for fewer
ALL_FAULTS = [*FAULTS.values(), *ON_REUSE.values()]
PASSWORD = "correct horse battery staple"
PAGES = ("/metrics", "/", "/api/v1/status", "/-/ready", "/-/healthy")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def places_of_locks() -> set[str]:
    """Where the exporter makes locks, as files and lines. The simulator is another program."""
    return {
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file in PACKAGE.rglob("*.py")
        if "simulator" not in file.parts
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("threading.Lock", "threading.RLock", "threading.Condition")
        and not node.args  # a condition of a lock that is made elsewhere
    }


class World:
    """Accounts with keys, roles, or keys from a URI, and the members of a directory; and what happens to them."""

    def __init__(self, simulate: Simulate, file: Path) -> None:
        numbers = itertools.count(10**15)

        def make(name: str, **parts: Any) -> Account:
            number = next(numbers)
            return Account(name, str(number), f"LTAI5t{number}", f"secret-of-{number}", ram_user="exporter", **parts)

        self._manager = make("manager")
        role = Role("reader", (self._manager.account_id,))
        self._keys = [make(f"key-{number}") for number in range(20)]
        self._roles = [make(f"role-{number}", roles=(role,)) for number in range(8)]
        self._uris = [make(f"uri-{number}") for number in range(4)]
        self._members = [make(f"member-{number}", roles=(role,)) for number in range(20)]
        self._all = (self._manager, *self._keys, *self._roles, *self._uris, *self._members)
        self._file = file
        self._steps = itertools.count()
        self.simulator = simulate(*self._all)
        # By a name, so that there is something to look up.
        self._url = f"http://localhost:{self.simulator.port}"
        self.list_members(without=0)

    def configuration(self, *, without: int) -> dict[str, Any]:
        """All are watched but for one in four of the file; an account id has to be learned where no role says it."""
        key = _key_of(self._manager)
        credentials = {
            **{each.name: _key_of(each) for each in self._keys},
            **{
                each.name: {"type": "ram_role", "role_arn": role_arn(each.account_id, "reader"), "source": key}
                for each in self._roles
            },
            **{
                each.name: {"type": "credentials_uri", "uri": f"{self._url}/_credentials/{each.name}"}
                for each in self._uris
            },
        }
        directory = {"name": "main", "role_name": "reader", "credentials": key, "refresh_interval": "1s"}
        return {
            "poll": {"interval": "1s", "timeout": "1s", "failing_interval": "1s", "stale_after": "3s"},
            "products": ["dcdn_ipa", "cdn"],
            "debt_status": True,
            "balance": True,
            "accounts": [
                {"name": name, "credentials": each}
                for number, (name, each) in enumerate(credentials.items())
                if number % 4 != without
            ],
            "discovery": {"resource_directories": [directory]},
            "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "bss", "resource_directory"), self._url),
        }

    def list_members(self, *, without: int) -> None:
        """Have all members in the directory but for one in four."""
        listed = [Member(each.account_id, each.name) for each in self._members if int(each.account_id) % 4 != without]
        self.simulator.set_members(self._manager.name, listed)

    def go_on(self, daemon: Exporter) -> None:
        """Another account has another fault; in turn members and accounts come and go, and tokens are revoked."""
        step = next(self._steps)
        self.simulator.set_fault(self._all[step % len(self._all)].name, ALL_FAULTS[step % len(ALL_FAULTS)])
        self.simulator.set_fault(self._all[(step - FAULTS_AT_A_TIME) % len(self._all)].name, None)
        change, round_number = step % 8, step // 8
        if change == 0:
            self.list_members(without=round_number % 4)
        elif change == 2:
            for account in (*self._roles, *self._members):
                self.simulator.revoke_tokens(account.name)
        elif change in (4, 6):
            self._file.write_text(json.dumps(self.configuration(without=(round_number + change) % 4)))
            if change == 4:
                daemon.send(signal.SIGHUP)
            else:
                assert daemon.get("/-/reload", method="POST", **_login(PASSWORD))[0] == 200


def _key_of(account: Account) -> dict[str, str]:
    return {
        "type": "access_key",
        "access_key_id": account.access_key_id,
        "access_key_secret": account.access_key_secret,
    }


def _login(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'prometheus:{password}'.encode()).decode()}"}


def ask_for_pages(address: str, ended: threading.Event) -> Counter[tuple[str, int]]:
    """Ask for all pages in all formats until then, also with a wrong password; returns how often, and the answers."""
    answers: Counter[tuple[str, int]] = Counter()
    requests = itertools.cycle(
        (path, {**_login(password), **headers})
        for password in (PASSWORD, PASSWORD, "wrong")
        for path in PAGES
        for headers in ({}, {"Accept-Encoding": "gzip"}, {"Accept": OPENMETRICS, "Accept-Encoding": "gzip"})
    )
    connection = HTTPConnection(address, timeout=PATIENCE_S)
    while not ended.wait(0.01):
        path, headers = next(requests)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        answers[path, response.status] += 1
    connection.close()
    return answers


@pytest.mark.rehearsal
def test_locks_while_everything_happens(simulate: Simulate, serve: Serve, tmp_path: Path) -> None:
    """Locks have one order, a thread holds three at most, and none for a log line, I/O or work of another room."""
    world = World(simulate, tmp_path / "exporter.yaml")
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yaml").write_text(f"basic_auth_users:\n  prometheus: {hashed}\n")
    flags = ("--web.enable-lifecycle", "--web.config.file", str(tmp_path / "web.yaml"))
    variables = {"module": serve_and_trace_locks.__name__, "PYTHONPATH": str(PACKAGE.parent)}
    daemon = serve(world.configuration(without=0), *flags, **variables)
    ended = threading.Event()
    with ThreadPoolExecutor() as clients:
        asking = [clients.submit(ask_for_pages, daemon.address, ended) for _ in range(3)]
        until = time.monotonic() + LOAD_S
        try:
            while time.monotonic() < until:
                world.go_on(daemon)
                time.sleep(STEP_S)
        finally:
            ended.set()
    assert daemon.stop() == 0
    trace = Trace(**json.loads(daemon.stdout))
    for held, taken, where in trace.order:
        sys.stdout.write(f"{held} then {taken}, from {where[0]}\n")

    assert problems(trace) == []
    assert trace.acquired.keys() == places_of_locks()  # else something that takes one did not happen

    answers = sum((each.result() for each in asking), Counter[tuple[str, int]]())
    # Whether it is ready latches, but not before all accounts of one moment were polled.
    assert answers.keys() >= {(page, 200) for page in PAGES if page != "/-/ready"} | {("/metrics", 401)}
    seen = world.simulator.journal.entries()
    assert len({entry.fault for entry in seen}) > FAULT_KINDS_AT_LEAST
    assert "InvalidSecurityToken.Expired" in {entry.code for entry in seen}
    events = {line["msg"] for line in daemon.log()}
    assert events >= {"member found", "member gone", "role assumed", "account id learned", "accounts removed"}
