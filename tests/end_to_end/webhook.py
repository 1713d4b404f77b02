"""Who hears of alerts, in place of a pager."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from tests.end_to_end.posts import Posts


class Webhook(Posts):
    """Takes what Alertmanager sends, each receiver's under its own path."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.url = f"http://{self.address}"
        self._lock = threading.Lock()
        self._messages: list[tuple[str, dict[str, Any], float]] = []

    def _take(self, path: str, message: dict[str, Any]) -> None:
        with self._lock:
            self._messages.append((path.strip("/"), message, time.monotonic()))

    def alerts(self, name: str, status: str, receiver: str = "pager") -> list[dict[str, Any]]:
        """What a receiver got of an alert."""
        return [
            alert
            for by, alert, _ in self._taken()
            if (by, alert["status"], alert["labels"]["alertname"]) == (receiver, status, name)
        ]

    def first_firing(self, name: str) -> dict[str, float]:
        """When each account's alert came first, to any receiver, by time.monotonic; "" is an alert without one."""
        first: dict[str, float] = {}
        for _, alert, at in self._taken():
            if (alert["status"], alert["labels"]["alertname"]) == ("firing", name):
                first.setdefault(alert["labels"].get("account", ""), at)
        return first

    def messages(self, receiver: str = "pager") -> list[tuple[str, str]]:
        """The messages that a receiver was sent, in order: the name of the alerts in each, and its status.

        A message is resolved when all of its alerts are.
        """
        with self._lock:
            messages = list(self._messages)
        return [
            (message["commonLabels"]["alertname"], message["status"]) for by, message, _ in messages if by == receiver
        ]

    def told(self, receiver: str = "pager") -> list[tuple[str, str]]:
        """Which alerts a receiver got, each with its status, in order."""
        return [(alert["labels"]["alertname"], alert["status"]) for by, alert, _ in self._taken() if by == receiver]

    def quiet(self) -> bool:
        """Whether the receiver got as many resolved messages of each alert as firing ones."""
        taken = Counter((by, alert["labels"]["alertname"], alert["status"]) for by, alert, _ in self._taken())
        return all(taken[by, name, "firing"] == taken[by, name, "resolved"] for by, name, _ in taken)

    def forget(self) -> None:
        """Begin anew, as if no message had come."""
        with self._lock:
            self._messages.clear()

    def _taken(self) -> list[tuple[str, dict[str, Any], float]]:
        """Every alert of every message in their order, with its receiver and the moment."""
        with self._lock:
            return [(by, alert, at) for by, message, at in self._messages for alert in message["alerts"]]
