"""Which rules can have a result where only some series exist."""

from __future__ import annotations

import re

import pytest

from tests.alerts.reachable import can_have_result, reachable
from tests.alerts.shipped import rules

WORD = re.compile(r"[\w:]+")


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("here", True),
        ("gone", False),
        ('here{job="a", other=~"}gone{"} offset 5m > 3', True),
        ('gone{job="here"}[5m:1m]', False),
        ('{job="a"}', True),
        ("here or gone", True),
        ("gone or here", True),
        ("gone or on (job) gone", False),
        ("here and on (job) gone", False),
        ("gone and here", False),
        ("here unless ignoring (job) gone", True),
        ("gone unless here", False),
        ("here and (gone or here unless gone)", True),
        ("here * on (job) group_left (team) gone", False),
        ("gone / here or here", True),
        ("here - gone > 0 or gone", False),
        ("gone < bool 3", False),
        ("-gone ^ 2", False),
        ("-here ^ 2", True),
        ("time() - gone > 3e2", False),
        ("time() - here > +Inf", True),
        ("1 - 1 / (1 + max by (job) (gone))", False),
        ("sum by (job, account) (rate(here[5m]))", True),
        ("sum(rate(gone[5m])) without (job)", False),
        ('topk by (job) (1, group(here)) * on (job) group_right () count_values("a", here)', True),
        ("quantile(0.5, gone)", False),
        ('label_replace(gone or here, \'a\', `$1`, "b", "(.+)")', True),
        ("absent(gone)", True),
        ("absent_over_time(gone[1h])", True),
        ("vector(1) and here", True),
        ("scalar(gone) + here", True),
        ("sum(gone) # here\n", False),
        ("last_over_time(here[59m] offset -1m) @ 60", True),
    ],
)
def test_an_expression_has_a_result_only_of_what_exists(expression: str, result: bool) -> None:  # noqa: FBT001 — a case
    """Of both sides of what reckons and of `and`, of the left one of `unless`, of one side of `or`."""
    assert can_have_result(expression, {"here"}) is result


@pytest.mark.parametrize("expression", ["here gone", "(here", "here)", "here; gone", "here and", "{", "sum(here, )"])
def test_what_is_not_understood_is_an_error(expression: str) -> None:
    """A rule that would be left out for that is a fault of the tests, not one of the rule."""
    with pytest.raises(ValueError, match="not understood"):
        can_have_result(expression, {"here"})


def test_every_rule_is_understood() -> None:
    """Each can have a result with the metrics that it names; without any, only what looks for something absent."""
    names = {*WORD.findall(" ".join(rule["expr"] for rule in rules()))}
    silent = [rule["expr"] for rule in rules() if not can_have_result(rule["expr"], names)]
    alone = [rule["alert"] for rule in rules() if can_have_result(rule["expr"], set())]

    assert (silent, alone) == ([], ["DcdnExporterAbsent"])


def test_what_others_record_or_fire_exists() -> None:
    """Also where it is computed from itself, or from what comes later."""
    every = [
        {"record": "held", "expr": "known or held and later"},
        {"record": "never", "expr": "never or unknown"},
        {"record": "later", "expr": "held * 2"},
        {"alert": "Fires", "expr": "later > 3"},
        {"record": "firing", "expr": 'ALERTS{alertname="Fires"}'},
        {"alert": "Quiet", "expr": "never"},
    ]
    kept = [rule for rule in every if "never" not in rule["expr"]]

    assert reachable([{"name": "a", "rules": every}], ["known"]) == [{"name": "a", "rules": kept}]
    assert reachable([{"name": "a", "rules": every}], []) == [{"name": "a", "rules": []}]
