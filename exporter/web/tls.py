"""TLS as the web configuration file wants it: what clients are shown, and what they must show."""

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exporter.config import TlsServer

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_POLICIES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class TlsFilesError(ValueError):
    """The files that the configuration names cannot be used for TLS."""

    key: str
    """That of `tls_server_config` to look at."""
    reason: str
    """In words; nothing of what the files hold."""

    def __init__(self, key: str, *, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason


def build_context(configuration: TlsServer) -> ssl.SSLContext:
    """A context for connections that come in; reads the files. Raises TlsFilesError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[configuration.min_version]
    context.maximum_version = _VERSIONS[configuration.max_version]
    if configuration.cipher_suites and not configuration.openssl_suites:
        context.minimum_version = ssl.TLSVersion.TLSv1_3  # none of TLS 1.2 is wanted
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


def files_of(configuration: TlsServer) -> tuple[Path, ...]:
    """The files whose change makes another context of the same configuration."""
    files = (configuration.cert_file, configuration.key_file, configuration.client_ca_file)
    return tuple(file for file in files if file is not None)


def names_in(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The alternative names of a client's certificate, as `SSLSocket.getpeercert` has it: DNS, e-mail, IP and URI."""
    return frozenset(_names(certificate))


def _names(certificate: Mapping[str, Any]) -> Iterator[str]:
    for kind, name in certificate.get("subjectAltName", ()):
        if kind == "IP Address":
            yield str(ipaddress.ip_address(name.strip()))
        elif kind in ("DNS", "email", "URI"):
            yield name


def _load_certificate(context: ssl.SSLContext, configuration: TlsServer) -> None:
    try:
        # Without a password of ours, OpenSSL would ask the terminal for the one of an encrypted key.
        context.load_cert_chain(configuration.cert_file, configuration.key_file, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsFilesError("key_file", reason="a key that does not belong to cert_file") from None
        raise TlsFilesError(
            "cert_file", reason="no certificate in PEM, or no key of it without a passphrase"
        ) from None
    except OSError as error:
        raise TlsFilesError("cert_file", reason=(error.strerror or "unreadable").lower()) from error


def _load_authorities(context: ssl.SSLContext, configuration: TlsServer) -> None:
    key = "client_ca_file" if configuration.client_ca_file else "client_ca"
    if configuration.client_ca_file is None and configuration.client_ca is None:
        return
    try:
        context.load_verify_locations(cafile=configuration.client_ca_file, cadata=configuration.client_ca)
    except ssl.SSLError:
        raise TlsFilesError(key, reason="no certificates in PEM") from None
    except (OSError, ValueError) as error:
        raise TlsFilesError(key, reason=getattr(error, "strerror", None) or "no certificates in PEM") from error
