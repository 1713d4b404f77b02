"""What else takes an account offline, held until an answer says otherwise: certificates, domains, packages, plans.

Of most accounts there is nothing to record; only what a rise is found by is recorded of all that have the probe.
"""

from textwrap import indent
from typing import Final

from deploy.prometheus.rules.expressions import (
    CHECK_FAILED,
    EXPIRED,
    EXPIRED_BEFORE,
    EXPIRING,
    GONE,
    OFFLINE,
    OFFLINE_BEFORE,
    ONLINE,
    PACKAGE_END,
    PACKAGE_LEFT,
    PLAN_EXPIRY,
    PLANS_STOPPED,
    WENT_OFFLINE,
    before,
    held,
    held_number,
    inside,
    within,
    written,
)
from deploy.prometheus.rules.rule import Recording
from deploy.prometheus.rules.thresholds import ENDING_S, PACKAGE_SHARE, STOPPED_S

_ONE = ("account", "product")
_UNTIL = "until an answer says otherwise"


def _of_esa(series: str) -> str:
    """The series with the product that they lack: there is one that has plans."""
    return f'label_replace(\n  (\n{indent(inside(series), "  ")}\n  ),\n  "product", "esa", "", ""\n)'


# Of one of the two lists alone, a plan that is not there may be in the other one.
_PLANS_SHOWN: Final = f"""
{_of_esa('dcdn_esa_plans{status="online"}')}
  and on (job, instance, account, product)
dcdn_poll_success{{probe="postpaid_plans"}} == 1"""

CERTIFICATE_RECORDINGS = (
    Recording(
        EXPIRED,
        held_number(
            "dcdn_certificate_expired_domains",
            aggregate="max",
            probe="certificates",
            record=EXPIRED,
            lost=GONE,
        ),
        why=f"how many domains have a certificate that has expired, over all replicas, {_UNTIL}",
    ),
    Recording(
        EXPIRED_BEFORE,
        f"{before(EXPIRED)} < {EXPIRED}",
        why="how many there were before more came, at the moment when they came",
    ),
    Recording(
        EXPIRING,
        held(
            "dcdn_certificate_expiring_domains > 0",
            aggregate="max",
            by=_ONE,
            shown="dcdn_certificate_expiring_domains",
            probe="certificates",
            record=EXPIRING,
            lost=GONE,
        ),
        why=f"how many have one that expires within 30 days, where there are any, {_UNTIL}",
    ),
)
DOMAIN_RECORDINGS = (
    Recording(
        ONLINE,
        held_number(
            'dcdn_domains{status="online"}',
            aggregate="min",
            probe="domains",
            record=ONLINE,
            lost=GONE,
        ),
        why="how many domains are online, by the replica that knows of the fewest: one that has not polled since "
        f"shows them as they were, {_UNTIL}",
    ),
    Recording(
        OFFLINE,
        held_number(
            'dcdn_domains{status="offline"}',
            aggregate="max",
            probe="domains",
            record=OFFLINE,
            lost=GONE,
        ),
        why=f"and how many are offline, by the one that knows of the most, {_UNTIL}",
    ),
    Recording(
        OFFLINE_BEFORE,
        written(f"""
{before(OFFLINE)} < {OFFLINE}
  and
{before(ONLINE)} > {ONLINE}"""),
        why="how many were offline before online ones went offline, at the moment when they went: one that was never "
        "online does not count",
    ),
    Recording(
        WENT_OFFLINE,
        f"{OFFLINE} - min_over_time({OFFLINE_BEFORE}{within(STOPPED_S)}) > 0",
        why="how many more are offline than before the first of them went within a day",
    ),
    Recording(
        CHECK_FAILED,
        held(
            'dcdn_domains{status=~"check_failed|configure_failed"} > 0',
            aggregate="max",
            by=(*_ONE, "status"),
            shown='dcdn_domains{status="online"}',
            probe="domains",
            record=CHECK_FAILED,
            lost=GONE,
        ),
        why=f"how many domains failed their review or their configuration, where there are any, {_UNTIL}",
    ),
)
PACKAGE_RECORDINGS = (
    Recording(
        PACKAGE_LEFT,
        held(
            f"dcdn_resource_package_remaining / dcdn_resource_package_capacity < {PACKAGE_SHARE}",
            aggregate="min",
            by=(*_ONE, "template", "unit"),
            shown='dcdn_resource_packages{status="valid"}',
            probe="resource_packages",
            record=PACKAGE_LEFT,
            lost=GONE,
        ),
        why=f"what part of the resource packages of a template is left, where that is little, {_UNTIL}",
    ),
    Recording(
        PACKAGE_END,
        held(
            f"dcdn_resource_package_end_timestamp_seconds < time() + {ENDING_S}",
            aggregate="min",
            by=(*_ONE, "template"),
            shown='dcdn_resource_packages{status="valid"}',
            probe="resource_packages",
            record=PACKAGE_END,
            lost=GONE,
        ),
        why=f"when the last package of a template ends that has something left, within a week, {_UNTIL}",
    ),
)
PLAN_RECORDINGS = (
    Recording(
        PLANS_STOPPED,
        held(
            _of_esa('dcdn_esa_plans{status=~"offline|overdue"} > 0'),
            aggregate="max",
            by=(*_ONE, "status"),
            shown=_PLANS_SHOWN,
            probe="plans",
            record=PLANS_STOPPED,
            lost=GONE,
        ),
        why=f"how many plans of ESA serve nothing, where there are any, {_UNTIL}",
    ),
    Recording(
        PLAN_EXPIRY,
        held(
            _of_esa(f"""
dcdn_esa_plan_expiry_timestamp_seconds < time() + {ENDING_S}
  > on (job, instance, account) group_left ()
max by (job, instance, account) (dcdn_last_success_timestamp_seconds{{product="esa", probe="plans"}})
  and on (job, instance, account, instance_id)
dcdn_esa_plan_info{{renewal!="auto"}}"""),
            aggregate="min",
            by=(*_ONE, "instance_id"),
            shown=_PLANS_SHOWN,
            probe="plans",
            record=PLAN_EXPIRY,
            lost=GONE,
        ),
        why="when plans of ESA end that do so within a week and are not renewed by themselves; one whose end was "
        f"over at the last answer is offline by now, {_UNTIL}",
    ),
)
INVENTORY_RECORDINGS = (
    *CERTIFICATE_RECORDINGS,
    *DOMAIN_RECORDINGS,
    *PACKAGE_RECORDINGS,
    *PLAN_RECORDINGS,
)
