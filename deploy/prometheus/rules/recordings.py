"""The states that alerts look at, held until an answer says otherwise, and the labels of their accounts."""

from collections.abc import Iterable
from textwrap import indent

from deploy.prometheus.rules.expressions import (
    BALANCE,
    CHARGE_TYPE,
    COMPONENT_CHARGE_TYPE,
    COMPONENT_NEXT_CHARGE_TYPE,
    HEALTHY,
    IN_DEBT,
    IN_DEBT_OVERDUE,
    INCOMPLETE,
    LOCK,
    LOCKED_ROUTES,
    LOST,
    MISSING_SHARDS,
    NAMED_BY,
    NEXT_CHARGE_TYPE,
    OUTDONE,
    ROUTES,
    RUNNING,
    SEEN,
    SERVICE_END,
    SHOWN,
    SINCE,
    STATUS,
    STEADY_TARGETS,
    STILL_HEALTHY,
    UNANSWERED,
    held,
    inside,
    unanswered,
    unanswered_or_gone,
    while_gone,
    within,
    written,
)
from deploy.prometheus.rules.rule import Recording
from deploy.prometheus.rules.thresholds import (
    DAY_S,
    ENDING_S,
    JOB,
    MINUTE_S,
    ROUTED_BY,
    SETTLED_S,
)

_SERVICE = ("account", "product")
_UP = f'up{{job="{JOB}"}}'
_UNREAD = "dcdn_exporter_discovery_last_success_timestamp_seconds == 0"

# Who watches what, and what is known of that: without it the end of a series would look like the end of a lock.
WATCH_RECORDINGS = (
    Recording(
        MISSING_SHARDS,
        written("""
max by (job) (dcdn_exporter_total_shards)
  -
count by (job) (
  count_values by (job) (
    "shard",
    dcdn_exporter_shard_ordinal
      and on (job, instance)
    dcdn_exporter_total_shards > 1
  )
) > 0"""),
        why="how many shards are missing. By the largest total: all accounts are polled if and only if every ordinal "
        "below that is there, since a shard that still has a smaller total polls all of its accounts of the larger "
        "one, and more. An unsharded exporter of the same job does not count as shard 0",
    ),
    Recording(
        STEADY_TARGETS,
        f"min_over_time(count by (job) ({_UP})[{SETTLED_S // MINUTE_S}m:1m])",
        why="how many targets there were all the time: two pods that meet during an update are one",
    ),
    Recording(
        INCOMPLETE,
        written(f"""
group by (job) (
  {_UP} == 0
    or
  {_UNREAD}
    or
  {MISSING_SHARDS}
    or
  count by (job) ({_UP}) < max_over_time({STEADY_TARGETS}{within(DAY_S)})
)"""),
        why="jobs of which a target is down or was there within the last day, a directory was not read since the "
        "start, or a shard is missing: what they do not show may still exist",
    ),
    Recording(
        HEALTHY,
        written(f"""
group by (job, instance) (
  {_UP} == 1
    unless on (job, instance)
  {_UNREAD}
    unless on (job)
  {MISSING_SHARDS}
)"""),
        why="exporters that know what they have to watch, unless they have just started: what they do not show does "
        "not exist",
    ),
    Recording(
        LOST,
        written(f"""
(
  {SHOWN}
    or
  {LOST}
)
  unless on (job, account, product)
dcdn_poll_success
  unless on (job, instance)
{STILL_HEALTHY}
  unless on (job, instance, account, product)
(
  {LOST}
    unless on (job, instance)
  {_UP}
    and on (job)
  (
    {_UP}
      unless on (job)
    last_over_time({INCOMPLETE}{within(SETTLED_S)})
  )
)"""),
        why="what was watched and is not shown any more, though it may still exist, by the exporter that showed it "
        "last. It ends when that one is healthy and does not show it, or has left a job that is complete without it. "
        "It reads what the rule after this one recorded at the last evaluation",
    ),
    Recording(
        SHOWN,
        written(f"""
topk by (job, account, product) (1, group by (job, instance, account, product) (dcdn_poll_success))
  or on (job, account, product)
(
  {SHOWN}
    unless on (job, instance)
{inside(RUNNING)}
    unless on (job, instance, account, product)
  {LOST}
)"""),
        why="what is watched, and by which exporter: one of its replicas. Where that has gone since the rule before "
        "this one looked, it goes on until that rule has recorded what is lost",
    ),
    Recording(
        SEEN,
        f"group by (job, instance) ({_UP} == 1 or on (job, instance) {SHOWN})",
        why="exporters that are there, or of which what is lost is not recorded yet",
    ),
)

# Every documented status has its series while the state is shown, and locks and charge types are shown with them: one
# of them speaks for all.
_SERVICE_SHOWN = 'dcdn_service_status{status="active"}'
_DEBT, _DEBT_OVERDUE = "dcdn_service_in_debt", "dcdn_service_in_debt_overdue"


