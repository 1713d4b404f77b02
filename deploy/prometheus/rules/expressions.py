"""Parts of expressions that many rules share."""

import re
from collections.abc import Iterable
from textwrap import dedent, indent
from typing import Final

from deploy.prometheus.rules.thresholds import (
    INTERVAL_S,
    JOB,
    MEMORY_S,
    MINUTE_S,
    ROUTED_BY,
    SETTLED_S,
    UNKNOWN_VALUES_S,
)
from exporter.config.values import format_duration
from exporter.probes.domains import STATUSES as DOMAIN_STATUSES
from exporter.probes.domains import UNSPECIFIED_STATUS
from exporter.probes.esa_state import SITE_STATUSES
from exporter.probes.esa_state import STATUSES as PLAN_STATUSES
from exporter.probes.kind import OTHER
from exporter.probes.service_locks import KNOWN_LOCK_REASONS, UNSPECIFIED_REASON
from exporter.probes.service_state import CHARGE_TYPES, LOCKED_FOR_SECURITY

MISSING_SHARDS: Final = "job:dcdn_exporter_shard_ordinal:missing"
STEADY_TARGETS: Final = "job:up:steady"
INCOMPLETE: Final = "job:up:incomplete"
HEALTHY: Final = "job_instance:up:healthy"
LOST: Final = "job_instance_account_product:dcdn_poll_success:lost"
SHOWN: Final = "job_instance_account_product:dcdn_poll_success:shown"
SEEN: Final = "job_instance:up:seen"
UNANSWERED: Final = "account_product:dcdn_service_status:unanswered"
OUTDONE: Final = "job_instance_account_product_probe:dcdn_poll_success:outdone"
LOST_PROBES: Final = "job_account_product_probe:dcdn_poll_success:lost"
POLLED: Final = "job_account_product_probe:dcdn_poll_success:max"
FAILING_SINCE: Final = "job_account_product_probe:dcdn_poll_success:since"
STALE: Final = "job_account_product_probe:dcdn_last_success_timestamp_seconds:stale"
FLEET: Final = "job_site_product_probe:dcdn_poll_success:count"
FLEET_FAILING: Final = "job_site_product_probe:dcdn_poll_success:failing"
ROUTES: Final = "account:dcdn_account_info:routes"
LOCKED_ROUTES: Final = "account:dcdn_account_info:locked"
STATUS: Final = "account_product_status:dcdn_service_status:held"
LOCK: Final = "account_product_reason:dcdn_service_lock:held"
SINCE: Final = "account_product:dcdn_service_lock:since"
CHARGE_TYPE: Final = "account_product_charge_type:dcdn_service_charge_type:held"
NEXT_CHARGE_TYPE: Final = "account_product_charge_type:dcdn_service_next_charge_type:held"
COMPONENT_CHARGE_TYPE: Final = "account_product_component_charge_type:dcdn_service_component_charge_type:held"
COMPONENT_NEXT_CHARGE_TYPE: Final = (
    "account_product_component_charge_type:dcdn_service_component_next_charge_type:held"
)
SERVICE_END: Final = "account_product:dcdn_service_end_timestamp_seconds:held"
IN_DEBT: Final = "account_product:dcdn_service_in_debt:held"
IN_DEBT_OVERDUE: Final = "account_product:dcdn_service_in_debt_overdue:held"
BALANCE: Final = "account_currency:dcdn_account_available_amount:min"
EXPIRED: Final = "account_product:dcdn_certificate_expired_domains:held"
EXPIRED_BEFORE: Final = "account_product:dcdn_certificate_expired_domains:before"
EXPIRING: Final = "account_product:dcdn_certificate_expiring_domains:held"
ONLINE: Final = "account_product:dcdn_domains_online:held"
OFFLINE: Final = "account_product:dcdn_domains_offline:held"
OFFLINE_BEFORE: Final = "account_product:dcdn_domains_offline:before"
WENT_OFFLINE: Final = "account_product:dcdn_domains_offline:risen"
CHECK_FAILED: Final = "account_product_status:dcdn_domains:held"
PACKAGE_LEFT: Final = "account_product_template_unit:dcdn_resource_package_left:held"
PACKAGE_END: Final = "account_product_template:dcdn_resource_package_end_timestamp_seconds:held"
PLANS_UNANSWERED: Final = "account_product:dcdn_esa_plans:unanswered"
PLANS_STOPPED: Final = "account_product_status:dcdn_esa_plans:held"
SITES_OFFLINE: Final = "account_product:dcdn_esa_sites:held"
PLAN_EXPIRY: Final = "account_product_instance_id:dcdn_esa_plan_expiry_timestamp_seconds:held"
ATTENTION: Final = "job_account_product_runbook:dcdn_service:attention"
BESIDE: Final = "job_account_product_finding_item_measure:dcdn_service:beside"
COUNT: Final = "job_product_status:dcdn_service_status:count"
POLLS: Final = "job_instance_product_probe:dcdn_polls:rate"
THROTTLED: Final = "job_product_probe:dcdn_polls_throttled:worst"
SKIPPED: Final = "job_product_probe:dcdn_polls_skipped:worst"
OLDEST: Final = "job_product_probe:dcdn_age_of_limit:max"
MEDIAN_AGE: Final = "job_product_probe:dcdn_age_of_limit:median"
THROTTLED_POLLS: Final = "job_account_product_probe:dcdn_polls_throttled:share"
SKIPPED_POLLS: Final = "job_account_product_probe:dcdn_polls_skipped:share"
BUDGET_USED: Final = "job_account_id_operation:dcdn_exporter_api_budget_used:max"
BUDGET: Final = "job_operation:dcdn_exporter_api_budget_used:max"

