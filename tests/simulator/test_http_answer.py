"""Answers are whole HTTP messages."""

from exporter.simulator.http_answer import Answer, to_wire


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
