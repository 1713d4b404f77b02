"""The ways in which rules are broken, and the result of the last time."""

from __future__ import annotations

import re

import pytest

from tests.alerts.mutate import fingerprint
from tests.alerts.mutations import mutations
from tests.alerts.shipped import ROOT, rules, unique

RULE = {
    "alert": "DcdnExample",
    "expr": 'max by (job) (\n  up{job="a"} < 3\n)\n  and on (job)\nup offset 1h == 1',
    "for": "5m",
}


def test_a_rule_is_broken_in_every_way_that_there_is() -> None:
    """Words, thresholds, ranges, matchers, clauses, grouping, and both pauses."""
    assert [mutation.how for mutation in mutations(RULE)] == [
        "expression: `min by` in `max by (job) (`",
        "expression: `unless on` in `and on (job)`",
        "expression: `== 0` in `up offset 1h == 1`",
        'expression: `>` in `up{job="a"} < 3`',
        "threshold: 6 instead of 3",
        "threshold: 1.5 instead of 3",
        "range: 10800 s instead of 1h in `up offset 1h == 1`",
        "range: 1200 s instead of 1h in `up offset 1h == 1`",
        'matcher: no `job="a"`',
        "expression: no `and on (job) up offset 1h == 1`",
        "expression: not by `job` in `max by (job) (`",
        "for: none instead of 5m",
        "for: 15m instead of 5m",
        "keep_firing_for: 1h instead of none",
    ]


def test_the_last_result_is_of_the_rules_and_tests_of_now() -> None:
    """Of others it says nothing: run `make mutate`."""
    page = (ROOT / "docs" / "alert-mutations.md").read_text(encoding="utf-8")

    assert f"`{fingerprint()}`" in page


@pytest.mark.parametrize("rule", rules(), ids=unique(rule.get("alert") or rule["record"] for rule in rules()))
def test_the_last_result_has_every_rule_with_all_of_its_mutations_noticed(rule: dict[str, str]) -> None:
    """A rule that came or changed its name since then is not in it: run `make mutate`."""
    page = (ROOT / "docs" / "alert-mutations.md").read_text(encoding="utf-8")
    name = re.escape(rule.get("alert") or rule["record"])
    row = re.search(rf"^\| {name} \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert row is not None
    assert int(row[1]) >= min(3, len(list(mutations(rule))))
    assert row[1] == row[2]
