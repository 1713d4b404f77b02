"""Ways to break a rule, one at a time."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Rule = dict[str, Any]

_WORDS = {
    "max by": "min by",
    "min by": "max by",
    "sum by": "max by",
    "unless on": "and on",
    "and on": "unless on",
    " == 1": " == 0",
    " == 0": " == 1",
    " >= ": " > ",
    " <= ": " < ",
    " < ": " > ",
    " > ": " < ",
    "max_over_time(": "min_over_time(",
    "abs(": "(",
    "clamp_min(": "clamp_max(",
    "absent(": "present_over_time(",
    "!=": "=",
    " - ": " + ",
    " + ": " - ",
    "increase(": "changes(",
}
_THRESHOLD = re.compile(r"(?P<before> [<>]=? )(?P<number>[\d.]+)")
_CALL_NUMBER = re.compile(r"(?P<before>, )(?P<number>\d+)(?=\))")
_RANGE = re.compile(r"(?P<before>\[|offset )(?P<number>\d+)(?P<unit>[smhd])")
_OF_EXPORTERS = re.compile(r"(?<![:\w])(?:dcdn_\w+|process_start_time_seconds)\{$")
_MATCHER = re.compile(r'(?:, )?\b\w+(?:=~|!=|=)"[^"]*"(?:, )?')
_CLAUSE = re.compile(r"^\s*(?:and|or|unless)(?: on \(.*\))?$")
_BY = re.compile(r"(?P<words>(?:max|min|sum|count|group) by \()(?P<labels>[\w, ]+)\)")
_LENGTH = re.compile(r"(\d+)([smhd])")
# Of what is recorded there is one series, and all of its samples are 1; a target shows what it says of itself once;
# and 0 times anything is 0. Every way to aggregate gives the same there.
_ONE = re.compile(r"^(?:(?:max|min) by [^\n]*:held|.*by \([\w, ]*instance|0 \* )")
# The labels that route an alert: `mutate` asks for what fires, the end-to-end test for whom it reaches.
_ROUTE = "topk by (account)"
# What holds while an exporter has just gone. It is seen only where a scrape fails between two rules, and promtool has
# no such thing: test_snapshots.py tries every place.
_JUST_GONE = re.compile(
    r"\n *and on \(\)\n( *)\(\n *job_instance:up:seen\n(?:.*\n)*?\1\)"
    r"(?:\n *unless on \(account, product(?:, probe)?\)\n *dcdn_\w+\{.*\} (?:== [01]|> 0))?"
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rule that was broken, and how."""

    how: str
    rule: Rule


def mutations(rule: Rule) -> Iterator[Mutation]:
    """Every way in which this rule is broken."""
    seen = {rule["expr"]}
    for part, how, expression in _expressions(rule["expr"]):
        if expression not in seen and _just_gone(expression) == _just_gone(rule["expr"]):
            seen.add(expression)
            yield Mutation(f"{part}: {how}", {**rule, "expr": expression})
    if "alert" in rule:
        yield from _pauses(rule)


def _just_gone(expression: str) -> list[str]:
    return [match[0] for match in _JUST_GONE.finditer(expression)]


def _pauses(rule: Rule) -> Iterator[Mutation]:
    for key in ("for", "keep_firing_for"):
        if key in rule:
            shorter, longer = copy.deepcopy(rule), copy.deepcopy(rule)
            del shorter[key]
            longer[key] = _times(rule[key], 3)
            yield Mutation(f"{key}: none instead of {rule[key]}", shorter)
            yield Mutation(f"{key}: {longer[key]} instead of {rule[key]}", longer)
        else:
            yield Mutation(f"{key}: 1h instead of none", {**rule, key: "1h"})


def _times(duration: str, factor: int) -> str:
    return "".join(f"{int(number) * factor}{unit}" for number, unit in _LENGTH.findall(duration))


def _expressions(expression: str) -> Iterator[tuple[str, str, str]]:
    head, route, tail = expression.partition(_ROUTE)
    if not head:
        yield from _labels(expression)
    for part, how, broken in (*_words(head), *_numbers(head), *_matchers(head), *_clauses(head), *_labels(head)):
        yield part, how, broken + route + tail


def _replaced(text: str, match: re.Match[str], by: str) -> str:
    return text[: match.start()] + by + text[match.end() :]


def _where(text: str, match: re.Match[str]) -> str:
    """The line in which it stands."""
    return text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0].strip()


def _words(text: str) -> Iterator[tuple[str, str, str]]:
    for word, other in _WORDS.items():
        for match in re.finditer(re.escape(word), text):
            if word in {"max by", "min by", "max_over_time("} and _ONE.search(_where(text, match)):
                continue
            yield "expression", f"`{other.strip()}` in `{_where(text, match)}`", _replaced(text, match, other)


def _numbers(text: str) -> Iterator[tuple[str, str, str]]:
    for pattern in (_THRESHOLD, _CALL_NUMBER):
        for match in pattern.finditer(text):
            number = float(match["number"])
            for other in (number * 2, number / 2) if number else (-1.0, 1e9):
                yield (
                    "threshold",
                    f"{other:g} instead of {match['number']}",
                    _replaced(text, match, f"{match['before']}{other:g}"),
                )
    for match in _RANGE.finditer(text):
        seconds = int(match["number"]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match["unit"]]
        for other in (seconds * 3, seconds // 3):
            how = f"{other} s instead of {match['number']}{match['unit']} in `{_where(text, match)}`"
            yield "range", how, _replaced(text, match, f"{match['before']}{other}s")


def _matchers(text: str) -> Iterator[tuple[str, str, str]]:
    for match in _MATCHER.finditer(text):
        if _OF_EXPORTERS.search(text[: match.start()]) and match[0].startswith("job="):
            continue  # that every selector has it, a test of the names holds
        yield "matcher", f"no `{match[0]}`", _replaced(text, match, "")


def _clauses(text: str) -> Iterator[tuple[str, str, str]]:
    """Without what stands on one side of an `and`, `or` or `unless` of the outermost level, or of any inner one."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not _CLAUSE.match(line):
            continue
        level = len(lines[number + 1]) - len(lines[number + 1].lstrip())
        end = number + 2
        while end < len(lines) and not _ends(lines[end], level):
            end += 1
        broken = "\n".join(lines[:number] + lines[end:])
        yield "expression", f"no `{line.strip()} {lines[number + 1].strip()}`", broken


def _ends(line: str, level: int) -> bool:
    """Whether a line belongs to what comes after an operand that began at the level."""
    depth = len(line) - len(line.lstrip())
    return depth < level or bool(_CLAUSE.match(line) and depth <= level + 2)


def _labels(text: str) -> Iterator[tuple[str, str, str]]:
    for match in _BY.finditer(text):
        labels = match["labels"].split(", ")
        for label in labels:
            fewer = ", ".join(other for other in labels if other != label)
            broken = _replaced(text, match, f"{match['words']}{fewer})")
            yield "expression", f"not by `{label}` in `{_where(text, match)}`", broken
