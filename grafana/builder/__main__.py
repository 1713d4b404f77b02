"""Writes the dashboards."""

from pathlib import Path

from grafana.builder.files import FILES

_FOLDER = Path(__file__).parents[1] / "dashboards"


def main() -> None:
    """Write the JSON of every dashboard."""
    for name, text in FILES.items():
        (_FOLDER / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
