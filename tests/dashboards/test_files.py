import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.builder.files import FILES
from grafana.builder.thresholds import BESIDE, CHANGES, ROWS
from tests.dashboards.shipped import DASHBOARDS, FOLDER, ROOT, panels

# What the Prometheus data source reads of an annotation and the library's model of one does not know.
BEYOND_THE_MODEL = {"step", "tagKeys", "textFormat", "titleFormat"}


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where the second of two documents lacks what the first one says."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from lost(value, after.get(key), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{path}/{index}")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"


def round_trip(document: Any) -> Any:
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(document)))


def test_the_program_writes_what_is_shipped() -> None:
    """No dashboard was changed by hand, and `make dashboards` was not forgotten."""
    assert {name: text("") for name, text in FILES.items()} == {
        file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")
    }


def modelled(name: str) -> dict[str, Any]:
    """A dashboard without what the library's model leaves out on purpose of ours."""
    document: dict[str, Any] = json.loads(json.dumps(DASHBOARDS[name]))
    for mark in document["annotations"]["list"]:
        for key in BEYOND_THE_MODEL:
            del mark[key]
    return document


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafana_knows_every_key(name: str) -> None:
    """A dashboard that goes through Grafana's own types comes out as it went in: no key is misspelt."""
    document = modelled(name)

    assert list(lost(document, round_trip(document))) == []


def test_a_misspelt_key_is_found() -> None:
    """The round trip sees a wrong key of a panel, of a query and of a panel's own options."""
    document = modelled("dcdn-overview")
    panel = next(panel for panel in document["panels"] if panel["type"] == "timeseries")
    panel["titel"] = panel["targets"][0]["legendFormt"] = "x"
    panel["fieldConfig"]["defaults"]["custom"]["lineWidht"] = "x"
    missing = [line.partition(":")[0].rpartition("/")[2] for line in lost(document, round_trip(document))]

    assert sorted(missing) == ["legendFormt", "lineWidht", "titel"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fill_the_page(name: str) -> None:
    """No panel lies on another one or beside the page, and no two have the same number."""
    every = [inner for panel in DASHBOARDS[name]["panels"] for inner in (panel, *panel.get("panels", ()))]
    cells = [
        (x, y)
        for panel in every
        for box in [panel["gridPos"]]
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in every}) == len(every)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_panel_without_data_says_so(name: str) -> None:
    """An empty panel says why it is empty: it may be good news, or the probe may be off."""
    assert [panel["title"] for panel in panels(name) if not panel["fieldConfig"]["defaults"].get("noValue")] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_number_that_is_not_there_is_grey(name: str) -> None:
    """Grafana colours a tile without data like its lowest number, which is mostly green."""
    for panel in panels(name):
        if panel["type"] == "stat":
            defaults = panel["fieldConfig"]["defaults"]
            results = [one["options"]["result"] for one in defaults["mappings"] if one["type"] == "special"]
            assert [one["color"] for one in results] == ["#6e7077"], panel["title"]
            assert results[0]["text"] == defaults["noValue"], panel["title"]


def test_a_cell_without_a_number_is_no_bright_one() -> None:
    """Where a cell is drawn in the colour of its text, that of no number is not the brightest of a dark page."""
    for name in DASHBOARDS:
        for panel in panels(name):
            for override in panel["fieldConfig"]["overrides"]:
                named = {one["id"]: one["value"] for one in override["properties"]}
                if named.get("custom.cellOptions", {}).get("type") in {"color-background", "gauge"}:
                    results = [one["options"]["result"] for one in named["mappings"] if one["type"] == "special"]
                    assert "text" not in {one["color"] for one in results}, override["matcher"]["options"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_legend_of_many_lines_does_not_press_them_flat(name: str) -> None:
    """Lines of each probe, operation or status have their legend beside them, the largest first."""
    for panel in panels(name):
        legends = " ".join(target.get("legendFormat", "") for target in panel["targets"])
        of_many = re.search(r"\{\{(probe|operation|status)\}\}", legends) and legends != "{{status}}"
        if panel["type"] == "timeseries":
            legend = panel["options"]["legend"]
            assert legend["placement"] == ("right" if of_many else "bottom"), panel["title"]
            assert (legend.get("sortBy"), legend.get("sortDesc")) == (("Last *", True) if of_many else (None, None))


def test_an_age_that_is_not_known_is_not_called_never() -> None:
    """A service whose exporter is down has no age, and was answered a minute ago."""
    (table,) = (panel for panel in panels("dcdn-overview") if panel["title"].startswith("Services that need"))
    texts = {
        override["matcher"]["options"]: [
            mapping["options"]["result"]["text"]
            for one in override["properties"]
            if one["id"] == "mappings"
            for mapping in one["value"]
            if mapping["type"] == "special"
        ]
        for override in table["fieldConfig"]["overrides"]
    }

    assert (texts["Data age"], texts["Of its limit"]) == (["none known"], ["-"])


def test_few_panels_ask_when_the_exporter_is_looked_at() -> None:
    """At most twelve; those of collapsed rows ask nothing until somebody opens them."""
    assert len([panel for panel in DASHBOARDS["dcdn-exporter"]["panels"] if panel["type"] != "row"]) <= 12


def test_a_column_that_is_described_exists() -> None:
    """The properties of a table's column stand under the name to which it was renamed."""
    for name in DASHBOARDS:
        for panel in panels(name):
            if panel["type"] == "table":
                (organised,) = (step for step in panel["transformations"] if step["id"] == "organize")
                columns = set(organised["options"]["renameByName"].values())
                described = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
                assert described <= columns, panel["title"]
                assert {column["displayName"] for column in panel["options"].get("sortBy", [])} <= columns


def test_provisioning_loads_them() -> None:
    """Grafana finds a Prometheus, and the folder of the dashboards; both are as its documentation has them."""
    folder = ROOT / "grafana" / "provisioning"
    (datasource,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards/dcdn-exporter.yaml").read_text())["providers"]

    assert (datasource["type"], datasource["access"]) == ("prometheus", "proxy")
    assert datasource["jsonData"]["timeInterval"] == "15s"
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards/dcdn-exporter"


def test_documents_show_pictures_that_load_fast() -> None:
    """The README shows one, grafana/README.md all of them; each is a PNG, and is smaller than 300 kB."""
    folder = ROOT / "docs" / "images"
    readme, all_of_them = (
        re.findall(r"\]\((?:\.\./)?docs/images/([^)]+)\)", (ROOT / page).read_text(encoding="utf-8"))
        for page in ("README.md", "grafana/README.md")
    )
    pictures = {file.name: file.read_bytes() for file in folder.iterdir()}

    assert readme == ["dashboard-overview.png"]
    assert sorted(all_of_them) == sorted(pictures)
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())
    assert max(map(len, pictures.values())) < 300_000


def test_tables_begin_with_the_worst_or_the_next() -> None:
    """Services and findings come by the number of their trouble, the largest first, changes by the time left."""
    order = {
        panel["title"]: [(column["displayName"], column.get("desc", False)) for column in panel["options"]["sortBy"]]
        for panel in panels("dcdn-overview")
        if panel["type"] == "table"
    }

    worst = [("Attention", True), ("Account", False)]
    assert order == {
        f"Services that need somebody, then others: {ROWS} rows at most, $left_out more on the status page": worst,
        f"Beside the lock, of the {BESIDE} accounts that need somebody most": worst,
        f"Billing changes ahead, the next {CHANGES}": [("In", False)],
    }
