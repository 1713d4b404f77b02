"""The unit, installed as the documents say on a Debian whose first process is systemd."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import load_scenario
from tests.deployment.containers import rights_of
from tests.end_to_end.page import Page
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deployment.containers import Containers

pytestmark = pytest.mark.rehearsal

ROOT = Path(__file__).parent.parent.parent
CHAPTER = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8").partition("\n## systemd\n")[2]
INSTALL, *FIRST_START = re.findall(r"^```\n(.*?)^```$", CHAPTER, re.MULTILINE | re.DOTALL)[:4]
SECRETS = "".join(FIRST_START)  # what reads a secret from the terminal is a block by itself
UPGRADING = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8").partition("\n## systemd\n")[2]
BLOCKS = re.findall(r"^```\n(.*?)^```$", UPGRADING, re.MULTILINE | re.DOTALL)
PREPARE, SWITCH, ROLL_BACK, UNINSTALL = BLOCKS[1:5]
UNIT, CONFIGURATION = "dcdn-exporter.service", "/etc/dcdn-exporter/config.yaml"
COPY_OF_THE_SOURCE = "tar -C /source --exclude=./.venv --exclude=./build -c . | tar -x"
# Of this process, whatever is the first one on the machine that runs the tests, each mount would be private.
FIRST_PROCESS = ("/bin/sh", "-c", "mount --make-rshared / && exec /sbin/init")
(PLAYED,) = load_scenario("healthy").accounts
ENDPOINTS = "endpoints: {dcdn: http://127.0.0.1:10521, sts: http://127.0.0.1:10521}\npoll: {interval: 1s}\n"
WATCHDOG_S = 6
MICROSECONDS = 1_000_000


class Machine:
    """A Debian machine that has the unit."""

    def __init__(self, containers: Containers, container: str) -> None:
        self._containers, self._container = containers, container

    def run(self, *command: str, given: str = "") -> str:
        """What a command printed; it must not fail."""
        return self._containers.execute(self._container, *command, given=given).strip()

    def fails(self, *command: str) -> bool:
        """Whether a command fails."""
        return self._containers.podman("exec", self._container, *command, check=False).returncode != 0

    def shown(self, name: str) -> str:
        """A property of the unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", UNIT)

    def scrape(self) -> Page:
        """The samples on /metrics now; LookupError while there is no answer."""
        status, body = self._containers.ask(self._container, "http://127.0.0.1:10520/metrics")
        if status != 200:
            raise LookupError(f"status {status}")
        return Page.parse(body)

    def write(self, path: str, text: str) -> None:
        """A file that everyone may read."""
        self.run("install", "-D", "-m", "644", "/dev/stdin", path, given=text)

    def main_process(self) -> str:
        """The id of the service's process, in the machine."""
        return self.shown("MainPID")

    def rights(self) -> dict[str, str]:
        """What the kernel says of the service's process."""
        seen = self.run("cat", f"/proc/{self.main_process()}/status")
        return rights_of(seen)

    def journal(self) -> str:
        """The end of the unit's log."""
        return self.run("journalctl", "--no-pager", "--lines=30", f"--unit={UNIT}")


@pytest.fixture(scope="module")
def installed(base: str, packages: tuple[str, ...], containers: Containers) -> Iterator[Machine]:
    """The machine, without a network, and the exporter on it, which polls a simulator beside it."""
    container = containers.start(
        "--systemd=always",
        "--cap-add=SYS_ADMIN",
        "--cap-add=SYS_PTRACE",
        "--network=none",
        f"--volume={ROOT}:/source:ro",
        *packages,
        base,
        *FIRST_PROCESS,
    )
    machine = Machine(containers, container)
    try:
        wait_until("it is up", lambda: not machine.fails("systemctl", "is-active", "multi-user.target"))
        # As on a hardened machine, whose root makes nothing for others.
        machine.run("sh", "-ec", f"umask 077\nmkdir /tmp/project\ncd /tmp/project\n{COPY_OF_THE_SOURCE}\n{INSTALL}")
        wanted = machine.run("cat", CONFIGURATION)
        machine.write(CONFIGURATION, f"{wanted}\n{ENDPOINTS}")
        simulator = "/opt/dcdn-exporter/bin/dcdn-exporter simulator --listen-address=127.0.0.1:10521"
        machine.run("systemd-run", "--unit=simulator", *simulator.split())
        machine.run("sh", "-ec", typed(SECRETS, PLAYED.access_key_id, PLAYED.access_key_secret))
        yield machine
        machine.run("sh", "-ec", UNINSTALL)
        left = machine.run("find", "/etc", "/opt", "/run", "/var/lib", "-name", "*dcdn-exporter*")
        assert left == "", "what the documents uninstall by is all that was installed"
    finally:
        containers.remove(container)


