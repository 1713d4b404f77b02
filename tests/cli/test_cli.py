"""What the command says to its user without starting anything."""

import signal
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter import __version__
from exporter.cli import main
from exporter.cli.exit import fail_to_listen

ROOT = Path(__file__).parents[2]
GOOD = """
accounts:
  - name: prod
    credentials: {type: access_key, access_key_id: LTAItest, access_key_secret: PlantedSecret}
"""
BAD = """
poll: {interval: 10}
accounts: []
"""


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments), env=env)
    return result.exit_code, result.output


def test_a_good_configuration_is_summed_up(tmp_path: Path) -> None:
    """check-config names accounts and intervals, no secret, and exits with 0."""
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    exit_code, output = run("check-config", str(file))

    assert exit_code == 0
    assert "prod" in output
    assert "PlantedSecret" not in output


def test_a_bad_configuration_is_told_whole(tmp_path: Path) -> None:
    """check-config names every problem with its line, and exits with 2."""
    file = tmp_path / "config.yaml"
    file.write_text(BAD)
    exit_code, output = run("check-config", str(file))

    assert exit_code == 2
    assert f"{file}:2: poll.interval" in output
    assert f"{file}:3: accounts" in output


def test_a_web_configuration_is_checked_too(tmp_path: Path) -> None:
    """check-config takes either file or both; certificates that cannot be read are a problem of the web file."""
    file, web_file = tmp_path / "config.yaml", tmp_path / "web.yaml"
    file.write_text(GOOD)
    web_file.write_text("http_server_config: {headers: {X-Frame-Options: deny}}")
    exit_code, output = run("check-config", str(file), f"--web.config.file={web_file}")
    assert exit_code == 0
    assert "prod" in output
    assert "header X-Frame-Options: deny" in output
    assert run("check-config", f"--web.config.file={web_file}")[0] == 0

    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_text("PlantedSecret")
    web_file.write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}")
    exit_code, output = run("check-config", f"--web.config.file={web_file}")
    assert exit_code == 2
    assert f"{web_file}: tls_server_config.cert_file: seen no certificate" in output
    assert "PlantedSecret" not in output


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["check-config", "no-such-file.yaml"], id="missing file"),
        pytest.param(["serve", "--config.file", "no-such-file.yaml"], id="missing file of the daemon"),
        pytest.param(["serve", "--config.fle=x"], id="unknown flag"),
        pytest.param(["serve", "--web.listen-address=10520"], id="address without a colon"),
        pytest.param(["serve", "--web.listen-address=127.0.0.1"], id="address without a port"),
        pytest.param(["serve", "--web.listen-address=:99999"], id="port out of range"),
        pytest.param(["serve", "--web.telemetry-path=metrics"], id="path without a slash"),
        pytest.param(["serve", "--web.telemetry-path=/"], id="path of the page"),
        pytest.param(["serve", "--web.telemetry-path=/-/ready"], id="path of a health check"),
        pytest.param(["serve", "--web.documentation-url=javascript:alert(1)"], id="link to no page"),
        pytest.param(["serve", "--shard=3/3"], id="no such shard"),
        pytest.param(["serve", "--shard=1"], id="shard of no total"),
        pytest.param(["serve", "--log.level=loud"], id="unknown level"),
        pytest.param(["serve", "--web.config.file=no-such-file.yaml"], id="missing file of the web"),
        pytest.param(["check-config"], id="nothing to check"),
        pytest.param(["check-config", "--web.config.file=no-such-file.yaml"], id="missing web file to check"),
        pytest.param(["status", "--config.file", "no-such-file.yaml"], id="missing file of the status"),
        pytest.param(["status", "--output=xml"], id="unknown output"),
        pytest.param(["serve", "surplus"], id="surplus argument"),
        pytest.param(["status", "surplus"], id="surplus argument of the status"),
        pytest.param(["simulator", "--scenario", "no-such-scenario"], id="unknown scenario"),
        pytest.param(["dance"], id="unknown command"),
    ],
)
def test_bad_usage_exits_with_2(arguments: list[str]) -> None:
    """Every command refuses what it cannot do with exit code 2 and a word on why, before it starts anything."""
    exit_code, output = run(*arguments)

    assert exit_code == 2
    assert "Traceback" not in output
    assert output.strip()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        pytest.param(
            ["--config.file=x"],
            "No such option '--config.file' before a command. It is a flag of: open-cdn, serve, status.",
            id="flag of commands",
        ),
        pytest.param(
            ["--web.listen-adress", ":1"],
            "No such option '--web.listen-adress' before a command. Did you mean '--web.listen-address'? "
            "It is a flag of: demo, serve.",
            id="like a flag of commands",
        ),
        pytest.param(["serv"], "No such command 'serv'. Did you mean 'serve'?", id="like a command"),
        pytest.param(["open_cdn"], "No such command 'open_cdn'. Did you mean 'open-cdn'?", id="underscore"),
        pytest.param(
            ["dance"],
            "No such command 'dance'. Commands are check-config, demo, open-cdn, serve, simulator, status.",
            id="like none",
        ),
        pytest.param(
            ["--vers"], "No such option '--vers'. Did you mean '--version'?", id="beginning of its own flag"
        ),
        pytest.param(
            ["--conf"],
            "No such option '--conf' before a command. Did you mean '--config.file'? "
            "It is a flag of: open-cdn, serve, status.",
            id="beginning of a flag",
        ),
        *(
            pytest.param([*command, ""], "seen an empty text; accepted: the path of a file", id=f"no {command[-1]}")
            for command in (["check-config"], ["serve", "--config.file"], ["serve", "--web.config.file"])
        ),
        pytest.param(["help"], "No such command 'help'. Did you mean '--help'?", id="help"),
        pytest.param(["version"], "No such command 'version'. Did you mean '--version'?", id="version"),
        pytest.param(["serve", "--config.fle=x"], "--config.file", id="like a flag"),
        *(
            pytest.param(
                [*command, "prod.yaml"],
                "unexpected argument 'prod.yaml'; use --config.file for a configuration file",
                id=f"file without a flag, {command[0]}",
            )
            for command in (["serve"], ["status"], ["open-cdn", "--account=prod"])
        ),
        pytest.param(
            ["check-config", "--config.fle=x"],
            "No such option '--config.fle'. Give the file without a flag: check-config FILE.",
            id="file with a flag",
        ),
        pytest.param(["check-config", "--web.config.fle=x"], "--web.config.file", id="web file"),
        pytest.param(["status", "--config.fle=x"], "--config.file", id="like a flag of the status"),
    ],
)
def test_unknown_commands_and_flags_name_the_nearest(arguments: list[str], hint: str) -> None:
    """So does a flag of a command that stands where there is none yet."""
    exit_code, output = run(*arguments)

    assert exit_code == 2
    assert hint in output


