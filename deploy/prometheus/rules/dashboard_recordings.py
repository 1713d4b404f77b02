"""What only dashboards read, so that more accounts do not cost them more: sums, worst values, and who needs help.

They are few series: one for each service that needs somebody, and some for each job, product and probe.
"""

from enum import IntEnum

from deploy.prometheus.rules.expressions import (
    ATTENTION,
    BUDGET,
    BUDGET_USED,
    COUNT,
    IN_DEBT,
    IN_DEBT_OVERDUE,
    LOCK,
    LOST,
    MEDIAN_AGE,
    OLDEST,
    POLLED,
    POLLS,
    SHOWN,
    SKIPPED,
    SKIPPED_POLLS,
    THROTTLED,
    THROTTLED_POLLS,
    inside,
    within,
    written,
)
from deploy.prometheus.rules.rule import Recording
from deploy.prometheus.rules.thresholds import CHANGE_SOON_S, POLLS_S
from exporter.probes.esa import PLANS
from exporter.probes.service import SERVICE
from exporter.probes.table import PROBES

_SERVICE = "job, account, product"
_PROBE = "job, product, probe"
_OF_AN_ACCOUNT = "job, account, product, probe"

_OF_STATES = (SERVICE, PLANS)
STATE_PROBES = "|".join(_OF_STATES)
"""The probes, as a pattern, of which each product with a state has one."""
WITHOUT_STATE = "|".join(
    sorted({kind.product for kind in PROBES} - {kind.product for kind in PROBES if kind.probe in _OF_STATES})
)
"""The products, as a pattern, that have no state: money is one."""
WITH_STATE = f'product!~"{WITHOUT_STATE}"'
"""A matcher of all others."""


class Attention(IntEnum):
    """How much a service needs somebody; the largest counts. 0 is not recorded."""

    NONE = 0
    CHANGES_SOON = 1
    WARNED = 2
    FAILING = 3
    IN_DEBT = 4
    UNKNOWN = 5
    OVERDUE = 6
    PARTLY_DOWN = 7
    LOCKED = 8


def _known(held: str) -> str:
    """What is held, with the job that watches the service or watched it last: held states have none."""
    return f"""
(
  {SHOWN}
    or
  {LOST}
)
  and on (account, product)
{held}"""


_UNKNOWN = f"""
dcdn_poll_success{{probe="{SERVICE}"}}
  unless on (job, account, product)
dcdn_service_status{{status="active"}}
  or
dcdn_poll_success{{probe="{PLANS}"}}
  unless on (job, account)
dcdn_esa_plans{{status="online"}}"""

_UNWATCHED = f"{LOST}{{{WITH_STATE}}}"

_FAILING = f"{POLLED}{{{WITH_STATE}}} == 0"

_SOON = f"""
dcdn_service_charge_type_change_remaining_seconds < {CHANGE_SOON_S}
  or
dcdn_service_component_charge_type_change_timestamp_seconds < time() + {CHANGE_SOON_S}"""

# Each need, the alert whose runbook says what to do about it, and the services that have it.
_NEEDS = (
    (Attention.LOCKED, "DcdnServiceLockedFinancial", _known(f'{LOCK}{{reason="financial"}}')),
    (Attention.LOCKED, "DcdnServiceLockedOther", _known(f'{LOCK}{{reason!="financial"}}')),
    (Attention.OVERDUE, "DcdnInDebtOverdue", _known(IN_DEBT_OVERDUE)),
    (Attention.UNKNOWN, "DcdnDataStale", _UNKNOWN),
    (Attention.UNKNOWN, "DcdnAccountsUnwatched", _UNWATCHED),
    (Attention.IN_DEBT, "DcdnInDebt", _known(IN_DEBT)),
    (Attention.FAILING, "DcdnPollFailing", _FAILING),
    (Attention.CHANGES_SOON, "DcdnChargeTypeChangeSoon", _SOON),
)
UNKNOWN = "|".join(runbook for need, runbook, _ in _NEEDS if need is Attention.UNKNOWN)
"""The runbooks, as a pattern, of services whose state is not known."""

_WHY = {
    "DcdnDataStale": "no replica shows a state: it is too old, or there was none yet",
    "DcdnAccountsUnwatched": "the exporter that showed the state is down or gone",
}

# Of what is polled and has no such series, none is throttled or skipped.
_NONE = f"0 * max by ({_PROBE}) (dcdn_exporter_probe_interval_seconds)"

_age_of_limit = f"""
min by ({_OF_AN_ACCOUNT}) (
  (time() - (dcdn_last_success_timestamp_seconds > 0))
    / on (job, instance, product, probe) group_left ()
  max by (job, instance, product, probe) (dcdn_exporter_probe_stale_after_seconds)
)"""

DASHBOARD_RECORDINGS = (
    *(
        Recording(
            ATTENTION,
            f"group by ({_SERVICE}) (\n{inside(services)}\n) * {need.value}",
            why=_WHY.get(runbook, f"services that are {need.name.lower().replace('_', ' ')}"),
            labels={"runbook": runbook},
        )
        for need, runbook, services in _NEEDS
    ),
    Recording(
        COUNT,
        f"count by (job, product, status) (group by ({_SERVICE}, status) (dcdn_service_status == 1))",
        why="how many services there are of each status, counted once however many replicas show them",
    ),
    Recording(
        COUNT,
        f'count by (job, product) ({ATTENTION}{{runbook=~"{UNKNOWN}"}})',
        why="and of how many the status is not known",
        labels={"status": "unknown"},
    ),
    Recording(
        POLLS,
        f"sum by (job, instance, product, probe) (rate(dcdn_polls_total{within(POLLS_S)}))",
        why="polls per second of each exporter",
    ),
    Recording(
        THROTTLED,
        written(f"max by ({_PROBE}) ({THROTTLED_POLLS})\n  or\n{_NONE}"),
        why="the part of its polls that are throttled, of the account that is worst off",
    ),
    Recording(
        SKIPPED,
        written(f"1 - 1 / (1 + max by ({_PROBE}) ({SKIPPED_POLLS}))\n  or\n{_NONE}"),
        why="the part of its runs that are skipped, of the account that is worst off: 1 - 1/(1 + s/p) is s/(p + s)",
    ),
    Recording(
        OLDEST,
        f"max by ({_PROBE}) (\n{inside(_age_of_limit)}\n)",
        why="the oldest answer's age as a part of the age past which it is not shown, on the freshest replica",
    ),
    Recording(
        MEDIAN_AGE,
        f"quantile by ({_PROBE}) (\n  0.5,\n{inside(_age_of_limit)}\n)",
        why="the same of the answer in the middle",
    ),
    Recording(
        BUDGET,
        f"max by (job, operation) ({BUDGET_USED})",
        why="the part of its budget that the busiest account id uses",
    ),
)
