"""The systemd unit and the examples beside it, as systemd and the exporter read them."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.processes import SETTINGS
from exporter.app import VOCABULARY
from exporter.cli.limits import _FILES_FOR_THE_REST, _THREADS_FOR_THE_REST
from exporter.cli.serve import serve
from exporter.config import ConfigurationError, parse
from exporter.core.pool import MOST, Work, threads_for

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "systemd"
UNIT = (FOLDER / "dcdn-exporter.service").read_text(encoding="utf-8")
COMMAND = "/opt/dcdn-exporter/bin/dcdn-exporter"
CREDENTIALS = "/run/credentials/dcdn-exporter.service/"
VENDORS_WORST = 20  # tenths: the exposure level that systemd calls OK ends at 4.0


@pytest.fixture
def analyze(tool: Callable[[str], str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs systemd-analyze on the unit, whose command is one that this machine has."""
    program = tool("systemd-analyze")
    unit = tmp_path / "dcdn-exporter.service"
    unit.write_text(UNIT.replace(COMMAND, "/bin/true"), encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 — systemd's own program
            [program, *arguments, str(unit)], capture_output=True, text=True, timeout=60, check=False
        )

    return run


def settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", re.sub(r"\\\n *", "", UNIT), re.MULTILINE)


def test_systemd_knows_every_key_of_the_unit(analyze: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """It would ignore what it does not know, and say so in its log alone."""
    verified = analyze("verify")

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_unit_the_image_and_the_benchmarks_set_the_c_library_alike() -> None:
    """What the documents say of memory is measured with the setting that the unit and the image have."""
    name = "GLIBC_TUNABLES"
    image = (FOLDER.parent / "container" / "Containerfile").read_text(encoding="utf-8")

    assert settings("Environment") == [f"{name}={SETTINGS[name]}"]
    assert re.findall(rf"^ENV ({name}=.*)$", image, re.MULTILINE) == settings("Environment")


def test_the_unit_has_few_rights(analyze: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """By systemd's own measure 2.0 or better, where 10 is a service without any limits."""
    measured = analyze("security", "--offline=true", f"--threshold={VENDORS_WORST}", "--no-pager")

    assert measured.returncode == 0, measured.stdout


def test_the_environment_example_has_every_flag() -> None:
    """Each flag of serve but the file, which the unit gives, and none that serve does not have."""
    named = re.findall(r"^#(DCDN_EXPORTER_[A-Z_]+)=", (FOLDER / "environment.example").read_text(), re.MULTILINE)

    flags = {str(parameter.envvar) for parameter in serve.params}
    assert sorted(named) == sorted(flags - {"DCDN_EXPORTER_CONFIG_FILE"})


def test_the_example_reads_the_secrets_that_the_unit_hands_over(tmp_path: Path) -> None:
    """Its files are named as systemd names those of the folder of secrets."""
    (loaded,) = settings("LoadCredential")
    prefix = loaded.partition(":")[0] + "_"
    example = (FOLDER / "config.example.yaml").read_text(encoding="utf-8")
    files = re.findall(rf"{CREDENTIALS}(\S+)", example)
    for name in files:
        (tmp_path / name).write_text("planted", encoding="utf-8")
    configuration = parse(example.replace(CREDENTIALS, f"{tmp_path}/"), source="the example", vocabulary=VOCABULARY)

    assert len(files) == 2
    assert all(name.startswith(prefix) for name in files)
    assert [account.name for account in configuration.accounts] == ["prod"]


def test_the_limits_are_enough_for_the_most_workers() -> None:
    """Of threads and of open files, with all that runs beside the workers, and for a check before a reload."""
    file = "poll: {max_workers: %d}\naccounts: [{name: a}]"
    most = threads_for(parse(file % 1024, source="x", vocabulary=VOCABULARY).poll.max_workers)

    with pytest.raises(ConfigurationError):
        parse(file % 1025, source="x", vocabulary=VOCABULARY)
    assert int(*settings("LimitNOFILE")) >= most + _FILES_FOR_THE_REST
    assert int(*settings("TasksMax")) >= most + 2 * _THREADS_FOR_THE_REST


@pytest.mark.parametrize("file", ["docs/deployment.md", "deploy/helm/dcdn-exporter/README.md"])
def test_the_documents_say_what_the_workers_need(file: str) -> None:
    """Of threads and of open files, for the default and for the most workers."""
    told = (FOLDER.parent.parent / file).read_text(encoding="utf-8")
    needs = {workers: threads_for(workers) for workers in (MOST[Work.POLL], 1024)}
    rows = [(needs[most] + _THREADS_FOR_THE_REST, needs[most] + _FILES_FOR_THE_REST) for most in needs]

    if file.startswith("docs"):
        assert all(f"| {threads} | {files} |" in told for threads, files in rows)
    else:
        assert "{} threads and {} open files".format(*rows[0]) in told


def test_a_crash_leaves_no_secret_on_the_disk() -> None:
    """A core dump has the whole memory of the process."""
    assert settings("LimitCORE") == ["0"]


def test_a_refused_configuration_is_not_tried_again() -> None:
    """Exit code 2 says so; every other end that was not asked for is followed by a start."""
    assert (settings("Restart"), settings("RestartPreventExitStatus")) == (["on-failure"], ["2"])


def test_a_reload_checks_the_file_that_is_served() -> None:
    """Of the two commands the first one refuses, and the daemon is not even told."""
    (start,), (check, tell) = settings("ExecStart"), settings("ExecReload")

    assert check.endswith(f" {start.replace('serve --config.file=', 'check-config ')}'")
    assert tell == "/bin/sh -c 'kill -HUP $MAINPID'"  # not every machine has the program
