"""Names and passwords."""

import asyncio
import base64
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest

from exporter.web.authentication import Login, Passwords, Verdict, login_in

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
    """A name without a hash is checked against one all the same: nobody learns by the clock who is a user."""
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


def test_checks_that_wait_are_few() -> None:
    """One client has four checks at a time and all have 64; what is known already waits for nothing."""

    async def story(passwords: Passwords) -> None:
        assert await passwords.check(Login("alice", b"one"), USERS, client="prometheus") is Verdict.RIGHT
        flood = [
            asyncio.create_task(
                passwords.check(Login("alice", b"%d" % number), USERS, client=f"10.0.0.{number // 5}")
            )
            for number in range(100)
        ]
        await asyncio.sleep(0)  # each task has run to its first wait
        assert await passwords.check(Login("alice", b"one"), USERS, client="prometheus") is Verdict.RIGHT
        verdicts = [await check for check in flood]
        assert verdicts.count(Verdict.WRONG) == 64
        assert verdicts.count(Verdict.BUSY) == 36
        assert [verdicts[number] for number in range(4, 80, 5)] == [Verdict.BUSY] * 16
        assert await passwords.check(Login("alice", b"100"), USERS, client="10.0.0.1") is Verdict.WRONG

    with_passwords(story)


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
