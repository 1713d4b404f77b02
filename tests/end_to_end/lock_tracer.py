"""Traces the locks that the files of one folder create: their order, and what is done while one is held.

The folder is a package, and each of its folders is a room. A lock is named by the file and line that create it, so
that all locks of one place are one lock: an order between two of them is none.
"""

from __future__ import annotations

import ctypes
import gc
import graphlib
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

_LOGGING = {"logging", "structlog"}
_SYSTEM_CALLS = {"posix", "_socket", "select", "_ssl", "_posixsubprocess"}
_NO_SYSTEM_CALLS = {"fspath", "getpid", "strerror"}  # of those modules
_FILES = {"io", "_io"}
_CHANNELS = {"socket", "_socket", "ssl", "_ssl", "select", "posix", *_FILES}
_IN_MEMORY = {"BytesIO", "StringIO", "IncrementalNewlineDecoder"}
_FRAMES = 6


@dataclass(slots=True)
class Trace:
    """What was seen; JSON by `dataclasses.asdict`. Stacks of places have the innermost first."""

    acquired: dict[str, int] = field(default_factory=Counter)
    """How often each lock was taken."""
    deepest: list[str] = field(default_factory=list)
    """The most locks that one thread held at a time, in the order in which it took them."""
    order: list[tuple[str, str, list[str]]] = field(default_factory=list)
    """A lock, another one that was taken while it was held, and from where for example."""
    under_lock: list[tuple[str, str, str, list[str]]] = field(default_factory=list)
    """What was done while a lock was held, the innermost one, and from where for example.

    It is a `log line`, `I/O`, a `wait` for another thread, or the `call` of a function of another room.
    """


# What may be done under a lock: how the lock's place begins, and how what is done.
ALLOWED = {
    ("core/store.py", "metrics/page.py:Exposition.update"): "what is on the page is what is in the store",
    ("core/store.py", "probes/"): "pure: what a kind of probe remembers",
    ("metrics/page.py", "probes/"): "pure: what a kind of probe shows",
    ("metrics/page.py", "core/store.py:ProbeRecord."): "a value",
    ("", "core/durations.py:"): "pure arithmetic",
    ("api/deadline.py", "CallSocket.shutdown"): "waits for nothing, and no socket is closed meanwhile",
    ("api/deadline.py", "CallSocket.close"): "waits for nothing, and no socket is shut down meanwhile",
}
DEEPEST = 3


def problems(trace: Trace) -> list[str]:
    """What breaks the rules for locks."""
    found = [f"{len(trace.deepest)} locks at a time: {trace.deepest}"] if len(trace.deepest) > DEEPEST else []
    order = graphlib.TopologicalSorter[str]()
    for held, taken, _ in trace.order:
        order.add(taken, held)
    try:
        order.prepare()
    except graphlib.CycleError as cycle:
        found.append(f"taken in a circle: {cycle.args[1]}")
    found += [
        f"{kind} {what}".rstrip() + f" under {lock}, from {' < '.join(where)}"
        for kind, what, lock, where in trace.under_lock
        if not any(lock.startswith(room) and what.startswith(done) for room, done in ALLOWED)
    ]
    return found


