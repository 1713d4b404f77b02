"""From the text of a configuration file to a Configuration, or to every problem in it at once."""

import codecs
import os
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from exporter.config.checks import SWITCHES, Facts, models_in, words_of
from exporter.config.document import Document, Odd, Place, UnreadableError, read
from exporter.config.models import Configuration
from exporter.config.problems import ConfigurationError, Location, Problem, path_of, shown
from exporter.config.unknown_keys import odd_characters, unknown_key
from exporter.config.vocabulary import Vocabulary
from exporter.config.web import WebConfiguration

_Model = TypeVar("_Model", bound=BaseModel)

MAX_BYTES = 16 * 1024 * 1024
# pydantic's place for a problem with the key of a mapping.
_KEY = "[key]"
_USERS = "basic_auth_users"


def load(path: Path, *, vocabulary: Vocabulary) -> Configuration:
    """The configuration in the file: UTF-8, at most 16 MiB. Raises ConfigurationError, also for an unreadable one."""
    return parse(_text(path), source=str(path), vocabulary=vocabulary)


def load_web(path: Path) -> WebConfiguration:
    """The web configuration in the file, likewise. Relative paths in it begin at its folder."""
    return _read(_text(path), source=str(path), known=Facts(path.parent), model=WebConfiguration)


def _text(path: Path) -> str:
    try:
        # Without O_NONBLOCK, to open a named pipe without a writer would wait; to read one with a writer may wait.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            os.set_blocking(file.fileno(), True)
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, f"the file cannot be read: {(error.strerror or 'an error').lower()}") from error
    if len(content) > MAX_BYTES:
        raise _unreadable(path, "the file is larger than 16 MiB, the most that is read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        content, at = error.object, error.start  # from behind a BOM on
    # Outside the except clause: the decoding error would carry the whole content along.
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _unreadable(path, "the file is UTF-16 or UTF-32; save it as UTF-8", 1)
    line, column = content.count(b"\n", 0, at) + 1, len(content[content.rfind(b"\n", 0, at) + 1 : at].decode()) + 1
    seen = f"the byte {content[at]:02X} at column {column} is not UTF-8"
    raise _unreadable(path, f"{seen}; save the file as UTF-8", line)


def parse(text: str, *, source: str, vocabulary: Vocabulary) -> Configuration:
    """The configuration in the text; raises ConfigurationError.

    `source` names the file in messages; relative paths of secret files begin at its folder, and those files are
    read once as a check.
    """
    return _read(text, source=source, known=Facts(Path(source).parent, vocabulary), model=Configuration)


def without_file(*, vocabulary: Vocabulary) -> Configuration:
    """The configuration where no file is given: one account, `default`, and the vendor's default credential chain."""
    return Configuration.model_validate({"accounts": ({"name": "default"},)}, context=Facts(Path(), vocabulary))


def _unreadable(path: Path, message: str, line: int | None = None) -> ConfigurationError:
    return ConfigurationError((Problem(path_of(()), line, message),), source=str(path))


def _read(text: str, *, source: str, known: Facts, model: type[_Model]) -> _Model:
    document = _document(text, source)
    values, problems, details = document.root.value, document.problems, list[ErrorDetails]()
    del document  # it takes twice the memory of the values; it is read again if there are problems
    repeated = tuple(_repeated_names(values))
    try:
        configuration = model.model_validate(values, context=known)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    else:
        if not problems and not repeated:
            return configuration
    document = _document(text, source)
    switches = known.vocabulary.switches if known.vocabulary else ()
    found = (_explained(detail, document, model, switches) for detail in details)
    named_again = (_named_again(document, again, first) for again, first in repeated)
    raise ConfigurationError((*problems, *filter(None, found), *named_again), source=source)


def _document(text: str, source: str) -> Document:
    try:
        return read(text)
    except UnreadableError as error:
        raise ConfigurationError(error.args, source=source) from None


def _repeated_names(values: object) -> Iterator[tuple[Location, Location]]:
    """The places of each repeated name and of its first use, also where other keys of the item have problems."""
    for section in (("accounts",), ("discovery", "resource_directories")):
        items = values
        for key in section:
            items = items.get(key) if isinstance(items, dict) else None
        first: dict[str, Location] = {}
        for position, item in enumerate(items if isinstance(items, tuple) else ()):
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str):
                place = (*section, position, "name")
                if first.setdefault(name, place) != place:
                    yield place, first[name]


