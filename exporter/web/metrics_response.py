"""A scrape's answer: its format and version by Accept, gzip by Accept-Encoding, and the pieces in which it is sent.

The blocks of a page belong to the exposition and are shared by all readers; nothing here makes a copy of a large
page.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from isal import isal_zlib
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from exporter.metrics.page import ExpositionFormat
from exporter.web.preferences import Element, elements_of

# Below this a page is sent whole: cheaper than a stream, and its compressed length can stand in the headers.
_SMALL_PAGE_BYTES = 64 * 1024
# A client that stops reading holds one piece in memory, with TLS some copies of it, not the page.
PIECE_BYTES = 64 * 1024
# Without TLS large blocks are not copied, and each piece costs time in application and server.
LARGE_PIECE_BYTES = 256 * 1024
# Some milliseconds of work, which are worth a change of thread.
_GZIP_INPUT_BYTES = 1024 * 1024
# The fastest level; the page repeats label names, so it is nearly as small as with the best one.
_GZIP_LEVEL = 1
_GZIP_WRAPPER = 16 + isal_zlib.MAX_WBITS


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
    request: Request, blocks: tuple[bytes, ...], *, offer: Offer, gzip: bool, executor: Executor
) -> Response:
    """The blocks of a page as an answer of this form, compressed where that is possible; large ones in `executor`."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Type": offer.content_type,
        "Vary": "Accept, Accept-Encoding",
    }
    size = sum(len(block) for block in blocks)
    small = size < _SMALL_PAGE_BYTES
    # The compressed length of a stream is not known before its end: it needs chunks, which HTTP/1.0 lacks.
    gzip = gzip and (small or request.scope["http_version"] != "1.0")
    if gzip:
        headers["Content-Encoding"] = "gzip"
    if small:
        return Response(b"".join(gzip_pieces(blocks) if gzip else blocks), headers=headers)
    if not gzip:
        headers["Content-Length"] = str(size)
    # Never a plain iterator, which starlette reads in threads of its own: there may be none left for it.
    if request.method == "HEAD":
        return StreamingResponse(_sent(()), headers=headers)
    if gzip:
        return StreamingResponse(_compressed(gzip_pieces(blocks), executor), headers=headers)
    cut = PIECE_BYTES if request.scope["scheme"] == "https" else LARGE_PIECE_BYTES
    return StreamingResponse(_sent(pieces(blocks, cut=cut)), headers=headers)


def pieces(
    blocks: Iterable[bytes], *, joined: int = PIECE_BYTES, cut: int = PIECE_BYTES
) -> Iterator[bytes | memoryview]:
    """The blocks end to end in pieces, none of them empty.

    Small blocks are joined to pieces of at most `joined` bytes, larger ones are cut to `cut` bytes without a copy.
    """
    waiting: list[bytes] = []
    waiting_bytes = 0
    for block in blocks:
        if waiting and waiting_bytes + len(block) > joined:
            yield b"".join(waiting)
            waiting, waiting_bytes = [], 0
        if len(block) > joined:
            view = memoryview(block)
            yield from (view[start : start + cut] for start in range(0, len(block), cut))
        elif block:
            waiting.append(block)
            waiting_bytes += len(block)
    if waiting:
        yield b"".join(waiting)


def gzip_pieces(blocks: Iterable[bytes], *, size: int = _GZIP_INPUT_BYTES) -> Iterator[bytes]:
    """The blocks as one gzip stream, in pieces; a step compresses `size` bytes, more when these yield nothing.

    Small blocks are joined first, large ones are not copied.
    """
    compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_WRAPPER)
    waiting: list[bytes] = []
    fed = 0
    # Small inputs compress badly.
    fewest = min(size, PIECE_BYTES)
    for piece in pieces(blocks, joined=fewest, cut=fewest):
        waiting.append(compressor.compress(piece))
        fed += len(piece)
        if fed >= size and any(waiting):
            yield b"".join(waiting)
            waiting, fed = [], 0
    yield b"".join([*waiting, compressor.flush()])


def _specificity(element: Element, offer: Offer) -> int:
    """How closely the range describes the offer: 0 not at all, 4 with its version."""
    if element.version not in (None, offer.version):
        return 0
    if element.value == offer.media_type:
        return 3 if element.version is None else 4
    if element.value == offer.media_type.partition("/")[0] + "/*":
        return 2
    return int(element.value == "*/*")


async def _sent(made: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    for piece in made:
        yield piece


async def _compressed(made: Iterator[bytes], executor: Executor) -> AsyncIterator[bytes]:
    while piece := await asyncio.get_running_loop().run_in_executor(executor, next, made, b""):
        yield piece
