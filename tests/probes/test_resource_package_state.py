import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply
from exporter.core.model import Answer
from exporter.probes.resource_package_state import (
    NO_PACKAGES,
    UNKNOWN_FIELDS,
    Package,
    Packages,
    combine,
    parse_packages,
)
from tests.json_values import JSON, TEXTS

INIT, CURR = "InitCapacityBaseUnit", "CurrCapacityBaseUnit"
DATE = "2018-07-01T08:00:00Z"
ROWS = "ResourcePackageInfos.ResourcePackageInfo"
PAYLOADS = Path(__file__).parent.parent / "payloads"
TRAFFIC = Package(
    "FPT_cdn_bag_intl_deadlineAcc_1569491944",
    status="valid",
    unit="bytes",
    capacity=107_374_182_400.0,
    remaining=53_661_095_687.0,
    ends_at=datetime(2018, 7, 1, 8, tzinfo=UTC),
    commodity_code="cdnflowbag",
    billing_region="CN",
    display_name="Data Transfer Plan in Asia Pacific 1",
    instance_id="FP-ilttxc23a",
)
REQUESTS = Package(
    "FPT_dcdnpaybag_deadlineAcc_1541151058",
    status="valid",
    capacity=10_000_000.0,
    remaining=10_000_000.0,
    ends_at=datetime(2022, 8, 24, 16, tzinfo=UTC),
    commodity_code="dcdnpaybag",
    display_name="静态HTTPS请求包",
    instance_id="CDNFLOWBAG-cn-7pp2bihrb01ii0",
)


def listing(*rows: object) -> dict[str, object]:
    """An answer with these rows."""
    return {"ResourcePackageInfos": {"ResourcePackageInfo": list(rows)}}


def parsed(**fields: object) -> Answer[Packages]:
    """The answer about one package with these fields."""
    return parse_packages(listing({"TemplateName": "t", **fields}), "request-1")


def answer_of(
    *packages: Package, unknown: Mapping[str, tuple[str, ...]] = MappingProxyType({}), request_id: str = "request-1"
) -> Answer[Packages]:
    """What a call said."""
    return Answer(packages, request_id, unknown)


@pytest.mark.parametrize(
    ("action", "package"),
    [
        pytest.param("describe_cdn_user_resource_package", TRAFFIC, id="cdn"),
        pytest.param("describe_dcdn_user_resource_package", REQUESTS, id="dcdn, whose sample has no unit"),
    ],
)
def test_the_vendors_samples_are_understood(action: str, package: Package) -> None:
    """Each field has its place."""
    payload = json.loads((PAYLOADS / f"{action}.json").read_text(encoding="utf-8"))

    assert parse_packages(payload, "request-1") == Answer((package,), request_id="request-1")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(listing(), id="no rows"),
        pytest.param({"ResourcePackageInfos": {}}, id="no list"),
        pytest.param({"ResourcePackageInfos": {"ResourcePackageInfo": None}}, id="a list that is null"),
        pytest.param({"ResourcePackageInfos": None}, id="null"),
        pytest.param(listing({"Status": "closed"}, {"Status": "Closed"}), id="closed ones"),
    ],
)
def test_an_account_may_have_no_packages(payload: dict[str, object]) -> None:
    """However the answer says so; packages that are closed are none."""
    assert parse_packages(payload, None) == Answer(NO_PACKAGES)


@pytest.mark.parametrize(
    ("payload", "explanation"),
    [
        pytest.param({}, "ResourcePackageInfos: seen NoneType None; accepted: an object", id="nothing"),
        pytest.param(
            {"ResourcePackageInfos": "x"},
            "ResourcePackageInfos: seen str 'x'; accepted: an object",
            id="a text",
        ),
        pytest.param(
            {"ResourcePackageInfos": {"ResourcePackageInfo": "x"}},
            "ResourcePackageInfos.ResourcePackageInfo: seen str 'x'; accepted: a list",
            id="no list",
        ),
        pytest.param(
            {"ResourcePackageInfos": {"resourcePackageInfo": [{}], "Count": 1}},
            f"{ROWS}: seen NoneType None; accepted: a list",
            id="other keys",
        ),
        pytest.param(listing({}, "x"), f"{ROWS}[1]: seen str 'x'; accepted: an object", id="a text in it"),
        pytest.param(listing(None), f"{ROWS}[0]: seen NoneType None; accepted: an object", id="null in it"),
    ],
)
def test_an_answer_without_a_list_of_objects_is_malformed(payload: dict[str, object], explanation: str) -> None:
    """Packages never seem to be gone because the answer was not understood."""
    with pytest.raises(MalformedReply) as caught:
        parse_packages(payload, "request-1")

    assert (caught.value.explanation, caught.value.request_id) == (explanation, "request-1")


