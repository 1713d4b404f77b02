import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from exporter.api.errors import MalformedReply
from exporter.api.fields import AnswerFields, read_json
from exporter.probes.service_locks import lock_reasons
from exporter.probes.service_state import NOT_ACTIVATED, ChargeTypeChange, ServiceState, ServiceStatus

MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
NAIVE = MOMENT.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        pytest.param(ServiceState(), ServiceStatus.ACTIVE, id="nothing known but that it is there"),
        pytest.param(ServiceState(charge_type="PayByTraffic"), ServiceStatus.ACTIVE, id="billed"),
        pytest.param(ServiceState(lock_reasons=("financial",)), ServiceStatus.LOCKED, id="one lock"),
        pytest.param(ServiceState(lock_reasons=("financial", "security")), ServiceStatus.LOCKED, id="two locks"),
        pytest.param(NOT_ACTIVATED, ServiceStatus.NOT_ACTIVATED, id="not activated"),
    ],
)
def test_one_status_holds(state: ServiceState, status: ServiceStatus) -> None:
    """Any lock means locked, and what is not activated is neither locked nor active."""
    assert state.status is status


@pytest.mark.parametrize(
    ("seconds_to_go", "pending"),
    [
        pytest.param(1, True, id="ahead"),
        pytest.param(0, False, id="at this moment"),
        pytest.param(-1, False, id="past"),
    ],
)
def test_a_change_is_pending_until_its_moment(seconds_to_go: int, pending: bool) -> None:  # noqa: FBT001 - a row's fact
    """At its moment a change is done, and the API may go on repeating it."""
    change = ChargeTypeChange(charge_type="PayByTraffic", takes_effect=MOMENT)
    state = ServiceState(change=change)

    assert state.pending_change(MOMENT.timestamp() - seconds_to_go) == (change if pending else None)


def test_a_change_without_a_moment_is_pending_for_ever() -> None:
    """The API says that it will come and not when, so that no moment ends it."""
    assert ChargeTypeChange(charge_type="PayByTraffic", takes_effect=None).is_pending(math.inf)


def test_no_change_is_not_pending() -> None:
    """A state without a change has none ahead at any time."""
    assert ServiceState().pending_change(0.0) is None


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        pytest.param(
            lambda: ChargeTypeChange(charge_type=None, takes_effect=None), "names its charge type", id="empty change"
        ),
        pytest.param(
            lambda: ChargeTypeChange(charge_type="PayByTraffic", takes_effect=NAIVE), "time zone", id="naive change"
        ),
        pytest.param(lambda: ServiceState(opening_time=NAIVE), "time zone", id="naive opening time"),
        pytest.param(lambda: ServiceState(lock_reasons=("b", "a")), "sorted and unique", id="unsorted locks"),
        pytest.param(lambda: ServiceState(lock_reasons=("a", "a")), "sorted and unique", id="repeated locks"),
        pytest.param(lambda: ServiceState(lock_reasons=("Financial",)), "lower case", id="capital letters in a lock"),
        pytest.param(lambda: ServiceState(lock_reasons=("",)), "1 to 64 printable", id="empty lock reason"),
        pytest.param(lambda: ServiceState(lock_reasons=("a" * 65,)), "1 to 64 printable", id="long lock reason"),
        pytest.param(lambda: ServiceState(charge_type="Pay\nBy"), "1 to 64 printable", id="line end"),
        pytest.param(lambda: ServiceState(instance_id="\ud800"), "1 to 64 printable", id="lone surrogate"),
        pytest.param(
            lambda: ChargeTypeChange(charge_type="", takes_effect=MOMENT), "1 to 64 printable", id="empty next type"
        ),
        pytest.param(
            lambda: ServiceState(activated=False, lock_reasons=("financial",)), "not activated", id="locked nothing"
        ),
        pytest.param(
            lambda: ServiceState(activated=False, charge_type="PayByTraffic"), "not activated", id="billed nothing"
        ),
        pytest.param(
            lambda: ServiceState(activated=False, change=ChargeTypeChange("PayByTraffic", MOMENT)),
            "not activated",
            id="nothing changes",
        ),
        pytest.param(
            lambda: ServiceState(activated=False, opening_time=MOMENT), "not activated", id="opened but not activated"
        ),
        pytest.param(lambda: ServiceState(activated=False, instance_id="1"), "not activated", id="no such instance"),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object], complaint: str) -> None:
    """A state that contradicts itself does not come into being, so that no reader has to check."""
    with pytest.raises(ValueError, match=complaint):
        build()


def test_values_do_not_change() -> None:
    """What a reader was given stays as it was."""
    with pytest.raises(FrozenInstanceError):
        NOT_ACTIVATED.activated = True  # type: ignore[misc]


