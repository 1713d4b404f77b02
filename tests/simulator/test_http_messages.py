"""Requests are read within limits, and nothing else is taken for one; answers are whole HTTP messages."""

import pytest

from exporter.simulator.http_messages import Answer, MalformedRequestError, Request, RequestReader, to_wire, xml_of

CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"


def reader_of(*pieces: bytes, sent: list[bytes] | None = None) -> RequestReader:
    """Read pieces as they might come off a socket; afterwards the client has gone."""
    left = list(pieces)
    return RequestReader(lambda _size: left.pop(0) if left else b"", ([] if sent is None else sent).append)


def test_a_whole_request() -> None:
    """A request is its method, path, raw query, headers in lower case and body."""
    reader = reader_of(
        b"POST /a?x=%20+ HTTP/1.1\r\nHost: here\r\nX-Two:  b \r\nx-two: a\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert reader.read() == Request(
        method="POST",
        path="/a",
        query="x=%20+",
        headers={"host": "here", "x-two": "a,b", "content-length": "3"},
        body=b"abc",
        keep_alive=True,
    )
    assert reader.read() is None


def test_pieces_of_any_size_make_the_same_request() -> None:
    """A request that comes byte by byte is the request that comes at once."""
    whole = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc"
    single_bytes = [whole[at : at + 1] for at in range(len(whole))]
    assert reader_of(*single_bytes).read() == reader_of(whole).read()


def test_what_comes_early_is_the_next_request() -> None:
    """Two requests in one piece are two requests, blank lines between them or not."""
    one = b"GET /%d HTTP/1.1\r\nHost: here\r\n\r\n"
    reader = reader_of(one % 1 + b"\r\n" + one % 2)
    paths = [request.path for request in (reader.read(), reader.read()) if request is not None]
    assert paths == ["/1", "/2"]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"GET / HT"], id="half a head"),
        pytest.param([b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nab"], id="half a body"),
        pytest.param([CHUNKED, b"3\r\nabc\r\n"], id="some chunks"),
        pytest.param([CHUNKED, b"0\r\n"], id="chunks without their end"),
    ],
)
def test_a_client_that_goes_away_leaves_no_request(pieces: list[bytes]) -> None:
    """What breaks off is no request and no error."""
    assert reader_of(*pieces).read() is None


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: h", True, id="1.1"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close", False, id="1.1 close"),
        pytest.param(b"GET / HTTP/1.0", False, id="1.0"),
        pytest.param(b"GET / HTTP/1.0\r\nConnection: keep-alive", True, id="1.0 keep-alive"),
    ],
)
def test_connections_are_kept_as_the_client_wants(head: bytes, *, keep_alive: bool) -> None:
    """HTTP/1.1 keeps a connection unless told not to, HTTP/1.0 only if told to."""
    request = reader_of(head + b"\r\n\r\n").read()
    assert request is not None
    assert request.keep_alive is keep_alive


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        pytest.param(b"http://here/a/b?x=1", "/a/b", "x=1", id="path"),
        pytest.param(b"HTTPS://here:8080", "/", "", id="host alone"),
        pytest.param(b"http://here?x=/", "/", "x=/", id="query alone"),
        pytest.param(b"http://here//a", "//a", "", id="two slashes"),
        pytest.param(b"/http://there/", "/http://there/", "", id="no host"),
    ],
)
def test_a_target_may_name_the_host(target: bytes, path: str, query: str) -> None:
    """What a client sends to a proxy is the same request."""
    request = reader_of(b"GET %b HTTP/1.1\r\nHost: here\r\n\r\n" % target).read()
    assert request is not None
    assert (request.path, request.query) == (path, query)


def test_options_may_ask_the_server_as_a_whole() -> None:
    """An asterisk is a target of OPTIONS alone."""
    request = reader_of(b"OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n").read()
    assert request is not None
    assert (request.method, request.path) == ("OPTIONS", "*")


@pytest.mark.parametrize(
    ("head", "body", "told"),
    [
        pytest.param(b"Expect: 100-Continue\r\nContent-Length: 3", b"abc", True, id="length"),
        pytest.param(
            b"Expect: 100-continue\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n", True, id="chunks"
        ),
        pytest.param(b"Expect: 100-continue", b"", False, id="no body"),
        pytest.param(b"Content-Length: 3", b"abc", False, id="no wait"),
    ],
)
def test_a_body_is_called_for(head: bytes, body: bytes, *, told: bool) -> None:
    """A client that holds its body back is asked for it, and no other is."""
    sent: list[bytes] = []
    request = reader_of(b"POST / HTTP/1.1\r\nHost: h\r\n" + head + b"\r\n\r\n", body, sent=sent).read()
    assert request is not None
    assert request.body == (b"abc" if body else b"")
    assert sent == ([b"HTTP/1.1 100 Continue\r\n\r\n"] if told else [])


