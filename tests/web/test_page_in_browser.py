"""The status page in a real browser, driven as a person would."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.core.model import Failure, FailureReason
from exporter.probes.view import Fragment, Note, Severity
from exporter.web.status_page import StatusPage
from tests.report.records import ACTIVE, EVERYTHING, TIMEOUT, UNPAID, changing, record, report, service
from tests.waiting import PATIENCE_S
from tests.web.browser import ENGLISH, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exporter.core.model import ProbeKey
    from exporter.core.store import ProbeRecord
    from exporter.report.report import Report
    from exporter.web.server import WebServer
    from tests.web.browser import Browser, Page

NAMES = "[...document.querySelectorAll('tbody th')].map((cell) => cell.querySelector('bdi').textContent).join(' ')"
TROUBLE = "document.querySelector('#trouble:not([hidden])')?.textContent ?? null"
FOCUS = "document.activeElement.id"
COUNTS = """Object.fromEntries(
  [...document.querySelectorAll('.alarms a')].map((link) => [link.id, Number(link.querySelector('b').textContent)])
)"""
# Where the lines of each cell begin: its text is in boxes, of which several may stand in one line.
LINES = """[...document.querySelectorAll('tbody th, tbody td')].map((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  const lines = new Map();
  for (const box of range.getClientRects()) {
    const line = Math.round(box.bottom / 10);
    lines.set(line, Math.min(lines.get(line) ?? Infinity, Math.round(box.left)));
  }
  return [...lines.values()];
})"""
LONG = "an-account-whose-name-is-as-long-as-a-name-may-be-in-a-directory"
HOSTILE = '<img src=x onerror="window.harm=1">\'"&amp;\n\u202eacme\u2066</table><script>window.harm=1</script>'

DOCS = "http://127.0.0.1/docs"
CHINESE = "zh-CN,zh;q=0.9,en;q=0.8"
LOCK = record(UNPAID)
FINE = {service("fine"): record(ACTIVE)}
LOCKED = {service("locked-out"): LOCK}
BUSY = {service("busy"): record(changing(in_s=60))}


class Fleet:
    """What the page shows, to be changed by a test."""

    def __init__(self, records: Mapping[ProbeKey, ProbeRecord]) -> None:
        self.report: Report = report(records)
        self.answers = threading.Event()
        """Cleared: nothing is answered for now."""
        self.answers.set()

    def status(self) -> StatusPage:
        """The page of now."""
        assert self.answers.wait(PATIENCE_S)
        return StatusPage("1.2.3", "/metrics", self.report, ready=True, documentation_url=DOCS)


def talkative() -> Fleet:
    """All that can be shown, an account with a long name, and a note with many names that are long."""
    fleet = Fleet({**EVERYTHING, service(LONG): record(ACTIVE, TIMEOUT)})
    names = ", ".join(f"{LONG}-{number}.example.com" for number in range(20))
    note = Note(Severity.SERIOUS, "domains offline: {count}{names}", {"count": 20, "names": f" ({names})"})
    first, *others = fleet.report.rows
    fleet.report = replace(fleet.report, rows=(replace(first, notes=(note, *first.notes)), *others))
    return fleet


@pytest.fixture
def visit(browser: Browser, serve: Callable[..., WebServer]) -> Iterator[Callable[..., Page]]:
    """Opens the page of some rows; in the end, none has complained."""
    pages: list[Page] = []

    def visited(fleet: Fleet, query: str = "", reader: Reader = ENGLISH) -> Page:
        pages.append(browser.open(f"http://{serve(status=fleet.status).address}/{query}", reader))
        return pages[-1]

    yield visited
    assert [page.close() for page in pages] == [[]] * len(pages)


def test_hostile_names_are_text(visit: Callable[..., Page]) -> None:
    """Markup, quotes, newlines and marks of direction in what others have named are read, and do nothing."""
    fleet = Fleet({service(HOSTILE): record(ACTIVE, Failure(FailureReason.REJECTED, HOSTILE))})
    (row,) = fleet.report.rows
    status = (Fragment("locked"), Fragment(f"({HOSTILE})", foreign=True))  # no state has such a lock reason
    fleet.report = replace(fleet.report, rows=(replace(row, status=status),))
    page = visit(fleet)
    assert page.see("document.querySelector('tbody th').textContent") == HOSTILE
    assert page.see("document.querySelector('tbody td:last-child').textContent") == f"rejected: {HOSTILE}"
    assert f"({HOSTILE})" in page.see("document.querySelector('[data-label=Status]').textContent")
    assert page.see("[typeof window.harm, document.querySelectorAll('tbody tr').length]") == ["undefined", 1]


def test_typing_filters(visit: Callable[..., Page]) -> None:
    """The table follows what is typed, and so does the address; the focus stays in the box."""
    page = visit(Fleet(FINE | LOCKED | BUSY))
    page.see("document.getElementById('filter').focus()")
    page.type("financial")
    page.wait_until(f"{NAMES} === 'locked-out'")
    assert page.see(f"[{FOCUS}, location.search]") == ["filter", "?filter=financial"]


@pytest.mark.parametrize("languages", [ENGLISH.languages, CHINESE])
def test_a_click_on_a_count_lists_what_it_counts(visit: Callable[..., Page], languages: str) -> None:
    """As many rows as it says, also where an account that is well has its words in its name; typing finds in them."""
    page = visit(Fleet({**EVERYTHING, **LOCKED, **FINE}), reader=Reader(languages))
    counts = page.see(COUNTS)
    listed = {}
    for count in counts:
        page.see(f"document.getElementById('{count}').click()")
        page.wait_until(f"document.querySelector('[aria-current]')?.id === '{count}'")
        listed[count] = page.see("document.querySelectorAll('tbody tr:not(.below)').length")
    assert listed == counts
    page.see("document.getElementById('look-locked').click(); document.getElementById('filter').focus()")
    page.wait_until("document.querySelector('[aria-current]')?.id === 'look-locked'")
    page.type("locked-out")
    page.wait_until(f"{NAMES} === 'locked-out'")
    assert page.see("location.search") == "?alarm=locked&filter=locked-out"


def test_sorting_by_keyboard(visit: Callable[..., Page]) -> None:
    """Enter on the head of a column sorts by it and leaves the focus there; Back undoes it."""
    page = visit(Fleet(FINE | LOCKED | BUSY))
    assert page.see(NAMES) == "locked-out busy fine"
    page.see("document.getElementById('by-account').focus()")
    page.press("Enter", 13, "\r")
    page.wait_until(f"{NAMES} === 'busy fine locked-out'")
    assert page.see(f"[{FOCUS}, location.search]") == ["by-account", "?sort=account"]
    page.see("history.back()")
    page.wait_until(f"{NAMES} === 'locked-out busy fine'")


@pytest.mark.parametrize("focused", ["look-locked", "by-age", "filter"])
def test_refreshing_keeps_the_focus(visit: Callable[..., Page], focused: str) -> None:
    """What the exporter learns shows without a reload, and takes the focus from nobody."""
    fleet = Fleet(FINE)
    page = visit(fleet)
    page.see(f"window.before = 1; document.getElementById('{focused}').focus()")
    fleet.report = report({service("fine"): LOCK})
    page.see("window.repeat()")
    page.wait_until("document.querySelector('tbody .status').textContent === 'locked (financial)'")
    assert page.see(f"[{FOCUS}, window.before]") == [focused, 1]


def test_the_focus_has_a_place_when_its_own_goes(visit: Callable[..., Page]) -> None:
    """After a link that takes itself away, the keyboard goes on from the table, not from the top of the page."""
    page = visit(Fleet(FINE | LOCKED), "?filter=financial")
    page.see("document.getElementById('all').focus()")
    page.press("Enter", 13, "\r")
    page.wait_until(f"{NAMES} === 'locked-out fine'")
    assert page.see(FOCUS) == "status"


def test_an_exporter_that_hangs(visit: Callable[..., Page]) -> None:
    """What is shown is called old when the exporter accepts and does not answer, until it does."""
    fleet = Fleet(FINE)
    page = visit(fleet)
    fleet.answers.clear()
    try:
        page.see("window.repeat()")
        assert page.see(TROUBLE) is None
        page.see("window.repeat()")
        assert page.see(TROUBLE) == "The exporter does not answer: this is what it said last."
    finally:
        fleet.answers.set()
    page.wait_until(f"({TROUBLE}) === null")


def test_a_page_that_is_shown_again_is_up_to_date(visit: Callable[..., Page]) -> None:
    """A tab that was out of sight is made new at once, not at the next refresh."""
    fleet = Fleet(FINE)
    page = visit(fleet)
    fleet.report = report(LOCKED)
    page.see("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_until(f"{NAMES} === 'locked-out'")


def test_a_link_to_a_runbook_leaves_the_page(visit: Callable[..., Page]) -> None:
    """The script follows links within the page and no other."""
    page = visit(Fleet(LOCKED))
    page.see(
        "addEventListener('click', (event) => { window.kept = event.defaultPrevented; event.preventDefault(); })"
    )
    page.see("document.querySelector('tbody a').click()")
    assert page.see("[document.querySelector('tbody a').href, window.kept, location.search]") == [
        f"{DOCS}/runbooks/DcdnServiceLockedFinancial.md",
        False,
        "",
    ]


def test_a_chinese_page_stays_chinese(visit: Callable[..., Page]) -> None:
    """What the script asks for comes in the language of the browser, too, and a filter finds its words."""
    page = visit(Fleet(FINE | LOCKED), reader=Reader(CHINESE))
    assert page.see("[document.documentElement.lang, document.querySelector('button').textContent]") == [
        "zh-CN",
        "\u663e\u793a",
    ]
    page.see("document.getElementById('filter').focus()")
    page.type("\u4e1a\u52a1\u9501\u5b9a")
    page.wait_until(f"{NAMES} === 'locked-out'")
    assert page.see("document.querySelector('tbody .status').textContent") == (
        "\u4e1a\u52a1\u9501\u5b9a\uff08\u6b20\u8d39 financial\uff09"
    )


@pytest.mark.parametrize("languages", [ENGLISH.languages, CHINESE])
@pytest.mark.parametrize("width", [320, 390, 1280, 2200])
def test_nothing_is_wider_than_the_window(visit: Callable[..., Page], width: int, languages: str) -> None:
    """No line has to be scrolled sideways, also with long names."""
    page = visit(talkative(), reader=Reader(languages, width))
    assert page.see("[innerWidth, document.documentElement.scrollWidth <= innerWidth]") == [width, True]


@pytest.mark.parametrize("languages", [ENGLISH.languages, CHINESE])
def test_long_notes_are_as_wide_as_the_table(visit: Callable[..., Page], languages: str) -> None:
    """They make no column narrow, and nothing is drawn between them and the row that they belong to."""
    page = visit(talkative(), reader=Reader(languages, 1280))
    widths = page.see("[...document.querySelectorAll('.below td')].map((cell) => cell.clientWidth)")
    assert len(widths) > 1
    assert set(widths) == {page.see("document.querySelector('table').clientWidth")}
    assert page.see("getComputedStyle(document.querySelector('.above td')).borderBottomWidth") == "0px"


@pytest.mark.parametrize("languages", [ENGLISH.languages, CHINESE])
@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_every_line_of_a_value_stands_beside_its_label(
    visit: Callable[..., Page], width: int, languages: str
) -> None:
    """A value of several lines has none below the label."""
    page = visit(talkative(), reader=Reader(languages, width))
    cells = page.see(LINES)
    assert max(len(lines) for lines in cells) > 2
    assert {left for lines in cells for left in lines} == {cells[0][0]}
    assert cells[0][0] > width / 4
