"""Every query of the dashboards, run by a real Prometheus on what it has scraped of the demo's day."""

import re
from collections.abc import Callable, Iterator

import pytest

from grafana.builder.mappings import ATTENTION, DEBT, STATUS
from tests.dashboards.record import DAY_S
from tests.dashboards.replay import Ask, replayed
from tests.dashboards.shipped import Query, queries

TABLE = "Services that need somebody, then others: 100 rows at most, $left_out more on the status page"
EVERY = [pytest.param(query, id=f"{query.dashboard}: {query.part}") for query in queries()]

# Part of a dashboard, and why the demo has nothing for it.
WITHOUT_DATA = {
    "Credentials end in A": "the demo's accounts have access keys, which do not end",
    "variable expiring": "the demo's accounts have access keys, which do not end",
    "Credentials end in, the 20 soonest A": "the demo's accounts have access keys, which do not end",
    "Locks by reason B": "one of the demo's accounts is locked all day",
    "Age of the list of members A": "the demo has no resource directory",
    "Resource packages, plans of ESA and their sites, by status D": "all numbers of the demo's packages can be read",
    "Balance, and in a day B": "a forecast needs 6 hours of history",
    "Balance, and in a day: the 10 least B": "a forecast needs 6 hours of history",
}


@pytest.fixture(scope="module")
def ask_at_the_end(day: str, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks a Prometheus that has the recording as its data, over the whole day."""
    with replayed(day, tool, tmp_path_factory.mktemp("day"), last_s=DAY_S - 20) as ask:
        yield ask


@pytest.mark.parametrize("query", EVERY)
def test_a_query_has_data(query: Query, ask_at_the_end: Ask) -> None:
    """A query is accepted and has series, or there is a reason why not, which still holds."""
    assert bool(ask_at_the_end(query)) == (query.part not in WITHOUT_DATA)


def needs(name: str) -> str:
    """The number of a trouble."""
    (number,) = (number for number, text, _ in ATTENTION if text == name)
    return str(int(number))


def test_the_worst_come_first(ask_at_the_end: Ask) -> None:
    """At the end of the day the table's first column has the number of each service's worst trouble."""
    (attention,) = (query for query in queries() if query.part == f"{TABLE} A")
    troubles: dict[str, set[str]] = {}
    for series in ask_at_the_end(attention):
        troubles.setdefault(series["metric"]["account"], set()).update(value for _, value in series["values"])

    assert troubles["healthy"] == {needs("fine")}
    assert troubles["dormant"] == {needs("fine")}
    assert troubles["legacy"] == {needs("locked")}
    assert troubles["released"] == {needs("fine"), needs("locked")}
    assert troubles["switching"] == {needs("fine"), needs("changes soon")}
    assert {needs("fine"), needs("failing")} <= troubles["silent"]
    assert {needs("fine"), needs("in debt"), needs("locked")} <= troubles["indebted"]
    assert {needs("fine"), needs("partly down")} <= troubles["unfiled"]
    assert {needs("warning"), needs("partly down")} <= troubles["edge"]
    assert {needs("warning"), needs("partly down")} <= troubles["lapsing"]
    assert {needs("fine"), needs("warning")} <= troubles["prepaid"]
    assert troubles["secured"] == {needs("fine"), needs("warning")}


def test_the_recording_is_of_this_exporter(day: str) -> None:
    """What the dashboards ask for was recorded under the name that it has today."""
    asked = {name for query in queries() for name in re.findall(r"\b(dcdn_\w+)\{", query.expression)}
    recorded = set(re.findall(r"^(dcdn_\w+)\{", day, re.MULTILINE))

    assert asked - recorded == {
        "dcdn_exporter_credential_expiry_timestamp_seconds",
        "dcdn_exporter_discovery_last_success_timestamp_seconds",
        "dcdn_resource_packages_unreadable",  # younger than the recording
    }


def over_the_day(ask: Ask, part: str) -> dict[str, set[str]]:
    """The values of each series of a query of the overview, by the account where there is one."""
    (query,) = (query for query in queries() if (query.dashboard, query.part) == ("dcdn-overview", part))
    return {series["metric"].get("account", ""): {value for _, value in series["values"]} for series in ask(query)}


@pytest.mark.parametrize(
    ("part", "most"),
    [
        ("Locked A", 4),
        ("Overdue A", 1),
        ("Unknown A", 2),
        ("Changes in 7 days A", 2),
        ("Not activated A", 2),
        ("Failing A", 2),
        ("Stale A", 2),
        ("Expired certificates A", 1),
        ("Expiring certificates A", 1),
        ("Offline domains A", 1),
        ("Low packages A", 1),
        ("Stopped plans A", 1),
        ("Ending in 7 days A", 3),
        ("Changing parts A", 1),
    ],
)
def test_the_numbers_above_count_what_the_demo_plays(part: str, most: int, ask_at_the_end: Ask) -> None:
    """Each number of the overview is at most, over the day, how many services the demo has in that state at once."""
    assert max(map(float, over_the_day(ask_at_the_end, part)[""])) == most


def test_a_state_is_the_number_of_its_name(ask_at_the_end: Ask) -> None:
    """What the demo locks is shown as locked, what is in debt as in debt, and so on for every state."""
    status = {name: {str(number)} for number, name, _ in STATUS}
    debt = {name: {str(number)} for number, name, _ in DEBT}
    statuses = over_the_day(ask_at_the_end, f"{TABLE} B")
    debts = over_the_day(ask_at_the_end, f"{TABLE} G")

    assert statuses["legacy"] == status["locked"]
    assert statuses["dormant"] == status["not activated"]
    assert statuses["healthy"] == status["active"]
    assert statuses["silent"] == status["active"] | status["unknown"]
    assert debts["indebted"] == debt["none"] | debt["in debt"] | debt["overdue"]
    assert debts["streaming"] == debt["none"]


def test_a_lock_is_marked_where_it_begins_and_ends(ask_at_the_end: Ask) -> None:
    """Each lock of the day has one mark, and so has each release; one that holds all day has none."""
    marks = {query.part: query for query in queries() if query.dashboard == "dcdn-account"}
    seen = {
        name: {
            series["metric"]["account"]: len(series["values"])
            for series in ask_at_the_end(marks[f"mark {name}"])
            if series["metric"]["account"] in {"released", "legacy"}
        }
        for name in ("Locked", "Released")
    }

    assert seen == {"Locked": {"released": 4}, "Released": {"released": 3}}
