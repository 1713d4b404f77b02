"""What is recorded of polls: whether replicas are answered, since when they are not, and how old answers are."""

from textwrap import indent

from deploy.prometheus.rules.expressions import (
    BUDGET_USED,
    FAILING_SINCE,
    FLEET,
    FLEET_FAILING,
    LOST,
    LOST_PROBES,
    OUTDONE,
    POLLED,
    ROUTES,
    SKIPPED_POLLS,
    STALE,
    THROTTLED_POLLS,
    inside,
    until_polled,
    while_gone,
    within,
    written,
)
from deploy.prometheus.rules.rule import Recording
from deploy.prometheus.rules.thresholds import BUDGET_S, FAILURES_S

_ONE = "job, instance, account, product, probe"
_PROBE = "account, product, probe"
_FLEET = "job, site, product, probe"


def _share(counter: str) -> str:
    """The rate of a counter of polls as a part of that of polls; of most probes there is nothing to record."""
    return written(f"""
(sum by (job, {_PROBE}) (rate({counter}{within(FAILURES_S)})) > 0)
  /
sum by (job, {_PROBE}) (rate(dcdn_polls_total{within(FAILURES_S)}))""")


def _younger(moments: str) -> str:
    """For how many seconds the youngest of these moments of a probe has been too old; below 0 it is not."""
    return written(f"""
min by (job, {_PROBE}) (
  time()
    - (
{indent(inside(moments), "    ")}
    )
    - on (job, instance, product, probe) group_left ()
    max by (job, instance, product, probe) (dcdn_exporter_probe_stale_after_seconds)
)""")


_FROM_START = f"""
(
  dcdn_last_success_timestamp_seconds == 0
    unless on ({_ONE})
  dcdn_last_poll_timestamp_seconds == 0
)
  + on (job, instance) group_left ()
max by (job, instance) (process_start_time_seconds)"""
# A replica that was started anew says nothing against the answer of another one, young or old.
_NO_ANSWER_YET = f"""
dcdn_last_success_timestamp_seconds == 0
  unless on ({_PROBE})
dcdn_last_success_timestamp_seconds > 0"""

POLL_RECORDINGS = (
    Recording(
        LOST_PROBES,
        written(f"""
(
  {POLLED}
    or
  {LOST_PROBES}
)
  and on (account, product)
{LOST}"""),
        why="what was polled and is not shown any more, with the last result: it still counts among its fleet, of "
        "which those that always fail would be all that is left. It reads what the rule after this one recorded at "
        "the last evaluation",
    ),
    Recording(
        POLLED,
        written(f"""
max by (job, {_PROBE}) (
  dcdn_poll_success
    unless on ({_ONE})
  dcdn_last_poll_timestamp_seconds == 0
)
  or
(
{inside(until_polled(f"{POLLED} == 0", started="dcdn_last_poll_timestamp_seconds == 0"))}
)
  or
{while_gone(POLLED)}
  unless on ({_PROBE})
dcdn_last_poll_timestamp_seconds == 0"""),
        why="whether the last poll on some replica was answered; one that was never polled has not failed",
    ),
    Recording(
        OUTDONE,
        written(f"""
dcdn_poll_success == 0
  and on ({_PROBE})
{POLLED} == 1"""),
        why="probes that fail on this exporter alone: another one is answered",
    ),
    Recording(
        FAILING_SINCE,
        written(f"""
(
  {FAILING_SINCE}
    and
  {POLLED} == 0
)
  or
time() + ({POLLED} == 0)"""),
        why="since when no poll was answered, as a Unix time",
    ),
    Recording(
        STALE,
        written(f"""
(
{inside(_younger("dcdn_last_success_timestamp_seconds > 0"))}
    or
{inside(_younger(_FROM_START))}
) > 0
  or
(
{inside(until_polled(STALE, started=_NO_ANSWER_YET))}
)
  or
{while_gone(STALE)}
  unless on ({_PROBE})
dcdn_last_success_timestamp_seconds > 0"""),
        why="for how many seconds the youngest answer has been too old, by each exporter's own configuration; where "
        "no replica has one, it ages from the exporter's start",
    ),
    Recording(
        FLEET,
        f"count by ({_FLEET}) (({POLLED} or {LOST_PROBES}) * on (account) group_left (site) {ROUTES})",
        why="how many accounts are polled, or were by an exporter that is down",
    ),
    Recording(
        FLEET_FAILING,
        written(f"""
count by ({_FLEET}) (
  (
    {POLLED} == 0
      or
    {STALE}
  )
    * on (account) group_left (site)
  {ROUTES}
)"""),
        why="of how many of them the last poll failed, or the answer is too old",
    ),
)
# They are of the last quarter of an hour, and of 10,000 accounts they cost as much as the states of all services.
SHARE_RECORDINGS = (
    Recording(
        THROTTLED_POLLS,
        _share('dcdn_poll_failures_total{reason="throttled"}'),
        why="the part of a probe's polls that are throttled, where any are",
    ),
    Recording(
        SKIPPED_POLLS,
        _share("dcdn_polls_skipped_total"),
        why="how many of a probe's runs are skipped for each poll, where any are",
    ),
    Recording(
        BUDGET_USED,
        written(f"""
max by (job, account_id, operation) (
  sum by (job, instance, account_id, operation) (
    (
      rate(dcdn_poll_calls_total{within(BUDGET_S)})
        or
      rate(dcdn_polls_total{within(BUDGET_S)})
    )
      * on (job, instance, account) group_left (account_id)
    max by (job, instance, account, account_id) (dcdn_account_info{{account_id!=""}})
      * on (job, instance, product, probe) group_left (operation)
    max by (job, instance, product, probe, operation) (dcdn_exporter_probe_info)
  )
    / on (job, instance, operation) group_left ()
  max by (job, instance, operation) (dcdn_exporter_api_budget_calls_per_second)
)"""),
        why="the part of its budget that each account id uses of an operation; a poll is one call, unless calls are "
        "counted",
    ),
)
