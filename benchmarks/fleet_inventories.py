"""What is known of a fleet beside locks, of the accounts that have such probes: scraped, and as rules record it.

Of every second account with plans of ESA there is something of each kind to see to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.fleet import (
    EACH_MINUTE_AFTER,
    END,
    JOB,
    ONCE_STALE,
    WHOLE,
    WITH_INVENTORIES,
    WITH_PLANS,
    Fleet,
    Scenario,
    spans_of,
)
from deploy.prometheus.rules.dashboard_inventories import Measure
from deploy.prometheus.rules.dashboard_recordings import Attention
from deploy.prometheus.rules.expressions import (
    ATTENTION,
    BESIDE,
    CHECK_FAILED,
    COUNT,
    EXPIRED,
    EXPIRING,
    OFFLINE,
    ONLINE,
    PACKAGE_END,
    PACKAGE_LEFT,
    PLAN_EXPIRY,
    PLANS_STOPPED,
)
from exporter.probes.domains import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOON = END + 86_400
_FAR = END + 86_400 * 300
_PLANS = ("online", "offline", "overdue", "disable")
_SITES = ("pending", "active", "offline", "moved")


def _needing(number: int) -> bool:
    return number % (2 * WITH_PLANS) == 0


def inventories_of_account(fleet: Fleet, number: int, account: str) -> Iterator[str]:
    """What an exporter shows of an account; ``account`` are its labels."""
    known, bad = spans_of(fleet, number).known(fleet), _needing(number)
    if number % WITH_INVENTORIES == 0:
        service = f'{account},product="cdn"'
        yield known.constant(f"dcdn_certificate_expired_domains{{{service}}}", int(bad))
        yield known.constant(f"dcdn_certificate_expiring_domains{{{service}}}", int(bad))
        for status in STATUSES:
            count = 20 if status == "online" else int(bad and status in {"offline", "check_failed"})
            yield known.constant(f'dcdn_domains{{{service},status="{status}"}}', count)
        for status in ("valid", "exhaust"):
            yield known.constant(f'dcdn_resource_packages{{{service},status="{status}"}}', 1)
        kind = f'{service},template="T"'
        yield known.constant(f'dcdn_resource_package_capacity{{{kind},unit="bytes"}}', 1e12)
        yield known.constant(f'dcdn_resource_package_remaining{{{kind},unit="bytes"}}', 1e10 if bad else 9e11)
        yield known.constant(f"dcdn_resource_package_end_timestamp_seconds{{{kind}}}", _SOON if bad else _FAR)
        yield known.constant(f"dcdn_resource_packages_unreadable{{{kind}}}", 0)
        named = f'{kind},commodity_code="dcdnpaybag",billing_region="CN",display_name="Package"'
        yield known.constant(f"dcdn_resource_package_info{{{named}}}", 1)
    if number % WITH_PLANS == 0:
        for status in _PLANS:
            count = 1 if status == "online" else int(bad and status == "overdue")
            yield known.constant(f'dcdn_esa_plans{{{account},status="{status}"}}', count)
        for status in _SITES:
            yield known.constant(f'dcdn_esa_sites{{{account},status="{status}"}}', int(status == "active"))
        plan = f'{account},instance_id="sp-{number}"'
        yield known.constant(f"dcdn_esa_plan_expiry_timestamp_seconds{{{plan}}}", _SOON if bad else _FAR)
        yield known.constant(f'dcdn_esa_plan_info{{{plan},plan_name="basic",renewal="manual"}}', 1)


def recorded_inventories(fleet: Fleet, number: int, name: str) -> Iterator[str]:
    """What rules have recorded of it: it holds until an answer says otherwise, also while everything is stale."""
    held, bad = spans_of(fleet, number).always, _needing(number)
    if number % WITH_INVENTORIES == 0:
        service = f'account="{name}",product="cdn"'
        yield held.constant(f"{EXPIRED}{{{service}}}", int(bad))
        yield held.constant(f"{ONLINE}{{{service}}}", 20)
        yield held.constant(f"{OFFLINE}{{{service}}}", int(bad))
        if bad:
            yield from _found_of_service(name)
        yield from _troubles(fleet, service)
    if number % WITH_PLANS == 0:
        service = f'account="{name}",product="esa"'
        if bad:
            yield from _found_of_plans(number, name)
        yield from _troubles(fleet, service)
        if fleet.scenario is Scenario.STALE:
            yield ONCE_STALE.constant(_need(service, "DcdnDataStale"), Attention.UNKNOWN)


def _troubles(fleet: Fleet, service: str) -> Iterator[str]:
    if fleet.scenario is Scenario.STALE:
        yield EACH_MINUTE_AFTER.constant(_need(service, "DcdnPollFailing"), Attention.FAILING)


def _need(service: str, runbook: str) -> str:
    return f'{ATTENTION}{{job="{JOB}",{service},runbook="{runbook}"}}'


def _found_of_service(name: str) -> Iterator[str]:
    service = f'account="{name}",product="cdn"'
    template = f'{service},template="T"'
    for record, value in (
        (f"{EXPIRING}{{{service}}}", 1.0),
        (f'{CHECK_FAILED}{{{service},status="check_failed"}}', 1.0),
        (f'{PACKAGE_LEFT}{{{template},unit="bytes"}}', 0.01),
        (f"{PACKAGE_END}{{{template}}}", float(_SOON)),
    ):
        yield WHOLE.each_minute.constant(record, value)
    yield _found(service, "certificates expired", "-", Measure.COUNT, 1)
    yield _found(service, "certificates expiring within 30 days", "-", Measure.COUNT, 1)
    yield _found(service, "domains offline", "-", Measure.COUNT, 1)
    yield _found(service, "domains not accepted", "check_failed", Measure.COUNT, 1)
    yield _found(service, "resource package low", "T", Measure.LEFT, 0.01)
    yield _found(service, "resource package ends", "T", Measure.END, _SOON)
    yield from _alert(service, "DcdnDomainsOffline", critical=True)
    for alert in (
        "DcdnCertificateExpired",
        "DcdnCertificatesExpiring",
        "DcdnDomainCheckFailed",
        "DcdnResourcePackageLow",
        "DcdnResourcePackageEnding",
    ):
        yield from _alert(service, alert)


def _found_of_plans(number: int, name: str) -> Iterator[str]:
    service = f'account="{name}",product="esa"'
    plan = f'{service},instance_id="sp-{number}"'
    yield WHOLE.each_minute.constant(f'{PLANS_STOPPED}{{{service},status="overdue"}}', 1)
    yield WHOLE.each_minute.constant(f"{PLAN_EXPIRY}{{{plan}}}", _SOON)
    yield _found(service, "ESA plans stopped", "overdue", Measure.COUNT, 1)
    yield _found(service, "ESA plan ends", f"sp-{number}", Measure.END, _SOON)
    yield from _alert(service, "DcdnEsaPlanStopped", critical=True)
    yield from _alert(service, "DcdnEsaPlanExpiring")


def _found(service: str, finding: str, item: str, measure: Measure, value: float) -> str:
    labels = f'job="{JOB}",{service},finding="{finding}",item="{item}",measure="{measure.value}"'
    return WHOLE.each_minute.constant(f"{BESIDE}{{{labels}}}", value)


def _alert(service: str, name: str, *, critical: bool = False) -> Iterator[str]:
    severity = "critical" if critical else "warning"
    labels = f'alertname="{name}",alertstate="firing",severity="{severity}",job="{JOB}",{service}'
    yield WHOLE.each_minute.constant(f"ALERTS{{{labels}}}", 1)
    yield WHOLE.each_minute.constant(_need(service, name), Attention.PARTLY_DOWN if critical else Attention.WARNED)


def recorded_plans(fleet: Fleet) -> Iterator[str]:
    """How many accounts have plans, by their status."""
    numbers = range(0, fleet.accounts, WITH_PLANS)
    stopped = sum(map(_needing, numbers))
    counts = {"active": len(numbers) - stopped, "stopped": stopped}
    during = WHOLE.each_minute
    if fleet.scenario is Scenario.STALE:
        counts, during = {"unknown": len(numbers)}, ONCE_STALE
    for status, count in counts.items():
        if count:
            yield during.constant(f'{COUNT}{{job="{JOB}",product="esa",status="{status}"}}', count)
