"""Connections are kept, refused and closed as HTTP wants it."""

import errno
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPResponse

import pytest
import trustme

from exporter.simulator import LIMITS, Account, Fault, OutOfThreadsError, Scenario, Simulator
from tests.no_new_threads import no_new_threads

Simulate = Callable[..., Simulator]
Connect = Callable[[Simulator], socket.socket]
Signed = Callable[..., bytes]
Ask = Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]]
ReadToEnd = Callable[[socket.socket], bytes]

PLENTY = dict.fromkeys(LIMITS, 1_000_000)


def serving_threads() -> list[str]:
    """Return the names of the threads that serve this process's simulators."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("simulator-")]


def has_ended(connection: socket.socket) -> bool:
    """Return whether the server has let go, by FIN, or by RST if it had not read everything."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_serves_many_requests(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """Keep-alive holds from request to request, errors included."""
    simulator = simulate()
    connection = connect(simulator)
    statuses = [ask(connection, signed(secret=secret))[0].status for secret in (None, "guessed", None)]
    assert statuses == [200, 400, 200]
    assert [entry.connection for entry in simulator.journal.entries()] == [1, 1, 1]


def test_a_client_that_wants_an_end_gets_it(
    simulate: Simulate, connect: Connect, signed: Signed, read_to_end: ReadToEnd
) -> None:
    """With `Connection: close` the answer says so and the connection ends."""
    connection = connect(simulate())
    connection.sendall(signed(unsigned={"Connection": "close"}))
    assert b"\r\nConnection: close\r\n" in read_to_end(connection)


def test_the_answer_to_head_has_no_body(
    simulate: Simulate, connect: Connect, signed: Signed, read_to_end: ReadToEnd
) -> None:
    """The next answer follows the head, which has the length that the body would have."""
    connection = connect(simulate())
    journal = b"HEAD /_journal HTTP/1.1\r\nHost: h\r\n\r\n"
    connection.sendall(signed(method="HEAD") + journal + signed(unsigned={"Connection": "close"}))
    refusal, entries, answer, _ = read_to_end(connection).split(b"\r\n\r\n")
    assert [head.partition(b"\r\n")[0] for head in (refusal, entries, answer)] == [
        b"HTTP/1.1 400 Bad Request",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK",
    ]
    assert b"\r\nContent-Length: 0\r\n" not in refusal


def test_a_client_that_waits_with_its_body_is_called_for_it(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask
) -> None:
    """A body is sent once the server wants it, and the answer is that to the whole request."""
    connection = connect(simulate())
    headers = {"content-type": "application/x-www-form-urlencoded"}
    request = signed(body=b"a=1", changed=headers, unsigned={"Expect": "100-continue"})
    head, end, body = request.partition(b"\r\n\r\n")
    connection.sendall(head + end)
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert ask(connection, body)[0].status == 200


def test_requests_sent_ahead_are_answered_in_order(
    simulate: Simulate, connect: Connect, signed: Signed, read_to_end: ReadToEnd
) -> None:
    """Two requests in one piece get two answers."""
    connection = connect(simulate())
    identity = signed(action="GetCallerIdentity", version="2015-04-01", unsigned={"Connection": "close"})
    connection.sendall(signed() + identity)
    received = read_to_end(connection)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert received.index(b"OperationLocks") < received.index(b"IdentityType")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"\x16\x03\x01\x00\xee\x01\x00\r\n\r\n", 400, id="garbage"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 200_000, 431, id="huge head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n", 413, id="huge body"),
    ],
)
def test_what_is_no_request_is_answered_and_closed(
    simulate: Simulate, connect: Connect, read_to_end: ReadToEnd, data: bytes, status: int
) -> None:
    """The client gets a status even if it is still sending, the connection ends, and the server lives on."""
    simulator = simulate()
    connection = connect(simulator)
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    assert read_to_end(connection).startswith(b"HTTP/1.1 %d " % status)
    [entry] = simulator.journal.entries()
    assert abs(entry.at_unix - time.time()) < 60
    assert (entry.method, entry.http_status) == (None, status)


def test_clients_that_leave_midway_leave_no_trace(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask
) -> None:
    """Silence, half a request, or a client that does not wait for its answer: the server lives on."""
    simulator = simulate()
    for data in (b"", b"POST / HT", signed()):
        connection = connect(simulator)
        connection.sendall(data)
        connection.close()
    assert ask(connect(simulator), signed())[0].status == 200


def test_many_connections_at_once(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """A hundred clients are connected and served side by side."""
    simulator = simulate(limits=PLENTY)
    connections = [connect(simulator) for _ in range(100)]
    assert {ask(connection, signed())[0].status for connection in connections} == {200}
    assert len({entry.connection for entry in simulator.journal.entries()}) == 100


def test_a_stop_ends_whatever_is_under_way(simulate: Simulate, connect: Connect, signed: Signed) -> None:
    """Hung, late, trickling, silent and half-sent connections end with the server, and so do all its threads."""
    simulator = simulate()
    for fault in (
        Fault("hang"),
        Fault("latency", seconds=3600),
        Fault("trickle_status", interval=3600),
        # The client reads nothing of it, so that the server is stuck in its sending.
        Fault("oversized"),
    ):
        simulator.set_fault("alice", fault)
        arrived = simulator.journal.total
        connect(simulator).sendall(signed())
        assert simulator.journal.wait_for_total(arrived + 1, timeout_s=10)
    silent = connect(simulator)
    half = connect(simulator)
    half.sendall(b"POST / HTTP/1.1\r\n")
    simulator.stop()
    assert serving_threads() == []
    assert has_ended(silent)
    assert has_ended(half)


def test_without_a_thread_a_connection_ends_and_a_later_one_is_served(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask
) -> None:
    """The server goes on, and serves the next one when the system has threads again."""
    simulator = simulate()
    with no_new_threads():
        assert has_ended(connect(simulator))
    assert ask(connect(simulator), signed())[0].status == 200
    simulator.stop()
    assert serving_threads() == []


def test_a_simulator_without_a_thread_does_not_start(account: Account) -> None:
    """It may be stopped all the same, and its port is free."""
    simulator = Simulator(Scenario("", (account,)))
    with no_new_threads(), pytest.raises(OutOfThreadsError):
        simulator.start()
    simulator.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", simulator.port), 10)


def test_a_simulator_lives_once(simulate: Simulate) -> None:
    """It starts once, may be stopped again and again, and leaves its port to the next one."""
    simulator = simulate()
    port = simulator.port
    with pytest.raises(RuntimeError, match="starts once"):
        simulator.start()
    with pytest.raises(OSError, match="in use"):
        simulate(port=port)
    simulator.stop()
    simulator.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10)
    assert simulate(port=port).url == f"http://127.0.0.1:{port}"


def test_tls(simulate: Simulate, signed: Signed, ask: Ask) -> None:
    """With a TLS context the same is served over TLS, and a silent client holds nobody up, not even the stop."""
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Nothing but an answer, or the end, makes the client's socket readable then.
    server_context.num_tickets = 0
    authority.issue_cert("127.0.0.1").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    simulator = simulate(ssl_context=server_context)
    assert simulator.url == f"https://127.0.0.1:{simulator.port}"
    with (
        socket.create_connection(("127.0.0.1", simulator.port), 10) as silent,
        socket.create_connection(("127.0.0.1", simulator.port), 10) as plain,
        client_context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        assert [ask(connection, signed())[0].status for _ in range(2)] == [200, 200]
        simulator.set_fault("alice", Fault("reset"))
        connection.sendall(signed())
        # The TLS layer shows a reset as an end; the socket below it knows.
        select.select([connection], [], [], 10)
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET
        simulator.stop()
        assert has_ended(silent)
    assert serving_threads() == []