def test_flags_come_from_the_environment_too() -> None:
    """A variable is the flag in capitals, with dots and dashes as underscores, and is refused like the flag."""
    exit_code, output = run("serve", env={"DCDN_EXPORTER_WEB_LISTEN_ADDRESS": "nowhere"})

    assert exit_code == 2
    assert "nowhere" in output


def test_the_flag_wins_over_the_environment() -> None:
    """With both given, the environment is not even looked at."""
    exit_code, output = run(
        "serve", "--config.file=from-the-flag.yaml", env={"DCDN_EXPORTER_CONFIG_FILE": "from-the-environment.yaml"}
    )

    assert exit_code == 2
    assert "from-the-flag.yaml" in output
    assert "from-the-environment.yaml" not in output


def test_other_variables_with_the_prefix_are_ignored() -> None:
    """Kubernetes puts such variables beside a service of that name; they mean nothing to the daemon."""
    exit_code, output = run(
        "serve",
        "--log.level=loud",
        env={"DCDN_EXPORTER_PORT": "tcp://10.0.0.1:80", "DCDN_EXPORTER_SERVICE_HOST": "x"},
    )

    assert exit_code == 2
    assert "10.0.0.1" not in output


def test_the_flags_of_the_daemon_are_those_of_prometheus() -> None:
    """The help of serve names the flags with dots and the variables that go with them."""
    exit_code, output = run("serve", "--help")

    assert exit_code == 0
    for flag in (
        "--config.file",
        "--web.listen-address",
        "--web.telemetry-path",
        "--web.documentation-url",
        "--shard",
        "--web.enable-lifecycle",
        "--web.config.file",
        "--log.level",
        "--log.format",
    ):
        assert flag in output
        assert "DCDN_EXPORTER_" + flag.removeprefix("--").upper().replace(".", "_").replace("-", "_") in output


