"""What an exchange's end does to a connection, over socket pairs."""

import gc
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from exporter.api.deadline import Address, Ending, Exchange, Exchanges
from tests.waiting import PATIENCE_S

Pair = tuple[socket.socket, socket.socket]
FAR_S = 3600.0


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A lifeline and the other end of its connection."""
    mine, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE_S)
    with mine, theirs:
        yield mine, theirs


@pytest.fixture
def exchange() -> Exchange:
    """An exchange with much time left."""
    return Exchange(time.monotonic() + FAR_S)


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    """What watches exchanges, closed at the end."""
    exchanges = Exchanges()
    yield exchanges
    exchanges.close()


def is_open(end: socket.socket) -> bool:
    """Whether the other side has not shut down; it has sent nothing."""
    end.setblocking(False)  # noqa: FBT003 — the standard library's own signature
    try:
        return end.recv(1) != b""
    except BlockingIOError:
        return True


def test_the_end_shuts_the_connection_down(exchange: Exchange, pair: Pair) -> None:
    """Whoever reads from the connection reads its end, and the first ending stays."""
    lifeline, other_end = pair
    exchange.hold(lifeline)
    exchange.end(Ending.DEADLINE)
    exchange.end(Ending.STOPPING)

    assert other_end.recv(1) == b""
    assert exchange.ended is Ending.DEADLINE


def test_a_connection_that_comes_after_the_end(exchange: Exchange, pair: Pair) -> None:
    """A connection that is made when the exchange has ended already is shut down at once."""
    lifeline, other_end = pair
    exchange.end(Ending.STOPPING)
    exchange.hold(lifeline)

    assert other_end.recv(1) == b""


def test_a_connection_let_go_is_out_of_reach(exchange: Exchange, pair: Pair) -> None:
    """Once the reply is whole the connection may serve others: an end that comes too late changes nothing."""
    lifeline, other_end = pair
    exchange.hold(lifeline)
    whole = exchange.let_go()
    exchange.end(Ending.DEADLINE)

    assert whole
    assert exchange.ended is None
    assert is_open(other_end)
    assert lifeline.fileno() >= 0


def test_a_connection_that_was_shut_down_is_not_let_go_as_good(exchange: Exchange, pair: Pair) -> None:
    """Whoever wants to pool the connection learns that it is dead."""
    exchange.hold(pair[0])
    exchange.end(Ending.DEADLINE)

    assert not exchange.let_go()


def test_an_adopted_lifeline_outlives_its_connection(exchange: Exchange, pair: Pair) -> None:
    """A lifeline whose connection closes early is closed with the exchange, and ends it until then."""
    lifeline, other_end = pair
    exchange.hold(lifeline)
    adopted = exchange.adopt(lifeline)
    exchange.end(Ending.DEADLINE)

    assert adopted
    assert other_end.recv(1) == b""
    assert lifeline.fileno() >= 0
    exchange.let_go()
    assert lifeline.fileno() == -1


def test_a_strange_lifeline_is_not_adopted(exchange: Exchange, pair: Pair) -> None:
    """A connection that another exchange used closes its lifeline itself, and the one held stays adopted."""
    lifeline, stranger = pair
    exchange.hold(lifeline)
    exchange.adopt(lifeline)

    assert not exchange.adopt(stranger)
    exchange.let_go()
    assert (lifeline.fileno(), stranger.fileno() >= 0) == (-1, True)


def test_a_discarded_lifeline_is_closed(exchange: Exchange, pair: Pair) -> None:
    """A connection that failed leaves no file descriptor behind, and the end does not reach for it."""
    lifeline, _ = pair
    exchange.hold(lifeline)
    exchange.discard(lifeline)
    exchange.end(Ending.DEADLINE)

    assert lifeline.fileno() == -1


def test_remaining_time_is_never_zero() -> None:
    """Zero seconds would mean 'do not block' to a socket."""
    assert Exchange(time.monotonic() - 5).remaining_s() == 0.001
    assert FAR_S - 60 < Exchange(time.monotonic() + FAR_S).remaining_s() <= FAR_S


def test_the_end_ends_the_wait_for_addresses(exchange: Exchange) -> None:
    """Who waits for a name is woken, and an answer that comes later disturbs nobody."""
    addresses: Future[list[Address]] = Future()
    ender = threading.Timer(0.02, exchange.end, [Ending.STOPPING])
    ender.start()

    with pytest.raises(TimeoutError):
        exchange.wait_for(addresses)
    ender.join()
    addresses.set_result([])


def test_no_wait_for_addresses_after_the_end(exchange: Exchange) -> None:
    """An exchange that has ended does not begin to wait."""
    exchange.end(Ending.STOPPING)

    with pytest.raises(TimeoutError):
        exchange.wait_for(Future())


def test_the_watchdog_ends_what_is_overdue(exchanges: Exchanges, pair: Pair) -> None:
    """An exchange whose deadline passes is ended, also when others with later deadlines came before and after."""
    lifeline, other_end = pair
    release = threading.Event()
    other = threading.Thread(target=hold_open, args=(exchanges, release))
    other.start()
    exchange = Exchange(time.monotonic() + 0.05)
    with exchanges.begin(exchange):
        exchange.hold(lifeline)
        ended = other_end.recv(1)
    release.set()
    other.join()

    assert (ended, exchange.ended) == (b"", Ending.DEADLINE)


def hold_open(exchanges: Exchanges, release: threading.Event) -> None:
    with exchanges.begin(Exchange(time.monotonic() + FAR_S)):
        release.wait(PATIENCE_S)


def test_an_exchange_that_is_over_has_no_deadline(exchanges: Exchanges, pair: Pair) -> None:
    """The watchdog leaves alone what ended well before its deadline."""
    lifeline, other_end = pair
    early = Exchange(time.monotonic() + 0.5)
    with exchanges.begin(early):
        early.hold(lifeline)
    late = Exchange(time.monotonic() + 0.6)
    mine, theirs = socket.socketpair()
    with mine, theirs, exchanges.begin(late):
        late.hold(mine)
        assert theirs.recv(1) == b""

    assert early.ended is None
    assert is_open(other_end)


def test_the_current_exchange_is_the_threads_own(exchanges: Exchanges, exchange: Exchange) -> None:
    """Inside, the thread's exchange is known; outside and in other threads there is none."""
    with exchanges.begin(exchange):
        inside = exchanges.current()
        elsewhere: Future[Exchange | None] = Future()
        thread = threading.Thread(target=lambda: elsewhere.set_result(exchanges.current()))
        thread.start()
        thread.join()

    assert (inside, elsewhere.result(), exchanges.current()) == (exchange, None, None)


