"""Domains, from the API to /metrics, to people and to the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from exporter.simulator import LIMITS, Domains, ServiceState

if TYPE_CHECKING:
    from exporter.simulator import Account, Simulator
    from tests.end_to_end.conftest import Command, Configure, Eventually, MakeAccount, Serve, Simulate

PRODUCTS = ("dcdn_ipa", "dcdn", "cdn")
ACTIONS = {"dcdn_ipa": "DescribeDcdnIpaUserDomains", "dcdn": "DescribeDcdnUserDomains", "cdn": "DescribeUserDomains"}
SCHEMA = Path(__file__).parent.parent.parent / "docs" / "status.schema.json"
OFFLINE = {"shop.example.com": "offline", "audit.example.com": "check_failed"}


@pytest.fixture
def account(make_account: MakeAccount) -> Account:
    """The account that has the domains."""
    return make_account("shop")


@pytest.fixture
def shop(simulate: Simulate, account: Account) -> Simulator:
    """A simulator whose account has all three products, with a limit of ten calls a second for the lists of each."""
    simulator = simulate(account, limits={**LIMITS, **dict.fromkeys(ACTIONS.values(), 10)})
    for product in PRODUCTS:
        simulator.set_service("shop", ServiceState(), product=product)
    simulator.set_inventory("shop", "domains", Domains(online=5000), product="dcdn_ipa")
    simulator.set_inventory("shop", "domains", Domains(online=3, statuses=OFFLINE), product="cdn")
    return simulator


@pytest.fixture
def configuration(configure: Configure, shop: Simulator, account: Account) -> dict[str, Any]:
    """Polls it every second, within that limit."""
    made = configure(shop.url, account, inventory_interval="1s")
    made["endpoints"]["cdn"] = shop.url
    limits = {"calls_per_second": dict.fromkeys(ACTIONS.values(), 10)}
    return {**made, "products": list(PRODUCTS), "domains": True, "rate_limit": limits}


def refused(simulator: Simulator) -> list[str]:
    """The codes of all calls that were refused."""
    return [entry.code for entry in simulator.journal.entries() if entry.code is not None]


def test_domains_of_three_products(
    shop: Simulator, configuration: dict[str, Any], serve: Serve, eventually: Eventually
) -> None:
    """Five thousand of one, none of another; what goes offline shows in series, in JSON and in the log."""
    exporter = serve(configuration)

    eventually(
        "every domain is counted",
        lambda: (
            len(exporter.scrape().find("dcdn_poll_success", probe="domains")) == 3
            and set(exporter.scrape().find("dcdn_poll_success", probe="domains").values()) == {1}
        ),
    )
    page = exporter.scrape()
    counts = {product: page.by("status", "dcdn_domains", account="shop", product=product) for product in PRODUCTS}
    assert {product: {status: n for status, n in found.items() if n} for product, found in counts.items()} == {
        "dcdn_ipa": {"online": 5000},
        "dcdn": {},
        "cdn": {"online": 3, "offline": 1, "check_failed": 1},
    }
    assert {len(found) for found in counts.values()} == {8}
    calls = page.by("product", "dcdn_poll_calls_total", account="shop")
    assert calls["dcdn_ipa"] >= 11
    (learned,) = exporter.told(msg="domains learned", product="cdn")
    assert (learned["level"], learned["not_online"]) == (
        "warning",
        "shop.example.com (offline), audit.example.com (check_failed)",
    )

    shop.set_inventory("shop", "domains", Domains(online=2), product="cdn")
    eventually("they are gone", lambda: exporter.scrape().value("dcdn_domains", product="cdn", status="offline") == 0)
    status, _, body = exporter.get("/api/v1/status")
    assert status == 200
    document = json.loads(body)
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    of_cdn = next(service for service in document["services"] if service["product"] == "cdn")
    assert (of_cdn["domains"]["online"], of_cdn["domains_not_online"], of_cdn["notes"]) == (2, [], [])
    assert exporter.stop() == 0
    assert refused(shop) == []


def test_a_right_that_lacks_for_domains_leaves_the_service_alone(
    shop: Simulator, configuration: dict[str, Any], serve: Serve, eventually: Eventually
) -> None:
    """That probe fails for permission, and names the right; the service's state goes on."""
    shop.set_denied("shop", [ACTIONS["cdn"]])
    exporter = serve(configuration)

    def denied() -> float:
        return exporter.scrape().value(
            "dcdn_poll_failures_total", product="cdn", probe="domains", reason="permission"
        )

    eventually("the denial is counted", lambda: denied() >= 1)
    eventually("the service is known", lambda: exporter.scrape().status("shop", "cdn") == "active")
    assert exporter.scrape().find("dcdn_domains", product="cdn") == {}
    (failed,) = exporter.told(msg="poll failed")
    assert failed["code"] == "Forbidden.RAM"
    assert "cdn:DescribeUserDomains" in failed["explanation"]


def test_the_status_command_names_them(
    shop: Simulator, configuration: dict[str, Any], command: Command, tmp_path: Path
) -> None:
    """In the table behind the state of the service, the worst first, and in JSON."""
    file = tmp_path / "status.yaml"
    file.write_text(json.dumps(configuration))
    table, document = (command("status", "--config.file", str(file), *flags) for flags in ((), ("--output", "json")))

    assert (table.returncode, document.returncode) == (3, 3)
    assert "domains offline: 1 (shop.example.com), domains that failed the check: 1 (audit.example.com)" in " ".join(
        table.stdout.split()
    )
    parsed = json.loads(document.stdout)
    jsonschema.validate(parsed, json.loads(SCHEMA.read_text(encoding="utf-8")))
    (of_cdn,) = (service for service in parsed["services"] if service["product"] == "cdn")
    assert (parsed["services"][0], of_cdn["condition"]) == (of_cdn, "domains_offline")
    assert of_cdn["domains_not_online"] == [
        {"domain": "shop.example.com", "status": "offline"},
        {"domain": "audit.example.com", "status": "check_failed"},
    ]
    assert (parsed["summary"]["domains_offline"], parsed["summary"]["domains_failed"]) == (1, 1)
    assert refused(shop) == []
