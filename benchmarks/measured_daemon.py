"""The daemon as a process of its own, with as many accounts as a benchmark asks for."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.processes import MeasuredProcess
from benchmarks.progress import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Scrape:
    """One answer of /metrics, and what it took."""

    at_unix: float
    """When it was asked for."""
    duration_s: float
    body: bytes

    def by_account(self, family: str) -> dict[str, float]:
        """The values of a family that has one series for each account, by the account's name."""
        series = re.compile(rb"^%b\{account=\"([^\"]+)\"[^}]*\} (\S+)" % family.encode(), re.MULTILINE)
        return {name.decode(): float(value) for name, value in series.findall(self.body)}

    def value(self, series: str) -> float:
        """The value of one series, written as on the page; LookupError when it is not there."""
        found = re.search(rb"^%b (\S+)" % re.escape(series).encode(), self.body, re.MULTILINE)
        if found is None:
            raise LookupError(series)
        return float(found[1])


class MeasuredDaemon:
    """`serve` with a configuration, from `with` to the end of it."""

    def __init__(self, configured: Mapping[str, Any], *, core: int | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "exporter.yaml"
        self._write(configured)
        arguments = ("--config.file", str(self._file), "--web.listen-address", "127.0.0.1:0", "--log.format", "json")
        self.process = MeasuredProcess.python("exporter", "serve", *arguments, core=core)
        """What the kernel counts of it."""
        self._address = ""

    def __enter__(self) -> Self:
        self.process.__enter__()
        try:
            self._address = self.process.address()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.__exit__(kind, error, traceback)
        self._folder.cleanup()

    def scrape(self, *, gzip: bool = False) -> Scrape:
        """Ask for /metrics on a connection of its own; with gzip, the body stays as it came."""
        began_unix, began = time.time(), time.monotonic()
        with closing(HTTPConnection(self._address, timeout=_PATIENCE_S)) as connection:
            connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"} if gzip else {})
            response = connection.getresponse()
            body = response.read()
        if response.status != 200:
            message = f"/metrics: status {response.status}"
            raise RuntimeError(message)
        return Scrape(began_unix, time.monotonic() - began, body)

    def reload(self, configured: Mapping[str, Any]) -> None:
        """Have it read another configuration; it is in use then. RuntimeError when that does not come to be."""
        before = self._reloads()
        self._write(configured)
        os.kill(self.process.pid, signal.SIGHUP)
        wait_until("the configuration was reloaded", lambda: self._reloads() > before, within_s=_PATIENCE_S)

    def _reloads(self) -> int:
        return self.process.output.count('"configuration reloaded"')

    @contextmanager
    def scraped(self, *, every_s: float) -> Iterator[list[Scrape]]:
        """Scraped as a Prometheus does it, with gzip; the list grows meanwhile, without bodies.

        What a scrape raised is raised in the end.
        """
        scrapes: list[Scrape] = []
        ended = threading.Event()

        def scrape() -> None:
            while not ended.is_set():
                began = time.monotonic()
                done = self.scrape(gzip=True)
                scrapes.append(Scrape(done.at_unix, done.duration_s, b""))
                ended.wait(max(0.0, began + every_s - time.monotonic()))

        with ThreadPoolExecutor(1) as thread:
            scraping = thread.submit(scrape)
            try:
                yield scrapes
            finally:
                ended.set()
            scraping.result()

    def _write(self, configured: Mapping[str, Any]) -> None:
        self._file.write_text(json.dumps(configured), encoding="utf-8")
