from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.app import VOCABULARY as REAL_VOCABULARY
from exporter.config import Configuration, ConfigurationError, Vocabulary, parse

PRODUCTS = ("dcdn_ipa", "dcdn", "cdn")
# Some of the exporter's: a new probe is no new configuration file here.
VOCABULARY = replace(
    REAL_VOCABULARY,
    products=PRODUCTS,
    switches={switch: REAL_VOCABULARY.switches[switch] for switch in ("debt_status", "balance")},
    switch_products={"debt_status": PRODUCTS},
    vendor_limits={"DescribeDcdnIpaService": 20, "AssumeRole": 100},
    operations={"DescribeDcdnIpaService": ("dcdn_ipa", None)},
)


@pytest.fixture
def vocabulary() -> Vocabulary:
    """Some products and switches of the exporter, with limits of the tests' own."""
    return VOCABULARY


@pytest.fixture
def configure(tmp_path: Path) -> Callable[[str], Configuration]:
    """What the text says, as a file in a folder of its own."""
    return lambda text: parse(text, source=str(tmp_path / "dcdn.yaml"), vocabulary=VOCABULARY)


@pytest.fixture
def refused(configure: Callable[[str], Configuration]) -> Callable[[str], list[str]]:
    """The problems of the text, each as `LINE: PATH: ...`."""

    def problems(text: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            configure(text)
        return [f"{problem.line}: {problem}" for problem in caught.value.problems]

    return problems
