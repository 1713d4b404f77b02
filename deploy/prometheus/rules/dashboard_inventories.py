"""What only dashboards read of what stands beside a lock: certificates, domains, resource packages, plans, ends.

There is a series only for what needs somebody.
"""

from collections.abc import Iterator
from enum import StrEnum
from textwrap import indent

from deploy.prometheus.rules.dashboard_recordings import Attention
from deploy.prometheus.rules.expressions import (
    ATTENTION,
    BESIDE,
    CHECK_FAILED,
    COMPONENT_NEXT_CHARGE_TYPE,
    COUNT,
    EXPIRED,
    EXPIRING,
    OFFLINE,
    PACKAGE_END,
    PACKAGE_LEFT,
    PLAN_EXPIRY,
    PLANS_STOPPED,
    SERVICE_END,
    SITES_OFFLINE,
    inside,
    written,
)
from deploy.prometheus.rules.rule import Recording, Severity
from deploy.prometheus.rules.thresholds import JOB

CERTIFICATES = ("DcdnCertificateExpired", "DcdnCertificatesExpiring")
DOMAINS = ("DcdnDomainsOffline", "DcdnDomainCheckFailed")
PACKAGES = ("DcdnResourcePackageLow", "DcdnResourcePackageEnding")
ESA = ("DcdnEsaPlanStopped", "DcdnEsaSitesOffline")
ENDS = ("DcdnEsaPlanExpiring", "DcdnServiceEnding")
RUNBOOKS = "|".join((*CERTIFICATES, *DOMAINS, *PACKAGES, *ESA, *ENDS))
"""The alerts, as a pattern, of what stands beside a lock; each has a runbook of its name."""


class Measure(StrEnum):
    """What the number of a finding is."""

    COUNT = "count"
    LEFT = "left"
    """A part of 1."""
    END = "end"
    """A Unix time."""


def _needs(attention: Attention, severity: Severity) -> str:
    """The services of the alerts of a severity, with the runbook that each alert is named after."""
    return f"""
group by (job, account, product, runbook) (
  label_replace(
    ALERTS{{alertname=~"{RUNBOOKS}", alertstate="firing", severity="{severity.value}"}},
    "runbook", "$1", "alertname", "(.+)"
  )
) * {attention.value}"""


# What was found, what its number is, what it is called, and where each has a name of its own: the label with that.
_FOUND = (
    (Measure.COUNT, "certificates expired", f"{EXPIRED} > 0", ""),
    (Measure.COUNT, "certificates expiring within 30 days", EXPIRING, ""),
    (Measure.COUNT, "domains offline", f"{OFFLINE} > 0", ""),
    (Measure.COUNT, "domains not accepted", CHECK_FAILED, "status"),
    (Measure.LEFT, "resource package low", PACKAGE_LEFT, "template"),
    (Measure.END, "resource package ends", PACKAGE_END, "template"),
    (Measure.COUNT, "ESA plans stopped", PLANS_STOPPED, "status"),
    (Measure.COUNT, "ESA sites offline", SITES_OFFLINE, ""),
    (Measure.END, "ESA plan ends", PLAN_EXPIRY, "instance_id"),
    (Measure.END, "service ends", SERVICE_END, ""),
)


_CHANGES = f"""
dcdn_service_component_charge_type_change_timestamp_seconds
  or on (account, product, component)
{COMPONENT_NEXT_CHARGE_TYPE} * NaN"""


def _found() -> Iterator[Recording]:
    for measure, finding, found, name in (*_FOUND, (Measure.END, "billing of a part changes", _CHANGES, "component")):
        item = f'"$1", "{name}", "(.+)"' if name else '"-", "", ""'
        named = f'label_replace(\n  (\n{indent(inside(found), "  ")}\n  ),\n  "item", {item}\n)'
        yield Recording(
            BESIDE,
            f"max by (account, product, item) (\n{inside(named)}\n)",
            why=f"services with this: {finding}",
            labels={"job": JOB, "finding": finding, "measure": measure.value},
        )


_PLANS = """
label_replace(group by (job, account) (dcdn_esa_plans{status=~"offline|overdue"} > 0), "status", "stopped", "", "")
  or on (job, account)
label_replace(group by (job, account) (dcdn_esa_plans{status="online"} > 0), "status", "active", "", "")
  or on (job, account)
label_replace(group by (job, account) (dcdn_esa_plans{status="online"} == 0), "status", "not_activated", "", "")"""

INVENTORY_RECORDINGS = (
    Recording(
        ATTENTION,
        written(
            f"{_needs(Attention.PARTLY_DOWN, Severity.CRITICAL)}\n  or{_needs(Attention.WARNED, Severity.WARNING)}"
        ),
        why="services of which a part does not deliver though nothing is locked, and those warned of that",
    ),
    *_found(),
    Recording(
        COUNT,
        f"count by (job, status) (\n{inside(_PLANS)}\n)",
        why="how many accounts have plans of ESA, by the worst status of any",
        labels={"product": "esa"},
    ),
)
