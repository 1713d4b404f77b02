"""Alerts about services, debts and balances: what the vendor says."""

from deploy.prometheus.rules.expressions import (
    CHARGE_TYPE,
    IN_DEBT,
    IN_DEBT_OVERDUE,
    LOCK,
    NEXT_CHARGE_TYPE,
    SINCE,
    STATUS,
    routed,
    within,
)
from deploy.prometheus.rules.rule import Alert, Pause, Severity
from deploy.prometheus.rules.thresholds import (
    BALANCE_HISTORY_S,
    BALANCE_INTERVAL_S,
    BALANCE_LEFT_S,
    BALANCE_SLOPE_S,
    CHANGE_SOON_S,
    HOUR_S,
    LOCKED_TOO_LONG_S,
    MEMORY_S,
    MINUTE_S,
    NEWS_S,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    RESTART_S,
)
from exporter.config.values import format_duration

_POLLED_S = POLL_INTERVAL_S + POLL_TIMEOUT_S
_AT_ONCE = Pause(0, "the API's answer does not flicker, and every minute counts")
_FLAP = Pause(5 * MINUTE_S, "a lock that comes and goes is one alert")
_NEWS = Pause(0, "a change is seen once, and is news at once")
_WHO = "{{ $labels.product }} of {{ $labels.account }}"
_SITE = (
    '{{ if eq $labels.site "china" }}On the China site acceleration has stopped already.'
    "{{ else }}On the international site 15 days of grace have passed.{{ end }}"
)
# Over the replicas first: one that restarts under another name must not begin the history anew.
_left = "min by (account, currency) (dcdn_account_available_amount)"
_ahead = (
    f"predict_linear({_left}[{format_duration(BALANCE_SLOPE_S)}:{format_duration(BALANCE_INTERVAL_S)}], "
    f"{BALANCE_LEFT_S})"
)
_balance = f"""
clamp_min(
  {_left}
    / ({_left} - ({_ahead} < 0))
    * {BALANCE_LEFT_S // HOUR_S},
  0
)
  and
group by (account, currency) (dcdn_account_available_amount offset {format_duration(BALANCE_HISTORY_S)})"""

LOCK_ALERTS = (
    Alert(
        "DcdnServiceLockedFinancial",
        Severity.CRITICAL,
        routed(f'max by (account, product) ({LOCK}{{reason="financial"}})'),
        fires_when="the service is locked for an overdue payment, until an answer says that it no longer is",
        learned_after_s=_POLLED_S,
        waits=_AT_ONCE,
        keeps=_FLAP,
        summary=f"{_WHO} is locked: a payment is overdue",
        description=f"{_SITE} Pay what the account owes; the service comes back by itself. Its configuration is "
        "deleted 30 days after the lock.",
    ),
    Alert(
        "DcdnServiceLockedOther",
        Severity.CRITICAL,
        routed(f'{LOCK}{{reason!="financial"}}'),
        fires_when="the service is locked for another reason than an overdue payment",
        learned_after_s=_POLLED_S,
        waits=_AT_ONCE,
        keeps=_FLAP,
        summary=f"{_WHO} is locked: {{{{ $labels.reason }}}}",
        description="The vendor has locked the service for another reason than a payment. Only a ticket with the "
        "vendor ends it: open one now, and name the account's id.",
    ),
)

