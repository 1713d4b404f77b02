"""Checks of models, with the words for a message.

The words for a problem come from the refusal; where pydantic refuses (a missing key, a list in place of a mapping),
from the `Accepts` in the field's annotation.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from exporter.config.vocabulary import Vocabulary

SWITCHES = "(switches)"
"""The key under which models get all keys that are switches of the vocabulary."""


def _key(name: str) -> str:
    # Seconds here are `1m` in the file.
    return SWITCHES if name == "switches" else name.removesuffix("_s")


class Section(BaseModel):
    """Keys that stand together in the file; unknown ones are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,  # a traceback through pydantic must not quote a secret
        alias_generator=_key,
    )

    def model_post_init(self, _context: object) -> None:
        """Called by pydantic when all keys are checked."""
        share_given_keys(self)


_given_keys: dict[frozenset[str], set[str]] = {}


def share_given_keys(section: BaseModel) -> None:
    """Let sections of which the same keys were given share the set of these.

    pydantic keeps one for each, a kilobyte for an account. It changes the set of a model that is not frozen only.
    """
    given = section.model_fields_set
    object.__setattr__(section, "__pydantic_fields_set__", _given_keys.setdefault(frozenset(given), given))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks know besides the file; the context of every validation."""

    folder: Path
    """Where relative paths in the file begin."""
    vocabulary: Vocabulary | None = None
    """None for a file that uses none of its names."""


def folder(info: ValidationInfo) -> Path:
    """Where relative paths in the file begin."""
    return cast("Facts", info.context).folder


def vocabulary(info: ValidationInfo) -> Vocabulary:
    """The names that the file may use."""
    return cast("Vocabulary", cast("Facts", info.context).vocabulary)


def refusal(accepted: str, *, seen: str | None = None, text: bool = False) -> PydanticCustomError:
    """The error to raise for a value; `seen` replaces it in the message. `text`: suggest quotes for a number."""
    # The words are context: in the template, pydantic would read their braces as fields.
    return PydanticCustomError("refused", "refused", {"accepted": accepted, "seen": seen, "text": text})


def broken_rule(sentence: str) -> PydanticCustomError:
    """The error to raise for keys that exclude or need each other."""
    return PydanticCustomError("broken_rule", "refused", {"sentence": sentence})


@dataclass(frozen=True, slots=True, eq=False)
class Accepts:
    """What a field accepts, in its annotation: in words, as a check before pydantic's own, and for editors."""

    words: str
    check: Callable[[object, ValidationInfo], object] | None = None
    """Returns the value for pydantic's own check, or raises a refusal."""
    shape: Mapping[str, Any] = field(default_factory=dict)
    """What editors can check: keywords of JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = handler(source)
        return inner if self.check is None else core_schema.with_info_before_validator_function(self.check, inner)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), **self.shape}


def words_of(of: FieldInfo) -> str | None:
    """What the field accepts, if its type, or the one beside None, has an `Accepts`."""
    inner = (item for argument in get_args(of.annotation) for item in getattr(argument, "__metadata__", ()))
    return next((item.words for item in (*of.metadata, *inner) if isinstance(item, Accepts)), None)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models named anywhere in a field's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def text(holds: Callable[[str], object], accepted: str, **shape: Any) -> Accepts:
    """Text for which `holds` is true."""

    def check(value: object, _info: ValidationInfo) -> str:
        if isinstance(value, str) and holds(value):
            return value
        raise refusal(accepted, text=True)

    return Accepts(accepted, check, shape)


def matching(pattern: re.Pattern[str], accepted: str) -> Accepts:
    """Text that matches as a whole."""
    return text(pattern.fullmatch, accepted, pattern=f"^{pattern.pattern}$")


def one_of(words: Collection[str]) -> Accepts:
    """One of these words."""
    return text(words.__contains__, f"one of {', '.join(words)}")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known words for a message, with the most similar one."""
    words = {each.casefold(): each for each in sorted(known)}
    seen = word[:64].casefold()
    similar = difflib.get_close_matches(seen, words) or [each for each in words if seen in each.split("_")]
    listed = ", ".join(words.values())
    if len(words) == 1:
        return listed
    return f"one of {listed}" + (f" (did you mean {words[similar[0]]}?)" if similar else "")


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """The sentence for a name that is none of the known ones."""
    return f"unknown {what}; use {nearest(word, known)}"