def reasons_in(locks: object) -> tuple[str, ...]:
    return lock_reasons(AnswerFields({"OperationLocks": locks}, "request-1"))


def nested(depth: int) -> object:
    value: object = "financial"
    for _ in range(depth):
        value = [value]
    return value


def nested_objects(depth: int) -> object:
    value: object = "financial"
    for _ in range(depth):
        value = {"LockReason": value}
    return value


@pytest.mark.parametrize(
    ("locks", "reasons"),
    [
        pytest.param({"LockReason": [{"LockReason": "financial"}]}, ("financial",), id="documented"),
        pytest.param({"LockReason": []}, (), id="documented and empty"),
        pytest.param([{"LockReason": "financial"}], ("financial",), id="flat list"),
        pytest.param(["financial"], ("financial",), id="list of texts"),
        pytest.param({"LockReason": ["financial"]}, ("financial",), id="nested list of texts"),
        pytest.param({"LockReason": {"LockReason": "financial"}}, ("financial",), id="one object in place of a list"),
        pytest.param({"LockReason": "financial"}, ("financial",), id="one object"),
        pytest.param("financial", ("financial",), id="one text"),
        pytest.param([{"LockReason": [{"LockReason": "financial"}]}], ("financial",), id="documented, in a list"),
        pytest.param(None, (), id="null"),
        pytest.param("", (), id="empty text"),
        pytest.param("  ", (), id="spaces"),
        pytest.param({}, (), id="empty object"),
        pytest.param([], (), id="empty list"),
        pytest.param({"LockReason": None}, (), id="null inside"),
        pytest.param({"LockReason": ""}, (), id="empty text inside"),
        pytest.param({"LockReason": {}}, (), id="empty object inside"),
        pytest.param({"LockReason": [{}]}, ("unspecified",), id="a lock that is an empty object"),
        pytest.param({"LockReason": [{"Remark": "x"}]}, ("unspecified",), id="a lock without the key"),
        pytest.param({"LockReason": [{"LockReason": ""}]}, ("unspecified",), id="a lock with an empty reason"),
        pytest.param({"LockReason": [{"LockReason": None}]}, ("unspecified",), id="a lock with no reason"),
        pytest.param([None], ("unspecified",), id="a lock that is null"),
        pytest.param([""], ("unspecified",), id="a lock that is an empty text"),
        pytest.param({"LockReason": [{"LockReason": " Financial\n"}]}, ("financial",), id="spaces and case"),
        pytest.param(["security", "financial", "FINANCIAL "], ("financial", "security"), id="two, one of them twice"),
        pytest.param([{}, "financial"], ("financial", "unspecified"), id="one named, one not"),
        pytest.param(["Über\x7ffällig"], ("fällig", "über"), id="a control character between two"),
        pytest.param("financial,security", ("financial", "security"), id="two in a text, by a comma"),
        pytest.param({"LockReason": "Financial; security"}, ("financial", "security"), id="by a semicolon"),
        pytest.param([{"LockReason": "financial|security|"}], ("financial", "security"), id="by a bar"),
        pytest.param(["financial \n security"], ("financial", "security"), id="by spaces"),
        pytest.param("c\uff0cb\uff1ba\u3001d", ("a", "b", "c", "d"), id="by Chinese marks"),
        pytest.param(["financial", " , ;"], ("financial", "unspecified"), id="nothing but marks"),
        pytest.param(["a" * 200], ("a" * 64,), id="cut at the length of a label value"),
        pytest.param([f"{'a' * 64}{tail}" for tail in "xyz"], ("a" * 64,), id="alike once cut"),
        pytest.param('{"LockReason": [{"LockReason": "financial"}]}', ("financial",), id="JSON in a text"),
        pytest.param('\ufeff ["financial"]\n', ("financial",), id="JSON in a text, with a mark and spaces around"),
        pytest.param('"\\"financial\\""', ("financial",), id="JSON in JSON in a text"),
        pytest.param({"LockReason": '[{"LockReason": "financial"}]'}, ("financial",), id="JSON in a text inside"),
        pytest.param(['{"LockReason": "financial"}'], ("financial",), id="a lock that is JSON in a text"),
        pytest.param(['{"LockReason": '], ('{"lockreason":',), id="a lock that is half of some JSON"),
        pytest.param('{"LockReason": []}', (), id="JSON in a text, documented and empty"),
        pytest.param("null", (), id="null as a text"),
        pytest.param("[]", (), id="an empty list as a text"),
        pytest.param(["null"], ("unspecified",), id="a lock that is null as a text"),
        pytest.param({"lockReason": [{"lockreason": "financial"}]}, ("financial",), id="keys in another case"),
        pytest.param({"OperationLock": [{"LockReason": "financial"}]}, ("financial",), id="a further object around"),
        pytest.param({"OperationLocks": {"LockReason": ["financial"]}}, ("financial",), id="the field in itself"),
        pytest.param({"Data": '["financial"]', "Total": 1}, ("financial",), id="JSON in a text in a further object"),
        pytest.param({"OperationLock": []}, (), id="a further object around, empty"),
        pytest.param([{"LockReason": 7}], ("unspecified",), id="a lock whose reason is a number"),
        pytest.param([{"LockReason": [True]}], ("unspecified",), id="a lock whose reason is a list of what is none"),
        pytest.param([1.5, "financial"], ("financial",), id="one lock, and what is none"),
        pytest.param({"LockReason": 7, "lockreason": "security"}, ("security",), id="the key in two cases"),
        pytest.param(
            read_json('{"LockReason": "a", "LockReason": []}'), ("a",), id="a repeated key, the first a lock"
        ),
        pytest.param(
            read_json('{"LockReason": [], "LockReason": "b"}'), ("b",), id="a repeated key, the last a lock"
        ),
        pytest.param(read_json('{"X": ["a"], "X": ["b"]}'), ("a", "b"), id="a repeated key of a further object"),
        pytest.param('{"LockReason": "a", "LockReason": "b"}', ("a", "b"), id="a repeated key in a text"),
        pytest.param([{"Reason": "financial"}], ("financial",), id="Reason alone"),
        pytest.param([{"LockReason": "a", "Reason": "Why it is"}], ("a",), id="Reason beside the key"),
        pytest.param({"Reasons": ["financial"]}, ("financial",), id="Reasons in place of the key"),
        pytest.param({"0": "financial"}, ("financial",), id="numbered"),
        pytest.param({"LockReason": {"1": "a", "2": {"LockReason": "b"}}}, ("a", "b"), id="numbered, inside"),
        pytest.param({"1": ""}, ("unspecified",), id="numbered, without a reason"),
        pytest.param(read_json('{"1": "a", "1": "b"}'), ("a", "b"), id="a repeated number"),
        pytest.param({"lock_reason": "financial"}, ("financial",), id="another spelling"),
        pytest.param([{"Lock Reasons": ["financial"]}], ("financial",), id="another spelling, in a list"),
        pytest.param({"OperationLock": "financial"}, ("financial",), id="a text in a further object around"),
        pytest.param({"LockReason": ["a"], "LockReasonNote": "x"}, ("a",), id="what has to do with it, beside it"),
        pytest.param([{"LockReason": "a", "LockReasonNote": "x"}], ("a",), id="the same in a list"),
        pytest.param([{"LockReasonNote": "x"}], ("unspecified",), id="what has to do with it alone, in a list"),
        pytest.param({"LockReason": [], "LockReasonTotal": 0}, (), id="what has to do with it, and says nothing"),
        pytest.param(nested(6), ("financial",), id="as deep as accepted"),
        pytest.param(nested_objects(6), ("financial",), id="objects as deep as accepted"),
    ],
)
def test_every_form_of_a_lock_list_is_understood(locks: object, reasons: tuple[str, ...]) -> None:
    """A lock is seen in whatever form of list the vendor writes it; one that names no reason is `unspecified`."""
    assert reasons_in(locks) == reasons


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"OperationLocks": ["financial"], "OperationLocks": []}', id="the last empty"),
        pytest.param('{"OperationLocks": {}, "OperationLocks": ["financial"]}', id="the first empty"),
        pytest.param('{"OperationLocks": ["financial"], "OperationLocks": 7}', id="the last no lock"),
        pytest.param('{"operationLocks": ["financial"], "OperationLocks": []}', id="in another case"),
        pytest.param('{"LockReason": [{"LockReason": "financial"}]}', id="without the object around"),
        pytest.param('{"OperationLock": {"LockReason": [{"LockReason": "financial"}]}}', id="in the singular"),
        pytest.param('{"operation_locks": {"lock_reason": "financial"}}', id="in snake case"),
        pytest.param('{" OperationLocks\\n": ["financial"], "OperationLocks": []}', id="spaces around"),
        pytest.param('{"Operation-Lock Reason": "financial"}', id="other separators"),
        pytest.param('{"Data": [{"Service": {"OperationLocks": ["financial"]}}]}', id="deep in the answer"),
        pytest.param('{"OperationLockInfo": {"LockReason": "financial"}}', id="an object with another word"),
        pytest.param('{"X": {}, "X": {"lockReasonList": ["financial"]}, "X": 1}', id="in one of several"),
        pytest.param('{"X": %s, "LockReason": "financial"}' % ("[" * 400 + "]" * 400), id="beside something deep"),
    ],
)
def test_a_lock_counts_under_any_of_its_keys(text: str) -> None:
    """JSON keeps the last value of a repeated key, and a lock must not be lost by that, nor by another spelling."""
    assert lock_reasons(AnswerFields(read_json(text), None)) == ("financial",)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("OperationLocks.LockReason.1", id="flat"),
        pytest.param("operation_locks[0].lock_reason", id="flat, in brackets"),
        pytest.param("Service 1/LockReason", id="a path"),
        pytest.param("LOCK-REASON.2", id="without the object around"),
    ],
)
def test_a_key_with_a_number_stands_for_a_lock(key: str) -> None:
    """Lists that are written flat have one key for each item, and none where they are empty."""
    assert lock_reasons(AnswerFields({key: "financial"}, None)) == ("financial",)
    assert lock_reasons(AnswerFields({key: ""}, None)) == ("unspecified",)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"BlockReason": "x", "UnlockReason": "x", "Clock.Reason": "x"}, id="other words"),
        pytest.param({"LockMode": "Unlock", "Operation": "Lock", "Reason": "x", "Lock": 1}, id="parts of the names"),
        pytest.param({"Ipv6OperationLocks": ""}, id="a number in another word"),
        pytest.param({"OperationLocksTotal": 0, "LockReasonNote": "", "LockReasons": []}, id="empty"),
    ],
)
def test_other_keys_name_no_lock(payload: dict[str, object]) -> None:
    """A service is not called locked for a word that sounds like it, or for what says nothing."""
    assert lock_reasons(AnswerFields(payload, None)) == ()


