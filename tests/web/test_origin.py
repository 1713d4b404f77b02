"""Whose requests may change something."""

from collections.abc import Callable
from http.client import HTTPMessage

import pytest

from exporter.web.origin import is_foreign
from exporter.web.server import WebServer

Ask = Callable[..., tuple[int, HTTPMessage, bytes]]


@pytest.mark.parametrize(
    ("fetch_site", "foreign"),
    [
        ("same-origin", False),
        ("none", False),
        ("same-site", True),
        ("cross-site", True),
        ("", True),
        ("Same-Origin", True),
        ("same-origin, cross-site", True),
        ("something new", True),
    ],
)
@pytest.mark.parametrize("origin", [None, "http://a:10520", "http://evil.example", "null"])
def test_what_the_browser_says_of_the_site_decides(
    fetch_site: str,
    origin: str | None,
    foreign: bool,  # noqa: FBT001 — a row's fact
) -> None:
    """Where Sec-Fetch-Site is there, Origin counts no more: a proxy may have changed the Host beside it."""
    assert is_foreign(fetch_site=fetch_site, origin=origin, host="a:10520") is foreign


@pytest.mark.parametrize(
    ("origin", "host", "foreign"),
    [
        pytest.param(None, "a:10520", False, id="no browser"),
        pytest.param("http://a:10520", "a:10520", False, id="own"),
        pytest.param("http://A:10520", "a:10520", False, id="own in other letters"),
        pytest.param("https://a", "a", False, id="own behind a proxy that ends TLS"),
        pytest.param("https://a", "a:443", False, id="usual port of https, written out by the proxy"),
        pytest.param("http://a", "a:80", False, id="usual port of http, written out"),
        pytest.param("http://[::1]:10520", "[::1]:10520", False, id="own by IPv6"),
        pytest.param("http://a:10521", "a:10520", True, id="another port"),
        pytest.param("http://a", "a:10520", True, id="no port, ours has one"),
        pytest.param("http://a:10520", "a", True, id="a port, ours has none"),
        pytest.param("http://b:10520", "a:10520", True, id="another host"),
        pytest.param("http://a.b:10520", "a:10520", True, id="a host that begins alike"),
        pytest.param("http://[::1]:10520", "127.0.0.1:10520", True, id="another name of the same machine"),
        pytest.param("null", "a:10520", True, id="null"),
        pytest.param("null", "null", True, id="null, and a host of that name"),
        pytest.param("", "a:10520", True, id="empty"),
        pytest.param("", "", True, id="both empty"),
        pytest.param("http://", "", True, id="both without a host"),
        pytest.param("a:10520", "a:10520", True, id="no scheme"),
        pytest.param("chrome-extension://a", "a", True, id="another scheme"),
        pytest.param("http://a:10520, http://b", "a:10520", True, id="two of them"),
        pytest.param("http://a:99999", "a", True, id="no port that could be"),
        pytest.param("http://[a", "a", True, id="no address"),
        pytest.param("http://a", "a:b", True, id="a Host that is none"),
    ],
)
def test_without_that_the_origin_has_to_be_our_own(
    origin: str | None,
    host: str,
    foreign: bool,  # noqa: FBT001 — a row's fact
) -> None:
    """Host and port of Origin are those of Host; a request with neither header is no browser's."""
    assert is_foreign(fetch_site=None, origin=origin, host=host) is foreign


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("fetch_site", [None, "none", "same-origin", "same-site", "cross-site"])
@pytest.mark.parametrize("origin", [None, "own", "http://evil.example", "null"])
def test_a_reload_is_for_programs_and_our_own_page(
    serve: Callable[..., WebServer], ask: Ask, method: str, fetch_site: str | None, origin: str | None
) -> None:
    """Any other page gets a 403, and nothing is reloaded."""
    reloads: list[str] = []
    server = serve(reload=lambda: reloads.append(method))
    given = {"Sec-Fetch-Site": fetch_site, "Origin": f"http://{server.address}" if origin == "own" else origin}
    headers = {name: value for name, value in given.items() if value is not None}
    allowed = fetch_site in ("none", "same-origin") or (fetch_site is None and origin in (None, "own"))

    assert ask(server, "/-/reload", method, headers)[::2] == (
        (200, b"The configuration was reloaded.\n")
        if allowed
        else (403, b"Pages of another origin may not reload the configuration.\n")
    )
    assert reloads == [method] * allowed
