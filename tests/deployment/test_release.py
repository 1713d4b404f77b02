"""What a release consists of: the packages, the chart, the bill of materials, the notes, the manual page."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.release.chart import package
from deploy.release.licences import licences
from deploy.release.lock import LOCK, Pin, licence_of, needs_of, pins
from deploy.release.man import man_page
from deploy.release.sbom import sbom
from deploy.release.version import FILES, checked, notes
from exporter import __version__
from exporter.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "deploy" / "helm" / "dcdn-exporter"
CHANGELOG = """# Changelog

## Unreleased

- not yet

## 1.10.0 (2026-12-01)

- ten

## 1.1.0 (2026-11-01)

- one
"""
MATERIALS = (Pin("one", "1.0", ("ab" * 32,)), Pin("other", "2.0", ("cd" * 32, "ef" * 32)))


def test_the_manual_page_is_written_from_the_help_texts() -> None:
    """`make man` writes it anew."""
    assert (ROOT / "docs" / "dcdn-exporter.1").read_text(encoding="utf-8") == man_page(main)


def test_the_manual_page_is_well_formed(tool: Callable[[str], str]) -> None:
    """Groff has nothing to say against it, and shows flags with hyphens that a shell understands."""
    page = ROOT / "docs" / "dcdn-exporter.1"
    shown = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("groff"), "-man", "-ww", "-Tascii", "-P-c", str(page)], capture_output=True, text=True, check=True
    )

    assert shown.stderr == ""
    for flag in ("--web.telemetry-path", "dcdn-exporter --version"):
        assert flag in re.sub(".\b", "", shown.stdout)


def test_the_table_of_licences_has_every_dependency() -> None:
    """With what the installed packages name; `make licences` writes it anew."""
    page = licences(pins(LOCK.read_text(encoding="utf-8")), licence_of=licence_of)

    assert (ROOT / "docs" / "licences.md").read_text(encoding="utf-8") == page
    assert "not named" not in page


def test_the_version_stands_where_it_is_set() -> None:
    """The code and the chart have the same one; `make set-version` writes it into both."""
    for name in ("exporter/__init__.py", "deploy/helm/dcdn-exporter/Chart.yaml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert FILES[name](text, __version__, "") == text
        assert "7.8.9" in FILES[name](text, "7.8.9", "")


@pytest.mark.parametrize("version", ["", "1.2", "1.2.0rc1", "v1.2.0", "1.2.0\n", "01.2.0", "1.02.0"])
def test_a_version_is_three_numbers(version: str) -> None:
    """What else packages allow, charts do not."""
    with pytest.raises(ValueError, match="three numbers"):
        checked(version)
    assert checked("10.20.30") == "10.20.30"


@pytest.mark.parametrize(
    ("changelog", "version", "words"),
    [
        pytest.param(CHANGELOG, "1.10.0", "has a chapter of 1.10.0 already", id="again"),
        pytest.param(CHANGELOG.replace("Unreleased", "Coming"), "2.0.0", "no line `## Unreleased`", id="nothing-new"),
    ],
)
def test_a_chapter_is_begun_once_and_from_what_was_unreleased(changelog: str, version: str, words: str) -> None:
    """Else the release would have no notes, which its workflow would say after the tag."""
    with pytest.raises(ValueError, match=words):
        FILES["CHANGELOG.md"](changelog, version, "2026-12-24")


def test_the_notes_are_the_chapter_of_the_version() -> None:
    """Of that version and no other that begins alike; without a chapter there is no release."""
    assert notes(CHANGELOG, version="1.10.0") == "- ten\n"
    assert notes(CHANGELOG, version="1.1.0") == "- one\n"
    for absent in ("1.1", "1.10", "2.0.0"):
        with pytest.raises(ValueError, match=f"says nothing of {absent}"):
            notes(CHANGELOG, version=absent)
    begun = FILES["CHANGELOG.md"](CHANGELOG, "2.0.0", "2026-12-24")
    assert notes(begun, version="2.0.0") == "- not yet\n"
    with pytest.raises(ValueError, match="says nothing"):
        notes(FILES["CHANGELOG.md"](begun, "2.0.1", "2026-12-25"), version="2.0.1")


def materials(*, built_at: int = 1_800_000_000) -> str:
    return sbom(
        MATERIALS,
        version="1.2.0",
        built_at=built_at,
        direct=["one"],
        licence_of={"one": "MIT", "other": "0BSD"}.__getitem__,
        needs_of=lambda name: ["other", "of-windows"] if name == "one" else [],
    )


def test_the_bill_of_materials_says_what_is_installed_and_why() -> None:
    """Each package with its licence and hashes, and which one needs it."""
    document = json.loads(materials())
    ours, one, other = "pkg:pypi/dcdn-exporter@1.2.0", "pkg:pypi/one@1.0", "pkg:pypi/other@2.0"

    assert document["metadata"]["timestamp"] == "2027-01-15T08:00:00Z"
    assert [(each["purl"], each["licenses"]) for each in document["components"]] == [
        (one, [{"license": {"name": "MIT"}}]),
        (other, [{"license": {"name": "0BSD"}}]),
    ]
    assert [each["content"] for each in document["components"][1]["hashes"]] == list(MATERIALS[1].sha256)
    assert {each["ref"]: each["dependsOn"] for each in document["dependencies"]} == {
        ours: [one],
        one: [other],
        other: [],
    }


def test_the_bill_of_materials_is_the_same_each_time() -> None:
    """And another one, by its serial number too, when anything in it is."""
    assert materials() == materials()
    assert json.loads(materials())["serialNumber"] != json.loads(materials(built_at=1))["serialNumber"]


def test_every_locked_package_is_known_by_its_own_words() -> None:
    """The exporter needs some of them itself, and each of the others is needed by one of them."""
    locked = {pin.name: pin for pin in pins(LOCK.read_text(encoding="utf-8"))}
    needed = {name for other in ("dcdn-exporter", *locked) for name in needs_of(other)}

    assert set(locked) - needed == set()
    assert all(pin.sha256 for pin in locked.values())
    assert "tzdata" not in locked  # which Windows alone needs


@pytest.mark.parametrize(
    "line", ["one==1.0", "one>=1.0 --hash=sha256:" + "a" * 64, "one==1.0 ; extra == 'x' --hash=sha256:" + "a" * 64]
)
def test_a_lock_that_cannot_be_read_is_refused(line: str) -> None:
    """A package that the bill leaves out would be worse than none."""
    with pytest.raises(ValueError, match="one"):
        list(pins(line))


def test_the_chart_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Whatever the times and the modes of its files."""
    first, again = tmp_path / "first" / CHART.name, tmp_path / "again" / CHART.name
    shutil.copytree(CHART, first)
    shutil.copytree(CHART, again)
    for file in again.rglob("*"):
        os.utime(file, (1, 1))
        file.chmod(0o700)
    made = [package(each, version="1.2.0", home="", changed_at=1_800_000_000) for each in (first, again)]

    assert made[0] == made[1]
    with tarfile.open(fileobj=io.BytesIO(made[0])) as archive:
        assert {(entry.mtime, entry.mode, entry.uid, entry.uname) for entry in archive} == {
            (1_800_000_000, 0o644, 0, "")
        }


