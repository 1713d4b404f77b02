"""What stands on a terminal: the table, and what is there while polls run."""

import io
from collections.abc import Callable
from itertools import pairwise

import pytest
from rich.cells import cell_len

from exporter.core.model import Failure, FailureReason
from exporter.report.report import build_report
from exporter.report.terminal import above_bar, cells, draw_table, progress_bar
from tests.certificates import CERTIFICATES, Certificate
from tests.records import stale_after
from tests.report.records import ACTIVE, EVERYTHING, NOW, record, report, service


def test_the_table(golden: Callable[[str, bytes], bytes]) -> None:
    """The worst first, in one line each where no terminal limits it, and a line that sums it up."""
    text = draw_table(report(EVERYTHING), width=None, color=False) + "\n"

    assert text.encode() == golden("status.txt", text.encode())


def test_the_table_on_a_terminal(golden: Callable[[str, bytes], bytes]) -> None:
    """Lines are broken between words; what is wrong has a colour."""
    text = draw_table(report(EVERYTHING), width=100, color=True) + "\n"

    assert text.encode() == golden("status_terminal.txt", text.encode())


def test_the_report_on_a_narrow_terminal(golden: Callable[[str, bytes], bytes]) -> None:
    """Where a table would break names, each service is a paragraph."""
    text = draw_table(report(EVERYTHING), width=50, color=True) + "\n"

    assert text.encode() == golden("status_narrow.txt", text.encode())


@pytest.mark.parametrize("width", range(20, 180, 7))
def test_a_terminal_breaks_no_word(width: int) -> None:
    """At any width, all words are whole, and only a longer word makes a line that does not fit."""
    whole = draw_table(report(EVERYTHING), width=None, color=False).split()[6:]
    text = draw_table(report(EVERYTHING), width=width, color=False)

    assert words(whole) <= words(text.split())
    assert [line for line in text.splitlines() if len(line) > width and len(line.split()) > 3] == []


def words(text: list[str]) -> set[str]:
    """Without the commas behind them: a note may begin a line of its own."""
    return {word.rstrip(",") for word in text}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_long_texts_use_the_whole_line(width: int) -> None:
    """Notes and failures that are long for a cell stand below their row, in as few lines as they need."""
    shown = report({key: each for key, each in EVERYTHING.items() if key.account in ("stocked", "forbidden")})
    lines = draw_table(shown, width=width, color=False).splitlines()
    stocked, forbidden = shown.rows
    assert stocked.account == "stocked"
    head, *rest = (number for number, line in enumerate(lines) if line and not line.startswith(" "))
    notes, failure = lines[rest[0] + 1 : rest[1]], lines[rest[1] + 1 : lines.index("")]

    assert head == 0
    assert " ".join(line.strip() for line in notes) == ", ".join(note.text for note in stocked.notes)
    assert " ".join(line.strip() for line in failure).endswith(str(forbidden.failure))
    assert lines[rest[0]].split() == ["stocked", "dcdn", "active", "PayByTraffic", "answered"]
    assert lines[rest[1]].endswith("failed")
    for line, following in pairwise(notes):
        assert len(line) <= width < len(line) + 1 + len(following.split()[0])


def test_short_notes_stay_beside_their_status() -> None:
    """Also where other rows have long ones."""
    text = draw_table(report(EVERYTHING), width=120, color=False)

    assert "overdue (shop, 200002)   dcdn_ipa  active, overdue  " in text


def test_wide_characters_have_two_columns() -> None:
    """A terminal would break a line that seems to fit."""
    failure = Failure(FailureReason.REJECTED, "账户 已经 欠费 请您 及时 充值 " * 2)
    text = draw_table(report({service("a"): record(failure)}), width=40, color=False)

    lines = [line for line in text.splitlines() if "欠费" in line]
    assert len(lines) == 2
    assert all(cell_len(line) <= 40 for line in lines)


@pytest.mark.parametrize("width", [None, 44])
def test_the_table_never_cuts(width: int | None) -> None:
    """However narrow a terminal, and however long a value in a pipe, every character of it is shown."""
    name = "".join(chr(ord("a") + number % 26) for number in range(300))
    text = draw_table(report({service(name): record(ACTIVE)}), width=width, color=False)

    assert name in text
    assert "\x1b" not in text
    assert "…" not in text


def test_a_hostile_text_moves_no_cursor() -> None:
    """Escape sequences, line breaks and marks of direction that the API sent are shown as what cannot be shown."""
    failure = Failure(FailureReason.REJECTED, "a\x1b[2Jb\nc\u202ed\ud800[red]e[/red]")
    text = draw_table(report({service("a"): record(failure)}), width=None, color=False)

    assert "rejected: a\ufffd[2Jb\ufffdc\ufffdd\ufffd[red]e[/red]" in text.splitlines()[1]


def test_a_kind_of_probe_that_is_none_of_ours() -> None:
    """Its cells are shown as it says, in the colour of how bad the worst of them is."""
    key = CERTIFICATES.key("a")
    records = {key: record((Certificate("a.example", ends_at=NOW + 90, weak_key=True),))}
    seen = build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=(CERTIFICATES,))

    status = "certificate of a.example, 1,024 bits, ending"
    assert cells(seen.rows[0]) == ("a", "esa", status, "free", "answered")
    assert f"\x1b[33m{status}" in draw_table(seen, width=None, color=True)


def test_no_bar_writes_nothing() -> None:
    """Where it is not to be shown, its methods can still be called."""
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
