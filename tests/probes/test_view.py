"""What people are shown of a state, whatever the kind."""

import math

import pytest

from exporter.probes.view import Note, Severity, View


@pytest.mark.parametrize(
    ("note", "text"),
    [
        pytest.param(Note(Severity.WARNING, "in debt"), "in debt", id="no values"),
        pytest.param(
            Note(Severity.SERIOUS, "{count} of {all}", {"count": 3, "all": "4"}), "3 of 4", id="values of both types"
        ),
        pytest.param(Note(Severity.WARNING, "{name}", {"name": "{braces}"}), "{braces}", id="braces in a value"),
    ],
)
def test_the_text_of_a_note_is_its_template_with_the_values(note: Note, text: str) -> None:
    """A template is the same for all values: a translation is found by it."""
    assert note.text == text


@pytest.mark.parametrize(
    ("template", "values"),
    [
        pytest.param("{count} domains", {}, id="one is missing"),
        pytest.param("domains", {"count": 3}, id="one too many"),
        pytest.param("{} domains", {"count": 3}, id="one without a name"),
    ],
)
def test_a_note_has_exactly_the_values_of_its_template(template: str, values: dict[str, str | int]) -> None:
    """Else the table would end where the note is written."""
    with pytest.raises(ValueError, match="values that its template names"):
        Note(Severity.WARNING, template, values)


@pytest.mark.parametrize("seconds", [-0.1, math.inf, math.nan])
def test_what_lies_ahead_does_so_by_seconds(seconds: float) -> None:
    """A moment in the past, or none that a calendar has, is refused."""
    with pytest.raises(ValueError, match="finite and not negative"):
        View(ahead_s=seconds)


def test_the_worst_comes_first() -> None:
    """Rows are ordered by it: what stops delivery, then what does harm, what may, what will, and what is well."""
    words = ["critical", "serious", "failing", "warning", "waiting", "upcoming", "inactive", "good"]

    assert [severity.name.lower() for severity in sorted(Severity)] == words
