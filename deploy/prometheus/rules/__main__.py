"""Writes the files that come from the rules."""

from pathlib import Path

import click

from deploy.prometheus.rules.files import alerts_file, alerts_table, prometheus_rule
from deploy.prometheus.rules.links import links_to, relative
from deploy.prometheus.rules.table import with_table

_PROJECT = Path(__file__).parents[3]


@click.command()
@click.option("--docs-url", default="", help="Where the folder docs is published. Without it: no links to runbooks.")
@click.option("--grafana-url", default="", help="Where Grafana is. Without it: no links to dashboards.")
@click.option("--project", default=_PROJECT, type=click.Path(path_type=Path), help="The folder with deploy and docs.")
def main(docs_url: str, grafana_url: str, project: Path) -> None:
    """Write the rules for Prometheus, for its operator and for the chart, and the table of the documentation."""
    try:
        links = links_to(docs=docs_url, grafana=grafana_url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--docs-url or --grafana-url") from error
    (project / "deploy/prometheus/alerts.yaml").write_text(alerts_file(links), encoding="utf-8")
    (project / "deploy/prometheus/prometheusrule.yaml").write_text(prometheus_rule(links), encoding="utf-8")
    # helm reads nothing outside of a chart; its template completes the links, or leaves them out.
    (project / "deploy/helm/dcdn-exporter/files/alerts.yaml").write_text(alerts_file(relative), encoding="utf-8")
    page = project / "docs/alerts.md"
    page.write_text(with_table(page.read_text(encoding="utf-8"), alerts_table()), encoding="utf-8")


if __name__ == "__main__":
    main()
