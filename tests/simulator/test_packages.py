"""Resource packages are listed by their status, as they are at that moment."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_cdn20180510.client import Client as CdnClient
from alibabacloud_cdn20180510.models import DescribeCdnUserResourcePackageRequest as CdnRequest
from alibabacloud_dcdn20180115.client import Client as DcdnClient
from alibabacloud_dcdn20180115.models import DescribeDcdnUserResourcePackageRequest as DcdnRequest
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from exporter.simulator import ResourcePackage, ScenarioError, ServiceState, Simulator, parse_scenario
from exporter.simulator.errors import GatewayError
from exporter.simulator.packages import list_packages
from exporter.simulator.timeline import account_at

PAYLOADS = Path(__file__).parent.parent / "payloads"
TRAFFIC = ResourcePackage(
    "FP-ilttxc23a", curr_capacity="53661095687", start_time="2017-12-05T19:10:58Z", end_time="2018-07-01T08:00:00Z"
)
REQUESTS = ResourcePackage(
    "CDNFLOWBAG-cn-7pp2bihrb01ii0",
    template_name="FPT_dcdnpaybag_deadlineAcc_1541151058",
    commodity_code="dcdnpaybag",
    display_name="静态HTTPS请求包",
    init_capacity="10000000",
    base_unit="",
    end_time="2022-08-24T16:00:00Z",
)
STARTED = 1_800_000_000.75

Simulate = Callable[..., Simulator]
Asking = Callable[..., list[Any]]
CLIENTS: dict[str, tuple[Any, Any, str]] = {
    "dcdn": (DcdnClient, DcdnRequest, "describe_dcdn_user_resource_package"),
    "cdn": (CdnClient, CdnRequest, "describe_cdn_user_resource_package"),
}
ACTIONS = {"dcdn": "DescribeDcdnUserResourcePackage", "cdn": "DescribeCdnUserResourcePackage"}
each_product = pytest.mark.parametrize("product", CLIENTS)


def rows(*packages: ResourcePackage, **parameters: str) -> list[dict[str, str]]:
    """The rows that such a call gets."""
    answer: Any = list_packages(packages, parameters)
    listed: list[dict[str, str]] = answer["ResourcePackageInfos"]["ResourcePackageInfo"]
    return listed


@pytest.mark.parametrize(
    ("action", "package", "besides"),
    [
        pytest.param("describe_cdn_user_resource_package", TRAFFIC, set(), id="cdn"),
        pytest.param("describe_dcdn_user_resource_package", REQUESTS, {"Region"}, id="dcdn, whose sample is older"),
    ],
)
def test_the_documented_answer(action: str, package: ResourcePackage, besides: set[str]) -> None:
    """A row is the vendor's sample."""
    sample = json.loads((PAYLOADS / f"{action}.json").read_text(encoding="utf-8"))
    [documented] = sample["ResourcePackageInfos"]["ResourcePackageInfo"]
    [row] = rows(package)

    assert row.keys() - documented.keys() == besides
    assert {name: row[name] for name in documented} == documented


def test_what_is_counted_in_requests_is_shown_so() -> None:
    """Its unit is the one that it is counted in."""
    [row] = rows(replace(REQUESTS, base_unit="Count", curr_capacity="2500000"))

    assert {name: text for name, text in row.items() if name.startswith("CurrCapacity")} == {
        "CurrCapacity": "2500000",
        "CurrCapacityShowValue": "2500000.000000",
        "CurrCapacityShowUnit": "Count",
        "CurrCapacityBaseUnit": "Count",
    }


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        pytest.param({}, ["full"], id="valid ones, where none is named"),
        pytest.param({"Status": ""}, ["full"], id="or it is empty"),
        pytest.param({"Status": "valid"}, ["full"], id="valid"),
        pytest.param({"Status": "exhaust"}, ["empty", "said"], id="used up"),
        pytest.param({"Status": "closed"}, ["over"], id="closed"),
    ],
)
def test_a_call_lists_one_status(parameters: dict[str, str], ids: list[str]) -> None:
    """A package of which nothing is left is used up, unless its status is said."""
    packages = [
        ResourcePackage("full"),
        ResourcePackage("empty", curr_capacity="0"),
        ResourcePackage("said", status="exhaust"),
        ResourcePackage("over", curr_capacity="0", status="closed"),
    ]
    listed = rows(*packages, **parameters)

    assert [row["InstanceId"] for row in listed] == ids
    assert {row["Status"] for row in listed} == {parameters.get("Status") or "valid"}


def test_another_status_is_refused() -> None:
    """There is no list of it."""
    with pytest.raises(GatewayError) as caught:
        list_packages([], {"Status": "frozen"})
    assert (caught.value.code, caught.value.status) == ("InvalidParameter.Status", 400)


@pytest.mark.parametrize(
    ("package", "before", "after"),
    [
        pytest.param(ResourcePackage("a", ends_after_s=60.0), "valid", "closed", id="with something left"),
        pytest.param(ResourcePackage("a", curr_capacity="0", ends_after_s=60.0), "exhaust", "closed", id="used up"),
        pytest.param(ResourcePackage("a", status="valid", ends_after_s=60.0), "valid", "valid", id="as it is said"),
    ],
)
def test_a_package_is_closed_at_its_end(package: ResourcePackage, before: str, after: str) -> None:
    """Its end is Unix time in whole seconds, counted from the start of the timeline."""
    seen = [package.as_of(STARTED + moment, begun_at_unix=STARTED) for moment in (0.0, 59.0, 59.25)]

    assert [each.present_status for each in seen] == [before, before, after]
    assert {each.end_time for each in seen} == {"2027-01-15T08:01:00Z"}
    assert TRAFFIC.as_of(STARTED, begun_at_unix=STARTED) == TRAFFIC


