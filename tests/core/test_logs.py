import io
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from exporter.core import logs
from exporter.core.log_writer import LogWriter, lines_dropped
from tests.pipes import LINE, fill
from tests.waiting import wait_until


def test_an_event_is_one_line_of_json() -> None:
    """Fields keep their names; what has no value is left out."""
    stream = io.StringIO()
    log = logs.configure(level="info", log_format="json", stream=stream)
    log.warning("service state changed", account='a "b"\nc', old=None, new="locked")
    line = json.loads(stream.getvalue())

    assert stream.getvalue().count("\n") == 1
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "msg": "service state changed", "account": 'a "b"\nc', "new": "locked"}


def test_an_event_is_one_line_of_logfmt() -> None:
    """Time, level and message come first, and a value with spaces or quotes is quoted."""
    stream = io.StringIO()
    log = logs.configure(level="info", log_format="logfmt", stream=stream)
    log.info("poll recovered", account='a "b"\nc', failures=3)
    head, _, rest = stream.getvalue().partition(" level=")

    assert head.startswith("time=20")
    assert rest == 'info msg="poll recovered" account="a \\"b\\"\\nc" failures=3\n'


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warn", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_a_level_hides_those_below_it(level: str, written: list[str]) -> None:
    """Only lines of the level and above are written."""
    stream = io.StringIO()
    log = logs.configure(level=level, log_format="json", stream=stream)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        log.log(number, "event")

    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == written


def test_the_lines_of_libraries_look_the_same() -> None:
    """What a library logs through the standard library is a line of ours, with the name of its logger."""
    stream = io.StringIO()
    logs.configure(level="info", log_format="json", stream=stream)
    logging.getLogger("somewhere").warning("%s happened", "it")
    line = json.loads(stream.getvalue())

    assert (line["level"], line["msg"], line["logger"]) == ("warning", "it happened", "somewhere")


def test_talkative_libraries_are_heard_from_warning_on_unless_debugging() -> None:
    """A library that logs every connection does so at debug only, and as debug; its warnings stay warnings."""
    stream = io.StringIO()
    logs.configure(level="info", log_format="json", stream=stream)
    logging.getLogger("urllib3.util").info("Connection made")
    assert stream.getvalue() == ""

    logs.configure(level="debug", log_format="json", stream=stream)
    logging.getLogger("urllib3.util").info("Connection made")
    logging.getLogger("urllib3.util").warning("Connection lost")
    logging.getLogger("somewhere").info("it happened")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["msg"]) for line in lines] == [
        ("debug", "Connection made"),
        ("warning", "Connection lost"),
        ("info", "it happened"),
    ]


@pytest.mark.parametrize("level", logs.LEVELS)
def test_the_scheduler_logs_defects_only(level: str) -> None:
    """It would log the job that hands out polls twenty times a second, and each time that is still under way."""
    stream = io.StringIO()
    logs.configure(level=level, log_format="json", stream=stream)
    for logged in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("apscheduler.scheduler").log(logged, "at %d", logged)

    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["at 40"]


def test_a_traceback_is_told_by_the_type_of_its_error() -> None:
    """The text of a foreign exception can hold what was being sent, so it is not written."""
    stream = io.StringIO()
    log = logs.configure(level="info", log_format="json", stream=stream)
    try:
        int("PlantedSecret")
    except ValueError:
        logging.getLogger("library").exception("it broke")
        log.exception("ours broke")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert "PlantedSecret" not in stream.getvalue()
    assert [(line["msg"], line["error"]) for line in lines] == [
        ("it broke", "ValueError"),
        ("ours broke", "ValueError"),
    ]


