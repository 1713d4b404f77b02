import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply
from exporter.core.model import Answer, FailureReason
from exporter.probes.service_state import CHARGE_TYPES, ChargeTypeChange, ServiceState, parse_service
from tests.json_values import JSON, TEXTS

PAYLOADS = Path(__file__).parent.parent / "payloads"
# What an active service answers; tests change one field of it.
PLAIN: Mapping[str, object] = {"InstanceId": "1883927335936173", "InternetChargeType": "PayByTraffic"}
PLAIN_STATE = ServiceState(instance_id="1883927335936173", charge_type="PayByTraffic")


def parse(**fields: object) -> Answer[ServiceState]:
    return parse_service({**PLAIN, **fields}, "request-1")


def parsed_state(**fields: object) -> ServiceState:
    return parse(**fields).state


def refusal(**fields: object) -> str:
    """Why the plain answer with these fields makes no sense."""
    with pytest.raises(MalformedReply) as caught:
        parse(**fields)
    return caught.value.explanation


def test_the_vendors_sample_is_understood() -> None:
    """Every field of the page's sample answer is in the state, and none of its values is unknown."""
    payload = json.loads((PAYLOADS / "describe_dcdn_ipa_service.json").read_text(encoding="utf-8"))

    assert parse_service(payload, "EF2A") == Answer(
        state=ServiceState(
            lock_reasons=("financial",),
            charge_type="PayByBandwidth",
            change=ChargeTypeChange(
                charge_type="PayByBandwidth", takes_effect=datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
            ),
            opening_time=datetime(2018, 3, 19, 11, 16, 11, tzinfo=UTC),
            instance_id="1883927335936173",
        ),
        request_id="EF2A",
    )


def test_an_answer_without_locks_is_active() -> None:
    """The field may be missing altogether."""
    assert parsed_state() == PLAIN_STATE


def test_locks_that_make_no_sense_are_no_answer() -> None:
    """A service never looks healthy because its locks could not be read."""
    assert refusal(OperationLocks=[1.5]).startswith("OperationLocks: seen float 1.5; accepted: an object")


AUXILIARY = ["InstanceId", "InternetChargeType", "ChangingChargeType", "OpeningTime", "ChangingAffectTime"]


def locked_beside(field: str, value: object) -> Answer[ServiceState]:
    """The answer of a service whose locks are fine, and one of whose other fields has this value."""
    locked = {"OpeningTime": "2018-03-19T11:16:11Z", "OperationLocks": {"LockReason": ["financial"]}}
    return parse_service({**PLAIN, **locked, field: value}, "request-1")


def locked_without(field: str) -> ServiceState:
    return locked_beside(field, None).state


@pytest.mark.parametrize("field", ["OpeningTime", "ChangingAffectTime"])
def test_what_is_no_date_is_absent_and_counted(field: str) -> None:
    """The rest of the answer is read; what was seen stands beside it, and a date that would be accepted."""
    answer = locked_beside(field, "-")

    assert answer.state == locked_without(field)
    assert answer.state.lock_reasons == ("financial",)
    assert answer.unknown_values == {
        field: (f"{field}: seen str '-'; accepted: a date such as 2018-03-31T16:00:00Z",)
    }


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("2018-03-19 11:16:11", id="a space for the T, no zone"),
        pytest.param("2018-03-19T19:16:11+0800", id="an offset without colon"),
        pytest.param("1521458171000", id="milliseconds"),
    ],
)
def test_dates_are_read_in_other_forms(written: str) -> None:
    """Both dates of an answer, in the forms that vendors write."""
    answer = parse(OpeningTime=written, ChangingAffectTime=written)

    moment = datetime(2018, 3, 19, 11, 16, 11, tzinfo=UTC)
    assert (answer.state.opening_time, answer.state.change) == (moment, ChargeTypeChange(None, moment))
    assert answer.unknown_values == {}


@pytest.mark.parametrize("field", AUXILIARY)
@pytest.mark.parametrize(
    ("value", "seen"),
    [
        pytest.param(True, "bool True", id="boolean"),
        pytest.param(1.5, "float 1.5", id="fraction"),
        pytest.param(["x"], "list ['x']", id="list"),
        pytest.param({"a": {}}, "dict {'a': {}}", id="object"),
        pytest.param({}, "dict {}", id="empty object"),
    ],
)
def test_what_is_no_text_is_absent_and_counted(field: str, value: object, seen: str) -> None:
    """A field of another type spoils itself and nothing else."""
    answer = locked_beside(field, value)

    assert answer.state == locked_without(field)
    assert answer.state.lock_reasons == ("financial",)
    assert answer.unknown_values == {field: (f"{field}: seen {seen}; accepted: a text",)}


