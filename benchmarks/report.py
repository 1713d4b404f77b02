"""What was found, as text for a terminal, as JSON and as the tables of docs/benchmarks.md; pure."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_DIGITS_FROM = 100

# A table's first row is its head.
Table = list[list[str]]


def to_text(finding: Finding) -> str:
    """Return a finding as aligned tables, then its claims and notes."""
    parts = [finding.benchmark, *(_aligned(table) for table in _tables(finding))]
    return "\n\n".join(parts) + "\n" + "".join(f"  {note}\n" for note in finding.notes)


def to_markdown(finding: Finding, machine: Machine) -> str:
    """Return a finding in brief as the tables and notes of a document."""
    shown = finding.in_brief or {figure.of for figure in finding.figures}
    figures = tuple(figure for figure in finding.figures if not figure.of or figure.of in shown)
    finding = dataclasses.replace(finding, figures=figures)
    notes = "".join(f"- {note}\n" for note in finding.notes)
    return (
        "\n\n".join([f"{machine}", *(_pipes(table) for table in _tables(finding))])
        + "\n"
        + ("\n" + notes) * bool(notes)
    )


def to_json(findings: Iterable[Finding], machine: Machine) -> str:
    """Return a run of the suite; `from_json` reads it."""
    return json.dumps(
        {
            "machine": dataclasses.asdict(machine),
            "findings": [
                {
                    **dataclasses.asdict(finding),
                    "claims": [{**dataclasses.asdict(claim), "holds": claim.holds} for claim in finding.claims],
                }
                for finding in findings
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def from_json(text: str) -> tuple[tuple[Finding, ...], Machine]:
    """Return the findings and the machine that `to_json` wrote."""
    run = json.loads(text)
    return tuple(_finding(each) for each in run["findings"]), Machine(**run["machine"])


def in_document(document: str, finding: Finding, machine: Machine) -> str:
    """Return the document with the finding between its two marks; ValueError when they are not there."""
    begin, end = f"<!-- {finding.benchmark}: found by make bench -->\n", f"<!-- {finding.benchmark}: end -->\n"
    before, mark, rest = document.partition(begin)
    _, other_mark, after = rest.partition(end)
    if not mark or not other_mark:
        message = f"the document has no place for {finding.benchmark}: {begin.strip()} and {end.strip()}, a line each"
        raise ValueError(message)
    return f"{before}{begin}\n{to_markdown(finding, machine)}\n{end}{after}"


def _finding(found: Mapping[str, Any]) -> Finding:
    return Finding(
        found["benchmark"],
        tuple(Figure(**figure) for figure in found["figures"]),
        tuple(Claim(Figure(**claim["figure"]), Bound(claim["bound"]), claim["limit"]) for claim in found["claims"]),
        tuple(found["notes"]),
        tuple(found["in_brief"]),
    )


def _tables(finding: Finding) -> list[Table]:
    """What was measured of several as a table of them, then single figures, then claims; none that would be empty."""
    tables = [_compared([figure for figure in finding.figures if figure.of])]
    tables.append(
        [
            ["measured", "found", "runs"],
            *(
                [figure.name, _with_unit(figure.value, figure.unit), str(figure.runs)]
                for figure in finding.figures
                if not figure.of
            ),
        ]
    )
    tables.append([["claim", "found", "promised", ""], *(_claim(claim) for claim in finding.claims)])
    return [table for table in tables if len(table) > 1]


def _compared(figures: Sequence[Figure]) -> Table:
    columns = list(dict.fromkeys((figure.name, figure.unit) for figure in figures))
    values = {(figure.of, figure.name, figure.unit): figure for figure in figures}
    runs = {figure.of: max(other.runs for other in figures if other.of == figure.of) for figure in figures}
    return [
        ["of", *(f"{name} ({unit})" if unit else name for name, unit in columns), "runs"],
        *(
            [
                of,
                *(_number(values[of, *column].value) if (of, *column) in values else "" for column in columns),
                str(n),
            ]
            for of, n in runs.items()
        ),
    ]


def _claim(claim: Claim) -> list[str]:
    figure = claim.figure
    name = f"{figure.of}: {figure.name}" if figure.of else figure.name
    promised = f"{claim.bound} {_with_unit(claim.limit, figure.unit)}"
    return [name, _with_unit(figure.value, figure.unit), promised, "holds" if claim.holds else "DOES NOT HOLD"]


def _with_unit(value: float, unit: str) -> str:
    return f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    """Three digits that say something; all of them from a hundred on."""
    return f"{value:,.0f}" if abs(value) >= _MOST_DIGITS_FROM else f"{value:.3g}"


def _aligned(table: Table) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 or not _is_number(table[1][column]) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def _pipes(table: Table) -> str:
    rule = ["---:" if column and _is_number(table[1][column]) else "---" for column in range(len(table[0]))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (table[0], rule, *table[1:]))


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell.startswith("-")
