"""TLS, users and headers from the web configuration file, read anew when one of its files changes."""

import ipaddress
import logging
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter.config import ConfigurationError, Problem, TlsServer, WebConfiguration, load_web
from exporter.core.logger import Logger

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_POLICIES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

_Stamp = tuple[int, int, int, int]
_Stamps = dict[Path, _Stamp | None]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The settings for new connections and requests."""

    context: ssl.SSLContext | None = None
    """None: plain HTTP."""
    names: frozenset[str] = frozenset()
    """A client's certificate must have one of these names; empty: any certificate that `context` accepts."""
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Password hashes by user; empty: no passwords."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Added to every answer; names in lower case."""


class WebConfigurationFile:
    """Keeps the settings of a file, or the defaults without one; ConfigurationError when the file cannot be used."""

    def __init__(self, path: Path | None, *, log: Logger) -> None:
        self._path = path
        self._log = log
        self._refused: str | None = None
        self.settings = WebSettings()
        """The current ones; replaced as a whole, so any thread may read them."""
        self._read_as: _Stamps = {}
        if path is not None:
            self.settings, self._read_as = _load(path)
        self._last_look = self._read_as

    def look(self) -> None:
        """Read the files anew if they have changed, and have stayed the same since the last look.

        Files that cannot be used are logged and change nothing. To be called from one thread, again and again.
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
    """The content of the file; ConfigurationError when it, or a file that it names, cannot be used."""
    _load(path)
    return load_web(path)


def _load(path: Path) -> tuple[WebSettings, _Stamps]:
    # Each stamp is taken before its file is read, so that no later change is missed.
    own = _stamp(path)
    configuration = load_web(path)
    tls = configuration.tls_server_config
    stamps = {path: own, **{file: _stamp(file) for file in (_files_of(tls) if tls is not None else ())}}
    return _settings(configuration, path), stamps


def _settings(configuration: WebConfiguration, path: Path) -> WebSettings:
    tls = configuration.tls_server_config
    try:
        context = _context(tls) if tls is not None else None
    except _TlsFilesError as error:
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
    """A file that is cut short must not open the server to everyone; that takes a restart."""
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
    """Differs once the file is written or replaced; None when there is no file."""
    try:
        found = os.stat(file)  # noqa: PTH116 — follows links, as Kubernetes swaps them
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


class _TlsFilesError(Exception):
    """A file cannot be used for TLS: `reason` says why without its content, `key` is the setting that names it."""

    def __init__(self, key: str, *, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason


class TlsSession(ssl.SSLObject):
    """TLS in which the server can still answer a client that has ended its own side.

    The event loop ends both sides as soon as it reads such an end (close_notify), though since TLS 1.3 the other side
    goes on. So `ended` is called in place of that, once, if it is set.
    """

    ended: Callable[[], object] | None = None

    def read(self, *arguments: Any) -> Any:
        """As documented of SSLObject."""
        read = super().read(*arguments)
        if not read and self.ended is not None:
            ended, self.ended = self.ended, None
            ended()
            raise ssl.SSLWantReadError("the client has ended its side")
        return read


def _context(configuration: TlsServer) -> ssl.SSLContext:
    """The context for incoming connections, with the certificates of the files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = TlsSession
    context.minimum_version = _VERSIONS[configuration.min_version]
    context.maximum_version = _VERSIONS[configuration.max_version]
    if configuration.cipher_suites and not configuration.openssl_suites:
        context.minimum_version = ssl.TLSVersion.TLSv1_3  # no suite of TLS 1.2 is configured
    if configuration.openssl_suites:
        context.set_ciphers(":".join(configuration.openssl_suites))
    if not configuration.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if configuration.openssl_curve:
        context.set_ecdh_curve(configuration.openssl_curve)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    _load_certificate(context, configuration)
    _load_authorities(context, configuration)
    context.verify_mode = _POLICIES[configuration.client_auth_type]
    return context


def _files_of(configuration: TlsServer) -> tuple[Path, ...]:
    files = (configuration.cert_file, configuration.key_file, configuration.client_ca_file)
    return tuple(file for file in files if file is not None)


def names_in(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The alternative names (DNS, e-mail, IP, URI) in a client's certificate, as `SSLSocket.getpeercert` gives it."""
    return frozenset(_names(certificate))


def _names(certificate: Mapping[str, Any]) -> Iterator[str]:
    for kind, name in certificate.get("subjectAltName", ()):
        if kind == "IP Address":
            yield str(ipaddress.ip_address(name.strip()))
        elif kind in ("DNS", "email", "URI"):
            yield name


def _load_certificate(context: ssl.SSLContext, configuration: TlsServer) -> None:
    try:
        # Without a password from us, OpenSSL asks for the one of an encrypted key on the terminal.
        context.load_cert_chain(configuration.cert_file, configuration.key_file, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _TlsFilesError("key_file", reason="a key that does not belong to cert_file") from None
        raise _TlsFilesError(
            "cert_file", reason="no certificate in PEM, or no key of it without a passphrase"
        ) from None
    except OSError as error:
        raise _TlsFilesError("cert_file", reason=(error.strerror or "unreadable").lower()) from error


def _load_authorities(context: ssl.SSLContext, configuration: TlsServer) -> None:
    key = "client_ca_file" if configuration.client_ca_file else "client_ca"
    if configuration.client_ca_file is None and configuration.client_ca is None:
        return
    try:
        context.load_verify_locations(cafile=configuration.client_ca_file, cadata=configuration.client_ca)
    except ssl.SSLError:
        raise _TlsFilesError(key, reason="no certificates in PEM") from None
    except (OSError, ValueError) as error:
        raise _TlsFilesError(key, reason=getattr(error, "strerror", None) or "no certificates in PEM") from error
