"""Resource packages, from the API to /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.simulator import ResourcePackage, ServiceState

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
