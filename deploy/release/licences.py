"""The table of licences in the documents."""

from collections.abc import Callable, Iterable

from deploy.release.lock import Pin

_HEAD = """\
# Licences

The exporter is published under [Apache-2.0](../LICENSE), and its wheel holds nothing but its own code. It needs these
packages, which the image holds, with the licence that each names; what a binary wheel has of others is named in
the licence files inside of it. `make licences` writes this page.

| package | licence |
|---|---|
"""


def licences(locked: Iterable[Pin], *, licence_of: Callable[[str], str]) -> str:
    """The page, in Markdown."""
    return _HEAD + "".join(f"| {pin.name} | {licence_of(pin.name)} |\n" for pin in locked)