@pytest.mark.parametrize("width", [40, 49, 50, 51, 60, 77, 80, 110, 200])
def test_the_help_breaks_no_name(width: int) -> None:
    """However narrow the terminal is."""
    output = CliRunner(env={"COLUMNS": str(width)}).invoke(main, ["serve", "--help"]).output
    variables = {word.rstrip(";]") for word in output.split() if word.startswith("DCDN_EXPORTER_")}

    assert len(variables) == 9
    assert "DCDN_EXPORTER_WEB_DOCUMENTATION_URL" in variables
    assert max(map(len, output.splitlines())) <= width


def test_why_it_cannot_listen_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the name of a host is not known, of which the web server's error is no error of the system."""
    unknown_name = OSError(socket.EAI_NONAME, "cannot listen: Name or service not known", "nowhere:0")
    with pytest.raises(SystemExit) as ended:
        fail_to_listen("--web.listen-address", "nowhere:0", unknown_name)

    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "cannot listen on nowhere:0: Name or service not known; --web.listen-address chooses another address\n"
    )


@pytest.mark.parametrize("width", [40, 80])
def test_the_help_shows_the_whole_line_of_each_command(width: int) -> None:
    """However narrow the terminal is."""
    output = " ".join(CliRunner(env={"COLUMNS": str(width)}).invoke(main, ["--help"]).output.split())

    assert "..." not in output.partition("Commands:")[2]
    assert "check-config Check a configuration FILE: print its problems or a summary" in output


def test_the_version_is_told() -> None:
    """--version names the program and its version."""
    assert run("--version") == (0, f"dcdn-exporter, version {__version__}\n")


PROXY_PROBLEMS = (
    "https_proxy: seen a proxy of the kind socks5h://, which is not supported; accepted: HOST:PORT, "
    "http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before HOST if needed (as %XX: @/?#%)\n"
    "HTTPS_PROXY: seen a value that is no address of a proxy; accepted: HOST:PORT, "
    "http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before HOST if needed (as %XX: @/?#%)\n"
)


@pytest.mark.parametrize("command", [["serve"], ["status"], ["open-cdn", "--account=prod"]])
def test_proxies_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path, command: list[str]) -> None:
    """Commands that call the API name each variable and what is accepted, never a password, and exit with 2."""
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    proxies = {"https_proxy": "socks5h://u:planted@squid:1080", "HTTPS_PROXY": "http://u:planted/1@squid:3128"}

    assert run(*command, "--config.file", str(file), env=proxies) == (2, PROXY_PROBLEMS)


def test_commands_that_do_not_call_the_api_read_no_proxies(tmp_path: Path) -> None:
    """check-config works with any."""
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)

    assert run("check-config", str(file), env={"HTTPS_PROXY": "socks5://squid:1080"})[0] == 0


LOADED = """
import sys
from exporter.cli import main

try:
    main(["serve", "--help"], standalone_mode=False)
finally:
    print(*sys.modules)
"""


def test_the_daemon_starts_without_the_other_commands() -> None:
    """What only they need is not loaded for it: the simulator, what activates, and what draws tables."""
    loaded = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    ).stdout.split()

    assert "exporter.app.daemon" in loaded
    assert set(loaded) & {"exporter.simulator", "exporter.activation", "exporter.report.terminal"} == set()


