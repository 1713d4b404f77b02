"""The plans in the answers of ESA's two lists."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply
from exporter.core.model import Answer
from exporter.probes.esa_state import UNKNOWN_FIELDS, Plan, Plans, join, parse_plans
from tests.json_values import JSON, TEXTS

PAYLOADS = Path(__file__).parents[1] / "payloads"
END = datetime(2026, 4, 19, 11, 15, 20, tzinfo=UTC)
LATER = END + timedelta(days=30)


def sample(name: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((PAYLOADS / name).read_text(encoding="utf-8"))
    return payload


def answer_of(*rows: object) -> dict[str, object]:
    return {"TotalCount": len(rows), "InstanceInfo": list(rows)}


def plan_in(**fields: object) -> Plan:
    """The only plan of an answer whose row has these fields beside an id."""
    (plan,) = parse_plans(answer_of({"InstanceId": "sp-1", **fields}), None).state.plans
    return plan


def refusal(payload: dict[str, object]) -> str:
    with pytest.raises(MalformedReply) as caught:
        parse_plans(payload, "request-1")
    assert caught.value.request_id == "request-1"
    return caught.value.explanation


def test_the_documented_fields_of_a_bought_plan_are_kept() -> None:
    """Its id, name, status, end, renewal, and how many of its sites have each status."""
    plan = Plan("sp-xcdn-96wblslz****", "online", "basic", "manual", END, (("pending", 1),))

    assert parse_plans(sample("list_user_rate_plan_instances.json"), "request-1") == Answer(
        Plans((plan,)), request_id="request-1"
    )


def test_a_postpaid_plan_has_no_end_and_no_renewal() -> None:
    """The other list has neither field."""
    plan = Plan("sp-xcdn-96wblslz****", "online", "basic", "unknown", None, (("pending", 1),))

    assert parse_plans(sample("list_postpaid_rate_plan_instances.json"), None).state == Plans((plan,))


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"TotalCount": 0, "InstanceInfo": []}, id="an empty list"),
        pytest.param({"TotalCount": "0"}, id="no list"),
        pytest.param({"TotalCount": 0, "InstanceInfo": None}, id="null"),
    ],
)
def test_an_account_without_plans_is_an_answer(payload: dict[str, object]) -> None:
    """It has bought none."""
    assert parse_plans(payload, None) == Answer(Plans())


def test_plans_are_sorted_and_stand_once() -> None:
    """A plan that moved to another page meanwhile comes twice; what was read last holds."""
    rows = [("sp-2", "online"), ("sp-1", "online"), ("sp-2", "overdue")]

    state = parse_plans(answer_of(*({"InstanceId": name, "Status": status} for name, status in rows)), None).state

    assert state == Plans((Plan("sp-1", "online"), Plan("sp-2", "overdue")))


@pytest.mark.parametrize(
    ("written", "renewal", "unknown"),
    [
        pytest.param("auto_renewal", "auto", {}, id="auto"),
        pytest.param("nomal", "manual", {}, id="by hand, as the vendor spells it"),
        pytest.param("normal", "manual", {}, id="by hand, as others spell it"),
        pytest.param("not_renewal", "none", {}, id="none"),
        pytest.param(" Auto_Renewal ", "auto", {}, id="in another case, with spaces"),
        pytest.param("", "unknown", {}, id="empty"),
        pytest.param(None, "unknown", {}, id="null"),
        pytest.param("monthly", "unknown", {"RenewalStatus": ("monthly",)}, id="not documented"),
    ],
)
def test_a_renewal_has_one_of_four_words(written: object, renewal: str, unknown: dict[str, tuple[str, ...]]) -> None:
    """One that the documentation does not name is counted."""
    answer = parse_plans(answer_of({"InstanceId": "sp-1", "Status": "online", "RenewalStatus": written}), None)

    assert (answer.state.plans[0].renewal, answer.unknown_values) == (renewal, unknown)


@pytest.mark.parametrize(
    ("written", "status", "unknown"),
    [
        pytest.param("Overdue ", "overdue", (), id="in another case"),
        pytest.param("frozen", "frozen", ("frozen",), id="not documented"),
        pytest.param("İ" * 64, ("i̇" * 64)[:64], (("i̇" * 64)[:64],), id="longer in small letters than a label value"),
        pytest.param(None, "unspecified", ("unspecified",), id="missing"),
        pytest.param(
            ["online"],
            "unspecified",
            ("InstanceInfo[0].Status: seen list ['online']; accepted: a text",),
            id="no text",
        ),
    ],
)
def test_an_odd_status_is_kept_and_counted(written: object, status: str, unknown: tuple[str, ...]) -> None:
    """A plan never looks online, and is never lost, because its status was not understood."""
    answer = parse_plans(answer_of({"InstanceId": "sp-1", "Status": written}), None)

    assert answer.state.plans[0].status == status
    assert answer.unknown_values == ({"Status": unknown} if unknown else {})


@pytest.mark.parametrize(
    ("written", "sites", "unknown"),
    [
        pytest.param([{"SiteStatus": "active"}] * 2, (("active", 2),), {}, id="two alike"),
        pytest.param([], (), {}, id="none"),
        pytest.param(None, (), {}, id="null"),
        pytest.param(
            [{"SiteStatus": "moved"}, {"SiteStatus": "paused"}],
            (("moved", 1), ("paused", 1)),
            {"SiteStatus": ("paused",)},
            id="not documented",
        ),
        pytest.param(["x"], (("unspecified", 1),), {"SiteStatus": ("unspecified",)}, id="no object"),
        pytest.param(
            {"SiteStatus": "active"},
            (),
            {"Sites": ("InstanceInfo[0].Sites: seen dict {'SiteStatus': 'active'}; accepted: a list",)},
            id="no list",
        ),
    ],
)
def test_sites_are_counted_by_status(
    written: object, sites: tuple[tuple[str, int], ...], unknown: dict[str, tuple[str, ...]]
) -> None:
    """What makes no sense among them is counted as an unknown value."""
    answer = parse_plans(answer_of({"InstanceId": "sp-1", "Status": "online", "Sites": written}), None)

    assert (answer.state.plans[0].sites, answer.unknown_values) == (sites, unknown)


@pytest.mark.parametrize("field", ["ExpireTime", "PlanName", "RenewalStatus"])
def test_an_odd_field_beside_the_status_spoils_only_itself(field: str) -> None:
    """It is absent, and counted."""
    row = {"InstanceId": "sp-1", "Status": "overdue", "ExpireTime": "2026-04-19T11:15:20Z", "PlanName": "basic"}
    whole = Plan("sp-1", "overdue", "basic", "unknown", END)

    answer = parse_plans(answer_of({**row, field: {"odd": 1}}), None)

    assert answer.state.plans == (
        {
            "ExpireTime": Plan("sp-1", "overdue", "basic"),
            "PlanName": Plan("sp-1", "overdue", expires_at=END),
            "RenewalStatus": whole,
        }[field],
    )
    assert list(answer.unknown_values) == [field]


@pytest.mark.parametrize(
    ("payload", "explanation"),
    [
        pytest.param({}, "InstanceInfo: seen NoneType None; accepted: a list", id="empty"),
        pytest.param({"InstanceInfo": {}}, "InstanceInfo: seen dict {}; accepted: a list", id="no list"),
        pytest.param(answer_of("x"), "InstanceInfo[0]: seen str 'x'; accepted: an object", id="no object"),
        pytest.param(
            answer_of({"InstanceId": "sp-1"}, {"Status": "online"}),
            "InstanceInfo[1]: seen the fields Status; accepted: the InstanceId of a plan",
            id="no id",
        ),
    ],
)
def test_what_names_no_plans_is_malformed(payload: dict[str, object], explanation: str) -> None:
    """A row that names no plan may be of one that has stopped."""
    assert refusal(payload) == explanation


def test_unknown_values_are_few() -> None:
    """Thousands of rows are odd in the same way."""
    rows = [{"InstanceId": f"sp-{number}", "Status": f"odd {number}"} for number in range(100)]

    unknown = parse_plans(answer_of(*rows), None).unknown_values

    assert {field: len(values) for field, values in unknown.items()} == {"Status": 16}


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["InstanceId", *UNKNOWN_FIELDS]) | TEXTS, JSON, max_size=6) | JSON)
)
def test_any_list_is_an_answer_or_malformed(rows: list[object]) -> None:
    """Nothing that the network could bring is a defect, and the fields that are counted are those announced."""
    try:
        answer = parse_plans(answer_of(*rows), None)
        told, fields, plans = repr(answer), set(answer.unknown_values), len(answer.state.plans)
    except MalformedReply as error:
        told, fields, plans = error.explanation, set(), 0

    assert told.isprintable()
    assert fields <= set(UNKNOWN_FIELDS)
    assert plans <= len(rows)


@pytest.mark.parametrize(
    ("bought", "postpaid", "joined"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param(
            [Plan("a", "online")], [Plan("b", "overdue")], [Plan("a", "online"), Plan("b", "overdue")], id="two"
        ),
        pytest.param([Plan("a", "online")], [Plan("a", "overdue")], [Plan("a", "overdue")], id="in both"),
        pytest.param(
            [Plan("a", "online", "old", "auto", END, (("active", 1),))],
            [Plan("a", "online", "new", sites=(("moved", 1),))],
            [Plan("a", "online", "new", "auto", END, (("moved", 1),))],
            id="in both, with an end",
        ),
        pytest.param(
            [Plan("a", "online", renewal="auto", expires_at=END)],
            [Plan("a", "online", renewal="none", expires_at=LATER)],
            [Plan("a", "online", renewal="none", expires_at=LATER)],
            id="in both, each with an end",
        ),
    ],
)
def test_a_plan_of_both_lists_stands_once(bought: list[Plan], postpaid: list[Plan], joined: list[Plan]) -> None:
    """The list of postpaid plans decides on it; its end is that of the other list."""
    assert join(Plans(tuple(bought)), Plans(tuple(postpaid))) == Plans(tuple(joined), whole=True)


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        pytest.param(lambda: Plan("", "online"), "1 to 64 printable", id="no id"),
        pytest.param(lambda: Plan("sp-1", ""), "1 to 64 printable", id="no status"),
        pytest.param(lambda: Plan("sp-1", "online", "x" * 65), "1 to 64 printable", id="a long name"),
        pytest.param(
            lambda: Plan("sp-1", "online", sites=(("\n", 1),)), "1 to 64 printable", id="a status of a site"
        ),
        pytest.param(lambda: Plan("sp-1", "online", renewal="nomal"), "not 'nomal'", id="the vendor's renewal"),
        pytest.param(
            lambda: Plan("sp-1", "online", expires_at=END.replace(tzinfo=None)), "time zone", id="no time zone"
        ),
        pytest.param(lambda: Plans((Plan("b", "online"), Plan("a", "online"))), "sorted", id="in no order"),
        pytest.param(lambda: Plans((Plan("a", "online"), Plan("a", "online"))), "unique", id="twice"),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object], complaint: str) -> None:
    """A plan that makes no sense does not come into being."""
    with pytest.raises(ValueError, match=complaint):
        build()


@pytest.mark.parametrize(
    ("plan", "ends"),
    [
        pytest.param(Plan("a", "online", expires_at=END), True, id="unknown renewal"),
        pytest.param(Plan("a", "online", renewal="manual", expires_at=END), True, id="renewed by hand"),
        pytest.param(Plan("a", "online", renewal="none", expires_at=END), True, id="not renewed"),
        pytest.param(Plan("a", "online", renewal="auto", expires_at=END), False, id="renewed by itself"),
        pytest.param(Plan("a", "offline", renewal="none", expires_at=END), False, id="ended already"),
        pytest.param(Plan("a", "online", renewal="none"), False, id="without an end"),
    ],
)
def test_a_plan_ends_unless_it_is_renewed(plan: Plan, *, ends: bool) -> None:
    """What works now stops then."""
    assert plan.ends_at == (END.timestamp() if ends else None)


def test_plans_that_end_first_come_first() -> None:
    """Then those without an end; released ones are not held."""
    zone = timezone(timedelta(hours=8))
    plans = Plans(
        (
            Plan("a", "online"),
            Plan("b", "overdue", expires_at=LATER),
            Plan("c", "online", expires_at=END.astimezone(zone)),
            Plan("d", "disable", expires_at=END - timedelta(days=1)),
            Plan("e", "offline", expires_at=END),
        )
    )

    assert [plan.instance_id for plan in plans.held] == ["c", "e", "b", "a"]
    assert (plans.first_expiry, Plans().first_expiry) == (END, None)
