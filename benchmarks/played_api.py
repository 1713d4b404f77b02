"""The lean server as a process of its own, and what arrived there."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Self

from benchmarks.arrivals import POLL, Arrival
from benchmarks.processes import MeasuredProcess
from benchmarks.progress import wait_until

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.upstream import Behaviour

_PATIENCE_S = 60.0


class PlayedApi:
    """A lean server from `with` to the end of it, on the given core."""

    def __init__(self, behaviour: Behaviour, *, core: int | None = None) -> None:
        self._process = MeasuredProcess.python("benchmarks.upstream", core=core)
        self._behaviour = behaviour
        self.address = ""
        """Where it listens, as HOST:PORT."""

    def __enter__(self) -> Self:
        self._process.__enter__()
        try:
            self.address = self._process.address()
            self.behave(self._behaviour)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, error, traceback)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{self.address}"

    def cpu_s(self) -> float:
        """CPU seconds that it has taken."""
        return self._process.cpu_s()

    def behave(self, behaviour: Behaviour) -> None:
        """From now on calls are answered like that."""
        self._ask("PUT", "/_behaviour", behaviour.to_json())

    def arrivals(self) -> list[Arrival]:
        """What arrived since this was asked last, in order; it takes the server some 0.1 s for 100,000 of them."""
        return [Arrival(*arrival) for arrival in json.loads(self._ask("GET", "/_arrivals"))]

    def first_round(self, accounts: int, *, within_s: float) -> float:
        """The moment at which the last of so many accounts was polled first; what arrived until then is gone."""
        first: dict[str, float] = {}

        def all_seen() -> bool:
            for arrival in self.arrivals():
                if arrival.action == POLL:
                    first.setdefault(arrival.subject, arrival.at_s)
            return len(first) >= accounts

        wait_until(f"each of {accounts} accounts was polled", all_seen, within_s=within_s)
        return max(first.values())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        with closing(HTTPConnection(self.address, timeout=_PATIENCE_S)) as connection:
            connection.request(method, path, body=body)
            response = connection.getresponse()
            answer = response.read()
        if response.status != 200:
            message = f"{method} {path}: status {response.status}"
            raise RuntimeError(message)
        return answer
