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
_AS_IT_IS: Final = re.compile(r"=`\$\{(\w+):raw\}`")
_OF_SEVERAL: Final = re.compile(r'(?<!\w)\{([^{}]*), __name__=~"([^"]+)"([^{}]*)\}')
SHOWN: Final = ("datasource", "job", "instance", "account", "product")
"""The variables that people see; others hold the few accounts that a panel shows."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a dashboard; ``part`` is a panel's title and the query's letter, or a mark's or variable's."""

    dashboard: str
    part: str
    expression: str
    """With ``="$name"`` for a variable of one value, which stands as it is between backticks."""
    legend: str = ""
    interval: str = ""
    """The shortest between two points that the panel asks for."""

    def asked(self, times: Mapping[str, str], chosen: Mapping[str, str] | None = None) -> str:
        """The expression as Grafana sends it when everything is chosen, and these by variables that are hidden."""
        known = chosen or {}
        # A number that was not asked for before is asked for in its place.
        whole = re.sub(
            r"vector\(\$(\w+)\)",
            lambda number: number[0] if number[1] in known else f"({hidden(self.dashboard)[number[1]]})",
            self.expression,
        )
        regular = re.sub(r'="\$', '=~"$', whole)
        named = re.sub(r"\$(?!__)([a-z]\w*)", lambda name: known.get(name[1], ".+"), regular)
        return re.sub(r"\$(__\w+)", lambda name: times[name[1]], named)

    def spelled_out(self) -> str:
        """The expression with a selector for each metric, where one reads several.

        A record passes the matchers of a label that it lacks, where they end with | for that.
        """

        def of_each(selector: re.Match[str]) -> str:
            every = "".join(selector.group(1, 3))
            of_record = re.sub(r', \w+=~"[^"]*\|"', "", every)
            return " or ".join(f"{name}{{{of_record if ':' in name else every}}}" for name in selector[2].split("|"))

        return _OF_SEVERAL.sub(of_each, self.expression)


def panels(name: str) -> list[dict[str, Any]]:
    """The panels of a dashboard that show data, those of rows that are collapsed too."""
    every = [inner for panel in DASHBOARDS[name]["panels"] for inner in (panel, *panel.get("panels", ()))]
    return [panel for panel in every if panel["type"] != "row"]


def variables(name: str) -> dict[str, dict[str, Any]]:
    """What stands above a dashboard, and what is hidden there, by name."""
    return {variable["name"]: variable for variable in DASHBOARDS[name]["templating"]["list"]}


def hidden(name: str) -> dict[str, str]:
    """The expressions of the hidden variables of a dashboard, by name."""
    return {
        variable: found["query"].removeprefix("query_result(").removesuffix(")")
        for variable, found in variables(name).items()
        if variable not in SHOWN
    }


def counted(name: str) -> list[str]:
    """Which of them are a number, and not the names of accounts."""
    return [each for each in hidden(name) if not variables(name)[each].get("multi")]


def queries() -> Iterator[Query]:
    """Every query of every dashboard: of its hidden variables, its panels, then of its marks."""
    for name, dashboard in DASHBOARDS.items():
        yield from (Query(name, f"variable {variable}", asked) for variable, asked in hidden(name).items())
        for panel in panels(name):
            for target in panel["targets"]:
                part = f"{panel['title']} {target['refId']}"
                interval = panel.get("interval", "")
                yield Query(name, part, _quoted(target["expr"]), target.get("legendFormat", ""), interval)
        for mark in dashboard["annotations"]["list"]:
            yield Query(name, f"mark {mark['name']}", _quoted(mark["expr"]), mark["textFormat"])


def _quoted(expression: str) -> str:
    return _AS_IT_IS.sub(r'="$\1"', expression)
