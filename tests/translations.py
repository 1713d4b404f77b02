"""The Chinese pages: which English page each translates, and what of that page has changed since.

A Chinese page ends with a comment: a fingerprint of each chapter of the English text. `make translated PAGE=…`
writes it.
"""

import re
import sys
from hashlib import sha256
from pathlib import Path

from tests.pages import ROOT, chapters

README = ROOT / "README.zh-CN.md"
CHINESE = [README, *sorted((ROOT / "docs").glob("**/zh/*.md"))]
NOTE = re.compile(r"^<!-- translates: ([0-9a-f ]+) -->\n", re.MULTILINE)


def english_of(page: Path) -> Path:
    """The page that a Chinese one translates."""
    return page.with_name("README.md") if page.name == README.name else page.parent.parent / page.name


def fingerprint(text: str) -> list[str]:
    """One for each chapter of an English page. It does not depend on where lines end."""
    return [sha256(" ".join(chapter.split()).encode()).hexdigest()[:8] for chapter in chapters(text)]


def changed(page: Path) -> list[str]:
    """The headings of English chapters that are new or changed since the Chinese page was noted as translated.

    "(order)" where only the order has changed, or a chapter has gone.
    """
    english = english_of(page).read_text(encoding="utf-8")
    note = NOTE.search(page.read_text(encoding="utf-8"))
    noted, now = note[1].split() if note else [], fingerprint(english)
    headings = [chapter.partition("\n")[0] for chapter in chapters(english)]
    found = [heading for heading, digest in zip(headings, now, strict=True) if digest not in noted]
    return found or ([] if noted == now else ["(order)"])


def note(page: Path) -> None:
    """Write into a Chinese page that it has all of the English one."""
    text = NOTE.sub("", page.read_text(encoding="utf-8")).rstrip()
    digests = " ".join(fingerprint(english_of(page).read_text(encoding="utf-8")))
    page.write_text(f"{text}\n\n<!-- translates: {digests} -->\n", encoding="utf-8")


if __name__ == "__main__":
    named = [Path(name).resolve() for name in sys.argv[1:]]
    if not named or not set(named) <= set(CHINESE):
        sys.exit("name Chinese pages: make translated PAGE=docs/zh/alerts.md")
    for one in named:
        note(one)