@pytest.mark.parametrize(
    ("fields", "template"),
    [
        pytest.param({"TemplateName": "a", "CommodityCode": "b"}, "a", id="by its template"),
        pytest.param({"TemplateName": " ", "CommodityCode": "b"}, "b", id="else by its commodity"),
        pytest.param({"TemplateName": []}, "unknown", id="else it has no name"),
        pytest.param({"TemplateName": "x" * 65}, "x" * 64, id="within the length of a label"),
    ],
)
def test_a_package_has_a_name(fields: dict[str, object], template: str) -> None:
    """It is that of the template, else of the commodity, cut to the length of a label."""
    assert [package.template for package in parse_packages(listing(fields), None).state] == [template]


@pytest.mark.parametrize(
    ("units", "unit", "capacity", "unknown"),
    [
        pytest.param(("Byte", "Byte"), "bytes", 5.0, set(), id="bytes"),
        pytest.param(("BYTES", None), "bytes", 5.0, set(), id="of one of them"),
        pytest.param(("Byte", "b"), "bytes", 5.0, set(), id="two words for bytes"),
        pytest.param(("Count", "count"), "requests", 5.0, set(), id="requests"),
        pytest.param(("次", "次"), "requests", 5.0, set(), id="requests in Chinese"),
        pytest.param((None, None), "unknown", 5.0, set(), id="not said"),
        pytest.param(("GB", "gb"), None, 5.0, {INIT, CURR}, id="one that is not documented"),
        pytest.param(("GB", None), None, 5.0, {INIT}, id="of one of them alone"),
        pytest.param((None, {}), None, 5.0, {CURR}, id="none at all"),
        pytest.param(("Byte", "Count"), None, None, {INIT, CURR}, id="at odds"),
        pytest.param(("Byte", "GB"), None, None, {CURR}, id="at odds with one that is not documented"),
        pytest.param(("GB", "TB"), None, None, {INIT, CURR}, id="two that are not documented"),
        pytest.param(("Byte", 1.5), None, None, {CURR}, id="at odds with none at all"),
    ],
)
def test_the_unit_is_that_of_both_capacities(
    units: tuple[object, object], unit: str | None, capacity: float | None, unknown: set[str]
) -> None:
    """One that is not understood is never taken for another, and what differs makes no amount."""
    answer = parsed(
        InitCapacity=5, InitCapacityBaseUnit=units[0], CurrCapacity=5, CurrCapacityBaseUnit=units[1], EndTime=DATE
    )
    (package,) = answer.state

    assert (package.unit, package.capacity, package.remaining) == (unit, capacity, capacity)
    assert answer.unknown_values.keys() == unknown
    assert package.unreadable == (
        *(() if capacity else ("InitCapacity", "CurrCapacity")),
        *(() if unit else ("CapacityBaseUnit",)),
    )


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        pytest.param("53661095687", 53_661_095_687.0, id="as documented"),
        pytest.param(53_661_095_687, 53_661_095_687.0, id="a number"),
        pytest.param("1,000.5", 1000.5, id="commas and decimals"),
        pytest.param("0", 0.0, id="nothing"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="null"),
    ],
)
def test_every_form_of_a_capacity_is_understood(written: object, amount: float | None) -> None:
    """What is left may be more than there was."""
    answer = parsed(InitCapacity="7", CurrCapacity=written)

    assert answer == Answer((Package("t", capacity=7.0, remaining=amount),), request_id="request-1")


@pytest.mark.parametrize(
    ("field", "value", "seen", "accepted"),
    [
        pytest.param("CurrCapacity", "lots", "str 'lots'", 'an amount such as "-1,234.50"', id="no amount"),
        pytest.param("CurrCapacity", "-1", "str '-1'", "a capacity of 0 or more", id="less than nothing"),
        pytest.param(
            "InitCapacity", "1" * 40, f"str '{'1' * 12}...{'1' * 13}'", "a capacity of 0 or more", id="more"
        ),
        pytest.param("InitCapacity", {}, "dict {}", 'an amount such as "-1,234.50"', id="an object"),
        pytest.param("EndTime", "soon", "str 'soon'", "a date such as 2018-03-31T16:00:00Z", id="no date"),
        pytest.param("Status", ["valid"], "list ['valid']", "a text", id="no status"),
        pytest.param("Region", {"a": 1}, "dict {'a': 1}", "a text", id="no region"),
        pytest.param("InstanceId", True, "bool True", "a text", id="no id"),
        pytest.param("CurrCapacityBaseUnit", 1.5, "float 1.5", "a text", id="no unit"),
    ],
)
def test_an_odd_field_spoils_itself(field: str, value: object, seen: str, accepted: str) -> None:
    """It is absent and counted; the package and its other fields are there."""
    answer = parsed(**{"DisplayName": "name", field: value})

    assert answer.state == (Package("t", display_name="name", unit=None if field == CURR else "unknown"),)
    assert answer.unknown_values == {field: (f"{ROWS}[0].{field}: seen {seen}; accepted: {accepted}",)}
    assert field in UNKNOWN_FIELDS


def test_unknown_values_are_bounded() -> None:
    """Of a field, sixteen are kept."""
    answer = parse_packages(listing(*({"CurrCapacity": f"x{number}"} for number in range(20))), None)

    assert [len(values) for values in answer.unknown_values.values()] == [16]


