"""A page of many blocks, cut into pieces that can be sent one by one.

The blocks belong to the exposition and are shared by all readers; nothing here makes a copy of the whole page.
"""

from collections.abc import Iterable, Iterator

from isal import isal_zlib

# A reader that stops reading holds a piece, with TLS some copies of it, not the page.
PIECE_BYTES = 64 * 1024
# Without TLS nothing of a large block is copied, and each piece costs its way through application and server.
LARGE_PIECE_BYTES = 256 * 1024
# Some milliseconds of work, worth the change of thread that the caller pays for it.
_GZIP_INPUT_BYTES = 1024 * 1024
# Fastest level: repeating label names make it nearly as small as the best one.
_GZIP_LEVEL = 1
_GZIP_WRAPPER = 16 + isal_zlib.MAX_WBITS


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
    # The compressor makes little of what comes in drops.
    fewest = min(size, PIECE_BYTES)
    for piece in pieces(blocks, joined=fewest, cut=fewest):
        waiting.append(compressor.compress(piece))
        fed += len(piece)
        if fed >= size and any(waiting):
            yield b"".join(waiting)
            waiting, fed = [], 0
    yield b"".join([*waiting, compressor.flush()])
