"""What an operation answers otherwise than it should: fields that are missing, and fields with any value."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from pydantic import ConfigDict

from exporter.simulator.reading import STRICT, refuse

_PATH = re.compile(r"[A-Za-z0-9_]{1,64}(?:\.[A-Za-z0-9_]{1,64})*", re.ASCII)
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Alteration:
    """How the answers of one operation are altered.

    Fields are named by their paths: keys with dots between them. Within a list, a number stands for one item, the
    first is 0, and any other key for that of every item. A path that leads nowhere alters nothing.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    missing: tuple[str, ...] = ()
    """The fields, or items of lists, that are left out."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The fields that have another value, or are added with it: any JSON."""

    def __post_init__(self) -> None:
        refuse(self._problems())

    def _problems(self) -> Iterator[str]:
        for path, count in Counter((*self.missing, *self.values)).items():
            if not _PATH.fullmatch(path):
                yield f"the path of a field is {path!r}; accepted: keys with dots between them"
            if count > 1:
                yield f"the field {path} is there {count} times; accepted: once, in missing or values"

    def applied(self, answer: dict[str, object]) -> dict[str, object]:
        """Return the answer with what is altered; it is left as it is itself."""
        for path, value in {**self.values, **dict.fromkeys(self.missing, _MISSING)}.items():
            answer = _with(answer, path.split("."), value)
        return answer


def _with(node: Any, path: Sequence[str], value: object) -> Any:
    """The node with this value at the end of a path."""
    key, *rest = path
    if isinstance(node, list):
        if not key.isdigit():
            return [_with(item, path, value) for item in node]
        place = int(key)
        if place >= len(node):
            return node
        item = _with(node[place], rest, value) if rest else value
        return [*node[:place], *([] if item is _MISSING else [item]), *node[place + 1 :]]
    if not isinstance(node, dict) or (rest and key not in node):
        return node
    altered = {**node, key: _with(node[key], rest, value) if rest else value}
    return {name: each for name, each in altered.items() if each is not _MISSING}
