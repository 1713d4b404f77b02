"""A page of another origin, and our own, in a real browser: which of them may reload."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from exporter.web.server import WebServer
from tests.recording_log import RecordingLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

    from tests.web.browser import Browser, Page

REFUSED = "Pages of another origin may not reload the configuration."


async def other_page(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A page that may ask whomever it likes."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<!doctype html><title>another</title><body></body>"})


@pytest.fixture
def reloads() -> list[int]:
    """Grows by each reload."""
    return []


@pytest.fixture
def own(serve: Callable[..., WebServer], reloads: list[int]) -> WebServer:
    """A server that can be reloaded."""
    return serve(reload=lambda: reloads.append(1))


@contextmanager
def tab(browser: Browser, url: str) -> Iterator[Page]:
    page = browser.open(url)
    try:
        yield page
    finally:
        page.close()


def named(server: WebServer, host: str) -> str:
    """The server's address by this name; a browser sends Sec-Fetch-Site to 127.0.0.1, and not to a name over HTTP."""
    return f"http://{host}:{server.address.rpartition(':')[2]}"


@pytest.mark.parametrize("own_host", ["127.0.0.1", "exporter.test"])
@pytest.mark.parametrize("other_url", ["127.0.0.1", "another.test", "data:text/html,<body></body>"])
def test_another_page_cannot_reload(
    browser: Browser, own: WebServer, reloads: list[int], other_url: str, own_host: str
) -> None:
    """Neither by a script nor by a form, be it on another port of the same machine or of no origin at all."""
    reload = f"{named(own, own_host)}/-/reload"
    with WebServer(other_page, listen_address="127.0.0.1:0", log=RecordingLog()) as other:
        url = other_url if ":" in other_url else f"{named(other, other_url)}/"
        with tab(browser, url) as page:
            page.see(f"fetch('{reload}', {{method: 'POST', mode: 'no-cors'}}).finally(() => window.answered = 1); 0")
            page.wait_until("window.answered === 1")
            page.see(
                f"document.body.innerHTML = `<form method=post action={reload}></form>`; document.forms[0].submit()"
            )
            page.wait_until(f"location.href === '{reload}' && document.readyState === 'complete'")
            assert page.see("document.body.textContent.trim()") == REFUSED
    assert reloads == []


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("host", ["127.0.0.1", "exporter.test"])
def test_our_own_page_can(browser: Browser, own: WebServer, reloads: list[int], host: str, method: str) -> None:
    """Its origin is ours, whatever name it was opened by."""
    with tab(browser, f"{named(own, host)}/") as page:
        page.see(f"fetch('/-/reload', {{method: '{method}'}}).then((answer) => window.answered = answer.status); 0")
        page.wait_until("window.answered !== undefined")
        assert page.see("window.answered") == 200
    assert reloads == [1]
