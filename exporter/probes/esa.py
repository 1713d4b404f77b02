"""The product ``esa``: whether the plans of Edge Security Acceleration work, and when they end.

plans            ListUserRatePlanInstances, and what both lists say together
postpaid_plans   ListPostpaidRatePlanInstances, which the other probe shows
├── FAMILIES         counts by status, and the plans that end first
├── NEWS             how the plans of one list are logged
└── view             what people are shown of both
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from exporter.api.operation import Operation
from exporter.core.durations import in_words
from exporter.core.moments import Moment
from exporter.probes.esa_state import (
    OFFLINE,
    ONLINE,
    OVERDUE,
    RELEASED,
    SITE_OFFLINE,
    SITE_STATUSES,
    STATUSES,
    STOPPED,
    UNKNOWN_FIELDS,
    Plans,
    join,
    parse_plans,
)
from exporter.probes.kind import AS_OF, Family, Interval, News, ProbeKind, Sample, Scope, bounded
from exporter.probes.view import Condition, Fragment, Note, Severity, View

ESA = "esa"
PLANS, POSTPAID_PLANS = "plans", "postpaid_plans"
MOST_SHOWN = 64
"""How many plans of an account have series of their own."""
MOST_NAMED = 20
"""How many plans the log and JSON name."""
ENDING_S = 7 * 86_400.0


def _counted(documented: tuple[str, ...], counts: Mapping[str, int], *, whole: bool) -> Iterator[Sample]:
    """A sample for each documented status, and for those others that there are.

    Of one list alone, only what there is has a sample: a 0 would say that the other list has none either.
    """
    for status, count in (dict.fromkeys(documented, 0) | bounded(counts, documented)).items():
        if count or whole:
            yield (status,), float(count)


_BOTH = (
    "If one of the probes plans and postpaid_plans has no answer, or a stale one, only the plans of the other probe "
    "are counted. A status that none of them has is then absent."
)
FAMILIES: tuple[Family[Plans], ...] = (
    Family(
        "dcdn_esa_plans",
        "Plans of Edge Security Acceleration by status (Status): offline has expired, disable is released. "
        f"A plan that is in both lists counts once. {_BOTH} {AS_OF}",
        lambda plans: _counted(STATUSES, plans.by_status(), whole=plans.whole),
        labels=("status",),
        scope=Scope.ACCOUNT,
    ),
    Family(
        "dcdn_esa_plan_expiry_timestamp_seconds",
        f"Unix time at which a plan ends (ExpireTime). Released plans have none; of the others, the {MOST_SHOWN} of "
        f"an account that end first have one. {AS_OF}",
        lambda plans: [
            ((plan.instance_id,), plan.expires_at.timestamp())
            for plan in plans.held[:MOST_SHOWN]
            if plan.expires_at is not None
        ],
        labels=("instance_id",),
        scope=Scope.ACCOUNT,
    ),
    Family(
        "dcdn_esa_plan_info",
        "Always 1 for a plan that is not released; the labels are its name (PlanName) and how it is renewed "
        f"(RenewalStatus): auto, manual, none or unknown. Only the {MOST_SHOWN} plans of an account that end first "
        f"have it. {AS_OF}",
        lambda plans: [((plan.instance_id, plan.plan_name, plan.renewal), 1.0) for plan in plans.held[:MOST_SHOWN]],
        labels=("instance_id", "plan_name", "renewal"),
        scope=Scope.ACCOUNT,
    ),
    Family(
        "dcdn_esa_sites",
        f"Sites of plans that are not released, by status (SiteStatus). {_BOTH} {AS_OF}",
        lambda plans: _counted(SITE_STATUSES, plans.sites_by_status(), whole=plans.whole),
        labels=("status",),
        scope=Scope.ACCOUNT,
    ),
)


def _fields(plans: Plans) -> Mapping[str, str]:
    """The fields of the log: counts, and the ids of the plans that have stopped."""
    counts, first = plans.by_status(), plans.first_expiry
    return {
        "plans_online": str(counts[ONLINE]),
        "plans_offline": _ids(plans.ids(OFFLINE)),
        "plans_overdue": _ids(plans.ids(OVERDUE)),
        "plans_disable": str(counts[RELEASED]),
        "plans_other": _listed(plans.undocumented()),
        "sites": _listed(bounded(plans.sites_by_status(), SITE_STATUSES)),
        "first_expiry": "" if first is None else _written(first),
    }


def _listed(counts: Mapping[str, int]) -> str:
    return ",".join(f"{status}:{count}" for status, count in sorted(counts.items()))


def _ids(ids: tuple[str, ...]) -> str:
    more = len(ids) - MOST_NAMED
    return ",".join(ids[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


NEWS: News[Plans] = News(
    "plans",
    fields=_fields,
    is_bad=lambda plans: bool(plans.ids(*STOPPED)),
    is_worse=lambda _plans, field, value: field in ("plans_offline", "plans_overdue") and value != "",
)

PLAN_STOPPED = Condition(
    "stopped", Severity.CRITICAL, alarm="with stopped plans", one="plan stopped", many="plans stopped"
)
PLAN_UNCLEAR = Condition("plan_unclear", Severity.WARNING, many="plans unclear", rows="with unclear plans")
PLAN_ENDING = Condition("plan_ending", Severity.WARNING, many="plans ending", rows="with ending plans")
SITES_OFFLINE = Condition("site_offline", Severity.WARNING, many="sites offline", rows="with offline sites")
_NO_PLAN = "without a plan"
NO_PLAN = Condition("no_plan", Severity.INACTIVE, one=_NO_PLAN, many=_NO_PLAN, rows=_NO_PLAN)
PLANS_ONLINE = Condition("online", Severity.GOOD)
CONDITIONS = (PLAN_STOPPED, PLAN_UNCLEAR, PLAN_ENDING, SITES_OFFLINE, NO_PLAN, PLANS_ONLINE)


def view(plans: Plans | None, now: float) -> View:
    """What people are shown: the worst status, and how many plans have each status that is not good.

    Of one list alone, what it has is shown; that it has no plan says nothing of the account.
    """
    if plans is None:
        return View(status_json={PLANS: None})
    numbers = dict(_numbers(plans, now))
    return View(
        conditions=tuple(condition for condition, number in numbers.items() if number),
        numbers=numbers,
        status=tuple(_status_cell(plans)),
        notes=tuple(_notes(plans, now)),
        status_json={
            PLANS: {
                "statuses": dict(sorted(bounded(plans.by_status(), STATUSES).items())),
                "sites": dict(sorted(bounded(plans.sites_by_status(), SITE_STATUSES).items())),
                "stopped": list(plans.ids(*STOPPED)[:MOST_NAMED]),
                "first_expiry": plans.first_expiry,
                "whole": plans.whole,
            }
        },
    )


def _ends_soon(plans: Plans, now: float) -> list[float]:
    """When each plan stops that does so soon unless somebody renews it, also of those that are online past that."""
    ends = (plan.ends_at for plan in plans.plans)
    return [end for end in ends if end is not None and end <= now + ENDING_S]


def _numbers(plans: Plans, now: float) -> Iterator[tuple[Condition, int]]:
    """The conditions, and how many plans or sites have each; one that none has does not hold."""
    yield PLAN_STOPPED, len(plans.ids(*STOPPED))
    yield PLAN_UNCLEAR, sum(plans.undocumented().values())
    yield PLAN_ENDING, len(_ends_soon(plans, now))
    yield SITES_OFFLINE, plans.sites_by_status()[SITE_OFFLINE]
    yield NO_PLAN, int(plans.whole and not plans.held)
    yield PLANS_ONLINE, len(plans.ids(ONLINE))


def _status_cell(plans: Plans) -> Iterator[Fragment]:
    counts = bounded(plans.by_status(), STATUSES)
    worst = next((status for status in (*STOPPED, *plans.undocumented(), ONLINE) if status in counts), None)
    if worst in STOPPED:
        yield Fragment(f"plan {worst}", runbook=_runbook(worst))
    elif worst is not None:
        yield Fragment(worst, foreign=worst not in STATUSES, runbook=_runbook(worst))
    else:
        yield Fragment("no plan" if plans.whole else "no plan known")


def _runbook(status: str) -> str:
    """That of plans in this status."""
    if status in STOPPED:
        return "DcdnEsaPlanStopped"
    return "" if status in STATUSES else "DcdnUnknownApiValue"


def _notes(plans: Plans, now: float) -> Iterator[Note]:
    counts, sites, held = plans.by_status(), plans.sites_by_status(), len(plans.held)
    for status in STOPPED:
        if counts[status]:
            template = f"plans {status}: {{count}} of {{total}}"
            yield Note(Severity.CRITICAL, template, _of(counts[status], held), _runbook(status))
    for status, count in plans.undocumented().items():
        values = {"status": status, **_of(count, held)}
        yield Note(Severity.WARNING, "plans {status}: {count} of {total}", values, _runbook(status))
    ends = _ends_soon(plans, now)
    if ended := [end for end in ends if end <= now]:
        template = "plans that ended: {count} of {total}, the first at {moment}"
        values = {**_of(len(ended), held), "moment": Moment(datetime.fromtimestamp(min(ended), UTC))}
        yield Note(Severity.WARNING, template, values, "DcdnEsaPlanExpiring")
    if ending := [end - now for end in ends if end > now]:
        template = "plans that end within 7 days: {count} of {total}, the first in {time}"
        values = {**_of(len(ending), held), "time": in_words(min(ending))}
        yield Note(Severity.WARNING, template, values, "DcdnEsaPlanExpiring")
    if sites[SITE_OFFLINE]:
        values = _of(sites[SITE_OFFLINE], sites.total())
        yield Note(Severity.WARNING, "sites offline: {count} of {total}", values, "DcdnEsaSitesOffline")


def _of(count: int, total: int) -> dict[str, str | int]:
    return {"count": count, "total": total}


def plans(operation: Operation) -> ProbeKind[Plans, None, Plans]:
    """The row of ListUserRatePlanInstances, which shows the plans of both lists."""
    return ProbeKind(
        product=ESA,
        probe=PLANS,
        operation=operation,
        parse=parse_plans,
        families=FAMILIES,
        news=NEWS,
        conditions=CONDITIONS,
        view=view,
        joins=(POSTPAID_PLANS,),
        join=join,
        unknown_fields=UNKNOWN_FIELDS,
        interval=Interval.INVENTORY,
    )


def postpaid_plans(operation: Operation) -> ProbeKind[Plans, None, Plans]:
    """The row of ListPostpaidRatePlanInstances, whose plans are shown with those of the other list."""
    return ProbeKind(
        product=ESA,
        probe=POSTPAID_PLANS,
        operation=operation,
        parse=parse_plans,
        families=(),
        news=NEWS,
        conditions=(),
        view=lambda _plans, _now: View(),
        unknown_fields=UNKNOWN_FIELDS,
        interval=Interval.INVENTORY,
    )
