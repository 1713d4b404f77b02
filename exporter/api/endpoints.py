"""Where the vendor's endpoints are, and how each is reached: directly or through the environment's proxy."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

# The hosts are documented, except for the international ones of cdn and bss, which are in the vendor's clients:
# https://help.aliyun.com/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-endpoint
# https://www.alibabacloud.com/help/en/resource-management/resource-directory/developer-reference/api-resourcedirectorymaster-2022-04-19-endpoint
_ENDPOINTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "china": MappingProxyType(
            {
                "dcdn": "https://dcdn.aliyuncs.com",
                "cdn": "https://cdn.aliyuncs.com",
                "sts": "https://sts.aliyuncs.com",
                "resource_directory": "https://resourcedirectory.aliyuncs.com",
                "bss": "https://business.aliyuncs.com",
            }
        ),
        "international": MappingProxyType(
            {
                "dcdn": "https://dcdn.aliyuncs.com",
                "cdn": "https://cdn.ap-southeast-1.aliyuncs.com",
                "sts": "https://sts.aliyuncs.com",
                "resource_directory": "https://resourcedirectory-intl.aliyuncs.com",
                "bss": "https://business.ap-southeast-1.aliyuncs.com",
            }
        ),
    }
)
SITES: tuple[str, ...] = tuple(_ENDPOINTS)
_DIRECT: Mapping[str, str] = MappingProxyType({})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Route:
    """The URL of an endpoint; ``proxies`` is as in requests, empty for a direct connection."""

    url: str
    proxies: Mapping[str, str] = field(default_factory=lambda: _DIRECT, repr=False)  # can hold a password

    @property
    def host(self) -> str:
        """The Host header, with the port where it is not the scheme's own."""
        return urlsplit(self.url).netloc


def endpoints(site: str) -> Mapping[str, str]:
    """The vendor's URLs for accounts of a site, by the endpoint's name in operations."""
    return _ENDPOINTS[site]


def routes_of(site: str, named: Mapping[str, str], environ: Mapping[str, str]) -> Mapping[str, Route]:
    """The routes for accounts of a site; URLs in ``named`` replace the vendor's on every site."""
    return {name: route(named.get(name, url), environ) for name, url in endpoints(site).items()}


def route(url: str, environ: Mapping[str, str]) -> Route:
    """The route to an endpoint by ``https_proxy``, ``http_proxy``, ``all_proxy`` and ``no_proxy``, in either case.

    Loopback addresses never use a proxy. ``no_proxy`` is a list, separated by commas, of names (which include their
    subdomains, with or without a port), addresses, networks such as ``10.0.0.0/8``, or ``*``.
    """
    parts = urlsplit(url)
    proxy = _variable(environ, f"{parts.scheme}_proxy") or _variable(environ, "all_proxy")
    exceptions = (_variable(environ, "no_proxy") or "").split(",")
    if not proxy or is_loopback(parts.hostname or "") or any(_covers(item, parts) for item in exceptions):
        return Route(url)
    return Route(url, proxies=MappingProxyType({parts.scheme: proxy}))


def ca_bundle(environ: Mapping[str, str]) -> bool | str:
    """The CA bundle that the environment names; True for the packaged one."""
    return environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or True


def is_loopback(host: str) -> bool:
    """Whether the host is ``localhost`` or a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _variable(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(name) or environ.get(name.upper())


def _covers(exception: str, parts: SplitResult) -> bool:
    """Whether an item of ``no_proxy`` matches this host."""
    item = exception.strip().lower()
    host = parts.hostname or ""
    known = (host, f"{host}:{parts.port or _PORTS.get(parts.scheme)}")
    if item in ("*", *known):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = item.lstrip(".")
        return bool(name) and any(f".{own}".endswith(f".{name}") for own in known)
    try:
        return address in ipaddress.ip_network(item.strip("[]"), strict=False)
    except ValueError:
        return False
