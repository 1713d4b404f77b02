"""What is said of everything that can be known, as a table, as JSON and by the exit code."""

import html
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exporter.core.model import (
    NOT_ACTIVATED,
    Answer,
    Balance,
    ChargeTypeChange,
    DebtState,
    Failure,
    FailureReason,
    Observation,
    ProbeKey,
    ServiceState,
    State,
)
from exporter.core.store import ProbeRecord
from exporter.report.report import Report, ReportRow, build_report, exit_code, summary_line, to_json
from exporter.report.terminal import cells, draw_table
from exporter.web.status_page import StatusPage, build_environment, render

DOCS = Path(__file__).parents[2] / "docs"
MOMENT = datetime(2026, 3, 31, 16, 0, 0, tzinfo=UTC)
NOW = MOMENT.timestamp()
ACTIVE = ServiceState(charge_type="PayByTraffic")
LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial", "security"))
CHANGING = ServiceState(
    charge_type="PayByTraffic", change=ChargeTypeChange("PayByBandwidth", MOMENT + timedelta(hours=52, seconds=0.5))
)
CHANGING_SOME_DAY = ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange("PayByBandwidth", None))
TIMEOUT = Failure(FailureReason.TIMEOUT, "no whole reply within 10 s")
DENIED = Failure(
    FailureReason.PERMISSION,
    "the caller may not do that; a RAM policy has to allow dcdn:DescribeUserDcdnIpaStatus",
    code="Forbidden.RAM",
    http_status=403,
    request_id="3C6CCEC4-6B88-4D4A-93E4-D47B3D92CF8F",
)


def record(*outcomes: State | Failure, age_s: float = 2.25) -> ProbeRecord:
    """The record of these polls, of which the last was so long ago."""
    after = ProbeRecord()
    for outcome in outcomes:
        of_poll = outcome if isinstance(outcome, Failure) else Answer(outcome)
        after = after.after(Observation(finished_at=NOW - age_s, duration_s=0.1, outcome=of_poll))
    return after


def service(account: str, product: str = "dcdn_ipa") -> ProbeKey:
    return ProbeKey(account, product, "service")


def debts(account: str, product: str = "dcdn_ipa") -> ProbeKey:
    return ProbeKey(account, product, "debt_status")


def balance(account: str) -> ProbeKey:
    return ProbeKey(account, "bss", "balance")


EVERYTHING: Mapping[ProbeKey, ProbeRecord] = {
    service("fine"): record(ACTIVE),
    service("fine", "cdn"): record(NOT_ACTIVATED),
    balance("fine"): record(Balance(1234567.891, "CNY")),
    service("changing"): record(CHANGING),
    service("changing", "dcdn"): record(CHANGING_SOME_DAY),
    service("indebted"): record(ACTIVE),
    debts("indebted"): record(DebtState(in_debt=True)),
    balance("indebted"): record(Balance(-11.19, "USD")),
    service("unreachable"): record(TIMEOUT),
    service("forbidden"): record(ACTIVE),
    debts("forbidden"): record(DENIED),
    service("cut-off"): record(LOCKED),
    debts("cut-off"): record(DebtState(enabled=True, available=False, in_debt=True, in_debt_overdue=True)),
    service("overdue"): record(ACTIVE),
    debts("overdue"): record(DebtState(in_debt=True, in_debt_overdue=True)),
    service("dark"): record(ACTIVE),
    debts("dark"): record(DebtState(available=False)),
    service("new"): ProbeRecord(),
}


def report(records: Mapping[ProbeKey, ProbeRecord] = EVERYTHING, *, stale_after_s: float = math.inf) -> Report:
    return build_report(records, now=NOW, stale_after_s=stale_after_s)


def test_the_table(golden: Callable[[str, bytes], bytes]) -> None:
    """The worst first, in one line each where no terminal limits it, and a line that sums it up."""
    text = draw_table(report(), width=None, color=False) + "\n"

    assert text.encode() == golden("status.txt", text.encode())


def test_the_table_on_a_terminal(golden: Callable[[str, bytes], bytes]) -> None:
    """What does not fit is folded, not cut; what is wrong has a colour."""
    text = draw_table(report(), width=72, color=True) + "\n"

    assert text.encode() == golden("status_terminal.txt", text.encode())


