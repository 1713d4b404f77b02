"""The routes: what every path answers, to GET and HEAD, and one to POST and PUT.

Nothing here asks the API or waits for it. What takes long runs in another thread, so that a page
of 10,000 accounts never delays `/-/healthy` or another reader.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from functools import lru_cache
from importlib import resources
from typing import Protocol, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporter.core.logger import Logger, defect
from exporter.metrics.page import ExpositionFormat
from exporter.web.metrics_response import accepts_gzip, metrics_response, negotiate_format
from exporter.web.origin import is_foreign
from exporter.web.pieces import plain_response
from exporter.web.preferences import preferred_language
from exporter.web.status_page import StatusPage, build_environment, render, view_of
from exporter.web.texts import LANGUAGES, load_texts

# A scraper sends the same headers each time; parsing them is a tenth of a small scrape. The server limits their size.
_HEADERS_REMEMBERED = 32

# The page has a stylesheet, a script and an icon of its own and nothing else.
# X-Frame-Options repeats frame-ancestors for old browsers.
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Frame-Options": "DENY",
}

_DOCUMENT_HEADERS = {"Cache-Control": "no-store", "Content-Type": "application/json"}

# Characters with a meaning of their own in a route pattern, a query or an escape.
_UNROUTABLE = frozenset("{}?#% ")

# As many as there are threads. Of many scrapes that come together, each is compressed soon after it was drawn. If all
# were drawn first, their pages, each as it was at another moment, would be in memory together.
_SCRAPES_AT_ONCE = 2

# So many requests at most wait for the status, as HTML or JSON.
_WAITING = 32

Result = TypeVar("Result")

_Endpoint = Callable[[Request], Awaitable[Response]]


class Exposition(Protocol):
    """Gives the page of metrics."""

    @property
    def small(self) -> bool:
        """Whether making the page is so quick, waits included, that the event loop may do it; never waits."""

    def page(self, exposition_format: ExpositionFormat) -> Iterable[bytes]:
        """The page as blocks, to be sent end to end. May block; called from several threads at once."""


def checked_telemetry_path(path: str) -> str:
    """The path as it is; ValueError when no request can reach it, or when another page is there."""
    taken = path == "/" or path.startswith(("/-/", "/api/", "/static/"))
    if not path.startswith("/") or taken or _UNROUTABLE & set(path):
        raise ValueError(
            f"telemetry path: seen {path!r}; accepted: one such as /metrics: it begins with a slash, is not "
            "/ alone and not below /-/, /api/ or /static/, and holds no space and none of {}?#%"
        )
    return path


def create_app(
    *,
    exposition: Exposition,
    telemetry_path: str,
    ready: Callable[[], bool],
    standstill_s: Callable[[], float | None] = lambda: None,
    status: Callable[[], StatusPage],
    status_json: Callable[[], str],
    pages: Executor,
    reload: Callable[[], Future[str | None]] | None = None,
    log: Logger,
) -> Starlette:
    """The application, for one event loop; its only state is the queue for the status.

    `ready`, `standstill_s` and `reload` are called on the event loop and must not block; `status` and `status_json`
    may, and are called in the threads of `pages`, of which there are at least two. `standstill_s` is for how long
    polls have stood still, None while they go on. `reload` begins a reload, whose outcome is None or why it failed;
    without it, requests to reload are forbidden. ValueError for a telemetry path that `checked_telemetry_path`
    refuses.
    """
    checked_telemetry_path(telemetry_path)
    environment, texts = build_environment(), load_texts()
    language_for = lru_cache(_HEADERS_REMEMBERED)(lambda header: preferred_language(header, LANGUAGES))
    offer_for = lru_cache(_HEADERS_REMEMBERED)(negotiate_format)
    takes_gzip = lru_cache(_HEADERS_REMEMBERED)(accepts_gzip)
    # Clients that load the page or its JSON again and again must not delay scrapes.
    one_at_a_time = FewAtATime(pages, at_once=1, waiting=_WAITING)
    scrapes = FewAtATime(pages, at_once=_SCRAPES_AT_ONCE)
    static = resources.files("exporter.web").joinpath("static")

    async def metrics(request: Request) -> Response:
        offer = offer_for(_header(request, "accept"))

        def drawn() -> list[bytes]:
            # The whole page before the first header is sent, so that a failure is a clean 500.
            return list(exposition.page(offer.exposition_format))

        # A small scrape costs 430 µs of CPU here, and 600 µs in another thread (one account, gzip).
        blocks = drawn() if exposition.small else await scrapes.run(drawn)
        gzip = takes_gzip(_header(request, "accept-encoding"))
        return metrics_response(request, blocks, offer=offer, gzip=gzip, executor=pages)

    async def status_page(request: Request) -> Response:
        query = request.query_params
        words = texts[language_for(_header(request, "accept-language"))]
        html = await one_at_a_time.run(
            # A name may hold half a surrogate pair, which UTF-8 cannot encode.
            lambda: render(page := status(), environment, words, view_of(query, page.report)).encode(errors="replace")
        )
        return plain_response(request, [html], headers={**_PAGE_HEADERS, "Content-Language": words.language})

    async def status_document(request: Request) -> Response:
        document = await one_at_a_time.run(lambda: status_json().encode())
        return plain_response(request, [document], headers=_DOCUMENT_HEADERS)

    async def healthy(_request: Request) -> Response:
        seconds = standstill_s()
        if seconds is None:
            return _sentence("dcdn-exporter is healthy.")
        return _sentence(
            f"dcdn-exporter is not healthy: polls are due, and none has ended for {seconds:.0f} s.", status_code=503
        )

    async def readiness(_request: Request) -> Response:
        if ready():
            return _sentence("dcdn-exporter is ready.")
        return _sentence("dcdn-exporter is not ready: the first polls have not finished.", status_code=503)

    async def not_found(_request: Request, _error: Exception) -> Response:
        return _sentence(f"There is nothing here. Try /, {telemetry_path}, /-/healthy or /-/ready.", status_code=404)

    endpoints: tuple[tuple[str, _Endpoint], ...] = (
        (telemetry_path, metrics),
        ("/", status_page),
        ("/api/v1/status", status_document),
        ("/-/healthy", healthy),
        ("/-/ready", readiness),
        ("/static/status.css", _file(static.joinpath("status.css").read_bytes(), media_type="text/css")),
        ("/static/icon.svg", _file(static.joinpath("icon.svg").read_bytes(), media_type="image/svg+xml")),
        ("/static/status.js", _file(static.joinpath("status.js").read_bytes(), media_type="text/javascript")),
    )
    reads = [Route(path, _answering(endpoint, log), methods=["GET"]) for path, endpoint in endpoints]
    app = Starlette(
        routes=[*reads, Route("/-/reload", _answering(_reloading(reload), log), methods=["POST", "PUT"])],
        exception_handlers={404: not_found, 405: _method_not_allowed},
    )
    app.router.redirect_slashes = False
    return app


class TooManyError(Exception):
    """Too many wait already."""


class FewAtATime:
    """Runs work in an executor, so many pieces at a time and in their order. For one event loop."""

    def __init__(self, executor: Executor, *, at_once: int, waiting: float = math.inf) -> None:
        self._executor = executor
        self._most = at_once + waiting
        self._free = asyncio.Semaphore(at_once)
        self._there = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What the work returns or raises; TooManyError when too many wait."""
        if self._there >= self._most:
            raise TooManyError
        self._there += 1
        try:
            async with self._free:
                return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._there -= 1


