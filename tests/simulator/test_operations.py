"""Each operation answers in its documented form, over real HTTP."""

import json
import re
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import pytest

from exporter.simulator import (
    LIMITS,
    UNSET,
    Account,
    Balance,
    Component,
    Debt,
    Fault,
    Scenario,
    ServiceState,
    Simulator,
    Step,
)
from exporter.simulator.operations import DENIABLE, OPERATIONS
from exporter.simulator.state import PRODUCTS

Simulate = Callable[..., Simulator]
Connect = Callable[[Simulator], socket.socket]
Signed = Callable[..., bytes]
Ask = Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]]
Call = Callable[..., tuple[int, dict[str, Any]]]

VERSIONS = {row.action: row.version for row in OPERATIONS}
DESCRIBES = {
    "dcdn_ipa": "DescribeDcdnIpaService",
    "dcdn": "DescribeDcdnService",
    "cdn": "DescribeCdnService",
    "dcdn_sec": "DescribeDcdnsecService",
}
STATUSES = {
    "dcdn_ipa": "DescribeUserDcdnIpaStatus",
    "dcdn": "DescribeUserDcdnStatus",
    "cdn": "DescribeUserCdnStatus",
}
RIGHTS = {
    "DescribeCdnService": "cdn:DescribeCdnService",
    "DescribeUserCdnStatus": "cdn:DescribeUserCdnStatus",
    "DescribeUserCertificateExpireCount": "cdn:DescribeUserCertificateExpireCount",
    "DescribeUserDomains": "cdn:DescribeUserDomains",
    "DescribeCdnUserResourcePackage": "cdn:DescribeCdnUserResourcePackage",
    "OpenCdnService": "cdn:OpenCdnService",
    "QueryAccountBalance": "bss:DescribeAcccount",
    "ListUserRatePlanInstances": "esa:ListUserRatePlanInstances",
    "ListPostpaidRatePlanInstances": "esa:ListPostpaidRatePlanInstances",
    "ListAccounts": "resourcemanager:ListAccounts",
    "AssumeRole": "sts:AssumeRole",
}
STRICT = ("ListAccounts", "AssumeRole")

each_product = pytest.mark.parametrize("product", PRODUCTS)


@pytest.fixture
def call(connect: Connect, signed: Signed, ask: Ask) -> Call:
    """Calls an operation of a simulator; returns the status, and the body less its request id."""

    def call_one(simulator: Simulator, action: str, **parts: Any) -> tuple[int, dict[str, Any]]:
        with connect(simulator) as connection:
            response, body = ask(connection, signed(action=action, version=VERSIONS[action], **parts))
        payload = json.loads(body)
        assert payload.pop("RequestId") == response.getheader("x-acs-request-id")
        return response.status, payload

    return call_one


def test_limits_are_the_vendors() -> None:
    """Calls per second and account, those that no page states being their neighbours' lowest."""
    assert LIMITS == {
        "DescribeDcdnIpaService": 20,
        "DescribeDcdnService": 30,
        "DescribeCdnService": 30,
        "DescribeUserDcdnIpaStatus": 20,
        "DescribeUserDcdnStatus": 30,
        "DescribeUserCdnStatus": 20,
        "DescribeDcdnUserCertificateExpireCount": 50,
        "DescribeUserCertificateExpireCount": 50,
        "DescribeDcdnIpaUserDomains": 30,
        "DescribeDcdnUserDomains": 30,
        "DescribeUserDomains": 100,
        "DescribeDcdnUserResourcePackage": 30,
        "DescribeCdnUserResourcePackage": 30,
        "OpenCdnService": 5,
        "QueryAccountBalance": 10,
        "ListUserRatePlanInstances": 10,
        "ListPostpaidRatePlanInstances": 10,
        "ListAccounts": 20,
        "GetCallerIdentity": 100,
        "AssumeRole": 100,
        "AssumeRoleWithOIDC": 100,
        "DescribeDcdnsecService": 20,
    }


@pytest.mark.parametrize("row", [pytest.param(row, id=row.action) for row in OPERATIONS])
def test_an_operation_has_one_version(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask, *, row: Any
) -> None:
    """The action of one product under the version of another is not found."""
    other = next(version for version in VERSIONS.values() if version != row.version)
    response, body = ask(connect(simulate()), signed(action=row.action, version=other))
    assert (response.status, json.loads(body)["Code"]) == (404, "InvalidAction.NotFound")


