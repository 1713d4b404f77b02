"""What the status page shows of each row, and that all of it is text."""

import html as escapes
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources

import pytest
from jinja2 import UndefinedError

from exporter.core.model import Failure, FailureReason, ProbeKey
from exporter.core.store import ProbeRecord
from exporter.probes.balance import Balance
from exporter.probes.certificates import Certificates
from exporter.probes.debt_status import DebtState
from exporter.probes.domains import Domains
from exporter.probes.esa_state import Plan, Plans
from exporter.probes.service_state import NOT_ACTIVATED, ChargeTypeChange, ServiceState
from exporter.probes.table import PROBES
from exporter.probes.view import Condition, Fragment, Note, Severity
from exporter.report import terminal
from exporter.report.json_document import to_json
from exporter.report.report import build_report
from exporter.web.status_page import build_environment
from tests.certificates import CERTIFICATES, Certificate
from tests.records import stale_after
from tests.report.records import (
    ACTIVE,
    EVERYTHING,
    LOCKED,
    NOW,
    TIMEOUT,
    UNPAID,
    balance,
    changing,
    debts,
    record,
    report,
    service,
)
from tests.web.status_html import Records, alarms, cells, html_of, page_of

BEIJING = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param(
            {service("prod"): record(ACTIVE, age_s=12.3)},
            ["prod", "dcdn_ipa", "active", "PayByTraffic", "12 s ago", "answered"],
            id="fine",
        ),
        pytest.param(
            {service("prod"): record(LOCKED, age_s=12.3)},
            ["prod", "dcdn_ipa", "locked (financial, security)", "PayByTraffic", "12 s ago", "answered"],
            id="locked",
        ),
        pytest.param(
            {service("prod"): record(NOT_ACTIVATED, age_s=12.3)},
            ["prod", "dcdn_ipa", "not activated", "-", "12 s ago", "answered"],
            id="not-activated",
        ),
        pytest.param(
            {service("prod"): record(changing(in_s=93_784), age_s=12.3)},
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
            {service("prod"): record(changing(in_s=None), age_s=12.3)},
            ["prod", "dcdn_ipa", "active", "PayByTraffic → PayByBandwidth", "12 s ago", "answered"],
            id="change-without-a-time",
        ),
        pytest.param(
            {service("prod"): ProbeRecord()},
            ["prod", "dcdn_ipa", "unknown", "-", "none yet", "none yet"],
            id="before-the-first-poll",
        ),
        pytest.param(
            {service("prod"): record(ACTIVE, TIMEOUT, age_s=4000)},
            ["prod", "dcdn_ipa", "active", "PayByTraffic", "1 h 6 min ago", "timeout: no whole reply within 10 s"],
            id="failing",
        ),
        pytest.param(
            {
                service("prod"): record(ACTIVE, age_s=12.3),
                debts("prod"): record(DebtState(available=False, in_debt=True), age_s=12.3),
            },
            ["prod", "dcdn_ipa", "active, unavailable, in debt", "PayByTraffic", "12 s ago", "answered"],
            id="in-debt",
        ),
        pytest.param(
            {
                service("prod"): record(UNPAID, age_s=12.3),
                debts("prod"): record(DebtState(in_debt_overdue=True), age_s=12.3),
            },
            ["prod", "dcdn_ipa", "locked (financial), overdue", "PayByTraffic", "12 s ago", "answered"],
            id="locked-and-overdue",
        ),
        pytest.param(
            {balance("prod"): record(Balance(1234567.891, "CNY"), age_s=12.3)},
            ["prod", "balance", "in credit", "1,234,567.89 CNY", "12 s ago", "answered"],
            id="balance",
        ),
        pytest.param(
            {balance("prod"): record(Balance(0.0, "USD"), age_s=12.3)},
            ["prod", "balance", "spent", "0.00 USD", "12 s ago", "answered"],
            id="balance-that-is-spent",
        ),
    ],
)
def test_row(records: Records, expected: list[str]) -> None:
    """A row says in words what is known of its product."""
    assert cells(html_of(records)) == [expected]


