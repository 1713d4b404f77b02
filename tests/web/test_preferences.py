"""Which language a browser gets, by its header Accept-Language."""

import pytest

from exporter.web.preferences import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        pytest.param(None, "en", id="no header"),
        pytest.param("", "en", id="empty"),
        pytest.param("zh-CN,zh;q=0.9,en;q=0.8", "zh", id="a Chinese browser"),
        pytest.param("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh", id="one of Taiwan"),
        pytest.param("zh-Hans-CN", "zh", id="with a script"),
        pytest.param("ZH-cn", "zh", id="in any case"),
        pytest.param("en-US,en;q=0.9,zh-CN;q=0.8,zh;q=0.7", "en", id="an English browser with Chinese"),
        pytest.param("en-GB", "en", id="another English"),
        pytest.param("en;q=0.5, zh;q=0.6", "zh", id="quality before order"),
        pytest.param("zh;q=0.500,en;q=0.5", "zh", id="order of equals"),
        pytest.param("zh;q=0, en;q=0.1", "en", id="refused"),
        pytest.param("zh;q=0", "en", id="refused alone"),
        pytest.param("en;q=0, *", "zh", id="any but English"),
        pytest.param("*", "en", id="any"),
        pytest.param("*;q=0.5, zh;q=0.1", "en", id="any before a less liked one"),
        pytest.param("fr-FR,fr;q=0.9", "en", id="neither"),
        pytest.param("de, zh;q=0.3", "zh", id="the only one that is there"),
        pytest.param("zhx, enx", "en", id="names that begin alike"),
        pytest.param("zh;q=2", "en", id="no quality"),
        pytest.param("zh;q=nan, zh;q=1e3", "en", id="odd qualities"),
        pytest.param(";;,,=;q", "en", id="noise"),
        pytest.param("zh " * 10_000, "en", id="long"),
    ],
)
def test_language(header: str | None, language: str) -> None:
    """The best liked of those that are there, else the first."""
    assert preferred_language(header, ("en", "zh")) == language