class LockTracer:
    """Traces the locks of the package in this folder that are created while inside `installed`."""

    def __init__(self, package: Path) -> None:
        self._package = f"{package}/"
        self._of_thread = threading.local()
        self._acquired: Counter[str] = Counter()
        self._deepest: list[str] = []
        self._order: dict[tuple[str, str], list[str]] = {}
        self._under_lock: dict[tuple[str, str, str], list[str]] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Inside, `threading` gives out traced locks to the package's files, and each thread that starts is watched.

        Before the package's modules are imported: they might keep what `threading` has.
        """
        lock, rlock, condition = threading.Lock, threading.RLock, threading.Condition.__init__

        def make_lock() -> Any:
            name = self._place(sys._getframe(1))
            return lock() if name is None else TracedLock(lock(), name, self)

        def make_rlock() -> Any:
            name = self._place(sys._getframe(1))
            return rlock() if name is None else TracedRLock(rlock(), name, self)

        def make_condition(made: threading.Condition, inner: Any = None) -> None:
            name = self._place(sys._getframe(1))
            if inner is None and name is not None:
                inner = TracedRLock(rlock(), name, self)
            condition(made, inner)

        with (
            # While a thread has yet to notice an exception that another one raises in it, be it that it never does as
            # it ends, no function begins under a profiler in Python 3.11. So none is raised.
            mock.patch.object(ctypes.pythonapi, "PyThreadState_SetAsyncExc"),
            mock.patch.multiple(threading, Lock=make_lock, RLock=make_rlock),
            mock.patch.object(threading.Condition, "__init__", make_condition),
        ):
            gc.callbacks.append(self._note_collection)
            threading.setprofile(self._look)
            sys.setprofile(self._look)
            try:
                yield
            finally:
                gc.callbacks.remove(self._note_collection)
                sys.setprofile(None)
                threading.setprofile(None)

    def trace(self) -> Trace:
        """What was seen until now."""
        return Trace(
            dict(self._acquired),
            self._deepest,
            [(*pair, where) for pair, where in dict(self._order).items()],
            [(*what, where) for what, where in dict(self._under_lock).items()],
        )

    @property
    def held(self) -> list[TracedLock]:
        """The locks that the calling thread holds, in the order in which it took them."""
        try:
            return self._of_thread.held  # type: ignore[no-any-return]
        except AttributeError:
            held: list[TracedLock] = []
            self._of_thread.held = held
            return held

    def waits_for(self, lock: TracedLock) -> None:
        """Note that the calling thread is about to take the lock, and has others."""
        held = self.held
        if lock not in held:
            for other in held:
                if (other.name, lock.name) not in self._order:
                    self._order[other.name, lock.name] = self._stack(sys._getframe(2))

    def has_taken(self, lock: TracedLock) -> None:
        """Note that the calling thread has the lock."""
        held = self.held
        held.append(lock)
        self._acquired[lock.name] += 1
        if len(set(held)) > len(self._deepest):
            self._deepest = list(dict.fromkeys(each.name for each in held))

    def _note_collection(self, phase: str, _info: object) -> None:
        self._of_thread.collects = phase == "start"

    def _look(self, frame: FrameType, event: str, called: Any) -> None:
        """Note what a thread does that holds a lock; the profile function of each thread.

        Not what destructors do in a garbage collection, which can begin anywhere; the locks that they take are noted.
        """
        held = self.held
        if not held or getattr(self._of_thread, "collects", False):
            return
        if event == "call":
            self._note_call(frame, held[-1])
        elif event == "c_call" and _is_wait(frame, called):
            own = getattr(frame.f_locals["self"], "_lock", None)  # a condition gives it back meanwhile
            if others := [lock for lock in held if lock is not own]:
                self._note("wait", f"threading.{frame.f_code.co_qualname}", others[-1], frame)
        elif event == "c_call" and (what := _blocking(called)) is not None:
            self._note(*what, held[-1], frame)

    def _note_call(self, frame: FrameType, lock: TracedLock) -> None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _LOGGING:
            self._note("log line", "", lock, frame)
        elif frame.f_code.co_filename.startswith(self._package):
            file = frame.f_code.co_filename.removeprefix(self._package)
            if _room(file) != _room(lock.name):
                self._note("call", f"{file}:{frame.f_code.co_qualname}", lock, frame)

    def _note(self, kind: str, what: str, lock: TracedLock, frame: FrameType) -> None:
        key = (kind, what, lock.name)
        if key not in self._under_lock:
            self._under_lock[key] = self._stack(frame)

    def _place(self, frame: FrameType) -> str | None:
        """The file and line of the package; None for one of another file."""
        file = frame.f_code.co_filename
        return f"{file.removeprefix(self._package)}:{frame.f_lineno}" if file.startswith(self._package) else None

    def _stack(self, frame: FrameType | None) -> list[str]:
        found: list[str] = []
        while frame is not None and len(found) < _FRAMES:
            if (place := self._place(frame)) is not None:
                found.append(f"{place} {frame.f_code.co_qualname}")
            frame = frame.f_back
        return found


class TracedLock:
    """A lock as `threading` has it, which tells its tracer who takes it."""

    def __init__(self, lock: Any, name: str, tracer: LockTracer) -> None:
        self._lock = lock
        self._tracer = tracer
        self.name = name

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002
        """Take it; one that does not wait for it blocks no other, in any order."""
        if blocking:
            self._tracer.waits_for(self)
        taken: bool = self._lock.acquire(blocking, timeout)
        if taken:
            self._tracer.has_taken(self)
        return taken

    def release(self) -> None:
        """Give it back."""
        self._tracer.held.remove(self)
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()


class TracedRLock(TracedLock):
    """The same for one that its thread may take again, with what a condition asks of it."""

    def _is_owned(self) -> bool:
        return self in self._tracer.held

    def _release_save(self) -> int:
        times = self._tracer.held.count(self)
        for _ in range(times):
            self.release()
        return times

    def _acquire_restore(self, times: int) -> None:
        for _ in range(times):
            self.acquire()


def _room(file: str) -> str:
    """The folder of the package in which a file is; empty for one beside the folders."""
    return file.rpartition("/")[0].partition("/")[0]


def _is_wait(frame: FrameType, called: Any) -> bool:
    """Whether a thread waits for another one in this frame, which may be the other one's end."""
    code, waits = frame.f_code, ("wait", "_wait_for_tstate_lock")
    return called.__name__ == "acquire" and code.co_filename == threading.__file__ and code.co_name in waits


def _blocking(called: Any) -> tuple[str, str] | None:
    """What a function that is written in C may wait for, and its name."""
    name, module, owner = called.__name__, called.__module__, type(called.__self__)
    if (module, name) == ("time", "sleep"):
        return "wait", "time.sleep"
    if (owner.__name__, name) in (("SimpleQueue", "get"), ("_ThreadHandle", "join")):
        return "wait", f"{owner.__name__}.{name}"
    if module in _SYSTEM_CALLS and name not in _NO_SYSTEM_CALLS:
        return "I/O", f"{module}.{name}"
    if module in _FILES and name in ("open", "open_code"):
        return "I/O", name
    bases = {base.__name__: base.__module__ for base in owner.__mro__}
    if not _CHANNELS.isdisjoint(bases.values()) and _IN_MEMORY.isdisjoint(bases):
        return "I/O", f"{owner.__name__}.{name}"
    return None
