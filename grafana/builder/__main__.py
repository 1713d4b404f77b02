"""Writes the dashboards."""

from pathlib import Path

import click

from grafana.builder.addresses import base_address
from grafana.builder.files import FILES

_PROJECT = Path(__file__).parents[2]
# helm reads nothing outside of a chart.
_FOLDERS = ("grafana/dashboards", "deploy/helm/dcdn-exporter/files/dashboards")


@click.command()
@click.option("--docs-url", default="", help="Where the folder docs is published. Without it: no links to runbooks.")
@click.option(
    "--project", default=_PROJECT, type=click.Path(path_type=Path), help="The folder with grafana and deploy."
)
def main(docs_url: str, project: Path) -> None:
    """Write the JSON of every dashboard."""
    try:
        docs_url = docs_url and base_address(docs_url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--docs-url") from error
    for name, text in FILES.items():
        for folder in _FOLDERS:
            (project / folder / name).write_text(text(docs_url), encoding="utf-8")


if __name__ == "__main__":
    main()
