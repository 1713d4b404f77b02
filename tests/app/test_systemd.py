"""What the service manager receives, over a real datagram socket."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue

import pytest

from exporter.app.systemd import ServiceManager, supervise
from tests.no_new_files import no_new_files
from tests.waiting import PATIENCE_S

Told = Callable[[], list[str]]
Manage = Callable[[Mapping[str, str]], ServiceManager]

PID = os.getpid()
LIMIT = {"WATCHDOG_USEC": "60000000"}


class Supervised:
    """A daemon that notes reloads, ends after them, and is alive for so many questions.

    A reload ends at once with this refusal, or with none; one that `lasts` does not end.
    """

    def __init__(
        self,
        received: SimpleQueue[int] | None = None,
        *,
        alive: int = 0,
        refusal: str | None = None,
        lasts: bool = False,
    ) -> None:
        self.reloads: list[Future[str | None]] = []
        self._received = received
        self._alive = alive
        self._refusal = refusal
        self._lasts = lasts
        self.found_dead = threading.Event()

    def reload(self) -> Future[str | None]:
        outcome: Future[str | None] = Future()
        self.reloads.append(outcome)
        if not self._lasts:
            outcome.set_result(self._refusal)
        if self._received is not None:
            self._received.put(signal.SIGINT)
        return outcome

    def call_if_alive(self, call: Callable[[], object]) -> None:
        self._alive -= 1
        if self._alive < 0:
            self.found_dead.set()
        else:
            call()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Listens as a service manager does; hands out what came so far."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(0)

        def so_far() -> list[str]:
            messages: list[str] = []
            while True:
                try:
                    messages.append(listener.recv(4096).decode())
                except BlockingIOError:
                    return messages

        yield so_far


@pytest.fixture
def manage() -> Iterator[Manage]:
    """Makes the manager of an environment, which is closed after the test."""
    with ExitStack() as made:
        yield lambda environ: made.enter_context(closing(ServiceManager(environ, pid=PID)))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify")}


def signals(*numbers: int) -> SimpleQueue[int]:
    received: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        received.put(number)
    return received


def test_the_start_and_the_end_are_told(told: Told, environ: dict[str, str], manage: Manage) -> None:
    """Up when it is supervised, stopping at the first signal that is no reload."""
    daemon = Supervised()
    supervise(daemon, signals(signal.SIGTERM, signal.SIGHUP), manage(environ))

    assert told() == ["READY=1", "STOPPING=1"]
    assert daemon.reloads == []


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(None, ""), ("a\nlong story", "the configuration was refused, the one before is in use")],
)
def test_a_reload_is_told_from_its_start_to_its_end(
    told: Told, environ: dict[str, str], manage: Manage, *, refusal: str | None, status: str
) -> None:
    """With the moment it began, and with whether the configuration was refused; a refusal's text is the log's."""
    received = signals(signal.SIGHUP)
    daemon = Supervised(received, refusal=refusal)
    supervise(daemon, received, manage(environ), clock=lambda: 12.5)

    assert told() == [
        "READY=1",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        f"READY=1\nSTATUS={status}\nWATCHDOG=1",
        "STOPPING=1",
    ]
    assert len(daemon.reloads) == 1


@pytest.mark.parametrize("broken_off", [False, True])
def test_the_end_does_not_wait_for_a_reload(
    told: Told, environ: dict[str, str], manage: Manage, caplog: pytest.LogCaptureFixture, *, broken_off: bool
) -> None:
    """A signal to stop counts while the configuration is read; one that was broken off or cancelled is no failure."""
    received = signals(signal.SIGHUP)
    daemon = Supervised(received, lasts=True)
    supervise(daemon, received, manage(environ), clock=lambda: 12.5)
    (outcome,) = daemon.reloads
    if broken_off:
        outcome.set_exception(CancelledError())
    else:
        outcome.cancel()

    assert told() == ["READY=1", "RELOADING=1\nMONOTONIC_USEC=12500000", "STOPPING=1"]
    assert caplog.records == []


def test_the_watchdog_hears_of_a_daemon_as_long_as_it_is_alive(
    told: Told, environ: dict[str, str], manage: Manage
) -> None:
    """Once it is found dead no ping follows, so that the manager ends it."""
    daemon = Supervised(alive=2)
    received = signals()
    manager = manage({**environ, "WATCHDOG_USEC": "3000"})
    supervising = threading.Thread(target=supervise, args=(daemon, received, manager), daemon=True)
    supervising.start()
    found_dead = daemon.found_dead.wait(PATIENCE_S)
    received.put(signal.SIGTERM)
    supervising.join(PATIENCE_S)

    assert found_dead
    assert told() == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_manager_hears_of_a_daemon_that_has_no_file_left(
    told: Told, environ: dict[str, str], manage: Manage
) -> None:
    """The socket is there from the start."""
    manager = manage(environ)
    with no_new_files():
        supervise(Supervised(), signals(signal.SIGTERM), manager)

    assert told() == ["READY=1", "STOPPING=1"]


def test_a_notification_after_the_end_is_none(told: Told, environ: dict[str, str], manage: Manage) -> None:
    """As of a reload that ends late."""
    manager = manage(environ)
    manager.close()
    manager.notify("READY=1")

    assert told() == []


@pytest.mark.parametrize(
    ("environ", "every_s"),
    [
        pytest.param({}, None, id="no watchdog"),
        pytest.param(LIMIT, 20.0, id="three times within the limit"),
        pytest.param({**LIMIT, "WATCHDOG_PID": str(PID)}, 20.0, id="of this process"),
        pytest.param({**LIMIT, "WATCHDOG_PID": "1"}, None, id="of another process"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="never"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="no number"),
    ],
)
def test_how_often_the_watchdog_wants_to_hear(environ: dict[str, str], every_s: float | None) -> None:
    """It is in the environment, which a child of the watched process inherits."""
    assert ServiceManager(environ, pid=PID).ping_every_s == every_s


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux has abstract addresses")
def test_an_abstract_address_is_told_too(tmp_path: Path, manage: Manage) -> None:
    """A leading "@" stands for the zero byte."""
    name = f"dcdn-exporter-test{tmp_path}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(PATIENCE_S)
        manage({"NOTIFY_SOCKET": f"@{name}"}).notify("READY=1")

        assert listener.recv(4096) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/no/such/socket"}])
def test_without_a_manager_all_goes_on(environ: dict[str, str], manage: Manage) -> None:
    """None that started it, or none any more."""
    received = signals(signal.SIGHUP)
    daemon = Supervised(received)
    supervise(daemon, received, manage(environ))

    assert len(daemon.reloads) == 1
