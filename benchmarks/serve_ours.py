"""Our own page behind our own server, fed without an API: ``python -m benchmarks.serve_ours ACCOUNTS [debts]``.

With ``debts`` each account has a second probe. After SIGUSR1 it prints "failing", and every poll fails.

Exposition, store, own metrics, application and server are those of the daemon, composed as it does. A thread records
an answer of every probe each interval, in the order of their turns, as polls would: so the page changes as it does in
the daemon, and the CPU of calls, which its peers here do not make either, is not counted as that of scrapes.

``/api/v1/status`` tells, in place of the daemon's report, how late records were since it was last asked.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from exporter import __version__
from exporter.core.memory import collect_rarely, set_aside, share_heaps
from exporter.core.model import Answer, Failure, FailureReason, Observation, ProbeKey
from exporter.core.store import Store
from exporter.metrics.page import Exposition
from exporter.metrics.self_metrics import SelfMetrics
from exporter.probes.debt_status import DebtState
from exporter.probes.service_state import ChargeTypeChange, ServiceState
from exporter.probes.table import OPERATIONS, PROBES, UNKNOWN_FIELDS
from exporter.report.report import build_report
from exporter.web.app import create_app
from exporter.web.server import WebServer
from exporter.web.status_page import StatusPage
from exporter.web.threads import WebThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INTERVAL_S = 60.0
STALE_AFTER_S = 600.0
_KIND = PROBES[0]
_DEBTS = next(kind for kind in PROBES if (kind.product, kind.probe) == (_KIND.product, "debt_status"))
_OPENED = datetime(2024, 3, 19, 11, 16, 11, tzinfo=UTC)


def account_name(number: int) -> str:
    """Return the name of an account, all of one length, as account ids are."""
    return f"{1_000_000_000_000_000 + number}"


def state_of(number: int, now: datetime) -> ServiceState:
    """Return what the API would say of an account; a tenth of them wait for a billing change."""
    change = ChargeTypeChange("PayByBandwidth", now + timedelta(hours=6, minutes=number % 600))
    return ServiceState(
        charge_type="PayByTraffic",
        opening_time=_OPENED + timedelta(seconds=number),
        instance_id=account_name(number),
        change=change if number % 10 == 0 else None,
    )


class Feed:
    """Records an answer of each probe once an interval, evenly, until stopped; the first round before `start`."""

    def __init__(
        self, states: Mapping[ProbeKey, object], *, record: Callable[[ProbeKey, Observation], object]
    ) -> None:
        self._states = states
        self.failing = False
        self._record = record
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="feed", daemon=True)
        self.late_s: list[tuple[float, float]] = []
        """How long after its turn each record was done, and how much of that the process itself can have caused.

        That is at most the CPU that it took since the record before. The reader may take them away.
        """

    def start(self) -> None:
        """Every probe has its first answer, and the next ones come in turn."""
        for key in self._states:
            self._answer(key)
        self._thread.start()

    def stop(self) -> None:
        """No answer comes any more."""
        self._stopping.set()
        self._thread.join()

    def _feed(self) -> None:
        start = time.monotonic()
        turn = 0
        keys = list(self._states)
        while True:
            due = start + turn * INTERVAL_S / len(keys)
            before_s = time.process_time()
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            self._answer(keys[turn % len(keys)])
            late_s = time.monotonic() - due
            self.late_s.append((late_s, min(late_s, time.process_time() - before_s)))
            turn += 1

    def _answer(self, key: ProbeKey) -> None:
        now = time.time()
        # Durations differ as those of calls do.
        duration_s = 0.05 + now * 1000 % 1 / 20
        answer = Answer(self._states[key], request_id=f"{now}")
        failure = Failure(FailureReason.NETWORK, "connection refused")
        self._record(key, Observation(now, duration_s, failure if self.failing else answer))


def main() -> NoReturn:
    """Serve until ended."""
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # else the first SIGUSR1 would end the process
    share_heaps()
    collect_rarely()
    accounts = int(sys.argv[1])
    own = SelfMetrics(
        version=__version__,
        actions=[operation.action for operation in OPERATIONS],
        unknown_fields=UNKNOWN_FIELDS,
    )
    exposition = Exposition(PROBES, own=own.registry, now=time.time)
    store = Store([], on_change=exposition.update)
    now = datetime.now(UTC)
    states: dict[ProbeKey, object] = {
        _KIND.key(account_name(number)): state_of(number, now) for number in range(accounts)
    }
    kinds = dict.fromkeys(states, _KIND)
    if "debts" in sys.argv[2:]:
        debts = {_DEBTS.key(key.account): DebtState(True, True, False, False) for key in states}  # noqa: FBT003
        states |= debts
        kinds |= dict.fromkeys(debts, _DEBTS)
    exposition.configure(list(kinds.items()), stale_after_of=lambda _kind: STALE_AFTER_S)
    store.configure(states)
    exposition.set_accounts(
        {key.account: {"account_id": key.account, "account_name": "", "site": "china"} for key in states}
    )
    own.describe_schedule(interval_s=INTERVAL_S, stale_after_s=STALE_AFTER_S, accounts=accounts, probes=len(states))
    own.describe_probes(dict.fromkeys(kinds.values(), (INTERVAL_S, STALE_AFTER_S)))

    def record(key: ProbeKey, observation: Observation) -> None:
        kind = kinds[key]
        own.called(kind.operation.action, observation.duration_s)
        own.waited(kind.operation.action, 0.0)
        if isinstance(observation.outcome, Failure):
            own.poll_failed(key, observation.outcome.reason)
        store.record(key, observation, remember=kind.remember)

    feed = Feed(states, record=record)

    nothing = build_report({}, now=time.time(), stale_after_of=lambda _kind: STALE_AFTER_S)

    def lateness() -> str:
        late_s, feed.late_s = feed.late_s, []
        return json.dumps(late_s)

    threads = WebThreads()
    server = WebServer(
        create_app(
            exposition=exposition,
            telemetry_path="/metrics",
            ready=lambda: store.all_polled,
            status=lambda: StatusPage(version=__version__, telemetry_path="/metrics", report=nothing, ready=True),
            status_json=lateness,
            pages=threads.pages,
            log=_Silent(),
        ),
        listen_address="127.0.0.1:0",
        threads=threads,
        log=_Silent(),
    )
    server.start()
    feed.start()
    set_aside()  # as the daemon does after its first round
    sys.stdout.write(f"listening {server.address}\n")
    sys.stdout.flush()
    while signal.sigwait(signals) == signal.SIGUSR1:
        feed.failing = True
        sys.stdout.write("failing\n")
        sys.stdout.flush()
    feed.stop()
    server.stop()
    sys.exit(0)


class _Silent:
    """A logger without an output."""

    def log(self, level: int, event: str, **fields: object) -> None:
        """Forget it."""


if __name__ == "__main__":
    main()
