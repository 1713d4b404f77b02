"""Queries that more than one panel has, and what chooses the few accounts that a panel shows.

Most take the variable that holds their accounts: those that were chosen, or the few of them that matter most.
"""

from collections.abc import Callable
from typing import Final

from deploy.prometheus.rules.dashboard_recordings import STATE_PROBES, WITH_STATE, Attention
from deploy.prometheus.rules.dashboard_recordings import UNKNOWN as UNKNOWN_RUNBOOKS
from deploy.prometheus.rules.expressions import (
    ATTENTION,
    BALANCE,
    COUNT,
    LOCK,
    LOST,
    NEXT_CHARGE_TYPE,
    POLLED,
    STALE,
    STATUS,
)
from deploy.prometheus.rules.thresholds import (
    BALANCE_LEFT_S,
    BALANCE_PACE_S,
    HOUR_S,
)
from grafana.builder.mappings import DEBT_FROM, LOCK_FROM, NONE_KNOWN, NOT_POLLED
from grafana.builder.selectors import (
    ACCOUNT,
    SERVICE,
    best,
    of_account,
    of_exporter,
    of_service,
    recorded,
    within_range,
)
from grafana.builder.thresholds import CHANGES, ROWS, SHOWN

# The hidden variables.
NEEDING: Final = "needing"
CHANGING: Final = "changing"
TROUBLED: Final = "troubled"
LOCKED: Final = "locked"
POOREST: Final = "poorest"
EXPIRING: Final = "expiring"
LEFT_OUT: Final = "left_out"
KNOWN: Final = "known"
UNKNOWN: Final = "unknown"
BESIDE: Final = "beside"

LOCKED_RUNBOOKS: Final = "DcdnServiceLocked.+"
# Sorts before every other label; Prometheus answers in the order of labels, and Grafana keeps that.
_RANK: Final = "_rank"
_WORST_RANK: Final = 9_999_999


def most_needing() -> str:
    """The accounts that need somebody most, filled up with others."""
    polled = f"0 * {best('account', recorded(POLLED, probe=STATE_PROBES))}"
    return f"topk({ROWS}, {locked(by='account')} or {best('account', recorded(ATTENTION))} or {polled})"


def services_known() -> str:
    """Of how many of the chosen services rules know something; 0 where they know of none."""
    return f"count({best(SERVICE, recorded(POLLED, probe=STATE_PROBES))}) or vector(0)"


def rows_left_out() -> str:
    """How many of these services the table does not show."""
    return f"clamp_min(vector(${KNOWN}) - {ROWS}, 0)"


def services_unknown() -> str:
    """Of how many services the state is not known; 0 where there is none."""
    return f"{unknown()} or vector(0)"


def next_changing() -> str:
    """The accounts whose billing changes next, those without a date last."""
    left = f"min by (account) ({of_service('dcdn_service_charge_type_change_remaining_seconds')})"
    return f"bottomk({CHANGES}, {left} or 1e9 * group by (account) ({recorded(NEXT_CHARGE_TYPE)}))"


def longest_troubled() -> str:
    """The accounts that were locked or unknown for longest within the range."""
    return f"topk({SHOWN}, sum by (account) (sum_over_time({_troubles(ACCOUNT)}[$__range])))"


def longest_locked() -> str:
    """The accounts that were locked for longest within the range."""
    return f"topk({SHOWN}, max by (account) (count_over_time({recorded(LOCK)}[$__range])))"


def least_balances() -> str:
    """The accounts with the least that is left, of each currency: amounts of two cannot be compared."""
    return f"bottomk by (currency) ({SHOWN // 2}, {recorded(BALANCE)})"


def soonest_expiring() -> str:
    """The accounts whose temporary credentials end first."""
    expiry = of_exporter("dcdn_exporter_credential_expiry_timestamp_seconds")
    return f"bottomk({SHOWN}, {best('account', expiry)})"


def polled(accounts: str = ACCOUNT, *, by: str = SERVICE) -> str:
    """Every service that is polled, known or not, or that was until its exporter went.

    One selector reads both: the names of 200 among 10,000 accounts cost 20 ms in each (Prometheus 2.42).
    """
    either = f"dcdn_poll_success|{LOST}"
    return best(by, _with_state(of_service("", accounts, __name__=either, probe=f"{STATE_PROBES}|")))


