"""What pydantic found wrong, in the words and the places of the configuration file."""

import typing
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from exporter.config.document import Document, Odd, Place
from exporter.config.problems import Location, Problem, path_of, shown
from exporter.config.refusals import unknown, words_of

# pydantic's place for what is wrong with the key of a mapping, not with its value.
_KEY = "[key]"


def explained(detail: ErrorDetails, document: Document, *, model: type[BaseModel]) -> Problem | None:
    """The problem that pydantic found in the model of a whole file; None where it only follows from another one."""
    if detail["type"] == "default_factory_not_called":
        return None  # pydantic has a value of its own to complain about already
    place = _place(detail["loc"], model)
    location = place.location
    context = detail.get("ctx", {})
    match detail["type"]:
        case "union_tag_invalid" | "union_tag_not_found":
            location = (*location, "type")
            accepted = "one of " + ", ".join(place.types)
        case "extra_forbidden":
            sentence = unknown("key", str(location[-1]), place.keys)
            return Problem(path_of(location), document.line_of(location), sentence)
        case _:
            accepted = str(context.get("accepted") or place.words)
    found = document.place(location)
    if found is None:
        message = context.get("sentence") or f"this key is required; accepted: {accepted}"
        return Problem(path_of(location), document.line_of(location), message)
    if found.value is Odd.REFUSED:
        return None
    if "sentence" in context:
        return Problem(path_of(location), found.line, context["sentence"])
    if (
        detail["type"] == "text_refused"
        and isinstance(found.value, int | float | Odd)
        and "in quotes" not in accepted
    ):
        accepted += ", in quotes"
    seen = context.get("seen") or (
        shown(str(location[-1])) if detail["loc"][-1:] == (_KEY,) else _seen(found, location)
    )
    return Problem(path_of(location), found.line, f"seen {seen}; accepted: {accepted}")


def _seen(found: Place, location: Location) -> str:
    """What stands there; inside credentials, everything but the type counts as a secret."""
    key = location[-1] if location else None
    if key == "external_id" or ("credentials" in location and key != "type"):
        return f"{found.kind()} (not shown)"
    return found.described()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where pydantic's error lies, in terms of the file and of the models."""

    location: Location
    words: str
    """What the field there accepts."""
    keys: tuple[str, ...]
    """The keys of the section around it."""
    types: tuple[str, ...]
    """Where models are told apart by their type: the types."""


def _place(loc: Location, model: type[BaseModel]) -> _Place:
    """Follows pydantic's path through the models, which has a union's type as a step where the file has none."""
    location: list[str | int] = []
    models: tuple[type[BaseModel], ...] = (model,)
    words = "a mapping"
    keys: tuple[str, ...] = ()
    for step in loc:
        if isinstance(step, int):
            location.append(step)
            words = "a mapping"
        elif len(models) > 1:
            models = tuple(model for model in models if step in _types(model))
        elif step != _KEY:
            location.append(step)
            fields = {field.alias or name: field for name, field in models[0].model_fields.items()} if models else {}
            if models:
                keys = tuple(fields)
            field = fields.get(step)
            words = (words_of(field) if field else None) or words
            models = tuple(models_in(field.annotation)) if field is not None else ()
    types = tuple(name for model in models if len(models) > 1 for name in _types(model))
    return _Place(tuple(location), words, keys, types)


def _types(model: type[BaseModel]) -> tuple[str, ...]:
    return typing.get_args(model.model_fields["type"].annotation)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models named anywhere in a field's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from models_in(argument)
