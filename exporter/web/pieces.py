"""A page in the pieces in which it is sent, plain or compressed.

The blocks of a page may be shared by many answers, so large ones are not copied. An answer lets go of each block once
it is sent: a client that reads slowly keeps no more than the rest of its page.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from isal import isal_zlib
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

# Below this a page is sent whole: cheaper than a stream, and its compressed length can stand in the headers.
SMALL_PAGE_BYTES = 64 * 1024
# A client that stops reading holds one piece in memory, with TLS some copies of it, not the page.
PIECE_BYTES = 64 * 1024
# Without TLS large blocks are not copied, and each piece costs time in application, server and kernel: in pieces of
# 256 KB, a scrape of 10,000 accounts takes 12 % longer.
LARGE_PIECE_BYTES = 1024 * 1024
# Some milliseconds of work, which are worth a change of thread.
_GZIP_INPUT_BYTES = 1024 * 1024
# The fastest level; the page repeats label names, so it is nearly as small as with the best one.
_GZIP_LEVEL = 1
_GZIP_WRAPPER = 16 + isal_zlib.MAX_WBITS


def plain_response(request: Request, blocks: list[bytes], *, headers: Mapping[str, str]) -> Response:
    """The blocks as an answer, which takes them out of the list: whole if they are small, else in pieces."""
    size = sum(len(block) for block in blocks)
    if size < SMALL_PAGE_BYTES:
        return Response(b"".join(blocks), headers=headers)
    cut = PIECE_BYTES if request.scope["scheme"] == "https" else LARGE_PIECE_BYTES
    made = pieces(taken_out(blocks), cut=cut) if request.method != "HEAD" else ()
    # Never a plain iterator, which starlette reads in threads of its own: there may be none left for it.
    return StreamingResponse(_sent(made), headers={**headers, "Content-Length": str(size)})


def taken_out(blocks: list[bytes]) -> Iterator[bytes]:
    """The blocks one by one, each of which leaves the list."""
    blocks.reverse()
    while blocks:
        yield blocks.pop()


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
            del view
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
    # Small inputs compress badly, and after each the thread waits for the GIL: in inputs of 64 KB, a scrape of 10,000
    # accounts takes twice as long beside 128 busy threads, and a seventh longer on its own.
    for piece in pieces(blocks, joined=min(size, PIECE_BYTES), cut=size):
        waiting.append(compressor.compress(piece))
        fed += len(piece)
        if fed >= size and any(waiting):
            yield b"".join(waiting)
            waiting, fed = [], 0
    yield b"".join([*waiting, compressor.flush()])


async def _sent(made: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    for piece in made:
        yield piece
