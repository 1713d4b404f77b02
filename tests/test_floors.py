"""The house: who may import what. The order of the floors themselves is checked by `make check`."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "exporter"

# Each library that could be replaced has one home.
HOMES = {
    "requests": {"api/body.py", "api/client.py", "api/connections.py", "api/failures.py", "api/request.py"},
    "urllib3": {
        "api/body.py",
        "api/client.py",
        "api/connections.py",
        "api/deadline.py",
        "api/failures.py",
        "api/proxy.py",
    },
    "alibabacloud_credentials": {"api/credentials/sdk.py"},
    "apscheduler": {"polling/jobs.py"},
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
    "bcrypt": {"web/authentication.py"},
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


def everything_imported(source: str, *, package: str) -> Iterator[str]:
    """The full name of everything that a source of that package imports, in whatever way and place.

    A name that is known only when the import runs is written as `exporter.(...)`, since it may be anything of ours.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = resolve_name("." * level + (module or ""), package)
                yield from (f"{start}.{alias.name}" for alias in names)
            case ast.Call(func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module")):
                named = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "name")][:1]
                match named:
                    case [ast.Constant(value=str(name))]:
                        yield resolve_name(name, package)
                    case _:
                        yield f"exporter.({ast.unparse(node)})"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import exporter.core", id="plain"),
        pytest.param("import json, exporter.core as s", id="under another name"),
        pytest.param("from exporter import json, core", id="of the package"),
        pytest.param("from exporter.core import logs", id="a name of it"),
        pytest.param("from .. import core", id="relative"),
        pytest.param("from ..core import logs", id="relative name"),
        pytest.param("def f():\n    from exporter import core", id="inside a function"),
        pytest.param("if TYPE_CHECKING:\n    from exporter import core", id="for types"),
        pytest.param("importlib.import_module('exporter.core')", id="import_module"),
        pytest.param("import_module('..core', __package__)", id="relative import_module"),
        pytest.param("import_module(name='exporter.core')", id="by keyword"),
        pytest.param("__import__('exporter.core')", id="__import__"),
        pytest.param("import_module(anything)", id="unknown"),
    ],
)
def test_no_way_to_import_is_overlooked(source: str) -> None:
    """What is said of imports holds for each of them."""
    found = [name for name in everything_imported(source, package="exporter.simulator") if "json" not in name]
    assert len(found) == 1
    assert found[0].startswith(("exporter.core", "exporter.("))


def test_the_simulator_imports_nothing_of_ours() -> None:
    """Any client of the API can be tried against it, and a mistake of ours is not made twice."""
    foreign = set()
    for file in (ROOT / "simulator").rglob("*.py"):
        package = ".".join(("exporter", *file.parent.relative_to(ROOT).parts))
        for name in everything_imported(file.read_text(encoding="utf-8"), package=package):
            own = f"{name}.".startswith("exporter.simulator.")
            if not own and name.partition(".")[0] not in {
                *sys.stdlib_module_names,
                "pydantic",
                "pydantic_core",
                "yaml",
            }:
                foreign.add((file.name, name))
    assert foreign == set()


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

    assert {place for place, _ in printers if not place.startswith("cli/")} == {
        "__main__.py",
        "core/log_writer.py",
        "core/logs.py",
    }
    assert not any(how == "print" for _, how in printers)
