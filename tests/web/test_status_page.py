import math
import re
from typing import Any

import pytest
from jinja2 import UndefinedError
from markupsafe import escape

from exporter.report.row import StatusRow, in_words, worst_first
from exporter.web.status_page import ROWS_SHOWN, StatusPage, View, build_environment, render, rows_in_view, view_of


def a_row(**changes: Any) -> StatusRow:
    fine: dict[str, Any] = {
        "account": "prod",
        "product": "dcdn_ipa",
        "status": "active",
        "lock_reasons": (),
        "charge_type": "PayByTraffic",
        "next_charge_type": None,
        "changes_in_s": None,
        "age_s": 12.3,
        "poll_success": True,
        "failure": None,
    }
    return StatusRow(**{**fine, **changes})


def html_of(*rows: StatusRow, **changes: Any) -> str:
    page: dict[str, Any] = {"version": "1.2.3", "telemetry_path": "/metrics", "accounts": rows, "ready": True}
    return render(StatusPage(**{**page, **changes}), build_environment())


def cells(html: str) -> list[list[str]]:
    """The text of the table's body, cell by cell, with the markup taken out."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in body.split("</tr>")[:-1]
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(
            a_row(),
            ["prod", "dcdn_ipa", "active", "PayByTraffic", "12 s ago", "answered"],
            id="fine",
        ),
        pytest.param(
            a_row(status="locked", lock_reasons=("financial", "security")),
            ["prod", "dcdn_ipa", "locked (financial, security)", "PayByTraffic", "12 s ago", "answered"],
            id="locked",
        ),
        pytest.param(
            a_row(status="not_activated", charge_type=None),
            ["prod", "dcdn_ipa", "not activated", "-", "12 s ago", "answered"],
            id="not-activated",
        ),
        pytest.param(
            a_row(next_charge_type="PayByBandwidth", changes_in_s=93_784),
            [
                "prod",
                "dcdn_ipa",
                "active",
                "PayByTraffic → PayByBandwidth in 1 d 2 h",
                "12 s ago",
                "answered",
            ],
            id="change-ahead",
        ),
        pytest.param(
            a_row(next_charge_type="PayByBandwidth"),
            ["prod", "dcdn_ipa", "active", "PayByTraffic → PayByBandwidth", "12 s ago", "answered"],
            id="change-without-a-time",
        ),
        pytest.param(
            a_row(status=None, charge_type=None, age_s=None, poll_success=False),
            ["prod", "dcdn_ipa", "unknown", "-", "none yet", "none yet"],
            id="before-the-first-poll",
        ),
        pytest.param(
            a_row(age_s=4000, poll_success=False, failure="timeout: no answer within 10 s"),
            ["prod", "dcdn_ipa", "active", "PayByTraffic", "1 h 6 min ago", "timeout: no answer within 10 s"],
            id="failing",
        ),
        pytest.param(
            a_row(debts=("unavailable", "in_debt")),
            ["prod", "dcdn_ipa", "active, unavailable, in debt", "PayByTraffic", "12 s ago", "answered"],
            id="in-debt",
        ),
        pytest.param(
            a_row(status="locked", lock_reasons=("financial",), debts=("overdue",)),
            ["prod", "dcdn_ipa", "locked (financial), overdue", "PayByTraffic", "12 s ago", "answered"],
            id="locked-and-overdue",
        ),
        pytest.param(
            a_row(product="bss", status=None, charge_type=None, balance=1234567.891, currency="CNY"),
            ["prod", "bss", "in credit", "1,234,567.89 CNY", "12 s ago", "answered"],
            id="balance",
        ),
        pytest.param(
            a_row(product="bss", status=None, charge_type=None, balance=0.0, currency="USD"),
            ["prod", "bss", "spent", "0.00 USD", "12 s ago", "answered"],
            id="balance-that-is-spent",
        ),
    ],
)
def test_row(row: StatusRow, expected: list[str]) -> None:
    """A row says in words what is known of its product."""
    assert cells(html_of(row)) == [expected]


@pytest.mark.parametrize("field", ["account", "product", "charge_type", "next_charge_type", "failure"])
@pytest.mark.parametrize(
    ("hostile", "escaped"),
    [
        pytest.param("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;", id="markup"),
        pytest.param("\"' onload=alert(1)", "&#34;&#39; onload=alert(1)", id="quotes"),
        pytest.param("{{ 7 * 6 }}{% raw %}", "{{ 7 * 6 }}{% raw %}", id="template"),
        pytest.param("&lt;b&gt;", "&amp;lt;b&amp;gt;", id="entities"),
    ],
)
def test_hostile_name(field: str, hostile: str, escaped: str) -> None:
    """No name or message can be more than text on the page."""
    html = html_of(a_row(**{"poll_success": False, field: hostile}))
    assert escaped in html
    assert hostile == escaped or hostile not in html


def test_hostile_lock_reason() -> None:
    """A lock reason that the vendor invents is text, too."""
    html = html_of(a_row(status="locked", lock_reasons=("<b>",)))
    assert "(&lt;b&gt;)" in html


def test_hostile_currency() -> None:
    """So is a currency."""
    assert "<bdi>&lt;B&gt;</bdi>" in html_of(a_row(balance=1.0, currency="<B>"))


def test_hostile_telemetry_path() -> None:
    """The link to the metrics stays a path of this server, whatever the path is called."""
    html = html_of(telemetry_path='/javascript:alert(1)"><b>')
    assert 'href="./javascript:alert(1)&#34;&gt;&lt;b&gt;"' in html


def test_writing_direction() -> None:
    """A name that turns the writing direction turns only itself."""
    assert "<bdi>\u202eacme</bdi>" in html_of(a_row(account="\u202eacme"))


def test_links_and_version() -> None:
    """The page links to the metrics, the probes and the documents, its own relative, for proxies with a prefix."""
    html = html_of(telemetry_path="/probe/metrics")
    assert re.findall(r'href="([^"]*)"', html) == [
        "./static/icon.svg",
        "./static/status.css",
        "./probe/metrics",
        "./api/v1/status",
        "./-/healthy",
        "./-/ready",
        "https://dcdn-exporter.example/docs/",
        *(f"?filter={name}" for name in ("locked", "overdue", "changing", "failing")),
    ]
    assert "<small>1.2.3</small>" in html


def test_nothing_inline() -> None:
    """The page holds no script and no style of its own, as its Content-Security-Policy demands."""
    html = html_of(a_row(), a_row(status="locked", lock_reasons=("financial",)))
    assert re.findall(r"<script[^>]*>[^<]|<style|\sstyle=|\son\w+=", html) == []


def test_worst_first() -> None:
    """Locked comes first and fine last; equals stand in the order of their names."""
    rows = (
        a_row(account="b"),
        a_row(account="a", product="dcdn_ipa"),
        a_row(account="a", product="cdn"),
        a_row(account="z1", next_charge_type="PayByBandwidth"),
        a_row(account="z2", status="not_activated"),
        a_row(account="z3", status=None, poll_success=False, age_s=None),
        a_row(account="z4", poll_success=False, failure="server: 503"),
        a_row(account="z6", status="locked", poll_success=False, failure="server: 503"),
        a_row(account="z5", status="locked"),
        a_row(account="o1", debts=("overdue",), poll_success=False, failure="server: 503"),
        a_row(account="o2", debts=("unavailable", "in_debt")),
        a_row(account="o3", debts=("in_debt",)),
        a_row(account="o4", status=None, balance=-1.0, currency="CNY"),
        a_row(account="o5", status=None, balance=1.0, currency="CNY"),
        a_row(account="o6", status=None, balance=1.0, currency="CNY", poll_success=False, failure="server: 503"),
    )
    assert [(row.account, row.product) for row in worst_first(rows)] == [
        ("z5", "dcdn_ipa"),
        ("z6", "dcdn_ipa"),
        ("o1", "dcdn_ipa"),
        ("o2", "dcdn_ipa"),
        ("o6", "dcdn_ipa"),
        ("z4", "dcdn_ipa"),
        ("o3", "dcdn_ipa"),
        ("o4", "dcdn_ipa"),
        ("z3", "dcdn_ipa"),
        ("z1", "dcdn_ipa"),
        ("z2", "dcdn_ipa"),
        ("a", "cdn"),
        ("a", "dcdn_ipa"),
        ("b", "dcdn_ipa"),
        ("o5", "dcdn_ipa"),
    ]


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
    fine = [a_row(account=f"account-{number:04}") for number in range(count - 1)]
    html = html_of(*fine, a_row(account="zulu", status="locked"))
    assert len(cells(html)) == min(count, ROWS_SHOWN)
    assert cells(html)[0][0] == "zulu"
    assert (sentence or "") in html
    assert ("not shown" in html) == (sentence is not None)
    assert f"{count} rows: 1 locked, {count - 1} active." in html


FLEET = (
    a_row(account="alpha", product="cdn", age_s=5.0),
    a_row(account="Beta", next_charge_type="PayByBandwidth", changes_in_s=900.0, age_s=7.0),
    a_row(account="gamma", status="locked", lock_reasons=("financial",), age_s=6.0),
    a_row(account="delta", next_charge_type="PayByBandwidth", changes_in_s=60.0, age_s=4.0),
    a_row(account="omega", poll_success=False, failure="permission: NoPermission", age_s=None, status=None),
    a_row(account="sigma", product="dcdn", status="not_activated", debts=("overdue",)),
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, "gamma sigma omega Beta delta alpha", id="worst first"),
        pytest.param({"filter": "LOCKED"}, "gamma", id="by a count"),
        pytest.param({"filter": "changing"}, "Beta delta", id="by another count"),
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
    assert " ".join(row.account for row in rows_in_view(FLEET, view_of(query))) == expected


def test_no_such_order() -> None:
    """A view that cannot be shown cannot exist."""
    with pytest.raises(ValueError, match="order must be one of"):
        View(order="price")


def test_counts_are_those_of_all_rows() -> None:
    """A filter changes the table, and neither the counts above it nor what they count."""
    environment = build_environment()
    page = StatusPage(version="1", telemetry_path="/metrics", accounts=FLEET, ready=True)
    for view in (View(), View(filter="gamma"), View(filter="nothing of that name")):
        counts = dict(re.findall(r"\?filter=(\w+)\"><b>(\d+)</b>", render(page, environment, view)))
        assert counts == {"locked": "1", "overdue": "1", "changing": "2", "failing": "1"}


def test_a_filter_finds_what_is_not_shown() -> None:
    """Rows are filtered before the page is cut to size."""
    rows = tuple(a_row(account=f"account-{number:05}") for number in range(10_000))
    page = StatusPage(version="1", telemetry_path="/metrics", accounts=rows, ready=True)
    assert [cell[0] for cell in cells(render(page, build_environment(), View(filter="09999")))] == ["account-09999"]


def test_hostile_filter() -> None:
    """What is in the filter is text wherever it is shown, and keeps its meaning in the links."""
    page = StatusPage(version="1", telemetry_path="/metrics", accounts=FLEET, ready=True)
    hostile = '"><script>&sort=age'
    html = render(page, build_environment(), View(filter=hostile))
    assert "<script>" not in html
    assert f'value="{escape(hostile)}"' in html
    both = render(page, build_environment(), View(filter="a&b a", order="age"))
    assert 'name="sort" value="age"' in both
    only = render(page, build_environment(), View(filter="a", order="age"))
    assert 'href="?sort=account&amp;filter=a"' in only


def test_odd_names_stay_text() -> None:
    """Names with newlines and marks that turn the writing direction stay within their cell."""
    odd = "a\n<b>\u202e\u2066'\""
    html = html_of(a_row(account=odd, status="locked", lock_reasons=(odd,)))
    assert html.count("a\n&lt;b&gt;\u202e\u2066&#39;&#34;") == 2
    assert html.count("<bdi>a\n") == 1
    assert "<bdi>(a\n" in html


def test_empty_page() -> None:
    """Without accounts the page says so and shows no table."""
    html = html_of(ready=False)
    assert "No account is configured or discovered yet." in html
    assert "Not ready: the first polls have not finished." in html
    assert "<table>" not in html


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"account": ""}, id="no-account"),
        pytest.param({"product": ""}, id="no-product"),
        pytest.param({"status": "broken"}, id="unknown-status"),
        pytest.param({"lock_reasons": ("financial",)}, id="active-with-a-lock"),
        pytest.param({"failure": "timeout"}, id="success-and-failure"),
        pytest.param({"debts": ("mortgage",)}, id="unknown-debt"),
        pytest.param({"balance": 1.0}, id="balance-without-a-currency"),
        pytest.param({"age_s": -1.0}, id="negative-age"),
        pytest.param({"changes_in_s": math.inf}, id="endless-wait"),
        pytest.param({"age_s": math.nan}, id="nan"),
    ],
)
def test_contradiction(changes: dict[str, Any]) -> None:
    """A row that contradicts itself cannot exist."""
    with pytest.raises(ValueError, match=r"must|only|cannot"):
        a_row(**changes)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0, "0 s", id="zero"),
        pytest.param(0.9, "0 s", id="rounded-down"),
        pytest.param(59.99, "59 s", id="seconds"),
        pytest.param(60, "1 min", id="a-minute"),
        pytest.param(3599, "59 min 59 s", id="minutes"),
        pytest.param(3600, "1 h", id="an-hour"),
        pytest.param(3605, "1 h", id="two-neighbouring-units-only"),
        pytest.param(90_061, "1 d 1 h", id="a-day"),
        pytest.param(40_000_000, "462 d 23 h", id="long"),
    ],
)
def test_in_words(seconds: float, words: str) -> None:
    """A duration is told in its two largest units."""
    assert in_words(seconds) == words


def test_unknown_name_in_template() -> None:
    """A template that names what it was not given fails, instead of showing nothing."""
    with pytest.raises(UndefinedError):
        build_environment().from_string("{{ nothing }}").render()
