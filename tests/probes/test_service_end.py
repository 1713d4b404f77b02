"""A service that ends: secure DCDN."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from exporter.api.errors import MalformedReply, Refused
from exporter.core.model import Answer
from exporter.probes.service import news, view
from exporter.probes.service_families import families_of, visible
from exporter.probes.service_state import (
    LOCKED_FOR_SECURITY,
    NOT_ACTIVATED,
    PLAIN,
    AnswerForm,
    ChargeTypeChange,
    ServiceState,
    parse_service,
)
from exporter.probes.table import PROBES
from exporter.probes.view import Note, Severity

SAMPLE = Path(__file__).parent.parent / "payloads" / "describe_dcdnsec_service.json"
(KIND,) = (kind for kind in PROBES if kind.product == "dcdn_sec")
SECURE = AnswerForm(opening_time="StartTime", end_time="EndTime")
END = datetime(2026, 12, 31, 16, tzinfo=UTC)
AT_END = END.timestamp()
WEEK_S = 7 * 86_400
ENDS = ServiceState(charge_type="PayByTraffic", end_time=END)
ACTIVE: Mapping[str, object] = {"InstanceId": "1", "InternetChargeType": "PayByTraffic"}
FIELDS: Mapping[str, object] = {**ACTIVE, "EndTime": "2026-12-31T16:00:00Z"}


def test_the_vendors_sample_is_understood() -> None:
    """Its StartTime is the time of activation, and its lock counts with the space that it is written with."""
    answer = parse_service(json.loads(SAMPLE.read_text(encoding="utf-8")), "E20B", SECURE)

    assert answer == Answer(
        ServiceState(
            lock_reasons=("financial",),
            charge_type="PayByTraffic",
            change=ChargeTypeChange("PayByBandwidth", datetime(2021, 9, 30, 16, tzinfo=UTC)),
            opening_time=datetime(2021, 8, 26, 2, 52, 8, tzinfo=UTC),
            instance_id="dcdn_dcdnsec_public_cn-123***",
            end_time=datetime(2021, 9, 26, 16, tzinfo=UTC),
        ),
        request_id="E20B",
    )


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_the_zero_of_a_clock_is_no_end(zero: str) -> None:
    """Also where nothing says since when the service is active: it has not ended, and the value is counted."""
    answer = parse_service({**ACTIVE, "EndTime": zero}, None, SECURE)

    assert answer.state.end_time is None
    assert answer.unknown_values.keys() == {"EndTime"}


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        pytest.param("soon", "str 'soon'; accepted: a date such as 2018-03-31T16:00:00Z", id="word"),
        pytest.param({}, "dict {}; accepted: a text", id="an object"),
        pytest.param(
            "2021-08-26T02:52:08Z",
            "str '2021-08-26T02:52:08Z'; accepted: a date after StartTime",
            id="not after the start",
        ),
    ],
)
def test_an_end_that_makes_no_sense_is_absent_and_counted(value: object, seen: str) -> None:
    """The rest of the answer is read."""
    answer = parse_service({**FIELDS, "StartTime": "2021-08-26T02:52:08Z", "EndTime": value}, "request-1", SECURE)

    opened = datetime(2021, 8, 26, 2, 52, 8, tzinfo=UTC)
    assert answer.state == ServiceState(instance_id="1", charge_type="PayByTraffic", opening_time=opened)
    assert answer.unknown_values == {"EndTime": (f"EndTime: seen {seen}",)}
    assert "EndTime" in SECURE.fields


def test_other_services_do_not_end() -> None:
    """The field is read where the form names it, and nowhere else."""
    assert parse_service(FIELDS, None, PLAIN).state.end_time is None
    assert parse_service(FIELDS, None, SECURE).state.end_time == END


def test_an_end_alone_is_no_service() -> None:
    """Nor is an answer without its times; the error names the fields of this form."""
    with pytest.raises(MalformedReply, match="InstanceId, StartTime, InternetChargeType or a lock"):
        parse_service({"EndTime": "2026-12-31T16:00:00Z"}, None, SECURE)
    with pytest.raises(MalformedReply, match="StartTime"):
        parse_service({"InstanceId": "", "OpeningTime": ""}, None, SECURE)


def test_an_answer_of_empty_fields_is_not_activated() -> None:
    """As it is of other services, whose time of activation has another name."""
    fields = {"InstanceId": "", "StartTime": "", "EndTime": "", "InternetChargeType": "", "DomainNum": "0"}

    assert parse_service(fields, None, SECURE).state == NOT_ACTIVATED


@pytest.mark.parametrize(
    "moment", [pytest.param(END, id="ahead"), pytest.param(datetime(2021, 9, 26, tzinfo=UTC), id="past")]
)
def test_the_end_is_a_series(moment: datetime) -> None:
    """Also once it is past: a rule compares it with its own clock."""
    *_, family = families_of(SECURE)
    shown = visible(ServiceState(end_time=moment), None, AT_END - 1)

    assert family.name == "dcdn_service_end_timestamp_seconds"
    assert list(family.samples(shown.value)) == [((), moment.timestamp())]
    assert list(family.samples(visible(NOT_ACTIVATED, None, AT_END).value)) == []


def test_what_cannot_end_is_refused() -> None:
    """A moment has its time zone, and what is not activated no end."""
    with pytest.raises(ValueError, match="time zone"):
        ServiceState(end_time=END.replace(tzinfo=None))
    with pytest.raises(ValueError, match="not activated"):
        ServiceState(activated=False, end_time=END)


@pytest.mark.parametrize(
    ("left_s", "word", "note"),
    [
        pytest.param(WEEK_S + 1, None, "ends at 2026-12-31 16:00 UTC", id="in more than a week"),
        pytest.param(WEEK_S, "ending", "ends at 2026-12-31 16:00 UTC", id="in a week"),
        pytest.param(1, "ending", "ends at 2026-12-31 16:00 UTC", id="about to end"),
        pytest.param(0, "ended", "ended at 2026-12-31 16:00 UTC", id="at this moment"),
        pytest.param(-86_400, "ended", "ended at 2026-12-31 16:00 UTC", id="past"),
    ],
)
def test_people_are_told_when_it_ends(left_s: float, word: str | None, note: str) -> None:
    """Always: as a warning from a week before on, and as worse once it has ended; each counts as a condition."""
    seen = view(ENDS, AT_END - left_s)

    assert [condition.word for condition in seen.conditions] == ["active", *([word] if word else [])]
    assert [each.text for each in seen.notes] == [note]
    severity = {None: Severity.GOOD, "ending": Severity.WARNING, "ended": Severity.SERIOUS}[word]
    runbook = "DcdnServiceEnding" if word else ""
    assert [(each.severity, each.runbook) for each in seen.notes] == [(severity, runbook)]
    assert [condition.severity for condition in seen.conditions[1:]] == [severity] * bool(word)
    assert seen.billing_json["ends_at"] == END


def test_what_is_told_can_be_translated() -> None:
    """One sentence for every moment, which is in UTC whatever zone it came in."""
    (note,) = view(ServiceState(end_time=END.astimezone(timezone(timedelta(hours=8)))), AT_END - 1).notes

    moment = {"moment": "2026-12-31 16:00 UTC"}
    assert note == Note(Severity.WARNING, "ends at {moment}", moment, "DcdnServiceEnding")


def test_a_service_without_an_end_has_no_note() -> None:
    """Nothing is said of what the API does not name."""
    seen = view(ServiceState(), AT_END)

    assert (seen.notes, seen.billing_json["ends_at"]) == ((), None)


def test_the_log_tells_of_the_end() -> None:
    """Of a service that has one; a new one is no warning."""
    told = news(SECURE)

    assert list(told.fields(ENDS).items())[-1] == ("end_time", "2026-12-31T16:00:00Z")
    assert list(told.fields(NOT_ACTIVATED).items())[-1] == ("end_time", "")
    assert "end_time" not in news(PLAIN).fields(ENDS)
    assert not told.is_worse(ENDS, "end_time", "2026-12-31T16:00:00Z")


@pytest.mark.parametrize(
    ("code", "message", "state"),
    [
        pytest.param("DcdnServiceNotFound", None, NOT_ACTIVATED, id="the code of DCDN"),
        pytest.param("DCDNSECSERVICENOTFOUND", None, NOT_ACTIVATED, id="one like those of its siblings, in any case"),
        pytest.param("OperationDenied", "It is locked for security reasons.", LOCKED_FOR_SECURITY, id="locked"),
        pytest.param("DcdnIpaServiceNotFound", None, None, id="the code of IPA, which is no concern of it"),
    ],
)
def test_a_refusal_may_be_a_state(code: str, message: str | None, state: ServiceState | None) -> None:
    """Two codes are taken for "not activated", since no page names one."""
    refusal = Refused("no", code=code, http_status=403, request_id="request-1", message=message)

    assert KIND.state_in_refusal(refusal) == (None if state is None else Answer(state, request_id="request-1"))


def test_its_answers_have_the_form_of_the_sample() -> None:
    """The row of the product reads what these tests read."""
    payload = json.loads(SAMPLE.read_text(encoding="utf-8"))

    assert KIND.parse(payload, "E20B") == parse_service(payload, "E20B", SECURE)
    assert (KIND.families, KIND.unknown_fields) == (families_of(SECURE), SECURE.fields)