def test_the_older_version_has_no_informational_answers() -> None:
    """What HTTP/1.0 expects is passed over."""
    sent: list[bytes] = []
    head = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    assert reader_of(head, b"abc", sent=sent).read() is not None
    assert sent == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            "400: the Content-Length header came more than once",
            id="two lengths",
        ),
        pytest.param(CHUNKED + b"0" * 20 + b"FFFFFFFFF\r\n", "413: the request's body is longer", id="huge chunk"),
        pytest.param(CHUNKED + b"5 5\r\n", "400: the size of a chunk is no number", id="no number"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: more\r\nContent-Length: 1\r\n\r\n",
            "417: the Expect header is not 100-continue",
            id="another expectation",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong(data: bytes, reason: str) -> None:
    """The reason is true of what came."""
    with pytest.raises(MalformedRequestError, match=f"^{reason}"):
        reader_of(data).read()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\r\n\r\n", 400, id="TLS hello"),
        pytest.param(b"GET /\r\n\r\n", 400, id="no version"),
        pytest.param(b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, id="two spaces"),
        pytest.param(b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400, id="method is no token"),
        pytest.param(b"GET here HTTP/1.1\r\nHost: h\r\n\r\n", 400, id="target is no path"),
        pytest.param(b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400, id="asterisk"),
        pytest.param(b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400, id="target is a host"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, id="other version"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400, id="header without colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n", 400, id="folded header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX : x\r\n\r\n", 400, id="space before colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX: a\nb\r\n\r\n", 400, id="bare line feed"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400, id="negative length"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, id="two lengths"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", 413, id="body over 1 MiB"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413, id="huge length"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, id="coding"),
        pytest.param(CHUNKED[:-2] + b"Content-Length: 1\r\n\r\n", 400, id="chunks and length"),
        pytest.param(CHUNKED + b"-1\r\n", 400, id="chunk size"),
        pytest.param(CHUNKED + b"\r\n", 400, id="no chunk size"),
        pytest.param(CHUNKED + b"1\r\nab\r\n", 400, id="chunk longer than its size"),
        pytest.param(CHUNKED + b"1" * 5000, 400, id="chunk size without end"),
        pytest.param(CHUNKED + b"FFFFFFFF\r\n", 413, id="huge chunk"),
        pytest.param(CHUNKED + b"80000\r\n%b\r\n80001\r\n" % (b"x" * 0x80000), 413, id="chunks over 1 MiB"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 70_000, 431, id="head without end"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, id="head over 64 KiB"),
    ],
)
def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    """Everything that is no request within limits has an HTTP status of its own."""
    with pytest.raises(MalformedRequestError) as caught:
        reader_of(data).read()
    assert caught.value.status == status


def test_a_body_of_exactly_1_mib_is_taken() -> None:
    """The limit of a body is itself allowed."""
    body = b"x" * 1024 * 1024
    request = reader_of(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n", body).read()
    assert request is not None
    assert request.body == body


def test_a_body_in_chunks() -> None:
    """Chunks are put together, whatever pieces they come in, and what follows them is the next request."""
    chunks = CHUNKED + b"3;x=y\r\na=1\r\n00A\r\n&b=2\r\n0\r\nz\r\n0\r\nTrailer: x\r\n\r\n"
    following = b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
    single_bytes = [(chunks + following)[at : at + 1] for at in range(len(chunks + following))]
    for pieces in ([chunks + following], single_bytes):
        reader = reader_of(*pieces)
        first, second = reader.read(), reader.read()
        assert (first and first.body, second and second.path) == (b"a=1&b=2\r\n0\r\nz", "/next")


@pytest.mark.parametrize(
    ("content_type", "parameters"),
    [
        pytest.param("application/x-www-form-urlencoded; charset=UTF-8", {"a": "1 2", "b": "4", "c": ""}, id="form"),
        pytest.param("Application/X-WWW-Form-Urlencoded", {"a": "1 2", "b": "4", "c": ""}, id="other case"),
        pytest.param("application/json", {"a": "1 2", "b": "3"}, id="no form"),
    ],
)
def test_parameters_stand_in_the_query_and_in_a_form(content_type: str, parameters: dict[str, str]) -> None:
    """A form's parameters are beside those of the query, and what is no form has none."""
    request = Request("POST", "/", "a=1+2&b=3", {"content-type": content_type}, b"b=4&c=", keep_alive=True)
    assert request.parameters() == parameters


def test_an_answer_on_the_wire() -> None:
    """The usual headers come first, then those of the answer, then the body."""
    answer = Answer(404, b"{}", headers=(("x-acs-request-id", "ID"),))
    assert to_wire(answer, now=1_526_000_000.9, keep_alive=True) == (
        b"HTTP/1.1 404 Not Found\r\n"
        b"Date: Fri, 11 May 2018 00:53:20 GMT\r\n"
        b"Content-Type: application/json;charset=utf-8\r\n"
        b"Content-Length: 2\r\n"
        b"Connection: keep-alive\r\n"
        b"x-acs-request-id: ID\r\n"
        b"\r\n"
        b"{}"
    )


def test_xml_has_no_character_that_it_cannot_have() -> None:
    """What XML has no character for is replaced, so that the document can be read."""
    assert xml_of({"A": "a\x01b\udcffc\n\t€"}, root="R").body.decode() == (
        "<?xml version='1.0' encoding='UTF-8'?><R><A>a\ufffdb\ufffdc\n\t€</A></R>"
    )


def test_xml_of_null_is_an_empty_element() -> None:
    """A word for it would be a text."""
    assert xml_of({"A": None}, root="R").body.decode() == "<?xml version='1.0' encoding='UTF-8'?><R><A></A></R>"


def test_a_chunked_answer_has_no_length() -> None:
    """A chunked body is pieces, each with its length in hex, and an empty one at the end."""
    wire = to_wire(Answer(200, b"x" * 65_537, chunked=True), now=0.0, keep_alive=False)
    head, _, body = wire.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert b"Connection: close" in head
    assert body == b"10000\r\n" + b"x" * 65_536 + b"\r\n1\r\nx\r\n0\r\n\r\n"


def test_a_status_without_a_name_is_sent_all_the_same() -> None:
    """Any status goes, known to the standard library or not."""
    assert to_wire(Answer(599, b""), now=0.0, keep_alive=True).startswith(b"HTTP/1.1 599 Unknown\r\n")
