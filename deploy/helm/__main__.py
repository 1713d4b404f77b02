"""Writes the files of the chart that are made from others."""

from pathlib import Path

from deploy.helm.values import values_table
from deploy.prometheus.rules.table import with_table

_CHART = Path(__file__).parent / "dcdn-exporter"

if __name__ == "__main__":
    page = _CHART / "README.md"
    table = values_table((_CHART / "values.yaml").read_text(encoding="utf-8"))
    page.write_text(with_table(page.read_text(encoding="utf-8"), table, target="values"), encoding="utf-8")
