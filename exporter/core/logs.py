"""Logs: one event, one line, on one stream, as logfmt or JSON; the libraries' lines look the same.

The one importer of structlog. Loggers of the standard library are state of the whole process, so ``configure`` or
``configure_daemon`` is called once, by the command.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from exporter.core.log_writer import LogWriter
from exporter.core.logger import defect

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
FORMATS = ("logfmt", "json")
# They log every connection at info, which for us is debug.
_TALKATIVE = ("urllib3", "uvicorn", "asyncio")

Event = MutableMapping[str, Any]


def configure(*, level: str, log_format: str, stream: TextIO | None = None) -> structlog.stdlib.BoundLogger:
    """Return the logger to pass on; from now on all logs of the process go to the stream, standard error if None.

    ``level`` is one of LEVELS, ``log_format`` one of FORMATS.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _without_empty,
    ]
    renderer = _renderer(log_format)
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _at_our_level, _with_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_traceback,
                structlog.processors.EventRenamer("msg"),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(LEVELS[level] if level == "debug" else logging.WARNING)
    # It logs every run of a job, twenty lines a second, and warns where one is due that is still under way.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger("dcdn_exporter"),
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return logger


def configure_daemon(*, level: str, log_format: str) -> structlog.stdlib.BoundLogger:
    """Like ``configure``, for a process that runs until it is stopped.

    A thread writes the lines if standard error is a LogWriter. Errors that no code has caught are lines too, and
    nothing else is written to standard error.
    """
    log = configure(level=level, log_format=log_format)
    logging.raiseExceptions, logging.lastResort = False, None  # they print
    sys.excepthook = lambda _kind, error, _traceback: log.error("exporter hit a defect", **defect(error))
    threading.excepthook = lambda uncaught: _log_uncaught(log, "thread hit a defect", uncaught)
    sys.unraisablehook = lambda uncaught: _log_uncaught(log, "destructor or callback hit a defect", uncaught)
    if isinstance(sys.stderr, LogWriter):
        sys.stderr.start(report=lambda count: log.warning("log lines were dropped", lines=count))
    return log


class _Handler(logging.Handler):
    """Writes each record as one line to a stream, without the lock that handlers hold meanwhile."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def handle(self, record: logging.LogRecord) -> bool:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 — of a library that passes arguments that its message does not take
            failure = {"name": record.name, "levelname": "ERROR", "msg": "log line could not be formatted"}
            line = self.format(logging.makeLogRecord({**failure, "exc_info": sys.exc_info()}))
        self._stream.write(f"{line}\n")
        return True


def _log_uncaught(log: Any, event: str, uncaught: Any) -> None:
    """Log what ``threading.excepthook`` or ``sys.unraisablehook`` is called with."""
    if not issubclass(uncaught.exc_type, SystemExit):
        log.error(event, **defect(uncaught.exc_value or uncaught.exc_type()))


def _renderer(log_format: str) -> Any:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.processors.LogfmtRenderer(key_order=["time", "level", "msg"], bool_as_flag=False)


def _without_empty(_logger: Any, _name: str, event: Event) -> Event:
    """Drop fields without a value."""
    for key in [key for key, value in event.items() if value is None]:
        del event[key]
    return event


def _at_our_level(_logger: Any, _name: str, event: Event) -> Event:
    """Log the libraries' info lines at debug, as we do an unchanged poll."""
    if event["level"] == "info" and event["_record"].name.partition(".")[0] in _TALKATIVE:
        event["level"] = "debug"
    return event


def _with_logger_name(_logger: Any, _name: str, event: Event) -> Event:
    record = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event


def _without_traceback(_logger: Any, _name: str, event: Event) -> Event:
    """Log type and place of an exception; its traceback would show its text, which can hold what was being sent."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, tuple) and exc_info[1] is not None:
        event.update(defect(exc_info[1]))
    return event
