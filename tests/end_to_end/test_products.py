"""Every product, its debts and the balance, from the API to /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.simulator import Balance, Debt, ServiceState

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
