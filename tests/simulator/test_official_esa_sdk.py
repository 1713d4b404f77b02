"""The vendor's own client of Edge Security Acceleration reads the plans at the simulator, page by page."""

from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_esa20240910 import models
from alibabacloud_esa20240910.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config

from exporter.simulator import EsaPlan, Fault, Simulator

Simulate = Callable[..., Simulator]
ClientOf = Callable[[Simulator], Any]

PLANS = [
    EsaPlan(
        "sp-1", expire_time="2026-04-19T11:15:20Z", renewal_status="auto_renewal", sites={"example.com": "active"}
    ),
    EsaPlan("sp-2", status="offline", create_time="2025-01-01T00:00:00Z"),
    EsaPlan("sp-3", billing_mode="POSTPAY", status="overdue", create_time="2024-01-01T00:00:00Z"),
]


@pytest.fixture
def client_of(client_config: Callable[..., Config]) -> ClientOf:
    """Makes the vendor's client of the account."""
    return lambda simulator: Client(client_config(simulator))


def bought(client: Any, **parameters: object) -> Any:
    return client.list_user_rate_plan_instances(models.ListUserRatePlanInstancesRequest(**parameters)).body


def postpaid(client: Any, **parameters: object) -> Any:
    return client.list_postpaid_rate_plan_instances(models.ListPostpaidRatePlanInstancesRequest(**parameters)).body


def test_every_plan_is_read_to_the_last_page(simulate: Simulate, client_of: ClientOf) -> None:
    """The client signs a GET with its parameters in the query, and reads the fields of each plan."""
    simulator = simulate()
    simulator.set_inventory("alice", "plans", PLANS)
    client = client_of(simulator)

    pages = [bought(client, page_number=number, page_size=2) for number in (1, 2)]

    rows = [row for page in pages for row in page.instance_info]
    assert [(page.total_count, page.total_page, page.page_number, page.page_size) for page in pages] == [
        (3, 2, 1, 2),
        (3, 2, 2, 2),
    ]
    assert [(row.instance_id, row.status, row.billing_mode) for row in rows] == [
        ("sp-1", "online", "PREPAY"),
        ("sp-2", "offline", "PREPAY"),
        ("sp-3", "overdue", "POSTPAY"),
    ]
    assert (rows[0].expire_time, rows[0].renewal_status, rows[0].plan_name) == (
        "2026-04-19T11:15:20Z",
        "auto_renewal",
        "basic",
    )
    assert [(site.site_name, site.site_status) for site in rows[0].sites] == [("example.com", "active")]
    assert {entry.method for entry in simulator.journal.entries()} == {"GET"}


def test_postpaid_plans_are_read(simulate: Simulate, client_of: ClientOf) -> None:
    """Their list has no others."""
    simulator = simulate()
    simulator.set_inventory("alice", "plans", PLANS)

    page = postpaid(client_of(simulator), page_number=1, page_size=500)

    assert (page.total_count, page.total_page) == (1, 1)
    assert [(row.instance_id, row.status, row.billing_method) for row in page.instance_info] == [
        ("sp-3", "overdue", "dps_month95")
    ]


def test_an_account_without_plans_has_an_empty_list(simulate: Simulate, client_of: ClientOf) -> None:
    """It is an answer."""
    page = bought(client_of(simulate()))

    assert (page.total_count, page.total_page, page.instance_info) == (0, 0, [])


@pytest.mark.parametrize("ask", [bought, postpaid])
def test_a_right_that_is_lacking(simulate: Simulate, client_of: ClientOf, ask: Callable[[Any], Any]) -> None:
    """The client tells which one it is."""
    action = "ListUserRatePlanInstances" if ask is bought else "ListPostpaidRatePlanInstances"
    simulator = simulate()
    simulator.set_denied("alice", [action])

    with pytest.raises(ClientException) as caught:
        ask(client_of(simulator))

    assert (caught.value.status_code, caught.value.code) == (403, "Forbidden.RAM")
    assert caught.value.access_denied_detail["AuthAction"] == f"esa:{action}"


@pytest.mark.parametrize("ask", [bought, postpaid])
def test_too_many_calls(simulate: Simulate, client_of: ClientOf, ask: Callable[[Any], Any]) -> None:
    """Each list has a limit of its own: the eleventh call in a second is throttled."""
    client = client_of(simulate(monotonic=lambda: 0.0))
    for _ in range(10):
        ask(client)

    with pytest.raises(ThrottlingException) as caught:
        ask(client)

    assert (caught.value.code, caught.value.retry_after) == ("Throttling.User", 1000)


@pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequests"), (400, "Site.ServiceBusy")])
def test_the_vendors_transient_refusals_can_be_played(
    simulate: Simulate, client_of: ClientOf, *, status: int, code: str
) -> None:
    """By a fault, as any other refusal."""
    simulator = simulate()
    simulator.set_fault("alice", Fault("error", status=status, code=code, times=1))
    client = client_of(simulator)

    with pytest.raises(ClientException) as caught:
        bought(client)

    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert bought(client).total_count == 0
