"""The sentence for a key that its section does not have: what it may be instead, or where it belongs."""

from collections.abc import Collection, Iterator, Mapping

from pydantic import BaseModel

from exporter.config.checks import SWITCHES, models_in, unknown
from exporter.config.models import Configuration
from exporter.config.web import WebConfiguration

_OTHER_FILES: Mapping[type[BaseModel], tuple[type[BaseModel], str]] = {
    Configuration: (WebConfiguration, "--web.config.file"),
    WebConfiguration: (Configuration, "--config.file"),
}
_FULL_WIDTH_COLON = "："


def unknown_key(key: str, *, section: str, here: Collection[str], model: type[BaseModel]) -> str:
    """The sentence; ``here`` are the keys of the section of that name, ``model`` that of the whole file."""
    sentence = unknown("key", key, here)
    homes = [name for name, keys in _sections(model) if key in keys]
    if section in homes:  # of another type
        return sentence
    home = next(iter(homes), None)
    other, flag = _OTHER_FILES[model]
    if home is None and key in keys_of(other):
        home = f"the file of {flag}"
    if home is not None:
        sentence = sentence.replace("unknown key; ", f"unknown key here: it is a key of {home}; ", 1)
    return sentence + odd_characters(key)


def odd_characters(text: str) -> str:
    """A hint behind a text that has a colon or a space which YAML does not know, as input methods write them."""
    if _FULL_WIDTH_COLON in text:
        return f" (it has {_FULL_WIDTH_COLON} in place of a colon and a space)"
    space = next((each for each in text if each.isspace() and each not in " \t\r\n"), None)
    return "" if space is None else f" (it has U+{ord(space):04X} in place of a space)"


def keys_of(model: type[BaseModel]) -> set[str]:
    """The keys of a section in the file, without switches."""
    return {field.alias or name for name, field in model.model_fields.items()} - {SWITCHES}


def _sections(model: type[BaseModel]) -> Iterator[tuple[str, set[str]]]:
    """The sections of the file with their keys, outer ones first."""
    level = [("the top level", model)]
    while level:
        yield from ((name, keys_of(section)) for name, section in level)
        level = [
            (field.alias or name, inner)
            for _, section in level
            for name, field in section.model_fields.items()
            for inner in models_in(field.annotation)
        ]
