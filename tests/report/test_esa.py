"""What table and JSON say of an account that has the product ``esa`` alone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.core.model import ProbeKey
from exporter.core.store import ProbeRecord
from exporter.probes.esa_state import Plan, Plans
from exporter.report.json_document import to_json
from exporter.report.report import exit_code, summary_line
from exporter.report.terminal import cells
from tests.report.records import DENIED, NOW, record, report

BOUGHT, POSTPAID = ProbeKey("edge", "esa", "plans"), ProbeKey("edge", "esa", "postpaid_plans")
SOON = datetime.fromtimestamp(NOW, UTC) + timedelta(days=3, hours=2)
ONLINE = Plan("sp-1", "online", "basic", "auto", SOON)
ENDING = Plan("sp-2", "online", "basic", "none", SOON)
OVERDUE = Plan("sp-3", "overdue", "enterprise", sites=(("offline", 1),))
SUMMARY = "1 account, 2 probes: "


@pytest.mark.parametrize(
    ("bought", "postpaid", "status", "summary", "code"),
    [
        pytest.param(record(Plans((ONLINE,))), record(Plans()), "online", "all is well", 0, id="well"),
        pytest.param(record(Plans()), record(Plans()), "no plan", "1 without a plan", 0, id="no plan"),
        pytest.param(
            record(Plans((ONLINE, ENDING))),
            record(Plans((OVERDUE,))),
            "plan overdue, plans overdue: 1 of 3, plans that end within 7 days: 1 of 3, the first in 3 d 2 h, "
            "sites offline: 1 of 1",
            "1 plan stopped, 1 plan ending, 1 site offline",
            3,
            id="overdue",
        ),
        pytest.param(
            record(Plans((OVERDUE,))),
            record(Plans((OVERDUE,))),
            "plan overdue, plans overdue: 1 of 1, sites offline: 1 of 1",
            "1 plan stopped, 1 site offline",
            3,
            id="in both lists",
        ),
        pytest.param(
            record(DENIED),
            record(Plans((OVERDUE,))),
            "plan overdue, plans overdue: 1 of 1, sites offline: 1 of 1, plans unknown",
            "1 plan stopped, 1 failed, 1 site offline",
            3,
            id="overdue in one list, without the right to the other",
        ),
        pytest.param(
            record(Plans((ONLINE,))),
            record(DENIED),
            "online, postpaid_plans unknown",
            "1 failed",
            4,
            id="online in one list, without the right to the other",
        ),
        pytest.param(
            record(DENIED),
            record(Plans()),
            "no plan known, plans unknown",
            "1 failed",
            4,
            id="no plan in one list, without the right to the other",
        ),
        pytest.param(
            record(Plans((ENDING,))),
            record(Plans()),
            "online, plans that end within 7 days: 1 of 1, the first in 3 d 2 h",
            "1 plan ending",
            0,
            id="ending",
        ),
        pytest.param(ProbeRecord(), ProbeRecord(), "unknown", "1 waiting", 0, id="nothing yet"),
    ],
)
def test_a_row_has_the_status_of_its_plans(
    bought: ProbeRecord, postpaid: ProbeRecord, *, status: str, summary: str, code: int
) -> None:
    """With what is wrong behind it, the worst first; plans that have stopped are what ``status`` exits with 3 for."""
    found = report({BOUGHT: bought, POSTPAID: postpaid})

    assert cells(found.rows[0])[:4] == ("edge", "esa", status, "-")
    assert (summary_line(found), exit_code(found)) == (SUMMARY + summary, code)


def document(bought: ProbeRecord, postpaid: ProbeRecord, *, stale_after_s: float = 60.0) -> dict[str, Any]:
    found = report({BOUGHT: bought, POSTPAID: postpaid}, stale_after_s=stale_after_s)
    (row,) = json.loads(to_json(found))["services"]
    return dict(row)


def test_json_has_the_plans_of_both_lists() -> None:
    """Counts, the plans that have stopped, and when the next one ends."""
    row = document(record(Plans((ONLINE, ENDING))), record(Plans((OVERDUE,))))

    assert (row["condition"], row["status"], row["notes"][0]) == ("stopped", None, "plans overdue: 1 of 3")
    assert row["plans"] == {
        "statuses": {"online": 2, "overdue": 1},
        "sites": {"offline": 1},
        "stopped": ["sp-3"],
        "first_expiry": "2026-04-03T18:00:00.000Z",
        "whole": True,
    }


def test_plans_of_a_list_that_is_too_old_are_not_in_json() -> None:
    """Those of the other list are, and say that they are not all."""
    row = document(record(Plans((ONLINE,)), age_s=61), record(Plans((OVERDUE,))))

    assert (row["plans"]["statuses"], row["plans"]["whole"]) == ({"overdue": 1}, False)
    assert document(record(Plans(), age_s=61), record(Plans(), age_s=61))["plans"] is None
