"""The five minutes of docs/simulator.md, spent as it is written."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from exporter.simulator import parse_scenario
from tests.only_read import only_read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.end_to_end.conftest import Eventually, Serve
    from tests.end_to_end.page import Page

GUIDE = Path(__file__).parent.parent.parent / "docs" / "simulator.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_a_scenario_of_ones_own(
    tmp_path: Path, environ: Mapping[str, str], launch: Serve, eventually: Eventually
) -> None:
    """The guide's scenario and the configuration that is printed for it show its lock and its fault."""
    (_, scenario), (_, prepare), (_, simulate), (_, serve), (_, look) = BLOCK.findall(GUIDE.read_text("utf-8"))[:5]
    assert scenario.count("at: 30s") == 1
    scenario = scenario.replace("at: 30s", "at: 1s")
    (tmp_path / "shop.yaml").write_text(scenario, "utf-8")
    installed = tmp_path / "venv" / "bin" / "dcdn-exporter"
    installed.parent.mkdir(parents=True)
    installed.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m exporter "$@"\n')
    installed.chmod(0o755)
    assert simulate == "venv/bin/dcdn-exporter simulator --scenario=shop.yaml\n"

    with only_read(parse_scenario(scenario)) as simulator:
        address = f"--listen-address=127.0.0.1:{simulator.port}"
        commands = f"set -e\n{prepare.replace('--print-config', f'--print-config {address}')}"
        done = subprocess.run(  # noqa: S603 — the commands are our own
            ["/bin/sh", "-c", commands], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("3 accounts\n")

        assert serve == "venv/bin/dcdn-exporter serve --config.file=config.yaml\n"
        exporter = launch("serve", f"--config.file={tmp_path / 'config.yaml'}")
        lock = {"account": "video", "product": "dcdn_ipa", "reason": "financial"}
        eventually("video is locked", lambda: exporter.scrape().value("dcdn_service_lock", **lock) == 1)
        eventually(
            "each account was polled",
            lambda: _successes(exporter.scrape()) == {"shop": {1.0}, "video": {1.0}, "live": {0.0}},
        )
        assert exporter.stop() == 0

        assert "localhost:10521/_journal" in look
        with urlopen(f"{simulator.url}/_journal", timeout=10) as response:  # noqa: S310 — our own address
            entries = json.load(response)["entries"]
        denied = {entry["account_id"] for entry in entries if entry["code"] == "Throttling.User"}
        assert denied == {"1000000000000003"}


def _successes(page: Page) -> dict[str, set[float]]:
    """Whether the last polls of each account succeeded."""
    accounts = ("shop", "video", "live")
    return {account: set(page.find("dcdn_poll_success", account=account).values()) for account in accounts}