STATE_ALERTS = (
    Alert(
        "DcdnServiceDeactivated",
        Severity.CRITICAL,
        routed(f"""
max by (account, product) ({STATUS}{{status="not_activated"}})
  unless on (account, product)
{STATUS}{{status=~"active|locked"}}
  and on (account, product)
(
  {STATUS}{{status=~"active|locked"}} offset {format_duration(NEWS_S)}
    or
  last_over_time(ALERTS{{alertname="DcdnServiceDeactivated", alertstate="firing"}}{within(MEMORY_S)})
)"""),
        fires_when="a service that was active is not activated any more",
        learned_after_s=_POLLED_S,
        waits=Pause(5 * MINUTE_S, "an error code says so, and the vendor may send it in error for some minutes"),
        summary=f"{_WHO} is not activated any more",
        description="The API says that this service was never opened, though it was active before: the key may now "
        "belong to another account, or the vendor has closed the service. Find out which, then open it again.",
    ),
    Alert(
        "DcdnInDebt",
        Severity.WARNING,
        routed(f"max by (account, product) ({IN_DEBT})"),
        fires_when="a payment is overdue (probe `debt_status`)",
        learned_after_s=_POLLED_S,
        waits=_AT_ONCE,
        summary="{{ $labels.account }} has overdue payments ({{ $labels.product }})",
        description='{{ if eq $labels.site "china" }}On the China site the lock may follow within minutes: pay now.'
        "{{ else }}On the international site the service is locked 15 days after the bill fell due.{{ end }}",
    ),
    Alert(
        "DcdnInDebtOverdue",
        Severity.CRITICAL,
        routed(f"max by (account, product) ({IN_DEBT_OVERDUE})"),
        fires_when="the time to make up for an overdue payment is over (probe `debt_status`)",
        learned_after_s=_POLLED_S,
        waits=_AT_ONCE,
        summary="{{ $labels.account }}: the grace for overdue payments is over ({{ $labels.product }})",
        description="The service is being locked, or is locked already. Pay what the account owes now.",
    ),
    Alert(
        "DcdnBalanceRunningOut",
        Severity.WARNING,
        routed(_balance),
        fires_when=f"at the pace of the last {format_duration(BALANCE_SLOPE_S)} the balance is gone within "
        f"{BALANCE_LEFT_S // HOUR_S} hours (probe `balance`)",
        learned_after_s=BALANCE_INTERVAL_S + POLL_TIMEOUT_S,
        waits=Pause(HOUR_S, "bills come in steps once an hour, and one large step is not yet a trend"),
        summary='{{ $labels.account }} runs out of {{ $labels.currency }} in {{ printf "%.0f" $value }} hours',
        description="The available amount, credit included, falls that fast. Top the account up; without money the "
        "services of the China site are locked at once.",
    ),
    Alert(
        "DcdnChargeTypeChangeSoon",
        Severity.INFO,
        routed(f"""
min by (account, product) (dcdn_service_charge_type_change_remaining_seconds) < {CHANGE_SOON_S}"""),
        fires_when=f"a change of the billing method takes effect within {format_duration(CHANGE_SOON_S)}",
        learned_after_s=_POLLED_S,
        waits=Pause(0, "the moment is a fact, not a measurement"),
        keeps=Pause(RESTART_S, "a restart of the exporter is not the end of it"),
        summary=f"{_WHO} changes its billing method in {{{{ $value | humanizeDuration }}}}",
        description="A submitted change cannot be withdrawn. Check that traffic packages and budgets fit the new "
        "method.",
    ),
    Alert(
        "DcdnChargeTypeChangeScheduled",
        Severity.WARNING,
        routed(f"""
max by (account, product, charge_type) ({NEXT_CHARGE_TYPE})
  unless on (account, product, charge_type)
{NEXT_CHARGE_TYPE} offset {format_duration(NEWS_S)}
  and on (account, product)
{STATUS} offset {format_duration(NEWS_S)}"""),
        fires_when=f"a change of the billing method was submitted within the last {format_duration(NEWS_S)}",
        learned_after_s=_POLLED_S,
        waits=_NEWS,
        summary=f"{_WHO} is going to be billed by {{{{ $labels.charge_type }}}}",
        description="Somebody has submitted a change of the billing method. Find out who and why; it cannot be "
        "withdrawn, and it blocks another one until it takes effect.",
    ),
    Alert(
        "DcdnChargeTypeChanged",
        Severity.INFO,
        routed(f"""
max by (account, product, charge_type) ({CHARGE_TYPE})
  unless on (account, product, charge_type)
{CHARGE_TYPE} offset {format_duration(NEWS_S)}
  and on (account, product)
{CHARGE_TYPE} offset {format_duration(NEWS_S)}"""),
        fires_when=f"the billing method has changed within the last {format_duration(NEWS_S)}",
        learned_after_s=_POLLED_S,
        waits=_NEWS,
        summary=f"{_WHO} is billed by {{{{ $labels.charge_type }}}} now",
        description="The billing method has changed. Bills from now on follow the new one; they come hours late.",
    ),
    Alert(
        "DcdnLockedTooLong",
        Severity.CRITICAL,
        routed(f"{SINCE} < time() - {LOCKED_TOO_LONG_S}"),
        fires_when=f"the service has been locked for {format_duration(LOCKED_TOO_LONG_S)}, as far as is known",
        learned_after_s=LOCKED_TOO_LONG_S + _POLLED_S,
        waits=Pause(0, "it counts from when the lock was first seen"),
        summary=f"{_WHO} has been locked for {LOCKED_TOO_LONG_S // (24 * HOUR_S)} days",
        description="30 days after the lock the vendor deletes the service's configuration: domains then have to be "
        "added again. Pay, or save the configuration.",
    ),
)