def test_the_json(golden: Callable[[str, bytes], bytes]) -> None:
    """Every key is there for every service, failures with code and request id."""
    text = to_json(report()) + "\n"

    assert text.encode() == golden("status.json", text.encode())


def test_the_json_is_what_its_schema_says() -> None:
    """The schema that is shipped knows every key, and is no wider than what is written."""
    schema = json.loads((DOCS / "status.schema.json").read_text(encoding="utf-8"))
    document = json.loads(to_json(report()))

    jsonschema.Draft202012Validator(schema).validate(document)
    jsonschema.Draft202012Validator(schema).validate(json.loads(to_json(report({}))))
    assert set(schema["properties"]) == set(document)
    assert set(schema["properties"]["summary"]["required"]) == set(document["summary"])
    for name, written in (("service", document["services"][0]), ("failure", failures(document)[0])):
        assert set(schema["$defs"][name]["properties"]) == set(schema["$defs"][name]["required"]) == set(written)


def failures(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [failure for service in document["services"] for failure in service["failures"]]


def test_every_key_of_the_json_is_documented() -> None:
    """docs/commands.md names them all."""
    document = json.loads(to_json(report()))
    named = set(re.findall(r"`(\w+)`", (DOCS / "commands.md").read_text(encoding="utf-8")))

    keys = {*document, *document["summary"], *document["services"][0], *failures(document)[0]}
    assert keys - named == set()


@pytest.mark.parametrize(
    ("records", "code"),
    [
        pytest.param({}, 0, id="nothing to poll"),
        pytest.param({service("a"): record(ACTIVE), debts("a"): record(DebtState(in_debt=True))}, 0, id="in debt"),
        pytest.param({service("a"): record(NOT_ACTIVATED)}, 0, id="not activated"),
        pytest.param({balance("a"): record(Balance(-1.0, "CNY"))}, 0, id="spent"),
        pytest.param({debts("a"): record(DebtState(available=False))}, 0, id="unavailable"),
        pytest.param({service("a"): record(LOCKED)}, 3, id="locked"),
        pytest.param({debts("a"): record(DebtState(in_debt_overdue=True))}, 3, id="overdue"),
        pytest.param({service("a"): record(TIMEOUT), service("b"): record(LOCKED)}, 3, id="locked and failed"),
        pytest.param({service("a"): record(LOCKED, TIMEOUT)}, 3, id="known to be locked, then failed"),
        pytest.param({service("a"): record(ACTIVE), debts("a"): record(DENIED)}, 4, id="failed"),
    ],
)
def test_the_exit_code(records: Mapping[ProbeKey, ProbeRecord], code: int) -> None:
    """A lock says more than a failure, and what is a state of the world is none."""
    assert exit_code(report(records)) == code


def test_a_directory_without_a_list_is_told() -> None:
    """Accounts may be missing from all the rest, so it is not well; a lock is worse."""
    well, locked = (
        build_report({service("a"): record(state)}, now=NOW, stale_after_s=600, unlisted=("main",))
        for state in (ACTIVE, LOCKED)
    )

    assert (exit_code(well), exit_code(locked)) == (4, 3)
    assert summary_line(well) == "1 account, 1 probe: 1 directories unlisted"
    assert json.loads(to_json(well))["unlisted_directories"] == ["main"]


@pytest.mark.parametrize(
    ("records", "line"),
    [
        pytest.param({}, "0 accounts, 0 probes: all is well", id="nothing"),
        pytest.param({service("a"): record(ACTIVE)}, "1 account, 1 probe: all is well", id="one"),
        pytest.param(
            {
                service("a"): record(LOCKED),
                service("a", "cdn"): record(LOCKED),
                service("b"): record(TIMEOUT),
                debts("b"): record(DENIED),
            },
            "2 accounts, 4 probes: 2 locked, 2 failed",
            id="several",
        ),
    ],
)
def test_the_summary(records: Mapping[ProbeKey, ProbeRecord], line: str) -> None:
    """Products that are locked and probes that failed are counted; what there is none of is not named."""
    assert summary_line(report(records)) == line


def test_what_is_too_old_is_not_reported() -> None:
    """An old lock is not shown as the present, as on the page and on /metrics."""
    records = {service("a"): record(LOCKED, age_s=601)}

    assert exit_code(report(records, stale_after_s=600)) == 0
    assert json.loads(to_json(report(records, stale_after_s=600)))["services"][0]["status"] is None
    assert exit_code(report(records)) == 3


def test_the_page_tells_the_same_with_the_same_words() -> None:
    """Account, product, status, billing and last poll read alike on the page and in the table, in the same order."""
    shown = report()
    page = StatusPage(
        version="1", telemetry_path="/metrics", accounts=tuple(row.shown for row in shown.rows[::-1]), ready=True
    )
    body = render(page, build_environment()).partition("<tbody>")[2].partition("</tbody>")[0]
    on_page = [
        [
            html.unescape(re.sub(r"<[^>]*>", "", cell)).strip()
            for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in body.split("</tr>")[:-1]
    ]
    for cells_of_row in on_page:
        del cells_of_row[4]  # the age of the answer, which is a few seconds in the table

    assert on_page == [list(cells(row.shown)) for row in shown.rows]


@pytest.mark.parametrize("width", [None, 44])
def test_the_table_never_cuts(width: int | None) -> None:
    """However narrow a terminal, and however long a value in a pipe, every character of it is shown."""
    name = "".join(chr(ord("a") + number % 26) for number in range(300))
    text = draw_table(report({service(name): record(ACTIVE)}), width=width, color=False)

    first_column = "".join(line.split(" ")[0] for line in text.splitlines()[1:-2])
    assert (name in text) if width is None else (name == first_column[: len(name)])
    assert "\x1b" not in text
    assert "…" not in text


def test_a_hostile_text_moves_no_cursor() -> None:
    """Escape sequences, line breaks and marks of direction that the API sent are shown as what cannot be shown."""
    failure = Failure(FailureReason.REJECTED, "a\x1b[2Jb\nc\u202ed\ud800[red]e[/red]")
    text = draw_table(report({service("a"): record(failure)}), width=None, color=False)

    assert "rejected: a\ufffd[2Jb\ufffdc\ufffdd\ufffd[red]e[/red]" in text.splitlines()[1]


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "\"'\\",
        'a", "status": "active',
        "line\r\nend\0",
        "\u202eacme\u2066\u2028",
        "\ud800",
    ],
)
def test_a_hostile_text_is_text_in_the_json(hostile: str) -> None:
    """Names, lock reasons and messages come back as they were, out of a document that is ASCII."""
    reason = hostile if hostile.isprintable() else "financial"  # no state has any other
    locked = ServiceState(charge_type=reason, lock_reasons=(reason,))
    document = to_json(
        report({service(hostile): record(locked), debts(hostile): record(Failure(FailureReason.REJECTED, hostile))})
    )

    assert document.replace("\n", "").isascii()
    assert document.replace("\n", "").isprintable()
    (row,) = json.loads(document)["services"]
    assert (row["account"], row["lock_reasons"], row["charge_type"]) == (hostile, [reason], reason)
    assert [failure["explanation"] for failure in row["failures"]] == [hostile]


def test_values_that_cannot_be_are_refused() -> None:
    """A report counts at least one probe for each row, and its moments are moments."""
    (row,) = report({service("a"): record(ACTIVE)}).rows
    with pytest.raises(ValueError, match="a probe at least"):
        Report(at=NOW, rows=(row,), probes=0)
    for changes_at, answered_at in ((MOMENT.replace(tzinfo=None), NOW), (MOMENT, math.inf)):
        with pytest.raises(ValueError, match="moment"):
            ReportRow(shown=row.shown, changes_at=changes_at, answered_at=answered_at, failures={})


def test_a_change_of_which_only_the_moment_is_known_is_pending() -> None:
    """It is counted, and its moment is in the JSON."""
    known = ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange(None, MOMENT + timedelta(seconds=90)))
    document = json.loads(to_json(report({service("a"): record(known)})))

    assert document["summary"]["change_pending"] == 1
    (written,) = document["services"]
    assert (written["changes_at"], written["changes_in_seconds"]) == ("2026-03-31T16:01:30.000Z", 90.0)
