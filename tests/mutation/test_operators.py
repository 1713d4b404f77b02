from pathlib import Path

import pytest

from tests.mutation.__main__ import DECIDES, chosen
from tests.mutation.operators import mutants
from tests.mutation.trial import ROOT


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("x = a < b", ["x = (a <= b)", "x = (a >= b)"]),
        ("x = a <= b < c", ["x = (a < b < c)", "x = (a <= b <= c)", "x = (a <= b >= c)", "x = (a > b < c)"]),
        ("x = a is not b", ["x = (a is b)"]),
        ("x = a and b or c", ["x = ((a and b) and c)", "x = (a or b) or c"]),
        ("x = not a", ["x = (a)"]),
        ("x = b if a() else c", ["x = b if (not a()) else c"]),
        ("x = [a for a in b if a]", ["x = [a for a in b if (not a)]"]),
        ("x = -a + b", ["x = (-a - b)", "x = (a) + b"]),
        ("x = min(a, 9)", ["x = max(a, 9)", "x = min(a, 10)"]),
        ("x = f(y=True)", ["x = f(y=False)"]),
        ("x = 'ä' + \\\n    'b'", ["x = ('ä' - 'b')", "x = 'XXä' + \\\n    'b'", "x = 'ä' + \\\n    'XXb'"]),
        ("f(a)", ["pass"]),
        ("x.y = a", ["pass"]),
        ("x += a", ["pass"]),
        ("raise E('a message')", ["pass"]),
        ("def f(a: 'T' = 1) -> 'T':\n    'Says.'\n    return a", None),
    ],
)
def test_a_place_is_changed_in_every_way(line: str, changed: list[str] | None) -> None:
    """One change a mutant, and the rest of the module to the letter as it was."""
    if changed is None:
        changed = [line.replace("= 1", "= 2"), line.replace("return a", "return None")]
    source = f"before = there\n{line}\nafter = all()\n".replace("all()", "those")

    assert {mutant.source for mutant in mutants(source)} == {
        f"before = there\n{text}\nafter = those\n" for text in changed
    }


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('"""Says."""', id="docstring"),
        pytest.param("from a import b", id="import"),
        pytest.param("@d(slots=True)\nclass C:\n    a: int | None", id="decorator and annotation"),
        pytest.param("class P(Protocol):\n    def f(self) -> int:\n        return 1", id="protocol"),
        pytest.param("if TYPE_CHECKING:\n    x = 1", id="for types alone"),
        pytest.param("x = f'{a + 1} of {b}'", id="f-string"),
        pytest.param("__all__ = ['a']", id="names for others"),
    ],
)
def test_what_says_nothing_of_behaviour_has_no_mutants(source: str) -> None:
    """A mutant that no test could notice is not made."""
    assert mutants(source) == []


def test_a_seed_says_which_mutants_are_tried() -> None:
    """The same ones again, out of all of the modules; another seed chooses others."""
    modules = [Path("exporter/polling/policy.py"), Path("exporter/api/rate_limit.py")]
    first, again, other = (chosen(modules, seed=seed, count=20) for seed in (1, 1, 2))

    assert first == again != other
    assert len(set(first)) == 20
    assert {module for module, _ in first} == set(modules)


@pytest.mark.parametrize("pattern", DECIDES)
def test_the_modules_that_decide_are_there(pattern: str) -> None:
    """One that has moved is not left out in silence."""
    assert list(ROOT.glob(pattern))
