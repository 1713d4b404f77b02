"""Resource packages, from the API to /metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exporter.simulator import Alteration, ResourcePackage, ServiceState

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

ACTION = "DescribeCdnUserResourcePackage"


def test_packages_until_they_are_used_up(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """What is left is shown by template, as two calls tell it; one product's lacking right leaves the other alone."""
    account = make_account("shop")
    simulator = simulate(account)
    for product in ("dcdn", "cdn"):
        simulator.set_service("shop", ServiceState(), product=product)
    first = ResourcePackage("a", template_name="traffic", init_capacity="1000", curr_capacity="40")
    second = ResourcePackage("b", template_name="traffic", init_capacity="500", curr_capacity="0")
    simulator.set_inventory("shop", "resource_packages", (first, second), product="cdn")
    simulator.set_denied("shop", ("DescribeDcdnUserResourcePackage",))
    configuration = configure(simulator.url, account)
    configuration |= {"products": ["dcdn", "cdn"], "resource_packages": True}
    configuration["poll"]["inventory_interval"] = "1s"
    configuration["endpoints"]["cdn"] = simulator.url
    configuration["accounts"][0]["site"] = "international"
    exporter = serve(configuration)

    def denied() -> float:
        page = exporter.scrape()
        return page.value("dcdn_poll_failures_total", product="dcdn", probe="resource_packages", reason="permission")

    eventually("the denial is counted", lambda: denied() >= 1)
    eventually("there are packages", lambda: exporter.scrape().find("dcdn_resource_packages") != {})
    page = exporter.scrape()
    assert page.by("product", "dcdn_poll_success", probe="service") == {"dcdn": 1, "cdn": 1}
    assert page.by("product", "dcdn_poll_success", probe="resource_packages") == {"dcdn": 0, "cdn": 1}
    assert page.by("status", "dcdn_resource_packages", product="cdn") == {"valid": 1, "exhaust": 1}
    of_template = {"account": "shop", "product": "cdn", "template": "traffic", "unit": "bytes"}
    assert page.value("dcdn_resource_package_capacity", **of_template) == 1000
    assert page.value("dcdn_resource_package_remaining", **of_template) == 40
    assert page.by("template", "dcdn_resource_package_end_timestamp_seconds") == {"traffic": 4102416000}
    assert page.by("commodity_code", "dcdn_resource_package_info") == {"cdnflowbag": 1}
    polls = page.value("dcdn_polls_total", product="cdn", probe="resource_packages")
    assert page.value("dcdn_poll_calls_total", product="cdn", probe="resource_packages") == 2 * polls

    simulator.set_inventory("shop", "resource_packages", (second,), product="cdn")
    eventually(
        "nothing is left",
        lambda: exporter.scrape().value("dcdn_resource_package_remaining", **of_template) == 0,
    )
    page = exporter.scrape()
    assert page.value("dcdn_resource_package_capacity", **of_template) == 500
    assert page.find("dcdn_resource_package_end_timestamp_seconds") == {}
    assert [line["new"] for line in exporter.told(msg="resource packages changed", what="used_up")] == ["traffic"]

    simulator.set_service("shop", ServiceState(activated=False), product="cdn")
    eventually("no template is left", lambda: exporter.scrape().find("dcdn_resource_package_info") == {})
    page = exporter.scrape()
    assert page.by("status", "dcdn_resource_packages", product="cdn") == {"valid": 0, "exhaust": 0}
    assert page.value("dcdn_poll_success", product="cdn", probe="resource_packages") == 1
    asked = simulator.journal.entries(action=ACTION)
    assert {entry.method for entry in asked} == {"POST"}


UNREADABLE = "resource packages whose numbers cannot be read: 1 (Data (traffic, bytes, CurrCapacity))"