def test_warnings_of_python_are_lines_too() -> None:
    """Nothing is written past the log."""
    stream = io.StringIO()
    logs.configure(level="info", log_format="json", stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old ways", UserWarning, stacklevel=1)

    assert json.loads(stream.getvalue())["logger"] == "py.warnings"


def test_a_line_that_cannot_be_formatted_is_told() -> None:
    """A library that gives its message too few arguments leaves a line that says so, and nothing else."""
    stream = io.StringIO()
    logs.configure(level="info", log_format="json", stream=stream)
    logging.getLogger("library").info("%s %s", *["PlantedSecret"])
    line = json.loads(stream.getvalue())

    assert (line["level"], line["msg"], line["logger"]) == ("error", "log line could not be formatted", "library")
    assert line["error"] == "TypeError"
    assert "PlantedSecret" not in stream.getvalue()


def test_no_lock_of_the_handler_is_held_while_a_line_is_written() -> None:
    """A thread that cannot write, whatever the reason, holds up no other."""

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            if text.startswith("{") and "outer" in text:
                other = threading.Thread(target=log.info, args=("inner",))
                other.start()
                other.join()
            return super().write(text)

    stream = Stream()
    log = logs.configure(level="info", log_format="json", stream=stream)
    log.info("outer")

    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["inner", "outer"]


class Daemon:
    """A process whose standard error is a pipe, for which a few lines may wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.out, self.into = os.pipe()
        self.stderr = LogWriter(self.into, most_bytes=600, most_bytes_unread=600)
        self._monkeypatch = monkeypatch

    def configure(self) -> Any:
        """The logger."""
        self._monkeypatch.setattr(sys, "stderr", self.stderr)  # in the test itself, as pytest sets it before that
        return logs.configure_daemon(level="info", log_format="json")

    def wait(self) -> None:
        """Wait until no line waits."""
        wait_until("all is written", lambda: not self.stderr._waiting)

    def lines(self) -> list[Any]:
        """What was logged until now; nothing is logged afterwards."""
        self.stderr.close()
        os.close(self.into)
        with os.fdopen(self.out, "rb") as log:
            return [json.loads(line) for line in log if line != LINE]


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    return Daemon(monkeypatch)


class Breaking:
    def __del__(self) -> None:
        raise ValueError("PlantedSecret")


class Ending(SystemExit):
    """Ends a thread, as sys.exit() does."""


def leave() -> None:
    raise Ending


def in_a_thread(run: Callable[[], object]) -> None:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_errors_that_are_not_caught_are_lines_of_a_daemon(daemon: Daemon) -> None:
    """With type and place; a thread that ends by sys.exit() has no error."""
    daemon.configure()
    in_a_thread(sys.exit)
    in_a_thread(leave)
    in_a_thread(lambda: int("PlantedSecret"))
    daemon.wait()
    Breaking()
    daemon.wait()
    try:
        int("PlantedSecret")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    lines = daemon.lines()

    assert [(line["level"], line["msg"], line["error"]) for line in lines] == [
        ("error", "thread hit a defect", "ValueError"),
        ("error", "destructor or callback hit a defect", "ValueError"),
        ("error", "exporter hit a defect", "ValueError"),
    ]
    assert all("test_logs.py:" in line["where"] for line in lines)
    assert "PlantedSecret" not in str(lines)


def test_the_logging_library_prints_nothing_in_a_daemon(daemon: Daemon) -> None:
    """Neither lines of a logger that has no handler, nor the failure of a handler."""
    daemon.configure()
    library = logging.getLogger("library")
    library.propagate = False
    library.warning("no handler")
    library.addHandler(logging.StreamHandler(io.StringIO()))
    library.warning("%s %s", *["one argument"])
    library.propagate = True
    library.handlers.clear()

    assert daemon.lines() == []


def test_a_daemon_counts_and_reports_dropped_lines(daemon: Daemon) -> None:
    """A warning has their number, once lines are written again."""
    log = daemon.configure()
    fill(daemon.into)
    while not lines_dropped():
        log.info("event")
    log.info("event")
    os.read(daemon.out, 65536)
    daemon.wait()
    lines = [(line["level"], line["msg"], line.get("lines")) for line in daemon.lines()]

    assert set(lines[:-1]) == {("info", "event", None)}
    assert lines[-1] == ("warning", "log lines were dropped", 2)
    assert lines_dropped() == 2


def test_a_daemon_that_is_run_inside_of_another_program_writes_to_its_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where standard error is no stream of ours, lines go there at once, and none is dropped."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log = logs.configure_daemon(level="info", log_format="json")
    log.info("event")

    assert json.loads(stream.getvalue())["msg"] == "event"
    assert lines_dropped() == 0