@each_product
def test_a_service_is_described(simulate: Simulate, call: Call, product: str) -> None:
    """Each product's own operation tells its state, and no other product's."""
    simulator = simulate()
    for other in PRODUCTS:
        simulator.set_service("alice", ServiceState(locks=(f"reason of {other}",)), product=other)
    status, payload = call(simulator, DESCRIBES[product])
    opened = {"OpeningTime": "2018-03-19T11:16:11Z"}
    besides = {
        "dcdn_ipa": opened,
        "dcdn": opened | {"WebsocketType": "websockettraffic"},
        "cdn": opened | {"DynamicBillingType": ""},
        "dcdn_sec": {
            "StartTime": "2018-03-19T11:16:11Z",
            "EndTime": "2099-12-31T16:00:00Z",
            "FlowType": "PayBySecTraffic",
            "RequestType": "PayBySecRequest",
            "Version": "enterprise",
            "DomainNum": "130",
        },
    }
    assert (status, payload) == (
        200,
        {
            "InstanceId": "1883927335936173",
            "InternetChargeType": "PayByTraffic",
            "OperationLocks": {"LockReason": [{"LockReason": f"reason of {product}"}]},
            **besides[product],
        },
    )


@pytest.mark.parametrize(
    ("product", "code", "message"),
    [
        ("dcdn_ipa", "DcdnIpaServiceNotFound", "The DCDN IPA service has not been activated."),
        ("dcdn", "DcdnServiceNotFound", "The DCDN service is not activated."),
        ("cdn", "CdnServiceNotFound", "Your account does not open CDN service yet."),
        ("dcdn_sec", "DcdnsecServiceNotFound", "The secure DCDN service is not activated."),
    ],
)
def test_a_service_that_is_not_activated_is_refused(
    simulate: Simulate, call: Call, product: str, code: str, message: str
) -> None:
    """Each product has its own code for it, with the vendor's words."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(activated=False), product=product)
    status, payload = call(simulator, DESCRIBES[product])
    assert (status, payload["Code"], payload["Message"]) == (403, code, message)


@each_product
def test_a_service_can_be_denied_for_security(simulate: Simulate, call: Call, product: str) -> None:
    """One code is for that in all products; the user's status is answered all the same."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(denied_for_security=True), product=product)
    status, payload = call(simulator, DESCRIBES[product])
    assert (status, payload["Code"]) == (403, "OperationDenied")
    assert payload["Message"] == "The resource is locked for security reasons."
    assert product not in STATUSES or call(simulator, STATUSES[product])[0] == 200


@pytest.mark.parametrize("product", STATUSES)
def test_the_status_of_a_user(simulate: Simulate, call: Call, product: str) -> None:
    """The debt of each product follows its own service until it is said, and again after it is taken back."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(), product=product)
    paid = {"Enabled": True, "OnService": True, "InDebt": False, "InDebtOverdue": False}
    assert call(simulator, STATUSES[product]) == (200, paid)
    simulator.set_debt("alice", Debt(in_debt=True), product=product)
    assert call(simulator, STATUSES[product]) == (200, {**paid, "InDebt": True})
    simulator.set_debt("alice", None, product=product)
    assert call(simulator, STATUSES[product]) == (200, paid)


def test_an_account_that_has_not_activated_cdn_has_a_status(simulate: Simulate, call: Call) -> None:
    """Not enabled is an answer, no refusal."""
    assert call(simulate(), "DescribeUserCdnStatus")[1]["Enabled"] is False


def test_a_balance(simulate: Simulate, call: Call) -> None:
    """The balance is the timeline's until one is set, and again after it is taken back."""
    simulator = simulate()
    amounts = []
    for balance in (Balance("-11.19", "USD"), None):
        simulator.set_balance("alice", balance)
        amounts.append(call(simulator, "QueryAccountBalance")[1]["Data"]["AvailableAmount"])
    assert amounts == ["-11.19", "10000.00"]


@pytest.mark.parametrize(
    ("hosts", "site", "code"),
    [
        pytest.param("china", None, None, id="of the same site unless it says so"),
        pytest.param("international", "international", None, id="of the same site"),
        pytest.param("china", "international", "NotApplicable", id="an international one asks for China"),
        pytest.param("international", "china", "NotApplicable", id="a Chinese one asks abroad"),
    ],
)
def test_billing_refuses_accounts_of_the_other_site(
    simulate: Simulate, call: Call, *, hosts: str, site: str | None, code: str | None
) -> None:
    """Its hosts are those of one site, while the other products know every account."""
    account = Account("dave", "4", "LTAI5tDave", "s", site=site)
    simulator = simulate(Scenario("", (account,), site=hosts))
    status, answer = call(simulator, "QueryAccountBalance", of=account)
    assert (status, answer["Code"]) == ((200, "200") if code is None else (400, code))
    assert call(simulator, "DescribeDcdnIpaService", of=account)[0] == 200


def test_an_error_that_says_200(simulate: Simulate, call: Call) -> None:
    """An error fault with a status of success has the billing product's form of an error."""
    simulator = simulate()
    simulator.set_fault("alice", Fault("error", status=200, code="NotAuthorized", action="QueryAccountBalance"))
    assert call(simulator, "QueryAccountBalance") == (
        200,
        {"Code": "NotAuthorized", "Message": "The request processing has failed.", "Success": False},
    )
    assert call(simulator, "DescribeUserDcdnIpaStatus")[0] == 200


