"""Every query of the dashboards, run by a real Prometheus on what it has scraped of the demo's day."""

import lzma
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.dashboards.prometheus import ask, prometheus
from tests.dashboards.record import DAY_S, RECORDING, SCRAPE_INTERVAL_S
from tests.dashboards.shipped import Query, queries

EVERY = [pytest.param(query, id=f"{query.dashboard}: {query.part}") for query in queries()]
TIMES = {
    "__interval": f"{SCRAPE_INTERVAL_S}s",
    "__rate_interval": f"{4 * SCRAPE_INTERVAL_S}s",
    "__range": f"{DAY_S}s",
}

# Part of a dashboard, and why the demo has nothing for it.
WITHOUT_DATA = {
    "Credentials end in A": "the demo's accounts have access keys, which do not end",
    "Credentials end in, the 20 soonest A": "the demo's accounts have access keys, which do not end",
    "Age of the list of members A": "the demo has no resource directory",
    "Balance, and in a day B": "a forecast needs 5 hours of history",
    "Balance, and in a day: the 10 least B": "a forecast needs 5 hours of history",
}

Ask = Callable[[Query], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def day() -> str:
    """The recording, in OpenMetrics with times."""
    return lzma.decompress(RECORDING.read_bytes()).decode()


@pytest.fixture(scope="module")
def ask_at_the_end(day: str, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks a Prometheus that has the recording as its data, over the whole day."""
    folder = tmp_path_factory.mktemp("day")
    (folder / "day.om").write_text(day)
    subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", "day.om", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    end = max(float(moment) for moment in re.findall(r" (\d+\.?\d*)$", day, re.MULTILINE))
    span: Mapping[str, str] = {"start": str(end - DAY_S + 20), "end": str(end), "step": str(SCRAPE_INTERVAL_S)}
    # The recording cannot say that a series has ended, so that one ends with its last sample.
    look_back = f"--query.lookback-delta={2 * SCRAPE_INTERVAL_S - 1}s"
    with prometheus(tool("prometheus"), folder, {}, look_back) as host:
        yield lambda query: ask(host, "query_range", query=query.asked(TIMES), **span)


@pytest.mark.parametrize("query", EVERY)
def test_a_query_has_data(query: Query, ask_at_the_end: Ask) -> None:
    """A query is accepted and has series, or there is a reason why not, which still holds."""
    assert bool(ask_at_the_end(query)) == (query.part not in WITHOUT_DATA)


def test_the_worst_come_first(ask_at_the_end: Ask) -> None:
    """At the end of the day the table's first column has the number of each service's worst trouble."""
    (attention,) = (query for query in queries() if query.part == "Services, the worst first A")
    troubles = {
        series["metric"]["account"]: {value for _, value in series["values"]} for series in ask_at_the_end(attention)
    }

    assert troubles["healthy"] == {"0"}
    assert troubles["dormant"] == {"0"}
    assert troubles["legacy"] == {"6"}
    assert troubles["released"] == {"0", "6"}
    assert troubles["switching"] == {"0", "1"}
    assert {"2", "0"} <= troubles["silent"]
    assert {"0", "3", "6"} <= troubles["indebted"]


def test_the_recording_is_of_this_exporter(day: str) -> None:
    """What the dashboards ask for was recorded under the name that it has today."""
    asked = {name for query in queries() for name in re.findall(r"\b(dcdn_\w+)\{", query.expression)}
    recorded = set(re.findall(r"^(dcdn_\w+)\{", day, re.MULTILINE))

    assert asked - recorded == {
        "dcdn_exporter_credential_expiry_timestamp_seconds",
        "dcdn_exporter_discovery_last_success_timestamp_seconds",
    }
