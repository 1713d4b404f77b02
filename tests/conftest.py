"""What tests of several folders share."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write tests/golden/ anew; look at the difference")


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Finds a program that some tests need; where nobody installed it they are skipped, in CI they fail."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is not None:
            return path
        if os.environ.get("DCDN_EXPORTER_TESTS_NEED_TOOLS") == "1":
            pytest.fail(f"{name} is not installed, and DCDN_EXPORTER_TESTS_NEED_TOOLS says that it is")
        pytest.skip(f"{name} is not installed")

    return find


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], bytes]:
    """Reads what a file of tests/golden/ holds; with --write-golden, what is seen now becomes that."""

    def read(name: str, seen: bytes) -> bytes:
        file = GOLDEN / name
        if request.config.getoption("--write-golden"):
            file.write_bytes(seen)
        return file.read_bytes()

    return read