@pytest.mark.parametrize(
    ("records", "css_class"),
    [
        pytest.param({service("a"): record(LOCKED)}, "critical", id="locked"),
        pytest.param({debts("a"): record(DebtState(in_debt_overdue=True))}, "critical", id="overdue"),
        pytest.param({debts("a"): record(DebtState(available=False))}, "serious", id="unavailable"),
        pytest.param({service("a"): record(ACTIVE, TIMEOUT)}, "failing", id="failing"),
        pytest.param({debts("a"): record(DebtState(in_debt=True))}, "warning", id="in debt"),
        pytest.param({balance("a"): record(Balance(0.0, "CNY"))}, "warning", id="spent"),
        pytest.param({service("a"): ProbeRecord()}, "waiting", id="waiting"),
        pytest.param({service("a"): record(NOT_ACTIVATED)}, "inactive", id="not activated"),
        pytest.param({service("a"): record(ACTIVE)}, "good", id="active"),
        pytest.param({service("a"): record(changing(in_s=90))}, "good", id="active, with a change ahead"),
        pytest.param({balance("a"): record(Balance(0.01, "CNY"))}, "good", id="in credit"),
        pytest.param({service("a"): record(ACTIVE), debts("a"): ProbeRecord()}, "waiting", id="in part"),
    ],
)
def test_a_row_has_the_colour_of_its_condition(records: Records, css_class: str) -> None:
    """Its class is how bad that is."""
    assert re.findall(r'<tr class="([^"]*)"', html_of(records)) == [css_class]


def test_the_stylesheet_has_a_colour_for_each_severity() -> None:
    """What is to come has that of all text, and a failure has its own cell; there is no class that nothing has."""
    css = resources.files("exporter.web").joinpath("static", "status.css").read_text(encoding="utf-8")
    styled = set(re.findall(r"\.status\.(\w+)", css))
    assert styled == {severity.name.lower() for severity in Severity} - {"upcoming", "failing"}
    assert ".good .status.good {" in css
    assert css.count(".status.good") == 1


def coloured(html: str) -> list[tuple[str, str]]:
    """The severity and the text of each part of the status that has one."""
    return [
        (severity, re.sub(r"<[^>]*>", "", text))
        for severity, text in re.findall(r'<span class="status (\w+)">(.*?)</span>', html)
    ]


def test_each_part_of_the_status_has_its_own_colour() -> None:
    """An active service whose debt is overdue is neither green nor red by itself."""
    html = html_of({service("a"): record(ACTIVE), debts("a"): record(DebtState(available=False, in_debt=True))})
    assert coloured(html) == [("good", "active"), ("serious", "unavailable"), ("warning", "in debt")]
    assert '<tr class="serious"' in html


def test_a_note_is_as_bad_as_a_condition() -> None:
    """A row with a bad note is not good, and stands before those that are."""
    (fine,) = report({service("z"): record(ACTIVE)}).rows
    for severity in Severity:
        row = replace(fine, notes=(Note(severity, "{count} of them", {"count": 3}),))
        assert row.severity is (severity if severity < Severity.UPCOMING else Severity.GOOD)


def test_what_stops_delivery_is_counted_above_the_table() -> None:
    """A condition that is serious, or critical, has a word there, which shows also that there is none."""
    bad = {each for kind in PROBES for each in kind.conditions if each.severity <= Severity.SERIOUS}
    assert {each.word for each in bad if each.alarm} >= {"locked", "overdue", "domains_offline"}
    assert {each.word for each in bad if not each.alarm} == set()


