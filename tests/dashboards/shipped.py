"""The dashboards that are shipped, and what they ask."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "grafana" / "dashboards"
DASHBOARDS: Final[Mapping[str, dict[str, Any]]] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))
}
VARIABLES: Final = ("datasource", "job", "instance", "account", "product")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a dashboard; ``part`` is the panel's title and the query's letter, or the mark's name."""

    dashboard: str
    part: str
    expression: str
    legend: str = ""

    def asked(self, times: Mapping[str, str]) -> str:
        """The expression as Grafana sends it when everything is chosen."""
        regular = re.sub(r'="\$', '=~"$', self.expression)
        chosen = re.sub(rf"\$({'|'.join(VARIABLES)})\b", ".+", regular)
        return re.sub(r"\$(__\w+)", lambda name: times[name[1]], chosen)


def panels(name: str) -> list[dict[str, Any]]:
    """The panels of a dashboard that show data."""
    return [panel for panel in DASHBOARDS[name]["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Query]:
    """Every query of every dashboard: of its panels, then of its marks."""
    for name, dashboard in DASHBOARDS.items():
        for panel in panels(name):
            for target in panel["targets"]:
                part = f"{panel['title']} {target['refId']}"
                yield Query(name, part, target["expr"], target.get("legendFormat", ""))
        for mark in dashboard["annotations"]["list"]:
            yield Query(name, f"mark {mark['name']}", mark["expr"], mark["textFormat"])