def lost() -> str:
    """Every service whose exporter is down or gone."""
    return best(SERVICE, _with_state(recorded(LOST)))


def _with_state(selector: str) -> str:
    return f"{selector[:-1]}, {WITH_STATE}}}"


def status(accounts: str = ACCOUNT) -> str:
    """The status of each service as a number of ``mappings.STATUS``, the worst that a replica knows; 0 is unknown."""
    known = f"{of_service('dcdn_service_status', accounts, status='locked|not_activated|active')} == 1"
    services = best(SERVICE, _numbered(known, {"locked": 3, "not_activated": 2, "active": 1}))
    return f"{services} or {_of_plans(accounts)} or {polled(accounts)} * 0"


def _of_plans(accounts: str) -> str:
    """The same of ESA, which has plans in place of a service: one of them that has stopped is the worst."""
    there, none_online = (
        of_account("dcdn_esa_plans", accounts, status=statuses) for statuses in ("offline|overdue|online", "online")
    )
    plans = best("account", _numbered(f"{there} > 0", {"offline": 4, "overdue": 4, "online": 1}))
    named = f'label_replace({plans} or ({best("account", none_online)} == 0) + 2, "product", "esa", "", "")'
    return f"{named} and on ({SERVICE}) {polled(accounts)}"


def _numbered(series: str, numbers: dict[str, int]) -> str:
    """The series with the number of their status: a selector for each status would take as often as long."""
    each = (f'label_replace(vector({number}), "status", "{name}", "", "")' for name, number in numbers.items())
    return f"({series}) * 0 + on (status) group_left () ({' or '.join(each)})"


def attention(accounts: str = ACCOUNT) -> str:
    """How much each service needs somebody, as a number of ``mappings.ATTENTION``; the first that holds counts."""
    return f"{locked(accounts)} or {best(SERVICE, recorded(ATTENTION, accounts))} or {fine(accounts)}"


def fine(accounts: str = ACCOUNT) -> str:
    """0 for every service, no number where no rules are loaded: without them it is not known whether it is fine."""
    return f"{polled(accounts)} * scalar(0 * sum({recorded(COUNT)}))"


def needing(runbooks: str, **labels: str) -> str:
    """How many services need what these runbooks say; nothing where none does."""
    return f"count(group by ({SERVICE}) ({recorded(ATTENTION, runbook=runbooks, **labels)}))"


def unknown() -> str:
    """Of how many services the state is not known; nothing where there is none."""
    return needing(UNKNOWN_RUNBOOKS)


def unsure() -> str:
    """Something where the state of a service is not known; a variable has counted these for all panels."""
    return f"(vector(${UNKNOWN}) > 0)"


def none() -> str:
    """0 while the exporter is scraped and rules know something of what is chosen: else nothing is known.

    What they know of, a variable has counted for all panels.
    """
    return f"{_nothing_counted()} and on () vector(${KNOWN}) > 0"


def where_polled(count: str, of: Callable[[str], str], unsure: str) -> str:
    """A count, which is nothing where it is none, of probes that are off by default.

    ``of`` chooses these probes of a record. ``unsure`` has something where a state is not known that would count.
    """
    not_known = f"{NONE_KNOWN} + 0 * ({unsure} or count({of(STALE)}))"
    polled_too = f"({not_known} or {_nothing_counted()}) and on () count({of(POLLED)})"
    return f"{count} or {polled_too} or {NOT_POLLED} + ({none()})"


def _nothing_counted() -> str:
    return f"0 * sum({recorded(COUNT)}) and on () {scraped()}"


def scraped() -> str:
    """Something while an exporter is scraped."""
    return f"count({of_exporter('dcdn_exporter_build_info')})"


def locks(accounts: str, **labels: str) -> str:
    """The locks that hold, each by its reason, until an answer says otherwise."""
    return f"({recorded(LOCK, accounts, **labels)} and on () {within_range(recorded(COUNT))})"


def locked(accounts: str = ACCOUNT, *, by: str = SERVICE, **labels: str) -> str:
    """The need of each service that is locked, as rules know it each 15 s: all needs are recorded once a minute."""
    return f"{Attention.LOCKED.value} * group by ({by}) ({locks(accounts, **labels)})"


def not_activated() -> str:
    """How many services are not activated by their last answers; nothing where there is none."""
    return f"count({recorded(STATUS, status='not_activated')} and on () {recorded(COUNT)})"


