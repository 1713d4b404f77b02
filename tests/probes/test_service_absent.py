"""Answers in which nothing of a service is found: not activated, or no answer."""

from collections.abc import Mapping

import pytest

from exporter.api.errors import MalformedReply
from exporter.core.model import Answer
from exporter.probes.service_state import NOT_ACTIVATED, ServiceState, parse_service


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        pytest.param({}, "the fields (none)", id="empty"),
        pytest.param({"RequestId": "EF2A"}, "the fields RequestId", id="only a request id"),
        pytest.param(
            {"RequestId": "EF2A", "OperationLocks": {}},
            "the fields OperationLocks, RequestId",
            id="no locks of nothing",
        ),
        pytest.param(
            {"InstanceId": "", "InternetChargeType": ""},
            "the empty fields InstanceId, InternetChargeType",
            id="all empty",
        ),
        pytest.param(
            {"OpeningTime": "", "InstanceId": ["i-1"]},
            "the empty fields OpeningTime and the fields InstanceId",
            id="an instance that makes no sense",
        ),
        pytest.param({"OpeningTime": "-"}, "the fields OpeningTime", id="opened at a time that is none"),
        pytest.param({"OpeningTime": {}}, "the fields OpeningTime", id="opened at an object"),
        pytest.param(
            {"OpeningTime": "", "ChangingChargeType": "PayByTraffic"},
            "the empty fields OpeningTime and the fields ChangingChargeType",
            id="not opened, and a change",
        ),
        pytest.param(
            {"OpeningTime": "", "WebsocketType": "websocketbps"},
            "the empty fields OpeningTime and the fields WebsocketType",
            id="a part that is billed",
        ),
        pytest.param(
            {"OpeningTime": "", "EndTime": "2018"},
            "the empty fields OpeningTime and the fields EndTime",
            id="not opened, and an end",
        ),
        pytest.param(
            {"ChangingChargeType": "PayByTraffic"}, "the fields ChangingChargeType", id="a change of nothing"
        ),
        pytest.param(
            {"Enabled": True, "OnService": True}, "the fields Enabled, OnService", id="another operation's answer"
        ),
        pytest.param({"a\nb\ud800": 1}, "the fields a b", id="names that cannot be printed"),
        pytest.param({"x" * 500: 1}, f"the fields {'x' * 69}…", id="a long name"),
    ],
)
def test_an_answer_about_no_service_is_malformed(payload: dict[str, object], fields: str) -> None:
    """A 200 that says nothing of a service must not look like a healthy one."""
    with pytest.raises(MalformedReply) as caught:
        parse_service(payload, "request-1")

    assert caught.value.explanation == (
        f"the answer: seen {fields}; accepted: those of a service: "
        "InstanceId, OpeningTime, InternetChargeType or a lock"
    )


EMPTY: Mapping[str, object] = {
    "RequestId": "R",
    "InstanceId": "",
    "OpeningTime": "",
    "InternetChargeType": "",
    "ChangingChargeType": "",
    "ChangingAffectTime": "",
    "OperationLocks": {"LockReason": []},
}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="texts"),
        pytest.param(dict.fromkeys(EMPTY), id="nulls"),
        pytest.param({"OpeningTime": " \n", "OperationLocks": "[]"}, id="spaces, and no locks in a text"),
        pytest.param({"WebsocketType": "", "DomainNum": 0}, id="further fields"),
    ],
)
def test_an_answer_of_empty_fields_is_not_activated(fields: dict[str, object]) -> None:
    """The vendor may say so by a success, in which no field of a service has a value."""
    answer = parse_service({**EMPTY, **fields}, "R")

    assert (answer, answer.unknown_values) == (Answer(NOT_ACTIVATED, request_id="R"), {})


def test_an_opening_time_alone_that_is_empty_is_not_activated() -> None:
    """The other fields may be missing."""
    assert parse_service({"RequestId": "R", "OpeningTime": ""}, "R").state == NOT_ACTIVATED


@pytest.mark.parametrize(
    ("locks", "reason"),
    [
        pytest.param(["financial"], "financial", id="by its reason"),
        pytest.param({"LockReason": [{}]}, "unspecified", id="without a reason"),
    ],
)
def test_a_lock_wins_over_empty_fields(locks: object, reason: str) -> None:
    """What is locked was activated."""
    assert parse_service({**EMPTY, "OperationLocks": locks}, "R").state == ServiceState(lock_reasons=(reason,))


def test_locks_that_make_no_sense_win_over_empty_fields() -> None:
    """There may be a lock."""
    with pytest.raises(MalformedReply, match="OperationLocks: seen int 7"):
        parse_service({**EMPTY, "OperationLocks": 7}, "R")
