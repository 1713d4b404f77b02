"""Writes the files that come from the rules."""

from pathlib import Path

from deploy.prometheus.rules.files import alerts_file, alerts_table, prometheus_rule
from deploy.prometheus.rules.table import with_table

_PROJECT = Path(__file__).parents[3]


def main() -> None:
    """Write the rules for Prometheus and for its operator, and the table of the documentation."""
    (_PROJECT / "deploy/prometheus/alerts.yaml").write_text(alerts_file(), encoding="utf-8")
    # helm reads nothing outside of a chart.
    (_PROJECT / "deploy/helm/dcdn-exporter/files/alerts.yaml").write_text(alerts_file(), encoding="utf-8")
    (_PROJECT / "deploy/prometheus/prometheusrule.yaml").write_text(prometheus_rule(), encoding="utf-8")
    page = _PROJECT / "docs/alerts.md"
    page.write_text(with_table(page.read_text(encoding="utf-8"), alerts_table()), encoding="utf-8")


if __name__ == "__main__":
    main()
