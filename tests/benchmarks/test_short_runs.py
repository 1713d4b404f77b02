"""Each benchmark in a short form: it runs, and finds what it is there for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import (
    alert_delay,
    billing_change,
    budget,
    cold_start,
    footprint,
    freshness,
    lateness,
    outage,
    poll,
    rules,
    scrape,
    scrape_stall,
    sizing,
)
from benchmarks.scraper import FORMS
from benchmarks.soak import Pace, soak
from exporter.core.pool import threads_for
from tests.end_to_end.pace import Pace as RulesPace

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.findings import Finding

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.waits,
    pytest.mark.skipif(sys.platform != "linux", reason="what is counted of a process comes from Linux"),
]

# Besides those that poll: of the schedule, the page, the roles' tokens and the questions.
OTHER_THREADS = 32
OTHER_FILES = 24


def found(finding: Finding, name: str) -> float:
    """The figure of that name."""
    return next(figure.value for figure in finding.figures if figure.name == name)


def test_the_cost_of_polls_can_be_measured() -> None:
    """A small daemon and a small loop are measured; what they take is no fact of a test."""
    finding = poll.measure(accounts=100, interval_s=2, windows=1, window_s=3, start_accounts=100, busy_accounts=100)

    assert found(finding, "CPU per poll, all in") > 0
    assert found(finding, "CPU per call, bare loop") > 0


def test_the_lateness_of_polls_can_be_measured() -> None:
    """The polls of two small numbers of accounts are found again at the server."""
    finding = lateness.measure(sizes=(20, 50), interval_s=2, rounds=2)

    assert {figure.of for figure in finding.figures} == {"20 probes", "50 probes"}


def test_the_use_of_the_budget_can_be_measured() -> None:
    """One process and three call as the simulator counts it."""
    finding = budget.measure(seconds=3, settle_s=1)

    assert [figure.value > 0 for figure in finding.figures if figure.name == "use of the limit"] == [True, True]


def test_the_age_of_healthy_accounts_can_be_measured() -> None:
    """Ages are read off the pages of a daemon with some accounts that hang and some that fail."""
    finding = freshness.measure(accounts=40, interval_s=1, timeout_s=1, intervals=6)

    assert found(finding, "age of a healthy account's data, median") > 0


def test_the_time_until_a_billing_change_is_seen_can_be_measured() -> None:
    """Every change is seen, and none before its moment."""
    finding = billing_change.measure(accounts=10, begin_s=10, spread_s=2)

    assert found(finding, "changes not seen within 60 s") == 0
    assert found(finding, "a change seen after its moment, least") > 0


def test_an_outage_can_be_measured() -> None:
    """All accounts come back after an API that hung, and what was measured of it is there."""
    finding = outage.measure(accounts=50, interval_s=3, timeout_s=1, outage_s=6)

    assert found(finding, "from the return until the last account is fresh") > 0
    assert found(finding, "calls per second during the outage") > 0


def test_a_cold_start_can_be_measured() -> None:
    """Every member is polled, after its token came."""
    finding = cold_start.measure(members=60)

    assert found(finding, "start until all were polled") > 0
    assert found(finding, "AssumeRole calls for each member") >= 1
    assert found(finding, "from a token to its first poll, median") > -100  # the server takes 100 ms for a token


def test_nothing_grows_while_accounts_members_and_faults_come_and_go() -> None:
    """After eighty reloads there are no more threads and files than its pools may have; memory is near what it was.

    One thread or file left behind by each reload would pass these bounds.
    """
    workers = 4
    pace = Pace(
        interval_s=1,
        timeout_s=0.5,
        sample_s=0.5,
        scrape_s=0.5,
        fault_s=1,
        reload_s=0.5,
        discovery_s=3,
        lateness_s=5,
    )
    seen = soak(seconds=40, accounts=80, pace=pace, max_workers=workers)

    assert seen.reloads == 80
    polling = threads_for(workers)
    assert max(seen.threads) <= polling + OTHER_THREADS
    # A connection has two, the second of which ends it from another thread.
    assert max(seen.files) <= 2 * polling + OTHER_FILES
    assert max(seen.memory_mb) < 2 * min(seen.memory_mb)


def test_scrapes_are_compared_on_the_same_series() -> None:
    """A short run has figures of every form and server, and claims of the small page."""
    finding = scrape.measure(accounts=[1], rounds={1: (1, 1)}, go=False)

    of = {figure.of for figure in finding.figures}
    assert of == {f"1, {form}: {name}" for form in FORMS for name in ("ours", "prometheus-client", "floor")}
    assert {figure.name for figure in finding.figures} == {"time", "first byte", "CPU", "peak memory"}
    assert len(finding.claims) == len(FORMS)


def test_a_scrape_that_holds_up_others_would_be_seen() -> None:
    """A short run has the longest of each, with scrapes and without, and a claim for each form."""
    finding = scrape_stall.measure(accounts=200, seconds=0.5)

    assert {figure.of for figure in finding.figures} == {"no scrape", "plain", "gzip", "both at once"}
    assert all(figure.value > 0 for figure in finding.figures)
    assert len(finding.claims) == 3 * 2 * 2


def test_the_daemon_is_measured_from_its_start_on() -> None:
    """A short run has the seconds of a start, of its imports and of a stop, and the memory of the daemon itself."""
    finding = footprint.measure(starts=1, accounts=20, seconds=1.0)

    start, imports, against, cpu, one, many, peak, stop = (figure.value for figure in finding.figures)
    assert 0.1 < cpu < 30
    assert 0.1 < imports < 60
    assert 0.1 < start < 60
    assert against == start / imports
    assert 30 < one < 150
    assert 30 < many <= peak < 150
    assert 0 < stop < 10


def test_what_probes_take_can_be_measured() -> None:
    """A short run has what each key adds: more series for each, and all of them together for all probes."""
    finding = sizing.measure(accounts=2, many=3, stopped=4, seconds=1, settle_s=0)

    series = {figure.of: figure.value for figure in finding.figures if figure.name == "series of an account"}
    everything = series.pop("2 accounts, all probes")
    assert min(series.values()) > 0
    assert max(series.values()) < everything
    assert found(finding, "SIGTERM to the end with 4 accounts and all probes") > 0


def test_the_cost_of_rules_can_be_measured(tool: Callable[[str], str]) -> None:
    """A real Prometheus has evaluated every group for two replicas, and few accounts take little of its interval."""
    finding = rules.measure(accounts=3, fill_s=0, watch_s=1, find=tool)

    evaluated = [figure.name for figure in finding.figures if "evaluation" in figure.name and figure.value > 0]
    assert evaluated == [
        f"one evaluation of dcdn-{group}{when}"
        for when in ("", ", all polls failing")
        for group in ("dashboards", "exporter", "lock", "poll", "service")
    ]
    assert all(claim.holds for claim in finding.claims)


def test_the_delay_of_alerts_can_be_measured(tool: Callable[[str], str]) -> None:
    """Each event is followed by the message of its alert, in the end that of an exporter that was killed."""
    finding = alert_delay.measure(each=2, pace=RulesPace(faster=60), find=tool)

    most = {figure.of: figure.value for figure in finding.figures if figure.name.endswith("most")}
    assert set(most) == {
        *("DcdnServiceLockedFinancial", "DcdnServiceLockedOther", "DcdnInDebt", "DcdnInDebtOverdue"),
        *("DcdnChargeTypeChangeSoon", "DcdnAuthFailing", "DcdnExporterDown"),
    }
    assert min(most.values()) > 0
    assert {claim.figure.of for claim in finding.claims} == set(most)
