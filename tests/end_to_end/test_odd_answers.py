"""Answers that the vendor may give and its pages do not show, from a server's bytes to /metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from exporter.simulator import ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.exporter_process import Exporter
    from tests.end_to_end.page import Page

    Answered = Callable[..., Exporter]

HEALTHY: Mapping[str, object] = {
    "RequestId": "R",
    "InstanceId": "1",
    "OpeningTime": "2018-03-19T11:16:11Z",
    "InternetChargeType": "PayByTraffic",
    "OperationLocks": {"LockReason": []},
}


@pytest.fixture
def answered(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> Answered:
    """Polls each account of a mapping once, which is answered with these bytes."""

    def play(bodies: Mapping[str, bytes], *, product: str, action: str) -> Exporter:
        accounts = [make_account(name) for name in bodies]
        simulator = simulate(*accounts)
        for name, body in bodies.items():
            simulator.set_service(name, ServiceState(), product=product)
            simulator.set_raw_answer(name, body, action=action)
        configuration = configure(simulator.url, *accounts, interval="1d", stale_after="4d")
        configuration |= {"products": [product]}
        configuration["endpoints"] |= {"cdn": simulator.url}
        exporter = serve(configuration)
        eventually("every account was polled", lambda: exporter.status("/-/ready") == 200)
        return exporter

    return play


def unknown_values(page: Page) -> dict[str, float]:
    """The fields that have been counted."""
    return {field: count for field, count in page.by("field", "dcdn_exporter_unknown_values_total").items() if count}


def test_every_billing_method_of_cdn_is_known(answered: Answered) -> None:
    """A method that the page of DescribeCdnService does not name is one series of seven, and no unknown value."""
    body = json.dumps({**HEALTHY, "InternetChargeType": "PayByBandwidth95"}).encode()
    page = answered({"shop": body}, product="cdn", action="DescribeCdnService").scrape()

    charge_types = page.by("charge_type", "dcdn_service_charge_type", account="shop", product="cdn")
    assert (len(charge_types), charge_types["PayByBandwidth95"], sum(charge_types.values())) == (7, 1, 1)
    assert unknown_values(page) == {}


# Fields that make no sense beside a lock, and what is counted for each.
BESIDE_A_LOCK: Mapping[str, tuple[Mapping[str, object], str]] = {
    "opened at no time": ({"OpeningTime": "soon"}, "OpeningTime"),
    "changes at no time": ({"ChangingAffectTime": "-"}, "ChangingAffectTime"),
    "instances": ({"InstanceId": ["i-1"]}, "InstanceId"),
    "billed by an object": ({"InternetChargeType": {"Type": "x"}}, "InternetChargeType"),
    "to be billed by a number": ({"ChangingChargeType": 1.5}, "ChangingChargeType"),
}
READ_AS_DATES = {"space": "2018-03-19 11:16:11", "offset": "2018-03-19T19:16:11+0800"}
LOCK = {"LockReason": [{"LockReason": "financial"}]}
WRAPPED_LOCKS = {
    "list": json.dumps({**HEALTHY, "OperationLocks": LOCK["LockReason"]}),
    "object": json.dumps({**HEALTHY, "OperationLocks": {"LockReason": LOCK["LockReason"][0]}}),
    "text": json.dumps({**HEALTHY, "OperationLocks": json.dumps(LOCK)}),
    "repeated": f'{{"OperationLocks": {json.dumps(LOCK)}, {json.dumps(HEALTHY)[1:]}',
    "repeated inside": json.dumps(HEALTHY).replace(
        '"LockReason": []', '"LockReason": ["financial"], "LockReason": []'
    ),
    "singular": json.dumps({**HEALTHY, "OperationLock": LOCK}),
    "snake case": json.dumps({**HEALTHY, "operation_locks": {"lock_reason": "financial"}}),
    "flat": json.dumps({**HEALTHY, "OperationLocks.LockReason.1": "financial"}),
    "numbered": json.dumps({**HEALTHY, "OperationLocks": {"0": {"Reason": "financial"}}}),
    "deep": json.dumps({**HEALTHY, "Services": [{"OperationLocks": LOCK}]}),
    "raw tab and NUL": json.dumps({**HEALTHY, "OperationLocks": ["financial\n"]}).replace("\\n", "\t") + "\0",
}


def test_nothing_beside_a_lock_hides_it(answered: Answered, eventually: Eventually) -> None:
    """Each account is locked, and its poll a success; what makes no sense is absent, and counted once."""
    bodies = {
        **{
            name: json.dumps({**HEALTHY, **field, "OperationLocks": LOCK})
            for name, (field, _) in BESIDE_A_LOCK.items()
        },
        **{
            name: json.dumps({**HEALTHY, "OpeningTime": written, "OperationLocks": LOCK})
            for name, written in READ_AS_DATES.items()
        },
        **WRAPPED_LOCKS,
    }
    exporter = answered(
        {name: body.encode() for name, body in bodies.items()}, product="dcdn_ipa", action="DescribeDcdnIpaService"
    )
    # An answer is counted right after it is shown.
    page = eventually(
        "every field is counted",
        lambda: (
            page
            if unknown_values(page := exporter.scrape()) == {field: 1 for _, field in BESIDE_A_LOCK.values()}
            else None
        ),
    )

    assert {name: page.status(name) for name in bodies} == dict.fromkeys(bodies, "locked")
    assert page.by("account", "dcdn_service_lock", reason="financial") == dict.fromkeys(bodies, 1)
    assert page.by("account", "dcdn_poll_success") == dict.fromkeys(bodies, 1)
    opened = page.by("account", "dcdn_service_opening_timestamp_seconds")
    assert opened == dict.fromkeys(bodies.keys() - {"opened at no time"}, 1521458171)
    assert page.by("account", "dcdn_service_info", instance_id="1").keys() == bodies.keys() - {"instances"}
    assert not page.find("dcdn_service_charge_type_change_timestamp_seconds")


def test_a_change_to_the_same_method_is_none(answered: Answered) -> None:
    """Unless its moment lies ahead: then something changes, and the type is shown as it was named."""
    same = {**HEALTHY, "ChangingChargeType": HEALTHY["InternetChargeType"]}
    moments = {"at no time": "", "at a past time": "2018-03-31T16:00:00Z", "later": "9999-12-31T23:59:59Z"}
    page = answered(
        {name: json.dumps({**same, "ChangingAffectTime": moment}).encode() for name, moment in moments.items()},
        product="dcdn_ipa",
        action="DescribeDcdnIpaService",
    ).scrape()

    pending = {
        name: sum(page.by("charge_type", "dcdn_service_next_charge_type", account=name).values()) for name in moments
    }
    assert pending == {"at no time": 0, "at a past time": 0, "later": 1}
    assert page.value("dcdn_service_next_charge_type", account="later", charge_type="PayByTraffic") == 1
    assert page.by("account", "dcdn_service_charge_type_change_timestamp_seconds") == {"later": 253402300799}


def test_a_success_of_empty_fields_is_not_activated(answered: Answered) -> None:
    """So it is counted; a lock beside empty fields is one, and one field with a value is a service."""
    empty = {
        "RequestId": "R",
        **dict.fromkeys(("InstanceId", "OpeningTime", "InternetChargeType"), ""),
        **dict.fromkeys(("ChangingChargeType", "ChangingAffectTime"), ""),
        "OperationLocks": {"LockReason": []},
    }
    page = answered(
        {
            "never opened": json.dumps(empty).encode(),
            "locked": json.dumps({**empty, "OperationLocks": LOCK}).encode(),
            "opened": json.dumps({**empty, "InstanceId": "1"}).encode(),
        },
        product="dcdn_ipa",
        action="DescribeDcdnIpaService",
    ).scrape()

    assert [page.status(name) for name in ("never opened", "locked", "opened")] == [
        "not_activated",
        "locked",
        "active",
    ]
    assert set(page.by("account", "dcdn_poll_success").values()) == {1}
    assert unknown_values(page) == {}