def test_no_0_is_shown_of_what_is_not_polled() -> None:
    """It would say that all is well: without their probes, nothing is known of debts, domains and certificates."""
    of_service = html_of({service("a"): record(ACTIVE)})
    of_debts_too = html_of({service("a"): record(ACTIVE), debts("a"): ProbeRecord()})
    assert alarms(of_service) == {"locked": "0", "changing": "0", "failing": "0"}
    assert alarms(of_debts_too).keys() - alarms(of_service).keys() == {"overdue", "unavailable"}


def test_accounts_are_counted_and_not_their_domains() -> None:
    """Six domains of one account have an expired certificate; the words say what is counted."""
    html = html_of(EVERYTHING)
    assert alarms(html)["with_expired_certificates"] == "1"
    assert "<b>1</b> with expired certificates</a>" in html
    assert "<b>1</b> with offline domains</a>" in html


def test_the_rows_that_are_counted_are_named_as_rows() -> None:
    """Two rows have seven domains with an expired certificate, and one has six plans that have stopped."""
    html = html_of(
        {
            ProbeKey("a", "cdn", "certificates"): record(Certificates(6, 0)),
            ProbeKey("b", "cdn", "certificates"): record(Certificates(1, 0)),
            ProbeKey("c", "cdn", "domains"): record(Domains((("check_failed", 2),))),
            ProbeKey("d", "esa", "plans"): record(Plans(tuple(Plan(f"{number}", "online") for number in range(6)))),
            ProbeKey("d", "esa", "postpaid_plans"): record(Plans((Plan("7", "frozen"), Plan("8", "frozen")))),
            ProbeKey("e", "esa", "plans"): record(Plans()),
            ProbeKey("e", "esa", "postpaid_plans"): record(Plans()),
        }
    )
    counts = "2 with expired certificates, 1 with failed domains, 1 with unclear plans, 1 without a plan"
    assert f"5 rows, each by its worst state: {counts}." in html


LONG_NOTES = {
    service("prod"): record(ACTIVE, age_s=12.3),
    ProbeKey("prod", "dcdn_ipa", "domains"): record(
        Domains((("offline", 2),), (("a.example.com", "offline"), ("b.example.com", "offline"))), age_s=12.3
    ),
    debts("prod"): record(DebtState(in_debt=True), age_s=12.3),
}


def test_long_notes_have_a_row_of_their_own() -> None:
    """It is as wide as the table, has the colour of the row above it, and belongs to that."""
    html = html_of(LONG_NOTES)
    short = html_of({key: each for key, each in LONG_NOTES.items() if key.probe != "domains"})

    assert re.findall(r'<tr class="([^"]*)" role="row">', html) == ["serious above", "serious below"]
    assert html.count('<td role="cell" colspan="6" data-label="Notes">') == 1
    assert re.findall('role="columnheader"', html) == ['role="columnheader"'] * 6
    status = "active, domains offline: 2 (a.example.com, b.example.com), in debt"
    assert cells(html) == [["prod", "dcdn_ipa", status, "PayByTraffic", "12 s ago", "answered"]]
    assert re.findall(r'<tr class="([^"]*)" role="row">', short) == ["warning"]


def test_what_is_wrong_beside_the_status_is_counted() -> None:
    """A row counts as the worst that is true of it, but for what is only to come."""
    shown = report({service("a"): record(ACTIVE), service("b"): record(changing(in_s=60))})
    beside = Condition("packages_low", Severity.WARNING, state=False, rows="with low packages")
    rows = tuple(replace(row, conditions=(beside, *row.conditions)) for row in shown.rows if row.account == "a")
    html = page_of(replace(shown, rows=(*rows, *(row for row in shown.rows if row.account == "b"))))
    assert "2 rows, each by its worst state: 1 with low packages, 1 active." in html


STALE = {
    service("a"): record(ACTIVE, age_s=700),
    debts("a"): record(DebtState(in_debt=False), age_s=5),
    service("b"): record(ACTIVE, age_s=5),
    debts("b"): record(DebtState(in_debt=False), age_s=700),
    balance("c"): record(Balance(1.0, "CNY"), age_s=700),
}


