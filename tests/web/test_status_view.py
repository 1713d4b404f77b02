"""Which rows the status page shows, and in which order."""

import re

import pytest
from markupsafe import escape

from exporter.core.model import Failure, FailureReason
from exporter.core.store import ProbeRecord
from exporter.probes.balance import Balance
from exporter.probes.debt_status import DebtState
from exporter.probes.service_state import NOT_ACTIVATED
from exporter.report.report import build_report
from exporter.web.status_page import ROWS_SHOWN, View, rows_in_view, view_of
from tests.certificates import CERTIFICATES, Certificate
from tests.records import stale_after
from tests.report.records import (
    ACTIVE,
    EVERYTHING,
    LOCKED,
    NOW,
    UNPAID,
    balance,
    changing,
    debts,
    record,
    report,
    service,
)
from tests.web.status_html import TEXTS, Records, alarms, cells, html_of, page_of

ENGLISH = TEXTS["en"]


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        pytest.param(ROWS_SHOWN, None, id="all-fit"),
        pytest.param(ROWS_SHOWN + 1, "1 more row is not shown; /metrics has them all.", id="one-too-many"),
        pytest.param(ROWS_SHOWN + 300, "300 more rows are not shown; /metrics has them all.", id="many-too-many"),
    ],
)
def test_row_limit(count: int, sentence: str | None) -> None:
    """The page shows 200 rows at most, and the worst of all are among them."""
    fine = {service(f"account-{number:04}"): record(ACTIVE) for number in range(count - 1)}
    html = html_of({**fine, service("zulu"): record(LOCKED)})
    assert len(cells(html)) == min(count, ROWS_SHOWN)
    assert cells(html)[0][0] == "zulu"
    assert (sentence or "") in html
    assert ("not shown" in html) == (sentence is not None)
    assert f"{count} rows, each by its worst state: 1 locked, {count - 1} active." in html


FLEET = {
    service("alpha", "cdn"): record(ACTIVE, age_s=5),
    service("Beta"): record(changing(in_s=900), age_s=7),
    service("gamma"): record(UNPAID, age_s=6),
    service("delta"): record(changing(in_s=60), age_s=4),
    service("omega"): record(Failure(FailureReason.PERMISSION, "NoPermission")),
    service("sigma", "dcdn"): record(NOT_ACTIVATED, age_s=12),
    debts("sigma", "dcdn"): record(DebtState(in_debt_overdue=True), age_s=12),
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, "gamma sigma omega Beta delta alpha", id="worst first"),
        pytest.param({"filter": "LOCKED"}, "gamma", id="by a word of the counts"),
        pytest.param({"filter": "changing"}, "Beta delta", id="by another word of the counts"),
        pytest.param({"alarm": "changing"}, "Beta delta", id="by a count"),
        pytest.param({"alarm": "unavailable"}, "", id="by a count of none"),
        pytest.param({"alarm": "changing", "filter": "delta"}, "delta", id="by a count and words"),
        pytest.param({"alarm": "LOCKED"}, "gamma sigma omega Beta delta alpha", id="no such count"),
        pytest.param({"filter": "failing"}, "omega", id="failing"),
        pytest.param({"filter": "nopermission"}, "omega", id="by the error"),
        pytest.param({"filter": " financial  gam "}, "gamma", id="all words"),
        pytest.param({"filter": "not activated"}, "sigma", id="as shown"),
        pytest.param({"filter": "not_activated"}, "sigma", id="as in the metrics"),
        pytest.param({"filter": "gamma cdn-of-another"}, "", id="nothing"),
        pytest.param({"filter": "<b>"}, "", id="markup"),
        pytest.param({"sort": "account"}, "alpha Beta delta gamma omega sigma", id="accounts"),
        pytest.param({"sort": "product"}, "alpha sigma gamma omega Beta delta", id="products"),
        pytest.param({"sort": "change"}, "delta Beta gamma sigma omega alpha", id="soonest change"),
        pytest.param({"sort": "age"}, "omega sigma Beta gamma alpha delta", id="oldest answer"),
        pytest.param({"sort": "age", "filter": "changing"}, "Beta delta", id="both"),
        pytest.param({"sort": "price; DROP"}, "gamma sigma omega Beta delta alpha", id="no such order"),
        pytest.param({"filter": "x" * 10_000}, "", id="long"),
    ],
)
def test_view(query: dict[str, str], expected: str) -> None:
    """The address says which rows are shown and in which order; what makes no sense in it is not asked for."""
    shown = report(FLEET)
    assert " ".join(row.account for row in rows_in_view(shown, view_of(query, shown), ENGLISH)) == expected


