"""What `/-/healthy` says while polls fail, hang, pause, or stand still."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from exporter.polling.policy import STANDS_STILL_AFTER_S
from exporter.simulator import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter


def health(exporter: Exporter) -> tuple[int, str]:
    status, _, body = exporter.get("/-/healthy")
    return status, body.decode()


@pytest.mark.rehearsal
@pytest.mark.waits
def test_polls_that_stand_still_turn_the_health_red_and_nothing_else_does(  # noqa: PLR0917 — fixtures
    launch: Serve,
    simulate: Simulate,
    make_account: MakeAccount,
    configure: Configure,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    """Held by force for two minutes, and red until they go on; an API that hangs or fails for so long is no sign.

    Scrapes and the stop go on all the time.
    """
    accounts = [make_account(name) for name in ("held", "hanging", "failing")]
    simulator = simulate(*accounts)
    simulator.set_fault("hanging", Fault("hang"))
    simulator.set_fault("failing", Fault("error", status=503, code="ServiceUnavailable"))
    exporters = {}
    for account in accounts:
        file = tmp_path / f"{account.name}.yaml"
        # A hanging poll is under way nearly all the time; a failing one is soon made once in minutes.
        file.write_text(json.dumps(configure(simulator.url, account, failing_interval="5m")))
        module = "tests.end_to_end.serve_and_hold_polls" if account.name == "held" else "exporter"
        exporters[account.name] = launch("serve", "--config.file", str(file), module=module)
    stuck = exporters["held"]
    for exporter in exporters.values():
        eventually("the first poll has ended", lambda exporter=exporter: exporter.status("/-/ready") == 200)
    stuck.send(signal.SIGUSR1)
    held_at = time.monotonic()
    while time.monotonic() < held_at + STANDS_STILL_AFTER_S - 2:
        assert {exporter.status("/-/healthy") for exporter in exporters.values()} == {200}
        time.sleep(1)
    eventually("the health is red", lambda: exporters["held"].status("/-/healthy") == 503, within_s=10)
    assert health(stuck)[1].startswith("dcdn-exporter is not healthy: polls are due, and none has ended for 12")
    assert stuck.status("/metrics") == 200
    assert {exporters[name].status("/-/healthy") for name in ("hanging", "failing")} == {200}
    stuck.send(signal.SIGUSR2)
    eventually("polls go on", lambda: health(stuck) == (200, "dcdn-exporter is healthy.\n"))

    assert [exporter.stop() for exporter in exporters.values()] == [0, 0, 0]