def test_every_odd_field_is_counted() -> None:
    """They are absent together, and the lock is all that is left."""
    answer = parse(**{field: ["x"] for field in AUXILIARY}, OperationLocks=["financial"])

    assert answer.state == ServiceState(lock_reasons=("financial",))
    assert set(answer.unknown_values) == set(AUXILIARY)


def test_odd_fields_alone_are_no_answer() -> None:
    """Without a lock, something has to say that there is a service."""
    assert refusal(**{field: ["x"] for field in AUXILIARY}, OperationLocks=[]).startswith(
        "the answer: seen the fields "
    )


def test_a_lock_beside_what_is_none_is_counted() -> None:
    """One reason that can be read is a lock, whatever else the list holds."""
    answer = parse(OperationLocks=["financial", 1.5, True])

    assert answer.state.lock_reasons == ("financial",)
    (seen,) = answer.unknown_values["LockReason"]
    assert seen.startswith("OperationLocks: seen float 1.5; accepted: an object")


@pytest.mark.parametrize(
    ("value", "instance_id"),
    [
        pytest.param(1_883_927_335_936_173, "1883927335936173", id="number for a text"),
        pytest.param("  FP-mkqgwxxxx ", "FP-mkqgwxxxx", id="spaces around"),
        pytest.param('say "hi" \\o/', 'say "hi" \\o/', id="quotes and backslashes stay"),
        pytest.param("two\nlines\x00", "two lines", id="line ends and control characters"),
        pytest.param("half\ud800", "half", id="lone surrogate"),
        pytest.param("实例", "实例", id="other scripts"),
        pytest.param("x" * 65, "x" * 64, id="cut"),
        pytest.param("", None, id="empty"),
        pytest.param("\x00", None, id="nothing printable"),
        pytest.param(None, None, id="null"),
    ],
)
def test_texts_become_label_values(value: object, instance_id: str | None) -> None:
    """What comes out is 1 to 64 printable characters, or nothing."""
    assert parsed_state(InstanceId=value).instance_id == instance_id


def test_an_undocumented_charge_type_is_kept_and_counted() -> None:
    """The set of billing methods is open: a new one is shown in its own spelling and told."""
    answer = parse(InternetChargeType="PayByMoon", ChangingChargeType="PayBySun")

    assert answer.state.charge_type == "PayByMoon"
    assert answer.state.change == ChargeTypeChange(charge_type="PayBySun", takes_effect=None)
    assert answer.unknown_values == {
        "InternetChargeType": ("PayByMoon",),
        "ChangingChargeType": ("PayBySun",),
    }


def test_lock_reasons_are_kept_and_undocumented_ones_counted() -> None:
    """Beside those that are documented, in one answer."""
    answer = parse(OperationLocks=["security", "financial", {}])

    assert answer.state.lock_reasons == ("financial", "security", "unspecified")
    assert answer.unknown_values == {"LockReason": ("unspecified",)}


def test_undocumented_lock_reasons_are_bounded() -> None:
    """Sixteen are kept beside the documented one, and ``other`` says that there are more."""
    named = [f"reason-{number:02}" for number in range(40)]
    answer = parse_service({"OperationLocks": {"LockReason": [*named, "financial"]}}, None)

    assert answer.state.lock_reasons == ("financial", "other", *named[:16])


def test_a_value_is_documented_for_its_own_field_only() -> None:
    """A charge type is no lock reason and the other way round, however well known it is."""
    answer = parse(InternetChargeType="financial", OperationLocks=["paybytraffic"])

    assert answer.unknown_values == {
        "InternetChargeType": ("financial",),
        "LockReason": ("paybytraffic",),
    }


