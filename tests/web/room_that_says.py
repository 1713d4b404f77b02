"""A room that has its texts in every place where a room may have them."""

from collections.abc import Iterator

from exporter.probes.view import Fragment, Note, Severity

NAMED = "of the module {count}"
WORD = "one"


def notes(count: int, word: str) -> Iterator[Note]:
    yield Note(Severity.WARNING, "in the call {count}", {"count": count})
    template = "in a name {count}"
    yield Note(Severity.WARNING, template, {"count": count})
    yield from (
        Note(severity, each, {"count": count}) for severity, each in ((Severity.WARNING, "in a table {count}"),)
    )
    yield Note(Severity.WARNING, NAMED, {"count": count})
    yield _note("handed over {count}", count)
    yield Note(Severity.WARNING, f"with {word} inside")


def _note(template: str, count: int) -> Note:
    return Note(Severity.WARNING, template, {"count": count})


def cell(word: str, *, first: bool) -> Iterator[Fragment]:
    yield Fragment("first branch" if first else "second branch")
    yield Fragment("what others have said", foreign=True)
    yield Fragment(WORD.replace("_", " "))
    yield Fragment("→")
    yield Fragment(word.replace("_", " "))