@pytest.mark.parametrize("action", DENIABLE)
def test_a_right_that_is_lacking(simulate: Simulate, call: Call, action: str) -> None:
    """A denied action is refused with the right's name, every other one goes on."""
    simulator = simulate()
    simulator.set_denied("alice", [action])
    status, payload = call(simulator, action)
    assert (status, payload["Code"]) == (403, "NoPermission" if action in STRICT else "Forbidden.RAM")
    detail = payload["AccessDeniedDetail"]
    assert re.fullmatch(r"AQEAAAAA[A-Za-z0-9+/=]{20,}", detail.pop("EncodedDiagnosticMessage"))
    assert re.fullmatch(r"3[0-9]{17}", detail.pop("AuthPrincipalDisplayName"))
    assert detail == {
        "AuthAction": RIGHTS.get(action, f"dcdn:{action}"),
        "AuthPrincipalOwnerId": "1000000000000001",
        "AuthPrincipalType": "SubUser",
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
    }
    others = [call(simulator, other)[1] for other in DENIABLE if other != action]
    assert not any("AccessDeniedDetail" in answer for answer in others)
    simulator.set_denied("alice", None)
    assert "AccessDeniedDetail" not in call(simulator, action)[1]


def test_a_role_that_lacks_a_right_is_named(simulate: Simulate, call: Call, temporary_account: Account) -> None:
    """A key with a token is a role's: the details have its role and session."""
    simulator = simulate()
    simulator.set_denied("bob", ["DescribeDcdnIpaService"])
    _, payload = call(simulator, "DescribeDcdnIpaService", of=temporary_account)
    principal = {key: text for key, text in payload["AccessDeniedDetail"].items() if key.startswith("AuthPrincipal")}
    assert principal == {
        "AuthPrincipalDisplayName": "simulated:bob",
        "AuthPrincipalOwnerId": "1000000000000002",
        "AuthPrincipalType": "AssumedRoleUser",
    }


def test_any_operation_can_have_a_raw_answer(simulate: Simulate, connect: Connect, signed: Signed, ask: Ask) -> None:
    """Each operation can have a raw answer of its own, and loses it without the others losing theirs."""
    simulator = simulate()
    for action in VERSIONS:
        simulator.set_raw_answer("alice", {"raw": action}, action=action)
    simulator.set_raw_answer("alice", UNSET, action="QueryAccountBalance")
    connection = connect(simulator)
    answers = {
        action: json.loads(ask(connection, signed(action=action, version=version))[1]).get("raw")
        for action, version in VERSIONS.items()
    }
    assert answers == {action: None if action == "QueryAccountBalance" else action for action in VERSIONS}


def test_what_cannot_be_set_is_refused(simulate: Simulate) -> None:
    """Unknown actions and products are errors of the caller that sets them."""
    simulator = simulate()
    with pytest.raises(ValueError, match="product is 'oss'; accepted: dcdn_ipa, dcdn, cdn"):
        simulator.set_debt("alice", None, product="oss")
    with pytest.raises(ValueError, match="cdn has a component 'websocket'; accepted: dynamic"):
        simulator.set_service("alice", ServiceState(components={"websocket": Component()}), product="cdn")
    with pytest.raises(ValueError, match="action is 'OpenDcdnService'; accepted: Desc"):
        simulator.set_raw_answer("alice", {}, action="OpenDcdnService")
    with pytest.raises(ValueError, match="a denied action is 'GetCallerIdentity'; accepted: Desc"):
        simulator.set_denied("alice", ["GetCallerIdentity"])
    with pytest.raises(ValueError, match="the action of a fault is 'AsumeRole'; accepted: Desc"):
        simulator.set_fault("alice", Fault("hang", action="AsumeRole"))


def test_money_and_rights_follow_the_timeline(simulate: Simulate, call: Call) -> None:
    """A debt, a balance and a lacking right begin and end with their steps."""
    account = Account(
        name="carol",
        account_id="3",
        access_key_id="LTAI5tCarol",
        access_key_secret="s",
        timeline=(
            Step(debts={"cdn": Debt(enabled=True, in_debt=True)}, balance=Balance("5.00")),
            Step(at_s=10, denied=frozenset({"DescribeUserCdnStatus"}), balance=Balance("-5.00")),
        ),
    )
    elapsed = [0.0]
    simulator = simulate(Scenario("", (account,)), monotonic=lambda: elapsed[0])

    def seen() -> tuple[Any, Any]:
        status, payload = call(simulator, "DescribeUserCdnStatus", of=account)
        balance = call(simulator, "QueryAccountBalance", of=account)[1]["Data"]["AvailableAmount"]
        return payload.get("InDebt", status), balance

    assert seen() == (True, "5.00")
    elapsed[0] = 10.0
    assert seen() == (403, "-5.00")
