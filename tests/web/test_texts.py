"""The words of the status page: each language has all of them, also for what the rooms of the probes say."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

import exporter.probes
from exporter.core.durations import Duration, in_words
from exporter.core.model import FailureReason
from exporter.core.moments import Moment
from exporter.probes.service_locks import KNOWN_LOCK_REASONS, UNSPECIFIED_REASON
from exporter.probes.service_state import CHARGE_TYPES, LOCKED_FOR_SECURITY
from exporter.probes.table import PROBES
from exporter.probes.view import Fragment, Note, Severity, Terms
from exporter.report.report import FAILING, WAITING
from exporter.web.texts import LANGUAGES, Texts
from tests.report.records import EVERYTHING, report
from tests.web.said import said
from tests.web.status_html import TEXTS, html_of

ROOT = Path(__file__).parent.parent.parent
TRANSLATED = [TEXTS[name] for name in LANGUAGES if name != "en"]
ROOMS = [
    *(f"exporter.probes.{room.name}" for room in pkgutil.iter_modules(exporter.probes.__path__)),
    "exporter.report.report",
]
of_each_translation = pytest.mark.parametrize("texts", TRANSLATED, ids=lambda texts: str(texts.language))


def places(template: str) -> list[str]:
    """The names that a template has in braces."""
    return sorted(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def test_every_file_is_a_language() -> None:
    """None lies there that no browser gets."""
    assert {file.stem for file in (ROOT / "exporter" / "web" / "texts").glob("*.toml")} == set(LANGUAGES)


@of_each_translation
@pytest.mark.parametrize("part", ["page", "signs", "units"])
def test_every_language_has_the_same_keys_and_places(texts: Texts, part: str) -> None:
    """No text is missing or left over, and each has places for the same values."""
    english, translated = getattr(TEXTS["en"], part), getattr(texts, part)

    assert {key: places(text) for key, text in translated.items()} == {
        key: places(text) for key, text in english.items()
    }


@of_each_translation
def test_a_translation_has_the_places_of_its_original(texts: Texts) -> None:
    """Each value of a note is shown in every language."""
    assert {english for english, text in texts.states.items() if places(english) != places(text)} == set()


def words() -> Iterator[str]:
    """What stands for conditions, alarms and failures, and for what is polled but is no product, as it is shown."""
    for condition in (*(each for kind in PROBES for each in kind.conditions), FAILING, WAITING):
        words = (condition.word, condition.alarm, condition.of_rows)
        yield from (word.replace("_", " ") for word in words if word)
    yield from FailureReason
    yield from (kind.probe for kind in PROBES if kind.of_account)


@of_each_translation
def test_every_condition_and_failure_is_translated(texts: Texts) -> None:
    """A word without a translation would stand in English between others."""
    assert sorted({word for word in words() if word not in texts.states}) == []


@of_each_translation
@pytest.mark.parametrize("room", ROOMS)
def test_every_text_of_a_room_is_translated(texts: Texts, room: str) -> None:
    """The texts are named that are missing in the file of the language."""
    patterns = said(importlib.import_module(room))

    assert sorted(each for each in patterns if not any(re.fullmatch(each, english) for english in texts.states)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_text_of_a_room_is_shown_of_some_state(room: str) -> None:
    """So that what is true of all texts that are shown is true of all that there are."""
    shown = templates()

    assert (
        sorted(
            each
            for each in said(importlib.import_module(room))
            if not any(re.fullmatch(each, text) for text in shown)
        )
        == []
    )


def test_the_texts_of_a_room_are_found_wherever_it_has_them() -> None:
    """In the call, in a name, in a table that is looped over, in both branches, and among a function's arguments."""
    texts = said(importlib.import_module("tests.web.room_that_says"))

    assert {text.replace("\\", "") for text in texts} == {
        "in the call {count}",
        "in a name {count}",
        "of the module {count}",
        "in a table {count}",
        "first branch",
        "second branch",
        "handed over {count}",
        "with .+ inside",
    }


def templates() -> set[str]:
    """What is shown of all states, but for what others have said."""
    rows = report(EVERYTHING).rows
    parts = (part for row in rows for part in (*row.status, *row.billing) if not part.foreign)
    return {note.template for row in rows for note in row.notes} | {part.template for part in parts}


def test_a_duration_is_a_value_by_itself() -> None:
    """Inside another text it would stay in English."""
    rows = report(EVERYTHING).rows
    values = [value for row in rows for note in row.notes for value in note.values.values()]
    values += [value for row in rows for part in (*row.status, *row.billing) for value in part.values.values()]
    texts = [value for value in values if not isinstance(value, Duration)]

    assert len(texts) < len(values)
    assert [text for text in texts if re.search(r"\d (d|h|min|s)\b", str(text))] == []


