"""What stands between Prometheus and Alertmanager, and forgets as soon as Prometheus would at the pace of a test."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import datetime
from typing import Any

from tests.end_to_end.posts import Posts

RESENT_S = 15 * 60
"""For so long Prometheus sends an alert that has ended: a constant, which no flag changes."""


def resends(alertmanager: str, *, resolved_for_s: float) -> Posts:
    """A server that passes alerts on to Alertmanager, but none that has ended more than ``resolved_for_s`` ago."""

    def pass_on(path: str, alerts: list[dict[str, Any]]) -> None:
        now = time.time()
        sent = [alert for alert in alerts if now - _ends_at(alert) <= resolved_for_s]
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{alertmanager}{path}", json.dumps(sent).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 — ours
            reply.read()

    return Posts(pass_on)


def _ends_at(alert: dict[str, Any]) -> float:
    """When it has ended; of one that fires, that is in the future."""
    return datetime.fromisoformat(alert["endsAt"]).timestamp()
