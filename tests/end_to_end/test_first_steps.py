"""The way of docs/first-steps.md, gone as it is written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.simulator import load_scenario
from tests.only_read import only_read
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.end_to_end.conftest import Eventually, Serve

GUIDE = Path(__file__).parent.parent.parent / "docs" / "first-steps.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"^(\w+):\n(?:[ ].*\n)+", re.MULTILINE)
SIMULATOR = "http://127.0.0.1:10521"
ENDLESS = ("simulator", "serve", "curl")
"""Commands of terminals of their own."""


def story(url: str) -> tuple[list[str], list[str]]:
    """The commands of the guide for one shell, the writing of config.yaml among them, and the tables they print."""
    commands: list[str] = []
    printed: list[str] = []
    configuration: dict[str, str] = {}
    for language, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        if language == "yaml":
            sections = {match[1]: match[0] for match in SECTION.finditer(text)}
            assert "".join(sections.values()) == text
            configuration |= sections
            commands.append(
                f"printf %s {shlex.quote(''.join(configuration.values()))} > config.yaml".replace(SIMULATOR, url)
            )
        elif text.startswith("ACCOUNT"):
            printed.append(text)
        elif not any(word in text for word in ENDLESS):
            commands += text.splitlines()
    return commands, printed


def test_every_command_prints_what_the_guide_says(
    tmp_path: Path, environ: Mapping[str, str], launch: Serve, eventually: Eventually
) -> None:
    """From one key in the environment to a resource directory, whose daemon shows the names of its members."""
    installed = tmp_path / "venv" / "bin" / "dcdn-exporter"
    installed.parent.mkdir(parents=True)
    installed.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m exporter "$@"\n')
    installed.chmod(0o755)
    with only_read(load_scenario("directory")) as simulator:
        commands, printed = story(simulator.url)
        done = subprocess.run(  # noqa: S603 — the commands are our own
            ["/bin/sh", "-c", "\n".join(commands)],
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
        assert done.returncode == 3, done.stderr  # a member is locked
        tables = [f"ACCOUNT{table}" for table in re.split(r"^ACCOUNT", done.stdout, flags=re.MULTILINE)[1:]]
        assert tables == printed

        exporter = launch("serve", "--config.file", str(tmp_path / "config.yaml"))
        names = {"": 2, "shop": 1, "video": 1}
        for name, count in names.items():
            eventually(
                f"accounts are shown with the name {name!r}",
                lambda name=name, count=count: (
                    len(exporter.scrape().find("dcdn_account_info", account_name=name)) == count
                ),
            )
        assert exporter.stop() == 0
