"""What tests of several folders share."""

import gc
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from exporter.core.memory import collector_paused
from exporter.simulator import Simulator
from tests.only_read import only_read

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden"
REHEARSAL_TIMEOUT_S = 900  # of one, with all that it sets up for those after it: images, clusters of daemons


# No deadline for one example: how fast a machine is shows in benchmarks, and a busy one must fail no test.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write tests/golden/ anew; look at the difference")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("rehearsal"):
            item.add_marker(pytest.mark.timeout(REHEARSAL_TIMEOUT_S))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run of rehearsals reads no module without one: each of its workers would."""
    if config.option.markexpr.startswith("rehearsal") and collection_path.match("test_*.py"):
        return "mark.rehearsal" not in collection_path.read_text(encoding="utf-8") or None
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is collected lives to the end: no collection of garbage goes through it, now or later."""
    with collector_paused():
        _read_share(session.config)
        result = yield
    gc.freeze()
    return result


def _read_share(config: pytest.Config) -> None:
    """Import some modules before others, as one of several workers, each of which reads all of them.

    On a clone without a cache, the workers would all rewrite the assertions of the same module at the same time. So
    each finds in the cache what the others have rewritten.
    """
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if worker is None:
        return
    chosen = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    ignored = [Path(path).resolve() for path in config.getoption("ignore") or ()]
    modules = [
        file
        for file in sorted(TESTS.rglob("test_*.py"))
        if any(file.is_relative_to(path) for path in chosen)
        and not any(file.is_relative_to(path) for path in ignored)
        and not pytest_ignore_collect(file, config)
    ]
    for file in modules[int(worker.removeprefix("gw")) :: workers]:
        with suppress(Exception):  # collection says what is wrong with it
            import_module(".".join(file.relative_to(TESTS.parent).with_suffix("").parts))


class _ByModule(LoadScopeScheduling):  # type: ignore[misc]  # it is published without types
    """Gives all tests of a module to one worker, and all of tests/deployment, which share an image."""

    def _split_scope(self, nodeid: str) -> str:
        module, _, _ = nodeid.partition("::")
        return "deployment" if "/deployment/" in module else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    return _ByModule(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """What a test changes of the process's logging, or a command that it runs, is gone after it."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], _levels_of_loggers()
    printing = logging.raiseExceptions, logging.lastResort
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.raiseExceptions, logging.lastResort = printing
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    for logger, level in _levels_of_loggers().items():
        if level != levels.get(logger, logging.NOTSET):
            logger.setLevel(levels.get(logger, logging.NOTSET))


@pytest.fixture(autouse=True)
def _garbage_as_it_was() -> Iterator[None]:
    """How often garbage is collected is the same for every test, also after one that runs `serve`."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    """What a test, or a command that it runs, does at signals is gone after it."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


def _levels_of_loggers() -> dict[logging.Logger, int]:
    root = logging.getLogger()
    others = list(root.manager.loggerDict.values())
    return {each: each.level for each in (root, *others) if isinstance(each, logging.Logger)}


@pytest.fixture(scope="session")
def unavailable() -> Callable[[str], NoReturn]:
    """Ends a test that lacks something of the machine: skipped with the reason, or failed in CI, which has it all."""

    def end(reason: str) -> NoReturn:
        if os.environ.get("DCDN_EXPORTER_TESTS_NEED_TOOLS") == "1":
            pytest.fail(f"{reason}, and DCDN_EXPORTER_TESTS_NEED_TOOLS says that nothing is missing")
        pytest.skip(reason)

    return end


@pytest.fixture(scope="session")
def tool(unavailable: Callable[[str], NoReturn]) -> Callable[[str], str]:
    """Finds a program that some tests need."""
    return lambda name: shutil.which(name) or unavailable(f"{name} is not installed")


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a figure into the summary of the tests."""

    def show(figure: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n    {figure}\n")

    return show


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], bytes]:
    """Reads what a file of tests/golden/ holds; with --write-golden, what is seen now becomes that."""

    def read(name: str, seen: bytes) -> bytes:
        file = GOLDEN / name
        if request.config.getoption("--write-golden"):
            file.write_bytes(seen)
        return file.read_bytes()

    return read


@pytest.fixture
def play() -> Iterator[Callable[..., Simulator]]:
    """Starts simulators of scenarios; none may have been asked to change an account by the end of the test.

    A test of the command that does so says how many calls it expects: `writes`.
    """
    with ExitStack() as running:
        yield lambda scenario, **parts: running.enter_context(only_read(scenario, **parts))
