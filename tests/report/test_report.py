"""What is known of all accounts: the order of its rows, counts, and the exit code."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from exporter.core.model import Failure, FailureReason, ProbeKey
from exporter.core.store import ProbeRecord
from exporter.probes.balance import Balance
from exporter.probes.certificates import Certificates
from exporter.probes.debt_status import DebtState
from exporter.probes.domains import Domains
from exporter.probes.service_state import NOT_ACTIVATED
from exporter.report.json_document import to_json
from exporter.report.report import Report, build_report, exit_code, summary_line
from tests.certificates import CERTIFICATES, Certificate
from tests.records import stale_after
from tests.report.records import (
    ACTIVE,
    DENIED,
    IN_TWO_DAYS,
    LOCKED,
    NOW,
    TIMEOUT,
    YESTERDAY,
    balance,
    changing,
    debts,
    record,
    report,
    service,
)

CERTIFICATE_COUNT, DOMAIN_COUNT = ProbeKey("a", "cdn", "certificates"), ProbeKey("a", "cdn", "domains")
OFFLINE_AND_FAILED = (("check_failed", 1), ("offline", 1))


def test_the_worst_first() -> None:
    """Locked comes first and fine last; equals stand in the order of their names. Every product has a row."""
    failed = Failure(FailureReason.SERVER, "503")
    records = {
        service("b"): record(ACTIVE),
        service("a"): record(ACTIVE),
        service("a", "cdn"): record(ACTIVE),
        service("z1"): record(changing(in_s=None)),
        service("z2"): record(NOT_ACTIVATED),
        service("z3"): ProbeRecord(),
        service("z4"): record(ACTIVE, failed),
        service("z6"): record(LOCKED, failed),
        service("z5"): record(LOCKED),
        service("o1"): record(ACTIVE, failed),
        debts("o1"): record(DebtState(in_debt_overdue=True)),
        service("o2"): record(ACTIVE),
        debts("o2"): record(DebtState(available=False, in_debt=True)),
        service("o3"): record(ACTIVE),
        debts("o3"): record(DebtState(in_debt=True)),
        balance("o4"): record(Balance(-1.0, "CNY")),
        balance("o5"): record(Balance(1.0, "CNY")),
        balance("o6"): record(Balance(1.0, "CNY"), failed),
    }
    assert [(row.account, row.product, row.condition.word) for row in report(records).rows] == [
        ("z5", "dcdn_ipa", "locked"),
        ("z6", "dcdn_ipa", "locked"),
        ("o1", "dcdn_ipa", "overdue"),
        ("o2", "dcdn_ipa", "unavailable"),
        ("o6", "bss", "failing"),
        ("z4", "dcdn_ipa", "failing"),
        ("o3", "dcdn_ipa", "in_debt"),
        ("o4", "bss", "spent"),
        ("z3", "dcdn_ipa", "waiting"),
        ("z1", "dcdn_ipa", "active"),
        ("z2", "dcdn_ipa", "not_activated"),
        ("a", "cdn", "active"),
        ("a", "dcdn_ipa", "active"),
        ("b", "dcdn_ipa", "active"),
        ("o5", "bss", "in_credit"),
    ]


@pytest.mark.parametrize(
    ("records", "code"),
    [
        pytest.param({}, 0, id="nothing to poll"),
        pytest.param({service("a"): record(ACTIVE), debts("a"): record(DebtState(in_debt=True))}, 0, id="in debt"),
        pytest.param({service("a"): record(NOT_ACTIVATED)}, 0, id="not activated"),
        pytest.param({balance("a"): record(Balance(-1.0, "CNY"))}, 0, id="spent"),
        pytest.param({service("a", "dcdn_sec"): record(replace(ACTIVE, end_time=IN_TWO_DAYS))}, 0, id="ending"),
        pytest.param({CERTIFICATE_COUNT: record(Certificates(0, 2))}, 0, id="certificates that will expire"),
        pytest.param({DOMAIN_COUNT: record(Domains((("check_failed", 1),)))}, 0, id="domains that failed the check"),
        pytest.param({debts("a"): record(DebtState(available=False))}, 3, id="unavailable"),
        pytest.param({service("a", "dcdn_sec"): record(replace(ACTIVE, end_time=YESTERDAY))}, 3, id="ended"),
        pytest.param({CERTIFICATE_COUNT: record(Certificates(1, 0))}, 3, id="certificates expired"),
        pytest.param({DOMAIN_COUNT: record(Domains((("offline", 1), ("online", 9))))}, 3, id="domains offline"),
        pytest.param({service("a"): record(LOCKED)}, 3, id="locked"),
        pytest.param({debts("a"): record(DebtState(in_debt_overdue=True))}, 3, id="overdue"),
        pytest.param({service("a"): record(TIMEOUT), service("b"): record(LOCKED)}, 3, id="locked and failed"),
        pytest.param({service("a"): record(LOCKED, TIMEOUT)}, 3, id="known to be locked, then failed"),
        pytest.param({service("a"): record(ACTIVE), debts("a"): record(DENIED)}, 4, id="failed"),
    ],
)
def test_the_exit_code(records: Mapping[ProbeKey, ProbeRecord], code: int) -> None:
    """That delivery has stopped says more than a failure; what may stop it is neither."""
    assert exit_code(report(records)) == code


def test_a_directory_without_a_list_is_told() -> None:
    """Accounts may be missing from all the rest, so it is not well; a lock is worse."""
    well, locked = (
        build_report({service("a"): record(state)}, now=NOW, stale_after_of=stale_after(600), unlisted=("main",))
        for state in (ACTIVE, LOCKED)
    )

    assert (exit_code(well), exit_code(locked)) == (4, 3)
    assert summary_line(well) == "1 account, 1 probe: 1 directory unlisted"
    assert json.loads(to_json(well))["unlisted_directories"] == ["main"]


@pytest.mark.parametrize(
    ("records", "line"),
    [
        pytest.param({}, "0 accounts, 0 probes: all is well", id="nothing"),
        pytest.param({service("a"): record(ACTIVE)}, "1 account, 1 probe: all is well", id="one"),
        pytest.param(
            {
                service("a"): record(LOCKED),
                service("a", "cdn"): record(LOCKED),
                service("b"): record(TIMEOUT),
                debts("b"): record(DENIED),
            },
            "2 accounts, 4 probes: 2 locked, 2 failed",
            id="several",
        ),
        pytest.param(
            {CERTIFICATE_COUNT: record(Certificates(1, 1)), DOMAIN_COUNT: record(Domains(OFFLINE_AND_FAILED))},
            "1 account, 2 probes: 1 domain with an expired certificate, 1 domain offline, 1 domain with an expiring "
            "certificate, 1 domain failed",
            id="one domain each",
        ),
        pytest.param(
            {
                CERTIFICATE_COUNT: record(Certificates(6, 2)),
                DOMAIN_COUNT: record(Domains((("check_failed", 1), ("configure_failed", 2), ("offline", 3)))),
                ProbeKey("b", "cdn", "certificates"): record(Certificates(1, 0)),
                service("b", "cdn"): record(changing(in_s=60)),
                service("a", "cdn"): record(changing(in_s=60)),
            },
            "2 accounts, 5 probes: 7 domains with an expired certificate, 3 domains offline, 2 domains with an "
            "expiring certificate, 3 domains failed, 2 with a change pending",
            id="many domains of two rows",
        ),
    ],
)
def test_the_summary(records: Mapping[ProbeKey, ProbeRecord], line: str) -> None:
    """Products, probes that failed, and domains are counted; what there is none of is not named."""
    assert summary_line(report(records)) == line


def test_what_is_too_old_is_not_reported() -> None:
    """An old lock is not shown as the present, as on the page and on /metrics."""
    records = {service("a"): record(LOCKED, age_s=601)}

    assert exit_code(report(records, stale_after_s=600)) == 0
    assert json.loads(to_json(report(records, stale_after_s=600)))["services"][0]["status"] is None
    assert exit_code(report(records)) == 3


def test_a_kind_of_probe_that_is_none_of_ours() -> None:
    """What it says of its states is ranked, counted, an alarm and the exit code; nothing is said of other kinds."""
    records = {
        CERTIFICATES.key("valid"): record((Certificate("a.example"),)),
        CERTIFICATES.key("ending"): record((Certificate("b.example", ends_at=NOW + 90, weak_key=True),)),
        CERTIFICATES.key("ending-soon"): record((Certificate("c.example", ends_at=NOW + 9),)),
        CERTIFICATES.key("new"): ProbeRecord(),
        CERTIFICATES.key("unreachable"): record((Certificate("d.example"),), TIMEOUT),
        CERTIFICATES.key("revoked"): record((Certificate("e.example", revoked=True, weak_key=True),)),
    }
    seen = build_report(records, now=NOW, stale_after_of=stale_after(600), kinds=(CERTIFICATES,))

    assert [(row.account, row.condition.word) for row in seen.rows] == [
        ("revoked", "revoked"),
        ("unreachable", "failing"),
        ("ending", "weak_key"),
        ("new", "waiting"),
        ("ending-soon", "ending"),
        ("valid", "valid"),
    ]
    assert [row.account for row in seen.rows if row.is_changing] == ["ending", "ending-soon"]
    assert seen.alarms() == {"broken": 1, "failing": 1}
    assert exit_code(seen) == 3
    assert exit_code(replace(seen, rows=seen.rows[1:])) == 4
    assert exit_code(replace(seen, rows=seen.rows[2:])) == 0
    assert summary_line(seen) == "6 accounts, 6 probes: 1 revoked, 1 failed, 2 weak key, 2 ending, 1 waiting"
    assert seen.rows[0].keys == {"domain": "e.example", "ends_at": None}


def test_a_report_counts_a_probe_for_each_row_at_least() -> None:
    """One that counts fewer is refused."""
    (row,) = report({service("a"): record(ACTIVE)}).rows
    with pytest.raises(ValueError, match="a probe at least"):
        Report(at=NOW, rows=(row,), probes=0, conditions=())