INTERRUPTED = """
import os, signal, sys
from exporter import __main__

class Interrupting:
    \"\"\"The first search for a module raises a signal.\"\"\"

    def find_spec(self, name, path=None, target=None):
        if name == "exporter.cli":
            os.kill(os.getpid(), int(sys.argv.pop()))

sys.meta_path.insert(0, Interrupting())
__main__.run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="core dumps are forbidden on Linux alone")
@pytest.mark.parametrize("command", [["check-config"], ["status"], ["open-cdn", "--account=prod"]])
def test_no_core_of_a_command_is_dumped(tmp_path: Path, command: list[str]) -> None:
    """Whatever reads keys has a memory that only root can read, as the daemon has."""
    file = tmp_path / "config.yaml"
    file.write_text(BAD)
    code = (
        "import atexit, ctypes; from exporter.cli import main; pr_get_dumpable = 3; "
        "atexit.register(lambda: print('dumpable:', ctypes.CDLL(None).prctl(pr_get_dumpable, 0, 0, 0, 0))); main()"
    )
    given = [str(file)] if command == ["check-config"] else [f"--config.file={file}"]
    process = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", code, *command, *given], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert str(file) in process.stderr
    assert process.stdout == "dumpable: 0\n"


@pytest.mark.parametrize(("command", "exit_code"), [("status", 130), ("open-cdn", 130), ("serve", 0)])
def test_an_early_interruption_is_no_good_news(command: str, exit_code: int) -> None:
    """Ctrl-C while the parts are loaded has its exit code, but for commands that run until they are stopped."""
    process = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", INTERRUPTED, command, str(int(signal.SIGINT))], timeout=60, check=False, cwd=ROOT
    )

    assert process.returncode == exit_code


LOST = """
import os, signal, sys
from exporter import __main__

class Signalling:
    \"\"\"Its destructor gets a signal, and Python drops what the handler raises.\"\"\"

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

class Losing:
    \"\"\"The search for the module of a command loses a signal.\"\"\"

    def find_spec(self, name, path=None, target=None):
        if name == "exporter.cli.serve":
            Signalling()

sys.meta_path.insert(0, Losing())
__main__.run()
"""


def test_an_interruption_that_python_drops_while_it_loads_ends_the_command() -> None:
    """Before it begins its work."""
    process = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", LOST, "serve", "--web.listen-address=127.0.0.1:0"],
        timeout=60,
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert (process.returncode, "listening" in process.stderr) == (0, False)
    assert "Exception ignored" in process.stderr


SIGNALLED_AT_THE_END = """
import os, signal, sys
from exporter import __main__

class LastThing:
    \"\"\"What is deleted when nothing but the interpreter is left raises a signal.\"\"\"

    def __del__(self, kill=os.kill, pid=os.getpid(), number=int(sys.argv.pop())):
        kill(pid, number)

last = LastThing()
__main__.run()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_late_signal_changes_no_exit_code(number: signal.Signals) -> None:
    """What the command has decided stays, while the interpreter is on its way out."""
    process = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", SIGNALLED_AT_THE_END, "--version", str(int(number))],
        timeout=60,
        check=False,
        cwd=ROOT,
        capture_output=True,
    )

    assert (process.returncode, process.stderr) == (0, b"")


def test_an_early_reload_is_none() -> None:
    """A SIGHUP while the parts of serve are still being loaded ends nothing: the file is about to be read."""
    process = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", INTERRUPTED, "serve", "--help", str(int(signal.SIGHUP))],
        timeout=60,
        check=False,
        cwd=ROOT,
        capture_output=True,
    )

    assert (process.returncode, b"--config.file" in process.stdout) == (0, True)


def test_keys_without_effect_are_warnings(tmp_path: Path) -> None:
    """On standard error, below the summary; the file is good."""
    file = tmp_path / "config.yaml"
    file.write_text("certificates: true\naccounts: [{name: prod}]\n")
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err, pytest.raises(SystemExit) as ended:
        main(["check-config", str(file)])

    assert ended.value.code == 0
    assert out.getvalue().startswith("1 account\n")
    assert err.getvalue() == (
        f"warning: {file}: certificates: this key has no effect: it is for dcdn, cdn; "
        "the products here are dcdn_ipa\n"
    )
