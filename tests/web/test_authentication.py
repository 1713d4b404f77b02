"""Names and passwords."""

import asyncio
import base64
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest

from exporter.web.authentication import Login, Passwords, Verdict, login_in
from tests.waiting import PATIENCE_S

USERS = {name: bcrypt.hashpw(password, bcrypt.gensalt(4)) for name, password in (("alice", b"one"), ("bob", b"two"))}
LONG = "x" * 72
CLIENT = "127.0.0.1"


def with_passwords(story: Callable[[Passwords], Coroutine[Any, Any, None]]) -> None:
    """Runs the story on an event loop of its own."""

    async def told() -> None:
        await story(Passwords(key=b"key", executor=executor))

    with ThreadPoolExecutor(1) as executor:
        asyncio.run(told())


@pytest.mark.parametrize(
    ("header", "login"),
    [
        pytest.param(b"Basic YTpi", Login("a", b"b"), id="plain"),
        pytest.param(b"bAsIc  YTpi ", Login("a", b"b"), id="case and blanks"),
        pytest.param(b"Basic YTpiOmM=", Login("a", b"b:c"), id="colon in the password"),
        pytest.param(b"Basic Og==", Login("", b""), id="nothing on both sides"),
        pytest.param(b"Basic " + base64.b64encode("ü:ü".encode()), Login("ü", "ü".encode()), id="utf-8"),
        pytest.param(None, None, id="no header"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"Basic", None, id="scheme alone"),
        pytest.param(b"Bearer YTpi", None, id="another scheme"),
        pytest.param(b"Basic YQ==", None, id="no colon"),
        pytest.param(b"Basic YTpi!", None, id="no base64"),
        pytest.param(b"Basic YTp", None, id="padding missing"),
        pytest.param(b"Basic /zpi", None, id="name not utf-8"),
        pytest.param("Basic YTpï".encode("latin-1"), None, id="not ascii"),
    ],
)
def test_login_in_a_header(header: bytes | None, login: Login | None) -> None:
    """A header of the scheme Basic has a name and a password; anything else has none, and raises nothing."""
    assert login_in(header) == login


def test_a_login_does_not_show_its_password() -> None:
    """Not even to those who print it."""
    assert "hunter2" not in repr(Login("a", b"hunter2"))


@pytest.mark.parametrize(
    ("name", "password", "verdict"),
    [
        pytest.param("alice", b"one", Verdict.RIGHT, id="right"),
        pytest.param("alice", b"two", Verdict.WRONG, id="password of another"),
        pytest.param("alice", b"", Verdict.WRONG, id="no password"),
        pytest.param("Alice", b"one", Verdict.WRONG, id="another case"),
        pytest.param("carol", b"one", Verdict.WRONG, id="unknown name, password of one"),
        pytest.param("carol", b"two", Verdict.WRONG, id="unknown name, password of the other"),
        pytest.param("alice", b"one\0", Verdict.WRONG, id="NUL"),
        pytest.param("alice\0", b"one", Verdict.WRONG, id="NUL in the name"),
        pytest.param("alice", b"o" * 73, Verdict.WRONG, id="too long for bcrypt"),
        pytest.param("alice", b"o" * 1_000_000, Verdict.WRONG, id="a megabyte"),
    ],
)
def test_check(name: str, password: bytes, verdict: Verdict) -> None:
    """Only the password of that user is right, the first time and when it is remembered."""

    async def story(passwords: Passwords) -> None:
        for _ in range(2):
            assert await passwords.check(Login(name, password), USERS, client=CLIENT) is verdict

    with_passwords(story)


def test_the_longest_password_counts_whole() -> None:
    """All of the 72 bytes that bcrypt knows are compared."""
    users = {"alice": bcrypt.hashpw(LONG.encode(), bcrypt.gensalt(4))}

    async def story(passwords: Passwords) -> None:
        for password, verdict in ((LONG, Verdict.RIGHT), (LONG[:-1] + "y", Verdict.WRONG)):
            assert await passwords.check(Login("alice", password.encode()), users, client=CLIENT) is verdict

    with_passwords(story)


