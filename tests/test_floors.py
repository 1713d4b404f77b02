"""The house: who may import what. The order of the floors themselves is checked by `make check`."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "exporter"

# Each library that could be replaced has one home.
HOMES = {
    "requests": {
        "api/body.py",
        "api/client.py",
        "api/connection_failure.py",
        "api/connections.py",
        "api/request.py",
    },
    "urllib3": {"api/client.py", "api/connections.py"},
    "alibabacloud_credentials": {"api/credentials/sdk.py"},
    "apscheduler": {"polling/executor.py", "polling/fixed_phase.py", "polling/schedule.py"},
    "prometheus_client": {"metrics/"},
    "rich": {"report/terminal.py"},
    "structlog": {"core/logs.py"},
    "click": {"cli/"},
    "pydantic": {"config/", "simulator/"},
    "yaml": {"config/", "simulator/"},
    "uvicorn": {"web/"},
    "starlette": {"web/"},
    "jinja2": {"web/"},
    "isal": {"web/"},
    "bcrypt": {"web/passwords.py"},
    "uvloop": {"web/"},
}


@cache
def imports() -> frozenset[tuple[str, str]]:
    """(file, top-level package) of every import of the project."""
    return frozenset(_imports())


def _imports() -> Iterator[tuple[str, str]]:
    for file in sorted(ROOT.rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((name, alias.name.partition(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield name, node.module.partition(".")[0]


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_at_home_only(library: str) -> None:
    """A library can be replaced by changing the files that are its home."""
    importers = {file for file, package in imports() if package == library}

    assert {file for file in importers if not any(file.startswith(home) for home in HOMES[library])} == set()


def test_what_watches_is_held_to_reading() -> None:
    """A simulator that the daemon or a part of it asks comes from where writes are looked for in the end."""
    tests = Path(__file__).parent
    makers = {
        file.relative_to(tests).as_posix()
        for file in tests.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Simulator"
    }

    # Those of the simulator itself, of the client below the daemon, and of the command that writes.
    own = ("simulator/", "api/", "activation/")
    assert {file for file in makers if not file.startswith(own)} == {"only_read.py"}


def test_only_the_command_prints() -> None:
    """What is not logged is not written to a terminal by anybody but the command, which has click for that."""
    printing = {"print", "click.echo", "click.secho", "sys.stdout", "sys.stderr"}
    printers = {
        (file.relative_to(ROOT).as_posix(), ast.unparse(node))
        for file in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in printing
    }

    assert {place for place, _ in printers if not place.startswith("cli/")} == {"core/logs.py"}
    assert not any(how == "print" for _, how in printers)
