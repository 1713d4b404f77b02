"""What becomes of the service, on /metrics and in the log."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from exporter.simulator import ChargeChange, ServiceState

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate


def test_a_change_of_state_is_told_once_with_its_request(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """A lock and its release are a line each, with account, old and new value and the API's request id."""
    accounts = [make_account(name) for name in ("changing", "steady")]
    simulator = simulate(*accounts)
    exporter = serve(configure(simulator.url, *accounts), "--log.level", "debug")

    def polled_twice_more() -> None:
        polls = exporter.scrape().value("dcdn_polls_total", account="changing")
        eventually(
            "two more polls",
            lambda: exporter.scrape().value("dcdn_polls_total", account="changing") >= polls + 2,
        )

    eventually("the first state is known", lambda: exporter.scrape().status("changing") == "active")
    simulator.set_service("changing", ServiceState(locks=("financial",)))
    eventually("the lock is shown", lambda: exporter.scrape().status("changing") == "locked")
    polled_twice_more()
    simulator.set_service("changing", ServiceState(charge_type="PayByBandwidth"))
    eventually("the release is shown", lambda: exporter.scrape().status("changing") == "active")
    polled_twice_more()
    assert exporter.stop() == 0

    lines = exporter.told(msg="service state changed")
    told = [(line["level"], line["account"], line["what"], line["old"], line["new"]) for line in lines]
    assert told == [
        ("warning", "changing", "status", "active", "locked"),
        ("info", "changing", "lock_reasons", "", "financial"),
        ("info", "changing", "status", "locked", "active"),
        ("info", "changing", "lock_reasons", "financial", ""),
        ("info", "changing", "charge_type", "PayByTraffic", "PayByBandwidth"),
    ]
    # One poll saw the lock, another the release; the server knows both by the ids in the log.
    locked_by, released_by = list(dict.fromkeys(line["request_id"] for line in lines))
    ours = [entry.request_id for entry in simulator.journal.entries(account_id=accounts[0].account_id)]
    assert ours.index(locked_by) < ours.index(released_by)
    # Every answer left its line (the last call may have met the stop), and the others are no more than debug.
    assert set(ours[:-1]) <= {line["request_id"] for line in exporter.log(None, account="changing")}
    assert [line["msg"] for line in exporter.told() if "account" not in line] == ["listening", "stopping"]
    assert [line["msg"] for line in exporter.told(account="steady")] == ["service state learned"]
    assert [line["msg"] for line in exporter.told(account="changing")] == [
        "service state learned",
        *["service state changed"] * 5,
    ]


def test_a_service_that_was_never_activated_is_a_state(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """The vendor's refusal for a service that was never opened counts as an answer, poll after poll."""
    account = make_account("dormant")
    simulator = simulate(account)
    simulator.set_service("dormant", ServiceState(activated=False))
    exporter = serve(configure(simulator.url, account))
    eventually("two polls", lambda: exporter.scrape().value("dcdn_polls_total", account="dormant") >= 2)

    assert {entry.code for entry in simulator.journal.entries()} == {"DcdnIpaServiceNotFound"}
    page = exporter.scrape()
    assert page.status("dormant") == "not_activated"
    assert page.value("dcdn_poll_success", account="dormant") == 1
    assert not any(page.by("reason", "dcdn_poll_failures_total", account="dormant").values())
    assert [(line["level"], line["msg"]) for line in exporter.told(account="dormant")] == [
        ("info", "service state learned")
    ]


def test_a_billing_change_is_followed_by_a_poll_of_its_own(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """It comes right after the moment of the change, though the next one is a day away."""
    account = make_account("switching")
    simulator = simulate(account)
    moment = math.floor(time.time()) + 10  # a busy machine takes seconds to start a process
    simulator.set_service("switching", ServiceState(change=ChargeChange("PayByBandwidth", moment)))
    exporter = serve(configure(simulator.url, account, interval="1d"))
    eventually("the change is shown", lambda: exporter.scrape().status("switching") == "active")
    before = exporter.scrape()
    remaining_s = before.value("dcdn_service_charge_type_change_remaining_seconds", account="switching")
    assert before.value("dcdn_service_charge_type_change_timestamp_seconds", account="switching") == moment
    assert before.value("dcdn_service_next_charge_type", account="switching", charge_type="PayByBandwidth") == 1
    assert before.value("dcdn_service_charge_type", account="switching", charge_type="PayByTraffic") == 1
    assert before.value("dcdn_polls_total", account="switching") == 1
    assert 0 < remaining_s <= 10

    eventually(
        "the new billing method holds",
        lambda: exporter.scrape().value("dcdn_service_charge_type", charge_type="PayByBandwidth"),
    )
    after = exporter.scrape()
    assert after.value("dcdn_last_success_timestamp_seconds", account="switching") > moment
    assert after.value("dcdn_polls_total", account="switching") == 2
    assert not any(after.by("charge_type", "dcdn_service_next_charge_type", account="switching").values())
    assert not after.find("dcdn_service_charge_type_change_timestamp_seconds")
    assert not after.find("dcdn_service_charge_type_change_remaining_seconds")


def test_a_locked_service_is_polled_more_often(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """While a lock holds its account is polled every second, others every ten minutes, and it too once released."""
    accounts = [make_account(name) for name in ("locked", "other")]
    simulator = simulate(*accounts)
    simulator.set_service("locked", ServiceState(locks=("financial",)))
    exporter = serve(configure(simulator.url, *accounts, interval="10m", locked_interval="1s"))

    def polls() -> dict[str, float]:
        return exporter.scrape().by("account", "dcdn_polls_total")

    eventually("three polls of the locked service", lambda: polls()["locked"] >= 3)
    calls = [entry.at_s for entry in simulator.journal.entries(account_id=accounts[0].account_id)]
    # Not more often than that; only the second, at the probe's own place in the interval, may follow sooner.
    assert calls[-1] - calls[0] > len(calls) - 2.5
    assert polls()["other"] == 1

    simulator.set_service("locked", None)
    eventually("the release is shown", lambda: exporter.scrape().status("locked") == "active")
    polled = polls()["locked"]
    deadline = time.monotonic() + 1.5  # half as much again as a lock's interval
    while time.monotonic() < deadline:
        assert polls()["locked"] == polled
        time.sleep(0.1)
