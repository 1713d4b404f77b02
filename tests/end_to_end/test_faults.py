"""Everything that the simulator can do wrong, to accounts beside one that is served well.

A busy machine can hold up any call until its deadline. What must never fail by such luck waits for a calm stretch: a
while in which each account met its own fault and nothing else. An exporter in which accounts suffer from each other
has none, however long one waits.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import FAULT_KINDS, Fault
from tests.waiting import PATIENCE_S

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
WELL = (UNTOUCHED, *HARMLESS)
RIGHT_REASONS: dict[str, set[str]] = {
    **{name: set() for name in WELL},
    **{name: {reason} for name, (_, reason) in FAILING.items()},
}


@dataclass(frozen=True)
class Stretch:
    """What was seen from a page to the one by which every account with a fault had failed three times more."""

    page: Page
    """The last one."""
    reasons: dict[str, set[str]]
    """For which each account's failures were counted."""
    served: set[str]
    """The accounts that were answered."""
    oldest_s: float
    """The greatest age of the untouched account's state."""
    scrape_s: float
    """The median of what a scrape took."""
    told: list[str]
    """The log above debug."""

    @property
    def calm(self) -> bool:
        """Each account met its fault and no other, none was late, no scrape waited, and repeats were not told."""
        return (
            self.reasons == RIGHT_REASONS
            and self.served == set(WELL)
            and self.oldest_s < 3  # polled each second, give or take a busy machine
            and self.scrape_s < 0.5  # one that waited for those who hang would take their second
            and self.told == []
        )


def failures(page: Page, account: str) -> dict[str, float]:
    """All reasons that failures can be counted for, with their counts."""
    counted = page.by("reason", "dcdn_poll_failures_total", account=account)
    assert tuple(counted) == REASONS
    return counted


def successes(page: Page) -> dict[str, float]:
    return page.by("account", "dcdn_poll_success")


def last_successes(page: Page) -> dict[str, float]:
    return page.by("account", "dcdn_last_success_timestamp_seconds")


def all_failed(times: int, exporter: Exporter, *, since: Page) -> Page | None:
    """The page now, if every account with a fault has failed so often since that page."""
    page = exporter.scrape()
    failed = all(
        sum(failures(page, account).values()) >= sum(failures(since, account).values()) + times for account in FAILING
    )
    return page if failed else None


def all_succeed(exporter: Exporter) -> Page | None:
    page = exporter.scrape()
    return page if all(successes(page).values()) else None


def watch(exporter: Exporter) -> Stretch:
    """What is seen until every account with a fault has failed three times more; LookupError when that takes long."""
    told = len(exporter.told())
    first = exporter.scrape()
    last = None
    ages_s: list[float] = []
    durations_s: list[float] = []
    deadline = time.monotonic() + PATIENCE_S
    while last is None or len(durations_s) < 20:
        if time.monotonic() > deadline:
            raise LookupError("the faults were not met three times")
        began = time.monotonic()
        exporter.get("/metrics")
        durations_s.append(time.monotonic() - began)
        last = last or all_failed(3, exporter, since=first)
        ages_s.append(time.time() - last_successes(exporter.scrape())[UNTOUCHED])
        time.sleep(0.1)
    return Stretch(
        page=last,
        reasons={
            name: {reason for reason, count in failures(last, name).items() if count > failures(first, name)[reason]}
            for name in RIGHT_REASONS
        },
        served={name for name, at in last_successes(last).items() if at > last_successes(first)[name]},
        oldest_s=max(ages_s),
        scrape_s=statistics.median(durations_s),
        told=[f"{line['msg']}: {line}" for line in exporter.told()[told:]],
    )


def watch_calmly(exporter: Exporter) -> Stretch:
    """What is seen in a calm stretch; raises LookupError with the stretch when it was none."""
    stretch = watch(exporter)
    if not stretch.calm:
        raise LookupError(stretch)
    return stretch


def events(exporter: Exporter, account: str) -> list[tuple[str, str | None]]:
    """What was logged of the account above debug, each with the reason of the failure."""
    return [(line["msg"], line.get("reason")) for line in exporter.told(account=account)]


def test_every_kind_of_fault_is_played() -> None:
    """The table above names every way in which the simulator can misbehave."""
    played = {fault.kind for fault, _ in FAILING.values()} | {fault.kind for fault in HARMLESS.values()}
    assert played == set(FAULT_KINDS)


@pytest.mark.timeout(300)  # it may wait for long until the machine is calm
def test_failures_are_counted_logged_once_and_touch_no_other_account(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """A fault moves its own account's health and nothing else: not its state, not its neighbours, not the scrapes."""
    accounts = [make_account(name) for name in (*WELL, *FAILING)]
    simulator = simulate(*accounts)
    exporter = serve(configure(simulator.url, *accounts))
    eventually("every account was answered", lambda: all_succeed(exporter))

    # All faults at once: what one account suffers, the others see.
    for name, fault in {**HARMLESS, **{name: fault for name, (fault, _) in FAILING.items()}}.items():
        simulator.set_fault(name, fault)
    since = exporter.scrape()
    early = eventually("every fault was met", lambda: all_failed(1, exporter, since=since))
    calm = eventually("there was a calm stretch", lambda: watch_calmly(exporter), within_s=2 * PATIENCE_S)

    assert successes(calm.page) == {**dict.fromkeys(WELL, 1), **dict.fromkeys(FAILING, 0)}
    # A failure is no news of the service: the state stays, and so does its age.
    assert {calm.page.status(name) for name in FAILING} == {"active"}
    assert {name: last_successes(calm.page)[name] for name in FAILING} == {
        name: last_successes(early)[name] for name in FAILING
    }
    # What was not logged again in the calm stretch was logged before.
    for name, (_, reason) in FAILING.items():
        assert ("poll failed", reason) in events(exporter, name)

    for account in accounts:
        simulator.set_fault(account.name, None)
    recovered = eventually("every account is answered again", lambda: all_succeed(exporter))
    assert all(last_successes(recovered)[name] > last_successes(calm.page)[name] for name in FAILING)
    for name in FAILING:
        eventually("the recovery is logged", lambda name=name: ("poll recovered", None) in events(exporter, name))
    assert exporter.log("service state changed") == []
    # The stale connection was one: it died under a poll that nevertheless was answered.
    assert any(entry.fault == "close_reused" for entry in simulator.journal.entries())
    assert exporter.stop() == 0
