"""What a socket does with the deadline of the call that it belongs to, over socket pairs."""

import contextlib
import gc
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.api.deadline import KEPT_UNUSED_S, Call, CallSocket, OpenSockets, TlsCallSocket
from tests.waiting import PATIENCE_S

FAR_S = 3600.0
SOON_S = 0.05
MUCH = b"x" * 10_000_000
"""More than the system keeps for a reader that does not read."""


@pytest.fixture
def sockets() -> OpenSockets:
    """What a stop shuts down."""
    return OpenSockets()


@pytest.fixture
def pair() -> Iterator[tuple[CallSocket, socket.socket]]:
    """A socket of calls and the other end of its connection."""
    mine, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE_S)
    with CallSocket(fileno=mine.detach()) as sock, theirs:
        yield sock, theirs


Pair = tuple[CallSocket, socket.socket]


def call_within(seconds: float, sockets: OpenSockets) -> Call:
    return Call(sockets.clock() + seconds, sockets)


OPERATIONS: dict[str, Callable[[CallSocket], object]] = {
    "recv": lambda sock: sock.recv(1),
    "recv_into": lambda sock: sock.recv_into(bytearray(1)),
    "makefile": lambda sock: sock.makefile("rb").readline(),
    "sendall": lambda sock: sock.sendall(MUCH),
    "send": lambda sock: [sock.send(MUCH) for _ in range(2)],  # none of them ever sends all
}
each_operation = pytest.mark.parametrize(
    "operation", [pytest.param(OPERATIONS[name], id=name) for name in OPERATIONS]
)


@each_operation
def test_an_operation_ends_at_the_deadline(
    sockets: OpenSockets, pair: Pair, operation: Callable[[CallSocket], object]
) -> None:
    """It gets what is left of the call's time, and no operation after it gets any."""
    sock, _ = pair
    call = call_within(SOON_S, sockets)
    sock.settimeout(call)

    with pytest.raises(TimeoutError):
        operation(sock)
    assert sockets.clock() >= call.deadline


@each_operation
def test_no_operation_begins_after_the_deadline(
    sockets: OpenSockets, pair: Pair, operation: Callable[[CallSocket], object]
) -> None:
    """Not even one that would not have to wait."""
    sock, other_end = pair
    sock.settimeout(call_within(-1, sockets))
    other_end.sendall(b"\n")

    with pytest.raises(TimeoutError):
        operation(sock)
    other_end.setblocking(False)  # noqa: FBT003 — the standard library's own signature
    with pytest.raises(BlockingIOError):
        other_end.recv(1)


def test_a_trickle_ends_at_the_deadline(sockets: OpenSockets, pair: Pair) -> None:
    """Each byte that comes in time leaves less time for the next one."""
    sock, other_end = pair
    call = call_within(SOON_S, sockets)
    sock.settimeout(call)
    enough = threading.Event()

    def trickle() -> None:
        while not enough.wait(SOON_S / 10):
            other_end.sendall(b"y")

    with ThreadPoolExecutor(1) as pool:
        trickling = pool.submit(trickle)
        with pytest.raises(TimeoutError):  # noqa: PT012 — each read but one succeeds
            while not enough.wait(0):
                sock.recv(1)
        late_s = time.monotonic() - call.deadline
        enough.set()
        trickling.result(PATIENCE_S)

    assert 0 <= late_s < PATIENCE_S


def test_a_socket_serves_one_call_after_the_other(sockets: OpenSockets, pair: Pair) -> None:
    """What counts is the deadline of the call that it was given to last."""
    sock, other_end = pair
    sock.settimeout(call_within(-1, sockets))
    sock.settimeout(call_within(FAR_S, sockets))
    sock.sendall(b"whole")

    assert other_end.recv(5) == b"whole"


def test_tls_goes_on_with_the_call(sockets: OpenSockets, pair: Pair) -> None:
    """The socket that TLS makes of one has its deadline from the handshake on."""
    sock, _ = pair
    call = call_within(SOON_S, sockets)
    sock.settimeout(call)
    context = ssl.create_default_context()
    context.sslsocket_class = TlsCallSocket

    with pytest.raises(TimeoutError):
        context.wrap_socket(sock, server_hostname="api.example")
    assert sockets.clock() >= call.deadline


def test_a_stop_ends_what_waits(sockets: OpenSockets, pair: Pair) -> None:
    """A thread that waits for the other side reads the end of the connection, and so does the other side."""
    sock, other_end = pair
    sock.settimeout(call_within(FAR_S, sockets))
    sockets.add(sock)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(sock.recv, 1)
        sockets.stop()

        assert (read.result(PATIENCE_S), other_end.recv(1)) == (b"", b"")


def test_no_socket_after_a_stop(sockets: OpenSockets, pair: Pair) -> None:
    """Who comes with a new connection learns of the stop."""
    sock, _ = pair
    sockets.stop()

    with pytest.raises(ConnectionAbortedError):
        sockets.add(sock)


def test_a_stop_sends_nothing_in_the_clear(
    sockets: OpenSockets, pair: Pair, server_tls: ssl.SSLContext, ca_file: str
) -> None:
    """What is sent over TLS after a stop is not sent at all."""
    sock, other_end = pair
    sock.settimeout(call_within(FAR_S, sockets))
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = TlsCallSocket
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(server_tls.wrap_socket, other_end, server_side=True)
        over_tls = context.wrap_socket(sock, server_hostname="127.0.0.1")
        theirs = accepted.result(PATIENCE_S)
    with over_tls, theirs:
        sockets.stop()

        assert over_tls.version() is not None
        with pytest.raises(OSError, match=r"."):
            over_tls.sendall(b"secret")


def test_a_socket_is_not_closed_while_it_is_shut_down(sockets: OpenSockets, pair: Pair) -> None:
    """By then its descriptor might be that of another file."""
    sock, _ = pair
    sock.settimeout(call_within(FAR_S, sockets))
    with ThreadPoolExecutor(1) as pool:
        with sockets.lock:
            closed = pool.submit(sock.close)
            with pytest.raises(TimeoutError):
                closed.result(SOON_S)
            assert sock.fileno() >= 0
        closed.result(PATIENCE_S)

    assert sock.fileno() == -1


def test_what_is_unused_for_long_is_closed() -> None:
    """A socket may be used for so long after its last call's deadline; some seconds later it is closed."""
    now_s = 0.0
    sockets = OpenSockets(lambda: now_s)
    old, young = CallSocket(), CallSocket()
    with contextlib.closing(old), contextlib.closing(young):
        for sock, within_s in ((old, 1.0), (young, 20.0)):
            sock.settimeout(call_within(within_s, sockets))
            sockets.add(sock)
        seen = []
        for now_s in (1 + KEPT_UNUSED_S + 9, 1 + KEPT_UNUSED_S + 25):  # noqa: B007 — the clock is read in between
            sockets.close_unused()
            seen.append((old.fileno() == -1, young.fileno() == -1))

    assert seen == [(False, False), (True, False)]


def test_a_call_that_is_over_is_kept_by_nobody(sockets: OpenSockets) -> None:
    """What an unused connection keeps of its last call is not what it was for, such as credentials."""

    class Permit:
        def use(self, call: Call) -> None:
            used.append(call)

    used: list[Call] = []
    permit = Permit()
    kept = weakref.ref(permit)
    call = Call(sockets.clock() + FAR_S, sockets, before_send=permit.use)
    del permit
    gc.disable()
    try:
        call.admit()
        call.admit()
        assert (used, kept()) == ([call], None)
    finally:
        gc.enable()
