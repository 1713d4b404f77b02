"""What stands on a terminal while polls run; the table has its tests beside the report."""

import io

from exporter.report.terminal import above_bar, progress_bar


def test_no_bar_writes_nothing() -> None:
    """Where it is not to be shown, it still takes what it is told."""
    stream = io.StringIO()
    with progress_bar(stream, 2, shown=False) as done:
        done("first")
        done("second")

    assert stream.getvalue() == ""


def test_a_line_takes_the_place_of_the_bar() -> None:
    """What the bar has drawn on the current line is wiped before the line is written."""
    stream = io.StringIO()
    above_bar(stream).write("a line of the log\n")

    assert stream.getvalue() == "\r\x1b[2Ka line of the log\n"
