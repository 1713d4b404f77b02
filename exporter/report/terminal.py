"""What `status` shows to people: a table, and a bar while polls run. The one importer of rich.

The words are those of the status page.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from exporter.probes.kind import Fragment, Severity
from exporter.report.report import Report, Row, summary_line

_COLUMNS = ("ACCOUNT", "PRODUCT", "STATUS", "BILLING", "LAST POLL")
_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.SERIOUS: "red",
    Severity.FAILING: "magenta",
    Severity.WARNING: "yellow",
    Severity.WAITING: "dim",
    Severity.UPCOMING: "cyan",
    Severity.INACTIVE: "dim",
    Severity.GOOD: "green",
}
_CLEAR_LINE = "\r\x1b[2K"


def draw_table(report: Report, *, width: int | None, color: bool) -> str:
    """The rows, and a line that sums them up.

    Values are folded into ``width``, that of a terminal; None: each row is one line of any length.
    """
    table = Table(*_COLUMNS, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
        column.no_wrap = width is None
    for row in report.rows:
        account, product, status, *rest = (_printable(cell) for cell in cells(row))
        table.add_row(account, product, Text(status, style=_STYLES[row.worst.severity]), *rest)
    console = Console(
        file=io.StringIO(),
        force_terminal=color,
        color_system="standard" if color else None,
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},  # the caller decides, not the process's environment
    )
    if width is None:
        console.width = max(1, console.measure(table, options=console.options.update(max_width=10**6)).maximum)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join([*lines, "", summary_line(report)])


def cells(row: Row) -> tuple[str, str, str, str, str]:
    """Account, product, status, billing and last poll in the words of the status page."""
    status = ", ".join([_text(row.status), *row.notes])
    last_poll = "answered" if row.poll_success else row.failure or "none yet"
    return _text(row.account_in_full), row.product, status, _text(row.billing) or "-", last_poll


@contextmanager
def progress_bar(stream: TextIO, total: int, *, shown: bool) -> Iterator[Callable[[object], None]]:
    """A function to call for each of ``total`` probes that is done; the bar disappears afterwards."""
    columns = (TextColumn("polling"), BarColumn(), MofNCompleteColumn())
    console = Console(file=stream)
    with Progress(
        *columns, console=console, transient=True, disable=not shown, redirect_stdout=False, redirect_stderr=False
    ) as progress:
        task = progress.add_task("polling", total=total)
        yield lambda _probe: progress.advance(task)


def above_bar(stream: TextIO) -> TextIO:
    """A stream for lines that are written while the bar is shown: each replaces the bar, which is drawn below."""
    return cast("TextIO", _AboveBar(stream))


def _text(cell: tuple[Fragment, ...]) -> str:
    return " ".join(fragment.text for fragment in cell)


def _printable(text: str) -> str:
    """The text without characters that move a terminal's cursor or change the writing direction."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


class _AboveBar(io.TextIOBase):
    """A stream whose text replaces the current line of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_CLEAR_LINE + text)

    def flush(self) -> None:
        self._stream.flush()
