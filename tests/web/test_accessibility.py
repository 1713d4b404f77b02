"""The status page as axe sees it, which reads pages as a screen reader does: https://github.com/dequelabs/axe-core."""

from __future__ import annotations

import subprocess
from itertools import product
from typing import TYPE_CHECKING

import pytest

from exporter.web.status_page import StatusPage
from tests.report.records import ACTIVE, EVERYTHING, record, report, service
from tests.web.browser import Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import NoReturn

    from exporter.web.server import WebServer
    from tests.web.browser import Browser

pytestmark = pytest.mark.rehearsal

AXE = "axe-core@4.14.1"
LANGUAGES = ("en-US,en", "zh-CN,zh")
WIDTHS = (320, 390, 1280, 2200)


@pytest.fixture(scope="module")
def axe(
    tool: Callable[[str], str], unavailable: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Its program, by the machine's own settings of npm."""
    folder: Path = tmp_path_factory.mktemp("axe")
    flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("npm"), "install", "--prefix", str(folder), *flags, AXE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        unavailable(f"{AXE} cannot be installed: {(done.stdout + done.stderr).strip()[-500:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def test_axe_finds_nothing(browser: Browser, serve: Callable[..., WebServer], axe: str) -> None:
    """In any language, at any size, in light and dark, with 10,000 rows; nor is anything wider than the window."""
    fleet = {**EVERYTHING, **{service(f"account-{number:05}"): record(ACTIVE) for number in range(10_000)}}
    seen = StatusPage("1.2.3", "/metrics", report(fleet), ready=True, documentation_url="http://127.0.0.1/docs")
    address = f"http://{serve(status=lambda: seen).address}/"
    found = {}
    for languages, width, dark in product(LANGUAGES, WIDTHS, (False, True)):
        page = browser.open("about:blank", Reader(languages, width, dark=dark))
        page.call("Page.setBypassCSP", enabled=True)  # axe is no script of the page
        page.call("Page.navigate", url=address)
        page.wait_until("location.pathname === '/' && document.readyState === 'complete'")
        page.see(f"{axe}; undefined")
        violations = page.see(
            "axe.run().then((run) => run.violations.map((rule) => [rule.id, rule.nodes.map((node) => node.html)]))"
        )
        wide = page.see("document.documentElement.scrollWidth > innerWidth")
        if violations or wide:
            found[languages, width, dark] = (violations, wide)
        assert page.close() == []
    assert found == {}
