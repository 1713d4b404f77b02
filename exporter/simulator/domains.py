"""The domains of a product, and the operations that list them, a page at a time.

https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-describeuserdomains and the pages of
its siblings of DCDN and IPA (read 2026-11-29).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar, Final

from pydantic import ConfigDict

from exporter.simulator.call import Call
from exporter.simulator.errors import GatewayError
from exporter.simulator.operation import activated_service
from exporter.simulator.reading import STRICT

DOMAINS: Final = "domains"
DOMAIN_PRODUCTS: Final = ("dcdn_ipa", "dcdn", "cdn")
"""The products that have domains."""
_MOST_ONLINE: Final = 1_000_000
_MOST_ORIGINS: Final = 100
_PAGE_SIZES: Final = range(1, 501)
_DEFAULT_PAGE_SIZE: Final = 20
_PAGE_NUMBERS: Final = range(1, 100_001)
_LONGEST_NUMBER: Final = 6
# Left out unless CheckDomainShow is true.
_UNCHECKED: Final = frozenset({"checking", "check_failed", "configure_failed"})
_SEARCHES: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "full_match": lambda name, sought: name == sought,
    "fuzzy_match": lambda name, sought: sought in name,
    "pre_match": lambda name, sought: name.startswith(sought),
    "suf_match": lambda name, sought: name.endswith(sought),
}


@dataclass(frozen=True, slots=True)
class Domains:
    """The domains that an account has in one product."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    online: int = 0
    """So many more are online: 00001.online.example, 00002.online.example and so on, listed behind the others."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """By the name of a domain; any words go, the vendor's list of statuses is open."""
    origins: int = 1
    """How many origins each has: with 20 of them, a page of 500 domains is over 1 MiB."""
    total_count: int | None = None
    """TotalCount, right or wrong; None: as many as there are."""

    def __post_init__(self) -> None:
        for name, number, most in (("online", self.online, _MOST_ONLINE), ("origins", self.origins, _MOST_ORIGINS)):
            if not 0 <= number <= most:
                raise ValueError(f"{name} is {number}; accepted: 0 to {most}")
        if self.total_count is not None and self.total_count < 0:
            raise ValueError(f"total_count is {self.total_count}; accepted: 0 or more")
        if not all(self.statuses) or not all(self.statuses.values()):
            raise ValueError("a domain has a name and a status, neither of them empty")


def list_user_domains(call: Call, *, product: str) -> dict[str, object]:
    """Return a page of the domains of the caller's service; that it is not activated is a refusal."""
    activated_service(call, product)
    return list_domains(call.moment.inventories.get((DOMAINS, product), Domains()), call.parameters)


def list_domains(domains: Domains, parameters: Mapping[str, str]) -> dict[str, object]:
    """Return a page of the domains, less its RequestId; raises GatewayError.

    ```json
    {"TotalCount": 1, "PageNumber": 1, "PageSize": 20,
     "Domains": {"PageData": [{"DomainName": "example.com", "DomainStatus": "online", ...}]}}
    ```
    A page behind the last one is empty. DomainName, DomainSearchType and DomainStatus leave domains out.
    """
    size = _number(parameters, "PageSize", default=_DEFAULT_PAGE_SIZE, accepted=_PAGE_SIZES)
    number = _number(parameters, "PageNumber", default=1, accepted=_PAGE_NUMBERS)
    begin = (number - 1) * size
    listed, count = _listed(domains, parameters)
    rows = [
        _row(name, status, origins=domains.origins, place=begin + place)
        for place, (name, status) in enumerate(islice(listed, begin, begin + size))
    ]
    return {
        "TotalCount": count if domains.total_count is None else domains.total_count,
        "PageNumber": number,
        "PageSize": size,
        "Domains": {"PageData": rows},
    }


def _listed(domains: Domains, parameters: Mapping[str, str]) -> tuple[Iterator[tuple[str, str]], int]:
    """The names and statuses that are wanted, and how many; a page is made of those on it only, however many are."""
    with_unchecked = parameters.get("CheckDomainShow", "").lower() == "true"
    named = [pair for pair in domains.statuses.items() if with_unchecked or pair[1] not in _UNCHECKED]
    if not parameters.keys() & {"DomainName", "DomainStatus", "DomainSearchType"}:
        return _all(named, domains.online), len(named) + domains.online
    matches = _SEARCHES.get(parameters.get("DomainSearchType") or "full_match")
    if matches is None:
        raise _refused("DomainSearchType")
    sought, status = parameters.get("DomainName") or None, parameters.get("DomainStatus") or None
    wanted = [
        pair
        for pair in _all(named, domains.online)
        if (sought is None or any(matches(pair[0], each) for each in sought.split(","))) and status in (None, pair[1])
    ]
    return iter(wanted), len(wanted)


def _all(named: list[tuple[str, str]], online: int) -> Iterator[tuple[str, str]]:
    yield from named
    for number in range(1, online + 1):
        yield f"{number:05}.online.example", "online"


def _row(name: str, status: str, *, origins: int, place: int) -> dict[str, object]:
    return {
        "DomainName": name,
        "DomainStatus": status,
        "Cname": f"{name}.w.kunlunsl.example",
        "CdnType": "web",
        "Coverage": "domestic",
        "Description": "audit failed" if status == "check_failed" else "",
        "DomainId": 11_000_000 + place,
        "GmtCreated": "2015-10-28T09:31:59Z",
        "GmtModified": "2015-10-28T11:05:52Z",
        "ResourceGroupId": "rg-simulated",
        "Sandbox": "normal",
        "SSLProtocol": "off",
        "SslProtocol": "off",
        "Sources": {
            "Source": [
                {"Content": f"origin-{origin}.{name}", "Type": "domain", "Port": 80, "Priority": "20", "Weight": "10"}
                for origin in range(1, origins + 1)
            ]
        },
    }


def _number(parameters: Mapping[str, str], name: str, *, default: int, accepted: range) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    # The digits are counted first: int() itself refuses thousands of them.
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text) in accepted):
        raise _refused(name)
    return int(text)


def _refused(name: str) -> GatewayError:
    message = f"The specified value of parameter {name} is not supported."
    return GatewayError(f"Invalid{name}.ValueNotSupported", message)
