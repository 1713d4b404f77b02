"""What an account has beside its services, from the API to /metrics, JSON and the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exporter.simulator import Certificates, ServiceState

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate


def test_certificates_of_two_products_on_both_sites(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Numbers of one product, no domain with HTTPS in the other; notes stand beside the status of the service."""
    accounts = (make_account("abroad"), make_account("shop"))
    simulator = simulate(*accounts)
    for account in accounts:
        for product in ("dcdn", "cdn"):
            simulator.set_service(account.name, ServiceState(), product=product)
        simulator.set_inventory(account.name, "certificates", Certificates(expired=1, expiring=2), product="cdn")
    configuration = configure(simulator.url, *accounts, inventory_interval="1s")
    configuration |= {"products": ["dcdn", "cdn"], "certificates": True}
    configuration["accounts"][0]["site"] = "international"
    configuration["endpoints"] |= {"cdn": simulator.url}
    exporter = serve(configuration)

    eventually("every probe is answered", lambda: set(exporter.scrape().find("dcdn_poll_success").values()) == {1})
    page = exporter.scrape()
    for account in accounts:
        assert page.by("product", "dcdn_certificate_expired_domains", account=account.name) == {"dcdn": 0, "cdn": 1}
        assert page.by("product", "dcdn_certificate_expiring_domains", account=account.name) == {"dcdn": 0, "cdn": 2}
    assert page.value("dcdn_exporter_probe_interval_seconds", product="cdn", probe="certificates") == 1
    _, _, body = exporter.get("/api/v1/status")
    notes = ["domains whose certificate has expired: 1", "domains whose certificate expires within 30 days: 2"]
    assert [(row["account"], row["product"], row["notes"]) for row in json.loads(body)["services"]] == [
        ("abroad", "cdn", notes),
        ("shop", "cdn", notes),
        ("abroad", "dcdn", []),
        ("shop", "dcdn", []),
    ]

    simulator.set_inventory("shop", "certificates", Certificates(expired=3, expiring=2), product="cdn")
    eventually("it is logged", lambda: exporter.told(msg="certificates changed"))
    (line,) = exporter.told(msg="certificates changed")
    assert [line[key] for key in ("level", "account", "what", "old", "new")] == [
        "warning",
        "shop",
        "expired_domains",
        "1",
        "3",
    ]


def test_a_right_that_lacks_for_certificates_leaves_the_service_alone(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Only that probe fails, for permission, and the log names the right."""
    account = make_account("shop")
    simulator = simulate(account)
    simulator.set_service("shop", ServiceState(), product="cdn")
    simulator.set_denied("shop", ("DescribeUserCertificateExpireCount",))
    configuration = configure(simulator.url, account)
    configuration["accounts"][0] |= {"products": ["cdn"], "certificates": True}
    configuration["endpoints"] |= {"cdn": simulator.url}
    exporter = serve(configuration)

    def denied() -> float:
        return exporter.scrape().value("dcdn_poll_failures_total", probe="certificates", reason="permission")

    eventually("the denial is counted", lambda: denied() >= 1)
    page = exporter.scrape()
    assert page.status("shop", "cdn") == "active"
    assert page.find("dcdn_certificate_expired_domains") == {}
    assert "cdn:DescribeUserCertificateExpireCount" in exporter.told(msg="poll failed")[0]["explanation"]
