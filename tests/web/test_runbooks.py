"""The status page's links to runbooks."""

import re
from pathlib import Path

import pytest

from exporter.core.model import Failure, FailureReason
from exporter.probes.balance import Balance
from exporter.probes.debt_status import DebtState
from exporter.probes.service_state import ServiceState
from exporter.probes.view import Fragment, Note, Severity
from exporter.report.report import Row
from exporter.web.runbooks import document_address, runbook_of_failure
from tests.report.records import (
    ACTIVE,
    EVERYTHING,
    LOCKED,
    UNPAID,
    WEBSOCKET_CHANGING,
    balance,
    changing,
    debts,
    record,
    report,
    service,
)
from tests.web.status_html import Records, html_of

ROOT = Path(__file__).parent.parent.parent
DOCS = "https://docs.invalid/dcdn"


def links(records: Records, *, language: str = "en") -> list[tuple[str, str, str]]:
    """The runbooks that the rows of a page link to: the words that do, the path in the documents, and the title."""
    html = html_of(records, language=language, documentation_url=DOCS)
    found = re.findall(rf'<a href="{DOCS}/([^"]*)" title="([^"]+)">(.*?)</a>', html)
    return [(re.sub("<[^>]*>", "", words), path, title) for path, title, words in found]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param({service("a"): record(ACTIVE)}, [], id="fine"),
        pytest.param(
            {service("a"): record(UNPAID)},
            ["locked (financial): runbooks/DcdnServiceLockedFinancial.md"],
            id="a payment",
        ),
        pytest.param(
            {service("a"): record(LOCKED)},
            ["locked (financial, security): runbooks/DcdnServiceLockedFinancial.md"],
            id="a payment and more",
        ),
        pytest.param(
            {service("a"): record(ServiceState(lock_reasons=("security",)))},
            ["locked (security): runbooks/DcdnServiceLockedOther.md"],
            id="security",
        ),
        pytest.param(
            {service("a"): record(ACTIVE), debts("a"): record(DebtState(in_debt=True))},
            ["in debt: runbooks/DcdnInDebt.md"],
            id="a debt",
        ),
        pytest.param(
            {service("a"): record(ACTIVE), debts("a"): record(DebtState(in_debt_overdue=True))},
            ["overdue: runbooks/DcdnInDebtOverdue.md"],
            id="an overdue debt",
        ),
        pytest.param(
            {balance("a"): record(Balance(0.0, "CNY"))}, ["spent: runbooks/DcdnBalanceSpent.md"], id="spent"
        ),
        pytest.param({balance("a"): record(Balance(1.0, "CNY"))}, [], id="in credit"),
        pytest.param(
            {service("a"): record(changing(in_s=3 * 86_400 - 1))},
            ["PayByBandwidth: runbooks/DcdnChargeTypeChangeSoon.md"],
            id="a change of the billing method",
        ),
        pytest.param(
            {service("a"): record(changing(in_s=3 * 86_400))},
            ["PayByBandwidth: runbooks/DcdnChargeTypeChangeScheduled.md"],
            id="a change that is days away",
        ),
        pytest.param(
            {service("a"): record(WEBSOCKET_CHANGING)},
            [
                "PayByBandwidth: runbooks/DcdnChargeTypeChangeScheduled.md",
                "websocketbps: runbooks/DcdnChargeTypeChangeSoon.md",
            ],
            id="a change of a component",
        ),
        pytest.param(
            {service("a"): record(ACTIVE, Failure(FailureReason.AUTH, "no such key"))},
            ["auth: runbooks/DcdnAuthFailing.md"],
            id="a failure",
        ),
    ],
)
def test_what_is_wrong_leads_to_its_runbook(records: Records, expected: list[str]) -> None:
    """That of the alert which it raises."""
    found = links(records)

    assert [f"{words}: {path}" for words, path, _ in found] == expected
    assert [title for _, _, title in found] == [Path(path).stem for _, path, _ in found]


def test_a_runbook_in_the_language_of_the_page() -> None:
    """Where there is one; else it is in English, and the title says so."""
    records = {service("a"): record(UNPAID, Failure(FailureReason.TIMEOUT, "no reply"))}
    assert links(records, language="zh") == [
        (
            "业务锁定（欠费 financial）",
            "runbooks/zh/DcdnServiceLockedFinancial.md",
            "DcdnServiceLockedFinancial",
        ),
        ("超时", "runbooks/DcdnPollFailing.md", "DcdnPollFailing（英文）"),
    ]


def test_every_warning_has_a_runbook() -> None:
    """Each note of a row, and each row by its status, its notes or the failure of its polls."""
    rows = [row for row in report(EVERYTHING).rows if row.severity <= Severity.WARNING]
    notes = [note for row in rows for note in row.notes if note.severity <= Severity.WARNING]

    assert [note.text for note in notes if not note.runbook] == []
    assert [row.account for row in rows if not (row.failures or has_runbook(row))] == []


def has_runbook(row: Row) -> bool:
    """Whether its status or a note of it has one."""
    parts: list[Fragment | Note] = [*row.status, *row.notes]
    return any(part.runbook for part in parts)


@pytest.mark.parametrize("reason", FailureReason)
def test_every_failure_has_a_runbook(reason: FailureReason) -> None:
    """Whatever fails."""
    assert (ROOT / "docs" / "runbooks" / f"{runbook_of_failure(reason)}.md").is_file()


def test_every_runbook_that_the_exporter_names_is_there() -> None:
    """A link that leads nowhere helps nobody at night."""
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "exporter").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'"(Dcdn[A-Z][A-Za-z]+)"', source)}
    runbooks = {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert len(named & runbooks) > 8
    assert {name for name in named - runbooks if not name.endswith("NotFound")} == set()  # those are codes of the API


@pytest.mark.parametrize(
    ("folder", "address"),
    [
        pytest.param("", "", id="not published"),
        pytest.param("https://d.invalid/docs", "https://d.invalid/docs/runbooks/A.md", id="a folder"),
        pytest.param("https://d.invalid/docs/", "https://d.invalid/docs/runbooks/A.md", id="with a slash"),
        pytest.param("https://d.invalid", "https://d.invalid/runbooks/A.md", id="a host"),
        pytest.param("https://d.invalid/f?at=main", "https://d.invalid/f/runbooks/A.md?at=main", id="with a query"),
        pytest.param("https://d.invalid/f#readme", "https://d.invalid/f/runbooks/A.md", id="with a place in it"),
    ],
)
def test_a_document_below_the_folder(folder: str, address: str) -> None:
    """Whatever the address of the folder ends with."""
    assert document_address(folder, "runbooks/A.md") == address
