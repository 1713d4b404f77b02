"""What is recorded of polls: whether replicas are answered, since when they are not, and how old answers are."""

from deploy.prometheus.rules.expressions import (
    FAILING_SINCE,
    FLEET,
    FLEET_FAILING,
    OUTDONE,
    POLLED,
    ROUTES,
    STALE,
    inside,
    until_polled,
    written,
)
from deploy.prometheus.rules.rule import Recording

_ONE = "job, instance, account, product, probe"
_PROBE = "account, product, probe"
_FLEET = "job, site, product, probe"

POLL_RECORDINGS = (
    Recording(
        OUTDONE,
        written("""
dcdn_poll_success == 0
  and on (account, product, probe)
dcdn_poll_success == 1"""),
        why="probes that fail on this exporter alone: another one is answered. Once a minute: it would take a "
        "sixth of what the group of locks does",
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
{inside(until_polled(f"{POLLED} == 0", zero="dcdn_last_poll_timestamp_seconds"))}
)"""),
        why="whether the last poll on some replica was answered; one that was never polled has not failed",
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
min by (job, {_PROBE}) (
  time()
    - (
      dcdn_last_success_timestamp_seconds > 0
        or
      (dcdn_last_success_timestamp_seconds == 0)
        + on (job, instance) group_left ()
      max by (job, instance) (process_start_time_seconds)
    )
    - on (job, instance, product, probe) group_left ()
    max by (job, instance, product, probe) (dcdn_exporter_probe_stale_after_seconds)
    unless on ({_ONE})
  dcdn_last_poll_timestamp_seconds == 0
) > 0
  or
(
{inside(until_polled(STALE, zero="dcdn_last_success_timestamp_seconds"))}
)"""),
        why="for how many seconds the youngest answer has been too old, by each exporter's own configuration; where "
        "there was none, it ages from the exporter's start",
    ),
    Recording(
        FLEET,
        f"count by ({_FLEET}) ({POLLED} * on (account) group_left (site) {ROUTES})",
        why="how many accounts are polled",
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
