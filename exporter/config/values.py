"""Values that several sections have: durations, numbers, addresses.

Durations have the form that Prometheus gives them (`1h30m`, `90s`, `500ms`, `0`): whole numbers with a unit each, the
larger unit first, each unit at most once. Source, read 2026-11-22:
https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations
"""

import ipaddress
import re
from typing import Annotated, TypeGuard

from pydantic import SecretStr, ValidationInfo

from exporter.config.checks import Accepts, refusal

_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# Twelve digits are 31 years in milliseconds: enough, and far from where a float loses whole milliseconds.
_FORM = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit in _MILLISECONDS))
PATTERN = "^(?!$)" + "".join(f"(?:[0-9]{{1,12}}{unit})?" for unit in _MILLISECONDS) + "$"
"""The same form for JSON Schema, without the `0` that needs no unit."""


def parse_duration(text: str) -> float:
    """Seconds, to the millisecond; ValueError when the text is no duration."""
    if text == "0":
        return 0.0
    match = _FORM.fullmatch(text)
    if not text or match is None:
        raise ValueError("not a duration")
    return sum(int(number) * _MILLISECONDS[unit] for unit, number in match.groupdict(default="0").items()) / 1000


def format_duration(seconds: float) -> str:
    """The duration in days and smaller units, to the millisecond: what `parse_duration` reads back."""
    left = milliseconds(seconds)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, _MILLISECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0"


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, for comparisons that must be exact (3 x 1.1 is not 3.3 among floats)."""
    return round(seconds * 1000)


def duration(shortest: str, longest: str) -> Accepts:
    """A duration between the two, both included, which turns into seconds."""
    low, high = milliseconds(parse_duration(shortest)), milliseconds(parse_duration(longest))
    accepted = f"a duration with its units, from {shortest} to {longest}"
    error = refusal(accepted)

    def check(value: object, _info: ValidationInfo) -> float:
        # YAML reads an unquoted 0 as a number; it is the only duration without a unit.
        written = "0" if value == 0 and not isinstance(value, bool) else value
        if not isinstance(written, str):
            raise error
        try:
            seconds = parse_duration(written)
        except ValueError:
            raise error from None
        if not low <= milliseconds(seconds) <= high:
            raise error
        return seconds

    return Accepts(accepted, check, {"type": "string", "pattern": PATTERN})


def whole_number(lowest: int, highest: int) -> Accepts:
    """A whole number between the two, both included."""
    accepted = f"a whole number from {lowest} to {highest}"

    def check(value: object, _info: ValidationInfo) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        raise refusal(accepted)

    return Accepts(accepted, check, {"minimum": lowest, "maximum": highest})


def is_positive(value: object, *, at_most: float) -> TypeGuard[float]:
    """Whether the value is a number above 0 and not above the limit."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= at_most


Flag = Annotated[bool, Accepts("true or false")]


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
_WEB_ADDRESS = re.compile(r"https?://[^\s\"'`<>{}\\/][^\s\"'`<>{}\\]*")
_PATH = re.compile(r"[!\"$-~]*")


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


def web_address(text: str) -> str:
    """The address of a page, as it is; ValueError where it cannot stand in a link as it is."""
    if not _WEB_ADDRESS.fullmatch(text):
        raise ValueError(f"seen {text!r}; accepted: http:// or https://, a host, and no space or any of \"'`<>{{}}\\")
    return text


def _endpoint(value: object, _info: ValidationInfo) -> str:
    if isinstance(value, str) and _is_origin(value):
        return value
    if isinstance(value, str) and set(value) & set("@?#"):
        # A password before the host, or a token behind it, must not be printed.
        raise refusal(_ENDPOINT_WORDS, seen="an address with more than a host and a port")
    raise refusal(_ENDPOINT_WORDS, text=True)


def _credentials_uri(value: object, _info: ValidationInfo) -> SecretStr:
    if isinstance(value, str):
        scheme, separator, rest = value.partition("://")
        host, slash, path = rest.partition("/")
        bracketed = host.startswith("[")  # the vendor's library, which calls it, cannot call IPv6 addresses
        if _is_origin(scheme + separator + host) and not bracketed and (not slash or _PATH.fullmatch(path)):
            return SecretStr(value)
    raise refusal(_URI_WORDS, text=True)


Endpoint = Annotated[str, Accepts(_ENDPOINT_WORDS, _endpoint, {"pattern": f"^{_ENDPOINT_SHAPE}$"})]
CredentialsAddress = Annotated[SecretStr, Accepts(_URI_WORDS, _credentials_uri, {"pattern": f"^{_URI_SHAPE}$"})]
"""Never shown: its path or query may hold a token."""
