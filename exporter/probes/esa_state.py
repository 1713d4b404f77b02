"""The plans of Edge Security Acceleration, and how they are read from the answers of two operations.

ListUserRatePlanInstances lists the plans that were bought, ListPostpaidRatePlanInstances those that are paid for
afterwards; a plan can be in both lists.

    {"TotalCount": 1, "TotalPage": 1, "PageNumber": 1, "PageSize": 100, "RequestId": "CB1A…",
     "InstanceInfo": [{"InstanceId": "sp-xcdn-96wblslz****", "PlanName": "basic", "Status": "online",
                       "BillingMode": "PREPAY", "ExpireTime": "2026-04-19T11:15:20Z", "RenewalStatus": "nomal",
                       "Sites": [{"SiteId": 123456, "SiteName": "example.com", "SiteStatus": "pending"}]}]}

Postpaid plans have no ExpireTime and no RenewalStatus.

Source: https://www.alibabacloud.com/help/en/edge-security-acceleration/esa/api-esa-2024-09-10-listuserrateplaninstances
and https://www.alibabacloud.com/help/en/edge-security-acceleration/esa/api-esa-2024-09-10-listpostpaidrateplaninstances
(read 2026-11-29)
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from exporter.api.fields import AnswerFields, cut
from exporter.api.pages import objects_in, rows_of, total_of
from exporter.core.model import Answer, require_aware, require_label_value
from exporter.probes.kind import MOST_SEEN, bounded

ROWS = "InstanceInfo"
_STATUS, _SITE_STATUS, _RENEWAL, _EXPIRY = "Status", "SiteStatus", "RenewalStatus", "ExpireTime"
_PLAN_NAME, _SITES = "PlanName", "Sites"
UNKNOWN_FIELDS = (_STATUS, _SITE_STATUS, _RENEWAL, _EXPIRY, _PLAN_NAME, _SITES)
ONLINE, OFFLINE, OVERDUE, RELEASED = "online", "offline", "overdue", "disable"
STATUSES = (ONLINE, OFFLINE, OVERDUE, RELEASED)
STOPPED = (OVERDUE, OFFLINE)
"""The statuses of a plan that serves nothing: it is not paid for, or has expired."""
SITE_OFFLINE = "offline"
SITE_STATUSES = ("pending", "active", SITE_OFFLINE, "moved")
UNSPECIFIED = "unspecified"
"""The status of a plan or site for which the answer names none."""
AUTO, MANUAL, NO_RENEWAL, UNKNOWN_RENEWAL = "auto", "manual", "none", "unknown"
# `nomal` is the vendor's spelling; its other products write `normal`.
_RENEWALS = MappingProxyType(
    {"auto_renewal": AUTO, "nomal": MANUAL, "normal": MANUAL, "not_renewal": NO_RENEWAL, "": UNKNOWN_RENEWAL}
)

_Unknown = dict[str, dict[str, None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan instance.

    ``status`` is lower case. ``plan_name`` is empty where it has none. ``renewal`` is ``auto``, ``manual``, ``none``
    or ``unknown``. ``expires_at`` is None where no end is known. ``sites`` are the statuses of its sites and how many
    sites have each, sorted.
    """

    instance_id: str
    status: str
    plan_name: str = ""
    renewal: str = UNKNOWN_RENEWAL
    expires_at: datetime | None = None
    sites: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        for text in (self.instance_id, self.status, self.plan_name or None, *dict(self.sites)):
            require_label_value(text)
        require_aware(self.expires_at)
        if self.renewal not in _RENEWALS.values():
            raise ValueError(f"a renewal is auto, manual, none or unknown, not {self.renewal!r}")

    @property
    def ends_at(self) -> float | None:
        """The Unix time at which it stops unless somebody renews it; None where that is not known."""
        if self.status != ONLINE or self.renewal == AUTO or self.expires_at is None:
            return None
        return self.expires_at.timestamp()


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of an account, sorted by their ids, each once; ``whole``: those of both lists."""

    plans: tuple[Plan, ...] = ()
    whole: bool = False

    def __post_init__(self) -> None:
        ids = [plan.instance_id for plan in self.plans]
        if ids != sorted(set(ids)):
            raise ValueError(f"plans are sorted by their ids, which are unique, seen {ids!r}")

    @property
    def held(self) -> tuple[Plan, ...]:
        """Those that are not released: the ones that end first, then those without an end."""
        held = (plan for plan in self.plans if plan.status != RELEASED)
        return tuple(sorted(held, key=lambda plan: (plan.expires_at is None, plan.expires_at, plan.instance_id)))

    @property
    def first_expiry(self) -> datetime | None:
        """When the first of those ends, as far as it is known."""
        return next((plan.expires_at for plan in self.held), None)

    def by_status(self) -> Counter[str]:
        """How many plans have each status."""
        return Counter(plan.status for plan in self.plans)

    def sites_by_status(self) -> Counter[str]:
        """How many sites of plans that are not released have each status: the others are gone with their plan."""
        counts = Counter[str]()
        for plan in self.held:
            counts.update(dict(plan.sites))
        return counts

    def undocumented(self) -> dict[str, int]:
        """How many plans have each status that the vendor does not document; 16, then ``other``."""
        counts = bounded(self.by_status(), STATUSES)
        return {status: count for status, count in counts.items() if status not in STATUSES}

    def ids(self, *statuses: str) -> tuple[str, ...]:
        """The ids of the plans in these statuses."""
        return tuple(plan.instance_id for plan in self.plans if plan.status in statuses)


def parse_plans(payload: Mapping[str, object], request_id: str | None) -> Answer[Plans]:
    """Return the plans in an answer; of one that is in it twice, the last.

    Raises MalformedReply when there is no list, or when a row of it names no plan: that plan may have stopped.
    """
    answer = AnswerFields(payload, request_id)
    unknown: _Unknown = defaultdict(dict)
    plans: dict[str, Plan] = {}
    for fields in objects_in(answer, (ROWS,), may_be_missing=total_of(answer) == 0):
        plan = _plan(fields, unknown)
        plans[plan.instance_id] = plan
    named = {field: tuple(values)[:MOST_SEEN] for field, values in unknown.items()}
    return Answer(_sorted(plans), request_id=request_id, unknown_values=MappingProxyType(named))


def join(bought: Plans, postpaid: Plans) -> Plans:
    """The plans of both lists, each once.

    The list of postpaid plans decides on those that it has. Their end and renewal, which it does not have, are those
    of the other list.
    """
    plans = {plan.instance_id: plan for plan in bought.plans}
    for plan in postpaid.plans:
        other = plans.get(plan.instance_id, plan)
        plans[plan.instance_id] = replace(
            plan,
            expires_at=plan.expires_at or other.expires_at,
            renewal=other.renewal if plan.renewal == UNKNOWN_RENEWAL else plan.renewal,
        )
    return _sorted(plans, whole=True)


def _sorted(plans: Mapping[str, Plan], *, whole: bool = False) -> Plans:
    return Plans(tuple(plans[instance_id] for instance_id in sorted(plans)), whole=whole)


def _plan(fields: AnswerFields, unknown: _Unknown) -> Plan:
    """The plan that a row describes; values that its documentation does not name are added to ``unknown``."""
    instance_id = fields.label("InstanceId")
    if instance_id is None:
        raise fields.without_needed("the InstanceId of a plan")
    renewal = (fields.auxiliary(fields.label, _RENEWAL) or "").lower()
    if renewal not in _RENEWALS:
        unknown[_RENEWAL][renewal] = None
    plan = Plan(
        instance_id,
        _status(fields, _STATUS, STATUSES, unknown),
        plan_name=fields.auxiliary(fields.label, _PLAN_NAME) or "",
        renewal=_RENEWALS.get(renewal, UNKNOWN_RENEWAL),
        expires_at=fields.auxiliary(fields.moment, _EXPIRY),
        sites=tuple(sorted(Counter(_sites(fields, unknown)).items())),
    )
    _add_odd(fields, unknown)
    return plan


def _sites(plan: AnswerFields, unknown: _Unknown) -> Iterator[str]:
    """The statuses of a plan's sites; a site that is no object has none."""
    rows = plan.auxiliary(lambda field: rows_of(plan, (field,), may_be_missing=True), _SITES)
    for row in rows or ():
        site = AnswerFields(row if isinstance(row, dict) else {}, None, path=f"{_SITES}.")
        yield _status(site, _SITE_STATUS, SITE_STATUSES, unknown)
        _add_odd(site, unknown)


def _status(fields: AnswerFields, field: str, documented: Iterable[str], unknown: _Unknown) -> str:
    status = cut((fields.auxiliary(fields.label, field) or UNSPECIFIED).lower())
    if status not in documented and field not in fields.odd:
        unknown[field][status] = None
    return status


def _add_odd(fields: AnswerFields, unknown: _Unknown) -> None:
    for field, error in fields.odd.items():
        unknown[field][error.explanation] = None