@pytest.mark.parametrize(
    ("payload", "seen"),
    [
        pytest.param({"OperationLockStatus": "on"}, "OperationLockStatus: seen str 'on'", id="another word behind"),
        pytest.param({"OperationLocked": True}, "OperationLocked: seen bool True", id="a flag"),
        pytest.param({"x": [{"lock_reason": 7}]}, "lock_reason: seen int 7", id="deep in the answer"),
        pytest.param(
            {"OperationLocks": {"LockReasonNote": "x"}}, "OperationLocks.LockReasonNote: seen str 'x'", id="inside"
        ),
        pytest.param({"Locked\nReason": 1}, "Locked Reason: seen int 1", id="not printable"),
        pytest.param({"a" * 60 + "LockReason": 1}, f"{'a' * 60}Lock: seen int 1", id="long"),
    ],
)
def test_what_names_a_lock_and_cannot_be_read_is_no_answer(payload: dict[str, object], seen: str) -> None:
    """It may be a lock."""
    with pytest.raises(MalformedReply) as caught:
        lock_reasons(AnswerFields(payload, None))

    assert caught.value.explanation.startswith(f"{seen}; accepted: an object such as")


def test_an_answer_without_the_field_names_no_lock() -> None:
    """The field may be missing altogether."""
    assert lock_reasons(AnswerFields({"InstanceId": "1883927335936173"}, None)) == ()


