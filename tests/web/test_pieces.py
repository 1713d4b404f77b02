"""What a page is sent in, and what is kept of it meanwhile."""

import asyncio
import gzip
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from exporter.web.metrics_response import TEXT_0_0_4, metrics_response
from exporter.web.pieces import gzip_pieces, pieces, plain_response

BLOCK_BYTES = 1024 * 1024  # several pieces plain, one compressed
SCOPE = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/", "headers": []}


class Block(bytes):
    """A block of a page, which counts how many there are."""

    alive = 0

    def __init__(self, content: bytes) -> None:  # noqa: ARG002 — it is bytes' own
        type(self).alive += 1

    def __del__(self) -> None:
        type(self).alive -= 1


@pytest.fixture
def blocks() -> Iterator[list[bytes]]:
    """Eight, of which no other reference exists."""
    assert Block.alive == 0
    source = random.Random(7)  # noqa: S311 — no secret
    yield [Block(source.randbytes(BLOCK_BYTES)) for _ in range(8)]
    assert Block.alive == 0


@pytest.mark.parametrize("compressed", [False, True])
def test_an_answer_lets_go_of_the_blocks_that_it_has_sent(blocks: list[bytes], *, compressed: bool) -> None:
    """A client that reads slowly keeps the rest of its page, not what it was sent."""
    kept: list[tuple[int, int]] = []
    sent_bytes = 0

    async def send(message: Any) -> None:
        nonlocal sent_bytes
        sent_bytes += len(message.get("body", b""))
        kept.append((sent_bytes // BLOCK_BYTES, Block.alive))

    async def stay() -> Any:
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        request = Request({**SCOPE})
        answer = (
            metrics_response(request, blocks, offer=TEXT_0_0_4, gzip=True, executor=pool)
            if compressed
            else plain_response(request, blocks, headers={})
        )
        del blocks
        asyncio.run(answer({**SCOPE}, stay, send))

    assert kept[0] == (0, 8)
    assert sent_bytes >= 8 * BLOCK_BYTES
    # The block whose last piece is sent just now is still there.
    assert [(sent, alive) for sent, alive in kept if alive > 8 - sent + 1] == []


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([b"", b""], [], id="empty-blocks"),
        pytest.param([b"ab", b"c", b"d"], [b"abcd"], id="small-ones-are-joined"),
        pytest.param([b"abc", b"de"], [b"abc", b"de"], id="but-not-beyond-the-size"),
        pytest.param([b"abcd", b"e"], [b"abcd", b"e"], id="one-of-the-very-size"),
        pytest.param([b"abcdefghi"], [b"abcd", b"efgh", b"i"], id="large-ones-are-cut"),
        pytest.param([b"a", b"bcdefg", b"h"], [b"a", b"bcde", b"fg", b"h"], id="order-is-kept"),
    ],
)
def test_pieces(blocks: list[bytes], expected: list[bytes]) -> None:
    """Small blocks are joined and large ones cut, up to the size."""
    assert [bytes(piece) for piece in pieces(blocks, joined=4, cut=4)] == expected


def test_cut_without_a_copy() -> None:
    """The pieces of a large block are views of the block itself."""
    block = b"abcdefgh"
    views = [piece for piece in pieces([block], joined=2, cut=4) if isinstance(piece, memoryview)]

    assert [view.obj for view in views] == [block, block]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40)), st.integers(1, 32), st.integers(1, 32))
def test_nothing_lost(blocks: list[bytes], joined: int, cut: int) -> None:
    """The pieces say what the blocks say, plain and compressed."""
    cut_up = list(pieces(blocks, joined=joined, cut=cut))
    assert b"".join(cut_up) == b"".join(blocks)
    assert all(0 < len(piece) <= (cut if isinstance(piece, memoryview) else joined) for piece in cut_up)
    assert gzip.decompress(b"".join(gzip_pieces(blocks, size=joined))) == b"".join(blocks)


def test_small_blocks_are_compressed_as_well_as_a_large_one() -> None:
    """What comes in drops, such as the heads of families, takes no more room than the same in one block."""
    lines = [b'dcdn_service_status{account="account-%d",product="dcdn_ipa"} 1.0\n' % number for number in range(300)]

    in_drops, at_once = (len(b"".join(gzip_pieces(blocks))) for blocks in (lines, [b"".join(lines)]))
    assert in_drops == pytest.approx(at_once, rel=0.05)


def test_compressed_as_it_goes() -> None:
    """The first compressed piece is there before the last block was looked at."""
    drawn = []

    def blocks() -> object:
        for number in range(1000):
            drawn.append(number)
            yield number.to_bytes(4, "big") * 10_000

    first = list(islice(gzip_pieces(blocks()), 1))  # type: ignore[arg-type]
    assert first[0].startswith(b"\x1f\x8b")
    assert len(drawn) < 1000