def test_what_is_no_hash_matches_nothing() -> None:
    """A text that only looks like a hash locks its user out."""

    async def story(passwords: Passwords) -> None:
        users = {"alice": b"$2b$04$short"}
        assert await passwords.check(Login("alice", b""), users, client=CLIENT) is Verdict.WRONG

    with_passwords(story)


def test_a_new_password_ends_the_old_one() -> None:
    """What is remembered is remembered of one hash, and of a user who is still there."""

    async def story(passwords: Passwords) -> None:
        login = Login("alice", b"one")
        assert await passwords.check(login, USERS, client=CLIENT) is Verdict.RIGHT
        assert await passwords.check(login, {**USERS, "alice": USERS["bob"]}, client=CLIENT) is Verdict.WRONG
        assert await passwords.check(login, {"bob": USERS["bob"]}, client=CLIENT) is Verdict.WRONG
        assert await passwords.check(login, USERS, client=CLIENT) is Verdict.RIGHT

    with_passwords(story)


def test_a_refused_name_can_become_a_user() -> None:
    """What was wrong of an unknown name is right once there is such a user, even with the hash it was checked by."""

    async def story(passwords: Passwords) -> None:
        users = {"alice": USERS["alice"]}
        login = Login("carol", b"one")
        assert await passwords.check(login, users, client=CLIENT) is Verdict.WRONG
        assert await passwords.check(login, {"carol": USERS["alice"]}, client=CLIENT) is Verdict.RIGHT

    with_passwords(story)


def test_an_unknown_name_costs_what_a_known_one_costs() -> None:
    """A name without a hash is checked against one all the same: the time it takes shows no user."""
    users = {"alice": bcrypt.hashpw(b"one", bcrypt.gensalt(8))}

    async def story(passwords: Passwords) -> None:
        async def spent_by_the_worker() -> float:
            return await asyncio.get_running_loop().run_in_executor(passwords._executor, time.thread_time)

        moments = [await spent_by_the_worker()]
        for name in ("alice", "carol"):
            assert await passwords.check(Login(name, b"guess"), users, client=CLIENT) is Verdict.WRONG
            moments.append(await spent_by_the_worker())
        known, unknown = moments[1] - moments[0], moments[2] - moments[1]
        assert unknown > known / 4

    with_passwords(story)


class Noting(ThreadPoolExecutor):
    """One thread, which begins once it is let go; notes the passwords that it checks."""

    def __init__(self) -> None:
        super().__init__(1)
        self.checked: list[bytes] = []
        self.let_go = threading.Event()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def noted() -> Any:
            assert self.let_go.wait(PATIENCE_S)
            self.checked.append(args[0])
            return fn(*args, **kwargs)

        return super().submit(noted)


def checked_in_order(story: Callable[[Passwords, Noting], Coroutine[Any, Any, None]]) -> list[bytes]:
    """The passwords that were checked in a story, in their order; all of it waits behind one check."""

    async def told() -> None:
        passwords = Passwords(key=b"key", executor=executor)
        first = asyncio.create_task(passwords.check(Login("first", b"first"), USERS, client="first"))
        await asyncio.sleep(0)  # its check has begun
        async with asyncio.timeout(PATIENCE_S):
            await story(passwords, executor)
            assert await first is Verdict.WRONG

    with Noting() as executor:
        asyncio.run(told())
    return executor.checked[1:]


