"""Parts of a service that are billed by themselves: WebSocket of DCDN, dynamic content of CDN."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from exporter.core.model import Answer
from exporter.probes.kind import Sample
from exporter.probes.service import attention, news, view
from exporter.probes.service_families import ServiceMemory, families_of, remember, visible
from exporter.probes.service_state import (
    DYNAMIC,
    NOT_ACTIVATED,
    WEBSOCKET,
    AnswerForm,
    Billing,
    ChargeTypeChange,
    ServiceState,
    parse_service,
)
from exporter.probes.view import Fragment

DCDN, CDN = AnswerForm(components=(WEBSOCKET,)), AnswerForm(components=(DYNAMIC,))
MOMENT = datetime(2026, 12, 31, 16, tzinfo=UTC)
LATER = MOMENT + timedelta(days=1)
NOW = MOMENT.timestamp() - 90
PLAIN: Mapping[str, object] = {"InstanceId": "1", "InternetChargeType": "PayByTraffic"}
BY_TRAFFIC, BY_BANDWIDTH = "websockettraffic", "websocketbps"
CHANGE = ChargeTypeChange(BY_BANDWIDTH, MOMENT)


def websocket(charge_type: str | None = BY_TRAFFIC, change: ChargeTypeChange | None = None) -> ServiceState:
    return ServiceState(charge_type="PayByTraffic", components=(Billing(WEBSOCKET, charge_type, change),))


def dynamic(charge_type: str | None = "DynamicHourTraffic", coming: str | None = None) -> ServiceState:
    change = ChargeTypeChange(coming, None) if coming is not None else None
    return ServiceState(charge_type="PayByTraffic", components=(Billing(DYNAMIC, charge_type, change),))


def components(form: AnswerForm, **fields: object) -> list[Billing]:
    return list(parse_service({**PLAIN, **fields}, "request-1", form).state.components)


def samples(state: ServiceState, memory: ServiceMemory | None = None, now: float = NOW) -> dict[str, list[Sample]]:
    """Those of the families of components, by the ends of their names."""
    service = visible(state, memory or remember(None, Answer(state), NOW), now).value
    start = "dcdn_service_component_"
    return {
        family.name.removeprefix(start): list(family.samples(service))
        for family in families_of(DCDN)
        if family.name.startswith(start)
    }


@pytest.mark.parametrize(
    ("fields", "billing"),
    [
        pytest.param({"WebsocketType": BY_TRAFFIC}, Billing(WEBSOCKET, BY_TRAFFIC), id="billed"),
        pytest.param({"WebsocketType": " WebSocketBps"}, Billing(WEBSOCKET, BY_BANDWIDTH), id="in another spelling"),
        pytest.param(
            {
                "WebsocketType": BY_TRAFFIC,
                "WebsocketChangingType": BY_BANDWIDTH,
                "WebsocketChangingTime": "2026-12-31T16:00:00Z",
            },
            Billing(WEBSOCKET, BY_TRAFFIC, CHANGE),
            id="changing",
        ),
        pytest.param(
            {"WebsocketChangingType": BY_BANDWIDTH},
            Billing(WEBSOCKET, None, ChargeTypeChange(BY_BANDWIDTH, None)),
            id="only the next",
        ),
        pytest.param(
            {"WebsocketType": BY_TRAFFIC, "WebsocketChangingTime": "2026-12-31T16:00:00Z"},
            Billing(WEBSOCKET, BY_TRAFFIC),
            id="only the moment of a change, which may be that of the service's own",
        ),
        pytest.param(
            {
                "WebsocketType": BY_TRAFFIC,
                "WebsocketChangingType": BY_TRAFFIC,
                "WebsocketChangingTime": "2026-12-31T16:00:00Z",
            },
            Billing(WEBSOCKET, BY_TRAFFIC),
            id="a change to the same",
        ),
    ],
)
def test_websocket_is_billed_by_itself(fields: dict[str, object], billing: Billing) -> None:
    """Its method, the next one and the moment are fields of DCDN's answer."""
    assert components(DCDN, **fields) == [billing]


@pytest.mark.parametrize(
    ("fields", "billing"),
    [
        pytest.param(
            {"DynamicBillingType": "DynamicHourTraffic"}, Billing(DYNAMIC, "DynamicHourTraffic"), id="billed"
        ),
        pytest.param(
            {
                "DynamicBillingType": "DynamicHourTraffic",
                "ChangingDynamicBillingType": "DynamicDayTraffic",
                "ChangingAffectTime": "2026-12-31T16:00:00Z",
            },
            Billing(DYNAMIC, "DynamicHourTraffic", ChargeTypeChange("DynamicDayTraffic", None)),
            id="changing at a time that is not said",
        ),
        pytest.param(
            {"DynamicBillingType": "DynamicHourTraffic", "ChangingDynamicBillingType": "dynamichourtraffic"},
            Billing(DYNAMIC, "DynamicHourTraffic"),
            id="a change to the same",
        ),
    ],
)
def test_dynamic_content_is_billed_by_itself(fields: dict[str, object], billing: Billing) -> None:
    """Nothing says that ChangingAffectTime is the moment of its change, so that it has none."""
    assert components(CDN, **fields) == [billing]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="missing"),
        pytest.param({"WebsocketType": "", "DynamicBillingType": None}, id="empty"),
        pytest.param({"WebsocketChangingTime": "2026-12-31T16:00:00Z"}, id="a moment alone"),
        pytest.param({"DynamicBillingType": {}, "WebsocketType": []}, id="what makes no sense"),
    ],
)
def test_what_the_api_does_not_name_is_no_component(fields: dict[str, object]) -> None:
    """Neither of DCDN nor of CDN."""
    assert components(AnswerForm(components=(WEBSOCKET, DYNAMIC)), **fields) == []