def _file(content: bytes, *, media_type: str) -> _Endpoint:
    """An endpoint that answers with the content."""

    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers={"Cache-Control": "max-age=300"})

    return answer


def _reloading(reload: Callable[[], Future[str | None]] | None) -> _Endpoint:
    """An endpoint that reloads the configuration, or answers that this is forbidden."""

    async def answer(request: Request) -> Response:
        if reload is None:
            return _sentence(
                "Reloading by request is not enabled: --web.enable-lifecycle allows it, and SIGHUP always reloads.",
                status_code=403,
            )
        if is_foreign(
            origin=_header(request, "origin"),
            fetch_site=_header(request, "sec-fetch-site"),
            host=request.headers.get("host", ""),
        ):
            return _sentence("Pages of another origin may not reload the configuration.", status_code=403)
        problem = await asyncio.wrap_future(reload())
        if problem is not None:
            return _sentence(f"The configuration was not reloaded: {problem}", status_code=500)
        return _sentence("The configuration was reloaded.")

    return answer


def _answering(endpoint: _Endpoint, log: Logger) -> _Endpoint:
    """The endpoint, with a logged 500 in place of what it raises."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except TooManyError:
            return _sentence("Too many wait for this page.", status_code=503, headers={"Retry-After": "1"})
        except asyncio.CancelledError:
            return _sentence("dcdn-exporter is stopping.", status_code=503)
        except Exception as error:  # noqa: BLE001 — the reader gets an answer
            log.log(logging.ERROR, "page failed", path=request.url.path, **defect(error))
            return _sentence("This page could not be written; the log of dcdn-exporter says why.", status_code=500)

    return answer


async def _method_not_allowed(request: Request, error: Exception) -> Response:
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    allowed = sorted(method.strip() for method in headers.get("Allow", "GET, HEAD").split(","))
    return _sentence(
        f"{request.method} is not possible here, {' or '.join(allowed)} is.",
        status_code=405,
        headers={"Allow": ", ".join(allowed)},
    )


def _sentence(text: str, *, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(text + "\n", status_code=status_code, headers=headers)


def _header(request: Request, name: str) -> str | None:
    """The header's value; lines of the same name count as one list (RFC 9110, section 5.3)."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None
