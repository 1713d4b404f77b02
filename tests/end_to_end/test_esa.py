"""Plans of Edge Security Acceleration, from the API to /metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from exporter.simulator import EsaPlan
from tests.end_to_end.sample_server import sample_server

if TYPE_CHECKING:
    from exporter.simulator import Account
    from tests.end_to_end.conftest import Command, Configure, Eventually, MakeAccount, Serve, Simulate

PAYLOADS = Path(__file__).parents[1] / "payloads"
MANY = [
    *(EsaPlan(f"sp-{number:03}", expire_time=f"2099-01-01T00:{number % 60:02}:00Z") for number in range(210)),
    *(EsaPlan(f"sp-p{number:02}", billing_mode="POSTPAY") for number in range(20)),
    EsaPlan("sp-late", billing_mode="POSTPAY", status="overdue", sites={"example.com": "offline"}),
]


def watching(configure: Configure, url: str, account: Account, **poll: str) -> dict[str, Any]:
    """The configuration of an account that has the product ``esa`` alone."""
    configuration = configure(url, account, inventory_interval="1s", **poll)
    configuration["products"] = ["esa"]
    configuration["endpoints"]["esa"] = url
    return configuration


def test_every_plan_is_counted_once_whatever_the_pages_and_lists(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """All pages of both lists are read, with GET; an account with nothing but plans has no other probe."""
    account = make_account("edge")
    simulator = simulate(account)
    simulator.set_inventory("edge", "plans", MANY)
    exporter = serve(watching(configure, simulator.url, account))

    eventually("both lists are known", lambda: exporter.scrape().value("dcdn_esa_plans", status="disable") == 0)
    page = exporter.scrape()

    assert page.by("status", "dcdn_esa_plans", account="edge") == {
        "online": 230,
        "offline": 0,
        "overdue": 1,
        "disable": 0,
    }
    assert page.by("status", "dcdn_esa_sites", account="edge") == {
        "pending": 0,
        "active": 0,
        "offline": 1,
        "moved": 0,
    }
    ends = page.by("instance_id", "dcdn_esa_plan_expiry_timestamp_seconds", account="edge")
    assert (len(ends), "sp-000" in ends, "sp-059" in ends) == (64, True, False)
    assert page.by("probe", "dcdn_poll_success", account="edge") == {"plans": 1, "postpaid_plans": 1}
    assert {entry.method for entry in simulator.journal.entries()} == {"GET"}
    first_polls = [str(entry.action) for entry in simulator.journal.entries()][:4]
    assert sorted(first_polls) == ["ListPostpaidRatePlanInstances", *["ListUserRatePlanInstances"] * 3]


def test_a_plan_that_stops_is_news_and_ends_the_command_with_3(
    *,
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    eventually: Eventually,
    command: Command,
    tmp_path: Path,
) -> None:
    """The log warns with the plan's id, and the table says how many have stopped."""
    account = make_account("edge")
    simulator = simulate(account)
    simulator.set_inventory("edge", "plans", [EsaPlan("sp-1"), EsaPlan("sp-2")])
    configuration = watching(configure, simulator.url, account)
    exporter = serve(configuration)
    eventually("both are online", lambda: exporter.scrape().value("dcdn_esa_plans", status="online") == 2)

    simulator.set_inventory("edge", "plans", [EsaPlan("sp-1"), EsaPlan("sp-2", status="offline")])

    eventually("one has expired", lambda: exporter.scrape().value("dcdn_esa_plans", status="offline") == 1)
    # The page may have it before the log.
    [line] = eventually("it is logged", lambda: exporter.told(msg="plans changed", what="plans_offline"))
    assert (line["level"], line["old"], line["new"], line["probe"]) == ("warning", "", "sp-2", "plans")
    file = tmp_path / "edge.yaml"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    done = command("status", "--config.file", str(file))
    assert done.returncode == 3
    assert "offline, plans offline: 1 of 2" in done.stdout
    assert "1 account, 2 probes: 1 plan stopped" in done.stdout


def test_a_right_that_lacks_for_one_list_leaves_the_other_alone(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Its probe fails for permission; what has stopped in the other list is shown, without zeros."""
    account = make_account("edge")
    simulator = simulate(account)
    simulator.set_inventory(
        "edge", "plans", [EsaPlan("sp-1"), EsaPlan("sp-2", billing_mode="POSTPAY", status="overdue")]
    )
    simulator.set_denied("edge", ["ListUserRatePlanInstances"])
    exporter = serve(watching(configure, simulator.url, account))

    def denied() -> float:
        return exporter.scrape().value("dcdn_poll_failures_total", probe="plans", reason="permission")

    eventually("the denial is counted", lambda: denied() >= 2)
    eventually("the other list is known", lambda: exporter.scrape().find("dcdn_esa_plans"))
    page = exporter.scrape()
    assert page.by("probe", "dcdn_poll_success", account="edge") == {"plans": 0, "postpaid_plans": 1}
    assert page.by("status", "dcdn_esa_plans") == {"overdue": 1}
    assert exporter.told(msg="poll failed")[0]["code"] == "Forbidden.RAM"


SAMPLES = {
    "ListUserRatePlanInstances 2024-09-10": "list_user_rate_plan_instances.json",
    "ListPostpaidRatePlanInstances 2024-09-10": "list_postpaid_rate_plan_instances.json",
}


def sample(action: str, query: str) -> bytes | None:
    """What the vendor's page of an operation shows, for the first page of a list."""
    first = parse_qs(query) == {"PageNumber": ["1"], "PageSize": ["100"]}
    return (PAYLOADS / SAMPLES[action]).read_bytes() if first and action in SAMPLES else None


def test_the_vendors_samples_are_one_plan(
    make_account: MakeAccount, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Both samples have the same instance: the one says when it ends, the other that it is paid for afterwards."""
    with sample_server(sample) as url:
        exporter = serve(watching(configure, url, make_account("edge")))
        eventually("both lists are known", lambda: exporter.scrape().value("dcdn_esa_plans", status="disable") == 0)
        page = exporter.scrape()

    plan = {"account": "edge", "instance_id": "sp-xcdn-96wblslz****"}
    assert page.by("status", "dcdn_esa_plans") == {"online": 1, "offline": 0, "overdue": 0, "disable": 0}
    assert page.by("status", "dcdn_esa_sites") == {"pending": 1, "active": 0, "offline": 0, "moved": 0}
    assert page.value("dcdn_esa_plan_expiry_timestamp_seconds", **plan) == 1776597320
    assert page.value("dcdn_esa_plan_info", plan_name="basic", renewal="manual", **plan) == 1