@of_each_translation
def test_what_is_said_of_every_state_is_translated(texts: Texts) -> None:
    """Also where the source does not tell what a room says."""
    assert sorted(text for text in templates() - set(texts.states) if re.search(r"[A-Za-z]{2}", text)) == []


IDENTIFIERS = {"dcdn-exporter", "1.2.3", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready"} | {
    word for kind in PROBES for word in (kind.product, kind.probe)
}


@of_each_translation
def test_a_page_has_no_english_between_the_words_of_another_language(texts: Texts) -> None:
    """But for names of the configuration, addresses, metrics and time zones, and for what others have said."""
    (name,) = (name for name, each in TEXTS.items() if each is texts)
    html = html_of(EVERYTHING, language=name, documentation_url="https://docs.invalid/docs")
    shown = re.sub(r"<title>.*?</title>|<bdi[^>]*>.*?</bdi>", "", html, flags=re.DOTALL)
    attributes = re.findall(r'(?:placeholder|aria-label|data-label)="([^"]*)"', shown)
    said_to_people = [*re.sub(r"<[^>]*>", "\n", shown).split("\n"), *attributes]
    latin = {word for text in said_to_people for word in re.findall(r"[A-Za-z/][\w./-]+", text)}

    assert latin - IDENTIFIERS == {"exporter", "UTC"}  # as the program is called in Chinese, too


def test_chinese() -> None:
    """A note has its values, durations are in Chinese, and what others have named stands apart."""
    chinese = TEXTS["zh"]
    ahead = Fragment("in {time}", values={"time": in_words(93_784)})
    unknown = Note(Severity.WAITING, "{probe} unknown", {"probe": "domains"})

    assert list(chinese.said(ahead)) == [("1 天 2 小时", False), ("后", False)]
    assert list(chinese.said(unknown)) == [("domains", True), (" 未知", False)]
    assert list(chinese.said(Fragment("locked", foreign=True))) == [("locked", True)]


@of_each_translation
def test_every_lock_reason_and_charge_type_that_we_know_is_translated(texts: Texts) -> None:
    """The word of the API stays beside it, since operators search for that."""
    reasons = {*KNOWN_LOCK_REASONS, *LOCKED_FOR_SECURITY.lock_reasons, UNSPECIFIED_REASON}
    assert texts.terms.keys() == reasons | set(CHARGE_TYPES)


def test_chinese_words_beside_those_of_the_api() -> None:
    """Those of the glossary, each with the word of the API; an undocumented one stands alone."""
    locked = Fragment("locked ({reasons})", values={"reasons": Terms(("financial", "odd", "security"))})
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

    assert list(TEXTS["zh"].said(locked)) == [
        ("业务锁定（", False),
        ("欠费 ", False),
        ("financial", True),
        ("、", False),
        ("odd", True),
        ("、", False),
        ("安全原因 ", False),
        ("security", True),
        ("）", False),
    ]
    assert list(TEXTS["zh"].said(Fragment("PayByTraffic", foreign=True))) == [
        ("流量 ", False),
        ("PayByTraffic", True),
    ]
    assert [term for term, own in TEXTS["zh"].terms.items() if f"| `{term}` | {own} |" not in glossary] == []


def test_a_moment_that_no_other_zone_has() -> None:
    """The end of the last year that there is stays in UTC, and says so."""
    last, first = Moment(datetime.max.replace(tzinfo=UTC)), Moment(datetime.min.replace(tzinfo=UTC))

    assert TEXTS["zh"].moment(last) == str(last) == "9999-12-31 23:59 UTC"
    assert TEXTS["zh"].moment(first).endswith("-01-01 08:00")


def test_a_text_without_a_translation_stays_english() -> None:
    """It is read, and nothing fails."""
    note = Note(Severity.WARNING, "{count} of them", {"count": 3})

    assert list(TEXTS["zh"].said(note)) == [("3", False), (" of them", False)]


@of_each_translation
def test_runbooks_in_another_language(texts: Texts) -> None:
    """Those that are there are linked to, and no other."""
    there = {page.stem for page in (ROOT / "docs" / "runbooks" / texts.folder).glob("*.md")}

    assert texts.runbooks == there
    assert texts.runbook("DcdnInDebt") == "runbooks/zh/DcdnInDebt.md"
    assert texts.runbook("DcdnPollFailing") == "runbooks/DcdnPollFailing.md"
