import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import MalformedReply, RefusalPattern, Refused
from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.certificates import (
    EXPIRED,
    EXPIRING,
    FAMILIES,
    NEWS,
    NO_HTTPS,
    Certificates,
    certificates,
    parse_certificates,
    view,
)
from exporter.probes.kind import Interval, Scope
from exporter.probes.view import Note, Severity, View
from tests.json_values import JSON, TEXTS

OPERATION = Operation(action="CountMoons", version="2026-01-01", endpoint="dcdn", calls_per_second=1)
KIND = certificates("moon", OPERATION, RefusalPattern("moonnotfound"))
SAMPLE = Path(__file__).parents[1] / "payloads" / "describe_user_certificate_expire_count.json"


def test_the_vendors_sample_is_understood() -> None:
    """Six domains have a certificate that has expired, and no other one will soon."""
    payload = json.loads(SAMPLE.read_text(encoding="utf-8"))

    assert parse_certificates(payload, "request-1") == Answer(Certificates(6, 0), request_id="request-1")


MANY = 999_999_999


@pytest.mark.parametrize(
    ("written", "count"), [(7, 7), ("7", 7), (" 7 ", 7), (7.0, 7), (0, 0), (MANY, MANY)], ids=repr
)
def test_numbers_in_several_forms(written: object, count: int) -> None:
    """Those that the vendor's other answers have are accepted."""
    assert parse_certificates({EXPIRED: written, EXPIRING: written}, None).state == Certificates(count, count)


@pytest.mark.parametrize("odd", [-1, 1.5, "many", True, [6], {"Count": 6}, "1e3", 10**9, "٣"])
def test_a_number_of_expired_ones_that_makes_no_sense_is_malformed(odd: object) -> None:
    """It decides: nothing may look as if no certificate had expired."""
    with pytest.raises(MalformedReply) as caught:
        parse_certificates({EXPIRED: odd, EXPIRING: 0}, "request-1")

    assert caught.value.request_id == "request-1"
    assert caught.value.explanation.startswith(f"{EXPIRED}: seen ")


@pytest.mark.parametrize("nothing", [{}, {EXPIRED: None}, {EXPIRED: ""}, {EXPIRING: 3}])
def test_an_answer_without_the_number_of_expired_ones_is_malformed(nothing: dict[str, object]) -> None:
    """It says what it would need."""
    with pytest.raises(MalformedReply, match=EXPIRED):
        parse_certificates(nothing, None)


def test_the_other_number_spoils_only_itself() -> None:
    """It is absent and counted, where it is missing as where it makes no sense."""
    missing = {EXPIRING: ("missing",)}
    assert parse_certificates({EXPIRED: 1}, None) == Answer(Certificates(1, None), unknown_values=missing)
    odd = parse_certificates({EXPIRED: 1, EXPIRING: "soon"}, None)
    assert odd.state == Certificates(1, None)
    assert list(odd.unknown_values) == [EXPIRING] == list(KIND.unknown_fields)


@given(st.dictionaries(st.sampled_from([EXPIRED, EXPIRING, "RequestId"]) | TEXTS, JSON))
def test_any_answer_is_a_state_or_malformed(payload: dict[str, object]) -> None:
    """No other error, whatever stands in it."""
    try:
        answer = parse_certificates(payload, None)
    except MalformedReply:
        return
    assert answer.state.expired >= 0


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1)])
def test_there_are_no_less_than_none(counts: tuple[int, int]) -> None:
    """Such a state does not come into being."""
    with pytest.raises(ValueError, match="0 or more"):
        Certificates(*counts)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        pytest.param("NoHttpsDomain", NO_HTTPS, id="no domain with HTTPS"),
        pytest.param("MoonNotFound", NO_HTTPS, id="not activated"),
        pytest.param("SunNotFound", None, id="another product"),
    ],
)
def test_refusals_that_are_states(code: str, state: Certificates | None) -> None:
    """Nothing can expire there: both numbers are 0."""
    answer = KIND.state_in_refusal(Refused("no", code=code, http_status=400, request_id="request-1", message=None))

    assert answer == (Answer(state, request_id="request-1") if state is not None else None)


