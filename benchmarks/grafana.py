"""What Grafana asks Prometheus when somebody opens a shipped dashboard, with everything chosen, over six hours."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from benchmarks.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FOLDER = ROOT / "grafana" / "dashboards"
NAMES = ("dcdn-overview", "dcdn-account", "dcdn-exporter")
# With the interval of scrapes that is shipped, and a panel that is about a thousand points wide.
_STEP_S = 20
_SCRAPED_S = 15
_SPECIAL = re.compile(r"[$^*{}\[\]'+?.()|]")
_LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)", re.DOTALL)
_QUERY_RESULT = re.compile(r"query_result\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one query cost."""

    part: str
    """Of the dashboard."""
    cpu_s: float
    peak_samples: int
    series: int


class Costing(Protocol):
    """Asks a path of Prometheus' API and notes what that cost; returns the answer's data."""

    def __call__(self, part: str, path: str, parameters: Mapping[str, str]) -> Any:
        """Ask it."""


def ask(address: str, path: str, parameters: Mapping[str, str], *, timeout_s: float = 180.0) -> Any:
    """What Prometheus answers; OSError where it refuses or takes too long."""
    request = Request(f"http://{address}/api/v1/{path}", urlencode(parameters).encode())
    if path.startswith("label/"):
        request = Request(f"http://{address}/api/v1/{path}?{urlencode(parameters)}")
    with urlopen(request, timeout=timeout_s) as response:  # noqa: S310 — ours
        return json.load(response)["data"]


def opened(name: str, cost: Costing, *, end: int, span_s: int) -> None:
    """Ask all that a dashboard asks: its variables, then its panels, those of collapsed rows too, and its marks."""
    dashboard = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    times = {"start": str(end - span_s), "end": str(end)}
    values: dict[str, str] = {"__range": f"{span_s}s"}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            values[variable["name"]] = _value(variable, values, cost, times)
    for panel in _panels(dashboard):
        step_s = 60 if panel.get("interval") == "1m" else _STEP_S
        for target in panel["targets"]:
            expression = filled(target["expr"], values | _of_step(step_s))
            part = f"{panel['title']} {target['refId']}"
            if target.get("instant"):
                cost(part, "query", {"query": expression, "time": str(end)})
            else:
                cost(part, "query_range", {"query": expression, "step": str(step_s), **times})
    for mark in dashboard["annotations"]["list"]:
        step_s = max(_STEP_S, 60 if mark["step"] == "1m" else _SCRAPED_S)
        expression = filled(mark["expr"], values | _of_step(step_s))
        cost(f"mark {mark['name']}", "query_range", {"query": expression, "step": str(step_s), **times})


def filled(expression: str, values: Mapping[str, str]) -> str:
    """The expression with the values of variables in their places; KeyError for one that is not known."""
    return re.sub(r"\$(?:\{(\w+):raw\}|([a-z_]\w*))", lambda name: values[name[1] or name[2]], expression)


def pattern(names: list[str]) -> str:
    """A regular expression for any of these names, as Grafana writes it into a query."""
    # Twice: for the expression, and for the string in which that stands.
    escaped = [_SPECIAL.sub(r"\\\\\g<0>", name.replace("\\", "\\" * 4)) for name in names]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _value(variable: dict[str, Any], values: Mapping[str, str], cost: Costing, times: Mapping[str, str]) -> str:
    part, query = f"variable {variable['name']}", variable["query"]
    if found := _LABEL_VALUES.fullmatch(query):
        answered = cost(part, f"label/{found[2]}/values", {"match[]": filled(found[1], values), **times})
        # The last one of one that can be chosen alone.
        return str(variable.get("allValue") or answered[-1])
    found = _QUERY_RESULT.fullmatch(query)
    assert found is not None, query
    answered = cost(part, "query", {"query": filled(found[1], values), "time": times["end"]})
    regex = re.compile(variable["regex"].strip("/"))
    texts = (_as_text(series) for series in answered["result"])
    names = list(dict.fromkeys(match[1] for text in texts if (match := regex.search(text))))
    return pattern(names) if variable.get("multi") else "".join(names)


def _as_text(series: dict[str, Any]) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in series["metric"].items() if name != "__name__")
    moment, value = series["value"]
    return f"{series['metric'].get('__name__', '')}{{{labels}}} {value} {moment * 1000:.0f}"


def _panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def _of_step(step_s: int) -> dict[str, str]:
    return {
        "__interval": f"{step_s}s",
        "__rate_interval": f"{max(step_s + _SCRAPED_S, 4 * _SCRAPED_S)}s",
    }
