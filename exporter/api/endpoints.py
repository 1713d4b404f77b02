"""Where the vendor's endpoints are, and how each is reached: directly or through the environment's proxy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from exporter.api.proxy import proxy_for, with_port

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
                "esa": "https://esa.cn-hangzhou.aliyuncs.com",
            }
        ),
        "international": MappingProxyType(
            {
                "dcdn": "https://dcdn.aliyuncs.com",
                "cdn": "https://cdn.ap-southeast-1.aliyuncs.com",
                "sts": "https://sts.aliyuncs.com",
                "resource_directory": "https://resourcedirectory-intl.aliyuncs.com",
                "bss": "https://business.ap-southeast-1.aliyuncs.com",
                "esa": "https://esa.ap-southeast-1.aliyuncs.com",
            }
        ),
    }
)
SITES: tuple[str, ...] = tuple(_ENDPOINTS)
_DIRECT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Route:
    """The URL of an endpoint; ``proxies`` is as in requests, empty for a direct connection."""

    url: str
    proxies: Mapping[str, str] = field(default_factory=lambda: _DIRECT, repr=False)  # can hold a password

    @property
    def host(self) -> str:
        """The Host header, with the port where it is not the scheme's own."""
        return urlsplit(self.url).netloc

    @property
    def address(self) -> str:
        """HOST:PORT of the endpoint."""
        return with_port(urlsplit(self.url))

    @property
    def proxy_address(self) -> str | None:
        """HOST:PORT of the proxy; None for a direct connection."""
        return next((with_port(urlsplit(proxy)) for proxy in self.proxies.values()), None)


def endpoints(site: str) -> Mapping[str, str]:
    """The vendor's URLs for accounts of a site, by the endpoint's name in operations."""
    return _ENDPOINTS[site]


def routes_of(site: str, named: Mapping[str, str], environ: Mapping[str, str]) -> Mapping[str, Route]:
    """The routes for accounts of a site; URLs in ``named`` replace the vendor's on every site."""
    return {name: route(named.get(name, url), environ) for name, url in endpoints(site).items()}


def route(url: str, environ: Mapping[str, str]) -> Route:
    """The route to an endpoint, by the environment's proxies; raises ValueError when the proxy cannot be used."""
    proxy = proxy_for(url, environ)
    return Route(url) if proxy is None else Route(url, MappingProxyType({urlsplit(url).scheme: proxy}))


def ca_bundle(environ: Mapping[str, str]) -> bool | str:
    """The CA bundle that the environment names; True for the packaged one."""
    return environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or True
