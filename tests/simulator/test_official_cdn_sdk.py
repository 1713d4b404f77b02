"""The vendor's own client of CDN activates it at the simulator, or gets the refusals that it knows."""

from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_cdn20180510 import models
from alibabacloud_cdn20180510.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from exporter.simulator import REFUSALS, ChargeChange, Component, Opening, ServiceState, Simulator

Simulate = Callable[..., Simulator]
ClientOf = Callable[[Simulator], Any]


@pytest.fixture
def client_of(client_config: Callable[..., Config]) -> ClientOf:
    """Makes the vendor's client of the account."""
    return lambda simulator: Client(client_config(simulator))


def open_cdn(client: Any, charge_type: str = "PayByTraffic") -> Any:
    return client.open_cdn_service(models.OpenCdnServiceRequest(internet_charge_type=charge_type))


def test_cdn_is_activated_by_the_client(simulate: Simulate, client_of: ClientOf) -> None:
    """Its answer is the request id; afterwards the client reads an active service, and the second time fails."""
    simulator = simulate()
    client = client_of(simulator)
    with pytest.raises(ClientException) as before:
        client.describe_cdn_service(models.DescribeCdnServiceRequest())
    assert (before.value.status_code, before.value.code) == (403, "CdnServiceNotFound")

    answer = open_cdn(client).body.to_map()

    assert answer == {"RequestId": simulator.journal.entries(action="OpenCdnService")[0].request_id}
    service = client.describe_cdn_service(models.DescribeCdnServiceRequest()).body
    assert (service.internet_charge_type, service.instance_id) == ("PayByTraffic", "1000000000000001")
    with pytest.raises(ClientException) as again:
        open_cdn(client)
    assert (again.value.status_code, again.value.code) == (400, "CdnService.HasOpened")


def test_dynamic_content_is_read_by_the_client(simulate: Simulate, client_of: ClientOf) -> None:
    """The method that it is billed by, and the one to come."""
    simulator = simulate()
    dynamic = Component("DynamicHourTraffic", ChargeChange("DynamicDayTraffic", 4_000_000_000))
    simulator.set_service("alice", ServiceState(components={"dynamic": dynamic}), product="cdn")

    answer = client_of(simulator).describe_cdn_service(models.DescribeCdnServiceRequest()).body
    assert (answer.dynamic_billing_type, answer.changing_dynamic_billing_type) == (
        "DynamicHourTraffic",
        "DynamicDayTraffic",
    )


@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_reaches_the_client(simulate: Simulate, client_of: ClientOf, name: str) -> None:
    """Status, code and message of each row of the vendor's table are those that its client tells."""
    simulator = simulate()
    simulator.set_opening("alice", Opening(name))
    code, message = REFUSALS[name]
    with pytest.raises(ClientException) as caught:
        open_cdn(client_of(simulator))

    assert (caught.value.status_code, caught.value.code) == (403 if code.startswith("Forbidden") else 400, code)
    assert message in caught.value.message


def test_a_billing_method_that_is_not_offered(simulate: Simulate, client_of: ClientOf) -> None:
    """The parameter arrives as the client sends it."""
    with pytest.raises(ClientException) as caught:
        open_cdn(client_of(simulate()), "PayByBandwidth")

    assert caught.value.code == "InvalidInternetChargeType.ValueNotSupported"
