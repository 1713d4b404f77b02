"""Domains are listed a page at a time, and come and go with the timeline."""

import json
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode

import pytest

from exporter.simulator import (
    Account,
    Domains,
    Scenario,
    ScenarioError,
    ServiceState,
    Simulator,
    Step,
    parse_scenario,
)
from exporter.simulator.domains import DOMAIN_PRODUCTS, list_domains
from exporter.simulator.errors import GatewayError
from exporter.simulator.timeline import account_at

Call = Callable[..., tuple[int, dict[str, Any]]]

ACTIONS = {
    "dcdn_ipa": ("DescribeDcdnIpaUserDomains", "2018-01-15"),
    "dcdn": ("DescribeDcdnUserDomains", "2018-01-15"),
    "cdn": ("DescribeUserDomains", "2018-05-10"),
}
REFUSALS = {"dcdn_ipa": "DcdnIpaServiceNotFound", "dcdn": "DcdnServiceNotFound", "cdn": "CdnServiceNotFound"}
SHOP = Domains(
    online=3,
    statuses={
        "shop.example.com": "offline",
        "img.example.com": "checking",
        "www.example.com": "configure_failed",
        "old.example.com": "check_failed",
        "new.example.com": "frozen",
    },
)
SHOWN = {"CheckDomainShow": "true"}


def names_on(page: dict[str, Any]) -> list[str]:
    return [row["DomainName"] for row in page["Domains"]["PageData"]]


@pytest.fixture
def call(
    connect: Callable[[Simulator], socket.socket],
    signed: Callable[..., bytes],
    ask: Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]],
) -> Call:
    """Lists the domains of a product; returns the status, and the body less its request id."""

    def call_one(simulator: Simulator, product: str, **parameters: str) -> tuple[int, dict[str, Any]]:
        action, version = ACTIONS[product]
        with connect(simulator) as connection:
            target = f"/?{urlencode(parameters)}"
            response, body = ask(connection, signed(action=action, version=version, target=target))
        payload = json.loads(body)
        assert payload.pop("RequestId") == response.getheader("x-acs-request-id")
        return response.status, payload

    return call_one


