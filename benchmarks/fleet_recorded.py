"""What rules have recorded of a fleet, as they would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.fleet import (
    AFTER,
    BUDGET_PER_S,
    EACH_MINUTE_AFTER,
    INTERVAL_S,
    JOB,
    ONCE_STALE,
    PROBES,
    PRODUCT,
    STALE_AFTER_S,
    TURN,
    WHOLE,
    Fleet,
    Scenario,
    spans_of,
)
from benchmarks.fleet_inventories import recorded_inventories, recorded_plans
from benchmarks.serve_ours import account_name
from deploy.prometheus.rules.dashboard_recordings import Attention
from deploy.prometheus.rules.expressions import (
    ATTENTION,
    BALANCE,
    BUDGET,
    BUDGET_USED,
    COUNT,
    FLEET,
    LOCK,
    MEDIAN_AGE,
    NEXT_CHARGE_TYPE,
    OLDEST,
    POLLED,
    POLLS,
    ROUTES,
    SHOWN,
    SKIPPED,
    STALE,
    STATUS,
    THROTTLED,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def recorded_of_account(fleet: Fleet, number: int) -> Iterator[str]:
    spans = spans_of(fleet, number)
    name = account_name(number)
    service = f'account="{name}",product="{PRODUCT}"'
    stale, locked = fleet.scenario is Scenario.STALE, number < fleet.locked
    suddenly = locked and fleet.scenario is Scenario.LOCKED
    for product in dict.fromkeys(probe.product for probe in PROBES if probe.polls(number)):
        shown = f'job="{JOB}",instance="exporter-0:10520",account="{name}",product="{product}"'
        yield spans.always.constant(f"{SHOWN}{{{shown}}}", 1)
    yield from recorded_inventories(fleet, number, name)
    yield spans.always.constant(f'{BALANCE}{{account="{name}",currency="CNY"}}', 1_000 + number)
    routes = f'account="{name}",account_id="{name}",account_name="shop {number}",site="china",team="video"'
    yield spans.always.constant(f"{ROUTES}{{{routes}}}", 1)
    yield from _status(fleet, number, service)
    needs = []
    if locked:
        during = EACH_MINUTE_AFTER if suddenly else WHOLE.each_minute
        yield during.constant(f'{LOCK}{{{service},reason="financial"}}', 1)
        needs.append((during, "DcdnServiceLockedFinancial", Attention.LOCKED))
    if number >= fleet.accounts - fleet.changing:
        yield spans.always.constant(f'{NEXT_CHARGE_TYPE}{{{service},charge_type="PayByBandwidth"}}', 1)
        needs += [] if stale else [(WHOLE.each_minute, "DcdnChargeTypeChangeSoon", Attention.CHANGES_SOON)]
    if stale:
        needs += [(ONCE_STALE, "DcdnDataStale", Attention.UNKNOWN)]
        needs += [(EACH_MINUTE_AFTER, "DcdnPollFailing", Attention.FAILING)]
    for during, runbook, value in needs:
        yield during.constant(f'{ATTENTION}{{job="{JOB}",{service},runbook="{runbook}"}}', value)
    for probe in PROBES:
        if not probe.polls(number):
            continue
        of_id = f'job="{JOB}",account_id="{name}",operation="{probe.operation}"'
        yield spans.always.constant(f"{BUDGET_USED}{{{of_id}}}", 1 / INTERVAL_S / BUDGET_PER_S)
        of_probe = f'job="{JOB}",account="{name}",product="{probe.product}",probe="{probe.name}"'
        yield (spans.before if stale else spans.always).constant(f"{POLLED}{{{of_probe}}}", 1)
        if stale:
            yield AFTER.constant(f"{POLLED}{{{of_probe}}}", 0)
            yield ONCE_STALE.following(f"{STALE}{{{of_probe}}}", TURN - 30 + STALE_AFTER_S)


def _status(fleet: Fleet, number: int, service: str) -> Iterator[str]:
    """The status in the last answer."""
    spans = spans_of(fleet, number)
    active, locked = (f'{STATUS}{{{service},status="{status}"}}' for status in ("active", "locked"))
    if number < fleet.locked and fleet.scenario is Scenario.LOCKED:
        yield spans.before.constant(active, 1)
        yield AFTER.constant(locked, 1)
    else:
        yield spans.always.constant(locked if number < fleet.locked else active, 1)


def recorded_of_job(fleet: Fleet) -> Iterator[str]:
    job = f'job="{JOB}"'
    stale = fleet.scenario is Scenario.STALE
    counts = {"active": fleet.accounts - fleet.locked, "locked": fleet.locked, "not_activated": 0}
    for status, count in counts.items():
        if count:
            during = WHOLE.until_stale if stale else WHOLE.each_minute
            yield during.constant(f'{COUNT}{{{job},product="{PRODUCT}",status="{status}"}}', count)
    if stale:
        yield ONCE_STALE.constant(f'{COUNT}{{{job},product="{PRODUCT}",status="unknown"}}', fleet.accounts)
    yield from recorded_plans(fleet)
    for probe in PROBES:
        of_probe = f'product="{probe.product}",probe="{probe.name}"'
        for replica in range(fleet.replicas):
            target = f'{job},instance="exporter-{replica}:10520"'
            yield WHOLE.each_minute.constant(
                f"{POLLS}{{{target},{of_probe}}}", fleet.accounts / probe.one_of / INTERVAL_S
            )
        for record, value in ((THROTTLED, 0.0), (SKIPPED, 0.0), (OLDEST, 0.15), (MEDIAN_AGE, 0.05)):
            yield WHOLE.each_minute.constant(f"{record}{{{job},{of_probe}}}", value)
        yield WHOLE.always.constant(f'{FLEET}{{{job},site="china",{of_probe}}}', fleet.accounts // probe.one_of)
        operation = probe.operation
        yield WHOLE.each_minute.constant(f'{BUDGET}{{{job},operation="{operation}"}}', 1 / INTERVAL_S / BUDGET_PER_S)
