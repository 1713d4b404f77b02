"""Alerts about polls: what stands between us and the state of a service.

While one replica is answered, the state is known, and only DcdnReplicaFailing tells of the other.
"""

from deploy.prometheus.rules.expressions import routed, within
from deploy.prometheus.rules.rule import Alert, Pause, Severity
from deploy.prometheus.rules.thresholds import (
    BUDGET_S,
    BUDGET_SHARE,
    FAILURES_S,
    MINUTE_S,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    RESTART_S,
    SKIPPED_SHARE,
    STALE_AFTER_S,
    THROTTLED_SHARE,
)

_POLLED_S = POLL_INTERVAL_S + POLL_TIMEOUT_S
_PROBE = "account, product, probe"
_WHAT = "{{ $labels.probe }} of {{ $labels.product }} of {{ $labels.account }}"

_age = f"""
min by ({_PROBE}) (
  time() - dcdn_last_success_timestamp_seconds
    - on (job, instance) group_left ()
  max by (job, instance) (dcdn_exporter_poll_stale_after_seconds)
) > 0"""

_throttled = f"""
sum by ({_PROBE}) (rate(dcdn_poll_failures_total{{reason="throttled"}}{within(FAILURES_S)}))
  /
sum by ({_PROBE}) (rate(dcdn_polls_total{within(FAILURES_S)}))
  > {THROTTLED_SHARE}"""

_skipped = f"""
sum by ({_PROBE}) (rate(dcdn_polls_skipped_total{within(FAILURES_S)}))
  /
sum by ({_PROBE}) (
  rate(dcdn_polls_total{within(FAILURES_S)}) + rate(dcdn_polls_skipped_total{within(FAILURES_S)})
)
  > {SKIPPED_SHARE}"""

_budget = f"""
max by (account_id, operation) (
  sum by (job, instance, account_id, operation) (
    rate(dcdn_polls_total{within(BUDGET_S)})
      * on (job, instance, account) group_left (account_id)
    max by (job, instance, account, account_id) (dcdn_account_info{{account_id!=""}})
      * on (job, instance, product, probe) group_left (operation)
    max by (job, instance, product, probe, operation) (dcdn_exporter_probe_info)
  )
    / on (job, instance, operation) group_left ()
  max by (job, instance, operation) (dcdn_exporter_api_budget_calls_per_second)
) > {BUDGET_SHARE}"""


def _failed_for(reason: str, by: str) -> str:
    """Polls of these failed for the reason lately, and the last ones still fail on every replica."""
    return f"""
sum by ({by}) (increase(dcdn_poll_failures_total{{reason="{reason}"}}{within(FAILURES_S)})) > 0
  and on ({by})
max by ({_PROBE}) (dcdn_poll_success) == 0"""


POLL_ALERTS = (
    Alert(
        "DcdnPollFailing",
        Severity.WARNING,
        routed(f"max by ({_PROBE}) (dcdn_poll_success) == 0"),
        fires_when="no replica's last poll of a probe got an answer",
        learned_after_s=_POLLED_S,
        waits=Pause(5 * MINUTE_S, "one lost poll is no incident; the data are not stale yet"),
        summary=f"Polls of {_WHAT} fail",
        description="The last known state is still shown, and goes stale if this lasts. The runbook tells by the "
        "reason of the failures what to do.",
    ),
    Alert(
        "DcdnDataStale",
        Severity.CRITICAL,
        routed(_age),
        fires_when="no replica's last answer is younger than its `poll.stale_after`",
        learned_after_s=STALE_AFTER_S,
        waits=Pause(2 * MINUTE_S, "an exporter that has just started has no answer yet"),
        summary=f"The state of {_WHAT} is not known",
        description="{{ if gt $value 1e9 }}It was never learned.{{ else }}The last answer became too old "
        "{{ $value | humanizeDuration }} ago.{{ end }} A lock would not be seen: do not trust silence, look at the "
        "vendor's console.",
    ),
    Alert(
        "DcdnAuthFailing",
        Severity.CRITICAL,
        routed(_failed_for("auth", "account")),
        fires_when="the API does not accept the account's credentials, on any replica",
        learned_after_s=_POLLED_S,
        waits=Pause(5 * MINUTE_S, "keys that were just made, and tokens just renewed, may need some minutes"),
        summary="The credentials of {{ $labels.account }} are not accepted",
        description="Nothing recovers by itself: the key was deleted, disabled or replaced, its secret is wrong, or "
        "the clock is. Until then nothing is known of the account's services.",
    ),
    Alert(
        "DcdnPermissionMissing",
        Severity.WARNING,
        routed(_failed_for("permission", _PROBE)),
        fires_when="the account may not call a probe's operation",
        learned_after_s=_POLLED_S,
        waits=Pause(5 * MINUTE_S, "a policy that was just attached needs some minutes"),
        summary=f"The right to poll {_WHAT} is missing",
        description="The RAM policy of the account's credentials does not allow the operation, or their role may not "
        "be assumed. Attach the policy or mend the role's trust, or do not poll what is not needed.",
    ),
    Alert(
        "DcdnThrottled",
        Severity.WARNING,
        routed(_throttled),
        fires_when=f"more than {THROTTLED_SHARE:.0%} of a probe's polls are throttled",
        learned_after_s=_POLLED_S,
        waits=Pause(20 * MINUTE_S, "a short burst of another tool passes, and is forgotten after 15 minutes"),
        keeps=Pause(RESTART_S, "it comes and goes with the other tool's work"),
        summary=f"Polls of {_WHAT} are throttled",
        description="{{ $value | humanizePercentage }} of the polls meet the vendor's limit, which is one for the "
        "whole account: something else calls the same operation, or replicas do not share the budget.",
    ),
    Alert(
        "DcdnBudgetNearLimit",
        Severity.WARNING,
        _budget,
        fires_when=f"more than {BUDGET_SHARE:.0%} of an operation's budget for an account id is used",
        learned_after_s=0,
        waits=Pause(15 * MINUTE_S, "a reload polls everything at once, which is meant"),
        summary="{{ $labels.operation }} uses {{ $value | humanizePercentage }} of its budget for account id "
        "{{ $labels.account_id }}",
        description="Polls will soon wait for their turn, and data will become older than the interval. Poll less "
        "often, or less.",
    ),
    Alert(
        "DcdnPollsSkipped",
        Severity.WARNING,
        routed(_skipped),
        fires_when=f"more than {SKIPPED_SHARE:.0%} of a probe's runs are skipped since the last one is not over",
        learned_after_s=_POLLED_S,
        waits=Pause(
            20 * MINUTE_S, "the first round of many accounts may take long, and is forgotten after 15 minutes"
        ),
        summary=f"Runs of {_WHAT} are skipped",
        description="{{ $value | humanizePercentage }} of the runs were due before the last one was over: data are "
        "older than the interval says.",
    ),
)