def _unanswered(record: str) -> str:
    return unanswered_or_gone(UNANSWERED, record=record, probe="service")


_STATES = (
    *(
        (record, metric, labels, "service", _unanswered(record))
        for record, metric, labels in (
            (STATUS, "dcdn_service_status", ("status",)),
            (CHARGE_TYPE, "dcdn_service_charge_type", ("charge_type",)),
            (NEXT_CHARGE_TYPE, "dcdn_service_next_charge_type", ("charge_type",)),
            (COMPONENT_CHARGE_TYPE, "dcdn_service_component_charge_type", ("component", "charge_type")),
            (COMPONENT_NEXT_CHARGE_TYPE, "dcdn_service_component_next_charge_type", ("component", "charge_type")),
        )
    ),
    (IN_DEBT, _DEBT, (), "debt_status", unanswered(_DEBT, probe="debt_status", record=IN_DEBT)),
    (
        IN_DEBT_OVERDUE,
        _DEBT_OVERDUE,
        (),
        "debt_status",
        unanswered(_DEBT_OVERDUE, probe="debt_status", record=IN_DEBT_OVERDUE),
    ),
)


def _held(record: str, metric: str, labels: Iterable[str], probe: str, until: str, *, outdone: str = "") -> Recording:
    return Recording(
        record,
        held(f"{metric} == 1", by=(*_SERVICE, *labels), probe=probe, record=record, until=until, outdone=outdone),
        why=f"what was 1 of {metric} in the last answer, over all replicas, until an answer says otherwise",
    )


def _topmost(info: str) -> str:
    return f"topk by (account) (1, max by (account, {', '.join((*ROUTED_BY, *NAMED_BY))}) ({info}))"


LOCK_RECORDINGS = (
    _held(
        LOCK,
        "dcdn_service_lock",
        ("reason",),
        "service",
        unanswered(
            'dcdn_service_lock{reason="financial"}',
            probe="service",
            record=LOCK,
            known=f"""
dcdn_poll_success{{probe="service"}}
  or
{LOST}
  or
{SHOWN}
  and on (account, product)
{LOCK}
  unless on (job, instance)
{STILL_HEALTHY}""",
        ),
        # It was recorded up to a minute ago: a replica that was answered since then counts.
        outdone=f"""(
  {OUTDONE}
    and on (job, instance, account, product, probe)
  dcdn_poll_success{{probe="service"}} == 0
)""",
    ),
    Recording(
        LOCKED_ROUTES,
        written(f"""
{_topmost(f"dcdn_account_info and on (account) {LOCK}")}
  or on (account)
{LOCKED_ROUTES}
  and on (account)
{LOCK}"""),
        why="the labels of each account that is locked, by which alerts find their readers and texts name it; one "
        "series, even while replicas do not agree, since two would fail every rule that joins. Those of all accounts "
        "are recorded once a minute",
    ),
)
ROUTE_RECORDINGS = (
    Recording(
        ROUTES,
        written(f"""
{_topmost("dcdn_account_info")}
  or
(
  {ROUTES}
    unless on (account)
  dcdn_account_info
    and on (account)
  (
    {LOST}
      or
{indent(inside(while_gone(ROUTES)), "  ")}
  )
)"""),
        why="the labels of each account, also of one that is not shown any more",
    ),
)
STATE_RECORDINGS = (
    Recording(
        UNANSWERED,
        f"group by (account, product) (\n{inside(unanswered(_SERVICE_SHOWN, probe='service'))}\n)",
        why="services of which no replica has an answer now that counts: what was seen last of them goes on",
    ),
    *(_held(*state) for state in _STATES),
    Recording(
        SERVICE_END,
        held(
            f"dcdn_service_end_timestamp_seconds < time() + {ENDING_S}",
            aggregate="max",
            by=_SERVICE,
            probe="service",
            record=SERVICE_END,
            until=_unanswered(SERVICE_END),
        ),
        why="when services end that do so within a week, until an answer says otherwise",
    ),
    Recording(
        BALANCE,
        written(f"""
min by (account, currency) (
  dcdn_account_available_amount
    unless on (job, instance, account)
  {OUTDONE}{{probe="balance"}}
)
  or
(
  {BALANCE}
    and on (account)
  (
    (
      dcdn_poll_success{{probe="balance"}}
        or
      {LOST}
        or
{indent(inside(while_gone(BALANCE)), "    ")}
    )
      unless on (account)
    dcdn_account_available_amount
  )
)"""),
        why="what is left, over all replicas, as of the last answer",
    ),
    Recording(
        SINCE,
        written(f"""
(
  {SINCE}
    and on (account, product)
  {LOCK}
)
  or
group by (account, product) ({LOCK}) * time()"""),
        why="when the lock was first seen, as a Unix time",
    ),
)
