"""Secrets on the way to credentials, looked for in everything that leaves the process."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.end_to_end.leaks import leaked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import OnInstance

WAYS_IN_WORDS = (
    "AssumeRole of",
    "the exchange of the OIDC token",
    "the credentials URI",
    "the metadata service of the ECS instance",
)


def test_no_way_to_credentials_brings_a_secret_out(on_instance: OnInstance, tmp_path: Path) -> None:
    """However AssumeRole, OIDC, URI and ECS fail, no log and no page repeats what they receive or give.

    The vendor's library debugs, all logs are at debug. Every fault strikes on each way, in an account of its own.
    """
    seen = on_instance("play_failing_credentials", tmp_path)

    # There was something to find.
    overheard = unquote(seen["overheard"])
    assert [secret for secret in seen["sent"] if secret not in overheard] == []
    log = seen["said"]["standard error"]
    assert [words for words in WAYS_IN_WORDS if words not in log] == []
    assert '"level": "debug"' in log
    assert leaked(seen["secrets"], seen["said"]) == []