def test_fields_of_another_products_component_are_not_read() -> None:
    """Each product has its own."""
    assert components(CDN, WebsocketType=BY_TRAFFIC) == components(DCDN, DynamicBillingType="x") == []


def test_a_component_without_any_method_cannot_be() -> None:
    """Its series would say that it is billed by none."""
    with pytest.raises(ValueError, match="a component has a billing method or a change"):
        websocket(None)
    with pytest.raises(ValueError, match="not activated"):
        ServiceState(activated=False, components=websocket().components)


@pytest.mark.parametrize(
    ("form", "fields", "unknown"),
    [
        pytest.param(DCDN, {"WebsocketType": "websocketmoon"}, {"WebsocketType": ("websocketmoon",)}, id="a method"),
        pytest.param(
            DCDN,
            {"WebsocketChangingType": "websocketmoon"},
            {"WebsocketChangingType": ("websocketmoon",)},
            id="a method to come",
        ),
        pytest.param(
            DCDN,
            {"WebsocketChangingTime": "soon"},
            {
                "WebsocketChangingTime": (
                    "WebsocketChangingTime: seen str 'soon'; accepted: a date such as 2018-03-31T16:00:00Z",
                )
            },
            id="no moment",
        ),
        pytest.param(
            CDN, {"DynamicBillingType": "DynamicMoon"}, {}, id="none is documented, so that none is unknown"
        ),
        pytest.param(
            CDN,
            {"DynamicBillingType": {}},
            {"DynamicBillingType": ("DynamicBillingType: seen dict {}; accepted: a text",)},
            id="no method at all",
        ),
    ],
)
def test_unknown_values_of_components_are_counted(
    form: AnswerForm, fields: dict[str, object], unknown: dict[str, tuple[str, ...]]
) -> None:
    """Under their own fields, which the form names."""
    assert parse_service({**PLAIN, **fields}, "request-1", form).unknown_values == unknown
    assert set(unknown) <= set(form.fields)


def test_a_component_has_series_of_its_own() -> None:
    """State sets of the methods that are documented, and the moment of a change; all with the component's name."""
    assert samples(websocket()) == {
        "charge_type": [(("websocket", BY_TRAFFIC), 1.0), (("websocket", BY_BANDWIDTH), 0.0)],
        "next_charge_type": [(("websocket", BY_TRAFFIC), 0.0), (("websocket", BY_BANDWIDTH), 0.0)],
        "charge_type_change_timestamp_seconds": [],
    }
    changing = samples(websocket(change=CHANGE))
    assert changing["next_charge_type"] == [(("websocket", BY_TRAFFIC), 0.0), (("websocket", BY_BANDWIDTH), 1.0)]
    assert changing["charge_type_change_timestamp_seconds"] == [(("websocket",), MOMENT.timestamp())]


def test_methods_that_no_page_names_are_series_as_they_come() -> None:
    """Of dynamic content none is documented; one once seen stays, at 0."""
    memory = remember(remember(None, Answer(dynamic(coming="b")), 1.0), Answer(dynamic("b")), 2.0)

    assert samples(dynamic("b"), memory) == {
        "charge_type": [(("dynamic", "DynamicHourTraffic"), 0.0), (("dynamic", "b"), 1.0)],
        "next_charge_type": [(("dynamic", "DynamicHourTraffic"), 0.0), (("dynamic", "b"), 0.0)],
        "charge_type_change_timestamp_seconds": [],
    }


def test_sixteen_methods_of_a_component_are_kept_and_then_other() -> None:
    """As many as of the service itself, and counted apart from those."""
    memory = None
    for number in range(18):
        memory = remember(memory, Answer(dynamic(f"type {number:02}")), 1.0)
    assert memory is not None

    assert memory.component_charge_types == (("dynamic", (*(f"type {number:02}" for number in range(16)), "other")),)
    assert memory.charge_types == ()
    assert samples(dynamic("type 17"), memory)["charge_type"][-1] == (("dynamic", "other"), 1.0)


@pytest.mark.parametrize(
    "state", [pytest.param(ServiceState(), id="none named"), pytest.param(NOT_ACTIVATED, id="not activated")]
)
def test_what_is_not_named_has_no_series(state: ServiceState) -> None:
    """Also where it was named before."""
    memory = remember(None, Answer(websocket()), 1.0)

    assert set(map(tuple, samples(state, memory).values())) == {()}


