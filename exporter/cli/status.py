"""The command ``status``."""

import os
import shutil
import sys
from functools import partial
from pathlib import Path

import click

from exporter.app.signals import exit_on_signal
from exporter.app.status_once import look_once
from exporter.cli.flags import ReadsFile, api_environment, config_file_flag, configuration_of, log_flags
from exporter.cli.limits import workers_allowed
from exporter.core import logs
from exporter.report.json_document import to_json
from exporter.report.report import Report, exit_code
from exporter.report.terminal import above_bar, draw_table, progress_bar


@click.command(cls=ReadsFile)
@config_file_flag
@click.option(
    "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="What to print."
)
@log_flags("warn")
def status(config_file: Path | None, output: str, log_level: str, log_format: str) -> None:
    """Poll each probe once and print its state, worst first.

    Exit codes: 3, delivery has stopped somewhere: something is locked, overdue, stopped, unavailable or has ended,
    a domain is offline, or a certificate has expired; else 4, a poll failed; else 0; 6, as 0, but the result could
    not be written.
    """
    with exit_on_signal():
        configuration = configuration_of(config_file)
        environ = api_environment()
        bar = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        log = logs.configure(level=log_level, log_format=log_format, stream=above_bar(sys.stderr) if bar else None)
        report = look_once(
            configuration,
            environ=environ,
            allowed=partial(workers_allowed, log=log),
            progress=partial(progress_bar, sys.stderr, shown=bar),
            log=log,
        )
        _print(to_json(report) if output == "json" else _table(report))
        sys.exit(exit_code(report))


def _table(report: Report) -> str:
    terminal = sys.stdout.isatty()
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return draw_table(report, width=shutil.get_terminal_size().columns if terminal else None, color=color)


def _print(text: str) -> None:
    """Print it, with question marks for characters that the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, errors="replace").decode(encoding), color=True)
