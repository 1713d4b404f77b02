"""Six hours of a fleet as Prometheus has stored them, made without waiting six hours: blocks by promtool.

A sample comes when a series changes, else every four minutes: a query of one moment looks back for five. Of most
accounts the last hour and a half are enough: only the few that are shown are asked for more. What rules record is
written too. Rules that read what they have recorded themselves cannot be evaluated after the fact; the
benchmark compares their series with those that the rules give at the end.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from benchmarks.fleet import (
    AFTER,
    BEGIN,
    BUDGET_PER_S,
    COUNTED,
    END,
    INTERVAL_S,
    JOB,
    PROBES,
    PRODUCT,
    SCRAPED,
    STALE_AFTER_S,
    TURN,
    WHOLE,
    Fleet,
    Scenario,
    Spans,
    spans_of,
)
from benchmarks.fleet_inventories import inventories_of_account
from benchmarks.fleet_recorded import recorded_of_account, recorded_of_job
from benchmarks.serve_ours import account_name
from exporter.core.model import FailureReason
from exporter.probes.service_state import CHARGE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DEBTS = (("enabled", 1), ("available", 1), ("in_debt", 0), ("in_debt_overdue", 0))


def write_blocks(fleet: Fleet, folder: Path, promtool: str) -> Path:
    """Make the blocks in the folder; returns the folder of the data, for Prometheus."""
    text = folder / "fleet.om"
    with text.open("w", encoding="utf-8", buffering=1 << 20) as file:
        for lines in _series(fleet):
            file.write(lines)
        file.write("# EOF\n")
    data = folder / "data"
    subprocess.run(  # noqa: S603 — as installed
        [promtool, "tsdb", "create-blocks-from", "--max-block-duration=18h", "openmetrics", str(text), str(data)],
        check=True,
        capture_output=True,
    )
    text.unlink()
    return data


def _series(fleet: Fleet) -> Iterator[str]:
    for replica in range(fleet.replicas):
        target = f'job="{JOB}",instance="exporter-{replica}:10520"'
        yield from _of_exporter(fleet, target)
        for number in range(fleet.accounts):
            yield from _of_account(fleet, number, target)
    for number in range(fleet.accounts):
        yield from recorded_of_account(fleet, number)
    yield from recorded_of_job(fleet)


def _of_exporter(fleet: Fleet, target: str) -> Iterator[str]:
    gauges = {
        "up": 1,
        "process_start_time_seconds": BEGIN - 86_400,
        "process_resident_memory_bytes": 2e8,
        "scrape_duration_seconds": 0.2,
        "scrape_samples_scraped": 57 * fleet.accounts,
        "dcdn_exporter_configured_accounts": fleet.accounts,
        "dcdn_exporter_probes": 2 * fleet.accounts,
        "dcdn_exporter_shard_ordinal": 0,
        "dcdn_exporter_total_shards": 1,
        "dcdn_exporter_config_last_reload_successful": 1,
        "dcdn_exporter_clock_skew_seconds": 0.1,
        "dcdn_exporter_poll_stale_after_seconds": STALE_AFTER_S,
    }
    yield WHOLE.always.constant(f'dcdn_exporter_build_info{{{target},version="1"}}', 1)
    yield SCRAPED.counting(f"process_cpu_seconds_total{{{target}}}", 0.2)
    for name, value in gauges.items():
        yield WHOLE.each_minute.constant(f"{name}{{{target}}}", value)
    for field in ("InternetChargeType", "ChangingChargeType", "LockReason", "DomainStatus"):
        yield SCRAPED.constant(f'dcdn_exporter_unknown_values_total{{{target},field="{field}"}}', 0)
    for probe in PROBES:
        of_probe = f'{target},product="{probe.product}",probe="{probe.name}"'
        operation = f'{target},operation="{probe.operation}"'
        per_second = fleet.accounts / probe.one_of / INTERVAL_S
        yield WHOLE.always.constant(f'dcdn_exporter_probe_info{{{of_probe},operation="{probe.operation}"}}', 1)
        yield WHOLE.always.constant(f"dcdn_exporter_probe_stale_after_seconds{{{of_probe}}}", STALE_AFTER_S)
        yield WHOLE.always.constant(f"dcdn_exporter_probe_interval_seconds{{{of_probe}}}", INTERVAL_S)
        yield WHOLE.always.constant(f"dcdn_exporter_api_budget_calls_per_second{{{operation}}}", BUDGET_PER_S)
        yield SCRAPED.counting(f"dcdn_exporter_api_budget_wait_seconds_total{{{operation}}}", per_second / 100)
        yield SCRAPED.counting(f"dcdn_exporter_api_request_duration_seconds_count{{{operation}}}", per_second)
        for bound in ("0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"):
            yield SCRAPED.counting(
                f'dcdn_exporter_api_request_duration_seconds_bucket{{{operation},le="{bound}"}}', per_second
            )
        for reason in FailureReason:
            yield SCRAPED.constant(f'dcdn_exporter_poll_failures_total{{{of_probe},reason="{reason.value}"}}', 0)


def _of_account(fleet: Fleet, number: int, target: str) -> Iterator[str]:
    spans = spans_of(fleet, number)
    name = account_name(number)
    account = f'{target},account="{name}"'
    service = f'{account},product="{PRODUCT}"'
    yield spans.always.constant(
        f'dcdn_account_info{{{account},account_id="{name}",account_name="shop {number}",site="china",team="video"}}',
        1,
    )
    yield spans.always.constant(f'dcdn_account_available_amount{{{account},currency="CNY"}}', 1_000 + number)
    yield spans.always.constant(
        f"dcdn_exporter_credential_expiry_timestamp_seconds{{{account}}}", END + 3_600 + number
    )
    yield from _state(fleet, number, service, spans)
    yield from _marked(fleet, number, service, WHOLE if fleet.all_marked else spans)
    yield from inventories_of_account(fleet, number, account)
    for probe in PROBES:
        if probe.polls(number):
            of_probe = f'{account},product="{probe.product}",probe="{probe.name}"'
            yield from _poll(of_probe, spans, stale=fleet.scenario is Scenario.STALE)


def _state(fleet: Fleet, number: int, service: str, spans: Spans) -> Iterator[str]:
    known = spans.known(fleet)
    for status, fine, locked in (("active", 1, 0), ("locked", 0, 1), ("not_activated", 0, 0)):
        series = f'dcdn_service_status{{{service},status="{status}"}}'
        yield from _lockable(fleet, number, spans, series, (fine, locked))
    if number >= fleet.accounts - fleet.changing:
        left = 2 * 86_400 + number
        yield known.constant(f"dcdn_service_charge_type_change_timestamp_seconds{{{service}}}", END + left)
        yield known.constant(f"dcdn_service_charge_type_change_remaining_seconds{{{service}}}", left)
    yield known.constant(f"dcdn_service_opening_timestamp_seconds{{{service}}}", 1.7e9)
    yield known.constant(f'dcdn_service_info{{{service},instance_id="i-{number}"}}', 1)
    for name, value in _DEBTS:
        yield known.constant(f"dcdn_service_{name}{{{service}}}", value)


def _marked(fleet: Fleet, number: int, service: str, spans: Spans) -> Iterator[str]:
    """Locks and billing."""
    known = spans.known(fleet)
    yield from _lockable(fleet, number, spans, f'dcdn_service_lock{{{service},reason="financial"}}', (0, 1))
    changes = number >= fleet.accounts - fleet.changing
    for charge_type in CHARGE_TYPES:
        now, then = charge_type == "PayByTraffic", changes and charge_type == "PayByBandwidth"
        yield known.constant(f'dcdn_service_charge_type{{{service},charge_type="{charge_type}"}}', int(now))
        yield known.constant(f'dcdn_service_next_charge_type{{{service},charge_type="{charge_type}"}}', int(then))


def _lockable(fleet: Fleet, number: int, spans: Spans, series: str, numbers: tuple[int, int]) -> Iterator[str]:
    """A series of the service that is the first number, or the second while it is locked."""
    fine, locked = numbers
    if number < fleet.locked and fleet.scenario is Scenario.LOCKED:
        yield spans.before.constant(series, fine)
        yield AFTER.constant(series, locked)
    else:
        yield spans.known(fleet).constant(series, locked if number < fleet.locked else fine)


def _poll(poll: str, spans: Spans, *, stale: bool) -> Iterator[str]:
    yield COUNTED.counting(f"dcdn_polls_total{{{poll}}}", 1 / INTERVAL_S)
    yield COUNTED.constant(f"dcdn_polls_skipped_total{{{poll}}}", 0)
    yield spans.always.following(f"dcdn_last_poll_timestamp_seconds{{{poll}}}", 30)
    yield spans.always.constant(f"dcdn_last_poll_duration_seconds{{{poll}}}", 0.2)
    if stale:
        yield spans.before.constant(f"dcdn_poll_success{{{poll}}}", 1)
        yield AFTER.constant(f"dcdn_poll_success{{{poll}}}", 0)
        yield spans.before.following(f"dcdn_last_success_timestamp_seconds{{{poll}}}", 30)
        yield AFTER.constant(f"dcdn_last_success_timestamp_seconds{{{poll}}}", TURN - 30)
    else:
        yield spans.always.constant(f"dcdn_poll_success{{{poll}}}", 1)
        yield spans.always.following(f"dcdn_last_success_timestamp_seconds{{{poll}}}", 30)
    for reason in FailureReason:
        counted = COUNTED if reason is FailureReason.THROTTLED else spans.always
        yield counted.constant(f'dcdn_poll_failures_total{{{poll},reason="{reason.value}"}}', 0)
