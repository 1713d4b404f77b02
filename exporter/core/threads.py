"""Threads that exist before there is work for them.

Under a limit of threads a process may get none later. The executors of the standard library start a thread when work
comes, and the end of the process waits for their work.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Item = tuple[Future[Any], Callable[[], Any]]


class NoThread(Exception):
    """The system has no more threads to give."""


def start_thread(run: Callable[[], object], *, name: str) -> threading.Thread:
    """Start a daemon thread, whose work does not hold up the end of the process; raises NoThread."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise NoThread from error
    return thread


class _Stopped(SystemExit):
    """Is raised in a thread to break off its work; lost, as any, where that is a destructor or callback just then."""


class FixedThreads(Executor):
    """An executor whose threads run from `start` to `stop`; submitting work never starts one."""

    def __init__(self, number: int, *, name: str) -> None:
        self._names = [f"{name}-{thread}" for thread in range(number)] if number > 1 else [name]
        self._running: list[threading.Thread] = []
        self._stopped = False
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()

    def start(self) -> None:
        """Start all threads; raises NoThread."""
        for name in self._names:
            self._running.append(start_thread(self._serve, name=name))

    def submit(
        self, fn: Callable[_Parameters, _Result], /, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Future[_Result]:
        """Run this in one of the threads, after what was submitted before."""
        future: Future[_Result] = Future()
        self._queue.put((future, partial(fn, *args, **kwargs)))
        if self._stopped:
            future.cancel()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Let the threads end after what was submitted before; never waits."""
        for _ in self._running:
            self._queue.put(None)

    def stop(self) -> None:
        """Cancel the work that waits, and break off the work that runs at its next step in Python; does not wait.

        What runs in Rust (pydantic, bcrypt) when the process ends aborts it on the way back to Python.
        """
        if self._stopped:
            return
        self._stopped = True
        with suppress(Empty):
            while item := self._queue.get_nowait():
                item[0].cancel()
        for thread in self._running:
            # https://docs.python.org/3/c-api/init.html#c.PyThreadState_SetAsyncExc
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stopped))
            self._queue.put(None)  # only now: the number of a thread that has ended may be another one's

    def wait(self, *, within_s: float) -> None:
        """Wait so long at most until the threads have ended."""
        ends_at = time.monotonic() + within_s
        for thread in self._running:
            thread.join(max(0.0, ends_at - time.monotonic()))

    def _serve(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                _run(*item)
                del item  # a thread without work keeps no page in memory
        except _Stopped:
            return


def _run(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except _Stopped:
        future.set_exception(CancelledError())
    except BaseException as error:  # noqa: BLE001 — the future carries it to the waiting thread
        future.set_exception(error)
        del future  # the error refers to this frame
    else:
        future.set_result(result)
