"""Addresses that the exporter calls: encrypted, or on this machine."""

import ipaddress
import re
from typing import Annotated

from pydantic import BeforeValidator, SecretStr

from exporter.config.refusals import Accepts, refusal

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?",
)
_HIGHEST_PORT = 65_535
_HTTP_WORDS = "http:// to 127.0.0.0/8, [::1] and localhost only"
_ENDPOINT_WORDS = f"https://HOST or https://HOST:PORT and nothing after it; {_HTTP_WORDS}"
_URI_WORDS = (
    "https://HOST or https://HOST:PORT, then a path or nothing, no # in it; "
    "http:// to 127.0.0.0/8 and localhost only; no IPv6 addresses"
)
# The same for editors, a little wider: they need not see a wrong port or address.
_HOST, _PORT = r"[A-Za-z0-9.-]+", r"(?::[0-9]{1,5})?"
_LOOPBACK, _LOCALHOST = r"127(?:\.[0-9]{1,3}){3}", r"[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]"
_ENDPOINT_SHAPE = rf"(?:https://(?:{_HOST}|\[[0-9A-Fa-f:.]+\])|http://(?:{_LOOPBACK}|\[[0:]+1\]|{_LOCALHOST})){_PORT}"
_URI_SHAPE = rf"(?:https://{_HOST}|http://(?:{_LOOPBACK}|{_LOCALHOST})){_PORT}(?:/[!-~]*)?"
_PATH = re.compile(r"/[!-~]*")


def _is_origin(value: str) -> bool:
    match = _ORIGIN.fullmatch(value)
    if match is None or (match["port"] and not 1 <= int(match["port"]) <= _HIGHEST_PORT):
        return False
    host, encrypted = match["host"], match["scheme"] == "https"
    try:
        address = ipaddress.IPv6Address(host[1:-1]) if host.startswith("[") else ipaddress.IPv4Address(host)
    except ValueError:
        return not host.startswith("[") and (encrypted or host.lower() == "localhost")
    return encrypted or address.is_loopback


def _endpoint(value: object) -> str:
    if isinstance(value, str) and _is_origin(value):
        return value
    if isinstance(value, str) and set(value) & set("@?#"):
        # A password before the host, or a token behind it, must not be printed.
        raise refusal(_ENDPOINT_WORDS, seen="an address with more than a host and a port")
    raise refusal(_ENDPOINT_WORDS, kind="text_refused")


def _credentials_uri(value: object) -> SecretStr:
    if isinstance(value, str):
        scheme, separator, rest = value.partition("://")
        host, slash, path = rest.partition("/")
        bracketed = host.startswith("[")  # the vendor's library, which calls it, cannot call IPv6 addresses
        if _is_origin(scheme + separator + host) and not bracketed and (not slash or _is_path(slash + path)):
            return SecretStr(value)
    raise refusal(_URI_WORDS, kind="text_refused")


def _is_path(text: str) -> bool:
    return _PATH.fullmatch(text) is not None and "#" not in text


Endpoint = Annotated[
    str, BeforeValidator(_endpoint), Accepts(_ENDPOINT_WORDS, shape={"pattern": f"^{_ENDPOINT_SHAPE}$"})
]
CredentialsAddress = Annotated[
    SecretStr, BeforeValidator(_credentials_uri), Accepts(_URI_WORDS, shape={"pattern": f"^{_URI_SHAPE}$"})
]
"""Never shown, for its path or query may hold a token."""
