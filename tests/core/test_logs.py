import io
import json
import logging
import warnings

import pytest

from exporter.core import logs


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
