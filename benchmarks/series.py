"""The series of a page as a file, so that peers hold the same ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from pathlib import Path

# What every poll moves, as a rule.
CHANGING = frozenset(
    {
        "dcdn_last_poll_timestamp_seconds",
        "dcdn_last_success_timestamp_seconds",
        "dcdn_last_poll_duration_seconds",
        "dcdn_polls_total",
    }
)
# What differs from moment to moment and from process to process.
_OF_THE_MOMENT = (
    *CHANGING,
    "dcdn_service_charge_type_change_remaining_seconds",
    "dcdn_exporter_api_",
    "process_",
    "python_gc_",
)

# Values by the name and labels of their series.
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def families_of(page: str) -> list[dict[str, Any]]:
    """Return the families of a page in the text format, one for each name of a sample: a histogram is several."""
    families: dict[str, dict[str, Any]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            plain = family.type in ("gauge", "counter")
            held = families.setdefault(
                sample.name,
                {
                    "name": sample.name,
                    "help": family.documentation,
                    "type": family.type if plain else "untyped",
                    "names": list(sample.labels),
                    "changes": sample.name in CHANGING,
                    "series": [],
                },
            )
            values = [sample.labels[name] for name in held["names"]]
            held["series"].append({"labels": values, "value": sample.value})
    return list(families.values())


def write_series(page: str, file: Path) -> None:
    """The file has the families of the page."""
    file.write_text(json.dumps(families_of(page)), encoding="utf-8")


def differences(ours: Samples, theirs: Samples) -> list[str]:
    """What one page has and the other has not, or with another value, unless that is of the moment."""
    return [
        f"{name}{dict(labels)}: {ours.get((name, labels))} and {theirs.get((name, labels))}"
        for name, labels in sorted(
            (each for each in ours.keys() | theirs.keys() if ours.get(each) != theirs.get(each)), key=str
        )
    ]


def samples_of(page: str) -> Samples:
    """Return what a page in the text format says, but for values of the moment."""
    return {
        (sample.name, frozenset(sample.labels.items())): (
            0.0 if sample.name.startswith(_OF_THE_MOMENT) else sample.value
        )
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
