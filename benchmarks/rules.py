"""What the shipped rules cost a real Prometheus, for two replicas of 10,000 accounts with two probes each.

Both replicas are our own page, fed without an API. Prometheus scrapes them at the shipped pace, and is watched when
ranges of 15 minutes are full; then again, when all polls have failed for as long; and at last without rules, when its
CPU is that of its scrapes.
"""

from __future__ import annotations

import re
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.request import urlopen

import yaml
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.processes import ROOT, MeasuredProcess
from benchmarks.progress import say, sleep_until

if TYPE_CHECKING:
    from collections.abc import Callable

_RULES = ROOT / "deploy" / "prometheus"
_REPLICAS = 2
_MOST_OF_INTERVAL = 0.5
_MOST_CPU_S = 25.0
_LOOK_EVERY_S = 2.0
_LISTENING = re.compile(r"(?:Listening on|Start listening).* address=(127\.0\.0\.1:[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of a group."""

    group: str
    began: float
    """Unix time, in whole seconds."""
    seconds: float
    interval_s: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of Prometheus for a while."""

    evaluations: dict[str, list[Evaluation]]
    """Of each group."""
    cpu_s: float
    """Of a minute."""


def measure(
    *,
    accounts: int = 10_000,
    fill_s: float = 900.0,
    watch_s: float = 180.0,
    find: Callable[[str], str | None] = shutil.which,
) -> Finding:
    """Let Prometheus evaluate for `fill_s`, then note what it says of its evaluations for `watch_s`, three times."""
    program = find("prometheus")
    if program is None:
        return Finding("rules", (), notes=("Left out: it needs prometheus (Debian: apt install prometheus).",))
    answered, failing, without = _watched(program, accounts, fill_s=fill_s, watch_s=watch_s)
    figures: list[Figure] = []
    claims = []
    for when, seen in (("", answered), (", all polls failing", failing)):
        figures += [
            Figure(f"one evaluation of {group}{when}", median(one.seconds for one in ones), "s", len(ones))
            for group, ones in seen.evaluations.items()
        ]
        shares = {
            group: median(one.seconds / one.interval_s for one in ones) for group, ones in seen.evaluations.items()
        }
        slowest = max(shares, key=lambda group: shares[group])
        share = Figure(f"slowest group, of its interval{when}", shares[slowest], "", len(seen.evaluations[slowest]))
        cpu = Figure(f"CPU of the rules in a minute{when}", seen.cpu_s - without.cpu_s, "s")
        claims += [Claim(share, Bound.AT_MOST, _MOST_OF_INTERVAL), Claim(cpu, Bound.AT_MOST, _MOST_CPU_S)]
        figures += [share, cpu]
    figures.append(Figure("CPU of Prometheus in a minute, scrapes alone", without.cpu_s, "s"))
    note = f"{_REPLICAS} replicas of {accounts:,} accounts, two probes; as shipped; after {fill_s:g} s."
    return Finding("rules", tuple(figures), tuple(claims), (note,))


def evaluations(page: str) -> list[Evaluation]:
    """What Prometheus' own /metrics says of each group; none of a group that was not evaluated yet.

    ``/api/v1/rules`` says the same beside all alerts: 28 MB and a second of CPU while 30,000 fire. Raises
    RuntimeError when a rule has failed.
    """
    of_group: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if "rule_group" in sample.labels:
                group = sample.labels["rule_group"].rpartition(";")[2]
                of_group.setdefault(group, {})[sample.name.removeprefix("prometheus_rule_")] = sample.value
    found = []
    for name, its in of_group.items():
        if failures := its.get("evaluation_failures_total"):
            message = f"{name}: {failures:g} evaluations of rules failed"
            raise RuntimeError(message)
        if seconds := its.get("group_last_duration_seconds"):
            began = its["group_last_evaluation_timestamp_seconds"]
            found.append(Evaluation(name, began, seconds, its["group_interval_seconds"]))
    return found


def _watched(program: str, accounts: int, *, fill_s: float, watch_s: float) -> tuple[Watched, Watched, Watched]:
    """Prometheus while polls are answered, while they all fail, and without rules."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        replicas = [
            running.enter_context(MeasuredProcess.python("benchmarks.serve_ours", str(accounts), "debts"))
            for _ in range(_REPLICAS)
        ]
        file = _configuration(folder, [replica.address() for replica in replicas])
        prometheus = running.enter_context(
            MeasuredProcess(
                [
                    program,
                    f"--config.file={file}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    "--web.listen-address=127.0.0.1:0",
                ]
            )
        )
        url = f"http://{prometheus.wait_for('address', address_of)}/metrics"
        prometheus.wait_for("readiness", lambda line: line if "Server is ready" in line else None)
        say(f"rules: {_REPLICAS} replicas of {accounts} accounts, {2 * fill_s + 3 * watch_s:g} s")
        time.sleep(fill_s)
        answered = _watch(prometheus, url, watch_s)
        for replica in replicas:
            replica.signal(signal.SIGUSR1)
            replica.wait_for("failures", lambda line: line if line == "failing" else None)
        time.sleep(fill_s)
        failing = _watch(prometheus, url, watch_s)
        file.write_text(file.read_text(encoding="utf-8").replace("alerts.yaml", "none.yaml"), encoding="utf-8")
        prometheus.signal(signal.SIGHUP)
        return answered, failing, _watch(prometheus, url, watch_s)


def _watch(prometheus: MeasuredProcess, url: str, watch_s: float) -> Watched:
    """Every evaluation of each group while it is watched, which is until each was seen, and the CPU meanwhile."""
    before_s, began = prometheus.cpu_s(), time.monotonic()
    # By the moment when each began: a group that takes longer than its interval is seen as it was for a while.
    seen: dict[tuple[str, float], Evaluation] = {}
    waiting = True  # for the first evaluation of some group, which comes within its interval
    while waiting or time.monotonic() < began + watch_s:
        look_again = time.monotonic() + _LOOK_EVERY_S
        with urlopen(url) as response:  # noqa: S310 — ours
            page = response.read().decode()
        seen |= {(one.group, one.began): one for one in evaluations(page)}
        waiting = len({group for group, _ in seen}) < page.count("\nprometheus_rule_group_rules{")
        sleep_until(look_again)
    cpu_s = (prometheus.cpu_s() - before_s) * 60 / (time.monotonic() - began)
    groups = sorted({one.group for one in seen.values()})
    return Watched({group: [one for one in seen.values() if one.group == group] for group in groups}, cpu_s)


def _configuration(folder: Path, targets: list[str]) -> Path:
    """The shipped configuration, with these targets and no receivers."""
    configuration = yaml.safe_load((_RULES / "prometheus.yaml").read_text(encoding="utf-8"))
    del configuration["alerting"]
    configuration["rule_files"] = [str(_RULES / "alerts.yaml")]
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": targets}]
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return file


def address_of(line: str) -> str | None:
    """Where Prometheus listens, by a line of its log."""
    found = _LISTENING.search(line)
    return found[1] if found else None