def test_helm_reads_the_chart_that_is_packed(tool: Callable[[str], str], tmp_path: Path) -> None:
    """With the version of the release, where the project is published, and every file."""
    archive = tmp_path / "chart.tgz"
    archive.write_bytes(package(CHART, version="1.2.0", home="https://localhost/here", changed_at=1))
    helm = tool("helm")
    shown = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [helm, "show", "chart", str(archive)], capture_output=True, text=True, check=True
    )

    assert {"version: 1.2.0", "appVersion: 1.2.0", "home: https://localhost/here"} <= set(shown.stdout.splitlines())
    with tarfile.open(archive) as packed:
        assert {name.partition("/")[2] for name in packed.getnames()} == {
            file.relative_to(CHART).as_posix() for file in CHART.rglob("*") if file.is_file()
        }


@pytest.mark.rehearsal
def test_the_packages_have_the_same_bytes_each_time(tool: Callable[[str], str], tmp_path: Path) -> None:
    """From one commit, whatever has changed around it; the links are those that were given."""
    clone = tmp_path / "clone"
    subprocess.run([tool("git"), "clone", "--quiet", str(ROOT), str(clone)], check=True)  # noqa: S603

    installed = [f"VENV={sys.prefix}", "-o", f"{sys.prefix}/.run"]
    links = ["PROJECT_URL=https://localhost/here", "FILES_URL=https://localhost/here/v1"]

    def built(umask: int) -> dict[str, str]:
        subprocess.run(  # noqa: S603 — the makefile is our own
            [tool("make"), "--silent", "-C", str(clone), "dist", "chart", "sbom", *links, *installed],
            check=True,
            capture_output=True,
            umask=umask,
        )
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (clone / "dist").iterdir()}

    first = built(0o022)
    (clone / "exporter" / "of_nobody.py").write_text("")
    (clone / "README.md").touch()
    (clone / "exporter" / "__init__.py").write_text('__version__ = "9.9.9"\n')
    (clone / "requirements" / "run.txt").write_text("")
    subprocess.run([tool("git"), "-C", str(clone), "config", "core.autocrlf", "true"], check=True)  # noqa: S603
    shutil.rmtree(clone / "dist")
    (clone / "dist").mkdir()
    (clone / "dist" / "dcdn_exporter-0.0.1.tar.gz").write_text("of a release before")

    assert built(0o077) == first
    with zipfile.ZipFile(next((clone / "dist").glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        (described,) = (name for name in names if name.endswith("/METADATA"))
        words = wheel.read(described).decode()
    assert "\nProject-URL: Homepage, https://localhost/here\n" in words
    assert "\nProject-URL: Documentation, https://localhost/here/v1/docs\n" in words
    linked = re.findall(r"\]\(([^)]+)\)", words)
    assert "https://localhost/here/v1/docs/images/dashboard-overview.png?raw=true" in linked
    assert [link for link in linked if "://" not in link and not link.startswith("#")] == []
    # Of the commit's version: that of the files around it may be the next one already, as set-version leaves it.
    (manual,) = (name for name in names if name.endswith("/dcdn-exporter.1"))
    assert manual.endswith(".data/data/share/man/man1/dcdn-exporter.1")
    assert "exporter/of_nobody.py" not in names