def worst_first(expression: str, accounts: str) -> str:
    """The expression's services that were locked or unknown within the range, those that were for longest first."""
    badness = f"sum by ({SERVICE}) ({within_range(_troubles(accounts), 'sum_over_time')})"
    rank = f'count_values by ({SERVICE}) ("{_RANK}", {_WORST_RANK} - {badness})'
    return f"({expression}) * on ({SERVICE}) group_left ({_RANK}) {rank}"


def charge_type(accounts: str = ACCOUNT) -> str:
    """The billing method of each service, as a label."""
    return f"{best(f'{SERVICE}, charge_type', of_service('dcdn_service_charge_type', accounts))} == 1"


def next_charge_type(accounts: str = ACCOUNT) -> str:
    """The billing method to come, as the label next_charge_type, so that it stands beside the present one."""
    coming = f"{best(f'{SERVICE}, charge_type', of_service('dcdn_service_next_charge_type', accounts))} == 1"
    return (
        f"max by ({SERVICE}, next_charge_type) "
        f'(label_replace({coming}, "next_charge_type", "$1", "charge_type", "(.*)"))'
    )


def time_left(accounts: str = ACCOUNT) -> str:
    """Seconds until the billing change of each service."""
    return f"min by ({SERVICE}) ({of_service('dcdn_service_charge_type_change_remaining_seconds', accounts)})"


def change_moment(accounts: str = ACCOUNT) -> str:
    """Unix time of the billing change of each service, in the milliseconds that Grafana reads."""
    return f"{best(SERVICE, of_service('dcdn_service_charge_type_change_timestamp_seconds', accounts))} * 1000"


def debt(accounts: str = ACCOUNT) -> str:
    """The debt of each service as a number of ``mappings.DEBT``; nothing where it is polled and not known."""
    overdue = f"({best(SERVICE, of_service('dcdn_service_in_debt_overdue', accounts))} == 1) * 2"
    service, asked = (of_service("dcdn_poll_success", accounts, probe=probe) for probe in ("service", "debt_status"))
    unasked = f"({best(SERVICE, service)} unless on ({SERVICE}) {asked}) * 0 + 3"
    return f"({overdue} or {best(SERVICE, of_service('dcdn_service_in_debt', accounts))} or {unasked})"


def lock_row() -> str:
    """Whether each service is locked, as a number of ``mappings.LOCK``."""
    return f"{best(f'{SERVICE}, reason', of_service('dcdn_service_lock'))} + {LOCK_FROM}"


def debt_row() -> str:
    """The debt of each service as a number of ``mappings.DEBT_ROW``."""
    return f"{debt()} + {DEBT_FROM}"


def age(by: str, accounts: str = ACCOUNT, **labels: str) -> str:
    """Seconds since the last answer; nothing where there was none yet."""
    return f"(time() - ({best(by, of_service('dcdn_last_success_timestamp_seconds', accounts, **labels))} > 0))"


def share_of_stale_after(by: str, accounts: str = ACCOUNT, **labels: str) -> str:
    """The same as a share of the age past which an answer is not shown any more."""
    last = f"({of_service('dcdn_last_success_timestamp_seconds', accounts, **labels)} > 0)"
    limit = f"max by (job, instance, product, probe) ({of_exporter('dcdn_exporter_probe_stale_after_seconds')})"
    return f"min by ({by}) ((time() - {last}) / on (job, instance, product, probe) group_left () {limit})"


def balance(accounts: str) -> str:
    """What is left of each account: the lowest of the replicas, whichever shows it."""
    return f"min by (account, currency) ({of_account('dcdn_account_available_amount', accounts)})"


def balance_forecast(accounts: str) -> str:
    """What will be left a day later where it falls, at the pace of the alert."""
    amount = of_account("dcdn_account_available_amount", accounts)
    before = f"min by (account, currency) ({amount} offset {BALANCE_PACE_S // HOUR_S}h)"
    pace = f"({before} - {balance(accounts)}) * {BALANCE_LEFT_S / BALANCE_PACE_S:g}"
    return f"{balance(accounts)} - {pace} < {balance(accounts)}"


def _troubles(accounts: str) -> str:
    return recorded(ATTENTION, accounts, runbook=f"{LOCKED_RUNBOOKS}|{UNKNOWN_RUNBOOKS}")
