"""A scrape's answer: its format and version by Accept, and gzip by Accept-Encoding."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from exporter.metrics.page import ExpositionFormat
from exporter.web.pieces import SMALL_PAGE_BYTES, gzip_pieces, plain_response, taken_out
from exporter.web.preferences import Element, elements_of


@dataclass(frozen=True, slots=True)
class Offer:
    """A format and version of the page."""

    exposition_format: ExpositionFormat
    media_type: str
    version: str
    content_type: str
    """The answer's Content-Type header."""


# Text is the answer when the client names no format, and when no format fits:
# https://prometheus.io/docs/instrumenting/content_negotiation/
TEXT_0_0_4 = Offer(
    ExpositionFormat.TEXT,
    media_type="text/plain",
    version="0.0.4",
    content_type="text/plain; version=0.0.4; charset=utf-8",
)
# Version 1.0.0 has to name an escaping scheme; our metric and label names need none, so any scheme is right.
OPENMETRICS_1_0_0 = Offer(
    ExpositionFormat.OPENMETRICS,
    media_type="application/openmetrics-text",
    version="1.0.0",
    content_type="application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
)
OPENMETRICS_0_0_1 = Offer(
    ExpositionFormat.OPENMETRICS,
    media_type="application/openmetrics-text",
    version="0.0.1",
    content_type="application/openmetrics-text; version=0.0.1; charset=utf-8",
)
# Where a client leaves the version open, the earlier row wins. That is 1.0.0, which the specification demands as
# its oldest (https://prometheus.io/docs/specs/om/open_metrics_spec/); client_golang sends the draft 0.0.1.
OFFERS = (TEXT_0_0_4, OPENMETRICS_1_0_0, OPENMETRICS_0_0_1)


def negotiate_format(accept: str | None) -> Offer:
    """The offer that the client likes best, TEXT_0_0_4 when none fits.

    The most specific range that matches an offer gives its quality. Between equal qualities, a format that is named
    goes before one that a wildcard matches, then the order of the header decides. OpenMetrics is sent only to clients
    that name it: a client that sends `*/*` may be unable to read it.
    """
    elements = tuple(elements_of(accept or ""))
    best, best_rank = TEXT_0_0_4, (0.0, False, 0)
    for offer in OFFERS:
        matching = [element for element in elements if _specificity(element, offer)]
        if not matching:
            continue
        wish = max(matching, key=lambda element: _specificity(element, offer))
        named = wish.value == offer.media_type
        if not wish.quality or not (named or offer is TEXT_0_0_4):
            continue
        rank = (wish.quality, named, -wish.position)
        if rank > best_rank:
            best, best_rank = offer, rank
    return best


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether the client takes gzip, and likes it no less than the plain page."""
    qualities: dict[str, float] = {}
    for element in elements_of(accept_encoding or ""):
        qualities.setdefault(element.value, element.quality)
    # RFC 9110, section 8.4.1.3: x-gzip is the same coding under its old name.
    gzip = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def metrics_response(
    request: Request, blocks: list[bytes], *, offer: Offer, gzip: bool, executor: Executor
) -> Response:
    """The blocks of a page as an answer of this form, which takes them out of the list.

    Large ones are compressed in `executor`, where that is possible.
    """
    headers = {
        "Cache-Control": "no-store",
        "Content-Type": offer.content_type,
        "Vary": "Accept, Accept-Encoding",
    }
    small = sum(len(block) for block in blocks) < SMALL_PAGE_BYTES
    # The compressed length of a stream is not known before its end: it needs chunks, which HTTP/1.0 lacks.
    if not gzip or (not small and request.scope["http_version"] == "1.0"):
        return plain_response(request, blocks, headers=headers)
    headers["Content-Encoding"] = "gzip"
    if small:
        return Response(b"".join(gzip_pieces(blocks)), headers=headers)
    made = gzip_pieces(taken_out(blocks)) if request.method != "HEAD" else iter(())
    return StreamingResponse(_compressed(made, executor), headers=headers)


def _specificity(element: Element, offer: Offer) -> int:
    """How closely the range describes the offer: 0 not at all, 4 with its version."""
    if element.version not in (None, offer.version):
        return 0
    if element.value == offer.media_type:
        return 3 if element.version is None else 4
    if element.value == offer.media_type.partition("/")[0] + "/*":
        return 2
    return int(element.value == "*/*")


async def _compressed(made: Iterator[bytes], executor: Executor) -> AsyncIterator[bytes]:
    while piece := await asyncio.get_running_loop().run_in_executor(executor, next, made, b""):
        yield piece
