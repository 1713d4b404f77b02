"""The plans of Edge Security Acceleration that an account has, and the two lists of them, a page at a time.

https://www.alibabacloud.com/help/en/edge-security-acceleration/esa/api-esa-2024-09-10-listuserrateplaninstances and
https://www.alibabacloud.com/help/en/edge-security-acceleration/esa/api-esa-2024-09-10-listpostpaidrateplaninstances
(read 2026-11-29).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from exporter.simulator.call import Call, number_parameter, word_parameter
from exporter.simulator.reading import refuse, shared

PLANS: Final = "plans"
PREPAY: Final = "PREPAY"
POSTPAY: Final = "POSTPAY"
BILLING_MODES: Final = (PREPAY, POSTPAY)
ONLINE: Final = "online"
OFFLINE: Final = "offline"
_STATUSES: Final = {PREPAY: (ONLINE, OFFLINE, "overdue", "disable"), POSTPAY: (ONLINE, "overdue", "disable")}
"""By which a list can be filtered."""
_PAGE_SIZES: Final = range(1, 501)
_DEFAULT_PAGE_SIZE: Final = 500
_PAGE_NUMBERS: Final = range(1, 100_001)
_SORTED_BY: Final = {PREPAY: ("CreateTime", "ExpireTime"), POSTPAY: ("CreateTime",)}
_ORDERS: Final = ("desc", "asc")


@dataclass(frozen=True, slots=True)
class EsaPlan:
    """One plan instance, as it stands from some moment on; every text is sent as it is."""

    instance_id: str
    plan_name: str = "basic"
    billing_mode: str = PREPAY
    """PREPAY or POSTPAY; those that are paid for afterwards are in both lists."""
    status: str | None = None
    """Any word. None: online, and offline once it has expired."""
    create_time: str = "2025-04-19T11:15:20Z"
    expire_time: str = "2099-12-31T16:00:00Z"
    """Sent for those that are paid for before."""
    renewal_status: str = "nomal"
    sites: Mapping[str, str] = field(default_factory=dict)
    """Their names, and the status of each."""

    def __post_init__(self) -> None:
        if not self.instance_id:
            raise ValueError("the instance_id of a plan is empty")
        if self.billing_mode not in BILLING_MODES:
            raise ValueError(
                f"the billing_mode of the plan {self.instance_id} is {self.billing_mode!r}; "
                f"accepted: {', '.join(BILLING_MODES)}"
            )


@dataclass(frozen=True, slots=True)
class PlannedEsaPlan:
    """A plan from one step on."""

    plan: EsaPlan
    expires_at_s: float | None = None
    """Seconds after the timeline's start; None: its end is said."""

    def begun(self, started_at_unix: float, *, now: float) -> EsaPlan:
        """Return the plan of a timeline that started then, as it is now; both are Unix time."""
        if self.expires_at_s is None:
            return self.plan
        expires_at = int(started_at_unix + self.expires_at_s)
        status = OFFLINE if self.plan.status is None and now >= expires_at else self.plan.status
        expire_time = datetime.fromtimestamp(expires_at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return replace(self.plan, expire_time=expire_time, status=status)


@dataclass(frozen=True, slots=True)
class PlannedEsaPlans:
    """All plans of an account from one step on."""

    plans: tuple[PlannedEsaPlan, ...] = ()

    def __post_init__(self) -> None:
        placed = ((f"plans[{place}]", planned.plan.instance_id) for place, planned in enumerate(self.plans))
        refuse(
            f"{places} have the instance_id {instance_id!r}; it is unique" for places, instance_id in shared(placed)
        )

    def begun(self, started_at_unix: float, *, now: float) -> tuple[EsaPlan, ...]:
        """Return the plans of a timeline that started then, as they are now; both are Unix time."""
        return tuple(planned.begun(started_at_unix, now=now) for planned in self.plans)


def list_plans_of(call: Call, *, postpaid: bool) -> dict[str, object]:
    """Return a page of the caller's plans, less its RequestId; raises GatewayError."""
    return list_plans(call.moment.inventories.get((PLANS, ""), ()), call.parameters, postpaid=postpaid)


def list_plans(plans: Sequence[EsaPlan], parameters: Mapping[str, str], *, postpaid: bool) -> dict[str, object]:
    """Return a page of plans, the youngest first, less its RequestId; raises GatewayError.

    ListUserRatePlanInstances has them all, ListPostpaidRatePlanInstances only ``postpaid`` ones.

    ```json
    {"TotalCount": 1, "TotalPage": 1, "PageNumber": 1, "PageSize": 500,
     "InstanceInfo": [{"InstanceId": "sp-xcdn-96wblslz****", "Status": "online", "Sites": [...], ...}]}
    ```
    """
    billing_mode = POSTPAY if postpaid else PREPAY
    wanted = [plan for plan in plans if not postpaid or plan.billing_mode == POSTPAY]
    status = word_parameter(parameters, "Status", _STATUSES[billing_mode])
    instance_id = parameters.get("InstanceId")
    wanted = [
        plan for plan in wanted if status in (None, _status(plan)) and instance_id in (None, "", plan.instance_id)
    ]
    by_expiry = word_parameter(parameters, "SortBy", _SORTED_BY[billing_mode]) == "ExpireTime"
    wanted.sort(
        key=lambda plan: (plan.expire_time if by_expiry else plan.create_time, plan.instance_id),
        reverse=word_parameter(parameters, "SortOrder", _ORDERS) != "asc",
    )
    size = number_parameter(parameters, "PageSize", default=_DEFAULT_PAGE_SIZE, accepted=_PAGE_SIZES)
    number = number_parameter(parameters, "PageNumber", default=1, accepted=_PAGE_NUMBERS)
    begin = (number - 1) * size
    return {
        "TotalCount": len(wanted),
        "TotalPage": -(-len(wanted) // size),
        "PageNumber": number,
        "PageSize": size,
        "InstanceInfo": [_row(plan, postpaid=postpaid) for plan in wanted[begin : begin + size]],
    }


def _status(plan: EsaPlan) -> str:
    return ONLINE if plan.status is None else plan.status


def _row(plan: EsaPlan, *, postpaid: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "InstanceId": plan.instance_id,
        "PlanName": plan.plan_name,
        "PlanType": "enterprise" if plan.plan_name.startswith("enterprise") else "normal",
        "BillingMode": plan.billing_mode,
        "Status": _status(plan),
        "CreateTime": plan.create_time,
        "Coverages": "domestic,overseas",
        "SiteQuota": str(max(1, len(plan.sites))),
        "Sites": [
            {"SiteId": 1_000_000_000 + place, "SiteName": name, "SiteStatus": status}
            for place, (name, status) in enumerate(plan.sites.items())
        ],
    }
    if postpaid:
        row |= {"BillingMethod": "dps_month95", "PlanNameCn": plan.plan_name}
    if plan.billing_mode == PREPAY:
        row |= {"ExpireTime": plan.expire_time, "RenewalStatus": plan.renewal_status, "Duration": 12}
    return row