def _named_again(document: Document, again: Location, first: Location) -> Problem:
    name, other = document.way(again)[-1], "account" if again[0] == "accounts" else "directory"
    sentence = f"the {other} on line {document.way(first)[-1].line} has the name {name.described} already"
    return Problem(path_of(again), name.line, f"{sentence}; choose another one")


class _Spot(NamedTuple):
    """Where an error of pydantic is, in the file and in the models."""

    location: Location
    words: str
    """What the field there accepts."""
    keys: tuple[str, ...]
    """The keys of the section around it."""
    types: tuple[str, ...]
    """The accepted types, where the type decides between models."""
    is_section: bool
    """Whether keys stand there, or a list of what has keys."""


def _explained(
    detail: ErrorDetails, document: Document, model: type[BaseModel], switches: Iterable[str]
) -> Problem | None:
    """The problem for an error of pydantic; None where it only follows from another one."""
    if detail["type"] == "default_factory_not_called":
        return None  # pydantic reports the value that the factory needs
    spot = _spot(detail["loc"], model)
    location, context, accepted = spot.location, detail.get("ctx", {}), spot.words
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        location, accepted = (*location, "type"), "one of " + ", ".join(spot.types)
    way = document.way(location)
    found, is_there = way[-1], len(way) > len(location)
    accepted = context.get("accepted") or accepted
    if is_there and found.value is Odd.REFUSED:
        return None
    if detail["type"] == "extra_forbidden":
        keys = {*spot.keys, *(switches if SWITCHES in spot.keys else ())} - {SWITCHES}
        section = next((step for step in reversed(location[:-1]) if isinstance(step, str)), "")
        message = unknown_key(str(location[-1]), section=section, here=keys, model=model)
    elif "sentence" in context:
        message = context["sentence"]
    elif not is_there:
        message = f"this key is required; accepted: {accepted}"
    else:
        if context.get("text") and isinstance(found.value, int | float | Odd) and "in quotes" not in accepted:
            accepted += ", in quotes"
        of_key = shown(str(location[-1])) if detail["loc"][-1:] == (_KEY,) else None
        whole = spot.is_section and accepted == spot.words
        if detail["loc"] == (_USERS,):  # else the words are those of a name
            accepted = "a mapping of names to bcrypt hashes"
        message = f"seen {context.get('seen') or of_key or _seen(found, location, whole=whole)}; accepted: {accepted}"
    return Problem(path_of(location), found.line, message)


def _seen(found: Place, location: Location, *, whole: bool) -> str:
    """The value for a message; inside credentials, everything but the type counts as a secret, and so do users.

    So does a text in place of a ``whole`` section: it may be the section, with secrets, in another format.
    """
    key = location[-1] if location else None
    if key == "external_id" or ("credentials" in location and key != "type") or _USERS in location:
        return f"{found.kind} (not shown)"
    if whole and isinstance(found.value, str):
        return f"{found.kind} (not shown){odd_characters(found.value)}"
    return found.described


def _spot(loc: Location, model: type[BaseModel]) -> _Spot:
    """Follow pydantic's path through the models, in which a union's type is a step that the file does not have."""
    location: list[str | int] = []
    models: tuple[type[BaseModel], ...] = (model,)
    words, keys = "a mapping", tuple[str, ...]()
    for step in loc:
        if isinstance(step, int):
            location.append(step)
            words = "a mapping"
        elif len(models) > 1:
            models = tuple(model for model in models if step in _types(model))
        elif step != _KEY:
            location += [] if step == SWITCHES else [step]
            fields = {field.alias or name: field for model in models for name, field in model.model_fields.items()}
            keys = tuple(fields) or keys
            field = fields.get(step)
            words = (words_of(field) if field else None) or words
            models = tuple(models_in(field.annotation)) if field else ()
    types = tuple(name for model in models if len(models) > 1 for name in _types(model))
    return _Spot(tuple(location), words, keys, types, bool(models) or words == "a mapping")


def _types(model: type[BaseModel]) -> tuple[str, ...]:
    return typing.get_args(model.model_fields["type"].annotation)
