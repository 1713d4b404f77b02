"""docs/simulator.md says everything that a scenario may say, and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import FAULT_KINDS, REFUSALS, packaged_scenarios, parse_scenario
from exporter.simulator.operations import OPERATIONS
from exporter.simulator.scenario import scenario_schema
from exporter.simulator.state import CURRENCIES, MEMBER_STATUSES, MEMBER_TYPES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^#{2,3} (.+)\n((?:(?!#{2,3} ).*\n)*)", re.MULTILINE)
SECTIONS = {match[1]: match[2] for match in SECTION.finditer(DOCUMENT)}
ROW = re.compile(r"^\| (`.*?) \|(.*)\|$", re.MULTILINE)
SCENARIO = """
description: one fault
accounts:
  - {{name: a, account_id: "1", access_key_id: k, access_key_secret: s, timeline: [{{at: 0s, fault: {fault}}}]}}
"""
SCHEMA = scenario_schema()
NAMES = {
    "Fault": "Faults",
    "Certificates": "Certificates",
    "Domains": "Domains",
    "ResourcePackage": "A resource package",
}


def rows(section: str) -> dict[str, str]:
    """The first cells of the rows of a section, each name of a cell by itself, and what stands behind them."""
    return {name: rest for cell, rest in ROW.findall(SECTIONS[section]) for name in re.findall(r"`([^`]+)`", cell)}


def mappings() -> dict[str, list[str]]:
    """The keys of each mapping that a scenario may have, by its section."""
    keys = {"The file": list(SCHEMA["properties"])}
    for name, definition in SCHEMA["$defs"].items():
        word = name.strip("_").lower()
        section = NAMES.get(name, f"An {word}" if word[0] in "aeiou" else f"A {word}")
        keys[section] = list(definition["properties"])
    step = SCHEMA["$defs"]["_Step"]["properties"]
    keys["A balance"] = words(step["balance"])
    [debt] = step["debt"]["patternProperties"].values()
    keys["A debt"] = words(debt["anyOf"][0])
    return keys


def words(mapping: dict[str, Any]) -> list[str]:
    """The keys of a mapping whose schema is a pattern."""
    [pattern] = mapping["patternProperties"]
    return str(pattern).strip("^$()").split("|")


MAPPINGS = mappings()


@pytest.mark.parametrize("section", MAPPINGS)
def test_every_key_of_the_models_is_in_the_table_of_its_mapping(section: str) -> None:
    """And no key is there that a scenario may not have."""
    documented = set(rows(section)) - set(REFUSALS) - set(FAULT_KINDS)
    assert documented == set(MAPPINGS[section])


def test_every_word_that_is_accepted_is_documented() -> None:
    """Wherever the models take one of some words, the document names each of them."""
    schema = str(SCHEMA)
    patterns = re.findall(r"\^\(([\w|]+)\)\$", schema)
    enumerated = [
        word for literal in re.findall(r"'enum': \[(.*?)\]", schema) for word in re.findall(r"\w+", literal)
    ]
    accepted = {word for pattern in patterns for word in pattern.split("|")} | {*enumerated}
    assert {*FAULT_KINDS, "international", "DescribeDcdnIpaService", "request_id"} <= accepted
    accepted |= {*MEMBER_STATUSES, *MEMBER_TYPES, *CURRENCIES}
    assert {word for word in accepted if f"`{word}`" not in DOCUMENT} == set()
    assert {name for name in packaged_scenarios() if f"`{name}`" not in SECTIONS["The command"]} == set()


SCENARIOS = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_every_example_can_be_played(number: int) -> None:
    """What the document shows as a scenario is one."""
    assert parse_scenario(SCENARIOS[number]).accounts


def test_there_is_an_example_of_every_key() -> None:
    """Each key of every mapping stands in one of the examples."""
    examples = "\n".join(SCENARIOS) + SECTIONS["Faults"]
    keys = {key for section, keys in MAPPINGS.items() if section != "A debt" for key in keys}
    assert {key for key in keys if not re.search(rf"\b{key}:", examples)} == set()


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_every_fault_has_an_example(kind: str) -> None:
    """The example is a fault of that kind."""
    [example] = re.findall(r"`(\{kind: .*\})`", rows("Faults")[kind])
    [account] = parse_scenario(SCENARIO.format(fault=example)).accounts
    fault = account.timeline[0].fault
    assert fault is not None
    assert fault.kind == kind


def test_the_vendors_refusals_are_listed() -> None:
    """Each row of its error table, by our name for it."""
    listed = {name: rest for name, rest in rows("An opening").items() if name in REFUSALS}
    assert {name: tuple(rest.strip().split(" | ")) for name, rest in listed.items()} == REFUSALS


def test_the_operations_are_listed() -> None:
    """With version, limit and right of each."""
    assert {name: rest.strip().split(" | ") for name, rest in rows("What it answers").items()} == {
        row.action: [row.version, str(row.calls_per_second), f"`{row.right}`" if row.right else "none"]
        for row in OPERATIONS
    }
