"""What the web configuration file says of TLS, users and headers, read anew when one of its files changes."""

import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config import ConfigurationError, Problem, WebConfiguration, load_web
from exporter.core.logger import Logger
from exporter.web.tls import TlsFilesError, build_context, files_of

_Stamp = tuple[int, int, int, int]
_Stamps = dict[Path, _Stamp | None]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What holds for a connection or request that comes now."""

    context: ssl.SSLContext | None = None
    """None: plain HTTP."""
    names: frozenset[str] = frozenset()
    """Of these a client's certificate must have one; empty: whatever `context` lets in."""
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Password hashes by user; empty: no passwords."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Of every answer; names in lower case."""


class WebConfigurationFile:
    """Keeps the settings of one file, or those of no file at all. ConfigurationError when the file cannot be used."""

    def __init__(self, path: Path | None, *, log: Logger) -> None:
        self._path = path
        self._log = log
        self._refused: str | None = None
        self.settings = WebSettings()
        """Those of now; replaced as a whole, and so safe to read from any thread."""
        self._read_as: _Stamps = {}
        if path is not None:
            self.settings, self._read_as = _load(path)
        self._last_look = self._read_as

    def look(self) -> None:
        """Read the files anew if they have changed, and have stayed the same since the last look.

        What cannot be used is logged and changes nothing. Call it from one thread, again and again.
        """
        now = {file: _stamp(file) for file in self._read_as}
        settled, self._last_look = now == self._last_look, now
        changed = now != self._read_as or self._refused is not None
        if self._path is None or not settled or not changed:
            return
        try:
            settings, read_as = _load(self._path)
            _refuse_weaker(self.settings, settings, source=str(self._path))
        except ConfigurationError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                self._log.log(logging.ERROR, "web configuration not reloaded", explanation=self._refused)
        else:
            self.settings, self._read_as, self._last_look, self._refused = settings, read_as, read_as, None
            self._log.log(logging.INFO, "web configuration reloaded", path=str(self._path))


def check_web_configuration(path: Path) -> WebConfiguration:
    """What the file says, once it and the files that it names have been found usable. Raises ConfigurationError."""
    _load(path)
    return load_web(path)


def _load(path: Path) -> tuple[WebSettings, _Stamps]:
    # Each stamp is taken before its file is read, so that no later change goes unseen.
    own = _stamp(path)
    configuration = load_web(path)
    tls = configuration.tls_server_config
    stamps = {path: own, **{file: _stamp(file) for file in (files_of(tls) if tls is not None else ())}}
    return _settings(configuration, path), stamps


def _settings(configuration: WebConfiguration, path: Path) -> WebSettings:
    tls = configuration.tls_server_config
    try:
        context = build_context(tls) if tls is not None else None
    except TlsFilesError as error:
        message = f"seen {error.reason}; accepted: files of one certificate, in PEM"
        problem = Problem(f"tls_server_config.{error.key}", None, message)
        raise ConfigurationError((problem,), source=str(path)) from error
    return WebSettings(
        context=context,
        names=frozenset(tls.client_allowed_sans) if tls is not None else frozenset(),
        users={name: secret.get_secret_value().encode() for name, secret in configuration.basic_auth_users.items()},
        headers=tuple((name.lower().encode(), value.encode()) for name, value in configuration.headers.items()),
    )


def _refuse_weaker(before: WebSettings, after: WebSettings, *, source: str) -> None:
    """A file that is cut short must not let in who was kept out: that takes a restart."""
    if weaker := _weaker(before, after):
        problem = Problem("(top level)", None, f"{weaker} while the exporter runs; restart it")
        raise ConfigurationError((problem,), source=source)


def _weaker(before: WebSettings, after: WebSettings) -> str | None:
    if (before.context is None) != (after.context is None):
        return "TLS cannot be switched on or off"
    if before.users and not after.users:
        return "the last user cannot be removed"
    if before.context is not None and after.context is not None:
        required = ssl.CERT_REQUIRED
        if before.context.verify_mode == required != after.context.verify_mode:
            return "client certificates cannot stop being required"
    return None


def _stamp(file: Path) -> _Stamp | None:
    """What changes when the file is written or replaced; None when there is none."""
    try:
        found = os.stat(file)  # noqa: PTH116 — follows links, as Kubernetes swaps them
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