def test_what_is_too_old_is_not_green() -> None:
    """Neither a row of which nothing is known, nor one of which something is not."""
    html = page_of(report(STALE, stale_after_s=600), documentation_url="https://docs.invalid/docs")
    stale = '<a href="https://docs.invalid/docs/runbooks/DcdnDataStale.md" title="DcdnDataStale">'
    assert re.findall(r'<tr class="([^"]*)"', html) == ["waiting"] * 3
    assert [row[2] for row in cells(html)] == ["unknown", "active, debt_status unknown", "unknown"]
    assert html.count(stale) == 3
    assert "3 rows, each by its worst state: 3 waiting." in html


def test_before_the_first_answer_nothing_is_too_old() -> None:
    """What is not known yet has no runbook."""
    html = html_of(
        {service("a"): record(ACTIVE), debts("a"): ProbeRecord()}, documentation_url="https://docs.invalid/"
    )
    assert "runbooks" not in html
    assert coloured(html) == [("good", "active"), ("waiting", "debt_status unknown")]


def test_a_kind_of_probe_that_is_none_of_ours() -> None:
    """Its rows have its words and its severities, and its alarm is counted."""
    records = {
        CERTIFICATES.key("a"): record((Certificate("a.example", ends_at=NOW + 90),)),
        CERTIFICATES.key("b"): record((Certificate("<b>.example", revoked=True, weak_key=True),)),
        CERTIFICATES.key("c"): record((Certificate("c.example"),)),
    }
    shown = build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=(CERTIFICATES,))
    html = page_of(shown)

    status = "certificate of &lt;b&gt;.example, revoked, 1,024 bits"
    assert cells(html)[0] == ["b", "esa", status, "free", "2 s ago", "answered"]
    assert re.findall(r'<tr class="([^"]*)"', html) == ["critical", "upcoming", "good"]
    assert list(alarms(html).items()) == [("broken", "1"), ("failing", "0")]
    assert "3 rows, each by its worst state: 1 broken, 1 ending, 1 valid." in html


def test_an_account_has_its_id_and_its_name_beside_it() -> None:
    """A name that the directory gave turns the writing direction of nothing else, and is no markup."""
    assert "<bdi>fine</bdi> <bdi>(1883927335936173)</bdi></th>" in html_of({service("fine"): ProbeRecord()})
    assert "<bdi>200001</bdi> <bdi>(Video &amp; Live)</bdi></th>" in html_of({service("200001"): ProbeRecord()})


HOSTILE: Mapping[str, Callable[[str], Records]] = {
    "account": lambda text: {service(text): record(ACTIVE)},
    "product": lambda text: {service("prod", text): ProbeRecord()},
    "charge_type": lambda text: {service("prod"): record(ServiceState(charge_type=text))},
    "next_charge_type": lambda text: {service("prod"): record(ServiceState(change=ChargeTypeChange(text, None)))},
    "failure": lambda text: {service("prod"): record(Failure(FailureReason.REJECTED, text))},
}


@pytest.mark.parametrize("field", HOSTILE)
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
    html = html_of(HOSTILE[field](hostile))
    assert escaped in html
    assert hostile == escaped or hostile not in html


def test_hostile_lock_reason() -> None:
    """A lock reason that the vendor invents is text, too."""
    html = html_of({service("prod"): record(ServiceState(lock_reasons=("<b>",)))})
    assert "locked (<bdi>&lt;b&gt;</bdi>)" in html


def test_hostile_currency() -> None:
    """So is a currency."""
    assert "<bdi>&lt;B&gt;</bdi>" in html_of({balance("prod"): record(Balance(1.0, "<B>"))})


def test_hostile_telemetry_path() -> None:
    """The link to the metrics stays a path of this server, whatever the path is called."""
    html = html_of({}, telemetry_path='/javascript:alert(1)"><b>')
    assert 'href="./javascript:alert(1)&#34;&gt;&lt;b&gt;"' in html


