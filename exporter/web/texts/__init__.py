"""The words of the status page: a file for each language.

What the rooms of the probes say is written in English where it is said. A file of another language has a translation
for each such text, found by the English one.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from importlib import resources
from string import Formatter
from typing import Final

from exporter.core.durations import Duration, in_words
from exporter.core.moments import Moment
from exporter.probes.view import Fragment, Note, Terms, Values

LANGUAGES: Final = ("en", "zh")
"""The names of the files."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language.

    ``language`` is what HTML calls it. ``page`` and ``signs`` are the page's own, ``units`` those of durations.
    Moments are shown in the time zone ``zone``, each with ``zone_name`` behind it, if not empty. ``states`` has a
    translation of each English text of a probe, ``terms`` words that stand before those of the API, ``products`` the
    names by which people look for products. ``runbooks`` are those that are translated, in the folder ``folder``.
    """

    language: str
    page: Mapping[str, str]
    signs: Mapping[str, str]
    units: Mapping[str, str]
    zone: tzinfo
    zone_name: str
    states: Mapping[str, str]
    terms: Mapping[str, str]
    products: Mapping[str, str]
    runbooks: frozenset[str]
    folder: str

    def of(self, english: str) -> str:
        """The translation of a text of a probe, or that itself where there is none."""
        return self.states.get(english, english)

    def said(self, part: Fragment | Note) -> Iterator[tuple[str, bool]]:
        """A part of a cell in pieces, each with whether others have written it, in whatever direction it runs."""
        if isinstance(part, Fragment) and part.foreign:
            yield from self._term(part.text)
        else:
            yield from self.filled(self.of(part.template), part.values)

    def filled(self, template: str, values: Values) -> Iterator[tuple[str, bool]]:
        """A text with these values in the places that it names, in pieces as ``said`` has them."""
        if not values:
            yield template, False
            return
        for text, name, _, _ in Formatter().parse(template):
            if text:
                yield text, False
            if name is not None:
                yield from self._value(values[name])

    def _value(self, value: str | int) -> Iterator[tuple[str, bool]]:
        """What stands in a place of a text, in pieces as ``said`` has them."""
        match value:
            case Duration():
                yield self.duration(value.seconds), False
            case Moment():
                yield self.moment(value), False
            case Terms():
                for number, word in enumerate(value.words):
                    if number:
                        yield self.signs["between"], False
                    yield from self._term(word)
            case _:
                yield str(value), isinstance(value, str)

    def _term(self, word: str) -> Iterator[tuple[str, bool]]:
        """A word of others, with our word before it where there is one, in pieces as ``said`` has them."""
        if word in self.terms:
            yield f"{self.terms[word]} ", False
        yield word, True

    def duration(self, seconds: float) -> str:
        """A duration in words."""
        return in_words(seconds, units=self.units)

    def moment(self, moment: Moment) -> str:
        """A moment in the time zone of the language, or in UTC where that has no such year."""
        try:
            return f"{moment.at.astimezone(self.zone):%Y-%m-%d %H:%M} {self.zone_name}".rstrip()
        except OverflowError:
            return str(moment)

    def runbook(self, name: str) -> str:
        """The path of a runbook below the folder of the documents."""
        return f"runbooks/{f'{self.folder}/' if name in self.runbooks else ''}{name}.md"

    def runbook_title(self, name: str) -> str:
        """The name of a runbook, with its language where that is another than the page's."""
        return name if name in self.runbooks else self.page["english_runbook"].format(name=name)


def load_texts() -> Mapping[str, Texts]:
    """The words of every language, by its name; the first is for browsers that ask for none of them."""
    return {name: _read(name) for name in LANGUAGES}


def _read(name: str) -> Texts:
    texts = tomllib.loads(resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
    return Texts(
        language=texts["language"],
        page=texts["page"],
        signs=texts["signs"],
        units=texts["units"],
        zone=timezone(timedelta(hours=texts["zone"]["hours_ahead_of_utc"])),
        zone_name=texts["zone"]["name"],
        states=texts.get("states", {}),
        terms=texts.get("terms", {}),
        products=texts.get("products", {}),
        runbooks=frozenset(texts["runbooks"]),
        folder=name,
    )
