"""The journal keeps what arrived, in order."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import Journal, JournalEntry


def entry(at_s: float, *, action: str = "Do", account_id: str = "1") -> JournalEntry:
    """Return a request that arrived at that moment."""
    return JournalEntry(
        at_s=at_s,
        at_unix=1_800_000_000.0 + at_s,
        action=action,
        account_id=account_id,
        access_key_id="LTAI5t",
        method="POST",
        http_status=200,
        code=None,
        request_id="ID",
        fault=None,
        connection=1,
    )


def test_the_oldest_go_and_are_still_counted() -> None:
    """The journal holds the last requests and knows how many there were."""
    journal = Journal(capacity=2)
    for at_s in (1.0, 2.0, 3.0):
        journal.append(entry(at_s))
    assert [kept.at_s for kept in journal.entries()] == [2.0, 3.0]
    assert journal.total == 3


def test_entries_are_found_by_operation_and_account() -> None:
    """Either, both or none narrow what is returned."""
    journal = Journal()
    rows = [entry(1.0), entry(2.0, action="Undo"), entry(3.0, account_id="2")]
    for row in rows:
        journal.append(row)
    assert journal.entries() == tuple(rows)
    assert journal.entries(action="Undo") == (rows[1],)
    assert journal.entries(account_id="2") == (rows[2],)
    assert journal.entries(action="Do", account_id="1") == (rows[0],)


def test_the_busiest_window_is_wherever_it_is() -> None:
    """A window begins anywhere, and calls one window apart are not in one."""
    journal = Journal()
    for at_s in (0.0, 0.5, 1.0, 1.25, 1.49, 1.5, 9.0):
        journal.append(entry(at_s))
    assert journal.busiest_window() == 4
    assert journal.busiest_window(0.2) == 2
    assert journal.busiest_window(account_id="2") == 0


@given(st.lists(st.integers(0, 5000), max_size=40).map(sorted), st.integers(1, 2000))
def test_the_busiest_window_is_what_counting_each_window_gives(arrivals: list[int], window: int) -> None:
    """The most calls are found as if every window had been counted on its own."""
    journal = Journal()
    for at in arrivals:
        journal.append(entry(at))
    counted = max((sum(begin <= at < begin + window for at in arrivals) for begin in arrivals), default=0)
    assert journal.busiest_window(window) == counted


def test_a_wait_ends_with_the_request_it_waits_for() -> None:
    """A wait for a number of requests ends as soon as they are there, or at its deadline."""
    journal = Journal()
    assert not journal.wait_for_total(1, timeout_s=0.01)
    writer = threading.Thread(target=journal.append, args=(entry(1.0),))
    writer.start()
    assert journal.wait_for_total(1, timeout_s=10)
    writer.join()