@pytest.mark.parametrize("charge_type", CHARGE_TYPES)
def test_charge_types_are_known_in_any_case(charge_type: str) -> None:
    """One method is one series, however it is spelt; the documented spelling is shown."""
    answer = parse(
        InternetChargeType=f" {charge_type.upper()} ",
        ChangingChargeType=charge_type.lower(),
        ChangingAffectTime="2018-03-31T16:00Z",
    )

    assert answer.state == ServiceState(
        instance_id="1883927335936173",
        charge_type=charge_type,
        change=ChargeTypeChange(charge_type, datetime(2018, 3, 31, 16, 0, tzinfo=UTC)),
    )
    assert answer.unknown_values == {}


def test_a_long_charge_type_is_cut() -> None:
    """A label value has 64 characters at most."""
    assert parse(InternetChargeType="P" * 65).unknown_values == {"InternetChargeType": ("P" * 64,)}


def test_a_past_change_is_kept_as_it_was_said() -> None:
    """The API repeats changes that are done; whether one lies ahead is decided when somebody looks."""
    state = parsed_state(ChangingChargeType="PayByBandwidth", ChangingAffectTime="2018-03-31T16:00:00Z")
    moment = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)

    assert state.pending_change(moment.timestamp() - 1) == ChargeTypeChange("PayByBandwidth", moment)
    assert state.pending_change(moment.timestamp() + 1) is None


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"ChangingChargeType": "", "ChangingAffectTime": ""}, None, id="both empty"),
        pytest.param(
            {"ChangingChargeType": "PayByBandwidth"}, ChargeTypeChange("PayByBandwidth", None), id="without a moment"
        ),
        pytest.param(
            {"ChangingAffectTime": "2018-03-31T16:00Z"},
            ChargeTypeChange(None, datetime(2018, 3, 31, 16, 0, tzinfo=UTC)),
            id="without a type",
        ),
        pytest.param({"ChangingChargeType": "PayByTraffic"}, None, id="the current type without a moment"),
        pytest.param(
            {"ChangingChargeType": " paybytraffic", "ChangingAffectTime": ""}, None, id="the same in another case"
        ),
        pytest.param(
            {"InternetChargeType": "PayByMoon", "ChangingChargeType": "PAYBYMOON"}, None, id="a new type twice"
        ),
        pytest.param(
            {"ChangingChargeType": "PayByTraffic", "ChangingAffectTime": "-"},
            None,
            id="the current type and a moment that is none",
        ),
        pytest.param(
            {"InternetChargeType": "", "ChangingChargeType": "PayByTraffic"},
            ChargeTypeChange("PayByTraffic", None),
            id="the current type not known",
        ),
        pytest.param(
            {"ChangingChargeType": "PayByTraffic", "ChangingAffectTime": "2018-03-31T16:00Z"},
            ChargeTypeChange("PayByTraffic", datetime(2018, 3, 31, 16, 0, tzinfo=UTC)),
            id="the current type and a moment",
        ),
    ],
)
def test_a_change_may_lack_a_part(fields: dict[str, object], change: ChargeTypeChange | None) -> None:
    """What the API gave of a change is kept; the current type again is none, unless there is a moment."""
    assert parsed_state(**fields).change == change


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"InstanceId": "1"}, id="instance"),
        pytest.param({"OpeningTime": "2018-03-19T11:16:11Z"}, id="opening time"),
        pytest.param({"InternetChargeType": "PayByTraffic"}, id="charge type"),
        pytest.param({"OperationLocks": ["financial"]}, id="lock"),
    ],
)
def test_one_field_of_a_service_is_enough(payload: dict[str, object]) -> None:
    """Fields may be missing, each of them."""
    parse_service(payload, None)


def test_an_error_carries_its_evidence() -> None:
    """The request id is what the vendor's support asks for first."""
    with pytest.raises(MalformedReply) as caught:
        parse(OperationLocks=[1.5])

    assert caught.value.reason is FailureReason.MALFORMED
    assert caught.value.http_status == 200
    assert caught.value.request_id == "request-1"


FIELDS = st.sampled_from(
    ["ChangingAffectTime", "ChangingChargeType", "InstanceId", "InternetChargeType", "OpeningTime", "OperationLocks"]
)


@given(payload=st.dictionaries(FIELDS | TEXTS, JSON, max_size=8))
def test_any_json_object_is_an_answer_or_malformed(payload: dict[str, object]) -> None:
    """Nothing that the network could bring is a defect, and what the log says of it can be written as UTF-8."""
    try:
        told = repr(parse_service(payload, None))
    except MalformedReply as error:
        told = error.explanation

    assert told.isprintable()
    told.encode()