def test_a_page() -> None:
    """A page has its place, the number of all domains, and what is known of each."""
    assert list_domains(Domains(statuses={"a.example.com": "offline"}), {}) == {
        "TotalCount": 1,
        "PageNumber": 1,
        "PageSize": 20,
        "Domains": {
            "PageData": [
                {
                    "DomainName": "a.example.com",
                    "DomainStatus": "offline",
                    "Cname": "a.example.com.w.kunlunsl.example",
                    "CdnType": "web",
                    "Coverage": "domestic",
                    "Description": "",
                    "DomainId": 11000000,
                    "GmtCreated": "2015-10-28T09:31:59Z",
                    "GmtModified": "2015-10-28T11:05:52Z",
                    "ResourceGroupId": "rg-simulated",
                    "Sandbox": "normal",
                    "SSLProtocol": "off",
                    "SslProtocol": "off",
                    "Sources": {
                        "Source": [
                            {
                                "Content": "origin-1.a.example.com",
                                "Type": "domain",
                                "Port": 80,
                                "Priority": "20",
                                "Weight": "10",
                            }
                        ]
                    },
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("parameters", "first", "rows"),
    [
        pytest.param({}, "00001.online.example", 20, id="twenty by default"),
        pytest.param({"PageSize": "500"}, "00001.online.example", 500, id="five hundred at most"),
        pytest.param({"PageSize": "500", "PageNumber": "10"}, "04501.online.example", 500, id="the last"),
        pytest.param({"PageSize": "499", "PageNumber": "11"}, "04991.online.example", 10, id="not full"),
        pytest.param({"PageSize": "500", "PageNumber": "100000"}, None, 0, id="behind the last"),
    ],
)
def test_pages_of_five_thousand(parameters: dict[str, str], first: str | None, rows: int) -> None:
    """They are counted in full on every page; one behind the last is empty."""
    page = list_domains(Domains(online=5000), parameters)
    names = names_on(page)

    assert (page["TotalCount"], len(names)) == (5000, rows)
    assert (names[0] if names else None) == first


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        pytest.param({}, ["shop", "new"], id="neither checked nor failed"),
        pytest.param({"CheckDomainShow": "false"}, ["shop", "new"], id="no"),
        pytest.param(SHOWN, ["shop", "img", "www", "old", "new"], id="all"),
        pytest.param({**SHOWN, "DomainStatus": "checking"}, ["img"], id="by status"),
        pytest.param({"DomainStatus": "checking"}, [], id="by a status that is not shown"),
        pytest.param({**SHOWN, "DomainName": "shop.example.com"}, ["shop"], id="by name"),
        pytest.param({**SHOWN, "DomainName": "shop.example.com,new.example.com"}, ["shop", "new"], id="by names"),
        pytest.param({**SHOWN, "DomainName": "example.com"}, [], id="by no name"),
        pytest.param({"DomainName": "s", "DomainSearchType": "pre_match"}, ["shop"], id="by the beginning"),
        pytest.param(
            {**SHOWN, "DomainName": "w.e", "DomainSearchType": "fuzzy_match"}, ["www", "new"], id="by a part"
        ),
        pytest.param({"DomainName": "p.example.com", "DomainSearchType": "suf_match"}, ["shop"], id="by the end"),
    ],
)
def test_what_is_listed(parameters: dict[str, str], names: list[str]) -> None:
    """Those that are checked or failed only on demand, and those only that are sought; they are what is counted."""
    page = list_domains(Domains(statuses=SHOP.statuses), parameters)

    assert names_on(page) == [f"{name}.example.com" for name in names]
    assert page["TotalCount"] == len(names)


def test_those_that_are_online_come_last() -> None:
    """Behind those with a status of their own."""
    assert names_on(list_domains(SHOP, SHOWN))[-4:] == [
        "new.example.com",
        *(f"0000{number}.online.example" for number in (1, 2, 3)),
    ]


def test_a_count_that_lies() -> None:
    """What is listed is the same; only TotalCount is another."""
    honest, lying = (list_domains(Domains(online=30, total_count=count), {}) for count in (None, 7))

    assert (honest["TotalCount"], lying["TotalCount"]) == (30, 7)
    assert names_on(honest) == names_on(lying)


def test_a_page_with_many_origins_is_too_large_for_a_reply() -> None:
    """Of 500 domains with 20 origins each, but not of 100."""
    sizes = [
        len(json.dumps(list_domains(Domains(online=500, origins=20), {"PageSize": size}))) for size in ("500", "100")
    ]

    assert sizes[0] > 1024 * 1024 > sizes[1]


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        *(pytest.param({"PageSize": size}, "PageSize", id=f"size {size}") for size in ("0", "501", "x", "", "-1")),
        *(
            pytest.param({"PageNumber": number}, "PageNumber", id=f"number {number}")
            for number in ("0", "100001", "9" * 5000)
        ),
        pytest.param({"DomainSearchType": "some"}, "DomainSearchType", id="search"),
    ],
)
def test_what_the_vendor_refuses(parameters: dict[str, str], name: str) -> None:
    """By the codes of its page."""
    with pytest.raises(GatewayError) as caught:
        list_domains(SHOP, parameters)

    assert (caught.value.code, caught.value.status) == (f"Invalid{name}.ValueNotSupported", 400)
    assert caught.value.message == f"The specified value of parameter {name} is not supported."