def test_writing_direction() -> None:
    """A name that turns the writing direction turns only itself."""
    assert "<bdi>\u202eacme</bdi>" in html_of({service("\u202eacme"): record(ACTIVE)})


def test_links_and_version() -> None:
    """Links to metrics and probes are relative, for proxies with a prefix; the one to the documents is last."""
    html = html_of({}, telemetry_path="/probe/metrics", documentation_url="https://docs.invalid/x?a=1&b=2")
    assert re.findall(r'href="([^"]*)"', html) == [
        "./static/icon.svg",
        "./static/status.css",
        "./probe/metrics",
        "./api/v1/status",
        "./-/healthy",
        "./-/ready",
        "https://docs.invalid/x?a=1&amp;b=2",
        "?alarm=failing",
    ]
    assert "<small>1.2.3</small>" in html


def test_without_an_address_no_link_leads_to_the_documentation() -> None:
    """The page does not know where its documents are published."""
    html = html_of({})
    assert "Documentation" not in html
    assert "//" not in html.replace("<!DOCTYPE html>", "")


def test_nothing_inline() -> None:
    """The page holds no script and no style of its own, as its Content-Security-Policy demands."""
    html = html_of(EVERYTHING)
    assert re.findall(r"<script[^>]*>[^<]|<style|\sstyle=|\son\w+=", html) == []


def test_odd_names_stay_text() -> None:
    """Names with newlines and marks that turn the writing direction stay within their cell."""
    odd = "a\n<b>\u202e\u2066'\""
    shown = report({service(odd): record(LOCKED)})
    status = (Fragment("locked"), Fragment(f"({odd})", foreign=True))  # no state has such a lock reason
    html = page_of(replace(shown, rows=(replace(shown.rows[0], status=status),)))
    assert html.count("a\n&lt;b&gt;\u202e\u2066&#39;&#34;") == 2
    assert html.count("<bdi>a\n") == 1
    assert "<bdi>(a\n" in html


def test_empty_page() -> None:
    """Without accounts the page says so and shows no table."""
    html = html_of({}, ready=False)
    assert "No account is configured or discovered yet." in html
    assert "Not ready: the first polls have not finished.\n0 rows.\n" in html
    assert "<table" not in html


def test_unknown_name_in_template() -> None:
    """A template that names what it was not given fails, instead of showing nothing."""
    with pytest.raises(UndefinedError):
        build_environment().from_string("{{ nothing }}").render()


def test_a_page_has_one_time_zone() -> None:
    """That of its readers, which it names once in Chinese; the English page, the table and the JSON have UTC."""
    end = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    records = {service("a", "dcdn_sec"): record(replace(ACTIVE, end_time=end))}
    chinese, english = html_of(records, language="zh"), html_of(records)

    assert "2027-01-01 00:00 \u5230\u671f" in chinese
    assert f"{datetime.fromtimestamp(NOW, BEIJING):%Y-%m-%d %H:%M}" in chinese
    assert (chinese.count("\u5317\u4eac\u65f6\u95f4"), chinese.count("UTC")) == (1, 1)
    assert "ends at 2026-12-31 16:00 UTC" in english
    assert f"As of {datetime.fromtimestamp(NOW, UTC):%Y-%m-%d %H:%M} UTC." in english
    assert '"ends_at": "2026-12-31T16:00:00.000Z"' in to_json(report(records))


def test_the_table_of_the_terminal_has_the_same_words() -> None:
    """Account, product, status, billing and last poll read alike on the page and in the table, in the same order."""
    on_page = [[escapes.unescape(cell) for cell in row] for row in cells(html_of(EVERYTHING))]
    for cells_of_row in on_page:
        del cells_of_row[4]  # the age of the answer, which is a few seconds in the table

    assert on_page == [list(terminal.cells(row)) for row in report(EVERYTHING).rows]
