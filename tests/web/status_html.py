"""The status page of some records as HTML, for tests to read."""

import re
from collections.abc import Mapping
from typing import Any

from exporter.core.model import ProbeKey
from exporter.core.store import ProbeRecord
from exporter.report.report import Report
from exporter.web.status_page import StatusPage, View, build_environment, render
from exporter.web.texts import load_texts
from tests.report.records import report

TEXTS = load_texts()
_STATUS = 2
"""The place of its column."""
Records = Mapping[ProbeKey, ProbeRecord]


def page_of(shown: Report, view: View | None = None, *, language: str = "en", **changes: Any) -> str:
    page: dict[str, Any] = {"version": "1.2.3", "telemetry_path": "/metrics", "report": shown, "ready": True}
    return render(StatusPage(**{**page, **changes}), build_environment(), TEXTS[language], view)


def html_of(records: Records, view: View | None = None, **changes: Any) -> str:
    return page_of(report(records), view, **changes)


def alarms(html: str) -> dict[str, str]:
    """The counts above the table, by the alarm whose rows their links ask for."""
    return dict(re.findall(r'\?alarm=(\w+)"[^>]*><b>(\d+)</b>', html))


def cells(html: str) -> list[list[str]]:
    """The text of the table's body, cell by cell, without the markup; notes below a row are behind its status."""
    body = re.split("<tbody[^>]*>", html)[-1].partition("</tbody>")[0] if "<tbody" in html else ""
    rows: list[list[str]] = []
    for row in body.split("</tr>")[:-1]:
        texts = [
            re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        if "colspan" in row:
            rows[-1][_STATUS] = f"{rows[-1][_STATUS]}, {texts[0]}"
        else:
            rows.append(texts)
    return rows
