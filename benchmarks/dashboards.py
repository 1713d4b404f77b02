"""What opening the shipped dashboards costs a real Prometheus that has six hours of 10,000 accounts.

Every query of every dashboard is asked as Grafana asks it, those of variables, of collapsed rows and of marks that
are off at first too. Beside it: what the rules that only dashboards read cost for one evaluation, and what the marks
of many accounts cost before they were asked of few.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import grafana
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.fleet import END, SPAN_S, WITH_INVENTORIES, WITH_PLANS, Fleet, Scenario
from benchmarks.fleet_block import write_blocks
from benchmarks.grafana import Cost
from benchmarks.processes import MeasuredProcess
from benchmarks.progress import say
from benchmarks.rules import address_of
from deploy.prometheus.rules.groups import GROUPS
from deploy.prometheus.rules.rule import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_MOST_OF_A_QUERY_S = 1.0
_MOST_OF_A_DASHBOARD_S = 2.0
# A fifth of what Prometheus takes without being told otherwise.
_MOST_SAMPLES = 10_000_000
_WORTH_SAYING_S = 0.1
_CPU = "CPU"
_DEAREST = "dearest query"
_SAMPLES = "samples at once"
_SERVICE = "account, product"
_RECORDINGS = tuple(
    rule for group in GROUPS if group.name == "dcdn-dashboards" for rule in group.rules if isinstance(rule, Recording)
)


@dataclass(slots=True)
class _Measured:
    """Asks Prometheus, and keeps what each query cost."""

    prometheus: MeasuredProcess
    address: str
    costs: list[Cost] = field(default_factory=list)

    def __call__(self, part: str, path: str, parameters: Mapping[str, str]) -> Any:
        before_s = self.prometheus.cpu_s()
        answered = grafana.ask(self.address, path, {**parameters, "stats": "all"})
        spent_s = self.prometheus.cpu_s() - before_s
        of_query = isinstance(answered, dict)
        peak = answered["stats"]["samples"]["peakSamples"] if of_query else 0
        self.costs.append(Cost(part, spent_s, peak, len(answered["result"] if of_query else answered)))
        return answered


def measure(
    *,
    accounts: int = 10_000,
    fleets: Sequence[tuple[int, Scenario]] = (
        (2, Scenario.WELL),
        (1, Scenario.WELL),
        (2, Scenario.STALE),
        (2, Scenario.LOCKED),
    ),
    find: Callable[[str], str | None] = shutil.which,
) -> Finding:
    """Make the blocks of each fleet, and open every dashboard on them; the first is asked for the old marks too."""
    prometheus, promtool = find("prometheus"), find("promtool")
    if prometheus is None or promtool is None:
        return Finding("dashboards", (), notes=("Left out: it needs prometheus (Debian: apt install prometheus).",))
    figures: list[Figure] = []
    for replicas, scenario in fleets:
        fleet = Fleet(accounts, replicas, scenario, all_marked=not figures)
        with tempfile.TemporaryDirectory() as name:
            say(f"dashboards: {fleet}: making blocks of {accounts:,} accounts")
            data = write_blocks(fleet, Path(name), promtool)
            say(f"dashboards: {fleet}: asking")
            figures += _asked(prometheus, fleet, data, old_marks=fleet.all_marked)
    notes = (
        f"{accounts:,} accounts, two probes each, six hours; at steps of 20 s, and of 60 s where rules record.",
        (
            f"One account of {WITH_INVENTORIES} has probes of certificates, domains and resource packages too; one "
            f"of {WITH_PLANS} has plans of ESA, and every second of these something of each kind to see to."
        ),
    )
    return Finding("dashboards", tuple(figures), tuple(_claims(figures)), notes)


def _claims(figures: list[Figure]) -> Iterator[Claim]:
    """What the dearest of all may cost."""
    for name, what, limit in (
        (_CPU, "CPU of the dearest dashboard", _MOST_OF_A_DASHBOARD_S),
        (_DEAREST, "CPU of the dearest query", _MOST_OF_A_QUERY_S),
        (_SAMPLES, "samples at once, of the dearest query", _MOST_SAMPLES),
    ):
        of_dashboards = (figure for figure in figures if figure.name == name and ": dcdn-" in figure.of)
        most = max(of_dashboards, key=lambda figure: figure.value)
        yield Claim(Figure(what, most.value, most.unit), Bound.AT_MOST, limit)


def _asked(prometheus: str, fleet: Fleet, data: Path, *, old_marks: bool) -> list[Figure]:
    empty = data.parent / "prometheus.yaml"
    empty.write_text("{}")
    command = [prometheus, f"--config.file={empty}", f"--storage.tsdb.path={data}"]
    with MeasuredProcess([*command, "--web.listen-address=127.0.0.1:0"]) as running:
        address = running.wait_for("address", address_of)
        running.wait_for("readiness", lambda line: line if "Server is ready" in line else None)
        recordings = _Measured(running, address)
        for record in dict.fromkeys(rule.record for rule in _RECORDINGS):
            _check(record, recordings)
        whole = sum(cost.cpu_s for cost in recordings.costs)
        _say(f"{fleet}: recordings", recordings.costs)
        found = [Figure(_CPU, whole, "s", of=f"{fleet}: recordings, in a minute")]
        for dashboard in grafana.NAMES:
            measured = _Measured(running, address)
            grafana.opened(dashboard, measured, end=END, span_s=SPAN_S)
            _say(f"{fleet}: {dashboard}", measured.costs)
            found += _figures(f"{fleet}: {dashboard}", measured.costs)
        if old_marks:
            found += _old_marks(running, address)
        return found


def _figures(of: str, costs: list[Cost]) -> list[Figure]:
    return [
        Figure(_CPU, sum(cost.cpu_s for cost in costs), "s", of=of),
        Figure(_DEAREST, max(cost.cpu_s for cost in costs), "s", of=of),
        Figure(_SAMPLES, max(cost.peak_samples for cost in costs), "", of=of),
        Figure("queries", len(costs), "", of=of),
    ]


def _check(record: str, measured: _Measured) -> None:
    """Evaluate the record's rules at the end; RuntimeError where the blocks hold other series of it."""
    given: list[dict[str, str]] = []
    for rule in _RECORDINGS:
        if rule.record == record:
            part = f"{record} {' '.join(rule.labels.values())}".strip()
            found = measured(part, "query", {"query": rule.expression, "time": str(END)})["result"]
            given += [series["metric"] | dict(rule.labels) for series in found]
    held = grafana.ask(measured.address, "query", {"query": record, "time": str(END)})["result"]
    expected = {frozenset(labels.items()) for labels in given}
    there = {frozenset(series["metric"].items() - {("__name__", record)}) for series in held}
    if expected != there:
        message = f"{record}: the rules give {len(expected)} series, the blocks have {len(there)}: {expected ^ there}"
        raise RuntimeError(message[:500])


