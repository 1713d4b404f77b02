"""Checks names and passwords and adds headers, as the web configuration says, around the whole application.

bcrypt checks passwords in a thread, one at a time, in the order of the queue of logins.
"""

import asyncio
import base64
import binascii
import enum
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

import bcrypt
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.login_queue import LoginQueue, network_of
from exporter.web.web_configuration import WebSettings

_PASSWORD_BYTES = 72  # bcrypt accepts no more
_REMEMBERED = 256
# As many as there are connections: a client that waits for its answer is turned away only where others left theirs.
_WAITING = 256
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


@dataclass(frozen=True, slots=True, eq=False)
class _Check:
    """A login whose password is to be checked."""

    password: bytes = field(repr=False)
    password_hash: bytes = field(repr=False)
    mark: bytes
    of_a_user: bool
    verdict: asyncio.Future[Verdict]


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
        self._waiting: LoginQueue[_Check] = LoginQueue(limit=_WAITING)
        self._under_way: dict[tuple[str, bytes], asyncio.Future[Verdict]] = {}
        self._checking: asyncio.Task[None] | None = None

    async def check(self, login: Login, users: Mapping[str, bytes], *, client: str) -> Verdict:
        """Whether the login is a user's; `client` is the address that sends it.

        An unknown name costs the same check as a known one. A check that has begun to wait is made even if the client
        leaves, so that the same login is known when it comes again.
        """
        if not login.can_be_right:
            return Verdict.WRONG
        password_hash = users.get(login.name) or self._stand_in(login.name, users)
        mark = self._mark(login, password_hash, known=login.name in users)
        if (known := self._remembered(mark)) is not None:
            return known
        place = network_of(client), mark
        if place not in self._under_way:
            verdict = self._under_way[place] = asyncio.get_running_loop().create_future()
            verdict.add_done_callback(lambda _: self._under_way.pop(place))
            check = _Check(login.password, password_hash, mark, login.name in users, verdict)
            dropped = self._waiting.put(place[0], login.name, check)
            if dropped is not None:
                dropped.verdict.set_result(Verdict.BUSY)
            if self._checking is None or self._checking.done():
                self._checking = asyncio.create_task(self._check_waiting())
        try:
            return await asyncio.shield(self._under_way[place])
        except asyncio.CancelledError:  # the server stops
            return Verdict.BUSY

    async def _check_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while (check := self._waiting.take()) is not None:
            verdict = self._remembered(check.mark)
            if verdict is None:
                matches = await loop.run_in_executor(self._executor, _matches, check.password, check.password_hash)
                verdict = Verdict.RIGHT if matches and check.of_a_user else Verdict.WRONG
                self._remember(self._right if verdict is Verdict.RIGHT else self._wrong, check.mark)
            check.verdict.set_result(verdict)

    def _remembered(self, mark: bytes) -> Verdict | None:
        for known, verdict in ((self._right, Verdict.RIGHT), (self._wrong, Verdict.WRONG)):
            if mark in known:
                known.move_to_end(mark)
                return verdict
        return None

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
    except Exception:  # noqa: BLE001 — it has the form of a hash, and is none; the next login is checked in any case
        return False
