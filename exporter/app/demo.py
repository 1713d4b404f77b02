"""The demo: our simulator plays a day of events in minutes, and a daemon of its own watches it over HTTP."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator

from exporter.app.daemon import Daemon, WebOptions
from exporter.app.signals import Stop
from exporter.app.simulated import simulated_configuration
from exporter.core.logger import Logger
from exporter.core.threads import NoThread
from exporter.simulator import OutOfThreadsError, Scenario, Simulator

_SHOWN_S = 180.0
_MOST_SHOWN = 3
_EVERY_ADDRESS = ("[::]", "0.0.0.0")  # noqa: S104 — only compared


class Demo:
    """The simulator and the daemon, started and stopped together.

    Raises OSError when an address is not available, and NoThread.
    """

    def __init__(self, scenario: Scenario, *, web: WebOptions, log: Logger) -> None:
        self._scenario = scenario
        self._simulator = Simulator(scenario)
        self._web = web
        self._log = log
        self._daemon: Daemon | None = None

    @property
    def address(self) -> str:
        """Where the daemon listens."""
        return self._running().address

    @property
    def simulator_url(self) -> str:
        """Where the simulator listens."""
        return self._simulator.url

    def start(self) -> None:
        """Start the simulator, then the daemon that polls it."""
        try:
            self._simulator.start()
        except OutOfThreadsError as error:
            raise NoThread from error
        try:
            configuration = simulated_configuration(self._scenario, self._simulator.url)
            self._daemon = Daemon(configuration, load=lambda: configuration, web=self._web, environ={}, log=self._log)
            self._daemon.start()
        except BaseException:
            self._simulator.stop()
            raise

    def stop(self) -> None:
        """Stop both."""
        self._running().stop()
        self._simulator.stop()

    def narrate(self, say: Callable[[str], None], until: Stop) -> None:
        """Call ``say`` with a line for each event of the scenario when it happens, until a signal to stop."""
        for at_s, account, sentence in self._simulator.events():
            if until.wait(max(0.0, at_s - self._simulator.elapsed_s)):
                return
            say(f"{_clock(at_s)}  {account}: {sentence}")

    def upcoming(self, horizon_s: float) -> Iterator[str]:
        """A line for each event within the horizon."""
        yield from _lines(itertools.takewhile(lambda event: event[0] <= horizon_s, self._simulator.events()))

    def screens(self, columns: int) -> Iterator[str]:
        """What happens now: the clock, the last events and the next ones, and where to look; each has fewer events.

        Addresses and commands are never broken at so many columns.
        """
        now_s = self._simulator.elapsed_s
        events = self._simulator.events(since_s=max(0.0, now_s - _SHOWN_S))
        near = list(itertools.takewhile(lambda event: event[0] <= now_s + _SHOWN_S, events))
        past = [event for event in near if event[0] <= now_s]
        future = [event for event in near if event[0] > now_s]
        clock, where_to_look = f"dcdn-exporter demo  {_clock(now_s)}", self.where_to_look(columns)
        for most in range(_MOST_SHOWN, 0, -1):
            last = "\n".join(["What happened last:", *_lines(past[-most:])])
            soon = "\n".join(["What happens next:", *_lines(future[:most])])
            yield f"{clock}\n\n{last}\n\n{soon}\n\n{where_to_look}"
        yield f"{clock}\n\n{where_to_look}"

    def where_to_look(self, columns: float = math.inf) -> str:
        """Addresses to copy, commands where there is room for them on one line each, and how to stop."""
        url = f"http://{reachable(self.address)}"
        commands = [
            f"  page     {url}/",
            f"  metrics  curl -s {url}/metrics | grep ^dcdn_service",
            f'  a lock   watch -n1 "curl -s {url}/metrics | grep financial"',
        ]
        if max(map(len, commands)) > columns:
            commands = [f"  {url}/", f"  {url}/metrics"]
        return "\n".join(["Watch it:", *commands, "Stop it with Ctrl-C."])

    def _running(self) -> Daemon:
        if self._daemon is None:
            raise RuntimeError("the demo is not started")
        return self._daemon


def reachable(address: str) -> str:
    """The address with a host that works when it is copied, where it stands for every address of the machine."""
    host, _, port = address.rpartition(":")
    return f"localhost:{port}" if host in _EVERY_ADDRESS else address


def _lines(events: Iterable[tuple[float, str, str]]) -> Iterator[str]:
    for at_s, account, sentence in events:
        yield f"  {_clock(at_s)}  {account}: {sentence}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(math.floor(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"
