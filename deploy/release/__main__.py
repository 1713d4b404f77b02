"""Writes what a release consists of besides the packages and the image."""

from pathlib import Path

import click

from deploy.release.chart import package
from deploy.release.licences import licences
from deploy.release.lock import LOCK, licence_of, needs_of, pins
from deploy.release.man import man_page
from deploy.release.sbom import sbom
from deploy.release.version import FILES, checked, notes
from exporter import __version__
from exporter.cli import main as command

_PROJECT = Path(__file__).parents[2]
_DIST = _PROJECT / "dist"

built_at = click.option("--built-at", type=int, required=True, help="The Unix time of what is released.")


@click.group()
def main() -> None:
    """Write a part of the release."""


@main.command("chart")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--home", default="", help="Where the project is published. Without it: no link.")
@built_at
def write_chart(folder: Path, *, home: str, built_at: int) -> None:
    """Pack the chart in FOLDER into dist/."""
    _DIST.mkdir(exist_ok=True)
    archive = package(folder, version=__version__, home=home, changed_at=built_at)
    (_DIST / f"{folder.name}-{__version__}.tgz").write_bytes(archive)


@main.command("sbom")
@built_at
def write_sbom(*, built_at: int) -> None:
    """Write the bill of materials into dist/."""
    _DIST.mkdir(exist_ok=True)
    locked = list(pins(LOCK.read_text(encoding="utf-8")))
    document = sbom(
        locked,
        version=__version__,
        built_at=built_at,
        direct=needs_of("dcdn-exporter"),
        licence_of=licence_of,
        needs_of=needs_of,
    )
    (_DIST / "dcdn-exporter.cdx.json").write_text(document, encoding="utf-8")


@main.command("notes")
def print_notes() -> None:
    """Print what the changelog says of this version."""
    try:
        click.echo(notes((_PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), version=__version__), nl=False)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command("set-version")
@click.argument("version")
@click.option("--date", required=True, help="The day of the release.")
def set_version(version: str, *, date: str) -> None:
    """Write the VERSION of the next release into the files that have it."""
    try:
        checked(version)
        texts = {
            _PROJECT / name: of_version((_PROJECT / name).read_text(encoding="utf-8"), version, date)
            for name, of_version in FILES.items()
        }
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")


@main.command("licences")
def write_licences() -> None:
    """Write the documents' table of licences."""
    page = licences(pins(LOCK.read_text(encoding="utf-8")), licence_of=licence_of)
    (_PROJECT / "docs" / "licences.md").write_text(page, encoding="utf-8")


@main.command("man")
def write_man() -> None:
    """Write the manual page."""
    (_PROJECT / "docs" / "dcdn-exporter.1").write_text(man_page(command), encoding="utf-8")


if __name__ == "__main__":
    main()
