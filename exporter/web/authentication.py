"""Checks names and passwords and adds headers, as the web configuration says, around the whole application.

bcrypt checks passwords in a thread, one at a time.
"""

import asyncio
import base64
import binascii
import enum
import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

import bcrypt
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.web_configuration import WebSettings

_PASSWORD_BYTES = 72  # bcrypt accepts no more
_REMEMBERED = 256
_WAITING = 64
_WAITING_OF_ONE_CLIENT = 4
_ALREADY_THERE = b"x-content-type-options"  # the server adds it to every answer


class Verdict(enum.Enum):
    """The result of a check."""

    RIGHT = "right"
    WRONG = "wrong"
    BUSY = "busy"
    """Too many checks are waiting."""


_REFUSALS = {
    Verdict.WRONG: (
        401,
        (b"www-authenticate", b'Basic realm="dcdn-exporter", charset="UTF-8"'),
        b"A name and a password are needed here.\n",
    ),
    Verdict.BUSY: (503, (b"retry-after", b"1"), b"Too many passwords wait to be checked.\n"),
}


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password as a client sent them."""

    name: str
    password: bytes = field(repr=False)

    @property
    def can_be_right(self) -> bool:
        """Whether a hash of such a password, and a user of such a name, can exist."""
        return len(self.password) <= _PASSWORD_BYTES and b"\0" not in self.password and "\0" not in self.name


def login_in(authorization: bytes | None) -> Login | None:
    """The login in an Authorization header of the scheme Basic (RFC 7617); None where there is none."""
    scheme, _, encoded = (authorization or b"").strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return Login(name.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


class Passwords:
    """Checks logins in the executor's thread and remembers the results. For one event loop.

    `key` is random and secret.
    """

    def __init__(self, *, key: bytes, executor: Executor) -> None:
        self._key = key
        self._executor = executor
        self._right: OrderedDict[bytes, None] = OrderedDict()
        # Apart, so that wrong guesses do not evict right logins.
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Future[bool]] = {}
        self._waiting: Counter[str] = Counter()

    async def check(self, login: Login, users: Mapping[str, bytes], *, client: str) -> Verdict:
        """Whether the login is a user's; each `client` may have a few checks waiting, so that others get theirs.

        An unknown name costs the same check as a known one.
        """
        if not login.can_be_right:
            return Verdict.WRONG
        password_hash = users.get(login.name) or self._stand_in(login.name, users)
        mark = self._mark(login, password_hash, known=login.name in users)
        for known, verdict in ((self._right, Verdict.RIGHT), (self._wrong, Verdict.WRONG)):
            if mark in known:
                known.move_to_end(mark)
                return verdict
        if self._waiting[client] >= _WAITING_OF_ONE_CLIENT or self._waiting.total() >= _WAITING:
            return Verdict.BUSY
        self._waiting[client] += 1
        try:
            matches = await asyncio.shield(self._checked(mark, login.password, password_hash))
        finally:
            self._waiting[client] -= 1
            self._waiting += Counter()  # drops clients with none waiting
        right = matches and login.name in users
        self._remember(self._right if right else self._wrong, mark)
        return Verdict.RIGHT if right else Verdict.WRONG

    def _checked(self, mark: bytes, password: bytes, password_hash: bytes) -> "asyncio.Future[bool]":
        """The running check of this login, or a new one."""
        if mark not in self._under_way:
            future = asyncio.get_running_loop().run_in_executor(self._executor, _matches, password, password_hash)
            self._under_way[mark] = future
            future.add_done_callback(lambda _: self._under_way.pop(mark, None))
        return self._under_way[mark]

    def _mark(self, login: Login, password_hash: bytes, *, known: bool) -> bytes:
        """The key under which a login is remembered: it changes with the hash and does not reveal the password."""
        content = b"\0".join((login.name.encode(), b"known" if known else b"", password_hash, login.password))
        return hashlib.blake2b(content, key=self._key, digest_size=32).digest()

    def _stand_in(self, name: str, users: Mapping[str, bytes]) -> bytes:
        """A hash of some user, always the same for a name, so that an unknown name takes as long as a known one."""
        number = int.from_bytes(hashlib.blake2b(name.encode(), key=self._key, digest_size=8).digest(), "big")
        return users[sorted(users)[number % len(users)]]

    def _remember(self, marks: OrderedDict[bytes, None], mark: bytes) -> None:
        marks[mark] = None
        if len(marks) > _REMEMBERED:
            marks.popitem(last=False)


class Authentication:
    """An application that answers only requests that the settings allow, and adds their headers."""

    def __init__(self, app: ASGIApp, *, settings: Callable[[], WebSettings], passwords: Passwords) -> None:
        self._app = app
        self._settings = settings
        self._passwords = passwords

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request by the application or by a refusal."""
        settings = self._settings()
        if settings.headers:
            send = _with_headers(send, settings.headers)
        verdict = await self._verdict(scope, settings)
        if verdict is Verdict.RIGHT:
            await self._app(scope, receive, send)
        else:
            await _refuse(send, verdict)

    async def _verdict(self, scope: Scope, settings: WebSettings) -> Verdict:
        if not settings.users:
            return Verdict.RIGHT
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        login = login_in(given[0]) if len(given) == 1 else None
        if login is None:
            return Verdict.WRONG
        client = scope.get("client") or ("", 0)
        return await self._passwords.check(login, settings.users, client=client[0])


async def _refuse(send: Send, verdict: Verdict) -> None:
    status, header, body = _REFUSALS[verdict]
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        header,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send, given: tuple[tuple[bytes, bytes], ...]) -> Send:
    names = {name for name, _ in given}
    added = [header for header in given if header[0] != _ALREADY_THERE]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [header for header in message["headers"] if header[0].lower() not in names]
            message = {**message, "headers": [*own, *added]}
        await send(message)

    return send_with_headers


def _matches(password: bytes, password_hash: bytes) -> bool:
    try:
        return bcrypt.checkpw(password, password_hash)
    except ValueError:  # it has the form of a hash, and is none
        return False
