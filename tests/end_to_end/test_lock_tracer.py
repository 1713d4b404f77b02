"""What the tracer of locks sees: small modules do under a lock what nothing may do there, and what anything may."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.lock_tracer import LockTracer, problems

if TYPE_CHECKING:
    from pathlib import Path

LOCKS = """\
import gc, logging, os, queue, socket, sys, threading, time
A = threading.Lock()
B = threading.Lock()
C = threading.RLock()
D = threading.Condition()
def made(): return threading.Lock()
def own(): pass
class Dying:
    def __del__(self): os.stat('.')
"""
A, B, C, D, MADE = (f"one/locks.py:{line}" for line in range(2, 7))
FORBIDDEN = {
    "another order": ("with A, B: pass\nwith B, A: pass", [f"taken in a circle: {[B, A, B]}"]),
    "another order over a third lock": (
        "with A, B: pass\nwith B, C: pass\nwith C, A: pass",
        [f"taken in a circle: {[B, C, A, B]}"],
    ),
    "two locks of one place": ("with made(), made(): pass", [f"taken in a circle: {[MADE, MADE]}"]),
    "four locks": ("with A, B, C, D: pass", [f"4 locks at a time: {[A, B, C, D]}"]),
    "a log line": ("with A: logging.getLogger('planted').debug('a line')", [f"log line under {A}"]),
    "a look at a file": ("with B: os.stat('.')", [f"I/O posix.stat under {B}"]),
    "a file": (
        "with A: open(__file__).close()",
        [f"I/O open under {A}", f"I/O TextIOWrapper.close under {A}"],
    ),
    "a socket": ("s = socket.socket()\nwith C: s.close()", [f"I/O socket.close under {C}"]),
    "a socket of a class of its own": (
        "class Own(socket.socket): pass\ns = Own()\nwith A: s.close()",
        [f"I/O Own.close under {A}"],
    ),
    "a pause": ("with A: time.sleep(0)", [f"wait time.sleep under {A}"]),
    "an event": ("with A: threading.Event().wait(0.001)", [f"wait threading.Condition.wait under {A}"]),
    "an event that another lock keeps from coming": (
        "with A, D: D.wait(0.001)",
        [f"wait threading.Condition.wait under {A}"],
    ),
    "the start of a thread": (
        # While no other thread takes over, so that it has to be waited for.
        "sys.setswitchinterval(1)\nwith A: threading.Thread(target=own).start()\nsys.setswitchinterval(0.005)",
        [f"wait threading.Condition.wait under {A}"],
    ),
    "a queue": ("q = queue.SimpleQueue()\nq.put(1)\nwith A: q.get()", [f"wait SimpleQueue.get under {A}"]),
    "a destructor": ("with A: Dying()", [f"I/O posix.stat under {A}"]),
    "another room": ("with A: other()", [f"call two/other.py:other under {A}"]),
    "in another thread": (
        "def run():\n  with A: other()\nt = threading.Thread(target=run)\nt.start()\nt.join()",
        [f"call two/other.py:other under {A}"],
    ),
    "under the inner one of two": ("with A, B: other()", [f"call two/other.py:other under {B}"]),
}
ALLOWED = {
    "one order": "with A, B: pass\nwith B, C: pass\nwith A, C: pass",
    "a lock that is not waited for": "with A, B: pass\nwith B: A.acquire(blocking=False)\nA.release()",
    "a lock twice": "with C, A, C: pass",
    "three locks": "with A, B, C: pass",
    "work of its own room": "with A: own()",
    "a file in memory": "with A: __import__('io').StringIO('text').read()",
    "a queue that is put into": "with A: queue.SimpleQueue().put(1)",
    "its own event": "with D: D.wait(0.001)",
    "its own event, with the lock twice": "with D, D: D.wait(0.001)",
    "a destructor in a garbage collection": "d = Dying()\nd.itself = d\ndel d\nwith A: gc.collect()",
    "all that without a lock": "other(), time.sleep(0), os.stat('.'), logging.getLogger('planted').debug('a line')",
    "a lock of another module": "f = __import__('concurrent.futures').futures.Future()\nf.set_result(1)\nf.result()",
}


def seen(folder: Path, code: str) -> list[str]:
    """The problems with what the code does, which has the locks of room one and a function of room two."""
    for room, name, text in (("one", "locks", LOCKS + code), ("two", "other", "def other(): pass")):
        (folder / room).mkdir()
        (folder / room / f"{name}.py").write_text(text)
    tracer = LockTracer(folder)
    other = runpy.run_path(str(folder / "two" / "other.py"))["other"]
    with tracer.installed():
        runpy.run_path(str(folder / "one" / "locks.py"), {"other": other})
    return problems(tracer.trace())


@pytest.mark.parametrize(("code", "expected"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_seen(tmp_path: Path, code: str, expected: list[str]) -> None:
    """Each breach of the rules is a problem, with its locks."""
    assert [problem.partition(", from ")[0] for problem in seen(tmp_path, code)] == expected


@pytest.mark.parametrize("code", ALLOWED.values(), ids=ALLOWED)
def test_what_is_no_problem(tmp_path: Path, code: str) -> None:
    """What breaks no rule is not reported."""
    assert seen(tmp_path, code) == []


def test_a_problem_says_from_where(tmp_path: Path) -> None:
    """It names the places on the way, the innermost first."""
    code = "def inner():\n  with A: other()\ndef outer(): inner()\nouter()"

    [problem] = seen(tmp_path, code)
    places = "two/other.py:1 other < one/locks.py:11 inner < one/locks.py:12 outer < one/locks.py:13 <module>"
    assert problem == f"call two/other.py:other under {A}, from {places}"


def test_locks_are_counted(tmp_path: Path) -> None:
    """Each time that one is taken, by the place that made it, be it again by the same thread or after a wait."""
    (tmp_path / "one").mkdir()
    file = tmp_path / "one" / "locks.py"
    file.write_text(LOCKS + "with A, C, C: pass\nwith D: D.wait(0.001)\nwith made(): pass\nwith made(): pass")
    tracer = LockTracer(tmp_path)
    with tracer.installed():
        runpy.run_path(str(file))

    assert tracer.trace().acquired == {A: 1, C: 2, D: 2, MADE: 2}