@pytest.mark.parametrize("names", [["alice"], ["root", "admin", "alice"]], ids=["the same name", "other names"])
@pytest.mark.parametrize("own", ["10.0.0.9", "10.0.0.1"], ids=["another address", "the same address"])
def test_the_right_password_comes_in_beside_eight_guessers(names: list[str], own: str) -> None:
    """It waits for one check of each of them at most, though each guesses again as soon as it has its answer."""

    async def story(passwords: Passwords, executor: Noting) -> None:
        stop = asyncio.Event()

        async def guess(guesser: int) -> None:
            number = 0
            while not stop.is_set():
                login = Login(names[number % len(names)], b"guess %d of %d" % (number, guesser))
                client = own if own == "10.0.0.1" else f"10.0.0.{guesser}"
                assert await passwords.check(login, USERS, client=client) is Verdict.WRONG
                number += 1

        guessers = [asyncio.create_task(guess(guesser)) for guesser in range(1, 9)]
        await asyncio.sleep(0)  # all of them wait
        right = asyncio.create_task(passwords.check(Login("alice", b"one"), USERS, client=own))
        await asyncio.sleep(0)
        executor.let_go.set()
        assert await right is Verdict.RIGHT
        stop.set()
        await asyncio.gather(*guessers)

    assert checked_in_order(story).index(b"one") <= 8


def test_checks_that_wait_are_bounded() -> None:
    """As many wait as there can be connections; what is known already waits for nothing, nor is it turned away."""

    async def story(passwords: Passwords, executor: Noting) -> None:
        flood = [
            asyncio.create_task(passwords.check(Login("alice", b"%d" % number), USERS, client="10.0.0.1"))
            for number in range(300)
        ]
        await asyncio.sleep(0)  # each task has run to its first wait
        late = asyncio.create_task(passwords.check(Login("alice", b"one"), USERS, client="10.0.0.2"))
        await asyncio.sleep(0)
        executor.let_go.set()
        assert await late is Verdict.RIGHT
        verdicts = await asyncio.gather(*flood)
        assert verdicts == [Verdict.WRONG] * 255 + [Verdict.BUSY] * 45
        assert await passwords.check(Login("alice", b"one"), USERS, client="10.0.0.1") is Verdict.RIGHT

    assert checked_in_order(story).count(b"one") == 1


def test_the_same_login_is_checked_once() -> None:
    """However many clients of one network send it, and though it waits for another network too."""

    async def story(passwords: Passwords, executor: Noting) -> None:
        clients = ["2001:db8::1"] * 10 + ["2001:db8::2"] * 10 + ["2001:db8:0:1::1"]
        checks = [passwords.check(Login("alice", b"one"), USERS, client=client) for client in clients]
        running = [asyncio.create_task(check) for check in checks]
        await asyncio.sleep(0)
        assert len(passwords._waiting) == 2
        executor.let_go.set()
        assert await asyncio.gather(*running) == [Verdict.RIGHT] * 21

    assert checked_in_order(story) == [b"one"]


def test_a_client_that_leaves_is_known_when_it_comes_again() -> None:
    """Its check is made, so that a scrape that timed out behind guesses is not the first one for ever."""

    async def story(passwords: Passwords, executor: Noting) -> None:
        login = Login("alice", b"one")
        impatient = asyncio.create_task(passwords.check(login, USERS, client=CLIENT))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        executor.let_go.set()
        assert await passwords.check(Login("bob", b"behind it"), USERS, client=CLIENT) is Verdict.WRONG
        assert await passwords.check(login, USERS, client=CLIENT) is Verdict.RIGHT

    assert checked_in_order(story) == [b"one", b"behind it"]


def test_guesses_push_out_no_password() -> None:
    """However many wrong ones there were, a right one is still known."""

    async def story(passwords: Passwords) -> None:
        await passwords.check(Login("alice", b"one"), USERS, client=CLIENT)
        for number in range(300):
            await passwords.check(Login("alice", b"%d" % number), USERS, client=CLIENT)
        assert (len(passwords._right), len(passwords._wrong)) == (1, 256)

    with_passwords(story)


def test_what_is_remembered_tells_no_password() -> None:
    """Neither the password nor anything that could be guessed at without the key is kept."""

    async def story(passwords: Passwords) -> None:
        other = Passwords(key=b"another key", executor=passwords._executor)
        for each in (passwords, other):
            await each.check(Login("alice", b"one"), USERS, client=CLIENT)
        assert passwords._right.keys() != other._right.keys()
        assert b"one" not in b"".join(passwords._right)

    with_passwords(story)