@pytest.mark.parametrize("product", DOMAIN_PRODUCTS)
def test_each_product_has_domains_of_its_own(simulate: Callable[..., Simulator], call: Call, product: str) -> None:
    """A service that is not activated has none, and says so; one that is has none at first."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(activated=False), product=product)
    status, refusal = call(simulator, product)
    assert (status, refusal["Code"]) == (403, REFUSALS[product])

    simulator.set_service("alice", ServiceState(), product=product)
    assert call(simulator, product)[1]["TotalCount"] == 0
    simulator.set_inventory("alice", "domains", SHOP, product=product)
    others = [other for other in DOMAIN_PRODUCTS if other != product]
    status, page = call(simulator, product, CheckDomainShow="true", PageSize="4", PageNumber="2")
    assert (status, page["TotalCount"], names_on(page)[0]) == (200, 8, "new.example.com")
    for other in others:
        simulator.set_service("alice", ServiceState(), product=other)
        assert call(simulator, other)[1]["TotalCount"] == 0
    simulator.set_inventory("alice", "domains", None, product=product)
    assert call(simulator, product)[1]["TotalCount"] == 0


def test_the_right_can_be_denied(simulate: Callable[..., Simulator], call: Call) -> None:
    """With what lacks in the details of the refusal."""
    simulator = simulate()
    simulator.set_denied("alice", ["DescribeDcdnIpaUserDomains"])
    status, refusal = call(simulator, "dcdn_ipa")

    assert (status, refusal["Code"]) == (403, "Forbidden.RAM")
    assert refusal["AccessDeniedDetail"]["AuthAction"] == "dcdn:DescribeDcdnIpaUserDomains"


def test_other_products_have_no_domains(simulate: Callable[..., Simulator]) -> None:
    """An unknown one is refused before anything is changed."""
    with pytest.raises(ValueError, match="product is 'bss'; accepted: dcdn_ipa, dcdn, cdn"):
        simulate().set_inventory("alice", "domains", SHOP, product="bss")


SCENARIO = """
description: domains
accounts:
  - name: shop
    account_id: "1"
    access_key_id: k
    access_key_secret: s
    domains: true
    timeline:
      - {at: 0s, domains: {cdn: {online: 4990, statuses: {shop.example.com: online}}}}
      - {at: 1s, domains: {dcdn: {online: 1}}}
      - {at: 2s, domains: {cdn: {statuses: {shop.example.com: offline}, origins: 20, total_count: 3}}}
      - {at: 3s, domains: {cdn: null}}
"""


def test_domains_stay_until_they_are_named() -> None:
    """A step names all domains of a product, or none of them."""
    [account] = parse_scenario(SCENARIO).accounts
    of_cdn, of_dcdn = ("domains", "cdn"), ("domains", "dcdn")
    online = Domains(online=4990, statuses={"shop.example.com": "online"})
    offline = Domains(statuses={"shop.example.com": "offline"}, origins=20, total_count=3)
    one = Domains(online=1)

    assert account.inventories == {"domains"}
    assert [step.inventories for step in account.timeline] == [
        {of_cdn: online},
        {of_cdn: online, of_dcdn: one},
        {of_cdn: offline, of_dcdn: one},
        {of_dcdn: one},
    ]
    assert account_at(account, 1.5, 1_800_000_000.0).inventories == account.timeline[1].inventories


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param("{online: -1}", "online is -1; accepted: 0 to 1000000", id="less than none"),
        pytest.param("{origins: 101}", "origins is 101; accepted: 0 to 100", id="too many origins"),
        pytest.param("{total_count: -1}", "total_count is -1; accepted: 0 or more", id="a count below 0"),
        pytest.param('{statuses: {a: ""}}', "seen ''; accepted: a text that is not empty", id="no status"),
    ],
)
def test_what_cannot_be_is_refused(written: str, problem: str) -> None:
    """With its place in the file."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(SCENARIO.replace("{online: 1}", written))

    assert [problem in text and ".domains.dcdn" in text for text in caught.value.problems] == [True]
    with pytest.raises(ValueError, match="a domain has a name and a status, neither of them empty"):
        Domains(statuses={"": "online"})


def test_the_timeline_is_what_calls_see(account: Account, simulate: Callable[..., Simulator], call: Call) -> None:
    """Until something is set by hand."""
    now_s = [0.0]
    first, second = (Domains(online=online) for online in (2, 1))
    active = account.timeline[0].services
    steps = (
        Step(services=active, inventories={("domains", "dcdn_ipa"): first}),
        Step(60, services=active, inventories={("domains", "dcdn_ipa"): second}),
    )
    played = Account(
        account.name, account.account_id, account.access_key_id, account.access_key_secret, timeline=steps
    )
    simulator = simulate(Scenario("domains", (played,)), monotonic=lambda: now_s[0])

    assert call(simulator, "dcdn_ipa")[1]["TotalCount"] == 2
    now_s[0] = 61.0
    assert call(simulator, "dcdn_ipa")[1]["TotalCount"] == 1