NAMED_BY: Final = ("account_id", "account_name")
"""Labels of dcdn_account_info that texts name, and that an alert lacks: one that learns an id is the same alert."""


_OF_EXPORTERS = re.compile(r"(?<![:\w])(dcdn_\w+|process_start_time_seconds)\b(?!:)(\{)?")


def of_job(expression: str) -> str:
    """The expression, of what the job's own exporters show: those of another job raise none of its alerts."""
    return _OF_EXPORTERS.sub(
        lambda found: f'{found[1]}{{job="{JOB}"' + (", " if found[2] else "}"),
        expression,
    )


def within(seconds: int) -> str:
    """The range of so many seconds, as PromQL writes it."""
    return f"[{format_duration(seconds)}]"


def written(text: str) -> str:
    """An expression as it stands in the files: without the indentation of the source."""
    return dedent(text).strip()


def inside(text: str) -> str:
    """An expression as a part of another one."""
    return indent(written(text), "  ")


# The rules of one evaluation do not all see the same: of a scrape that began before it and fails meanwhile, only the
# later ones see that all series have ended. So what another rule recorded of an exporter counts only as long as the
# rule that reads it sees the exporter itself, and the same process.
STILL_HEALTHY: Final = f"""(
  {HEALTHY}
    and on (job, instance)
  time() - process_start_time_seconds > {SETTLED_S}
)"""
"""Exporters that were healthy when that was recorded, are still there, and have been for ten minutes."""
RUNNING: Final = f"""(
  up{{job="{JOB}"}} == 1
    unless on (job, instance)
  time() - process_start_time_seconds < {INTERVAL_S}
)"""
"""Exporters that are there, and did not start within the last minute."""
JUST_GONE: Final = f"""(
  {SEEN}
    unless on (job, instance)
{inside(RUNNING)}
)"""
"""Exporters that were there when that was recorded, and are not the same now: what is lost is recorded next time.

Also those that have just started: while one starts anew each minute, what is not polled any more does not end.
"""


def while_gone(record: str) -> str:
    """What was recorded, while an exporter has just gone."""
    return f"{record}\n  and on ()\n{JUST_GONE}"


def unanswered(shown: str, *, probe: str, record: str = "", known: str = "") -> str:
    """What is watched, and is not answered on any replica now: what held of it goes on.

    ``shown`` selects one series that is there whenever the state is: to find that all of what held left, it is enough
    to look for that one. A poll that succeeded may be too old to show it. ``known`` is what may exist: what is polled
    and what is not shown any more. It is for ``record`` alone, if that is given: where there was nothing of it a
    moment ago, Prometheus has nothing to compare, which takes half as long.
    """
    polled = f'dcdn_poll_success{{probe="{probe}"}}'
    known = known or "\n  or\n".join((polled, LOST, *([while_gone(record)] if record else [])))
    shown = f"{shown}\n  and on (account, product)\n{record}" if record else shown
    return written(f"""
(
{inside(known)}
)
  unless on (account, product)
(
{inside(shown)}
    and on (job, instance, account, product)
  {polled} == 1
)""")


def unanswered_or_gone(recorded: str, *, record: str, probe: str) -> str:
    """What was ``recorded`` as unanswered, and what is unanswered since then, because an exporter has just gone."""
    return written(f"""
{recorded}
  or
{while_gone(record)}
  unless on (account, product)
dcdn_poll_success{{probe="{probe}"}} == 1""")


def held(
    holding: str,
    *,
    by: Iterable[str],
    probe: str,
    record: str,
    until: str,
    aggregate: str = "group",
    outdone: str = "",
) -> str:
    """What holds of a state, as of the last answer, however old that is.

    The state's own series leave when they are stale, since an old green cannot be trusted. What was seen last goes on
    here until a poll that succeeded shows the state without it, or until the probe is gone and not merely lost.
    A replica whose polls fail says nothing against another one that is answered.

    ``holding`` selects what holds now, ``until`` what is unanswered now, and ``outdone`` replicas that do not count.

    It reads itself, as of the last evaluation. A range here would find what had ended meanwhile; without one,
    Prometheus itself may be away for its look-back of 5 minutes.
    """
    return written(f"""
{aggregate} by ({", ".join(by)}) (
{inside(holding)}
    unless on (job, instance, account, product)
{inside(outdone or f'{OUTDONE}{{probe="{probe}"}}')}
)
  or
(
  {record}
    and on (account, product)
  (
{indent(inside(until), "  ")}
  )
)""")


