"""Accepts connections and opens them, so that limits hold from accept on: in the TLS handshake, too."""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable

from exporter.core.logger import Logger, defect
from exporter.web.connections import Connection, Connections

_AT_ONCE = 64  # then it is the turn of those who are there
_PAUSE_S = 0.1
# A client that has got its answer has this long to say goodbye.
_TLS_GOODBYE_S = 1.0
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Gives every connection that comes in to a protocol of its own. Event loop only."""

    def __init__(
        self,
        listener: socket.socket,
        *,
        connections: Connections,
        protocol: Callable[[Connection], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext | None],
        log: Logger,
    ) -> None:
        self._listener = listener
        self._connections = connections
        self._protocol = protocol
        self._context = context
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)  # noqa: FBT003 — the standard library's way
        self._resume()

    def close(self) -> None:
        """Nobody is accepted any more."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)

    def _resume(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for tried in range(_AT_ONCE):
            try:
                sock, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _FULL:
                    # The system wants a file before it looks whether anybody waits: after another that came in,
                    # it may be that nobody does, and that one would be the first to go.
                    if tried == 0:
                        self._connections.shed()
                    self._wait_for_room()
                    return
                continue  # a client that left in the queue
            sock.setblocking(False)  # noqa: FBT003 — the standard library's way
            connection = self._connections.admit(sock)
            connection.opening(self._loop.create_task(self._open(connection, sock)))

    def _wait_for_room(self) -> None:
        """The system has no file left: those that wait come a little later."""
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(_PAUSE_S, self._resume)

    async def _open(self, connection: Connection, sock: socket.socket) -> None:
        context = self._context()
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._protocol(connection),
                sock,
                ssl=context,
                ssl_handshake_timeout=self._connections.limits.asking_s if context is not None else None,
                ssl_shutdown_timeout=_TLS_GOODBYE_S if context is not None else None,
            )
        except OSError:
            return  # it left, or spoke no TLS that we speak: every stranger can do that, so nothing is said
        except Exception as error:  # noqa: BLE001 — whatever went wrong, the others are served
            self._log.log(logging.ERROR, "connection could not be opened", **defect(error))
