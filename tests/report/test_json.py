"""The report as a JSON document, against what is documented of it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exporter.core.model import Failure, FailureReason, ProbeKey
from exporter.probes.domains import Domains
from exporter.probes.resource_package_state import Package
from exporter.probes.service_state import ChargeTypeChange, ServiceState
from exporter.report.json_document import to_json
from exporter.report.report import build_report
from tests.certificates import CERTIFICATES, Certificate
from tests.records import stale_after
from tests.report.records import ACTIVE, EVERYTHING, NOW, debts, record, report, service

DOCS = Path(__file__).parents[2] / "docs"


def test_the_json(golden: Callable[[str, bytes], bytes]) -> None:
    """Every key is there for every service, failures with code and request id."""
    text = to_json(report(EVERYTHING)) + "\n"

    assert text.encode() == golden("status.json", text.encode())


def test_the_json_is_what_its_schema_says() -> None:
    """The schema that is shipped knows every key, and is no wider than what is written."""
    schema = json.loads((DOCS / "status.schema.json").read_text(encoding="utf-8"))
    document = json.loads(to_json(report(EVERYTHING)))

    jsonschema.Draft202012Validator(schema).validate(document)
    jsonschema.Draft202012Validator(schema).validate(json.loads(to_json(report({}))))
    assert set(schema["properties"]) == set(document)
    assert set(schema["properties"]["summary"]["required"]) == set(document["summary"])
    rows = (
        ("service", services(document)[0]),
        ("failure", failures(document)[0]),
        ("component", components(document)[0]),
    )
    for name, written in rows:
        assert set(schema["$defs"][name]["properties"]) == set(schema["$defs"][name]["required"]) == set(written)


def test_the_json_of_domains_is_what_its_schema_says() -> None:
    """All statuses are counted, those that are not online are named, and a note says the worst first."""
    domains = Domains((("checking", 1), ("offline", 1), ("online", 3)), (("a.example", "offline"), ("b", "checking")))
    records = {service("a", "cdn"): record(ACTIVE), ProbeKey("a", "cdn", "domains"): record(domains)}
    document = json.loads(to_json(report(records)))

    schema = json.loads((DOCS / "status.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    (written,) = document["services"]
    assert (written["condition"], written["notes"]) == (
        "domains_offline",
        ["domains offline: 1 (a.example)", "other domains that are not online: 1 (b)"],
    )
    assert {status: count for status, count in written["domains"].items() if count} == {
        "online": 3,
        "offline": 1,
        "checking": 1,
    }
    assert written["domains_not_online"] == [
        {"domain": "a.example", "status": "offline"},
        {"domain": "b", "status": "checking"},
    ]
    assert (document["summary"]["domains_offline"], document["summary"]["domains_failed"]) == (1, 0)


def test_the_json_of_resource_packages_is_what_its_schema_says() -> None:
    """What is left, when it ends, and notes where little is left or the end is near."""
    ends_at = datetime.fromtimestamp(NOW, UTC) + timedelta(days=2)
    low = Package("t", status="valid", unit="bytes", capacity=100.0, remaining=4.0, ends_at=ends_at)
    records = {service("a", "cdn"): record(ACTIVE), ProbeKey("a", "cdn", "resource_packages"): record((low,))}
    document = json.loads(to_json(report(records)))

    schema = json.loads((DOCS / "status.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    (written,) = document["services"]
    assert (written["condition"], written["notes"]) == (
        "active",
        [
            "resource packages under 10 %: t (bytes, 4.0 %)",
            "resource packages that end within 7 days, the first in 2 d: t (bytes)",
        ],
    )
    assert written["resource_packages"] == {
        "valid": 1,
        "exhaust": 0,
        "unreadable": 0,
        "templates": [
            {
                "template": "t",
                "display_name": "",
                "commodity_code": "",
                "billing_region": "",
                "unit": "bytes",
                "packages": 1,
                "capacity": 100.0,
                "remaining": 4.0,
                "unreadable": [],
                "ends_at": "2026-04-02T16:00:00.000Z",
            }
        ],
    }
    assert [document["summary"][f"resource_package_{word}"] for word in ("low", "unclear", "ending")] == [1, 0, 1]


def test_numbers_of_packages_that_cannot_be_read_are_told_to_programs() -> None:
    """As a count, with the fields of each template; what is not known is null."""
    unreadable = Package("t", status="valid", unit=None, capacity=100.0, remaining=None)
    records = {service("a", "cdn"): record(ACTIVE), ProbeKey("a", "cdn", "resource_packages"): record((unreadable,))}
    document = json.loads(to_json(report(records)))

    schema = json.loads((DOCS / "status.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    (written,) = document["services"]
    fields = ["CurrCapacity", "CapacityBaseUnit", "EndTime"]
    assert written["notes"] == [f"resource packages whose numbers cannot be read: 1 (t ({', '.join(fields)}))"]
    assert written["resource_packages"]["unreadable"] == 1
    (template,) = written["resource_packages"]["templates"]
    assert (template["unit"], template["remaining"], template["unreadable"]) == ("unknown", None, fields)
    assert document["summary"]["resource_package_unclear"] == 1


def services(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(document["services"])


def failures(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [failure for row in services(document) for failure in row["failures"]]


def components(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [component for row in services(document) for component in row["components"]]


def test_every_key_of_the_json_is_documented() -> None:
    """docs/commands.md names them all."""
    document = json.loads(to_json(report(EVERYTHING)))
    named = set(re.findall(r"`(\w+)`", (DOCS / "commands.md").read_text(encoding="utf-8")))

    keys = {*document, *document["summary"], *services(document)[0], *failures(document)[0], *components(document)[0]}
    assert keys - named == set()


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "\"'\\",
        'a", "status": "active',
        "line\r\nend\0",
        "\u202eacme\u2066\u2028",
        "\ud800",
    ],
)
def test_a_hostile_text_is_text_in_the_json(hostile: str) -> None:
    """Names, lock reasons and messages come back as they were, out of a document that is ASCII."""
    reason = hostile if hostile.isprintable() else "financial"  # no state has any other
    locked = ServiceState(charge_type=reason, lock_reasons=(reason,))
    document = to_json(
        report({service(hostile): record(locked), debts(hostile): record(Failure(FailureReason.REJECTED, hostile))})
    )

    assert document.replace("\n", "").isascii()
    assert document.replace("\n", "").isprintable()
    (row,) = json.loads(document)["services"]
    assert (row["account"], row["lock_reasons"], row["charge_type"]) == (hostile, [reason], reason)
    assert [failure["explanation"] for failure in row["failures"]] == [hostile]


def test_a_change_of_which_only_the_moment_is_known_is_pending() -> None:
    """It is counted, and its moment is in the JSON."""
    moment = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=90)
    known = ServiceState(charge_type="PayByTraffic", change=ChargeTypeChange(None, moment))
    document = json.loads(to_json(report({service("a"): record(known)})))

    assert document["summary"]["change_pending"] == 1
    (written,) = document["services"]
    assert (written["changes_at"], written["changes_in_seconds"]) == ("2026-03-31T16:01:30.000Z", 90.0)


def test_the_keys_of_a_kind_of_probe_that_is_none_of_ours() -> None:
    """They stand behind the condition, the worst first; a moment is written as all moments are."""
    records = {
        CERTIFICATES.key("a"): record((Certificate("a.example", ends_at=NOW + 0.25),)),
        CERTIFICATES.key("b"): record((Certificate("b.example", revoked=True),)),
    }
    document = json.loads(
        to_json(build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=(CERTIFICATES,)))
    )

    answered = {
        "poll_success": True,
        "answered_at": "2026-03-31T15:59:57.750Z",
        "answer_age_seconds": 2.25,
        "failures": [],
    }
    assert document["services"] == [
        {
            "account": "b",
            "account_id": None,
            "account_name": None,
            "product": "esa",
            "condition": "revoked",
            "notes": ["revoked"],
            "domain": "b.example",
            "ends_at": None,
            **answered,
        },
        {
            "account": "a",
            "account_id": None,
            "account_name": None,
            "product": "esa",
            "condition": "ending",
            "notes": ["ending"],
            "domain": "a.example",
            "ends_at": "2026-03-31T16:00:00.250Z",
            **answered,
        },
    ]
    assert list(document["summary"]) == [
        "accounts",
        "probes",
        "revoked",
        "failed",
        "directories_unlisted",
        "weak_key",
        "ending",
        "waiting",
    ]


def test_a_moment_without_a_time_zone_is_no_json() -> None:
    """Written in the zone of this machine, it would be a lie that ends with Z."""
    (row,) = report({service("a"): record(ServiceState(charge_type="PayByTraffic"))}).rows
    naive = replace(row, keys={"changes_at": datetime(2026, 3, 31, 16, 0, 0)})  # noqa: DTZ001 — that is the point

    with pytest.raises(ValueError, match="a moment needs its time zone"):
        to_json(replace(report({service("a"): record()}), rows=(naive,)))
