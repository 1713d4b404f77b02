"""The HTTP server: uvicorn in its own thread, on sockets that we open."""

import asyncio
import ipaddress
import logging
import re
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from exporter.core.logger import Logger, defect
from exporter.core.memory import release_memory
from exporter.core.threads import start_thread
from exporter.web.authentication import Authentication, Passwords
from exporter.web.connections import Acceptor, Connection, Connections, Limits, Phase
from exporter.web.protocol import LimitedProtocol, PlainHttp
from exporter.web.threads import WebThreads
from exporter.web.web_configuration import WebConfigurationFile

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NUMERIC = re.compile(r"[0-9.]+")
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65535

# Longer than the usual scrape intervals, so that Prometheus keeps its connection from scrape to scrape.
_KEEP_ALIVE_S = 75
# A stop waits so long for answers under way before it cuts their connections.
_GRACE_S = 0.8
# So many turns of the event loop later, answers have noticed that their connection was cut.
_CUT_WITHIN_TURNS = 50
# Longer than a usual check of a password.
_THREADS_END_WITHIN_S = 0.5
_LOOK_EVERY_S = 1.0
# Clients that connect at the same moment queue here for the event loop; none should have to retry a second later.
_BACKLOG = 1024
# By then the sockets of closed connections are closed too.
_RELEASE_AFTER_S = 1.0
# Enough for the server's thread to end, even on a busy machine.
_STOP_LIMIT_S = 3.0


class WebServer:
    """Serves one application on one address, from `start` to `stop`.

    `listen_address` is read as `parse_listen_address` says; ValueError when it cannot be. `config_file` is the web
    configuration file, looked at every `look_every_s` seconds; ConfigurationError when it cannot be used. `threads`
    are those that the application works in; they are started and stopped with the server. One use only: a stopped
    server stays stopped. Start and stop it from one thread.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        listen_address: str,
        config_file: Path | None = None,
        limits: Limits | None = None,
        look_every_s: float = _LOOK_EVERY_S,
        threads: WebThreads | None = None,
        log: Logger,
    ) -> None:
        self._listen_address = listen_address
        self._host, self._port = parse_listen_address(listen_address)
        self._web = WebConfigurationFile(config_file, log=log)
        self._threads = threads or WebThreads()
        passwords = Passwords(key=secrets.token_bytes(32), executor=self._threads.passwords)
        self._app = Authentication(app, settings=lambda: self._web.settings, passwords=passwords)
        self._connections = Connections(limits or Limits(), drained=self._release_memory)
        self._look_every_s = look_every_s if config_file is not None else None
        self._log = log
        self._bound: str | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._settled = threading.Event()
        self._failure: BaseException | None = None

    @property
    def address(self) -> str:
        """Where the server listens, as `host:port`, port 0 being replaced; RuntimeError before `start`."""
        if self._bound is None:
            raise RuntimeError("the web server has no address before it was started")
        return self._bound

    def start(self) -> None:
        """Begin to answer requests; no answer needs a thread that has not been started here.

        Raises OSError, its `filename` being the listen address, when that is taken, not allowed, not of this machine
        or not resolvable, and NoThread. Other errors that keep the server from running are raised as they are.
        """
        if self._thread is not None:
            raise RuntimeError("the web server was started before")
        try:
            self._threads.start()
            self._serve(self._listen())
        except BaseException:
            self._threads.stop(within_s=_THREADS_END_WITHIN_S)
            raise

    def stop(self) -> None:
        """Close the address and the connections; a reload is broken off, other answers have 0.8 s to finish.

        Takes up to 1.5 s. Does nothing when the server is not running.
        """
        if self._server is None or self._thread is None:
            return
        self._threads.reloads.stop()
        self._server.should_exit = True
        self._thread.join(_GRACE_S)
        with suppress(RuntimeError):  # the loop is closed
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._end_answers, self._server)
        self._thread.join(_STOP_LIMIT_S)
        if self._thread.is_alive():
            self._log.log(
                logging.WARNING, "web server did not stop in time", address=self._bound, limit_s=_STOP_LIMIT_S
            )
        self._threads.stop(within_s=_THREADS_END_WITHIN_S)

    def call(self, function: Callable[[], object]) -> None:
        """Have the event loop call this at its next turn; a loop that is stuck or has ended does not. Never waits."""
        with suppress(RuntimeError):  # it has ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self, listener: socket.socket) -> None:
        self._bound = _written(listener)
        self._server = _Server(self._configuration(), connections=self._connections, web=self._web, log=self._log)
        self._thread = start_thread(partial(self._run, self._server, listener), name="web")
        self._settled.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def _listen(self) -> socket.socket:
        try:
            return _listener(self._host, self._port)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen: {error.strerror}", self._listen_address) from error

    def _configuration(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app,
            loop="uvloop",
            http=LimitedProtocol,
            ws="none",
            interface="asgi3",
            lifespan="off",
            workers=1,  # left out, it is read from the environment
            proxy_headers=False,
            log_config=None,
            log_level="error",  # it warns of every malformed request, so clients could fill the log
            access_log=False,
            server_header=False,
            headers=[("X-Content-Type-Options", "nosniff")],  # here, so that uvicorn's own answers carry it too
            timeout_keep_alive=_KEEP_ALIVE_S,
            callback_notify=self._report_serving,
        )

    async def _report_serving(self) -> None:
        # uvicorn calls this from the first turn of its main loop on, every half minute.
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            if self._look_every_s is not None:
                self._looking = self._loop.create_task(self._look(self._look_every_s))
        self._settled.set()

    def _end_answers(self, server: uvicorn.Server) -> None:
        """End answers that wait for a client that does not read, then those that are not made yet."""
        self._connections.cut_all()
        self._cancel_answers(server, after_turns=_CUT_WITHIN_TURNS)

    def _cancel_answers(self, server: uvicorn.Server, *, after_turns: int) -> None:
        if after_turns:
            cancel = partial(self._cancel_answers, server, after_turns=after_turns - 1)
            asyncio.get_running_loop().call_soon(cancel)
            return
        for answer in tuple(server.server_state.tasks):
            answer.cancel()

    def _release_memory(self) -> None:
        if self._server is not None and not self._server.should_exit:
            asyncio.get_running_loop().call_later(_RELEASE_AFTER_S, self._threads.pages.submit, release_memory)

    async def _look(self, every_s: float) -> None:
        """Look for changes of the web configuration file, again and again."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads.reloads, self._web.look)
            except Exception as error:  # noqa: BLE001 — the settings read before stay in use
                self._log.log(logging.ERROR, "web configuration could not be looked at", **defect(error))

    def _run(self, server: uvicorn.Server, listener: socket.socket) -> None:
        try:
            server.run(sockets=[listener])
        except BaseException as failure:  # noqa: BLE001  uvicorn leaves by SystemExit too; start() raises it again
            self._failure = failure
            if self._settled.is_set():
                self._log.log(logging.ERROR, "web server failed", address=self._bound, **defect(failure))
        finally:
            listener.close()
            self._settled.set()


