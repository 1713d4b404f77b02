from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import Configuration, ConfigurationError, parse

VENDOR_LIMITS = {"DescribeDcdnIpaService": 20, "AssumeRole": 100}


@pytest.fixture
def vendor_limits() -> dict[str, int]:
    return VENDOR_LIMITS


@pytest.fixture
def configure(tmp_path: Path) -> Callable[[str], Configuration]:
    """What the text says, as a file in a folder of its own."""
    return lambda text: parse(text, source=str(tmp_path / "dcdn.yaml"), vendor_limits=VENDOR_LIMITS)


@pytest.fixture
def refused(configure: Callable[[str], Configuration]) -> Callable[[str], list[str]]:
    """The problems of the text, each as `LINE: PATH: ...`."""

    def problems(text: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            configure(text)
        return [f"{problem.line}: {problem}" for problem in caught.value.problems]

    return problems
