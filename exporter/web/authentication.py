"""Who is answered at all, and with which headers, by the web configuration: around the whole application."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.passwords import Passwords, Verdict, login_in
from exporter.web.web_configuration import WebSettings

_ALREADY_THERE = b"x-content-type-options"  # the server gives it to every answer
_REFUSALS = {
    Verdict.WRONG: (
        401,
        (b"www-authenticate", b'Basic realm="dcdn-exporter", charset="UTF-8"'),
        b"A name and a password are needed here.\n",
    ),
    Verdict.BUSY: (503, (b"retry-after", b"1"), b"Too many passwords wait to be checked.\n"),
}


class Authentication:
    """An application that answers whom the settings let in, and adds their headers."""

    def __init__(self, app: ASGIApp, *, settings: Callable[[], WebSettings], passwords: Passwords) -> None:
        self._app = app
        self._settings = settings
        self._passwords = passwords

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request is answered, by the application or by a refusal."""
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
