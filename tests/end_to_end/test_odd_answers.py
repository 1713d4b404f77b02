"""Answers that the vendor may give and its pages do not show, from a server's bytes to /metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.page import Page

    Answered = Callable[..., Page]

HEALTHY: Mapping[str, object] = {
    "RequestId": "R",
    "InstanceId": "1",
    "OpeningTime": "2018-03-19T11:16:11Z",
    "InternetChargeType": "PayByTraffic",
    "OperationLocks": {"LockReason": []},
}


@pytest.fixture
def answered(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> Answered:
    """Polls each account of a mapping once, which is answered with these bytes; returns the page."""

    def play(bodies: Mapping[str, bytes], *, product: str, action: str) -> Page:
        accounts = [make_account(name) for name in bodies]
        simulator = simulate(*accounts)
        for name, body in bodies.items():
            simulator.set_service(name, ServiceState(), product=product)
            simulator.set_raw_answer(name, body, action=action)
        configuration = configure(simulator.url, *accounts, interval="1d", stale_after="4d")
        configuration |= {"products": [product]}
        configuration["endpoints"] |= {"cdn": simulator.url}
        exporter = serve(configuration)
        eventually("every account was polled", lambda: exporter.status("/-/ready") == 200)
        return exporter.scrape()

    return play


def test_every_billing_method_of_cdn_is_known(answered: Answered) -> None:
    """A method that the page of DescribeCdnService does not name is one series of seven, and no unknown value."""
    body = json.dumps({**HEALTHY, "InternetChargeType": "PayByBandwidth95"}).encode()
    page = answered({"shop": body}, product="cdn", action="DescribeCdnService")

    charge_types = page.by("charge_type", "dcdn_service_charge_type", account="shop", product="cdn")
    assert (len(charge_types), charge_types["PayByBandwidth95"], sum(charge_types.values())) == (7, 1, 1)
    assert set(page.by("field", "dcdn_exporter_unknown_values_total").values()) == {0}
