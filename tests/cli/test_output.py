"""Where a command's output goes decides no exit code but 0, and no activation."""

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import click
import pytest

from exporter import __version__
from exporter.app.signals import exit_on_signal
from exporter.cli import main
from exporter.cli.output import checked_output
from exporter.core.exit_handler import EXIT_BY_SIGNAL
from exporter.simulator import Account, Scenario, ServiceState, Simulator
from tests.only_read import only_read
from tests.pipes import Pipe, fill, waits_to_write
from tests.waiting import PATIENCE_S, wait_until

Output = Callable[[], AbstractContextManager[int | None]]
Run = Callable[..., tuple[int, str]]

FULL = "The result could not be written to standard output: No space left on device\n"
CLOSED = "The result could not be written to standard output: it is closed\n"


@pytest.fixture
def shop() -> Account:
    return Account(name="shop", account_id="1000000000000007", access_key_id="LTAI5tShop", access_key_secret="secret")


@pytest.fixture
def simulator(shop: Account, request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """One that sees as many calls that change an account as a test says."""
    with only_read(Scenario("one account", (shop,)), writes=getattr(request, "param", 0)) as simulator:
        yield simulator


@pytest.fixture
def file(shop: Account, simulator: Simulator, tmp_path: Path) -> Path:
    """A configuration of the account."""
    file = tmp_path / "config.yaml"
    file.write_text(
        "accounts:\n"
        "  - name: shop\n"
        f"    credentials: {{type: access_key, access_key_id: {shop.access_key_id}, access_key_secret: secret}}\n"
        f"endpoints: {{dcdn: '{simulator.url}', cdn: '{simulator.url}', sts: '{simulator.url}'}}\n"
    )
    file.chmod(0o600)
    return file


@contextmanager
def full_device() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@contextmanager
def closed() -> Iterator[None]:
    yield None


@contextmanager
def left_pipe() -> Iterator[int]:
    """A pipe whose reader has left."""
    out, into = os.pipe()
    os.close(out)
    yield into
    os.close(into)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with standard output at a descriptor; its exit code, and its standard error."""

    def run_command(descriptor: int | None, *arguments: object) -> tuple[int, str]:
        words = list(map(str, arguments))
        with pytest.raises(SystemExit) as end, checked_output(words, descriptor):
            main(words)
        return int(end.value.code or 0), capsys.readouterr().err

    return run_command


COMMANDS = [
    pytest.param(["--help"], id="help"),
    pytest.param(["--version"], id="version"),
    pytest.param(["status", "--help"], id="help of a command"),
    pytest.param(["check-config", "FILE"], id="check-config"),
    pytest.param(["status", "--config.file", "FILE"], id="status"),
    pytest.param(["status", "--config.file", "FILE", "--output=json"], id="status as JSON"),
    pytest.param(["open-cdn", "--config.file", "FILE", "--account=shop"], id="dry run"),
]
DRY_RUN = (
    "shop (1000000000000007): Dry run: OpenCdnService was not called and nothing was changed. "
    "Add --yes to activate CDN. "
)


@pytest.mark.parametrize(("output", "message"), [(full_device, FULL), (closed, CLOSED)])
@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_result_that_cannot_be_written_is_exit_code_6(
    run: Run, file: Path, *, arguments: list[str], output: Output, message: str
) -> None:
    """One line on standard error says why; there is no traceback."""
    words = [str(file) if word == "FILE" else word for word in arguments]
    with output() as descriptor:
        exit_code, stderr = run(descriptor, *words)

    assert (exit_code, stderr.removeprefix(DRY_RUN)) == (6, message)


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_reader_that_leaves_early_is_no_error(run: Run, file: Path, arguments: list[str]) -> None:
    """The exit code is that of the result, and nothing is said."""
    with left_pipe() as descriptor:
        assert run(descriptor, *(file if word == "FILE" else word for word in arguments)) == (0, "")


@pytest.mark.parametrize(("output", "message"), [(full_device, FULL), (closed, CLOSED), (left_pipe, "")])
def test_a_lock_is_exit_code_3_whether_or_not_the_output_is_read(
    run: Run, file: Path, simulator: Simulator, *, output: Output, message: str
) -> None:
    """The state of the services decides first."""
    simulator.set_service(
        "shop", ServiceState(activated=True, charge_type="PayByTraffic", instance_id="1", locks=("financial",))
    )
    with output() as descriptor:
        assert run(descriptor, "status", "--config.file", file, "--log.level=error") == (3, message)


@pytest.mark.parametrize(
    ("output", "exit_code", "message"), [(full_device, 6, FULL), (closed, 6, CLOSED), (left_pipe, 0, "")]
)
@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize("simulator", [1], indirect=True, ids=["one call"])
def test_an_activation_that_cannot_be_printed_is_one(
    run: Run,
    file: Path,
    simulator: Simulator,
    *,
    output: Output,
    exit_code: int,
    message: str,
    kind: str,
) -> None:
    """CDN is activated once; standard error says so in the line that says that the result was not written."""
    with output() as descriptor:
        ended = run(descriptor, "open-cdn", "--config.file", file, "--account=shop", "--yes", f"--output={kind}")
    (opened,) = simulator.journal.entries(action="OpenCdnService")

    line = f"shop (1000000000000007): CDN is active. (request id {opened.request_id}) {message}"
    assert ended == (exit_code, line if message else "")


@pytest.mark.parametrize("arguments", [["serve", "--help"], ["simulator", "--print-config"], ["demo", "--help"]])
def test_what_runs_until_it_is_stopped_never_ends_with_6(run: Run, arguments: list[str]) -> None:
    """Where it was to print only, it has failed."""
    with full_device() as descriptor:
        assert run(descriptor, *arguments) == (1, FULL)


@pytest.mark.parametrize("arguments", [["nothing"], ["check-config", "no-such-file.yaml"]])
def test_bad_usage_is_exit_code_2_on_a_full_device(run: Run, arguments: list[str]) -> None:
    """There was no result to write."""
    with full_device() as descriptor:
        assert run(descriptor, *arguments)[0] == 2


def test_a_pipe_that_another_process_made_non_blocking_gets_all(run: Run) -> None:
    """The command waits for the reader, as on any pipe."""
    pipe = Pipe()
    fcntl.fcntl(pipe.into, fcntl.F_SETFL, os.O_NONBLOCK)
    fill(pipe.into)
    reader = threading.Timer(0.05, pipe.read)
    reader.start()
    assert run(pipe.into, "--version") == (0, "")
    reader.join()
    assert pipe.read() == [f"dcdn-exporter, version {__version__}"]
    pipe.close()


def test_a_signal_that_another_thread_got_ends_the_wait_for_a_reader() -> None:
    """The system gives a signal to any thread, and a write that no signal reaches would wait for ever."""
    pipe = Pipe()
    fill(pipe.into)
    main_thread = Path(f"/proc/self/task/{os.getpid()}")
    ended, unread = threading.Event(), []

    def take() -> None:
        wait_until("the main thread waits for the reader", lambda: waits_to_write(main_thread))
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        unread.append(ended.wait(PATIENCE_S / 2))
        pipe.read()  # lets it go on, had it waited for ever

    taker = threading.Thread(target=take)
    taker.start()
    with pytest.raises(SystemExit) as end, checked_output(["status"], pipe.into), exit_on_signal():
        click.echo("CDN is active.")
    ended.set()
    taker.join()
    pipe.close()

    assert (end.value.code, unread) == (EXIT_BY_SIGNAL + signal.SIGTERM, [True])
