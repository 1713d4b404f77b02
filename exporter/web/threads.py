"""The threads in which the web server works, all of which run before it listens.

Under a limit of threads a process may get none later, and then a scrape must not fail. The executors of the standard
library start a thread when work comes, and the end of the process waits for theirs.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Item = tuple[Future[Any], Callable[[], Any]]


class FixedThreads(Executor):
    """An executor whose threads run from `start` to `shutdown`; submitting work never starts one.

    They are daemon threads: work that runs when the process ends does not hold up the end.
    """

    def __init__(self, number: int, *, name: str) -> None:
        self._names = [f"{name}-{thread}" for thread in range(number)] if number > 1 else [name]
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()

    def start(self) -> None:
        """Start all threads; RuntimeError when the system has too few."""
        for name in self._names:
            threading.Thread(target=self._serve, name=name, daemon=True).start()

    def submit(
        self, fn: Callable[_Parameters, _Result], /, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Future[_Result]:
        """Run this in one of the threads, after what was submitted before."""
        future: Future[_Result] = Future()
        self._queue.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Let the threads end after what was submitted before; never waits."""
        for _ in self._names:
            self._queue.put(None)

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            _run(*item)
            del item  # a thread without work keeps no page in memory


@dataclass(frozen=True, slots=True)
class WebThreads:
    """All threads that the answers of one server need, apart from its event loop."""

    pages: FixedThreads = field(default_factory=lambda: FixedThreads(2, name="web-page"))
    """Make and compress pages; of the status at most one at a time, so that it holds up no scrape."""
    passwords: FixedThreads = field(default_factory=lambda: FixedThreads(1, name="web-password"))
    reloads: FixedThreads = field(default_factory=lambda: FixedThreads(1, name="web-reload"))
    """Reads files anew: the configuration, the web configuration."""

    def start(self) -> None:
        """Start all; RuntimeError when the system has too few threads."""
        for each in (self.pages, self.passwords, self.reloads):
            each.start()

    def stop(self) -> None:
        """Begin no further work; does not wait for what runs."""
        for each in (self.pages, self.passwords, self.reloads):
            each.shutdown()


def _run(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 — the future carries it to whoever waits
        future.set_exception(error)
        del future  # the error refers to this frame
    else:
        future.set_result(result)
