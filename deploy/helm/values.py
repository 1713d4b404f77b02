"""The values of the chart as its values.yaml has them: each with its default, and above it what it is."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

_KEY: Final = re.compile(r"( *)([A-Za-z]+):")


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the chart."""

    name: str
    """With dots between its sections."""
    default: Any
    """As YAML reads it."""
    text: str
    """The comment above it, as one line."""


def values_in(text: str) -> Iterator[Value]:
    """The values of such a file, in its order: every key with a comment above it, in the block style.

    A section whose keys have comments has none. A line that begins with ``##`` is no comment of a value.
    """
    defaults = yaml.safe_load(text)
    sections: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if key := _KEY.match(line):
            del sections[len(key[1]) // 2 :]
            sections.append(key[2])
            if comment:
                yield Value(".".join(sections), _under(defaults, sections), " ".join(comment))
        comment = [*comment, bare.removeprefix("#").strip()] if re.match(r"#(?!#)", bare) else []


def values_table(text: str) -> str:
    """The same as a table in Markdown."""
    rows = [f"| `{value.name}` | {_shown(value.default)} | {value.text} |" for value in values_in(text)]
    return "\n".join(["| value | default | is |", "|---|---|---|", *rows, ""])


def _under(values: Any, names: list[str]) -> Any:
    for name in names:
        values = values[name]
    return values


def _shown(default: Any) -> str:
    if default in ("", [], {}):
        return "none"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"
