"""What `status` and `demo` show to people: a table, a bar while polls run, and a display. The one importer of rich.

The words are those of the status page.
"""

import io
import math
import select
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, cast

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from exporter.probes.view import Fragment, Severity
from exporter.report.report import Report, Row, summary_line

_GAP = 2
_PARTS = 4
"""A cell is too long for its column where it takes more than this part of the line."""
_UNLIMITED = 10**6
_COLUMNS = ("ACCOUNT", "PRODUCT", "STATUS", "BILLING", "LAST POLL")
_STATUS, _LAST_POLL = _COLUMNS.index("STATUS"), _COLUMNS.index("LAST POLL")
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

    Lines are broken between words to fit ``width``, that of a terminal. Where not every row is one line, long notes
    and failures stand below theirs; where the longest words leave no room for a table, each row is a paragraph. None:
    each row is one line of any length.
    """
    rows = [_cells(row) for row in report.rows]
    console = Console(
        file=io.StringIO(),
        force_terminal=color,
        color_system="standard" if color else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},  # the caller decides, not the process's environment
    )
    console.width = _UNLIMITED
    widths, _ = _longest(rows, console)
    room = math.inf if width is None else width - _GAP * (len(_COLUMNS) - 1)
    parts = [(row, Text()) for row in rows]
    if width is not None and sum(widths) > room:
        parts = [_in_parts(row, width) for row in report.rows]
        widths = _narrowed(*_longest((short for short, _ in parts), console), room=room)
    with console.capture() as capture:
        for drawn in _tables(parts, widths) if widths else [_paragraphs(rows, width or 0)]:
            console.print(drawn)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    summary = summary_line(report)
    return "\n".join([*lines, "", *([summary] if width is None else _wrapped(summary, width))])


def _longest(rows: Iterable[Sequence[Text]], console: Console) -> tuple[list[int], list[int]]:
    """The widths of the longest cell, and of the longest word, of each column, its name included."""
    with_names = ([Text(name) for name in _COLUMNS], *rows)
    measured = [[cell.__rich_measure__(console, console.options) for cell in row] for row in with_names]
    columns = list(zip(*measured, strict=True))
    return [max(each.maximum for each in column) for column in columns], [
        max(each.minimum for each in column) for column in columns
    ]


def _narrowed(widths: Sequence[int], least: Sequence[int], *, room: float) -> list[int]:
    """The widths, the widest made narrower until all fit the room; empty when that is too little."""
    narrowed = list(widths)
    while sum(narrowed) > room:
        wide = [number for number, width in enumerate(narrowed) if width > least[number]]
        if not wide:
            return []
        narrowed[max(wide, key=narrowed.__getitem__)] -= 1
    return narrowed


def _tables(parts: Iterable[tuple[Sequence[Text], Text]], widths: Sequence[int]) -> Iterator[Table | Text]:
    """The rows under one head, as tables of the same widths with what stands below a row between them."""
    table = _table(widths, head=True)
    for row, below in parts:
        table.add_row(*row)
        if below:
            yield from (table, below)
            table = _table(widths, head=False)
    if table.row_count or table.show_header:
        yield table


def _table(widths: Sequence[int], *, head: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", show_header=head)
    for name, width in zip(_COLUMNS, widths, strict=True):
        table.add_column(name, width=width)
    return table


def _in_parts(row: Row, width: int) -> tuple[list[Text], Text]:
    """The cells without what is too long for one, and that in indented lines which stand below them."""
    shown, below = _cells(row), []
    if row.has_long_notes(most := width // _PARTS):
        notes = ", ".join(note.text for note in row.notes)
        below.append(Text(_printable(notes), shown[_STATUS].style))
        shown[_STATUS] = Text(_printable(_text(row.status)), shown[_STATUS].style)
    if row.failures and len(shown[_LAST_POLL]) > most:
        below.append(shown[_LAST_POLL])
        shown[_LAST_POLL] = Text("failed")
    lines = ((line, text.style) for text in below for line in _wrapped(text.plain, width - _GAP))
    return shown, Text("\n").join(Text.assemble(" " * _GAP, line) for line in lines)


def _paragraphs(rows: Iterable[Sequence[Text]], width: int) -> Text:
    """Account and product on a line of their own, all else below them, with its name."""
    indent = max(len(name) for name in _COLUMNS[2:]) + 2 * _GAP
    lines: list[Text] = []
    for account, product, *rest in rows:
        lines += map(Text, _wrapped(f"{account.plain}  {product.plain}", width))
        for name, cell in zip(_COLUMNS[2:], rest, strict=True):
            label = f"{'':{_GAP}}{name.lower()}".ljust(indent)
            for line in _wrapped(cell.plain, width - indent):
                lines.append(Text.assemble(label, (line, cell.style)))
                label = " " * indent
    return Text("\n").join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of so many columns, broken at spaces only; a longer word has a line for itself."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}"
        if lines == [""]:
            lines = [word]
        elif cell_len(longer.rstrip()) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def cells(row: Row) -> tuple[str, str, str, str, str]:
    """Account, product, status, billing and last poll in the words of the status page."""
    status = ", ".join([_text(row.status), *(note.text for note in row.notes)])
    last_poll = "answered" if row.poll_success else row.failure or "none yet"
    return _text(row.account_in_full), row.product_in_words, status, _text(row.billing) or "-", last_poll


def _cells(row: Row) -> list[Text]:
    """The same as they are printed, the status in the colour of the worst that is said."""
    shown = [Text(_printable(cell)) for cell in cells(row)]
    shown[_STATUS].style = _STYLES[row.worst_severity]
    return shown


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


@contextmanager
def live_display(stream: TextIO) -> Iterator[Callable[[Callable[[int], Iterable[str]]], None]]:
    """A function that shows a text on the terminal in place of the one before; the last one stays there.

    It gets a function from the number of columns to texts, shorter and shorter, and shows the first that fits.
    """
    console = Console(file=stream, markup=False, highlight=False, emoji=False)

    def draw(texts: Callable[[int], Iterable[str]]) -> None:
        shown = Text()
        for shown in map(Text, texts(console.width)):
            if len(console.render_lines(shown)) <= console.height:
                break
        live.update(shown, refresh=True)

    live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    live.start()
    try:
        yield draw
    finally:
        if select.select((), (stream,), (), 0)[1]:  # a terminal that is not read would hold up the end
            live.stop()


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
