import gzip
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.web.body import gzip_pieces, pieces


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