@pytest.mark.parametrize("words", ["1883927335936173", "927335", "video & live"])
def test_accounts_are_found_by_id_and_name(words: str) -> None:
    """An alert, a bill or a colleague may name no other."""
    records = {service(account): record(ACTIVE) for account in ("fine", "200001", "other")}
    rows = rows_in_view(report(records), View(filter=words), ENGLISH)

    assert [row.account for row in rows] == ["200001" if "video" in words else "fine"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param("业务锁定", "gamma", id="a status"),
        pytest.param("欠费超期", "sigma", id="a note"),
        pytest.param("权限不足", "omega", id="a failure"),
        pytest.param("计费待变更", "Beta delta", id="a count"),
        pytest.param("业务锁定 欠费", "gamma", id="a lock reason"),
        pytest.param("带宽", "Beta delta", id="a charge type"),
        pytest.param("financial", "gamma", id="a lock reason of the API"),
        pytest.param("locked", "gamma", id="in English, as in the metrics"),
    ],
)
def test_a_filter_finds_what_a_page_in_chinese_shows(words: str, found: str) -> None:
    """And what a link or a colleague says in English."""
    rows = rows_in_view(report(FLEET), View(filter=words), TEXTS["zh"])

    assert " ".join(row.account for row in rows) == found


@pytest.mark.parametrize("language", TEXTS)
def test_a_filter_finds_each_status_as_it_is_shown(language: str) -> None:
    """A status that is copied from the page into the filter leaves its row in view."""
    shown, texts = report(EVERYTHING), TEXTS[language]
    for row in shown.rows:
        said = "".join(piece for part in row.status for piece, _ in texts.said(part))
        assert row in rows_in_view(shown, View(filter=said), texts), said


def test_the_chinese_words_of_a_debt_and_of_a_plan_differ() -> None:
    """A filter with the word of a count finds the rows that it counts."""
    shown, texts = report(EVERYTHING), TEXTS["zh"]
    for alarm in ("locked", "overdue", "with stopped plans", "ended", "changing"):
        found = rows_in_view(shown, View(filter=texts.of(alarm)), texts)
        assert found == [row for row in shown.rows if alarm in row.alarms], alarm
        assert found, alarm


@pytest.mark.parametrize("words", ["balance", "bss"])
def test_a_balance_is_found_by_either_name(words: str) -> None:
    """That of the page, and that of the metrics."""
    records = {service("a"): record(ACTIVE), balance("b"): record(Balance(1.0, "CNY"))}

    assert [row.account for row in rows_in_view(report(records), View(filter=words), ENGLISH)] == ["b"]


def test_a_change_without_a_moment() -> None:
    """It stands behind those whose moment is known, and before what is not changing, however bad that is."""
    records = {
        service("locked-out"): record(LOCKED),
        service("some-day"): record(changing(in_s=None)),
        service("soon"): record(changing(in_s=60)),
    }
    rows = rows_in_view(report(records), View(order="change"), ENGLISH)
    assert [row.account for row in rows] == ["soon", "some-day", "locked-out"]


def test_no_such_order() -> None:
    """A view that cannot be shown cannot exist."""
    with pytest.raises(ValueError, match="order must be one of"):
        View(order="price")


def test_counts_are_those_of_all_rows() -> None:
    """A filter changes the table, and neither the counts above it nor what they count."""
    for view in (View(), View(filter="gamma"), View(filter="nothing of that name"), View(alarm="locked")):
        counts = alarms(html_of(FLEET, view))
        assert counts == {"locked": "1", "overdue": "1", "unavailable": "0", "changing": "2", "failing": "1"}


# The names of accounts that are well hold the words of the counts in every language.
NAMED_ALIKE: Records = {
    service(f"{name} {texts.of(name)}"): record(ACTIVE)
    for texts in TEXTS.values()
    for name in (alarm.replace("_", " ") for alarm in report(EVERYTHING).alarms())
}
MANY: Records = {
    service(f"{name}-{number}"): state
    for name, state, count in (("one", record(UNPAID), 300), ("locked", record(ACTIVE), 9_700))
    for number in range(count)
}


@pytest.mark.parametrize("records", [{**EVERYTHING, **NAMED_ALIKE}, MANY], ids=["everything", "10,000 rows"])
@pytest.mark.parametrize("language", TEXTS)
def test_a_count_leads_to_the_rows_that_it_counts(records: Records, language: str) -> None:
    """As many as it says, those included that the page has no room for, and no other, whatever they are called."""
    shown = report(records)
    counts = {alarm: int(count) for alarm, count in alarms(page_of(shown, language=language)).items()}
    listed = {}
    for alarm in counts:
        html = page_of(shown, view_of({"alarm": alarm}, shown), language=language)
        left_out = re.search(r"(\d+) (?:more rows are not shown|\u884c\u672a\u663e\u793a)", html)
        listed[alarm] = len(cells(html)) + (int(left_out[1]) if left_out else 0)

    assert listed == counts
    assert max(counts.values()) > 1