@pytest.mark.parametrize(
    ("status", "kept", "unknown"),
    [
        pytest.param("valid", "valid", {}, id="valid"),
        pytest.param(" Exhaust ", "exhaust", {}, id="used up, in other letters"),
        pytest.param("", None, {}, id="not said"),
        pytest.param("frozen", None, {"Status": ("frozen",)}, id="not documented"),
    ],
)
def test_a_status_is_one_of_those_that_are_asked_for(
    status: str, kept: str | None, unknown: Mapping[str, tuple[str, ...]]
) -> None:
    """Another one is counted, and the package has that of its call."""
    answer = parsed(Status=status)

    assert ([package.status for package in answer.state], answer.unknown_values) == ([kept], unknown)


def test_both_calls_are_one_answer() -> None:
    """A package without a status has the one that its call asked for; unknown values of both answers count."""
    a, b = (replace(TRAFFIC, template=name, status=None, instance_id=None) for name in "ab")
    valid = answer_of(b, replace(a, status="valid"), unknown={"Status": ("frozen",)})
    exhaust = answer_of(a, unknown={"Status": ("melted", "frozen"), "Region": ("x",)}, request_id="request-2")

    assert combine([valid, exhaust]) == Answer(
        (replace(a, status="exhaust"), replace(a, status="valid"), replace(b, status="valid")),
        request_id="request-2",
        unknown_values={"Status": ("frozen", "melted"), "Region": ("x",)},
    )


@pytest.mark.parametrize(
    ("package", "unknown"),
    [
        pytest.param(TRAFFIC, {}, id="nothing"),
        pytest.param(replace(TRAFFIC, remaining=None), {"CurrCapacity": ("missing",)}, id="what is left"),
        pytest.param(replace(TRAFFIC, capacity=None), {"InitCapacity": ("missing",)}, id="of how much"),
        pytest.param(replace(TRAFFIC, ends_at=None), {"EndTime": ("missing",)}, id="the end"),
        pytest.param(
            replace(TRAFFIC, status="exhaust", remaining=None), {}, id="what is left of one that is used up"
        ),
        pytest.param(
            replace(TRAFFIC, unit=None, capacity=None, remaining=None), {}, id="as units differ, which are counted"
        ),
    ],
)
def test_a_number_that_is_missing_is_an_unknown_value(
    package: Package, unknown: Mapping[str, tuple[str, ...]]
) -> None:
    """What is left of a package is not known then, and the alert on unknown values is the only one that says so."""
    assert combine([answer_of(package), answer_of()]).unknown_values == unknown


def test_a_number_that_makes_no_sense_is_not_missing() -> None:
    """It is counted as it came."""
    valid = parsed(InitCapacity="5", CurrCapacity="lots", EndTime=DATE)

    assert combine([valid, answer_of()]).unknown_values == valid.unknown_values


def test_a_package_is_counted_once() -> None:
    """One that is used up between the calls is in both answers, and the later one holds."""
    valid = answer_of(Package("a", status="valid", remaining=1.0, instance_id="1"), Package("a", instance_id="2"))
    exhaust = answer_of(Package("a", status="exhaust", remaining=0.0, instance_id="1"))

    assert combine([valid, exhaust]).state == (
        Package("a", status="exhaust", remaining=0.0, instance_id="1"),
        Package("a", status="valid", instance_id="2"),
    )


def test_the_order_of_the_api_does_not_matter() -> None:
    """The same packages are the same state."""
    first, second = Package("a", instance_id="1"), Package("a", instance_id="2")

    assert combine([answer_of(first, second), answer_of()]) == combine([answer_of(second, first), answer_of()])


ANY_ROWS = st.lists(st.dictionaries(st.sampled_from([*UNKNOWN_FIELDS]) | TEXTS, JSON, max_size=8) | JSON, max_size=4)


@given(rows=ANY_ROWS | JSON)
def test_any_json_object_is_an_answer_or_malformed(rows: Any) -> None:
    """Nothing that the network could bring is a defect, and what the log says of it can be written as UTF-8."""
    try:
        answer = parse_packages({"ResourcePackageInfos": {"ResourcePackageInfo": rows}}, None)
        told = repr(combine([answer, answer]))
    except MalformedReply as error:
        told = error.explanation

    assert told.isprintable()
    told.encode()


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        pytest.param(lambda: Package(""), "1 to 64 printable", id="no name"),
        pytest.param(lambda: Package("t", status="closed"), "known status", id="closed"),
        pytest.param(lambda: Package("t", unit="GB"), "known status and unit", id="another unit"),
        pytest.param(lambda: Package("t", capacity=-1.0), "a number from 0", id="less than nothing"),
        pytest.param(lambda: Package("t", remaining=math.nan), "a number from 0", id="no number"),
        pytest.param(lambda: Package("t", ends_at=datetime(2026, 1, 1)), "time zone", id="no zone"),  # noqa: DTZ001 - the point
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object], complaint: str) -> None:
    """A package that makes no sense does not come into being."""
    with pytest.raises(ValueError, match=complaint):
        build()
