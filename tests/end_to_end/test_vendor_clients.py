"""The vendor's own clients, old and new, at the simulator: each gets right answers and its own right errors."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.vendor_clients.clients import CLIENTS
from tests.end_to_end.vendor_clients.play import OPENINGS, Clock, Play
from tests.end_to_end.vendor_clients.scenario import LIMITS, SCENARIO
from tests.end_to_end.vendor_clients.session import install, session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import NoReturn

    from exporter.simulator import Simulator
    from tests.end_to_end.vendor_clients.session import VendorClient

pytestmark = [pytest.mark.rehearsal, pytest.mark.waits]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_cannot_tell_the_simulator_from_the_vendor(
    client: VendorClient,
    tmp_path: Path,
    play: Callable[..., Simulator],
    tool: Callable[[str], str],
    *,
    unavailable: Callable[[str], NoReturn],
    tell: Callable[[str], None],
) -> None:
    """States, refusals, rights, roles, pages and limits are as documented in every form that the client can send.

    It needs no second try for any of them: the simulator sees each call once.
    """
    node, npm = (tool("node"), tool("npm")) if client.is_node else ("", "")
    install(client, tmp_path, unavailable=unavailable, npm=npm)
    clock = Clock()
    simulator = play(SCENARIO, limits=LIMITS, monotonic=clock, writes=OPENINGS * len(client.forms))
    with session(client, tmp_path, simulator.url, node=node) as at_work:
        plays = [Play(client, form, at_work, simulator, clock) for form in client.forms]
        for each in plays:
            each.run()
    calls = sum(each.calls for each in plays)
    failures = [failure for each in plays for failure in each.failures]
    failed = Counter(failure.partition(":")[0] for failure in failures)
    tell(f"{client.name}: {calls - len(failed)} of {calls} calls passed")
    if failures:
        pytest.fail("\n".join(failures))
    assert simulator.journal.total == calls
