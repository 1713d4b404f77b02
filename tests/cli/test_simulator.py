"""The command that runs the simulator says with which keys to call it, and prints a configuration that fits."""

import re
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from exporter.app import VOCABULARY
from exporter.cli import main
from exporter.config import parse
from exporter.simulator import packaged_scenarios, parse_scenario
from tests.no_new_threads import no_new_threads

GUIDE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")

SCENARIO = """
description: "a key and a role's key\\x1b[31m\\n"
accounts:
  - name: {name}
    account_id: "1000000000000001"
    access_key_id: LTAI5tSimulatedShop
    access_key_secret: made-up-secret
    timeline: [{{at: 0s}}]
  - name: temporary
    account_id: "1000000000000002"
    access_key_id: STS.Simulated
    access_key_secret: made-up-secret-too
    security_token: made-up-token
    timeline: [{{at: 0s}}]
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A scenario of one's own."""
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO.format(name="shop"))
    return file


def run(*arguments: str) -> tuple[int, str, str]:
    # The runner of click's lowest version puts both streams into one.
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err, pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("command", "address"), [("simulator", "--listen-address=:0"), ("demo", "--web.listen-address=:0")]
)
def test_without_threads_it_says_so(command: str, address: str) -> None:
    """In one sentence, and ends with 1."""
    message = (
        f"the system has too few threads for the {command}: raise pids.max of the cgroup, "
        "or the limit of the user's processes (ulimit -u)\n"
    )
    with no_new_threads():
        assert run(command, address) == (1, "", message)


def test_it_prints_the_keys_with_their_secrets(scenario: Path) -> None:
    """What it prints is enough to call it, an address to copy included; Ctrl-C ends it with 0."""
    command = [
        sys.executable,
        "-m",
        "exporter",
        "simulator",
        "--listen-address=:0",
        f"--scenario={scenario}",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:  # noqa: S603 - our own
        try:
            assert simulator.stdout is not None
            lines = [simulator.stdout.readline() for _ in range(5)]
            simulator.send_signal(signal.SIGINT)
            assert simulator.wait(timeout=10) == 0
        finally:
            simulator.kill()
    assert lines[2:4] == [
        "  shop: access key id LTAI5tSimulatedShop, secret made-up-secret\n",
        "  temporary: access key id STS.Simulated, secret made-up-secret-too, security token made-up-token\n",
    ]
    assert re.search(r" at http://localhost:\d+ \(", lines[0])
    assert lines[0].endswith(" (a key and a role's key [31m)\n")
    assert "--print-config" in lines[4]


@pytest.mark.parametrize("name", packaged_scenarios())
def test_the_configuration_is_valid_as_printed(tmp_path: Path, name: str) -> None:
    """check-config takes what --print-config prints, without a warning; it names the address of the simulator."""
    exit_code, printed, _ = run("simulator", f"--scenario={name}", "--listen-address=:10599", "--print-config")
    assert exit_code == 0
    file = tmp_path / "config.yaml"
    file.write_text(printed)
    file.chmod(0o600)
    exit_code, summed_up, warnings = run("check-config", str(file))
    assert (exit_code, warnings) == (0, "")
    assert "endpoint of resource_directory: http://127.0.0.1:10599" in summed_up


def test_the_configuration_keeps_the_wait_of_the_guide(tmp_path: Path) -> None:
    """The guide's fault asks to wait 60 s, and what is printed for it lets the exporter wait so long."""
    [scenario] = re.findall(r"^```yaml\n(description: three accounts.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    file = tmp_path / "shop.yaml"
    file.write_text(scenario)
    _, printed, _ = run("simulator", f"--scenario={file}", "--print-config")
    poll = parse(printed, source="", vocabulary=VOCABULARY).poll
    [fault] = [step.fault for account in parse_scenario(scenario).accounts for step in account.timeline if step.fault]
    assert fault.headers is not None
    assert float(fault.headers["x-acs-retry-after"]) / 1000 <= poll.failing_interval_s <= 60


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("127.0.0.1:0", "needs a port other than 0", id="no port yet"),
        pytest.param("192.0.2.1:10521", "endpoints.dcdn: seen 'http://192.0.2.1:10521'", id="plain HTTP elsewhere"),
    ],
)
def test_an_address_that_no_file_can_name(address: str, said: str) -> None:
    """Nothing is printed but why, with exit code 2."""
    exit_code, printed, error = run("simulator", f"--listen-address={address}", "--print-config")
    assert (exit_code, printed) == (2, "")
    assert said in error


def test_a_name_that_the_exporter_does_not_take(scenario: Path) -> None:
    """No scenario names an account as no configuration can: it is refused with the place and what is accepted."""
    scenario.write_text(SCENARIO.format(name='"1234567"'))
    exit_code, printed, error = run("simulator", f"--scenario={scenario}", "--print-config")
    assert (exit_code, printed) == (2, "")
    assert "line 4: accounts[0]: name is '1234567'; accepted" in error


def test_a_name_that_is_the_accounts_id(scenario: Path) -> None:
    """The configuration says both, so that check-config takes it."""
    scenario.write_text(SCENARIO.format(name='"1000000000000001"'))
    exit_code, printed, _ = run("simulator", f"--scenario={scenario}", "--print-config")
    assert exit_code == 0
    assert 'account_id: "1000000000000001"' in printed.replace("'", '"')


def test_no_scenario_is_named() -> None:
    """An empty name is none, and is no folder either."""
    exit_code, _, error = run("simulator", "--scenario=")
    assert exit_code == 2
    assert "it is empty; accepted: demo, directory, faults, healthy, or a file" in error
