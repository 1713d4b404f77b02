"""The web configuration file: TLS, passwords and headers of our own server, in the format of exporter-toolkit.

Format and meaning, read on 2026-11-22:
https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
Keys of that format that our server does not support are refused by name; none is ignored.
"""

import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from exporter.config.checks import Accepts, Section, broken_rule, matching, one_of, refusal
from exporter.config.credentials import PlainFile
from exporter.config.values import Flag
from exporter.core.counts import counted

# Go's names, as the format has them, and OpenSSL's; of TLS 1.2.
_CIPHER_SUITES: Mapping[str, str] = MappingProxyType(
    {
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    }
)
# Those of TLS 1.3 may be named and are always on, as in Go.
_ALWAYS_ON = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_CURVES: Mapping[str, str] = MappingProxyType(
    {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
)
_CLIENT_AUTH_WORDS = (
    "NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert; "
    "to ask for a certificate and not to verify it is not supported"
)
# By the interpreter that runs this, which has bcrypt; htpasswd is on few machines and in no image.
_PRINTS_A_HASH = (
    f"{sys.executable} -c "
    "'import bcrypt, getpass; print(bcrypt.hashpw(getpass.getpass().encode(), bcrypt.gensalt(10)).decode())'"
)
_HASH_WORDS = f"a bcrypt hash with a cost from 4 to 16; this asks for a password and prints one: {_PRINTS_A_HASH}"
# A check at cost 16 takes some seconds; each step more doubles that, and a check cannot be interrupted.
_HASH = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")


def _hash(value: object, _info: ValidationInfo) -> SecretStr:
    if isinstance(value, str) and _HASH.fullmatch(value):
        return SecretStr(value)
    raise refusal(_HASH_WORDS, seen="something else (not shown)")


def _not_supported(sentence: str) -> Accepts:
    """Refuse any value of a key."""

    def refuse(_value: object, _info: ValidationInfo) -> NoReturn:
        raise broken_rule(sentence)

    return Accepts("nothing", refuse)


PasswordHash = Annotated[SecretStr, Accepts(_HASH_WORDS, _hash)]
UserName = Annotated[
    str, matching(re.compile(r"[^\x00-\x1f\x7f:]{1,256}"), "a name of up to 256 characters, without a colon")
]
TlsVersion = Annotated[Literal["TLS12", "TLS13"], Accepts("TLS12 or TLS13")]
Suite = Annotated[str, one_of((*_CIPHER_SUITES, *_ALWAYS_ON))]
Curve = Annotated[str, one_of(_CURVES)]
HeaderText = Annotated[str, matching(re.compile(r"[ -~]*"), "printable ASCII, or nothing in quotes for our own")]


class TlsServer(Section):
    """The server's certificate, and which ones clients need. Rules between keys stand at the later one."""

    cert: Annotated[None, _not_supported("inline certificates are not supported, use cert_file")] = None
    key: Annotated[None, _not_supported("inline keys are not supported, use key_file")] = None
    cert_file: PlainFile
    """The certificate and the chain above it, in PEM."""
    key_file: PlainFile
    """Its key, without a passphrase."""
    client_ca: Annotated[str | None, Accepts("certificates in PEM")] = None
    """Authorities that sign clients' certificates, in place of a file."""
    client_ca_file: PlainFile | None = None
    """The same in a file."""
    client_auth_type: Annotated[
        Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"], Accepts(_CLIENT_AUTH_WORDS)
    ] = Field(default="NoClientCert", validate_default=True)
    """Whether clients must show a certificate."""
    client_allowed_sans: Annotated[tuple[str, ...], Accepts("a list of names")] = ()
    """Names, addresses or URIs of which a client's certificate must have one; empty: any will do."""
    min_version: TlsVersion = "TLS12"
    """The oldest version that is spoken."""
    max_version: TlsVersion = Field(default="TLS13", validate_default=True)
    """The newest one; at least `min_version`."""
    cipher_suites: Annotated[tuple[Suite, ...], Accepts("a list of cipher suites")] = ()
    """For TLS 1.2; empty: what OpenSSL finds good."""
    prefer_server_cipher_suites: Flag = True
    """Whether our order of them counts, or the client's."""
    curve_preferences: Annotated[tuple[Curve, ...], Accepts("a list of one curve")] = ()
    """The curve for agreeing on keys; empty: what OpenSSL finds good."""

    @field_validator("client_ca_file")
    @classmethod
    def _one_source(cls, path: Any, info: ValidationInfo) -> Any:
        if path is not None and info.data.get("client_ca") is not None:
            raise broken_rule("set at most one of client_ca, client_ca_file; both are set")
        return path

    @field_validator("client_auth_type")
    @classmethod
    def _goes_with_authorities(cls, auth: str, info: ValidationInfo) -> str:
        if "client_ca" in info.data and "client_ca_file" in info.data:
            authorities = any(info.data[key] is not None for key in ("client_ca", "client_ca_file"))
            if authorities and auth == "NoClientCert":
                raise broken_rule(
                    "client_ca or client_ca_file is set, and NoClientCert would not use it; "
                    "use VerifyClientCertIfGiven or RequireAndVerifyClientCert"
                )
            if not authorities and auth != "NoClientCert":
                raise broken_rule(f"{auth} needs client_ca or client_ca_file; none is set")
        return auth

    @field_validator("client_allowed_sans")
    @classmethod
    def _needs_certificates(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if names and info.data.get("client_auth_type") in ("NoClientCert", "VerifyClientCertIfGiven"):
            raise broken_rule("client_allowed_sans needs client_auth_type: RequireAndVerifyClientCert")
        return names

    @field_validator("max_version")
    @classmethod
    def _not_below_the_oldest(cls, version: str, info: ValidationInfo) -> str:
        if version < info.data.get("min_version", version):
            raise broken_rule(f"max_version is below min_version, {info.data['min_version']}")
        return version

    @field_validator("cipher_suites")
    @classmethod
    def _leaves_some(cls, suites: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if (
            suites
            and info.data.get("max_version") == "TLS12"
            and not any(suite in _CIPHER_SUITES for suite in suites)
        ):
            raise broken_rule("max_version is TLS12, and no suite of TLS 1.2 is listed; list one")
        return suites

    @field_validator("curve_preferences")
    @classmethod
    def _one_curve(cls, curves: tuple[str, ...]) -> tuple[str, ...]:
        if len(curves) > 1:
            raise broken_rule("several curves are not supported, list one")
        return curves

    @property
    def openssl_suites(self) -> tuple[str, ...]:
        """Those of `cipher_suites` that are for TLS 1.2, as OpenSSL calls them."""
        return tuple(_CIPHER_SUITES[suite] for suite in self.cipher_suites if suite in _CIPHER_SUITES)

    @property
    def openssl_curve(self) -> str | None:
        """The curve, as OpenSSL calls it."""
        return _CURVES[self.curve_preferences[0]] if self.curve_preferences else None


class Headers(Section):
    """Headers of every answer, in place of the default ones."""

    content_security_policy: HeaderText = Field(default="", alias="Content-Security-Policy")
    x_frame_options: Annotated[str, one_of(("deny", "sameorigin", ""))] = Field(default="", alias="X-Frame-Options")
    x_content_type_options: Annotated[str, one_of(("nosniff", ""))] = Field(
        default="", alias="X-Content-Type-Options"
    )
    x_xss_protection: HeaderText = Field(default="", alias="X-XSS-Protection")
    strict_transport_security: HeaderText = Field(default="", alias="Strict-Transport-Security")


class HttpServer(Section):
    """HTTP settings."""

    http2: Annotated[Literal[False], Accepts("false; HTTP/2 is not supported")] = False
    headers: Headers = Field(default_factory=Headers)


class WebConfiguration(Section):
    """The web configuration file."""

    tls_server_config: TlsServer | None = None
    """None: plain HTTP."""
    http_server_config: HttpServer = Field(default_factory=HttpServer)
    basic_auth_users: Mapping[UserName, PasswordHash] = Field(default_factory=dict)
    """Password hashes by the name of the user; empty: no password is needed."""
    rate_limit: Annotated[None, _not_supported("limiting the rate of requests is not supported")] = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that the file gives, by their names."""
        given: dict[str, str] = self.http_server_config.headers.model_dump(by_alias=True)
        return {name: value for name, value in given.items() if value}


def protection(configuration: WebConfiguration | None) -> dict[str, str]:
    """Whether TLS is on, and what a client needs, in words; None: what holds without a file."""
    tls = configuration.tls_server_config if configuration else None
    needed = [
        *(["password"] if configuration and configuration.basic_auth_users else []),
        *(["client certificate"] if tls and tls.client_auth_type == "RequireAndVerifyClientCert" else []),
    ]
    return {"tls": "on" if tls else "off", "authentication": " and ".join(needed) or "none"}


def web_summary(configuration: WebConfiguration) -> str:
    """A few lines of plain text; no secrets."""
    tls, users = configuration.tls_server_config, len(configuration.basic_auth_users)
    spoken = f"TLS ({tls.min_version} to {tls.max_version}, {tls.client_auth_type})" if tls else "plain HTTP, no TLS"
    lines = [
        f"web: {spoken}",
        f"  basic authentication: {counted(users, 'user', 'users')}" if users else "  no passwords",
        *(f"  header {name}: {value}" for name, value in configuration.headers.items()),
    ]
    return "\n".join(lines)
