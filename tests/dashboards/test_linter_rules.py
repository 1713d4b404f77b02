"""The rules of Grafana's dashboard-linter, which is no package (read on 2026-11-22); each bears its name there.

Its rules for Loki do not apply, and that every query parses is tested with promtool.
"""

import re

import pytest

from deploy.prometheus.rules.expressions import SHOWN as SHOWN_RECORD
from tests.dashboards.shipped import DASHBOARDS, SHOWN, Query, hidden, panels, queries, variables

LINTED = {"stat", "table", "timeseries", "gauge"}
# Those of Grafana's list of units that the dashboards use; a unit unknown to it would be written behind the number.
UNITS = {"none", "short", "locale", "s", "bytes", "percentunit", "ops", "reqps", "dateTimeAsIso"}
EVERY = [pytest.param(query, id=f"{query.dashboard}: {query.part}") for query in queries()]
SELECTOR = re.compile(r'(?<![\w:"])((?:dcdn|process|scrape)_\w+|up)(?![\w:])(\{[^}]*\})?(\[[^]]*\])?')
RECORDED = re.compile(r"\b([a-z_]+:[a-z_]+:[a-z_]+)(\{[^}]*\})?")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_template_datasource_rule(name: str) -> None:
    """The data source is chosen by one variable with the expected name and label."""
    sources = [variable for variable in variables(name).values() if variable["type"] == "datasource"]

    assert [(source["name"], source["label"], source["query"]) for source in sources] == [
        ("datasource", "Data source", "prometheus")
    ]


@pytest.mark.parametrize("variable", ["job", "instance"])
@pytest.mark.parametrize("name", DASHBOARDS)
def test_template_job_rule_and_template_instance_rule(name: str, variable: str) -> None:
    """Any number of jobs and of instances can be chosen, of the chosen data source."""
    job = variables(name)[variable]

    assert job["type"] == "query"
    assert job["datasource"] == {"type": "prometheus", "uid": "$datasource"}
    assert job["label"] == variable.title()
    assert (job["multi"], job["includeAll"], job["allValue"]) == (True, True, ".+")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_template_label_promql_rule(name: str) -> None:
    """A list is the values of a label, of series that the jobs and instances before it allow."""
    before: list[str] = []
    shown = [variable for variable in variables(name) if variable in SHOWN[1:]]
    for variable in shown:
        query = variables(name)[variable]["query"]
        shape = re.fullmatch(r"label_values\(\w+\{(.*)\}, (\w+)\)", query)
        assert shape is not None, query
        assert shape[1] == ", ".join(f'{earlier}=~"${earlier}"' for earlier in before[:2])
        assert shape[2] == variable
        before.append(variable)

    assert before == [item for item in SHOWN[1:] if item != "account" or name != "dcdn-exporter"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_template_on_time_change_reload_rule(name: str) -> None:
    """Which accounts are shown follows the range; the lists are read when the dashboard is opened, and not again."""
    refreshes = {variable: found.get("refresh") for variable, found in variables(name).items()}

    assert {refreshes[variable] for variable in SHOWN[1:] if variable in refreshes} == {1}
    assert {refreshes[variable] for variable in hidden(name)} <= {2}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_what_chooses_accounts_gives_grafana_their_names(name: str) -> None:
    """All that it finds are chosen, as a pattern of their names; it is no list for people."""
    for variable in hidden(name):
        found = variables(name)[variable]
        assert found["hide"] == 2
        assert found["regex"] in {'/account="([^"]*)"/', "/} ([0-9]+)/"}
        if found["regex"].startswith("/account"):
            assert (found["multi"], found["includeAll"], "allValue" in found) == (True, True, False)
            assert found["current"]["value"] == ["$__all"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_uneditable_dashboard_rule(name: str) -> None:
    """What would be lost with the next provisioning cannot be edited."""
    assert DASHBOARDS[name]["editable"] is False


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panel_datasource_rule(name: str) -> None:
    """Nothing asks another data source than the chosen one: no panel, no query, no mark."""
    whole = DASHBOARDS[name]
    asking = [*panels(name), *(target for panel in panels(name) for target in panel["targets"])]

    assert {item["datasource"]["uid"] for item in [*asking, *whole["annotations"]["list"]]} == {"$datasource"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panel_title_description_rule(name: str) -> None:
    """Every panel says what it shows in a title of its own and a description."""
    titles = [panel["title"] for panel in panels(name)]

    assert all(titles)
    assert len(set(titles)) == len(titles)
    assert [panel["title"] for panel in panels(name) if not panel["description"].endswith(".")] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panel_units_rule(name: str) -> None:
    """Every number has a unit that Grafana knows, the columns of tables too."""
    for panel in panels(name):
        properties = [one for override in panel["fieldConfig"]["overrides"] for one in override["properties"]]
        units = {
            panel["fieldConfig"]["defaults"]["unit"],
            *(one["value"] for one in properties if one["id"] == "unit"),
        }
        assert units <= UNITS, panel["title"]
        assert panel["type"] in LINTED | {"state-timeline", "heatmap"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panel_no_targets_rule(name: str) -> None:
    """Every panel asks something."""
    assert all(panel["targets"] for panel in panels(name))


@pytest.mark.parametrize("query", EVERY)
def test_target_rate_interval_rule(query: Query) -> None:
    """A rate is taken over as long as the zoom and the scrape interval need, or over as long as in the rules."""
    ranges = re.findall(r"\b(?:rate|irate|increase)\(\w+\{[^}]*\}(\[[^]]*\])", query.expression)

    assert set(ranges) <= ({"[5m]"} if query.interval == "1m" else {"[$__rate_interval]"})


@pytest.mark.parametrize("query", EVERY)
def test_target_job_rule_and_target_instance_rule(query: Query) -> None:
    """Every selector keeps to the chosen jobs and instances."""
    for metric, matchers, _ in SELECTOR.findall(query.spelled_out()):
        assert matchers.startswith('{job=~"$job", instance=~"$instance"'), metric
    for record, matchers in RECORDED.findall(query.spelled_out()):
        level = record.partition(":")[0].split("_")
        assert ('job=~"$job"' in matchers) == ("job" in level), record
        # Of several replicas that show an account, this one names any.
        assert ('instance=~"$instance"' in matchers) == ("instance" in level and record != SHOWN_RECORD), record


@pytest.mark.parametrize("query", EVERY)
def test_target_counter_agg_rule(query: Query) -> None:
    """A counter is shown as a rate or an increase."""
    counters = re.findall(r"\w+_(?:total|count|bucket)\{", query.expression)
    rated = re.findall(r"\b(?:rate|irate|increase)\(\w+_(?:total|count|bucket)\{", query.expression)

    assert len(counters) == len(rated)
