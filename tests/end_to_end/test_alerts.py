"""The shipped rules on a real Prometheus, through the shipped routes of a real Alertmanager, to a webhook."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest

from exporter.simulator import Fault, ServiceState
from tests.alerts.shipped import ALERTS_FILE, ROOT, RULES_FOLDER, load
from tests.end_to_end.test_prometheus import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

ALERTMANAGER = ROOT / "deploy" / "alertmanager"
LOCKED, DOWN = "DcdnServiceLockedFinancial", "DcdnExporterDown"
ALERTMANAGER_FLAGS = (
    "--config.file=alertmanager.yaml",
    "--storage.path=alertmanager",
    "--web.listen-address=127.0.0.1:0",
    "--cluster.listen-address=",
)
# Two minutes of the shipped rules and routes are a second here.
FASTER = 120


class Webhook:
    """Takes what Alertmanager sends, each receiver's under its own path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: list[tuple[str, dict[str, Any]]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with webhook._lock:
                    webhook._taken += [(self.path.strip("/"), alert) for alert in message["alerts"]]
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the library's name
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def alerts(self, name: str, status: str, receiver: str = "pager") -> list[dict[str, Any]]:
        """What a receiver was told of an alert."""
        with self._lock:
            taken = list(self._taken)
        return [
            alert
            for by, alert in taken
            if (by, alert["status"], alert["labels"]["alertname"]) == (receiver, status, name)
        ]


@contextmanager
def server(command: list[str], *, folder: Path, eventually: Eventually) -> Iterator[str]:
    """One of the two programs, listening; its address, from its log."""
    log = folder / f"{re.sub(r'.*/', '', command[0])}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 — a tool that the tests look for
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        address = re.compile(r"(?:Listening on|Start listening).* address=(127\.0\.0\.1:[1-9]\d*)")
        yield eventually(f"{command[0]} names its address", lambda: address.search(log.read_text()))[1]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