def test_numbers_that_cannot_be_read_are_never_missed(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Metrics, log, JSON and page say which; the other template is as it was; a list that is none is a failure."""
    account = make_account("shop")
    simulator = simulate(account)
    simulator.set_service("shop", ServiceState(), product="cdn")
    packages = (
        ResourcePackage("a", template_name="traffic", display_name="Data", init_capacity="1000", curr_capacity="40"),
        ResourcePackage("b", template_name="https", display_name="Data", init_capacity="10", base_unit="Count"),
    )
    simulator.set_inventory("shop", "resource_packages", packages, product="cdn")
    configuration = configure(simulator.url, account) | {"products": ["cdn"], "resource_packages": True}
    configuration["poll"]["inventory_interval"] = "1s"
    configuration["endpoints"]["cdn"] = simulator.url
    exporter = serve(configuration)

    def unreadable() -> dict[str, float]:
        return exporter.scrape().by("template", "dcdn_resource_packages_unreadable")

    def alter(**alteration: Any) -> None:
        simulator.set_alteration("shop", Alteration(**alteration), action=ACTION)

    def row() -> dict[str, Any]:
        (service,) = json.loads(exporter.get("/api/v1/status")[2])["services"]
        return dict(service)

    eventually("all numbers are read", lambda: unreadable() == {"traffic": 0, "https": 0})
    assert row()["notes"] == ["resource packages under 10 %: Data (traffic, bytes, 4.0 %)"]

    alter(values={"ResourcePackageInfos.ResourcePackageInfo.0.CurrCapacity": "lots"})
    eventually("what is left cannot be read", lambda: unreadable() == {"traffic": 1, "https": 0})
    page = exporter.scrape()
    assert page.by("template", "dcdn_resource_package_remaining") == {"https": 10}
    assert page.by("template", "dcdn_resource_package_capacity") == {"traffic": 1000, "https": 10}
    assert page.value("dcdn_exporter_unknown_values_total", field="CurrCapacity") >= 1
    assert page.value("dcdn_poll_success", probe="resource_packages") == 1
    assert [line["new"] for line in exporter.told(msg="resource packages changed", what="unreadable")] == ["traffic"]
    assert (row()["notes"], row()["resource_packages"]["unreadable"]) == ([UNREADABLE], 1)
    assert "whose numbers cannot be read" in exporter.get("/")[2].decode()

    alter(missing=("ResourcePackageInfos.ResourcePackageInfo.0.EndTime",))
    eventually(
        "the end is missing",
        lambda: exporter.scrape().by("template", "dcdn_resource_package_end_timestamp_seconds").keys() == {"https"},
    )
    assert unreadable() == {"traffic": 1, "https": 0}
    assert exporter.scrape().by("template", "dcdn_resource_package_remaining") == {"traffic": 40, "https": 10}

    alter(values={"ResourcePackageInfos.ResourcePackageInfo.CurrCapacityBaseUnit": "GiB"})
    eventually("units are at odds", lambda: unreadable() == {"traffic": 1, "https": 1})
    page = exporter.scrape()
    assert (page.find("dcdn_resource_package_capacity"), page.find("dcdn_resource_package_remaining")) == ({}, {})
    fields = "InitCapacity, CurrCapacity, CapacityBaseUnit"
    assert row()["notes"] == [
        f"resource packages whose numbers cannot be read: 2 (Data (https, {fields}); Data (traffic, {fields}))"
    ]

    alter(values={"ResourcePackageInfos.ResourcePackageInfo.0": "a package"})
    eventually(
        "the list makes no sense",
        lambda: exporter.scrape().value("dcdn_poll_success", probe="resource_packages") == 0,
    )
    page = exporter.scrape()
    assert page.value("dcdn_poll_failures_total", probe="resource_packages", reason="malformed") >= 1
    assert unreadable() == {"traffic": 1, "https": 1}  # the last answer

    simulator.set_alteration("shop", None, action=ACTION)
    eventually("all numbers are read again", lambda: unreadable() == {"traffic": 0, "https": 0})
    assert row()["notes"] == ["resource packages under 10 %: Data (traffic, bytes, 4.0 %)"]
