"""The shipped rules on a real Prometheus, through the shipped routes of a real Alertmanager, to a webhook."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.alerts.shipped import ALERTS_FILE, ROOT, RULES_FOLDER, load
from tests.end_to_end.pace import USUAL, Pace
from tests.end_to_end.resends import RESENT_S, resends
from tests.end_to_end.webhook import Webhook
from tests.prometheus import prometheus, query, ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALERTMANAGER = ROOT / "deploy" / "alertmanager"
ALERTMANAGER_FLAGS = (
    "--config.file=alertmanager.yaml",
    "--storage.path=alertmanager",
    "--web.listen-address=127.0.0.1:0",
    "--cluster.listen-address=",
)
# Alertmanager resolves by itself what it did not hear of for four of these: a busy machine may need some seconds
# for an evaluation.
RESEND = "--rules.alert.resend-delay=15s"
TARGETS = "targets.json"
# Prometheus sends within that time all that one evaluation fires: what mutes an alert is there before its message.
_SENT_S = 1.0
# What Prometheus looks back for a sample by default.
LOOKBACK = "5m"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Both programs, running."""

    prometheus: str
    """Its address."""
    hook: Webhook
    folder: Path

    def aim(self, *targets: str) -> None:
        """Have Prometheus scrape these, and no others, once it has looked."""
        write_targets(self.folder, *targets)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression has now."""
        return query(self.prometheus, expression)


@contextmanager
def monitoring(*targets: str, folder: Path, tool: Callable[[str], str], pace: Pace = USUAL) -> Iterator[Monitoring]:
    """Both programs, the one scraping these targets and telling the other, which tells a webhook."""
    programs = {name: tool(name) for name in ("prometheus", "prometheus-alertmanager")}
    with ExitStack() as running:
        hook = running.enter_context(Webhook())
        alertmanager_files(folder, hook=hook.url, pace=pace)
        alertmanager = running.enter_context(
            ready([programs["prometheus-alertmanager"], *ALERTMANAGER_FLAGS], folder)
        )
        passing = running.enter_context(resends(alertmanager, resolved_for_s=pace.s(RESENT_S)))
        write_targets(folder, *targets)
        (folder / "alerts.yaml").write_text(json.dumps(pace.rules(load(ALERTS_FILE))))
        configuration = prometheus_configuration(alertmanager=passing.address, pace=pace)
        flags = RESEND, f"--query.lookback-delta={pace.range(LOOKBACK)}"
        address = running.enter_context(prometheus(programs["prometheus"], folder, configuration, *flags))
        yield Monitoring(address, hook, folder)


def write_targets(folder: Path, *targets: str) -> None:
    """Whom Prometheus finds; the file is replaced in one step, since it may be read at any moment."""
    new = folder / f"{TARGETS}.new"
    new.write_text(json.dumps([{"targets": targets}]))
    new.rename(folder / TARGETS)


def prometheus_configuration(*, alertmanager: str, pace: Pace) -> dict[str, Any]:
    """The shipped configuration with a test's addresses and pace; targets and rules stand in files beside it."""
    configuration: dict[str, Any] = load(RULES_FOLDER / "prometheus.yaml")
    every = dict.fromkeys(
        ("scrape_interval", "scrape_timeout", "evaluation_interval"), f"{pace.every_s * 1000:.0f}ms"
    )
    configuration["global"] = every
    del configuration["scrape_configs"][0]["static_configs"]
    configuration["scrape_configs"][0]["file_sd_configs"] = [{"files": [TARGETS]}]
    configuration["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    return configuration


def alertmanager_files(folder: Path, *, hook: str, pace: Pace = USUAL) -> None:
    """The shipped routes and inhibitions, shorter pauses, and the webhook in place of every receiver."""
    configuration = load(ALERTMANAGER / "alertmanager.yaml")
    configuration["templates"] = [str(ALERTMANAGER / "templates" / "*.tmpl")]
    for route in _routes(configuration["route"]):
        route.update(
            {key: pace.pause(route[key], least_s=_SENT_S) for key in ("group_wait", "group_interval") if key in route}
        )
    configuration["receivers"] = [
        {"name": receiver["name"], "webhook_configs": [{"url": f"{hook}/{receiver['name']}", "send_resolved": True}]}
        for receiver in configuration["receivers"]
    ]
    (folder / "alertmanager.yaml").write_text(json.dumps(configuration))


def _routes(route: dict[str, Any]) -> list[dict[str, Any]]:
    """A route, and each one below it; one that stands under several is the same in all of them."""
    below = [each for child in route.get("routes", ()) for each in _routes(child)]
    return [route, *{id(each): each for each in below}.values()]
