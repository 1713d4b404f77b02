"""The demo as a newcomer runs it, against what it says will happen."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.app.simulated import POLL
from exporter.simulator import WRITES
from tests.pipes import Pipe, fill, on_terminal, read_to_end, read_until, waits_to_write
from tests.waiting import PATIENCE_S, killed_at_the_end, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.end_to_end.conftest import Eventually, Serve
    from tests.end_to_end.exporter_process import Exporter
    from tests.end_to_end.page import Page

INTERVAL_S = 5
LOCK_S, CHANGE_S = 20, 45  # what the demo announces
CTRL_S = b"\x13"
SLACK_S = 5  # for a machine with much else to do


def announced_s(stdout: str, account: str, sentence: str) -> int:
    """The moment that the demo gives for its first event of that kind, in seconds from its start."""
    found = re.search(rf"^ +(\d\d):(\d\d)  {account}: .*{sentence}", stdout, re.MULTILINE)
    assert found is not None, stdout
    return int(found[1]) * 60 + int(found[2])


def actions_asked(stdout: str) -> set[str]:
    """The actions in the journal of the simulator whose address the demo says."""
    found = re.search(r"simulator at http://([0-9.:]+),", stdout)
    assert found is not None, stdout
    with closing(HTTPConnection(found[1], timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/_journal")
        journal = json.loads(connection.getresponse().read())
    return {entry["action"] for entry in journal["entries"]}


def answered(demo: Exporter) -> Page | None:
    """The page, once every account has answered."""
    page = demo.scrape()
    return page if all(page.find("dcdn_last_success_timestamp_seconds").values()) else None


def test_the_demo_shows_every_state_at_once(launch: Serve, eventually: Eventually) -> None:
    """Every state is there, what will happen is announced, nothing is changed, and Ctrl-C ends it."""
    demo = launch("demo", "--log.level=info")
    assert demo.address.startswith("127.0.0.1:")

    page = eventually("all have answered once", lambda: answered(demo))
    services = page.by("account", "dcdn_poll_success", product="dcdn_ipa", probe="service")
    assert {account: page.status(account, "dcdn_ipa") for account in services} == {
        "healthy": "active",
        "released": "active",
        "switching": "active",
        "dormant": "not_activated",
        "flaky": "active",
        "silent": "active",
        "legacy": "locked",
        "indebted": "active",
        "shrinking": "active",
        "undecided": "active",
    }
    assert page.status("streaming", "dcdn") == page.status("website", "cdn") == "active"
    assert page.status("undecided", "cdn") == "not_activated"
    assert page.by("account", "dcdn_service_in_debt_overdue") == {"indebted": 0, "streaming": 0, "website": 0}
    assert page.value("dcdn_account_available_amount", account="shrinking", currency="CNY") > 0
    assert page.by("reason", "dcdn_service_lock", account="legacy") == {"financial": 0, "security": 1}
    assert page.value("dcdn_service_charge_type", charge_type="PayByYear_grandfathered") == 1
    assert page.value("dcdn_service_next_charge_type", account="switching", charge_type="PayByBandwidth") == 1
    assert page.value("dcdn_certificate_expiring_domains", account="lapsing", product="cdn") > 0
    assert page.value("dcdn_domains", account="unfiled", product="dcdn", status="online") > 0
    assert page.value("dcdn_exporter_configured_accounts") == 17
    assert page.status("secured", "dcdn_sec") == "active"
    assert 0 < page.value("dcdn_service_end_timestamp_seconds", account="secured") - time.time() < 3 * 86_400
    assert page.by("status", "dcdn_resource_packages", account="prepaid") == {"valid": 1, "exhaust": 0}
    assert sum(page.by("status", "dcdn_esa_plans", account="edge").values()) == 2

    assert announced_s(demo.stdout, "released", "locked for financial") == LOCK_S
    assert announced_s(demo.stdout, "switching", "the change falls due") == CHANGE_S
    asked = actions_asked(demo.stdout)
    assert "DescribeDcdnIpaService" in asked
    assert not asked & WRITES
    assert demo.stop(signal.SIGINT) == 0


def test_on_a_terminal_what_to_look_at_stays_last(environ: Mapping[str, str], tmp_path: Path) -> None:
    """A clock, the last and the next events, and addresses that work when copied, on one screen without log lines."""
    command = [sys.executable, "-m", "exporter", "demo", "--web.listen-address=:0"]
    with on_terminal(command, cwd=tmp_path, env={**environ, "TERM": "xterm"}) as (process, here):
        shown = read_until(here, "Ctrl-C.") + read_until(here, "Ctrl-C.")  # drawn once, and again
        process.send_signal(signal.SIGINT)
        shown += read_to_end(here)
        assert process.wait(PATIENCE_S) == 0

    screen = re.split(r"dcdn-exporter demo  ", shown)[-1].replace("\r", "")
    page = re.search(r"^  page     (http://localhost:\d+/)$", screen, re.MULTILINE)
    assert page is not None, screen
    assert f'  a lock   watch -n1 "curl -s {page[1]}metrics | grep financial"\nStop it with Ctrl-C.' in screen
    assert re.search(r"^What happens next:\n  00:\d\d  \w+: ", screen, re.MULTILINE)
    assert screen.count("\n") < 24
    assert re.sub(r"\x1b\S+|\s", "", screen.partition("Ctrl-C.")[2]) == ""
    assert "level=" not in shown


@pytest.mark.parametrize(("lines", "columns"), [(24, 60), (24, 40), (12, 80), (7, 40)], ids=str)
def test_on_a_small_terminal_addresses_are_whole(
    environ: Mapping[str, str], tmp_path: Path, lines: int, columns: int
) -> None:
    """There are fewer events, and no commands, where there is no room for them; how to stop is the last line."""
    command = [sys.executable, "-m", "exporter", "demo", "--web.listen-address=:0"]
    size, variables = (lines, columns), {**environ, "TERM": "xterm"}
    with on_terminal(command, cwd=tmp_path, env=variables, size=size) as (process, here):
        shown = read_until(here, "Ctrl-C.") + read_until(here, "Ctrl-C.")
        process.send_signal(signal.SIGINT)
        shown += read_to_end(here)
        assert process.wait(PATIENCE_S) == 0

    screen = re.sub(r"\x1b\S+", "", re.split(r"(?=dcdn-exporter demo  \d)", shown)[-1].replace("\r", "")).rstrip()
    assert re.search(r"^  (?:page     )?http://localhost:\d+/$", screen, re.MULTILINE), screen
    assert screen.endswith("\nStop it with Ctrl-C.")
    assert max(map(len, screen.splitlines())) <= columns
    assert len(screen.splitlines()) <= lines


def test_a_terminal_that_is_stopped_does_not_hold_up_the_end(environ: Mapping[str, str], tmp_path: Path) -> None:
    """SIGTERM ends a demo whose terminal was stopped with Ctrl-S."""
    command = [sys.executable, "-m", "exporter", "demo", "--web.listen-address=:0"]
    with on_terminal(command, cwd=tmp_path, env={**environ, "TERM": "xterm"}) as (process, here):
        read_until(here, "Ctrl-C.")
        os.write(here, CTRL_S)
        wait_until("it waits for the terminal", lambda: waits_to_write(Path(f"/proc/{process.pid}")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("command", [["demo", "--web.listen-address=:0"], ["simulator", "--listen-address=:0"]])
def test_a_pipe_that_is_not_read_does_not_hold_up_the_end(
    environ: Mapping[str, str], tmp_path: Path, command: list[str]
) -> None:
    """SIGTERM ends a command that waits for the reader of what it prints."""
    pipe = Pipe()
    fill(pipe.into)
    with killed_at_the_end(
        subprocess.Popen(  # noqa: S603 — our own command
            [sys.executable, "-m", "exporter", *command],
            cwd=tmp_path,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=pipe.into,
            stderr=subprocess.PIPE,
        )
    ) as process:
        wait_until("it waits for the pipe", lambda: waits_to_write(Path(f"/proc/{process.pid}")))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE_S)
    pipe.close()

    assert (process.returncode, told) == (0, b"")


@pytest.mark.rehearsal
@pytest.mark.waits
def test_the_demo_plays_what_it_announces(launch: Serve, eventually: Eventually) -> None:
    """A failure in seconds; a lock and a billing change when the demo said; an account that hangs stands alone."""
    assert POLL["interval"] == f"{INTERVAL_S}s"
    demo = launch("demo", "--log.level=info")
    assert demo.address.startswith("127.0.0.1:")
    started_s = time.monotonic()  # the simulator's own start lies between the process's and this
    page = eventually("all have answered once", lambda: answered(demo))
    due_at = page.value("dcdn_service_charge_type_change_timestamp_seconds", account="switching")

    eventually("an account fails", lambda: demo.scrape().value("dcdn_poll_success", account="flaky") == 0)
    assert time.monotonic() - started_s < 15 + SLACK_S
    eventually(
        "the lock is shown",
        lambda: demo.scrape().value("dcdn_service_lock", account="released", reason="financial"),
    )
    seen_s = time.monotonic()
    assert demo.scrape().value("dcdn_service_in_debt", account="indebted") == 1  # since 15 s after the start
    assert demo.started_s + LOCK_S < seen_s < started_s + LOCK_S + INTERVAL_S + SLACK_S
    assert re.search(r"^demo  00:20  released: locked for financial", demo.stdout, re.MULTILINE)

    eventually(
        "the billing change is shown",
        lambda: demo.scrape().value("dcdn_service_charge_type", account="switching", charge_type="PayByBandwidth"),
    )
    assert due_at <= time.time() < due_at + 3 + SLACK_S
    page = demo.scrape()
    assert not any(page.by("charge_type", "dcdn_service_next_charge_type", account="switching").values())
    # By now one account hangs; its last state stays, and it stands alone.
    assert page.value("dcdn_poll_success", account="silent") == 0
    assert page.status("silent") == "active"
    assert page.value("dcdn_poll_success", account="healthy") == 1
    assert not actions_asked(demo.stdout) & WRITES
    assert demo.stop() == 0


def test_promtool_has_nothing_to_say(launch: Serve, eventually: Eventually, tool: Callable[[str], str]) -> None:
    """The page of a locked, a changing, a dormant and an odd service passes promtool without a remark."""
    promtool = tool("promtool")
    demo = launch("demo", "--log.level=info")
    eventually("every account is answered", lambda: all(demo.scrape().find("dcdn_poll_success").values()))
    lint = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [promtool, "check", "metrics"],
        input=demo.get("/metrics")[2],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")
    assert demo.stop() == 0
