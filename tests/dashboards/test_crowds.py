"""The dashboards with many accounts, and with two replicas of the exporter."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grafana.builder.thresholds import ROWS, SHOWN
from tests.dashboards.record import SCRAPE_INTERVAL_S
from tests.dashboards.replay import Ask, replayed
from tests.dashboards.shipped import DASHBOARDS, Query, panels, queries

COPIES = 30
# Its queries count what each replica does, or show each process.
OF_EACH_REPLICA = {"dcdn-exporter"}
COUNTED = "Failed polls by reason A"
# The table's last column names any of the replicas.
NAMES_A_REPLICA = " J"


def samples(day: str) -> list[str]:
    """The last two samples of every series of the recording."""
    moments = {line: float(line.rpartition(" ")[2]) for line in day.splitlines() if line[0] != "#"}
    begin = max(moments.values()) - 2 * SCRAPE_INTERVAL_S
    return [line for line, moment in moments.items() if moment > begin]


def in_families(lines: list[str]) -> str:
    return "\n".join([*sorted(lines, key=lambda line: line.partition("{")[0]), "# EOF\n"])


@pytest.fixture(scope="module")
def crowd(day: str, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """The demo's 17 accounts in 30 copies: 510 of them."""
    once = samples(day)
    copies = [
        re.sub(r'account="(\w+)"', rf'account="\1-{copy}"', line)
        for copy in range(1, COPIES)
        for line in once
        if 'account="' in line
    ]
    with replayed(
        in_families([*once, *copies]), tool, tmp_path_factory.mktemp("crowd"), last_s=SCRAPE_INTERVAL_S
    ) as ask:
        yield ask


def drawn(name: str) -> list[Query]:
    """The queries of a dashboard whose series are lines or bars."""
    titles = {panel["title"] for panel in panels(name) if panel["type"] in {"timeseries", "state-timeline"}}
    return [query for query in queries() if query.dashboard == name and query.part.rpartition(" ")[0] in titles]


@pytest.mark.parametrize("name", ["dcdn-overview", "dcdn-exporter"])
def test_500_accounts_can_be_read(name: str, crowd: Ask) -> None:
    """No panel of all accounts has more lines or bars than a reader can follow."""
    seen = {query.part: len(crowd(query)) for query in drawn(name)}

    assert {part: count for part, count in seen.items() if count > SHOWN} == {}


def test_the_table_has_those_that_need_somebody(crowd: Ask) -> None:
    """Of 500 accounts it is asked for 100, all in trouble first; the rest is counted in its title."""
    by_part = {query.part: query for query in queries() if query.dashboard == "dcdn-overview"}
    (title,) = (part for part in by_part if part.startswith("Services that need") and part.endswith(" A"))
    rows = crowd(by_part[title])
    (left_out,) = crowd(by_part["variable left_out"])
    needing = {series["metric"]["account"] for series in rows if series["values"][-1][1] != "0"}

    assert len({series["metric"]["account"] for series in rows}) == ROWS
    assert len(needing) > COPIES
    assert left_out["values"][-1][1] == str(18 * COPIES - ROWS)


def test_a_second_replica_changes_nothing(day: str, tool: Callable[[str], str], tmp_path: Path) -> None:
    """What is shown of accounts is the same for one exporter and for two that poll the same."""
    once = samples(day)
    # What is recorded over replicas has no instance, and is the same.
    of_an_exporter = [line for line in once if 'instance="demo"' in line]
    twice = [*once, *(line.replace('instance="demo"', 'instance="other"') for line in of_an_exporter)]
    shown: list[dict[str, Any]] = []
    for name, lines in (("once", once), ("twice", twice)):
        (tmp_path / name).mkdir()
        with replayed(in_families(lines), tool, tmp_path / name, last_s=SCRAPE_INTERVAL_S) as ask:
            asked = (query for query in queries() if query.dashboard in DASHBOARDS.keys() - OF_EACH_REPLICA)
            alike = (query for query in asked if query.part != COUNTED and not query.part.endswith(NAMES_A_REPLICA))
            shown.append({f"{query.dashboard} {query.part}": ask(query) for query in alike})

    assert shown[0] == shown[1]


@pytest.mark.parametrize("panel", ["Accounts not polled", "Shards missing"])
def test_a_second_job_hides_nothing(panel: str, day: str, tool: Callable[[str], str], tmp_path: Path) -> None:
    """Of two exporters with accounts of their own, a shard and its accounts are missing as they are of one."""
    once = [
        re.sub(r"\} \S+", "} 2", line) if line.startswith("dcdn_exporter_total_shards") else line
        for line in samples(day)
        if 'account="healthy"' not in line and "job=" in line
    ]
    again = [
        line.replace('job="dcdn-exporter"', 'job="other"').replace('account="', 'account="its-') for line in once
    ]
    (query,) = (query for query in queries() if query.part == f"{panel} A")
    with replayed(in_families([*once, *again]), tool, tmp_path, last_s=SCRAPE_INTERVAL_S) as ask:
        (series,) = ask(query)

    assert {value for _, value in series["values"]} == {"2"}


def test_other_programs_are_left_out(day: str, tool: Callable[[str], str], tmp_path: Path) -> None:
    """With all jobs chosen, what Prometheus scrapes beside the exporter is in no panel."""
    alone = samples(day)
    others = [
        re.sub(r"\} \S+", "} 0", line.replace('job="dcdn-exporter"', 'job="web"').replace('"demo"', '"shop"'))
        for line in alone
        if not line.startswith(("dcdn_", "ALERTS")) and ":" not in line.partition("{")[0]
    ]
    shown: list[dict[str, Any]] = []
    for name, lines in (("alone", alone), ("beside", [*alone, *others])):
        (tmp_path / name).mkdir()
        with replayed(in_families(lines), tool, tmp_path / name, last_s=SCRAPE_INTERVAL_S) as ask:
            shown.append({f"{query.dashboard} {query.part}": ask(query) for query in queries()})

    assert {line.partition("{")[0] for line in others} > {"up", "process_resident_memory_bytes"}
    assert shown[0] == shown[1]
