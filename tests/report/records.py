"""Records of probes, for tests of what people are shown of them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from exporter.core.model import Failure, FailureReason, ProbeKey, State
from exporter.core.store import ProbeRecord
from exporter.probes.balance import Balance
from exporter.probes.certificates import Certificates
from exporter.probes.debt_status import DebtState
from exporter.probes.domains import Domains
from exporter.probes.esa_state import Plan, Plans
from exporter.probes.resource_package_state import Package
from exporter.probes.service_state import NOT_ACTIVATED, WEBSOCKET, Billing, ChargeTypeChange, ServiceState
from exporter.report.report import Report, build_report
from tests.records import record_of, stale_after

NOW = datetime(2026, 3, 31, 16, 0, 0, tzinfo=UTC).timestamp()
ACTIVE = ServiceState(charge_type="PayByTraffic")
UNPAID = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial",))
LOCKED = ServiceState(charge_type="PayByTraffic", lock_reasons=("financial", "security"))
TIMEOUT = Failure(FailureReason.TIMEOUT, "no whole reply within 10 s")
DENIED = Failure(
    FailureReason.PERMISSION,
    "the caller may not do that; a RAM policy has to allow dcdn:DescribeUserDcdnIpaStatus",
    code="Forbidden.RAM",
    http_status=403,
    request_id="3C6CCEC4-6B88-4D4A-93E4-D47B3D92CF8F",
)


IDENTITIES: Mapping[str, tuple[str, str]] = {
    "fine": ("1883927335936173", ""),
    "200001": ("200001", "Video & Live"),
    "overdue": ("200002", "shop"),
}
"""Id and name in the directory of the accounts that have one."""


def changing(*, in_s: float | None) -> ServiceState:
    """A service whose billing method changes so long after ``NOW``, or at a moment that the API does not tell."""
    moment = None if in_s is None else datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=in_s)
    return ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange("PayByBandwidth", moment))


IN_TWO_DAYS = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=52 * 3600 + 0.5)
IN_TWO_YEARS = IN_TWO_DAYS + timedelta(days=730)
YESTERDAY = IN_TWO_DAYS - timedelta(days=3)
WEBSOCKET_CHANGING = replace(
    changing(in_s=None),
    components=(Billing(WEBSOCKET, "websockettraffic", ChargeTypeChange("websocketbps", IN_TWO_DAYS)),),
)
"""A part of the service changes too, at a moment that is known."""


def service(account: str, product: str = "dcdn_ipa") -> ProbeKey:
    return ProbeKey(account, product, "service")


def debts(account: str, product: str = "dcdn_ipa") -> ProbeKey:
    return ProbeKey(account, product, "debt_status")


def balance(account: str) -> ProbeKey:
    return ProbeKey(account, "bss", "balance")


def package(template: str, remaining: float, ends_at: datetime | None = IN_TWO_YEARS) -> Package:
    """A valid package of 100 bytes."""
    return Package(
        template, "valid", unit="bytes", capacity=100.0, remaining=remaining, ends_at=ends_at, display_name=template
    )


def plan(instance_id: str, status: str = "online", **fields: Any) -> Plan:
    return Plan(instance_id, status, plan_name="basic", **fields)


def record(*outcomes: State | Failure, age_s: float = 2.25) -> ProbeRecord:
    """The record of these polls, of which the last was so long before ``NOW``; nothing is remembered of them."""
    return record_of(*outcomes, at=NOW - age_s)


def report(records: Mapping[ProbeKey, ProbeRecord], *, stale_after_s: float = math.inf) -> Report:
    return build_report(records, now=NOW, stale_after_of=stale_after(stale_after_s), identities=IDENTITIES)


EVERYTHING: Mapping[ProbeKey, ProbeRecord] = {
    service("fine"): record(ACTIVE),
    service("fine", "cdn"): record(NOT_ACTIVATED),
    balance("fine"): record(Balance(1234567.891, "CNY")),
    service("changing"): record(changing(in_s=52 * 3600 + 0.5)),
    service("changing", "dcdn"): record(WEBSOCKET_CHANGING),
    service("indebted"): record(ACTIVE),
    debts("indebted"): record(DebtState(in_debt=True)),
    balance("indebted"): record(Balance(-11.19, "USD")),
    service("unreachable"): record(TIMEOUT),
    service("forbidden"): record(ACTIVE),
    debts("forbidden"): record(DENIED),
    service("cut-off"): record(LOCKED),
    debts("cut-off"): record(DebtState(enabled=True, available=False, in_debt=True, in_debt_overdue=True)),
    service("overdue"): record(ACTIVE),
    debts("overdue"): record(DebtState(in_debt=True, in_debt_overdue=True)),
    service("dark"): record(ACTIVE),
    debts("dark"): record(DebtState(available=False)),
    service("new"): ProbeRecord(),
    service("ending", "dcdn_sec"): record(replace(ACTIVE, end_time=IN_TWO_DAYS)),
    service("fine", "dcdn_sec"): record(replace(ACTIVE, end_time=IN_TWO_YEARS)),
    service("ended", "dcdn_sec"): record(replace(ACTIVE, end_time=YESTERDAY)),
    service("stocked", "dcdn"): record(ACTIVE),
    ProbeKey("stocked", "dcdn", "certificates"): record(Certificates(6, 2)),
    ProbeKey("stocked", "dcdn", "domains"): record(
        Domains(
            (
                ("check_failed", 1),
                ("checking", 1),
                ("configure_failed", 1),
                ("new", 1),
                ("offline", 2),
                ("online", 16),
            ),
            (("a.example", "offline"), ("b.example", "offline"), ("c.example", "check_failed")),
        )
    ),
    ProbeKey("stocked", "dcdn", "resource_packages"): record(
        (
            package("spent", 0.0),
            package("low", 4.0),
            package("short", 50.0, IN_TWO_DAYS),
            package("odd", 50.0, None),
            replace(package("empty", 0.0), capacity=0.0),
        )
    ),
    ProbeKey("edge", "esa", "plans"): record(
        Plans(
            (
                plan("sp-1"),
                plan("sp-2", "offline", sites=(("offline", 1),)),
                plan("sp-3", "frozen"),
                plan("sp-4", expires_at=IN_TWO_DAYS, renewal="none"),
            )
        )
    ),
    ProbeKey("edge", "esa", "postpaid_plans"): record(Plans((plan("sp-5", "overdue"),))),
    ProbeKey("unclear", "esa", "plans"): record(Plans((plan("sp-6", "frozen"),))),
    ProbeKey("unclear", "esa", "postpaid_plans"): record(Plans()),
    ProbeKey("half-known", "esa", "plans"): record(Plans((plan("sp-7", expires_at=YESTERDAY, renewal="none"),))),
    ProbeKey("half-known", "esa", "postpaid_plans"): record(DENIED),
    ProbeKey("half-empty", "esa", "plans"): record(DENIED),
    ProbeKey("half-empty", "esa", "postpaid_plans"): record(Plans()),
    ProbeKey("planless", "esa", "plans"): record(Plans()),
    ProbeKey("planless", "esa", "postpaid_plans"): record(Plans()),
}
"""Everything that can be known, once at least: a text that is not among it fails a test of the page's words."""