@pytest.mark.parametrize(
    ("locks", "seen"),
    [
        pytest.param(1, "OperationLocks: seen int 1", id="number"),
        pytest.param(0, "OperationLocks: seen int 0", id="zero"),
        pytest.param(False, "OperationLocks: seen bool False", id="boolean"),
        pytest.param([1.5], "OperationLocks: seen float 1.5", id="list of numbers"),
        pytest.param({"Locked": "yes"}, "OperationLocks: seen dict {'Locked': 'yes'}", id="object without the key"),
        pytest.param(
            {"LockReason": True}, "OperationLocks.LockReason: seen bool True", id="boolean in place of a list"
        ),
        pytest.param(
            {"LockReason": {"Remark": "x"}},
            "OperationLocks.LockReason: seen dict {'Remark': 'x'}",
            id="object without the key, inside",
        ),
        pytest.param({"Total": 1, "Locks": []}, "OperationLocks: seen dict {'Locks': [], 'Total': 1}", id="a count"),
        pytest.param({"X": [1]}, "OperationLocks: seen int 1", id="a list of numbers, further in"),
        pytest.param(nested(7), "OperationLocks: seen list ['financial']", id="one level too deep"),
        pytest.param(
            nested_objects(7),
            f"{'.'.join(['OperationLocks', *['LockReason'] * 6])}: seen dict {{'LockReason': 'financial'}}",
            id="objects one level too deep",
        ),
        pytest.param(nested(900), "OperationLocks: seen list [[[[[[[...]]]]]]]", id="far too deep"),
    ],
)
def test_locks_that_make_no_sense_are_no_answer(locks: object, seen: str) -> None:
    """A service never looks healthy because its locks could not be read; the error says what was there."""
    with pytest.raises(MalformedReply) as caught:
        reasons_in(locks)

    assert caught.value.request_id == "request-1"
    assert caught.value.explanation == (
        f'{seen}; accepted: an object such as {{"LockReason": [{{"LockReason": "financial"}}]}}'
    )