@pytest.mark.parametrize(
    ("state", "samples"),
    [
        pytest.param(Certificates(6, 2), {"expired": [((), 6.0)], "expiring": [((), 2.0)]}, id="both"),
        pytest.param(NO_HTTPS, {"expired": [((), 0.0)], "expiring": [((), 0.0)]}, id="none"),
        pytest.param(Certificates(6, None), {"expired": [((), 6.0)], "expiring": []}, id="one left out"),
    ],
)
def test_each_number_is_a_series(state: Certificates, samples: dict[str, list[object]]) -> None:
    """One that the API left out is none."""
    assert {family.name: list(family.samples(state)) for family in FAMILIES} == {
        f"dcdn_certificate_{word}_domains": found for word, found in samples.items()
    }
    assert {(family.scope, family.labels) for family in FAMILIES} == {(Scope.PRODUCT, ())}


EXPIRED_NOTE = Note(
    Severity.SERIOUS, "domains whose certificate has expired: {count}", {"count": 6}, "DcdnCertificateExpired"
)
EXPIRING_NOTE = Note(
    Severity.WARNING,
    "domains whose certificate expires within 30 days: {count}",
    {"count": 2},
    "DcdnCertificatesExpiring",
)


@pytest.mark.parametrize(
    ("state", "notes"),
    [
        pytest.param(NO_HTTPS, (), id="none"),
        pytest.param(Certificates(6, 0), (EXPIRED_NOTE,), id="expired"),
        pytest.param(Certificates(0, 2), (EXPIRING_NOTE,), id="will expire"),
        pytest.param(Certificates(6, 2), (EXPIRED_NOTE, EXPIRING_NOTE), id="both"),
        pytest.param(Certificates(6, None), (EXPIRED_NOTE,), id="one left out"),
    ],
)
def test_what_has_expired_is_a_note(state: Certificates, notes: tuple[Note, ...]) -> None:
    """The worst first; each is a condition that counts domains."""
    seen = view(state, 1000.0)

    assert seen == View(
        conditions=seen.conditions,
        numbers=dict(zip(seen.conditions, (int(note.values["count"]) for note in notes), strict=True)),
        notes=notes,
        status_json={"certificates": {"expired_domains": state.expired, "expiring_domains": state.expiring}},
    )
    assert [condition.severity for condition in seen.conditions] == [note.severity for note in notes]


def test_nothing_is_known_before_the_first_answer() -> None:
    """The key of the JSON is there."""
    assert view(None, 1000.0) == View(status_json={"certificates": None})


@pytest.mark.parametrize(
    ("state", "bad", "worse"),
    [
        pytest.param(NO_HTTPS, False, [], id="none"),
        pytest.param(Certificates(6, 2), True, ["expired_domains"], id="both"),
        pytest.param(Certificates(0, 2), False, [], id="will expire"),
        pytest.param(Certificates(0, None), False, [], id="one left out"),
    ],
)
def test_expired_ones_are_bad_news(state: Certificates, bad: bool, worse: list[str]) -> None:  # noqa: FBT001 — a column of the table
    """What has expired is a warning in the log, and what will expire is logged at info."""
    fields = NEWS.fields(state)

    assert NEWS.is_bad(state) is bad
    assert [field for field, value in fields.items() if NEWS.is_worse(state, field, value)] == worse
    assert fields["expiring_domains"] == ("" if state.expiring is None else str(state.expiring))


def test_the_row_of_a_product() -> None:
    """It is an inventory, off unless its switch is on."""
    assert KIND.key("prod").probe == "certificates" == KIND.switch
    assert (KIND.interval, KIND.of_account, KIND.takes_many_calls) == (Interval.INVENTORY, False, False)
