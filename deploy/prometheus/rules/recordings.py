"""The states that alerts look at, held until an answer says otherwise, and the labels of their accounts."""

from deploy.prometheus.rules.expressions import (
    BALANCE,
    CHARGE_TYPE,
    COMPONENT_CHARGE_TYPE,
    COMPONENT_NEXT_CHARGE_TYPE,
    GONE,
    HEALTHY,
    IN_DEBT,
    IN_DEBT_OVERDUE,
    INCOMPLETE,
    LOCK,
    LOST,
    MISSING_SHARDS,
    NAMED_BY,
    NEXT_CHARGE_TYPE,
    NO_LONGER_SHOWN,
    ROUTES,
    SERVICE_END,
    SHOWN,
    SINCE,
    STATUS,
    STEADY_TARGETS,
    held,
    within,
    written,
)
from deploy.prometheus.rules.rule import Recording
from deploy.prometheus.rules.thresholds import DAY_S, ENDING_S, JOB, MINUTE_S, RESTART_S, ROUTED_BY, SETTLED_S

_UP = f'up{{job="{JOB}"}}'
_UNREAD = "dcdn_exporter_discovery_last_success_timestamp_seconds == 0"

# Who watches what, and what is known of that: without it the end of a series would look like the end of a lock.
_WATCH = (
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
    and on (job, instance)
  time() - process_start_time_seconds > {SETTLED_S}
    unless on (job, instance)
  {_UNREAD}
    unless on (job)
  {MISSING_SHARDS}
)"""),
        why="exporters that know what they have to watch: what they do not show does not exist",
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
{HEALTHY}
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
        "topk by (job, account, product) (1, group by (job, instance, account, product) (dcdn_poll_success))",
        why="what is watched, and by which exporter: one of its replicas",
    ),
)

_KNOWN_CHARGE_TYPE = '{charge_type="PayByTraffic"}'
_SHOWN_CHARGE_TYPE = f"dcdn_service_charge_type{_KNOWN_CHARGE_TYPE}"
# Every documented value has its series while the state is shown, so that one of them speaks for all. A component has
# none where the API names no method for it: the service's own speaks for that.
_STATES = (
    (STATUS, "dcdn_service_status", ("status",), 'dcdn_service_status{status="active"}', "service"),
    (LOCK, "dcdn_service_lock", ("reason",), 'dcdn_service_lock{reason="financial"}', "service"),
    (CHARGE_TYPE, "dcdn_service_charge_type", ("charge_type",), _SHOWN_CHARGE_TYPE, "service"),
    (
        NEXT_CHARGE_TYPE,
        "dcdn_service_next_charge_type",
        ("charge_type",),
        f"dcdn_service_next_charge_type{_KNOWN_CHARGE_TYPE}",
        "service",
    ),
    (
        COMPONENT_CHARGE_TYPE,
        "dcdn_service_component_charge_type",
        ("component", "charge_type"),
        _SHOWN_CHARGE_TYPE,
        "service",
    ),
    (
        COMPONENT_NEXT_CHARGE_TYPE,
        "dcdn_service_component_next_charge_type",
        ("component", "charge_type"),
        _SHOWN_CHARGE_TYPE,
        "service",
    ),
    (IN_DEBT, "dcdn_service_in_debt", (), "dcdn_service_in_debt", "debt_status"),
    (IN_DEBT_OVERDUE, "dcdn_service_in_debt_overdue", (), "dcdn_service_in_debt_overdue", "debt_status"),
)

_HELD = {
    record: Recording(
        record,
        held(
            f"{metric} == 1",
            by=("account", "product", *labels),
            shown=shown,
            probe=probe,
            record=record,
            lost=LOST if record == LOCK else GONE,
        ),
        why=f"what was 1 of {metric} in the last answer, over all replicas, until an answer says otherwise",
    )
    for record, metric, labels, shown, probe in _STATES
}

LOCK_RECORDINGS = (
    *_WATCH,
    _HELD.pop(LOCK),
    Recording(
        ROUTES,
        written(f"""
topk by (account) (1, max by (account, {", ".join((*ROUTED_BY, *NAMED_BY))}) (dcdn_account_info))
  or
(
  {ROUTES}
    unless on (account)
  dcdn_account_info
    and on (account)
  {LOST}
)"""),
        why="the labels of each account by which alerts find their readers and texts name it; one series, even while "
        "replicas do not agree, since two would fail every rule that joins",
    ),
)
STATE_RECORDINGS = (
    Recording(
        GONE,
        written(NO_LONGER_SHOWN),
        why="what is not shown any more, also in the seconds until the group of locks is evaluated next and knows it "
        "as lost: a debt would end in them",
    ),
    *_HELD.values(),
    Recording(
        SERVICE_END,
        held(
            f"dcdn_service_end_timestamp_seconds < time() + {ENDING_S}",
            aggregate="max",
            by=("account", "product"),
            shown='dcdn_service_status{status="active"}',
            probe="service",
            record=SERVICE_END,
            lost=GONE,
        ),
        why="when services end that do so within a week, until an answer says otherwise",
    ),
    Recording(
        BALANCE,
        f"min by (account, currency) (last_over_time(dcdn_account_available_amount{within(RESTART_S)}))",
        why="what is left, over all replicas and through a restart",
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