def _old_marks(running: MeasuredProcess, address: str) -> list[Figure]:
    """What one refresh of the overview's marks took while they were asked of all accounts, until it was refused."""
    before_s, refused = running.cpu_s(), 0
    for metric, label in (
        ("dcdn_service_lock", "reason"),
        ("dcdn_service_next_charge_type", "charge_type"),
        ("dcdn_service_charge_type", "charge_type"),
    ):
        by = f"{_SERVICE}, {label}"
        before = f"{metric} offset 20s"
        expression = (
            f"max by ({by}) ({metric}) == 1 unless on ({by}) (max by ({by}) ({before}) == 1) "
            f"and on ({_SERVICE}) max by ({_SERVICE}) ({before})"
        )
        parameters = {"query": expression, "start": str(END - SPAN_S), "end": str(END), "step": "20"}
        try:
            grafana.ask(address, "query_range", parameters)
        except OSError as error:
            say(f"dashboards: an old mark of {metric} was refused: {error}")
            refused += 1
    spent = Figure("CPU of three of the old overview's marks", running.cpu_s() - before_s, "s")
    return [spent, Figure("of these, refused since they read too many samples", refused, "")]


def _say(of: str, costs: list[Cost]) -> None:
    say(f"dashboards: {of}: {len(costs)} queries, {sum(cost.cpu_s for cost in costs):.2f} s")
    for cost in sorted(costs, key=lambda cost: -cost.cpu_s):
        if cost.cpu_s >= _WORTH_SAYING_S:
            say(f"  {cost.cpu_s:.2f} s, {cost.peak_samples:,} samples, {cost.series:,} series: {cost.part}")