def held_number(metric: str, *, probe: str, record: str, aggregate: str) -> str:
    """The number of an account and product in the last answers, however old they are.

    It is there, also as 0, whenever the state is. The older number of a replica whose polls fail does not replace it.
    """
    polled = f'dcdn_poll_success{{probe="{probe}"}}'
    return written(f"""
{aggregate} by (account, product) (
  {metric}
    and on (job, instance, account, product)
  {polled} == 1
)
  or
(
  {record}
    and on (account, product)
  (
    {polled}
      or
    {LOST}
      or
{indent(inside(while_gone(record)), "  ")}
  )
)""")


def before(record: str) -> str:
    """What was recorded a moment before now; Prometheus itself may have been away for an hour."""
    return f"last_over_time({record}{within(MEMORY_S - MINUTE_S)} offset {format_duration(MINUTE_S)})"


def until_polled(record: str, *, started: str) -> str:
    """What was recorded before the exporter ended, until a poll after its start has ended: a restart mends nothing.

    ``started`` selects the probes of which no poll has ended yet.
    """
    return written(f"""
{record}
  and on (account, product, probe)
{written(started)}
  or
{record}
  and on (account, product)
{LOST}""")


def firing(alert: str) -> str:
    """What an alert fires of; it begins with the evaluation after the first one."""
    return f'ALERTS{{alertname="{alert}", alertstate="firing"}}'


def routed(expression: str, routes: str = ROUTES) -> str:
    """The expression's series with what is known of their accounts: whom to tell, and whose they are."""
    return f"(\n{inside(expression)}\n)\n  * on (account) group_left ({', '.join((*ROUTED_BY, *NAMED_BY))})\n{routes}"


def routed_or_not(expression: str, routes: str) -> str:
    """The same; a series without labels of its account stays, since a lock alerts in any case."""
    return f"{routed(expression, routes)}\n  or\n(\n{inside(expression)}\n    unless on (account)\n  {routes}\n)"


_LATELY = within(UNKNOWN_VALUES_S)
# Two of them are the exporter's own words, for an error code and for a lock that names no reason.
_REASONS = sorted({*KNOWN_LOCK_REASONS, *LOCKED_FOR_SECURITY.lock_reasons, UNSPECIFIED_REASON})
_UNKNOWN = {
    "InternetChargeType": f'{CHARGE_TYPE}{{charge_type!~"{"|".join(CHARGE_TYPES)}"}}',
    "ChangingChargeType": f'{NEXT_CHARGE_TYPE}{{charge_type!~"{"|".join(CHARGE_TYPES)}"}}',
    "LockReason": f'{LOCK}{{reason!~"{"|".join(_REASONS)}"}}',
}


def of_esa(series: str) -> str:
    """The series with the product that they lack: there is one that has plans."""
    return f'label_replace(\n  (\n{indent(inside(series), "  ")}\n  ),\n  "product", "esa", "", ""\n)'


def _of_statuses(metric: str, documented: Iterable[str]) -> str:
    """The most there lately was of each status that is neither documented nor a word of the exporter's own."""
    known = "|".join((*documented, OTHER, UNSPECIFIED_STATUS))
    return f'max_over_time({metric}{{status!~"{known}"}}{_LATELY})'


def _field(values: str, field: str) -> str:
    """These with the label ``field`` of dcdn_exporter_unknown_values_total."""
    return f'label_replace(\n{inside(values)},\n  "field", "{field}", "", ""\n)'


_DOMAINS = _of_statuses("dcdn_domains", DOMAIN_STATUSES)
_PLANS = _of_statuses("dcdn_esa_plans", PLAN_STATUSES)
_SITES = _of_statuses("dcdn_esa_sites", SITE_STATUSES)
UNKNOWN_VALUES: Final = "\n  or\n".join(
    (
        *(f"last_over_time({values}{_LATELY})" for values in _UNKNOWN.values()),
        _field(f"max by (account, product, status) ({_DOMAINS}) > 0", "DomainStatus"),
        _field(of_esa(f"max by (account, status) ({_PLANS}) > 0"), "Status"),
        _field(of_esa(f"max by (account, status) ({_SITES}) > 0"), "SiteStatus"),
    )
)
"""Values that the API's documentation does not name, where they are in a label; a status has its field beside it."""
FIELDS_OF_UNKNOWN_VALUES: Final = "\n  or\n".join(
    (
        *(_field(f"last_over_time({values}{_LATELY})", field) for field, values in _UNKNOWN.items()),
        _field(f"{_DOMAINS} > 0", "DomainStatus"),
        _field(f"{_PLANS} > 0", "Status"),
        _field(f"{_SITES} > 0", "SiteStatus"),
    )
)
"""Their fields, in the label ``field``."""
