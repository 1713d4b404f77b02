"""Plans of Edge Security Acceleration are listed a page at a time, in two lists."""

from typing import Any

import pytest

from exporter.simulator import Account, EsaPlan, Scenario, ScenarioError, Step, parse_scenario
from exporter.simulator.errors import GatewayError
from exporter.simulator.esa import PLANS as KEY
from exporter.simulator.esa import PlannedEsaPlan, PlannedEsaPlans, list_plans
from exporter.simulator.overrides import Overrides
from exporter.simulator.timeline import account_at

STARTED_AT = 1_700_000_000.0  # 2023-11-14T22:13:20Z
PLANS = (
    EsaPlan("sp-1", create_time="2025-01-01T00:00:00Z", expire_time="2026-03-01T00:00:00Z"),
    EsaPlan("sp-2", create_time="2025-03-01T00:00:00Z", expire_time="2026-01-01T00:00:00Z", status="overdue"),
    EsaPlan("sp-3", create_time="2025-02-01T00:00:00Z", expire_time="2026-02-01T00:00:00Z", billing_mode="POSTPAY"),
)


def ids_on(page: dict[str, Any]) -> list[str]:
    return [row["InstanceId"] for row in page["InstanceInfo"]]


def test_a_page_of_bought_plans() -> None:
    """It has its place, the number of all plans and pages, and what is known of each."""
    plan = EsaPlan("sp-1", "enterprise", status="offline", sites={"example.com": "active", "example.org": "moved"})

    assert list_plans([plan], {}, postpaid=False) == {
        "TotalCount": 1,
        "TotalPage": 1,
        "PageNumber": 1,
        "PageSize": 500,
        "InstanceInfo": [
            {
                "InstanceId": "sp-1",
                "PlanName": "enterprise",
                "PlanType": "enterprise",
                "BillingMode": "PREPAY",
                "Status": "offline",
                "CreateTime": "2025-04-19T11:15:20Z",
                "ExpireTime": "2099-12-31T16:00:00Z",
                "RenewalStatus": "nomal",
                "Duration": 12,
                "Coverages": "domestic,overseas",
                "SiteQuota": "2",
                "Sites": [
                    {"SiteId": 1_000_000_000, "SiteName": "example.com", "SiteStatus": "active"},
                    {"SiteId": 1_000_000_001, "SiteName": "example.org", "SiteStatus": "moved"},
                ],
            }
        ],
    }


def test_postpaid_plans_are_in_both_lists_and_have_no_end() -> None:
    """The other plans are in one of them."""
    bought, postpaid = (list_plans(PLANS, {}, postpaid=only) for only in (False, True))

    assert (ids_on(bought), ids_on(postpaid)) == (["sp-2", "sp-3", "sp-1"], ["sp-3"])
    for page in (bought, postpaid):
        [row] = [row for row in page["InstanceInfo"] if row["InstanceId"] == "sp-3"]  # type: ignore[attr-defined] # rows
        assert row["BillingMode"] == "POSTPAY"
        assert not {"ExpireTime", "RenewalStatus"} & row.keys()


@pytest.mark.parametrize(
    ("parameters", "ids", "place"),
    [
        pytest.param({}, ["sp-2", "sp-3", "sp-1"], (1, 500, 1), id="all by default, the youngest first"),
        pytest.param({"PageSize": "2"}, ["sp-2", "sp-3"], (1, 2, 2), id="first"),
        pytest.param({"PageSize": "2", "PageNumber": "2"}, ["sp-1"], (2, 2, 2), id="last"),
        pytest.param({"PageSize": "2", "PageNumber": "3"}, [], (3, 2, 2), id="behind the last"),
        pytest.param({"SortOrder": "asc"}, ["sp-1", "sp-3", "sp-2"], (1, 500, 1), id="the oldest first"),
        pytest.param(
            {"SortBy": "ExpireTime", "SortOrder": "asc"}, ["sp-2", "sp-3", "sp-1"], (1, 500, 1), id="by their ends"
        ),
    ],
)
def test_pages(parameters: dict[str, str], ids: list[str], place: tuple[int, int, int]) -> None:
    """Every plan is on one page; each page says how many there are."""
    page = list_plans(PLANS, parameters, postpaid=False)

    assert (ids_on(page), page["TotalCount"]) == (ids, 3)
    assert (page["PageNumber"], page["PageSize"], page["TotalPage"]) == place


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        pytest.param({"Status": "overdue"}, ["sp-2"], id="status"),
        pytest.param({"Status": "online"}, ["sp-3", "sp-1"], id="online by default"),
        pytest.param({"InstanceId": "sp-1"}, ["sp-1"], id="instance"),
        pytest.param({"InstanceId": "sp-1", "Status": "offline"}, [], id="both"),
        pytest.param({"InstanceId": "", "Status": ""}, ["sp-2", "sp-3", "sp-1"], id="empty"),
    ],
)
def test_filters(parameters: dict[str, str], ids: list[str]) -> None:
    """What is left out does not count."""
    page = list_plans(PLANS, parameters, postpaid=False)

    assert (ids_on(page), page["TotalCount"]) == (ids, len(ids))


