"""The vendor's own clients list domains of all three products, to the last page."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alibabacloud_cdn20180510 import models as cdn_models
from alibabacloud_cdn20180510.client import Client as CdnClient
from alibabacloud_dcdn20180115 import models as dcdn_models
from alibabacloud_dcdn20180115.client import Client as DcdnClient
from alibabacloud_tea_openapi.exceptions import ClientException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config

from exporter.simulator import LIMITS, Domains, ServiceState, Simulator

DOMAINS = Domains(
    online=1200, statuses={"shop.example.com": "offline", "audit.example.com": "check_failed"}, origins=2
)
# For each product: how the client lists a page.
LISTS: dict[str, Callable[..., Any]] = {
    "dcdn_ipa": lambda dcdn, _cdn, **parts: dcdn.describe_dcdn_ipa_user_domains(
        dcdn_models.DescribeDcdnIpaUserDomainsRequest(**parts)
    ),
    "dcdn": lambda dcdn, _cdn, **parts: dcdn.describe_dcdn_user_domains(
        dcdn_models.DescribeDcdnUserDomainsRequest(**parts)
    ),
    "cdn": lambda _dcdn, cdn, **parts: cdn.describe_user_domains(cdn_models.DescribeUserDomainsRequest(**parts)),
}
ACTIONS = {"dcdn_ipa": "DescribeDcdnIpaUserDomains", "dcdn": "DescribeDcdnUserDomains", "cdn": "DescribeUserDomains"}
each_product = pytest.mark.parametrize("product", LISTS)


@pytest.fixture
def list_page(client_config: Callable[..., Config]) -> Callable[..., Any]:
    """Lists a page of an account's domains with the vendor's client of the product."""

    def ask(simulator: Simulator, product: str, **parts: Any) -> Any:
        config = client_config(simulator)
        return LISTS[product](DcdnClient(config), CdnClient(config), **parts).body

    return ask


@pytest.fixture
def shop(simulate: Callable[..., Simulator]) -> Callable[..., Simulator]:
    """A simulator whose account has domains in a product."""

    def start(product: str, domains: Domains = DOMAINS, **parts: Any) -> Simulator:
        simulator = simulate(**parts)
        simulator.set_service("alice", ServiceState(), product=product)
        simulator.set_inventory("alice", "domains", domains, product=product)
        return simulator

    return start


@each_product
def test_the_client_reads_every_page(
    shop: Callable[..., Simulator], list_page: Callable[..., Any], product: str
) -> None:
    """Each domain once, with its status and origins; the page behind the last is empty."""
    simulator = shop(product)

    def pages() -> Iterator[Any]:
        for number in (1, 2, 3, 4):
            yield list_page(simulator, product, page_number=number, page_size=500, check_domain_show=True)

    read = list(pages())
    rows = [row for page in read for row in page.domains.page_data]

    assert [(page.page_number, page.page_size, page.total_count) for page in read] == [
        (number, 500, 1202) for number in (1, 2, 3, 4)
    ]
    assert [len(page.domains.page_data) for page in read] == [500, 500, 202, 0]
    assert len({row.domain_name for row in rows}) == 1202
    assert [(row.domain_name, row.domain_status) for row in rows[:3]] == [
        ("shop.example.com", "offline"),
        ("audit.example.com", "check_failed"),
        ("00001.online.example", "online"),
    ]
    assert [source.content for source in rows[0].sources.source] == [
        "origin-1.shop.example.com",
        "origin-2.shop.example.com",
    ]
    assert rows[1].description == "audit failed"


@each_product
def test_what_the_client_does_not_ask_for_is_not_there(
    shop: Callable[..., Simulator], list_page: Callable[..., Any], product: str
) -> None:
    """Domains that failed the check are shown on demand, and twenty on a page unless another number is given."""
    page = list_page(shop(product), product)

    assert (page.total_count, page.page_size, len(page.domains.page_data)) == (1201, 20, 20)


@each_product
def test_refusals_reach_the_client(
    shop: Callable[..., Simulator],
    list_page: Callable[..., Any],
    product: str,
) -> None:
    """A page that is too large, a right that lacks, and a service that is not activated, by their codes."""
    simulator = shop(product)
    with pytest.raises(ClientException) as caught:
        list_page(simulator, product, page_size=501)
    assert (caught.value.status_code, caught.value.code) == (400, "InvalidPageSize.ValueNotSupported")

    simulator.set_denied("alice", [ACTIONS[product]])
    with pytest.raises(ClientException) as caught:
        list_page(simulator, product)
    assert (caught.value.status_code, caught.value.code) == (403, "Forbidden.RAM")

    simulator.set_denied("alice", None)
    simulator.set_service("alice", ServiceState(activated=False), product=product)
    with pytest.raises(ClientException) as caught:
        list_page(simulator, product)
    assert caught.value.status_code == 403
    assert caught.value.code in ("DcdnIpaServiceNotFound", "DcdnServiceNotFound", "CdnServiceNotFound")


@each_product
def test_too_many_pages_in_a_second_are_throttled(
    shop: Callable[..., Simulator], list_page: Callable[..., Any], product: str
) -> None:
    """By the limit of the operation."""
    simulator = shop(product, limits={**LIMITS, ACTIONS[product]: 2}, monotonic=lambda: 0.0)
    for _ in range(2):
        list_page(simulator, product)

    with pytest.raises(ThrottlingException) as caught:
        list_page(simulator, product)
    assert caught.value.code == "Throttling.User"