def test_a_count_is_marked_while_its_rows_are_shown() -> None:
    """The caption says what they are, and orders and the box of the filter keep to them."""
    html = html_of(FLEET, View(alarm="changing", order="age"))
    (marked,) = re.findall(r'<a id="([^"]*)"[^>]* aria-current="true">', html)

    assert marked == "look-changing"
    assert "2 rows: changing &middot; <a" in html
    assert 'href="?sort=account&amp;alarm=changing"' in html
    assert '<input type="hidden" name="alarm" value="changing">' in html
    assert "0 rows: unavailable. <a" in html_of(FLEET, View(alarm="unavailable"))
    assert "1 row with <bdi>delta</bdi>: changing" in html_of(FLEET, View(alarm="changing", filter="delta"))


def test_counts_are_in_the_order_of_the_rows() -> None:
    """The worst first, where a service whose billing changes comes before one that is not activated."""
    html = html_of({service("a"): record(changing(in_s=60)), service("b"): record(NOT_ACTIVATED)})

    assert "2 rows, each by its worst state: 1 active, 1 not activated." in html


def test_a_filter_finds_the_chinese_name_of_a_product() -> None:
    """Where the page is in Chinese; its table has the product's name of the API."""
    shown = report({service("a"): record(ACTIVE)})
    product = shown.rows[0].product
    name = TEXTS["zh"].products[product]

    assert len(rows_in_view(shown, View(filter=name), TEXTS["zh"])) == 1
    assert rows_in_view(shown, View(filter=name), ENGLISH) == []


def test_a_missing_billing_method_is_no_word() -> None:
    """The dash in its place is ours, so that no filter finds it."""
    assert cells(html_of({service("a"): record(NOT_ACTIVATED)}, View(filter="-"))) == []


def test_a_filter_finds_what_is_not_shown() -> None:
    """Rows are filtered before the page is cut to size."""
    of_all = record(ACTIVE)
    html = html_of({service(f"account-{number:05}"): of_all for number in range(10_000)}, View(filter="09999"))
    assert [cell[0] for cell in cells(html)] == ["account-09999"]


def test_a_filter_finds_a_row_by_each_condition() -> None:
    """By the words of the counts in either spelling, also where they are no state of the service."""
    shown = report(EVERYTHING)
    for row in shown.rows:
        for condition in row.conditions:
            assert row in rows_in_view(shown, View(filter=condition.word), ENGLISH)
            assert row in rows_in_view(shown, View(filter=condition.word.replace("_", " ")), ENGLISH)
            assert row in rows_in_view(shown, View(filter=condition.of_rows), ENGLISH)


def test_hostile_filter() -> None:
    """What is in the filter is text wherever it is shown, and keeps its meaning in the links."""
    hostile = '"><script>&sort=age'
    html = html_of(FLEET, View(filter=hostile))
    assert "<script>" not in html
    assert f'value="{escape(hostile)}"' in html
    both = html_of(FLEET, View(filter="a&b a", order="age"))
    assert 'name="sort" value="age"' in both
    only = html_of(FLEET, View(filter="a", order="age"))
    assert 'href="?sort=account&amp;filter=a"' in only


@pytest.mark.parametrize(
    ("view", "found"),
    [
        pytest.param(View(), "b d a c", id="worst first"),
        pytest.param(View(filter="broken"), "b", id="its alarm"),
        pytest.param(View(filter="weak_key"), "b", id="a condition that is not the worst"),
        pytest.param(View(filter="1,024"), "b", id="its note"),
        pytest.param(View(filter="ending"), "a", id="its condition"),
        pytest.param(View(filter="c.exam"), "c", id="what others have named"),
        pytest.param(View(filter="free"), "", id="words of the page"),
        pytest.param(View(filter="esa"), "b d a c", id="its product"),
        pytest.param(View(filter="waiting"), "d", id="nothing known yet"),
        pytest.param(View(order="change"), "a b d c", id="what is ahead"),
    ],
)
def test_a_kind_of_probe_that_is_none_of_ours(view: View, found: str) -> None:
    """What it says of its states is what a filter finds, and what orders go by."""
    records = {
        CERTIFICATES.key("a"): record((Certificate("a.example", ends_at=NOW + 90),)),
        CERTIFICATES.key("b"): record((Certificate("b.example", revoked=True, weak_key=True),)),
        CERTIFICATES.key("c"): record((Certificate("c.example"),)),
        CERTIFICATES.key("d"): ProbeRecord(),
    }
    shown = build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=(CERTIFICATES,))

    assert " ".join(row.account for row in rows_in_view(shown, view, ENGLISH)) == found
