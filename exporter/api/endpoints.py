"""Where the vendor's endpoints are, for the accounts of each site."""

from collections.abc import Mapping
from types import MappingProxyType

from exporter.api.proxy import Route, route

# The hosts are documented, but for those of cdn and bss abroad, which are in the vendor's clients:
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


def endpoints(site: str) -> Mapping[str, str]:
    """The vendor's addresses for the accounts of a site, by the name that operations have for them."""
    return _ENDPOINTS[site]


def routes_of(site: str, named: Mapping[str, str], environ: Mapping[str, str]) -> Mapping[str, Route]:
    """How endpoints are reached for accounts of a site; ``named`` addresses replace the vendor's for both sites."""
    return {name: route(named.get(name, url), environ) for name, url in endpoints(site).items()}
