"""What else takes an account offline, held until an answer says otherwise: certificates, domains, packages, plans.

Of most accounts there is nothing to record; only what a rise is found by is recorded of all that have the probe.
"""

from typing import Final

from deploy.prometheus.rules.expressions import (
    CHECK_FAILED,
    EXPIRED,
    EXPIRED_BEFORE,
    EXPIRING,
    LOCK,
    LOST,
    OFFLINE,
    OFFLINE_BEFORE,
    ONLINE,
    PACKAGE_END,
    PACKAGE_LEFT,
    PLAN_EXPIRY,
    PLANS_STOPPED,
    PLANS_UNANSWERED,
    SITES_OFFLINE,
    WENT_OFFLINE,
    before,
    held,
    held_number,
    of_esa,
    unanswered,
    unanswered_or_gone,
    within,
    written,
)
from deploy.prometheus.rules.rule import Recording
from deploy.prometheus.rules.thresholds import ENDING_S, GOING_OFFLINE_S, PACKAGE_SHARE, STOPPED_S

_ONE = ("account", "product")
_UNTIL = "until an answer says otherwise"


CERTIFICATE_RECORDINGS = (
    Recording(
        EXPIRED,
        held_number(
            "dcdn_certificate_expired_domains",
            aggregate="max",
            probe="certificates",
            record=EXPIRED,
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
            probe="certificates",
            record=EXPIRING,
            until=unanswered("dcdn_certificate_expiring_domains", probe="certificates", record=EXPIRING),
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
        ),
        why=f"and how many are offline, by the one that knows of the most, {_UNTIL}",
    ),
    Recording(
        OFFLINE_BEFORE,
        written(f"""
(
  {before(OFFLINE_BEFORE)}
    and on (account, product)
  {LOCK}
)
  or
{before(OFFLINE)} < {OFFLINE}
  and
(
  {before(ONLINE)} > {ONLINE}
    or
  max_over_time({ONLINE}{within(GOING_OFFLINE_S)}) > {ONLINE}
)"""),
        why="how many were offline before online ones went offline, at the moment when they went: one that was never "
        "online does not count. What a lock takes offline counts when the lock has ended, however long it was",
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
            probe="domains",
            record=CHECK_FAILED,
            until=unanswered('dcdn_domains{status="online"}', probe="domains", record=CHECK_FAILED),
        ),
        why=f"how many domains failed their review or their configuration, where there are any, {_UNTIL}",
    ),
)
_PART_LEFT: Final = "dcdn_resource_package_remaining / dcdn_resource_package_capacity"
_LAST_END: Final = "dcdn_resource_package_end_timestamp_seconds"


def _held_of_packages(holding: str, *, by: str, number: str, record: str) -> str:
    """What holds of a template, also while a number of its packages cannot be read and this one is lacking."""
    known = held(
        holding,
        aggregate="min",
        by=(*_ONE, by),
        probe="resource_packages",
        record=record,
        until=unanswered('dcdn_resource_packages{status="valid"}', probe="resource_packages", record=record),
    )
    return f"{known}\n  or\n" + written(f"""
(
  {record}
    and on (account, product, template)
  dcdn_resource_packages_unreadable > 0
    unless on (account, product, {by})
  {number}
)""")


PACKAGE_RECORDINGS = (
    Recording(
        PACKAGE_LEFT,
        _held_of_packages(
            f"""
(
  {_PART_LEFT} < {PACKAGE_SHARE}
    or
  dcdn_resource_package_remaining == 0
    unless on (job, instance, account, product, template, unit)
  dcdn_resource_package_capacity
)""",
            by="template, unit",
            number=_PART_LEFT,
            record=PACKAGE_LEFT,
        ),
        why=f"what part of the resource packages of a template is left, where that is little, {_UNTIL}",
    ),
    Recording(
        PACKAGE_END,
        _held_of_packages(f"{_LAST_END} < time() + {ENDING_S}", by="template", number=_LAST_END, record=PACKAGE_END),
        why=f"when the last package of a template ends that has something left, within a week, {_UNTIL}",
    ),
)
PLAN_RECORDINGS = (
    Recording(
        PLANS_UNANSWERED,
        written(f"""
group by (account, product) (
  (
    dcdn_poll_success{{product="esa"}}
      or
    {LOST}
  )
    unless on (account, product)
  (
    dcdn_poll_success{{product="esa"}} == 1
      unless on (job, instance, account, product)
    (
      dcdn_poll_success{{product="esa"}} == 0
        unless on (job, instance, account, product, probe)
      (
        dcdn_last_success_timestamp_seconds{{product="esa"}} == 0
          and on (job, instance, account, product, probe)
        dcdn_poll_failures_total{{product="esa", reason="permission"}} > 0
      )
    )
  )
)"""),
        why="accounts of ESA of which no replica knows all plans now: what was seen last of them goes on. A plan "
        "that is not in one list may be in the other, unless the right to that was missing since the start. A list "
        "is known by its poll: without plans, one list alone has no series",
    ),
    Recording(
        PLANS_STOPPED,
        held(
            of_esa('dcdn_esa_plans{status=~"offline|overdue"} > 0'),
            aggregate="max",
            by=(*_ONE, "status"),
            probe="plans",
            record=PLANS_STOPPED,
            until=unanswered_or_gone(PLANS_UNANSWERED, record=PLANS_STOPPED, probe="plans"),
        ),
        why=f"how many plans of ESA serve nothing, where there are any, {_UNTIL}",
    ),
    Recording(
        SITES_OFFLINE,
        held(
            of_esa('dcdn_esa_sites{status="offline"} > 0'),
            aggregate="max",
            by=_ONE,
            probe="plans",
            record=SITES_OFFLINE,
            until=unanswered_or_gone(PLANS_UNANSWERED, record=SITES_OFFLINE, probe="plans"),
        ),
        why=f"how many sites of ESA are suspended, where there are any, {_UNTIL}",
    ),
    Recording(
        PLAN_EXPIRY,
        held(
            of_esa(f"""
dcdn_esa_plan_expiry_timestamp_seconds < time() + {ENDING_S}
  > on (job, instance, account) group_left ()
max by (job, instance, account) (dcdn_last_success_timestamp_seconds{{product="esa", probe="plans"}})
  and on (job, instance, account, instance_id)
dcdn_esa_plan_info{{renewal!="auto"}}"""),
            aggregate="min",
            by=(*_ONE, "instance_id"),
            probe="plans",
            record=PLAN_EXPIRY,
            until=unanswered_or_gone(PLANS_UNANSWERED, record=PLAN_EXPIRY, probe="plans"),
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