class _Server(uvicorn.Server):
    """uvicorn behind our own acceptor: limits hold from accept on, and TLS can change while it runs."""

    def __init__(
        self, config: uvicorn.Config, *, connections: Connections, web: WebConfigurationFile, log: Logger
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._web = web
        self._log = log
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections to the sockets."""
        await super().startup(sockets=[])  # uvicorn itself listens to none
        self._acceptors = [
            Acceptor(
                listener,
                connections=self._connections,
                protocol=self._protocol,
                plain_http=PlainHttp,
                context=lambda: self._web.settings.context,
                log=self._log,
            )
            for listener in sockets or ()
        ]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, close connections without a request, and give the others time to end."""
        for acceptor in self._acceptors:
            acceptor.close()
        self._connections.cut_all(Phase.REQUEST)
        await super().shutdown(sockets=sockets)

    def _protocol(self, connection: Connection) -> LimitedProtocol:
        return LimitedProtocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            connection=connection,
            names=self._web.settings.names,
        )


def parse_listen_address(text: str) -> tuple[str | None, int]:
    """Host and port of `host:port`, `1.2.3.4:port`, `[IPv6]:port` or `:port`; port 0 lets the kernel choose.

    Host None stands for every address of the machine. ValueError, in words for the user, for anything else.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"listen address {text!r} has no port: expected host:port or :port")
    if not _PORT.fullmatch(port) or int(port) > _HIGHEST_PORT:
        raise ValueError(f"listen address {text!r}: the port must be a number from 0 to {_HIGHEST_PORT}")
    if not host:
        return None, int(port)
    return _checked_host(host, text), int(port)


def _checked_host(host: str, text: str) -> str:
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise ValueError(f"listen address {text!r}: an IPv6 address must stand in brackets, as in [::1]:10520")
    try:
        if bracketed:
            return str(ipaddress.IPv6Address(host[1:-1]))
        if _NUMERIC.fullmatch(host):
            return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise ValueError(f"listen address {text!r}: {error}") from error
    if not _HOST_NAME.fullmatch(host):
        raise ValueError(f"listen address {text!r}: {host!r} is neither an IP address nor a host name")
    return host


def _listener(host: str | None, port: int) -> socket.socket:
    """A socket that listens; a name that has several addresses gets its first one, of IPv4 if there is any."""
    if host in (None, "::") and socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
    if host is None:
        return socket.create_server(("0.0.0.0", port), backlog=_BACKLOG)  # noqa: S104 — ":port" means every address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    return socket.create_server(address, family=family, backlog=_BACKLOG)


def _written(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
