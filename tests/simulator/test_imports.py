"""The simulator stands on the standard library, and on what reads its scenarios."""

import ast
import sys
from collections.abc import Iterator
from importlib import resources

THIRD_PARTY = {
    "faults.py": {"pydantic"},
    "reading.py": {"pydantic", "pydantic_core", "yaml"},
    "scenario.py": {"pydantic"},
    "state.py": {"pydantic"},
}


def imported_by(source: str) -> Iterator[str]:
    """Yield the full name of every module that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_the_simulator_imports_nothing_of_ours_and_libraries_only_to_read_scenarios() -> None:
    """Any client of the API can be tried against it, and a mistake of ours is not made twice."""
    foreign = {}
    for file in resources.files("exporter.simulator").iterdir():
        if file.name.endswith(".py"):
            names = {
                name
                for name in imported_by(file.read_text(encoding="utf-8"))
                if not name.startswith("exporter.simulator") and name.partition(".")[0] not in sys.stdlib_module_names
            }
            foreign[file.name] = names
    assert {name: names for name, names in foreign.items() if names} == THIRD_PARTY
