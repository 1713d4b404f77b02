"""Writes the files of the chart that are made from others."""

from pathlib import Path

from deploy.helm.schema import with_configuration
from deploy.helm.values import values_table
from deploy.prometheus.rules.table import with_table
from exporter.app import VOCABULARY
from exporter.config import json_schema

_CHART = Path(__file__).parent / "dcdn-exporter"

if __name__ == "__main__":
    page, schema = _CHART / "README.md", _CHART / "values.schema.json"
    table = values_table((_CHART / "values.yaml").read_text(encoding="utf-8"))
    page.write_text(with_table(page.read_text(encoding="utf-8"), table, target="values"), encoding="utf-8")
    part = json_schema(vocabulary=VOCABULARY)
    schema.write_text(with_configuration(schema.read_text(encoding="utf-8"), part), encoding="utf-8")
