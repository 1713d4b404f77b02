"""The commands of the README and of docs/first-steps.md, run as they are written."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import load_scenario
from tests.only_read import only_read
from tests.waiting import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.end_to_end.conftest import Eventually, Serve

ROOT = Path(__file__).parent.parent.parent
READMES = ("README.md",)
GUIDES = ("docs/first-steps.md",)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"^(\w+):\n(?:[ ].*\n)+", re.MULTILINE)
SIMULATOR = "http://127.0.0.1:10521"
ENDLESS = ("simulator", "serve", "curl")
"""Commands of terminals of their own."""
COMMAND = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m exporter "$@"\n'
# A Python that installs nothing: its environments have the command, and a pip that looks for the last file given.
PYTHON = f"""#!/bin/sh
case "$*" in
    "-m venv "*)
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "${{0%/*}}/pip" "${{0%/*}}/dcdn-exporter" "$3/bin/" ;;
    "-m pip "*) exec "${{0%/*}}/pip" "$@" ;;
    *) exec {shlex.quote(sys.executable)} "$@" ;;
esac
"""
PIP = '#!/bin/sh\nfor last; do :; done\nexec test -e "$last"\n'


def executable(file: Path, text: str) -> None:
    """A script, in a folder that is made for it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each block of code of a page of the project."""
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def story(guide: str, url: str) -> tuple[list[str], list[str]]:
    """The commands of the guide for one shell, the writing of config.yaml among them, and the tables they print."""
    commands: list[str] = []
    printed: list[str] = []
    configuration: dict[str, str] = {}
    for language, text in blocks(guide):
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


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_prints_what_the_guide_says(
    guide: str, tmp_path: Path, environ: Mapping[str, str], launch: Serve, eventually: Eventually
) -> None:
    """From one key in the environment to a resource directory, whose daemon shows the names of its members."""
    executable(tmp_path / "venv" / "bin" / "dcdn-exporter", COMMAND)
    with only_read(load_scenario("directory")) as simulator:
        commands, printed = story(guide, simulator.url)
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


@pytest.mark.parametrize("readme", READMES)
def test_every_command_of_a_readme_does_what_it_says(
    readme: str,
    tmp_path: Path,
    environ: Mapping[str, str],
    launch: Serve,
    tool: Callable[[str], str],
) -> None:
    """A clone, the demo in it and its metrics; an installation, and one account of the environment.

    Nothing is installed, the demo has a port of the kernel's choice, and the API is behind a proxy that is not there.
    """
    (_, demo), (_, look), (_, install) = blocks(readme)
    for name, text in {"python3": PYTHON, "pip": PIP, "dcdn-exporter": COMMAND}.items():
        executable(tmp_path / "bin" / name, text)
    here = {**environ, "PATH": f"{tmp_path / 'bin'}:{environ['PATH']}"}
    shell = [tool("sh"), "-ec"]
    assert tool("git")
    assert tool("make")

    demo = demo.replace("REPOSITORY", shlex.quote(str(ROOT)))
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        playing = subprocess.Popen(  # noqa: S603 — the commands are our own
            [*shell, demo],
            cwd=tmp_path,
            env={**here, "DCDN_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        page = wait_until(
            "the demo prints its address",
            lambda: playing.poll() is not None or re.search(r"http://([0-9.:]+)/metrics", printed.read_text()),
        )
        assert isinstance(page, re.Match), printed.read_text()
        look = look.replace("localhost:10520", page[1])
        wait_until(
            "the metrics of a poll are shown",
            lambda: subprocess.run(  # noqa: S603 — the commands are our own
                [*shell, look], env=here, capture_output=True, text=True, check=False
            ).stdout.startswith("dcdn_service_"),
        )
    finally:
        os.killpg(playing.pid, signal.SIGINT)
        playing.wait(PATIENCE_S)

    *commands, last = install.splitlines()
    assert last == "venv/bin/dcdn-exporter serve"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        keys = dict(line.removeprefix("export ").split("=") for line in commands if line.startswith("export "))
        proxy = {"HTTPS_PROXY": f"http://127.0.0.1:{closed.getsockname()[1]}"}
        done = subprocess.run(  # noqa: S603 — the commands are our own
            [*shell, "\n".join(commands)],
            cwd=tmp_path / "dcdn-exporter",
            env={**here, **proxy},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
        assert done.returncode == 4, done.stderr  # the poll failed
        assert "default  dcdn_ipa  unknown  -        network: cannot reach dcdn.aliyuncs.com:443" in done.stdout

        exporter = launch("serve", **keys, **proxy)
        wait_until("the account was polled", lambda: exporter.log("poll failed", account="default", reason="network"))
        assert exporter.stop() == 0