@pytest.fixture
def machine(installed: Machine) -> Machine:
    """The machine with its service up, whatever the test before did to that."""
    # Which forgets earlier starts too: on a fast machine the tests before this one start it too often for systemd.
    installed.run("systemctl", "reset-failed", UNIT)
    assert not installed.fails("systemctl", "start", UNIT), installed.journal()
    return installed


def typed(commands: str, *secrets: str) -> str:
    """The commands as they are run by someone who types a secret after each `cat`."""
    parts = re.split(r"^(cat > .+)$", commands, flags=re.MULTILINE)
    assert len(parts) == 2 * len(secrets) + 1
    for at, secret in enumerate(secrets):
        parts[2 * at + 1] += f" <<'END'\n{secret}\nEND"
    return "".join(parts)


def wait_for_polls(machine: Machine) -> Page:
    """The page, once the account has been polled well: the simulator refuses what is signed by another secret."""

    def polled() -> Page | None:
        page = machine.scrape()
        return page if page.value("dcdn_poll_success", account="prod", probe="service") else None

    page: Page = wait_until("the account is polled", polled)
    return page


def test_it_runs_with_few_rights(machine: Machine) -> None:
    """As a user of its own without capabilities or a way to any, whose calls of the system are filtered."""
    wait_for_polls(machine)

    assert machine.shown("ActiveState") == "active"
    rights = machine.rights()
    assert int(rights.pop("Uid").split()[0]) >= 61184, "the users that systemd makes up begin here"
    rights.pop("Gid")
    assert rights == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}


