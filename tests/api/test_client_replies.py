"""Replies that no honest API sends."""

import gzip
import logging
import zlib
from collections.abc import Callable

import pytest

from exporter.api.body import REPLY_LIMIT
from exporter.api.call import Reply
from exporter.api.client import Client
from exporter.api.errors import ApiError, ConnectionFailed, MalformedReply, Refused
from tests.api.conftest import SECRET
from tests.api.raw_server import Peer, RawServer, always, once, reply

Serve = Callable[..., RawServer]
Connect = Callable[..., Client]
Ask = Callable[[Client], Reply]


def padded(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(body) // 2
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:])) + b"0\r\n\r\n"


FRAMES = [
    pytest.param(reply, id="content-length"),
    pytest.param(chunked, id="chunked"),
    pytest.param(lambda body: b"HTTP/1.1 200 OK\r\n\r\n" + body, id="until-close"),
]


@pytest.mark.parametrize("frame", FRAMES)
def test_the_largest_reply(serve: Serve, connect: Connect, ask: Ask, frame: Callable[[bytes], bytes]) -> None:
    """A reply of exactly one mebibyte is read."""
    server = serve(once(frame(padded(REPLY_LIMIT))))

    assert len(ask(connect(server.url)).payload["a"]) == 1024 * 1024 - 8


@pytest.mark.parametrize("frame", FRAMES)
def test_a_reply_that_is_too_large(serve: Serve, connect: Connect, ask: Ask, frame: Callable[[bytes], bytes]) -> None:
    """One byte more is refused, whether its length was announced or not."""
    server = serve(once(frame(padded(REPLY_LIMIT + 1))))

    with pytest.raises(MalformedReply, match="the reply is larger than 1048576 bytes"):
        ask(connect(server.url))


def test_a_redirect_that_is_too_large(serve: Serve, connect: Connect, ask: Ask) -> None:
    """The limit holds for a redirect's body too."""
    server = serve(once(reply(padded(REPLY_LIMIT + 1), status="302 Found", headers=("Location: /",))))

    with pytest.raises(MalformedReply, match="the reply is larger than 1048576 bytes"):
        ask(connect(server.url))


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_not_followed(serve: Serve, connect: Connect, ask: Ask, status: str) -> None:
    """A signed request goes where it was meant to go and nowhere else."""
    elsewhere = serve(always(reply()))
    server = serve(always(reply(b"", status=status, headers=(f"Location: {elsewhere.url}/",))))

    with pytest.raises(Refused, match=f"HTTP {status[:3]}"):
        ask(connect(server.url))
    assert (len(server.heads), elsewhere.heads) == (1, [])


def deflated(body: bytes) -> bytes:
    """Deflate without the head of zlib, as some servers send it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", gzip.compress(b'{"a":1}'), id="gzip"),
        pytest.param("X-GZIP", gzip.compress(b'{"a":1}'), id="another name of gzip"),
        pytest.param("deflate", zlib.compress(b'{"a":1}'), id="deflate"),
        pytest.param("deflate", deflated(b'{"a":1}'), id="deflate without a head"),
        pytest.param("identity, gzip", gzip.compress(b'{"a":1}'), id="two codings, one of them none"),
        pytest.param("gzip", b'{"a":1}', id="gzip that was undone"),
        pytest.param("deflate", b'{"a":1}', id="deflate that was undone"),
        pytest.param("Identity ", b'{"a":1}', id="identity"),
        pytest.param("utf-8", b'{"a":1}', id="a charset"),
        pytest.param("none", b'{"a":1}', id="none"),
        pytest.param("UTF-8, identity", b'{"a":1}', id="a charset and identity"),
    ],
)
def test_a_coding_of_the_reply(serve: Serve, connect: Connect, ask: Ask, encoding: str, body: bytes) -> None:
    """A gateway may compress what was asked for without it; what is no coding is not taken for one."""
    server = serve(always(reply(body, headers=(f"Content-Encoding: {encoding}",))))
    client = connect(server.url)

    assert [ask(client).payload for _ in range(2)] == [{"a": 1}] * 2
    assert server.connections == 1


def test_a_compressed_refusal(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Its code is read."""
    body = gzip.compress(b'{"Code":"NoPermission"}')
    server = serve(always(reply(body, status="403 Forbidden", headers=("Content-Encoding: gzip",))))

    with pytest.raises(Refused, match="NoPermission"):
        ask(connect(server.url))


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, deflated], ids=["gzip", "zlib", "deflate"])
def test_what_comes_out_of_a_compressed_reply_has_a_limit(
    serve: Serve, connect: Connect, ask: Ask, compress: Callable[[bytes], bytes]
) -> None:
    """One mebibyte may come out, and of a hundred no more than that does."""
    largest, bomb = (compress(padded(size)) for size in (REPLY_LIMIT, 100 * REPLY_LIMIT))
    answers = iter((largest, bomb))

    def act(peer: Peer) -> None:
        while peer.read_head():
            peer.send(reply(next(answers), headers=("Content-Encoding: deflate",)))

    client = connect(serve(act).url)

    assert len(ask(client).payload["a"]) == REPLY_LIMIT - 8
    with pytest.raises(MalformedReply, match="the reply is larger than 1048576 bytes"):
        ask(client)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", gzip.compress(b'{"a":1}')[:-9], id="cut off"),
        pytest.param("gzip", b"\x1f\x8b" + b"x" * 100, id="gzip by its first bytes alone"),
        pytest.param("deflate", b"\xff" * 100, id="anything"),
    ],
)
def test_a_compressed_reply_that_makes_no_sense(
    serve: Serve, connect: Connect, ask: Ask, encoding: str, body: bytes
) -> None:
    """What cannot be unpacked is malformed."""
    server = serve(always(reply(body, headers=(f"Content-Encoding: {encoding}",))))

    with pytest.raises(MalformedReply, match="the reply is not whole, or not compressed as its head says"):
        ask(connect(server.url))


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br"])
def test_a_compression_that_is_not_read(serve: Serve, connect: Connect, ask: Ask, status: str, encoding: str) -> None:
    """Such a reply is refused unread, and its connection is not used again."""
    server = serve(always(reply(b"0" * 1024 * 1024, status=status, headers=(f"Content-Encoding: {encoding}",))))
    client = connect(server.url)

    for _ in range(2):
        with pytest.raises(MalformedReply, match="the reply is compressed in a way that is not read"):
            ask(client)
    assert server.connections == 2