def test_a_change_of_a_component_is_over_at_its_moment() -> None:
    """Answer or not; the lines stand until the first of all changes falls due."""
    both = ServiceState(
        change=ChargeTypeChange("PayByBandwidth", LATER), components=websocket(change=CHANGE).components
    )

    assert visible(both, None, NOW).until == MOMENT.timestamp()
    assert visible(both, None, MOMENT.timestamp()).until == LATER.timestamp()
    assert visible(both, None, LATER.timestamp()).until == math.inf
    assert samples(both, now=MOMENT.timestamp() - 1) == samples(both)
    assert samples(both, now=MOMENT.timestamp())["next_charge_type"] == samples(websocket())["next_charge_type"]
    assert samples(both, now=MOMENT.timestamp())["charge_type_change_timestamp_seconds"] == []


def test_a_change_of_a_component_has_runs_just_after_its_moment() -> None:
    """The first of all changes comes first; one without a moment has none, and one that has come needs none."""
    both = ServiceState(
        change=ChargeTypeChange("PayByBandwidth", LATER), components=websocket(change=CHANGE).components
    )
    due = MOMENT.timestamp()

    assert attention(both, None, NOW).extra_run_at == due + 1
    assert attention(both, None, due + 1).extra_run_at == due + 3
    assert attention(both, None, due + 60).extra_run_at == LATER.timestamp() + 1
    assert attention(websocket(BY_BANDWIDTH, CHANGE), None, due + 1).extra_run_at is None
    assert attention(dynamic(coming="b"), None, NOW).extra_run_at is None


def test_the_log_tells_of_components() -> None:
    """After the service itself, always the same fields; a new method is no warning."""
    of_dcdn, of_cdn = news(DCDN), news(CDN)
    told = of_dcdn.fields(websocket(change=CHANGE))

    assert list(told)[-3:] == ["websocket_charge_type", "websocket_next_charge_type", "websocket_charge_type_change"]
    assert list(told.values())[-3:] == [BY_TRAFFIC, BY_BANDWIDTH, "2026-12-31T16:00:00Z"]
    assert list(of_dcdn.fields(NOT_ACTIVATED).items())[-3:] == [(name, "") for name in list(told)[-3:]]
    assert list(of_cdn.fields(dynamic(coming="b")).items())[-2:] == [
        ("dynamic_charge_type", "DynamicHourTraffic"),
        ("dynamic_next_charge_type", "b"),
    ]
    assert [name for name, value in told.items() if of_dcdn.is_worse(websocket(), name, value)] == []


BY_SERVICE = Fragment("PayByTraffic", foreign=True)


@pytest.mark.parametrize(
    ("state", "billing"),
    [
        pytest.param(websocket(), [BY_SERVICE], id="nothing to come"),
        pytest.param(
            websocket(change=CHANGE),
            [
                BY_SERVICE,
                Fragment("· {component}:", values={"component": "websocket"}),
                Fragment(BY_TRAFFIC, foreign=True),
                Fragment("→"),
                Fragment(BY_BANDWIDTH, foreign=True, runbook="DcdnChargeTypeChangeSoon"),
                Fragment("in {time}", values={"time": "1 min 30 s"}),
            ],
            id="changing",
        ),
        pytest.param(
            dynamic(None, coming="b"),
            [
                BY_SERVICE,
                Fragment("· {component}:", values={"component": "dynamic"}),
                Fragment("-"),
                Fragment("→"),
                Fragment("b", foreign=True, runbook="DcdnChargeTypeChangeScheduled"),
            ],
            id="changing to the first that is named, some day",
        ),
    ],
)
def test_people_are_shown_a_change_with_its_component(state: ServiceState, billing: list[Fragment]) -> None:
    """Behind the service's own billing; what does not change is not shown."""
    assert list(view(state, NOW).billing) == billing


def test_a_change_of_a_component_is_a_change() -> None:
    """It counts as pending, its seconds order the rows, and it leaves at its moment."""
    seen, over = view(websocket(change=CHANGE), NOW), view(websocket(change=CHANGE), MOMENT.timestamp())

    assert [condition.word for condition in seen.conditions] == ["active", "change_pending"]
    assert seen.ahead_s == 90.0
    assert (over.conditions, over.billing, over.ahead_s) == (seen.conditions[:1], (BY_SERVICE,), None)


def test_programs_are_told_of_every_component() -> None:
    """With the keys that the service's own billing has, whether it changes or not."""
    told = view(websocket(change=CHANGE), NOW).billing_json

    assert told["change_pending"] is False
    assert told["components"] == [
        {
            "component": "websocket",
            "charge_type": BY_TRAFFIC,
            "change_pending": True,
            "next_charge_type": BY_BANDWIDTH,
            "changes_at": MOMENT,
            "changes_in_seconds": 90.0,
        }
    ]
    assert view(dynamic(), NOW).billing_json["components"][0]["changes_at"] is None
