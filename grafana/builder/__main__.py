"""Writes the dashboards."""

from pathlib import Path

from grafana.builder.files import FILES

_PROJECT = Path(__file__).parents[2]
# helm reads nothing outside of a chart.
_FOLDERS = (_PROJECT / "grafana/dashboards", _PROJECT / "deploy/helm/dcdn-exporter/files/dashboards")


def main() -> None:
    """Write the JSON of every dashboard."""
    for name, text in FILES.items():
        for folder in _FOLDERS:
            (folder / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
