import lzma

import pytest

from tests.dashboards.record import RECORDING


@pytest.fixture(scope="session")
def day() -> str:
    """The recorded day of the demo, in OpenMetrics with times."""
    return lzma.decompress(RECORDING.read_bytes()).decode()
