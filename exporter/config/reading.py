"""From the text of a configuration file to a Configuration, or to every problem in it at once."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from exporter.config.accounts import PRODUCTS
from exporter.config.document import Document, UnreadableError, read
from exporter.config.explanations import explained
from exporter.config.models import Configuration
from exporter.config.problems import ConfigurationError, Location, Problem, path_of
from exporter.config.refusals import Facts
from exporter.config.web import WebConfiguration

_Model = TypeVar("_Model", bound=BaseModel)

MAX_BYTES = 16 * 1024 * 1024


def load(
    path: Path, *, vendor_limits: Mapping[str, int], known_products: Collection[str] = PRODUCTS
) -> Configuration:
    """The configuration in the file: UTF-8, at most 16 MiB. Raises ConfigurationError, also for an unreadable one."""
    return parse(_text(path), source=str(path), vendor_limits=vendor_limits, known_products=known_products)


def load_web(path: Path) -> WebConfiguration:
    """The web configuration in the file, likewise. Relative paths in it begin at its folder."""
    return _read(_text(path), source=str(path), known=Facts(folder=path.parent), model=WebConfiguration)


def _text(path: Path) -> str:
    try:
        # Without O_NONBLOCK, opening a named pipe that nobody writes would wait; reading one that is written may.
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
        line = content.count(b"\n", 0, error.start) + 1
    # Outside the except clause: the decoding error would carry the whole content along.
    raise _unreadable(path, "these bytes are not UTF-8; save the file as UTF-8", line)


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
    known = Facts(folder=Path(source).parent, vendor_limits=vendor_limits, products=known_products)
    return _read(text, source=source, known=known, model=Configuration)


def without_file() -> Configuration:
    """The configuration where no file is given: one account, `default`, and the vendor's default credential chain."""
    tree = {"accounts": ({"name": "default"},)}
    return Configuration.model_validate(tree, context=Facts(products=PRODUCTS))


def _unreadable(path: Path, message: str, line: int | None = None) -> ConfigurationError:
    return ConfigurationError((Problem(path_of(()), line, message),), source=str(path))


def _read(text: str, *, source: str, known: Facts, model: type[_Model]) -> _Model:
    document = _document(text, source)
    values, problems, details = document.root.value, document.problems, list[ErrorDetails]()
    del document  # takes twice the memory of the values; where there are problems, it is read again
    repeated = tuple(_repeated_names(values))
    try:
        configuration = model.model_validate(values, context=known)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    else:
        if not problems and not repeated:
            return configuration
    document = _document(text, source)
    found = (explained(detail, document, model=model) for detail in details)
    named_again = (_named_again(document, again, first) for again, first in repeated)
    raise ConfigurationError((*problems, *filter(None, found), *named_again), source=source)


def _document(text: str, source: str) -> Document:
    try:
        return read(text)
    except UnreadableError as error:
        raise ConfigurationError((error.problem,), source=source) from None


def _repeated_names(values: object) -> Iterator[tuple[Location, Location]]:
    """Names that stand again, and first: as written, so that a problem elsewhere in an item hides none here."""
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
    name = document.place(again)
    other = "account" if again[0] == "accounts" else "directory"
    sentence = (
        f"the {other} on line {document.line_of(first)} has the name {name.described() if name else ''} already"
    )
    return Problem(path_of(again), document.line_of(again), f"{sentence}; choose another one")