@pytest.mark.parametrize(
    ("name", "value", "postpaid"),
    [
        ("PageSize", "501", False),
        ("PageSize", "0", True),
        ("PageSize", "x", False),
        ("PageNumber", "0", False),
        ("PageNumber", "100001", True),
        ("Status", "gone", False),
        ("Status", "offline", True),
        ("SortBy", "ExpireTime", True),
        ("SortOrder", "up", False),
    ],
)
def test_a_parameter_out_of_bounds(name: str, value: str, *, postpaid: bool) -> None:
    """Each is refused by its name; postpaid plans are never offline and have no end."""
    with pytest.raises(GatewayError) as caught:
        list_plans(PLANS, {name: value}, postpaid=postpaid)
    assert (caught.value.status, caught.value.code) == (400, f"InvalidParameter.{name}")


SCENARIO = """
description: plans over time
accounts:
  - name: edge
    account_id: "1000000000000001"
    access_key_id: LTAI5tEdge
    access_key_secret: made-up
    products: [esa]
    repeat_every: 3m
    timeline:
      - {at: 0s}
      - at: 10s
        plans:
          - {instance_id: sp-1, expires_in: 50s, renewal_status: not_renewal, sites: {example.com: active}}
          - {instance_id: sp-2, billing_mode: POSTPAY, status: overdue, plan_name: enterprise}
      - {at: 30s, services: {dcdn: {locks: [financial]}}}
      - {at: 2m, plans: []}
"""


def plans_after(seconds: float) -> tuple[EsaPlan, ...]:
    (account,) = parse_scenario(SCENARIO).accounts
    plans: tuple[EsaPlan, ...] = account_at(account, seconds, STARTED_AT).inventories.get((KEY, ""), ())
    return plans


def test_a_timeline_has_plans() -> None:
    """They stay until a step names others; one that has expired is offline from then on, in each round anew."""
    ending = EsaPlan(
        "sp-1", expire_time="2023-11-14T22:14:20Z", renewal_status="not_renewal", sites={"example.com": "active"}
    )
    overdue = EsaPlan("sp-2", "enterprise", "POSTPAY", "overdue")
    ended = EsaPlan(
        "sp-1",
        status="offline",
        expire_time="2023-11-14T22:14:20Z",
        renewal_status="not_renewal",
        sites={"example.com": "active"},
    )

    assert plans_after(9) == ()
    assert plans_after(10) == plans_after(59.9) == (ending, overdue)
    assert plans_after(60) == (ended, overdue)
    assert plans_after(120) == ()
    assert [plan.expire_time for plan in plans_after(3 * 60 + 10)] == ["2023-11-14T22:17:20Z", overdue.expire_time]


def test_a_plan_whose_status_is_said_keeps_it() -> None:
    """Also when it has expired."""
    planned = PlannedEsaPlan(EsaPlan("sp-1", status="online"), 10.0)

    assert planned.begun(STARTED_AT, now=STARTED_AT + 20).status == "online"


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        pytest.param("{}", "instance_id: this key is required", id="no id"),
        pytest.param(
            "{instance_id: a, billing_mode: free}", "billing_mode: seen 'free'; accepted: PREPAY, POSTPAY", id="mode"
        ),
        pytest.param(
            "{instance_id: a, expire_time: x, expires_in: 1s}",
            "a plan has an expire_time or expires_in; leave out one of the two",
            id="two ends",
        ),
        pytest.param("{instance_id: a, name: x}", "unknown key; use one of instance_id, plan_name", id="unknown key"),
    ],
)
def test_a_plan_that_cannot_be(plan: str, problem: str) -> None:
    """The file is refused, and its place named."""
    with pytest.raises(ScenarioError, match="plans") as caught:
        parse_scenario(SCENARIO.replace("plans: []", f"plans: [{plan}]"))
    assert problem in str(caught.value)


def test_two_plans_of_one_id_are_refused() -> None:
    """In a scenario, and in a step that is made in Python."""
    twice = [EsaPlan("sp-1"), EsaPlan("sp-1")]
    message = r"plans\[0\] and plans\[1\] have the instance_id 'sp-1'; it is unique"

    with pytest.raises(ScenarioError, match=message):
        parse_scenario(SCENARIO.replace("plans: []", "plans: [{instance_id: sp-1}, {instance_id: sp-1}]"))
    with pytest.raises(ValueError, match=message):
        PlannedEsaPlans(tuple(map(PlannedEsaPlan, twice)))


def test_plans_are_set_by_hand() -> None:
    """None gives them back to the timeline."""
    planned = PlannedEsaPlans((PlannedEsaPlan(EsaPlan("sp-1")),))
    account = Account("a", "1", "key", "secret", timeline=(Step(inventories={(KEY, ""): planned}),))
    moment = account_at(account, 0, STARTED_AT)
    overrides = Overrides()

    def plans() -> object:
        return overrides.over(moment, now=STARTED_AT).inventories[KEY, ""]

    overrides.set_inventory(KEY, (EsaPlan("sp-2"),), product="")
    assert plans() == (EsaPlan("sp-2"),)
    overrides.set_inventory(KEY, (), product="")
    assert plans() == ()
    overrides.set_inventory(KEY, None, product="")
    assert plans() == (EsaPlan("sp-1"),)


def test_a_plan_has_an_id_and_one_of_two_billing_modes() -> None:
    """Else it does not come into being."""
    with pytest.raises(ValueError, match="instance_id of a plan is empty"):
        EsaPlan("")
    with pytest.raises(ValueError, match="'free'; accepted: PREPAY, POSTPAY"):
        EsaPlan("sp-1", billing_mode="free")


def test_an_account_can_be_watched_for_its_plans_alone() -> None:
    """The demo and the printed configuration know the product."""
    [account] = parse_scenario(SCENARIO).accounts

    assert account.products == ("esa",)
    assert Scenario("", (account,)).accounts == (account,)