def test_the_secret_is_used_and_shown_to_nobody(machine: Machine) -> None:
    """It signs the calls; neither environment nor command line has it, and its copy is the service's alone."""
    wait_for_polls(machine)
    process = machine.main_process()

    for file in ("environ", "cmdline"):
        seen = machine.run("sh", "-c", f"tr '\\0' '\\n' < /proc/{process}/{file}")
        assert seen
        assert PLAYED.access_key_secret not in seen
    reading = ("cat", f"/run/credentials/{UNIT}/secret_prod_access_key_secret")
    assert machine.run(*reading) == PLAYED.access_key_secret
    assert machine.fails("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *reading)


def test_a_reload_is_taken_or_refused_in_sight(machine: Machine) -> None:
    """`systemctl reload` has a new file read; for a bad one it fails, and the one before stays in use."""
    known = "dcdn_exporter_configured_accounts"
    before, process = machine.run("cat", CONFIGURATION), machine.main_process()
    second = re.sub(r"^accounts:\n((?: .*\n)+)", r"accounts:\n\1\1", before, flags=re.MULTILINE)
    second = second.replace("name: prod", "name: staging", 1)

    machine.write(CONFIGURATION, second)
    machine.run("systemctl", "reload", UNIT)
    wait_until("there are two", lambda: machine.scrape().value(known) == 2)

    machine.write(CONFIGURATION, "accounts: none\n")
    assert machine.fails("systemctl", "reload", UNIT)
    machine.write(CONFIGURATION, second)
    machine.run("chmod", "600", CONFIGURATION)  # which root could read, and the service cannot
    assert machine.fails("systemctl", "reload", UNIT)
    assert machine.scrape().value(known) == 2

    machine.write(CONFIGURATION, before)
    machine.run("systemctl", "reload", UNIT)
    wait_until("there is one", lambda: machine.scrape().value(known) == 1)
    assert machine.main_process() == process


def test_another_version_takes_over_and_gives_back(machine: Machine, request: pytest.FixtureRequest) -> None:
    """By the commands of the documents, as it was installed: a link leads to the version that runs, with its unit."""
    assert PREPARE.splitlines()[:6] == INSTALL.splitlines()[:6]
    (current,) = machine.run("sh", "-c", "ls -d /opt/dcdn-exporter-*").splitlines()
    before = "/opt/dcdn-exporter-before"
    machine.run("cp", "-a", current, before)
    machine.run("sed", "-i", "s/^TasksMax=.*/TasksMax=500/", f"{before}/{UNIT}")
    machine.run("sed", "-i", f"1s,{current},{before},", f"{before}/bin/dcdn-exporter")
    request.addfinalizer(lambda: machine.run("rm", "-r", before))

    def runs_from() -> str:
        wait_for_polls(machine)
        return machine.run("sh", "-c", f"tr '\\0' '\\n' < /proc/{machine.main_process()}/cmdline").splitlines()[0]

    for commands, folder, tasks in ((ROLL_BACK, before, "500"), (SWITCH, current, "2048")):
        machine.run("sh", "-ec", f"VERSION={current.removeprefix('/opt/dcdn-exporter-')}\n{commands}")
        assert runs_from().startswith(f"{folder}/bin/python")
        assert machine.shown("TasksMax") == tasks


def test_a_start_without_the_folder_of_secrets_says_243(machine: Machine, request: pytest.FixtureRequest) -> None:
    """Which systemd calls CREDENTIALS, and the documents explain."""
    folder = "/etc/dcdn-exporter/secrets"
    aside = f"{folder}-aside"
    machine.run("sh", "-ec", f"systemctl stop {UNIT} && mv {folder} {aside}")
    request.addfinalizer(lambda: machine.run("sh", "-ec", f"systemctl stop {UNIT} && mv {aside} {folder}"))

    assert machine.fails("systemctl", "start", UNIT)
    assert (machine.shown("ExecMainStatus"), "status=243/CREDENTIALS" in machine.journal()) == ("243", True)


def test_a_killed_process_is_followed_by_another_one(machine: Machine) -> None:
    """After SIGKILL the account is polled again, with the secret delivered anew."""
    wait_for_polls(machine)
    process, restarts = machine.main_process(), int(machine.shown("NRestarts"))

    machine.run("systemctl", "kill", "--signal=KILL", UNIT)

    wait_until("it is restarted", lambda: machine.shown("NRestarts") == str(restarts + 1))
    wait_until("it is up", lambda: machine.shown("ActiveState") == "active")
    wait_for_polls(machine)
    assert machine.main_process() != process


def test_the_watchdog_ends_what_hangs_and_nothing_else(machine: Machine, request: pytest.FixtureRequest) -> None:
    """By telling that it is alive it lives through three times a short limit; once stopped, it is replaced."""
    sooner = f"/etc/systemd/system/{UNIT}.d/sooner.conf"
    machine.write(sooner, f"[Service]\nWatchdogSec={WATCHDOG_S}s\nRestartSec=100ms\n")
    reread = f"systemctl daemon-reload && systemctl restart {UNIT}"
    request.addfinalizer(lambda: machine.run("sh", "-ec", f"rm {sooner} && {reread}"))
    machine.run("sh", "-ec", reread)
    process, restarts = machine.main_process(), int(machine.shown("NRestarts"))

    def told_us() -> int:
        return int(machine.shown("WatchdogTimestampMonotonic"))

    first_us = told_us()
    wait_until(
        "it has told for three periods",
        lambda: told_us() - first_us >= 3 * WATCHDOG_S * MICROSECONDS,
        within_s=10 * WATCHDOG_S,
    )
    assert (machine.main_process(), int(machine.shown("NRestarts"))) == (process, restarts), machine.journal()

    machine.run("systemctl", "kill", "--signal=STOP", UNIT)
    wait_until("it is restarted", lambda: machine.shown("NRestarts") == str(restarts + 1), within_s=10 * WATCHDOG_S)
    assert "Watchdog timeout" in machine.journal()
    wait_for_polls(machine)


def test_it_stops_when_it_is_asked_to(machine: Machine) -> None:
    """Without a failure; it is not started again."""
    wait_for_polls(machine)
    machine.run("systemctl", "stop", UNIT)

    assert (machine.shown("ActiveState"), machine.shown("Result")) == ("inactive", "success")
