"""The rules on promtool's clock: what fires when, and what stays quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.alerts.shipped import TEST_FILES, tried

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_every_alert_fires_in_its_case_and_in_no_other(file: Path, tool: Callable[[str], str]) -> None:
    """Each case names all that fire at a moment."""
    ended = tried(tool("promtool"), file.name, folder=file.parent)
    assert ended.returncode == 0, ended.stdout + ended.stderr
