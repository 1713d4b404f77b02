"""Everything that the simulator can do wrong, to accounts beside one that is served well."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from exporter.simulator import FAULT_KINDS, Fault

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter
    from tests.end_to_end.page import Page

REASONS = ("auth", "permission", "throttled", "timeout", "network", "server", "rejected", "malformed", "internal")

# The fault of an account, and the one reason its failures are counted for.
FAILING: dict[str, tuple[Fault, str]] = {
    "latency": (Fault("latency", seconds=5), "timeout"),
    "reset": (Fault("reset"), "network"),
    "close": (Fault("close"), "network"),
    "hang": (Fault("hang"), "timeout"),
    "trickle_status": (Fault("trickle_status", interval=0.2), "timeout"),
    "trickle_headers": (Fault("trickle_headers"), "timeout"),
    "trickle_body": (Fault("trickle_body"), "timeout"),
    "html_502": (Fault("html_502"), "server"),
    "truncated_json": (Fault("truncated_json"), "malformed"),
    "cut_body": (Fault("cut_body"), "network"),
    "redirect_302": (Fault("redirect_302"), "throttled"),
    "oversized": (Fault("oversized"), "malformed"),
    "oversized_in_chunks": (Fault("oversized", chunked=True), "malformed"),
    "wrong_shape": (Fault("wrong_shape"), "malformed"),
    "not_json": (Fault("not_json"), "malformed"),
    "not_http": (Fault("not_http"), "network"),
    "echo": (Fault("echo"), "server"),
    "throttled": (Fault("error", status=400, code="Throttling.User"), "throttled"),
    "too_busy": (Fault("error", status=503, code="ServiceUnavailable"), "server"),
    "wrong_signature": (Fault("error", status=400, code="SignatureDoesNotMatch"), "auth"),
    "forbidden": (Fault("error", status=403, code="Forbidden.RAM"), "permission"),
    "refused": (Fault("error", status=400, code="InvalidParameter"), "rejected"),
}
HARMLESS: dict[str, Fault] = {
    "stale_connection": Fault("close_reused"),  # right after the untouched one, whose connection it takes over
    "slow": Fault("latency", seconds=0.1),
}
UNTOUCHED = "untouched"


def failures(page: Page, account: str) -> dict[str, float]:
    """The reasons that failures were counted for, with their counts."""
    counted = page.by("reason", "dcdn_poll_failures_total", account=account)
    assert tuple(counted) == REASONS
    return {reason: count for reason, count in counted.items() if count}


def successes(page: Page) -> dict[str, float]:
    return page.by("account", "dcdn_poll_success")


def last_successes(page: Page) -> dict[str, float]:
    return page.by("account", "dcdn_last_success_timestamp_seconds")


def all_failed_at_least(times: int, exporter: Exporter) -> Page | None:
    page = exporter.scrape()
    failed = all(sum(failures(page, account).values()) >= times for account in FAILING)
    return page if failed else None


def all_succeed(exporter: Exporter) -> Page | None:
    page = exporter.scrape()
    return page if all(successes(page).values()) else None


def told(exporter: Exporter, account: str) -> list[str]:
    """The events above debug about the account, after its state was learned."""
    first, *later = [line["msg"] for line in exporter.told(account=account)]
    assert first == "service state learned"
    return later


def test_every_kind_of_fault_is_played() -> None:
    """The table below names every way in which the simulator can misbehave."""
    played = {fault.kind for fault, _ in FAILING.values()} | {fault.kind for fault in HARMLESS.values()}
    assert played == set(FAULT_KINDS)


def test_failures_are_counted_told_once_and_touch_nobody_else(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """A fault moves its own account's health and nothing else: not its state, not its neighbours, not the scrapes."""
    accounts = [make_account(name) for name in (UNTOUCHED, *HARMLESS, *FAILING)]
    simulator = simulate(*accounts)
    exporter = serve(configure(simulator.url, *accounts))
    eventually("every account was answered", lambda: all_succeed(exporter))

    # All faults at once: what one account suffers, the others see.
    for name, fault in {**HARMLESS, **{name: fault for name, (fault, _) in FAILING.items()}}.items():
        simulator.set_fault(name, fault)
    early = eventually("every fault was met", lambda: all_failed_at_least(1, exporter))
    ages: list[float] = []
    durations_s: list[float] = []
    late = None
    deadline = time.monotonic() + 60
    while late is None or len(durations_s) < 20:
        assert time.monotonic() < deadline, "the faults were not met three times"
        began = time.monotonic()
        exporter.get("/metrics")
        durations_s.append(time.monotonic() - began)
        late = late or all_failed_at_least(3, exporter)
        ages.append(time.time() - last_successes(exporter.scrape())[UNTOUCHED])
        time.sleep(0.02)

    well = (UNTOUCHED, *HARMLESS)
    assert successes(late) == {**dict.fromkeys(well, 1), **dict.fromkeys(FAILING, 0)}
    # Each failure counts for the one right reason, and repeats count again.
    counted = {name: set(failures(late, name)) for name in (*well, *FAILING)}
    assert counted == {**{name: set() for name in well}, **{name: {reason} for name, (_, reason) in FAILING.items()}}
    # A failure is no news of the service: the state stays, and so does its age.
    assert {late.status(name) for name in FAILING} == {"active"}
    assert {name: last_successes(late)[name] for name in FAILING} == {
        name: last_successes(early)[name] for name in FAILING
    }
    # The others are polled each second as before, give or take a busy machine, and a scrape waits for nobody.
    assert max(ages) < 3
    assert statistics.median(durations_s) < 0.05
    # One line for each that fails, however often.
    assert {name: told(exporter, name) for name in FAILING} == {name: ["poll failed"] for name in FAILING}

    for account in accounts:
        simulator.set_fault(account.name, None)
    recovered = eventually("every account is answered again", lambda: all_succeed(exporter))
    assert all(last_successes(recovered)[name] > last_successes(late)[name] for name in FAILING)
    assert {name: told(exporter, name) for name in (*well, *FAILING)} == {
        **{name: [] for name in well},
        **{name: ["poll failed", "poll recovered"] for name in FAILING},
    }
    # The stale connection was one: it died under a poll that nevertheless was answered.
    assert any(entry.fault == "close_reused" for entry in simulator.journal.entries())
    assert exporter.stop() == 0