def test_each_step_says_what_changes() -> None:
    """A product that a step does not name stays as it was; null is no package."""
    text = """
        description: packages
        accounts:
          - name: alice
            account_id: "1"
            access_key_id: k
            access_key_secret: s
            products: [cdn]
            resource_packages: true
            repeat_every: 60s
            timeline:
              - {at: 0s, resource_packages: {cdn: [{instance_id: a, ends_after: 20s}], dcdn: [{instance_id: b}]}}
              - {at: 30s, resource_packages: {cdn: [{instance_id: a, curr_capacity: "0"}, {instance_id: c}]}}
              - {at: 40s, resource_packages: {dcdn: null}}
    """
    [account] = parse_scenario(text).accounts
    first, later = (
        (ResourcePackage("a", ends_after_s=20.0),),
        (ResourcePackage("a", curr_capacity="0"), ResourcePackage("c")),
    )

    assert account.inventories == {"resource_packages"}
    assert [{product: state for (_, product), state in step.inventories.items()} for step in account.timeline] == [
        {"cdn": first, "dcdn": (ResourcePackage("b"),)},
        {"cdn": later, "dcdn": (ResourcePackage("b"),)},
        {"cdn": later},
    ]
    assert account_at(account, 70.0, STARTED).begun_at_unix == STARTED + 60


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param("{moon: []}", "resource_packages.moon: unknown key; use one of dcdn, cdn", id="product"),
        pytest.param("{cdn: [{}]}", "resource_packages.cdn[0].instance_id: this key is required", id="no id"),
        pytest.param(
            '{cdn: [{instance_id: a, curr_capacity: "1e9"}]}',
            "cdn[0]: curr_capacity is '1e9'; accepted: 1 to 18 digits",
            id="no digits",
        ),
        pytest.param(
            "{cdn: [{instance_id: a, ends_after: 5}]}", "ends_after: seen 5; accepted: a duration", id="end"
        ),
    ],
)
def test_what_makes_no_sense_is_named(written: str, problem: str) -> None:
    """With what would be accepted in its place."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(f"""
            description: packages
            accounts:
              - name: alice
                account_id: "1"
                access_key_id: k
                access_key_secret: s
                timeline: [{{at: 0s, resource_packages: {written}}}]
            """)
    assert problem in str(caught.value)


@pytest.fixture
def ask(client_config: Callable[..., Config]) -> Asking:
    """Lists packages with the vendor's client of a product."""

    def call(simulator: Simulator, product: str, status: str | None = None) -> list[Any]:
        client, request, operation = CLIENTS[product]
        config = client_config(simulator)
        body = getattr(client(config), operation)(request(status=status)).body
        assert body.request_id == simulator.journal.entries(action=ACTIONS[product])[-1].request_id
        return list(body.resource_package_infos.resource_package_info)

    return call


@each_product
def test_the_vendors_client_reads_every_field(simulate: Simulate, ask: Asking, product: str) -> None:
    """Of packages of one status at a time: those that were set, or the timeline's once these are taken back."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(), product=product)
    empty = ResourcePackage("b", template_name="requests", init_capacity="500", curr_capacity="0", base_unit="Count")
    simulator.set_inventory("alice", "resource_packages", (TRAFFIC, empty), product=product)

    assert [package.instance_id for package in ask(simulator, product)] == ["FP-ilttxc23a"]
    [package] = ask(simulator, product, "exhaust")
    assert (package.template_name, package.init_capacity, package.curr_capacity) == ("requests", "500", "0")
    assert (package.curr_capacity_base_unit, package.end_time) == ("Count", "2099-12-31T16:00:00Z")
    assert ask(simulator, product, "closed") == []
    simulator.set_inventory("alice", "resource_packages", None, product=product)
    assert ask(simulator, product) == []


@each_product
def test_what_is_refused(simulate: Simulate, ask: Asking, product: str) -> None:
    """Another status, a service that is not activated, and a right that lacks."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(), product=product)

    def refusal(status: str | None = None) -> tuple[int, str]:
        with pytest.raises(ClientException) as caught:
            ask(simulator, product, status)
        return caught.value.status_code, caught.value.code

    assert refusal("frozen") == (400, "InvalidParameter.Status")
    simulator.set_service("alice", None, product=product)
    assert refusal() == (403, {"dcdn": "DcdnServiceNotFound", "cdn": "CdnServiceNotFound"}[product])
    simulator.set_denied("alice", (ACTIONS[product],))
    assert refusal() == (403, "Forbidden.RAM")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param({"instance_id": ""}, "the instance_id of a package is empty", id="no id"),
        pytest.param({"init_capacity": "1.5"}, "init_capacity is '1.5'; accepted: 1 to 18 digits", id="no digits"),
        pytest.param({"curr_capacity": "-1"}, "curr_capacity is '-1'; accepted: 1 to 18 digits", id="below 0"),
        pytest.param({"status": "frozen"}, "status is 'frozen'; accepted: valid, exhaust, closed", id="status"),
    ],
)
def test_other_packages_do_not_exist(parts: dict[str, Any], message: str) -> None:
    """What the API does not have is refused."""
    with pytest.raises(ValueError, match=message):
        replace(TRAFFIC, **parts)