INFORMATIONAL = [
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="100"),
    pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n", id="102"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nContent-Length: 9\r\n\r\n", id="103"),
    pytest.param(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n", id="102 and 103"),
]


@pytest.mark.parametrize("heads", INFORMATIONAL)
@pytest.mark.parametrize("frame", FRAMES[:2])
def test_an_informational_response_is_not_the_answer(
    serve: Serve, connect: Connect, ask: Ask, heads: bytes, frame: Callable[[bytes], bytes]
) -> None:
    """The reply that follows it is, with its own headers and framing, and the connection stays usable."""
    server = serve(always(heads + frame(b'{"a":1}')))
    client = connect(server.url)

    assert [ask(client).payload for _ in range(3)] == [{"a": 1}] * 3
    assert server.connections == 1


def test_informational_responses_without_end(serve: Serve, connect: Connect, ask: Ask) -> None:
    """After ten of them the next one is taken for the reply, which it is not."""
    server = serve(always(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20 + reply()))

    with pytest.raises(Refused, match="HTTP 103"):
        ask(connect(server.url))


def test_the_request_id_of_the_head(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Where the body names no request id the head's is taken, and only if it looks like one."""
    plain = serve(always(reply(headers=("x-acs-request-id: EF2A-01",))))
    strange = serve(always(reply(headers=(f"x-acs-request-id: {SECRET}",))))

    assert (ask(connect(plain.url)).request_id, ask(connect(strange.url)).request_id) == ("EF2A-01", None)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1\r\n\r\n", id="no-status"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="status-in-letters"),
        pytest.param(b"HTTP/2.0 200 OK\r\n\r\n", id="another-version"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n", id="too-many-headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", id="a-header-too-long"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 7\r\n\r\n{}", id="two-lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", id="cut-body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="no-chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", id="cut-chunk"),
    ],
)
def test_what_is_no_reply(serve: Serve, connect: Connect, ask: Ask, data: bytes) -> None:
    """What does not hold to HTTP is a failed connection, and nothing else is raised."""
    server = serve(once(data))

    with pytest.raises(ConnectionFailed):
        ask(connect(server.url))


def test_headers_that_repeat_the_request_are_not_logged(
    serve: Serve, connect: Connect, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """Header lines that cannot be parsed, which can hold anything, do not get into a log."""
    caplog.set_level(logging.DEBUG)
    server = serve(once(b"HTTP/1.1 200 OK\r\n: \r\n" + SECRET.encode() + b"\r\nContent-Length: 2\r\n\r\n{}"))
    try:
        ask(connect(server.url))
    except ApiError as error:
        assert SECRET not in repr(vars(error))  # noqa: PT017 — either outcome is right, a leak is not

    assert SECRET not in caplog.text


def test_cookies_are_not_kept(serve: Serve, connect: Connect, ask: Ask) -> None:
    """What the server wants to be told again is forgotten."""
    server = serve(always(reply(headers=("Set-Cookie: a=b",))))
    client = connect(server.url)
    for _ in range(2):
        ask(client)

    assert b"cookie" not in server.heads[1].lower()
