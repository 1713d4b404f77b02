"""What becomes of lines on descriptors of every kind: all of them real."""

import fcntl
import os
import pty
import resource
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from exporter.core.log_writer import LogWriter
from tests.no_new_threads import no_new_threads
from tests.pipes import Pipe, fill
from tests.waiting import PATIENCE_S, wait_until

STOP, GO_ON = b"\x13", b"\x11"  # Ctrl-S, Ctrl-Q


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def room(lines: int, longest: str) -> int:
    """The bytes that so many of these lines take while they wait."""
    return lines * sys.getsizeof(longest.encode())


def onto_full_disk(pipe: Pipe) -> None:
    """Let the pipe's descriptor stand for a file on a disk without space."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        os.dup2(full.fileno(), pipe.into)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """While inside, no file of this process grows beyond this size, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def started() -> Iterator[Callable[..., LogWriter]]:
    """Makes writers with a thread, which ends with the test."""
    writers: list[LogWriter] = []

    def start(descriptor: int, most_bytes: int = 10_000_000, **parts: Any) -> LogWriter:
        writer = LogWriter(descriptor, most_bytes=most_bytes, **{"most_bytes_unread": most_bytes, **parts})
        writer.start(report=lambda count: writer.write(f"dropped {count}\n"))
        writers.append(writer)
        return writer

    yield start
    for writer in writers:
        writer.close()
        assert writer._thread is not None
        writer._thread.join()


def test_the_caller_writes_where_no_thread_was_started(pipe: Pipe) -> None:
    """The line is there when the call returns."""
    writer = LogWriter(pipe.into)
    written = writer.write("one\n"), writer.write("two\nthree\n")

    assert pipe.read() == ["one", "two", "three"]
    assert written == (4, 10)


