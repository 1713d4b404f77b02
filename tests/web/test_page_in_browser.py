"""The status page in a real browser, driven as a person would."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.core.model import Failure, FailureReason
from exporter.probes.kind import Fragment
from exporter.web.status_page import StatusPage
from tests.report.records import ACTIVE, UNPAID, changing, record, report, service
from tests.waiting import PATIENCE_S

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
HOSTILE = '<img src=x onerror="window.harm=1">\'"&amp;\n\u202eacme\u2066</table><script>window.harm=1</script>'

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
        return StatusPage(version="1.2.3", telemetry_path="/metrics", report=self.report, ready=True)


@pytest.fixture
def visit(browser: Browser, serve: Callable[..., WebServer]) -> Iterator[Callable[..., Page]]:
    """Opens the page of some rows; in the end, none has complained."""
    pages: list[Page] = []

    def visited(fleet: Fleet, query: str = "") -> Page:
        pages.append(browser.open(f"http://{serve(status=fleet.status).address}/{query}"))
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
    page.wait_until("document.querySelector('tbody .status').textContent === 'locked'")
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


def test_whoever_comes_back_sees_what_is(visit: Callable[..., Page]) -> None:
    """A tab that was out of sight is made new at once, not at the next refresh."""
    fleet = Fleet(FINE)
    page = visit(fleet)
    fleet.report = report(LOCKED)
    page.see("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_until(f"{NAMES} === 'locked-out'")
