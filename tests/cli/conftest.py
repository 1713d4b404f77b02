"""What every test of the commands has."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Other tests have a collector that looks at everything: a command that is loaded sets aside what is there."""
    yield
    gc.unfreeze()
