"""Every product, its debts and the balance, from the API to /metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exporter.simulator import Balance, ChargeChange, Component, Debt, ServiceState

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

PRODUCTS = ("dcdn_ipa", "dcdn", "cdn")


def test_three_products_debts_and_a_balance(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """One account shows each product's state and debts by itself, and what is left to pay with."""
    account = make_account("shop")
    simulator = simulate(account)
    simulator.set_service("shop", ServiceState(charge_type="PayByTraffic"), product="dcdn")
    simulator.set_service("shop", ServiceState(activated=False), product="cdn")
    simulator.set_debt("shop", Debt(enabled=True, on_service=True, in_debt=True), product="dcdn")
    simulator.set_balance("shop", Balance(available_amount="-1,234.50", currency="USD"))
    configuration = configure(simulator.url, account)
    configuration |= {"products": list(PRODUCTS), "debt_status": True, "balance": True}
    configuration["poll"]["balance_interval"] = "1s"
    configuration["endpoints"] |= {"cdn": simulator.url, "bss": simulator.url}
    exporter = serve(configuration)

    eventually("every probe is answered", lambda: set(exporter.scrape().find("dcdn_poll_success").values()) == {1})
    page = exporter.scrape()
    assert len(page.find("dcdn_poll_success", account="shop")) == 7
    assert [page.status("shop", product) for product in PRODUCTS] == ["active", "active", "not_activated"]
    assert page.by("product", "dcdn_service_in_debt") == {"dcdn_ipa": 0, "dcdn": 1, "cdn": 0}
    assert page.by("product", "dcdn_service_enabled") == {"dcdn_ipa": 1, "dcdn": 1, "cdn": 0}
    assert page.value("dcdn_account_available_amount", account="shop", currency="USD") == -1234.5
    assert page.value("dcdn_exporter_probes") == 7


def test_what_is_billed_by_itself_and_what_ends(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Components of DCDN and CDN change by themselves, and secure DCDN has an end; page, JSON and log say so."""
    account = make_account("shop")
    simulator = simulate(account)
    in_an_hour = int(time.time()) + 3600
    websocket = Component(change=ChargeChange("websocketbps", in_an_hour))
    simulator.set_service("shop", ServiceState(components={"websocket": websocket}), product="dcdn")
    dynamic = Component("DynamicHourTraffic")
    simulator.set_service("shop", ServiceState(components={"dynamic": dynamic}), product="cdn")
    simulator.set_service("shop", ServiceState(end_time="2021-09-26T16:00:00Z"), product="dcdn_sec")
    configuration = configure(simulator.url, account) | {"products": ["dcdn", "cdn", "dcdn_sec"]}
    configuration["endpoints"] |= {"cdn": simulator.url}
    exporter = serve(configuration)

    eventually("every probe is answered", lambda: set(exporter.scrape().find("dcdn_poll_success").values()) == {1})
    page = exporter.scrape()
    name = "dcdn_service_component_charge_type"
    assert page.by("charge_type", name, product="dcdn") == {"websockettraffic": 1, "websocketbps": 0}
    assert page.by("charge_type", name, product="cdn", component="dynamic") == {"DynamicHourTraffic": 1}
    assert page.value("dcdn_service_component_next_charge_type", charge_type="websocketbps") == 1
    assert page.by("component", f"{name}_change_timestamp_seconds") == {"websocket": in_an_hour}
    assert page.by("product", "dcdn_service_end_timestamp_seconds") == {"dcdn_sec": 1632672000}
    assert page.value("dcdn_exporter_unknown_values_total", field="DynamicBillingType") == 0

    simulator.set_service("shop", ServiceState(components={"websocket": Component("websocketbps")}), product="dcdn")
    simulator.set_service("shop", ServiceState(end_time="soon"), product="dcdn_sec")
    simulator.set_service("shop", ServiceState(activated=False), product="cdn")

    eventually("the end is unknown", lambda: not exporter.scrape().find("dcdn_service_end_timestamp_seconds"))
    eventually("CDN is gone", lambda: exporter.scrape().status("shop", "cdn") == "not_activated")
    eventually("the change is logged", lambda: exporter.told(what="websocket_charge_type", new="websocketbps"))
    page = exporter.scrape()
    assert page.value("dcdn_exporter_unknown_values_total", field="EndTime") >= 1
    assert page.by("component", name, charge_type="websocketbps") == {"websocket": 1}
    assert page.find(name, product="cdn") == {}


def test_a_right_that_lacks_for_debts_leaves_the_service_alone(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Without the right to ask for debts that probe fails for permission, and the service's state goes on."""
    account = make_account("shop")
    simulator = simulate(account)
    simulator.set_denied("shop", ("DescribeUserDcdnIpaStatus",))
    configuration = configure(simulator.url, account)
    configuration["debt_status"] = True
    exporter = serve(configuration)

    def denied() -> float:
        return exporter.scrape().value("dcdn_poll_failures_total", probe="debt_status", reason="permission")

    eventually("the denial is counted", lambda: denied() >= 2)
    page = exporter.scrape()
    assert page.by("probe", "dcdn_poll_success", account="shop") == {"service": 1, "debt_status": 0}
    assert page.status("shop") == "active"
    assert page.find("dcdn_service_in_debt") == {}
    assert exporter.told(msg="poll failed")[0]["code"] == "Forbidden.RAM"
