"""What a row says of one product of one account."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.core.store import ProbeRecord
from exporter.probes.balance import Balance
from exporter.probes.debt_status import DebtState
from exporter.probes.service_state import NOT_ACTIVATED
from exporter.probes.table import PROBES
from exporter.probes.view import View
from exporter.report.report import FAILING, Row, build_report
from tests.certificates import CERTIFICATES, Certificate
from tests.records import stale_after
from tests.report.records import ACTIVE, LOCKED, NOW, TIMEOUT, balance, changing, debts, record, report, service

MOMENT = datetime.fromtimestamp(NOW, UTC)
NOTHING_KNOWN: Mapping[str, Any] = {
    "condition": "waiting",
    "status": None,
    "lock_reasons": [],
    "debts": [],
    "certificates": None,
    "domains": None,
    "domains_not_online": [],
    "resource_packages": None,
    "charge_type": None,
    "change_pending": False,
    "next_charge_type": None,
    "changes_at": None,
    "changes_in_seconds": None,
    "components": [],
    "ends_at": None,
    "balance": None,
    "plans": None,
    "age_s": None,
    "poll_success": False,
    "failure": None,
}
OF_LOCK = {
    "condition": "locked",
    "status": "locked",
    "lock_reasons": ["financial", "security"],
    "charge_type": "PayByTraffic",
}
OF_CHANGE = {
    "condition": "active",
    "status": "active",
    "charge_type": "PayByTraffic",
    "change_pending": True,
    "next_charge_type": "PayByBandwidth",
}
OF_DORMANT = {"condition": "not_activated", "status": "not_activated"}


def told(row: Row) -> dict[str, Any]:
    """All that a row says of its product."""
    return {
        "condition": row.condition.word,
        **row.keys,
        "age_s": row.age_s,
        "poll_success": row.poll_success,
        "failure": row.failure,
    }


@pytest.mark.parametrize(
    ("of_probe", "known"),
    [
        pytest.param(ProbeRecord(), {}, id="never polled"),
        pytest.param(record(LOCKED, age_s=30), {**OF_LOCK, "age_s": 30, "poll_success": True}, id="locked"),
        pytest.param(
            record(changing(in_s=90), age_s=30),
            {
                **OF_CHANGE,
                "changes_at": MOMENT + timedelta(seconds=90),
                "changes_in_seconds": 90,
                "age_s": 30,
                "poll_success": True,
            },
            id="changing",
        ),
        pytest.param(
            record(changing(in_s=None), age_s=30),
            {**OF_CHANGE, "age_s": 30, "poll_success": True},
            id="changing some day",
        ),
        pytest.param(
            record(NOT_ACTIVATED, age_s=30), {**OF_DORMANT, "age_s": 30, "poll_success": True}, id="not activated"
        ),
        pytest.param(
            record(LOCKED, TIMEOUT, age_s=30),
            {**OF_LOCK, "age_s": 30, "failure": "timeout: no whole reply within 10 s"},
            id="failing",
        ),
        pytest.param(
            record(TIMEOUT),
            {"condition": "failing", "failure": "timeout: no whole reply within 10 s"},
            id="failing from the start",
        ),
        pytest.param(record(LOCKED, age_s=601), {"age_s": 601, "poll_success": True}, id="stale"),
        pytest.param(
            record(NOT_ACTIVATED, age_s=-5),
            {**OF_DORMANT, "age_s": 0, "poll_success": True},
            id="a clock that was set back",
        ),
    ],
)
def test_a_row_says_what_metrics_say(of_probe: ProbeRecord, known: dict[str, Any]) -> None:
    """An old answer is not shown as the present, and a failure stands beside what is still known."""
    (row,) = report({service("prod"): of_probe}, stale_after_s=600).rows

    assert told(row) == {**NOTHING_KNOWN, **known}


@pytest.mark.parametrize(
    ("account", "identity", "words"),
    [
        pytest.param("prod", ("", ""), ["prod"], id="nothing known"),
        pytest.param("prod", ("1883927335936173", ""), ["prod", "(1883927335936173)"], id="id"),
        pytest.param("200001", ("200001", "shop"), ["200001", "(shop)"], id="member, named by its id"),
        pytest.param("prod", ("200001", "shop"), ["prod", "(shop, 200001)"], id="both"),
        pytest.param("shop", ("", "shop"), ["shop"], id="same name"),
    ],
)
def test_an_account_is_named_in_full(account: str, identity: tuple[str, str], words: list[str]) -> None:
    """An account is found by its id and its name too; nothing is said twice."""
    (row,) = build_report(
        {service(account): ProbeRecord()}, now=NOW, stale_after_of=stale_after(600), identities={account: identity}
    ).rows

    assert (row.account_id, row.account_name) == identity
    assert [part.text for part in row.account_in_full] == words


def test_a_change_leaves_the_report_at_its_moment() -> None:
    """No poll is needed for that."""
    records = {service("prod"): record(changing(in_s=90), age_s=30)}
    (row,) = build_report(records, now=NOW + 90, stale_after_of=stale_after(600)).rows

    assert (row.keys["change_pending"], row.keys["next_charge_type"]) == (False, None)
    assert (row.keys["changes_in_seconds"], row.ahead_s, row.is_changing) == (None, None, False)


@pytest.mark.parametrize(
    ("debt", "words"),
    [
        pytest.param(DebtState(enabled=True, available=True, in_debt=False, in_debt_overdue=False), [], id="none"),
        pytest.param(DebtState(in_debt=True), ["in_debt"], id="in debt"),
        pytest.param(DebtState(in_debt=True, in_debt_overdue=True), ["overdue"], id="overdue"),
        pytest.param(
            DebtState(enabled=True, available=False, in_debt=True), ["unavailable", "in_debt"], id="unavailable"
        ),
        pytest.param(DebtState(available=False, in_debt_overdue=True), ["overdue", "unavailable"], id="both"),
        pytest.param(DebtState(enabled=False, available=False), [], id="never enabled"),
    ],
)
def test_debts_stand_beside_the_service(debt: DebtState, words: list[str]) -> None:
    """One row for both probes of a product, as old as the older of the two answers."""
    records = {service("prod"): record(LOCKED, age_s=10), debts("prod"): record(debt, age_s=40)}
    (row,) = report(records, stale_after_s=600).rows

    assert told(row) == {**NOTHING_KNOWN, **OF_LOCK, "debts": words, "age_s": 40, "poll_success": True}


@pytest.mark.parametrize(
    ("of_service", "of_debts", "known"),
    [
        pytest.param(
            record(NOT_ACTIVATED, age_s=30),
            record(TIMEOUT, age_s=30),
            {
                **OF_DORMANT,
                "condition": "failing",
                "age_s": 30,
                "failure": "debt_status: timeout: no whole reply within 10 s",
            },
            id="the debts",
        ),
        pytest.param(
            record(TIMEOUT, age_s=30),
            record(DebtState(in_debt=True), TIMEOUT, age_s=30),
            {
                "condition": "failing",
                "debts": ["in_debt"],
                "age_s": 30,
                "failure": "service: timeout: no whole reply within 10 s; "
                "debt_status: timeout: no whole reply within 10 s",
            },
            id="both",
        ),
        pytest.param(
            record(NOT_ACTIVATED, age_s=30),
            ProbeRecord(),
            {**OF_DORMANT, "condition": "waiting", "age_s": 30},
            id="not polled",
        ),
        pytest.param(
            record(NOT_ACTIVATED, age_s=30),
            record(DebtState(in_debt=True), age_s=601),
            {**OF_DORMANT, "condition": "waiting", "age_s": 601, "poll_success": True},
            id="stale debts",
        ),
    ],
)
def test_a_row_says_which_probe_failed(of_service: ProbeRecord, of_debts: ProbeRecord, known: dict[str, Any]) -> None:
    """What is known stands beside it, and a poll has succeeded only where all have."""
    (row,) = report({service("prod"): of_service, debts("prod"): of_debts}, stale_after_s=600).rows

    assert told(row) == {**NOTHING_KNOWN, **known}
    assert row.conditions.count(FAILING) == int(bool(row.failures))


@pytest.mark.parametrize(("amount", "condition"), [(-5.0, "spent"), (0.0, "spent"), (0.01, "in_credit")])
def test_a_balance_has_a_row_of_its_own(amount: float, condition: str) -> None:
    """It belongs to the account and to none of its products."""
    records = {
        service("prod"): record(NOT_ACTIVATED, age_s=30),
        balance("prod"): record(Balance(amount, "CNY"), age_s=30),
    }
    rows = {row.product: told(row) for row in report(records, stale_after_s=600).rows}

    polled = {**NOTHING_KNOWN, "age_s": 30, "poll_success": True}
    of_balance = {"condition": condition, "balance": {"amount": amount, "currency": "CNY"}}
    assert rows == {"dcdn_ipa": {**polled, **OF_DORMANT}, "bss": {**polled, **of_balance}}


def test_every_row_has_the_keys_of_all_kinds() -> None:
    """A program that reads the JSON finds the same keys in every object, at null where nothing is known."""
    records = {
        service("a"): record(ACTIVE),
        balance("a"): record(Balance(1.0, "CNY")),
        CERTIFICATES.key("a"): record((Certificate("a.example"),)),
        CERTIFICATES.key("b"): ProbeRecord(),
    }
    rows = build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=(*PROBES, CERTIFICATES)).rows

    assert {frozenset(row.keys) for row in rows} == {frozenset({*rows[0].keys, "status", "balance", "domain"})}
    assert {row.product: row.keys["domain"] for row in rows if row.account == "a"} == {
        "bss": None,
        "dcdn_ipa": None,
        "esa": "a.example",
    }


def test_the_notes_of_a_row_stand_the_worst_first() -> None:
    """Whichever kind of probe has them; equally bad ones in the order of the kinds."""
    records = {
        debts("a"): record(DebtState(available=False, in_debt=True)),
        replace(CERTIFICATES, product="dcdn_ipa").key("a"): record(
            (Certificate("a.example", revoked=True, weak_key=True),)
        ),
    }
    kinds = (*PROBES, replace(CERTIFICATES, product="dcdn_ipa"))
    (row,) = build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=kinds).rows

    assert [note.text for note in row.notes] == ["revoked", "unavailable", "in debt", "1,024 bits"]


def test_answers_of_each_kind_are_known_for_its_own_age() -> None:
    """A debt status may be too old while the service beside it is not."""
    records = {
        service("a"): record(ACTIVE, age_s=700),
        debts("a"): record(DebtState(in_debt=True), age_s=700),
    }
    (row,) = build_report(
        records, now=NOW, stale_after_of=lambda kind: 600 if kind.probe == "debt_status" else 900
    ).rows

    assert (row.keys["status"], row.keys["debts"]) == ("active", [])
    assert [note.text for note in row.notes] == ["debt_status unknown"]


@pytest.mark.parametrize(("first_s", "second_s", "ahead_s"), [(90, 9, 9), (9, 90, 9), (None, 90, 90)])
def test_the_soonest_of_what_lies_ahead(first_s: float | None, second_s: float | None, ahead_s: float) -> None:
    """Several kinds of probes of one product may know of something."""
    kinds = (CERTIFICATES, replace(CERTIFICATES, probe="second_certificate"))
    records = {
        kind.key("a"): record((Certificate("a.example", ends_at=math.inf if in_s is None else NOW + in_s),))
        for kind, in_s in zip(kinds, (first_s, second_s), strict=True)
    }
    (row,) = build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=kinds).rows

    assert row.ahead_s == ahead_s


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        pytest.param({"answered_at": math.inf}, "a moment must be finite", id="no moment"),
        pytest.param({"answered_at": math.nan}, "a moment must be finite", id="nan"),
        pytest.param({"age_s": -1.0}, "finite and not negative", id="an age below zero"),
        pytest.param({"age_s": math.nan}, "finite and not negative", id="no age"),
        pytest.param({"ahead_s": math.inf}, "finite and not negative", id="never"),
        pytest.param({"account": ""}, "must be named", id="no account"),
        pytest.param({"product": ""}, "must be named", id="no product"),
        pytest.param({"failures": {"service": TIMEOUT}}, "a row whose poll failed is failing", id="failed and fine"),
    ],
)
def test_a_row_that_contradicts_itself_cannot_exist(changes: dict[str, Any], match: str) -> None:
    """Its moments are moments, and a poll that failed is among its conditions."""
    (row,) = report({service("a"): record(ACTIVE)}).rows
    with pytest.raises(ValueError, match=match):
        replace(row, **changes)


@pytest.mark.parametrize("ahead_s", [-1.0, math.inf, math.nan])
def test_a_change_ahead_is_so_many_seconds_away(ahead_s: float) -> None:
    """A kind of probe cannot say that something changes in the past, or after an endless wait."""
    with pytest.raises(ValueError, match="seconds must be finite and not negative"):
        View(ahead_s=ahead_s)


def test_a_change_of_this_moment_is_no_seconds_away() -> None:
    """It is still ahead, by nothing."""
    assert View(ahead_s=0.0).ahead_s == 0.0
