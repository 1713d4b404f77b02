"""The pages of the project, and what Markdown makes of one: its blocks of code, its chapters, what links can name."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for folder, pattern in (("", "*.md"), ("docs", "**/*.md"), ("grafana", "*.md"), ("deploy", "**/*.md"))
    for page in (ROOT / folder).glob(pattern)
)
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
MOST_WORDS = 16
"""In a sentence, on average."""
LITERARY = re.compile(r"\b(?:whoever|lest|nobody|be it|(?:is|are|was) told|(?:what|who) left)\b", re.IGNORECASE)
"""Words that plain English has not."""


def anchors(page: Path) -> Iterator[str]:
    """What a link can name in a page, as those who show Markdown make it of the headings."""
    for heading in re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def chapters(text: str) -> list[str]:
    """The text from each heading to the next one; a line of code that begins with # is no heading."""
    without_code = CODE.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    starts = [heading.start() for heading in re.finditer(r"^#+ ", without_code, re.MULTILINE)]
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]