def faster(duration: str) -> str:
    """A duration of the shipped files, as many times shorter as this test is faster; at least 100 ms."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    seconds = sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration))
    return f"{max(100, seconds * 1000 // FASTER)}ms"


def prometheus_files(folder: Path, *, target: str, alertmanager: str) -> None:
    """The shipped configuration and rules with this test's addresses and shorter pauses."""
    configuration = load(RULES_FOLDER / "prometheus.yaml")
    configuration["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    configuration["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    (folder / "prometheus.yaml").write_text(json.dumps(configuration))
    rules = load(ALERTS_FILE)
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.update({key: faster(rule[key]) for key in ("for", "keep_firing_for") if key in rule})
    (folder / "alerts.yaml").write_text(json.dumps(rules))


def alertmanager_files(folder: Path, *, hook: str) -> None:
    """The shipped routes and inhibitions, shorter pauses, and the webhook in place of every receiver."""
    configuration = load(ALERTMANAGER / "alertmanager.yaml")
    configuration["templates"] = [str(ALERTMANAGER / "templates" / "*.tmpl")]
    for route in (configuration["route"], *configuration["route"]["routes"]):
        route.update({key: faster(route[key]) for key in ("group_wait", "group_interval") if key in route})
    configuration["receivers"] = [
        {"name": receiver["name"], "webhook_configs": [{"url": f"{hook}/{receiver['name']}", "send_resolved": True}]}
        for receiver in configuration["receivers"]
    ]
    (folder / "alertmanager.yaml").write_text(json.dumps(configuration))


def test_a_lock_is_told_held_through_an_outage_and_released(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """A lock reaches team and pager, no outage resolves it, the release does, and a dead exporter is no silence."""
    programs = {name: tool(name) for name in ("prometheus", "prometheus-alertmanager")}
    account = make_account("prod")
    simulator = simulate(account)
    configuration = configure(simulator.url, account, stale_after="3s")
    configuration["accounts"][0].update({"site": "china", "labels": {"team": "video"}})
    exporter = serve(configuration)

    with ExitStack() as running:
        hook = running.enter_context(Webhook())
        alertmanager_files(tmp_path, hook=hook.url)
        alertmanager = running.enter_context(
            server([programs["prometheus-alertmanager"], *ALERTMANAGER_FLAGS], folder=tmp_path, eventually=eventually)
        )
        prometheus_files(tmp_path, target=exporter.address, alertmanager=alertmanager)
        prometheus = running.enter_context(
            server(
                [
                    programs["prometheus"],
                    "--config.file=prometheus.yaml",
                    "--storage.tsdb.path=data",
                    "--web.listen-address=127.0.0.1:0",
                    # Alertmanager resolves by itself what it did not hear of for four of these.
                    "--rules.alert.resend-delay=5s",
                ],
                folder=tmp_path,
                eventually=eventually,
            )
        )
        eventually("the service is well", lambda: exporter.scrape().status("prod") == "active")

        # While Prometheus still looks for its targets, which takes it five seconds.
        simulator.set_service("prod", ServiceState(locks=("financial",)))
        locked_s = time.monotonic()
        told = eventually("the pager hears of the lock", lambda: hook.alerts(LOCKED, "firing"))[0]
        assert time.monotonic() - locked_s < 30
        eventually("the team hears of it", lambda: hook.alerts(LOCKED, "firing", "team-video"))
        assert told["labels"] == {
            "alertname": LOCKED,
            "account": "prod",
            "product": "dcdn_ipa",
            "severity": "critical",
            "site": "china",
            "team": "video",
        }
        assert told["annotations"]["summary"] == "dcdn_ipa of prod is locked: a payment is overdue"

        # The API goes away for longer than an answer is shown.
        simulator.set_fault("prod", Fault("html_502"))
        gone_at = eventually(
            "no state is shown any more",
            lambda: query(prometheus, "absent(dcdn_service_lock) and on () absent(dcdn_service_status)"),
        )[0]["value"][0]
        eventually(
            "the lock still fires, evaluations later",
            lambda: query(
                prometheus, f'timestamp(ALERTS{{alertname="{LOCKED}", alertstate="firing"}}) > {gone_at + 1.5}'
            ),
        )
        assert query(prometheus, 'dcdn_poll_success{probe="service"}')[0]["value"][1] == "0"
        assert hook.alerts(LOCKED, "resolved") == []

        simulator.set_service("prod", None)
        simulator.set_fault("prod", None)
        eventually("the pager hears of the release", lambda: hook.alerts(LOCKED, "resolved"))
        assert exporter.scrape().status("prod") == "active"

        eventually(
            "the exporter is scraped",
            lambda: query(prometheus, f'up == 1 unless on () ALERTS{{alertname="{DOWN}"}}'),
        )
        exporter.stop(signal.SIGKILL)
        down = eventually("the pager hears that the exporter is down", lambda: hook.alerts(DOWN, "firing"))[-1]
        assert down["labels"] == {"alertname": DOWN, "job": "dcdn-exporter", "severity": "critical"}


# Alerts of five accounts, and whether another one of the account says more.
MUTED = {
    ("DcdnServiceLockedFinancial", "locked", "service"): False,
    ("DcdnInDebt", "locked", "debt_status"): True,
    ("DcdnInDebtOverdue", "locked", "debt_status"): True,
    ("DcdnChargeTypeChangeSoon", "locked", "service"): True,
    ("DcdnBalanceRunningOut", "locked", "balance"): False,
    ("DcdnAuthFailing", "refused", "service"): False,
    ("DcdnPollFailing", "refused", "service"): True,
    ("DcdnCredentialExpiring", "refused", "service"): True,
    ("DcdnDataStale", "refused", "service"): False,
    ("DcdnPermissionMissing", "partly", "service"): False,
    ("DcdnPollFailing", "partly", "service"): True,
    ("DcdnPollFailing", "partly", "debt_status"): False,
    ("DcdnDataStale", "silent", "service"): False,
    ("DcdnPollFailing", "silent", "service"): True,
    ("DcdnPollFailing", "silent", "debt_status"): False,
    ("DcdnInDebtOverdue", "overdue", "debt_status"): False,
    ("DcdnInDebt", "overdue", "debt_status"): True,
    ("DcdnChargeTypeChangeSoon", "overdue", "service"): False,
}


@pytest.mark.parametrize("source", ["DcdnExporterDown", "DcdnExporterAbsent"])
def test_alerts_are_muted_by_those_that_say_more(
    source: str, *, eventually: Eventually, tool: Callable[[str], str], tmp_path: Path
) -> None:
    """By the cause for the same account alone; and all of ours, and no other, while nothing is known."""
    command = [tool("prometheus-alertmanager"), *ALERTMANAGER_FLAGS]
    with ExitStack() as running:
        alertmanager_files(tmp_path, hook=running.enter_context(Webhook()).url)
        address = running.enter_context(server(command, folder=tmp_path, eventually=eventually))

        def muted(*fired: tuple[str, str, str]) -> dict[tuple[str, str, str], bool]:
            """Whether each alert is muted, once these fire as well."""
            names = ("alertname", "account", "probe")
            alerts = [{"labels": {**dict(zip(names, labels, strict=True)), "product": "cdn"}} for labels in fired]
            url = f"http://{address}/api/v2/alerts"
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(url, json.dumps(alerts).encode(), headers)
            with urllib.request.urlopen(request, timeout=10), urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 — ours
                return {
                    tuple(alert["labels"].get(name, "") for name in names): alert["status"]["state"] == "suppressed"
                    for alert in json.load(reply)
                }

        eventually("the causes mute what they cause", lambda: muted(*MUTED) == MUTED)
        down, foreign = (source, "", ""), ("NodeDown", "locked", "")
        everything = {**dict.fromkeys(MUTED, True), down: False, foreign: False}
        eventually("nothing else is said", lambda: muted(down, foreign) == everything)
