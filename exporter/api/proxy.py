"""The proxies of the environment: which of them leads to an endpoint, and whether they can be used.

    HTTPS_PROXY, HTTP_PROXY    the proxy for endpoints of this scheme
    ALL_PROXY                  the proxy where the scheme's own variable is not set
    NO_PROXY                   what is called directly

The names are in either case, and the lower one counts first. An empty variable is not set.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, unquote, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

PORTS: Mapping[str, int] = MappingProxyType({"http": 80, "https": 443})
_ACCEPTED = (
    "HOST:PORT, http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before HOST if needed (as %XX: @/?#%)"
)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")


def check_proxies(environ: Mapping[str, str]) -> None:
    """Raise ValueError, with a line for each variable that names a proxy which cannot be used."""
    problems = []
    for name in _read(environ):
        try:
            _proxy(environ, name)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError("\n".join(problems))


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The URL of the proxy that leads to this URL; None: it is called directly, as loopback addresses always are.

    ``no_proxy`` lists, between commas or spaces, names (``aliyuncs.com``, ``.aliyuncs.com`` and ``*.aliyuncs.com``
    stand for that name and all below it), addresses, both with or without a port, networks such as ``10.0.0.0/8``, or
    ``*``. Quotes, a scheme, and a dot or slash at the end change nothing.
    Raises ValueError for a proxy that cannot be used.
    """
    parts = urlsplit(url)
    exceptions = _value(environ, "no_proxy").replace(",", " ").split()
    if is_loopback(parts.hostname or "") or any(_covers(item, parts) for item in exceptions):
        return None
    names = (name for scheme in (parts.scheme, "all") for name in _both_cases(f"{scheme}_proxy"))
    name = next((name for name in names if environ.get(name)), None)
    return None if name is None else _proxy(environ, name)


def is_loopback(host: str) -> bool:
    """Whether the host is ``localhost`` or a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def with_port(parts: SplitResult) -> str:
    """HOST:PORT of a URL, also where the port is the scheme's own."""
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or PORTS.get(parts.scheme)}"


def _read(environ: Mapping[str, str]) -> Iterator[str]:
    """The variables that are set and read: by us, or by the vendor's library for credentials."""
    of_schemes = [name for scheme in PORTS for name in _both_cases(f"{scheme}_proxy") if environ.get(name)]
    yield from of_schemes
    if not any(name.casefold() == "https_proxy" for name in of_schemes):  # plain http leads to loopback alone
        yield from (name for name in _both_cases("all_proxy") if environ.get(name))


def _both_cases(name: str) -> tuple[str, str]:
    return name, name.upper()


def _value(environ: Mapping[str, str], name: str) -> str:
    return next((value for each in _both_cases(name) if (value := environ.get(each))), "")


def _proxy(environ: Mapping[str, str], name: str) -> str:
    """The URL of the proxy in this variable; raises ValueError, which names no part of it but its scheme."""
    text = environ[name].strip()
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme["scheme"].lower() not in PORTS:
        seen = f"seen a proxy of the kind {scheme['scheme']}://, which is not supported"
        raise ValueError(f"{name}: {seen}; accepted: {_ACCEPTED}")
    url = text if scheme is not None else f"http://{text}"
    if not _is_usable(url):
        raise ValueError(f"{name}: seen a value that is no address of a proxy; accepted: {_ACCEPTED}")
    return url


def _is_usable(url: str) -> bool:
    try:
        parts = parse_url(url)
        unquote(parts.auth or "").encode("latin-1")  # as it will be sent
    except (LocationParseError, UnicodeError):
        return False
    without_spaces = "".join(url.split()) == url  # urllib3 2.2 lets them pass in names
    leads_somewhere = bool(parts.host) and parts.port != 0
    return leads_somewhere and without_spaces and parts.path in (None, "/") and not (parts.query or parts.fragment)


def _covers(exception: str, parts: SplitResult) -> bool:
    """Whether an item of ``no_proxy`` matches this host."""
    item = exception.lower().strip("'\"").rpartition("://")[2].rstrip("/")
    host = parts.hostname or ""
    known = (host, with_port(parts))
    if item in ("*", *known):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = item.removeprefix("*").strip(".")
        return bool(name) and any(f".{own}".endswith(f".{name}") for own in known)
    try:
        return address in ipaddress.ip_network(item.strip("[]"), strict=False)
    except ValueError:
        return False
