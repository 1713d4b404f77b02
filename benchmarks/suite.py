"""Runs benchmarks one after the other and says what they found."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from benchmarks.report import to_json, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.findings import Finding
    from benchmarks.machine import Machine


def run(
    benchmarks: Mapping[str, Callable[[], Finding]],
    *,
    machine: Machine,
    results: Path | None,
    say: Callable[[str], None],
) -> bool:
    """Say what each finds when it is found, and write all of it to `results`; returns whether every claim holds.

    One that raises is a claim that does not hold, and the others run all the same.
    """
    say(f"{machine}\n")
    found: list[Finding] = []
    all_well = True
    for name, measure in benchmarks.items():
        try:
            finding = measure()
        except Exception:  # noqa: BLE001 — an hour of other figures is not thrown away
            say(f"{name} failed\n{traceback.format_exc()}")
            all_well = False
            continue
        say(to_text(finding))
        found.append(finding)
        all_well = all_well and all(claim.holds for claim in finding.claims)
        if results is not None:
            results.write_text(to_json(found, machine) + "\n", encoding="utf-8")
    return all_well
