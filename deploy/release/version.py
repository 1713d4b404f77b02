"""The version of a release: the files that have it, and its chapter of the changelog, which are its notes."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

_NUMBER = "(?:0|[1-9][0-9]*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")


def _in_code(text: str, version: str, _date: str) -> str:
    return re.sub(r'^__version__ = ".*"$', f'__version__ = "{version}"', text, flags=re.MULTILINE)


def in_chart(text: str, version: str, _date: str = "") -> str:
    """The Chart.yaml of this version, of the chart and of the exporter alike."""
    return re.sub(r"^(version|appVersion): .*$", rf"\g<1>: {version}", text, flags=re.MULTILINE)


def _in_changelog(text: str, version: str, date: str) -> str:
    if f"\n## {version} (" in text:
        raise ValueError(f"CHANGELOG.md has a chapter of {version} already: name the next version")
    if "\n## Unreleased\n" not in text:
        raise ValueError("CHANGELOG.md has no line `## Unreleased`, below which the chapter begins")
    return re.sub(r"^## Unreleased$", f"## Unreleased\n\n## {version} ({date})", text, flags=re.MULTILINE)


FILES: Mapping[str, Callable[[str, str, str], str]] = MappingProxyType(
    {
        "exporter/__init__.py": _in_code,
        "deploy/helm/dcdn-exporter/Chart.yaml": in_chart,
        "CHANGELOG.md": _in_changelog,
    }
)
"""For each file that has the version: what makes its text that of a version and the day of its release.

ValueError when the changelog has nothing to make a chapter of, or has the chapter already.
"""


def checked(version: str) -> str:
    """The version itself; ValueError unless it is three numbers without leading zeros, as pip and helm read alike."""
    if not _VERSION.fullmatch(version):
        raise ValueError(f"no version: {version!r}; accepted: three numbers, such as 1.2.0")
    return version


def notes(changelog: str, *, version: str) -> str:
    """What the changelog says of this version; ValueError when it has no chapter of it, or an empty one."""
    chapter = re.search(
        rf"^## {re.escape(version)} \([^\n]*\)\n(.*?)(?=^## |\Z)", changelog, flags=re.MULTILINE | re.DOTALL
    )
    if chapter is None or not chapter[1].strip():
        raise ValueError(f"CHANGELOG.md says nothing of {version}: `make set-version` begins its chapter")
    return chapter[1].strip() + "\n"
