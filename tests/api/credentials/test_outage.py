"""What the vendor's library gives while its source is down: it raises 15 minutes before the end, we do not."""

import time
from collections.abc import Callable

import pytest

from exporter.api.credentials.base import Secret
from exporter.api.credentials.refresh import RefreshedCredentials
from exporter.api.credentials.sdk import credentials_uri
from exporter.api.errors import CredentialsUnavailable
from exporter.core.pool import Pool
from exporter.simulator import Simulator
from tests.api.credentials.test_refresh import landed
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S

TEN_MINUTES_S = 600


def test_a_token_outlives_its_source(simulate: Callable[..., Simulator]) -> None:
    """A token that the library would not give any more serves until it ends; then polls fail with the reason."""
    simulator = simulate(
        wall_clock=lambda: time.time() - 3600 + TEN_MINUTES_S
    )  # what it hands out has ten minutes left
    ask = credentials_uri(Secret(f"{simulator.url}/_credentials/base"))
    passed_s = 0.0
    provider = RefreshedCredentials(
        ask,
        source=ask.words,
        pool=Pool(log=RecordingLog()),
        clock=lambda: passed_s,
        now=lambda: time.time() + passed_s,
    )
    found = provider.credentials(patience_s=PATIENCE_S)
    simulator.stop()
    with pytest.raises(CredentialsUnavailable):
        ask(anew=False)

    for _ in range(8):
        passed_s += 60
        assert provider.credentials(patience_s=PATIENCE_S) == found
        landed(provider)
    passed_s = TEN_MINUTES_S + 1
    with pytest.raises(CredentialsUnavailable, match=r"URI: cannot reach 127\.0\.0\.1:\d+: Connection refused"):
        provider.credentials(patience_s=PATIENCE_S)