def test_close_ends_what_is_under_way_and_what_begins_later(exchanges: Exchanges, exchange: Exchange) -> None:
    """Nothing goes on after a close, and a second close is none."""
    with exchanges.begin(exchange):
        exchanges.close()
        assert exchange.ended is Ending.STOPPING
    exchanges.close()
    later = Exchange(time.monotonic() + FAR_S)
    with exchanges.begin(later):
        assert later.ended is Ending.STOPPING


def test_the_watchdog_ends_with_close(exchange: Exchange) -> None:
    """The watchdog starts with the first exchange and leaves no thread behind."""
    before = set(threading.enumerate())
    exchanges = Exchanges()
    with exchanges.begin(exchange):
        (watchdog,) = (thread for thread in set(threading.enumerate()) - before if thread.name == "deadlines")
    exchanges.close()
    watchdog.join(PATIENCE_S)

    assert watchdog.daemon
    assert not watchdog.is_alive()


def begun_and_over(exchanges: Exchanges) -> "weakref.ref[Exchange]":
    exchange = Exchange(time.monotonic() + FAR_S, before_send=lambda: noted.append(exchange.sent))
    noted: list[bool] = []
    with exchanges.begin(exchange):
        exchange.before_send()
    return weakref.ref(exchange)


def test_what_is_over_is_kept_by_nobody(exchanges: Exchanges) -> None:
    """Neither until its deadline nor until the next garbage collection: thousands would be there at any time."""
    gc.disable()
    try:
        assert begun_and_over(exchanges)() is None
    finally:
        gc.enable()
