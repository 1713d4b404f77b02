"""How long after an event the receiver gets the alert, with everything as shipped: rules, routes, intervals.

An exporter polls the simulator every minute, a real Prometheus scrapes it every 15 s, and a real Alertmanager sends
messages to a webhook. Each kind of event happens to several accounts, spread over the minute, so that polls, scrapes
and evaluations come early for some and late for others. docs/alerts.md promises the longest for each alert.
"""

from __future__ import annotations

import math
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.accounts import configuration, simulated
from benchmarks.findings import Bound, Claim, Figure, Finding
from benchmarks.measured_daemon import MeasuredDaemon
from benchmarks.progress import say, sleep_until, wait_until
from deploy.prometheus.rules.delays import first_seen_after_s
from deploy.prometheus.rules.groups import ALERTS
from exporter.simulator import ChargeChange, Debt, Fault, Scenario, ServiceState, Simulator
from tests.end_to_end.monitoring import monitoring
from tests.end_to_end.pace import Pace
from tests.only_read import only_read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.prometheus.rules.rule import Alert
    from tests.end_to_end.webhook import Webhook

AS_SHIPPED = Pace(faster=1, every_s=15.0)
_POLLED_EVERY_S = 60.0
# Later than the benchmark ends, and soon also for a test, whose days are minutes.
_CHANGES_AFTER_S = 3600
_KNOWN_WITHIN_S = 300.0
_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.1
_PROGRAMS = "prometheus", "prometheus-alertmanager"


def _shipped(name: str) -> Alert:
    """The alert of that name; of the two for several probes, the one of `service`."""
    return next(alert for alert in ALERTS if alert.name == name)


_DOWN = _shipped("DcdnExporterDown")


@dataclass(frozen=True, slots=True)
class _Event:
    """What happens to an account, and the alert that says so."""

    alert: Alert
    happen: Callable[[Simulator, str], None]
    alone: bool = False
    """Whether it happens to one account only: a later alert of its group would wait for the next message of that."""


_EVENTS = (
    _Event(
        _shipped("DcdnServiceLockedFinancial"),
        lambda simulator, name: simulator.set_service(name, ServiceState(locks=("financial",))),
    ),
    _Event(
        _shipped("DcdnServiceLockedOther"),
        lambda simulator, name: simulator.set_service(name, ServiceState(locks=("security",))),
    ),
    _Event(
        _shipped("DcdnInDebt"),
        lambda simulator, name: simulator.set_debt(name, Debt(in_debt=True)),
    ),
    _Event(
        _shipped("DcdnInDebtOverdue"),
        lambda simulator, name: simulator.set_debt(name, Debt(in_debt=True, in_debt_overdue=True)),
    ),
    _Event(
        _shipped("DcdnChargeTypeChangeSoon"),
        lambda simulator, name: simulator.set_service(
            name, ServiceState(change=ChargeChange("PayByBandwidth", math.ceil(time.time()) + _CHANGES_AFTER_S))
        ),
    ),
    _Event(
        _shipped("DcdnAuthFailing"),
        lambda simulator, name: simulator.set_fault(
            name, Fault("error", status=404, code="InvalidAccessKeyId.NotFound")
        ),
        alone=True,
    ),
)


def measure(*, each: int = 12, pace: Pace = AS_SHIPPED, find: Callable[[str], str | None] = shutil.which) -> Finding:
    """Let each event happen to so many accounts within an interval, wait for the alerts, and end the exporter."""
    programs = {name: found for name in _PROGRAMS if (found := find(name))}
    if len(programs) < len(_PROGRAMS):
        needs = "prometheus and prometheus-alertmanager (Debian: apt install prometheus prometheus-alertmanager)"
        return Finding("alert_delay", (), notes=(f"Left out: it needs {needs}.",))
    # One event of each kind, then one of each again.
    planned = [event for turn in range(each) for event in _EVENTS if turn == 0 or not event.alone]
    played = [simulated(number) for number in range(len(planned))]
    interval_s = pace.s(_POLLED_EVERY_S)
    with ExitStack() as running:
        simulator = running.enter_context(only_read(Scenario("events", tuple(played))))
        configured = configuration(simulator.url, range(len(planned)), interval_s=interval_s)
        daemon = running.enter_context(MeasuredDaemon({**configured, "debt_status": True}))
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        target = daemon.process.address()
        seen = running.enter_context(monitoring(target, folder=folder, tool=programs.__getitem__, pace=pace))
        say(f"alert_delay: {len(planned)} accounts, until the rules know them")
        known = f"count(dcdn_service_status) >= {len(planned)}"
        wait_until("all accounts are scraped", lambda: bool(seen.query(known)), within_s=_KNOWN_WITHIN_S)
        begin = time.monotonic() + 2 * interval_s
        happened: dict[tuple[Alert, str], float] = {}
        # Accounts are polled in their order. In the other one, events come at all moments of the interval.
        for place, (event, one) in enumerate(zip(planned, reversed(played), strict=True)):
            sleep_until(begin + interval_s * place / len(planned))
            event.happen(simulator, one.name)
            happened[event.alert, one.name] = time.monotonic()
        say("alert_delay: all has happened")
        delays_s = _delays_s(seen.hook, happened)
        say("alert_delay: the exporter is killed")
        daemon.process.signal(signal.SIGKILL)
        delays_s |= _delays_s(seen.hook, {(_DOWN, ""): time.monotonic()})
    return _finding(delays_s)


def _delays_s(hook: Webhook, happened: Mapping[tuple[Alert, str], float]) -> dict[Alert, list[float]]:
    """Seconds from each event until the webhook had its alert; RuntimeError when one does not come."""
    until = max(at + first_seen_after_s(alert) for (alert, _), at in happened.items()) + _PATIENCE_S
    waiting = dict(happened)
    delays_s: dict[Alert, list[float]] = {alert: [] for alert, _ in happened}
    while waiting:
        for alert in {alert for alert, _ in waiting}:
            for account, sent_at in hook.first_firing(alert.name).items():
                if (at := waiting.pop((alert, account), None)) is not None:
                    delays_s[alert].append(sent_at - at)
        if time.monotonic() > until:
            message = f"no message of {', '.join(f'{alert.name} {account}' for alert, account in waiting)}"
            raise RuntimeError(message)
        time.sleep(_LOOK_EVERY_S)
    return delays_s


def _finding(delays_s: Mapping[Alert, list[float]]) -> Finding:
    figures: list[Figure] = []
    claims = []
    for alert, its in delays_s.items():
        least, middle, most = (
            Figure(f"event to message, {name}", of_all(its), "s", len(its), of=alert.name)
            for name, of_all in (("least", min), ("median", median), ("most", max))
        )
        figures += [least, middle, most]
        claims.append(Claim(most, Bound.AT_MOST, first_seen_after_s(alert)))
    return Finding("alert_delay", tuple(figures), tuple(claims))