def test_lines_of_many_threads_come_whole_and_in_order(pipe: Pipe, started: Callable[..., LogWriter]) -> None:
    """None is lost while they are read, however long; those of one thread keep their order."""
    writer = started(pipe.into)
    lengths = (1, 100, select.PIPE_BUF - 12, 3 * select.PIPE_BUF)

    def write(name: str) -> None:
        for number in range(200):
            writer.write(f"{name} {number:03} {'x' * lengths[number % 4]}\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    wait_until("all lines have come", lambda: len(pipe.read()) == 800)
    for thread in threads:
        thread.join()

    for name in "abcd":
        own = [line for line in pipe.read() if line.startswith(name)]
        assert own == [f"{name} {number:03} {'x' * lengths[number % 4]}" for number in range(200)]
    assert writer.dropped == 0


def test_one_write_holds_as_many_whole_lines_as_a_pipe_takes(pipe: Pipe) -> None:
    """So no other process can write between the parts of a line."""
    fill(pipe.into)
    writer = LogWriter(pipe.into)
    for number in range(100):
        writer.write(f"{number:0100}\n")
    os.read(pipe.out, select.PIPE_BUF)  # room for one write
    writer.write("the next caller\n")

    assert pipe.read() == [f"{number:0100}" for number in range(select.PIPE_BUF // 101)]


def test_a_long_line_is_written_as_the_pipe_takes_it(pipe: Pipe) -> None:
    """A caller never waits for the reader, who gets the whole line."""
    fill(pipe.into)
    writer = LogWriter(pipe.into)
    os.read(pipe.out, select.PIPE_BUF)
    writer.write("x" * 3 * select.PIPE_BUF + "\n")
    for _ in range(2):
        os.read(pipe.out, select.PIPE_BUF)
        writer.write("y\n")
    pipe.read()
    writer.write("z\n")

    assert pipe.read() == ["x" * 3 * select.PIPE_BUF, "y", "y", "z"]


def test_the_newest_lines_are_dropped_when_too_many_wait(pipe: Pipe, started: Callable[..., LogWriter]) -> None:
    """The first ones come when the pipe is read again, and a line that counts those of all others."""
    fill(pipe.into)
    writer = started(pipe.into, room(10, "00\n"))
    for number in range(20):
        writer.write(f"{number:02}\n")
    writer.write("20\n" * 10)
    dropped = writer.dropped

    assert pipe.read_until("dropped 20") == [*(f"{number:02}" for number in range(10)), "dropped 20"]
    assert dropped == writer.dropped == 20


def test_a_log_that_is_not_read_may_wait_in_a_smaller_room(pipe: Pipe, started: Callable[..., LogWriter]) -> None:
    """So it shows soon that lines are lost; while it is read, many more than that may come at once."""
    writer = started(pipe.into, most_bytes_unread=room(1, "dropped 1\n"))

    def drops_another() -> bool:
        before = writer.dropped
        writer.write("late\n")
        return writer.dropped > before

    for times in (1, 2):
        fill(pipe.into)
        writer.write("".join(f"{number}\n" for number in range(100)))
        assert writer.dropped == times - 1
        wait_until("a line is dropped", drops_another)
        wait_until("that is reported", lambda: pipe.read().count("dropped 1") == times)  # noqa: B023 — in this turn

    assert [line for line in pipe.read() if line.isdigit()] == [str(number) for number in range(100)] * 2


def test_a_drop_is_reported_once(pipe: Pipe, started: Callable[..., LogWriter]) -> None:
    """Each time that writing works again, with the lines since the last time."""
    writer = started(pipe.into, room(1, "dropped 1\n"))
    for count in (1, 2):
        fill(pipe.into)
        for text in ("kept\n", *["dropped\n"] * count):
            writer.write(text)
        pipe.read_until(f"dropped {count}")
    writer.write("last\n")

    assert pipe.read_until("last") == ["kept", "dropped 1", "kept", "dropped 2", "last"]
    assert writer.dropped == 3


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(onto_full_disk, id="full disk"),
        pytest.param(lambda pipe: os.close(pipe.out), id="pipe without a reader"),
        pytest.param(lambda pipe: os.close(pipe.into), id="closed"),
    ],
)
def test_a_line_that_cannot_be_written_is_dropped(
    pipe: Pipe, started: Callable[..., LogWriter], fail: Callable[[Pipe], object]
) -> None:
    """It is counted, and later ones are written when that works again."""
    writer, again = started(pipe.into), Pipe()
    fail(pipe)
    writer.write("lost\n")
    wait_until("it is counted", lambda: writer.dropped == 1)
    os.dup2(again.into, pipe.into)
    writer.write("one\n")

    assert again.read_until("dropped 1") == ["one", "dropped 1"]
    assert writer.dropped == 1
    again.close()


@pytest.mark.parametrize(
    ("size", "left"),
    [pytest.param(10, "one\ntwo\nth\n", id="in a line"), pytest.param(8, "one\ntwo\n", id="after one")],
)
def test_an_error_halfway_leaves_the_next_line_whole(tmp_path: Path, size: int, left: str) -> None:
    """On a disk that becomes full the beginning of a line may stay; the next one that fits stands by itself."""
    file = tmp_path / "log"
    with file.open("wb", buffering=0) as log:
        writer = LogWriter(log.fileno())
        with largest_file(size):
            writer.write("one\ntwo\nthree\n")
            writer.write("four\n")
        writer.write("five\n")
        writer.write("six\n")

    assert file.read_text() == f"{left}five\nsix\n"
    assert writer.dropped == 2


def test_a_stopped_terminal_costs_nothing_but_time() -> None:
    """After Ctrl-S lines wait, and after Ctrl-Q they come."""
    terminal, program = pty.openpty()
    try:
        writer = LogWriter(program)
        os.write(terminal, STOP)
        wait_until("the terminal stops", lambda: not writer._poll.poll(0))
        writer.write("one\n")
        os.write(terminal, GO_ON)
        wait_until("the terminal goes on", lambda: writer._poll.poll(0))
        writer.write("two\n")

        assert os.read(terminal, 100) == b"one\r\ntwo\r\n"
        assert writer.isatty()
    finally:
        os.close(terminal)
        os.close(program)


def test_the_descriptor_stays_as_it_was(pipe: Pipe) -> None:
    """Other processes may have it too, and expect that a write waits."""
    before = fcntl.fcntl(pipe.into, fcntl.F_GETFL)
    writer = LogWriter(pipe.into)
    writer.write("one\n")

    assert fcntl.fcntl(pipe.into, fcntl.F_GETFL) == before
    assert not before & os.O_NONBLOCK


def test_without_a_thread_to_be_had_the_caller_writes(pipe: Pipe) -> None:
    """It is not held up by a pipe that is not read, and writes what waits once it is."""
    writer = LogWriter(pipe.into, most_bytes=room(2, "three\n"))
    with no_new_threads():
        writer.start(report=lambda count: writer.write(f"dropped {count}\n"))
    writer.write("one\n")
    assert pipe.read() == ["one"]
    fill(pipe.into)
    for text in ("two\n", "three\n", "four\n"):
        writer.write(text)
    pipe.read()
    writer.write("five\n")

    assert pipe.read() == ["one", "two", "three", "dropped 2"]


def test_a_close_writes_what_waits(pipe: Pipe, started: Callable[..., LogWriter]) -> None:
    """By the thread or by the caller."""
    for writer in (started(pipe.into, patience_s=PATIENCE_S), LogWriter(pipe.into)):
        pipe.received = b""
        fill(pipe.into)
        for number in range(200):
            writer.write(f"{number}\n")
        pipe.read()
        writer.close()
        assert pipe.read() == [str(number) for number in range(200)]


def test_a_close_writes_what_waits_after_an_error(pipe: Pipe, started: Callable[..., LogWriter]) -> None:
    """The thread pauses then, tries once more, and has ended."""
    writer, again = started(pipe.into, patience_s=PATIENCE_S), Pipe()
    onto_full_disk(pipe)
    writer.write("lost\n")
    wait_until("it is counted", lambda: writer.dropped == 1)
    os.dup2(again.into, pipe.into)
    writer.write("one\n")
    writer.close()

    assert writer._thread is not None
    assert not writer._thread.is_alive()
    assert again.read()[:1] == ["one"]
    again.close()


def test_a_close_gives_up_on_a_pipe_that_is_not_read(pipe: Pipe, started: Callable[..., LogWriter]) -> None:
    """Nothing is written to the descriptor afterwards, which may be another file by then."""
    with_thread, without = started(pipe.into), LogWriter(pipe.into)
    fill(pipe.into)
    for writer in (with_thread, without):
        writer.write("one\n")
        writer.close()
    thread = with_thread._thread
    assert thread is not None
    thread.join()

    assert pipe.read() == []


def test_a_destructor_may_log_at_any_moment(pipe: Pipe) -> None:
    """At each step of writing a line, another one can be written by the same thread."""
    writer = LogWriter(pipe.into)
    steps: list[int] = []

    def log_too(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and frame.f_code.co_filename == sys.modules[LogWriter.__module__].__file__:
            sys.settrace(None)
            steps.append(frame.f_lineno)
            writer.write(f"{len(steps)}\n")
            sys.settrace(log_too)
        return log_too

    before = sys.gettrace()
    sys.settrace(log_too)
    try:
        writer.write("outer\n")
    finally:
        sys.settrace(before)

    assert len(set(steps)) > 10
    assert sorted(pipe.read()) == sorted(["outer", *(str(number + 1) for number in range(len(steps)))])


def test_text_that_the_encoding_lacks_is_escaped(pipe: Pipe) -> None:
    """As Python does on standard error."""
    writer = LogWriter(pipe.into, encoding="ascii")
    writer.write("\u8d26 \ud800\n")

    assert pipe.read() == [r"\u8d26 \ud800"]
