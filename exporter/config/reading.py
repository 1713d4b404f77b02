"""From the text of a configuration file to a Configuration, or to every problem in it at once."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from exporter.config.accounts import PRODUCTS
from exporter.config.explanations import explained
from exporter.config.models import Configuration
from exporter.config.problems import ConfigurationError, Location, Problem, path_of, shown
from exporter.config.refusals import Facts
from exporter.config.web import WebConfiguration
from exporter.config.yaml_reading import Document, UnreadableError, read

_Model = TypeVar("_Model", bound=BaseModel)

MAX_BYTES = 16 * 1024 * 1024


def load(
    path: Path, *, vendor_limits: Mapping[str, int], known_products: Collection[str] = PRODUCTS
) -> Configuration:
    """The configuration in the file: UTF-8, at most 16 MiB. Raises ConfigurationError, also for an unreadable one."""
    return parse(_text(path), source=str(path), vendor_limits=vendor_limits, known_products=known_products)


def load_web(path: Path) -> WebConfiguration:
    """The web configuration in the file, likewise. Relative paths in it begin at its folder."""
    document = _document(_text(path), source=str(path))
    configuration, problems = _validated(document, Facts(folder=path.parent), model=WebConfiguration)
    if configuration is None or document.problems:
        raise ConfigurationError((*document.problems, *problems), source=str(path))
    return configuration


def _text(path: Path) -> str:
    try:
        # Without O_NONBLOCK, opening a named pipe that nobody writes would wait; reading one that is written may.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            os.set_blocking(file.fileno(), True)
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, seen=(error.strerror or "an error").lower(), accepted="a readable file") from error
    if len(content) > MAX_BYTES:
        raise _unreadable(path, seen="more than 16 MiB", accepted="a file of at most 16 MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem(path_of(()), line, "bytes that are not UTF-8", "a file in UTF-8")
    # Outside the except clause: the decoding error would carry the whole content along.
    raise ConfigurationError((problem,), source=str(path))


def parse(
    text: str,
    *,
    source: str,
    vendor_limits: Mapping[str, int],
    known_products: Collection[str] = PRODUCTS,
) -> Configuration:
    """The configuration in the text; raises ConfigurationError.

    `source` names the file in messages; relative paths of secret files begin at its folder, and those files are
    read once to see that they can be. `vendor_limits`: calls per second and account, by operation.
    """
    document = _document(text, source=source)
    known = Facts(folder=Path(source).parent, vendor_limits=vendor_limits, products=known_products)
    configuration, model_problems = _validated(document, known, model=Configuration)
    problems = (
        *document.problems,
        *model_problems,
        *_repeated_names(document, ("accounts",), "a name that no other account has"),
        *_repeated_names(document, ("discovery", "resource_directories"), "a name that no other directory has"),
    )
    if configuration is None or problems:
        raise ConfigurationError(problems, source=source)
    return configuration


def without_file() -> Configuration:
    """The configuration where no file is given: one account, `default`, and the vendor's default credential chain."""
    tree = {"accounts": ({"name": "default"},)}
    return Configuration.model_validate(tree, context=Facts(products=PRODUCTS))


def _unreadable(path: Path, *, seen: str, accepted: str) -> ConfigurationError:
    return ConfigurationError((Problem(path_of(()), None, seen, accepted),), source=str(path))


def _document(text: str, *, source: str) -> Document:
    try:
        return read(text)
    except UnreadableError as error:
        raise ConfigurationError((error.problem,), source=source) from None


def _validated(document: Document, known: Facts, *, model: type[_Model]) -> tuple[_Model | None, tuple[Problem, ...]]:
    try:
        return model.model_validate(document.root.plain(), context=known), ()
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    return None, tuple(
        problem for detail in details if (problem := explained(detail, document, model=model)) is not None
    )


def _repeated_names(document: Document, place: Location, accepted: str) -> Iterator[Problem]:
    """Names are compared as written, so that a problem elsewhere in an item hides none here."""
    section = document.entry(place)
    items = section.node.value if section is not None else ()
    first_lines: dict[str, int] = {}
    for position, item in enumerate(items if isinstance(items, list) else ()):
        name = item.node.child("name")
        if name is None or not isinstance(name.node.value, str):
            continue
        text = name.node.value
        if text in first_lines:
            seen = f"{shown(text)} again (first on line {first_lines[text]})"
            yield Problem(path_of((*place, position, "name")), name.line, seen, accepted)
        first_lines.setdefault(text, name.line)
