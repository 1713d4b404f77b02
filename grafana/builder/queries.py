"""Queries that more than one panel has."""

from deploy.prometheus.rules.thresholds import (
    BALANCE_LEFT_S,
    BALANCE_PACE_S,
    CHANGE_SOON_S,
    HOUR_S,
)
from grafana.builder.selectors import PROBE, SERVICE, best, of_account, of_exporter, of_service, within_range
from grafana.builder.thresholds import SHOWN


def status() -> str:
    """The status of each service as a number of ``mappings.STATUS``, the worst that a replica knows; 0 is unknown."""
    numbers = {"locked": 3, "not_activated": 2, "active": 1}
    known = [
        f"({best(SERVICE, of_service('dcdn_service_status', status=name))} == 1) * {number}"
        for name, number in numbers.items()
    ]
    return " or ".join((*known, f"{_polled()} * 0"))


def attention() -> str:
    """How much each service needs somebody, as a number of ``mappings.ATTENTION``; the first that holds counts."""
    state = best(SERVICE, of_service("dcdn_service_status"))
    answered = best(PROBE, of_service("dcdn_poll_success"))
    causes = (
        f"({best(SERVICE, of_service('dcdn_service_status', status='locked'))} == 1) * 6",
        f"({best(SERVICE, of_service('dcdn_service_in_debt_overdue'))} == 1) * 5",
        f"({_polled()} unless on ({SERVICE}) {state}) * 0 + 4",
        f"({best(SERVICE, of_service('dcdn_service_in_debt'))} == 1) * 3",
        f"(min by ({SERVICE}) ({answered}) == 0) + 2 and on ({SERVICE}) {_polled()}",
        f"({time_left()} < {CHANGE_SOON_S}) * 0 + 1",
        f"{_polled()} * 0",
    )
    return " or ".join(causes)


def locks() -> str:
    """The locks that hold, each by its reason."""
    return f"{best(f'{SERVICE}, reason', of_service('dcdn_service_lock'))} == 1"


def charge_type() -> str:
    """The billing method of each service, as a label."""
    return f"{best(f'{SERVICE}, charge_type', of_service('dcdn_service_charge_type'))} == 1"


def next_charge_type() -> str:
    """The billing method to come, as the label next_charge_type, so that it stands beside the present one."""
    coming = f"{best(f'{SERVICE}, charge_type', of_service('dcdn_service_next_charge_type'))} == 1"
    return (
        f"max by ({SERVICE}, next_charge_type) "
        f'(label_replace({coming}, "next_charge_type", "$1", "charge_type", "(.*)"))'
    )


def time_left() -> str:
    """Seconds until the billing change of each service."""
    return f"min by ({SERVICE}) ({of_service('dcdn_service_charge_type_change_remaining_seconds')})"


def change_moment() -> str:
    """Unix time of the billing change of each service, in the milliseconds that Grafana reads."""
    return f"{best(SERVICE, of_service('dcdn_service_charge_type_change_timestamp_seconds'))} * 1000"


def debt() -> str:
    """The debt of each service as a number of ``mappings.DEBT``."""
    overdue = f"({best(SERVICE, of_service('dcdn_service_in_debt_overdue'))} == 1) * 2"
    return f"{overdue} or {best(SERVICE, of_service('dcdn_service_in_debt'))}"


def age(by: str, **labels: str) -> str:
    """Seconds since the last answer; nothing where there was none yet."""
    return f"time() - ({best(by, of_service('dcdn_last_success_timestamp_seconds', **labels))} > 0)"


def share_of_stale_after(by: str, **labels: str) -> str:
    """The same as a share of the age past which an answer is not shown any more."""
    last = f"({of_service('dcdn_last_success_timestamp_seconds', **labels)} > 0)"
    limit = f"max by (job, instance) ({of_exporter('dcdn_exporter_poll_stale_after_seconds')})"
    return f"min by ({by}) ((time() - {last}) / on (job, instance) group_left () {limit})"


def balance() -> str:
    """What is left of each account, in each currency those of the range's end with the least."""
    return f"{_left()} and on (account, currency) {_least()}"


def balance_forecast() -> str:
    """What will be left a day later where it falls, at the pace of the alert."""
    amount = of_account("dcdn_account_available_amount")
    before = f"min by (account, currency) ({amount} offset {_hours(BALANCE_PACE_S)})"
    pace = f"({before} - {_left()}) * {BALANCE_LEFT_S / BALANCE_PACE_S:g}"
    return f"({_left()} - {pace} < {_left()}) and on (account, currency) {_least()}"


def worst_in_range() -> str:
    """The services that were locked or unknown for the largest parts of the range, no more than can be read."""
    locked = within_range(of_service("dcdn_service_status", status="locked"), "avg_over_time")
    answered = within_range(of_service("dcdn_poll_success", probe="service"), "avg_over_time")
    unanswered = f"1 - {best(SERVICE, answered)}"
    return f"topk({SHOWN}, {best(SERVICE, locked)} * 2 + ({unanswered}) or {unanswered})"


def _polled() -> str:
    """Every service that is polled, known or not."""
    return best(SERVICE, of_service("dcdn_poll_success", probe="service"))


def _left() -> str:
    """The lowest of the replicas, whichever shows it: one that is replaced does not begin a history anew."""
    return f"min by (account, currency) ({of_account('dcdn_account_available_amount')})"


def _least() -> str:
    """The accounts with the least at the end of the range, in each currency: amounts of two cannot be compared."""
    at_the_end = f"min by (account, currency) ({of_account('dcdn_account_available_amount')} @ end())"
    return f"bottomk by (currency) ({SHOWN // 2}, {at_the_end})"


def _hours(seconds: int) -> str:
    return f"{seconds // HOUR_S}h"
