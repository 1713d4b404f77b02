"""The vendor's own client is satisfied with the simulator, and sees the errors that it knows."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from alibabacloud_dcdn20180115 import models
from alibabacloud_dcdn20180115.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest
from alibabacloud_tea_openapi.utils_models import Params as OpenApiParams
from darabonba.exceptions import UnretryableException
from darabonba.runtime import ExtendsParameters, RuntimeOptions

from exporter.simulator import (
    Account,
    ChargeChange,
    Component,
    Fault,
    FaultKind,
    Member,
    Role,
    Scenario,
    ServiceState,
    Simulator,
    role_arn,
)

Simulate = Callable[..., Simulator]
ClientOf = Callable[..., Any]
Describe = Callable[..., dict[str, Any]]


@pytest.fixture
def client_of(account: Account, client_config: Callable[..., Config]) -> ClientOf:
    """Makes the vendor's client of an account."""

    def make(simulator: Simulator, of: Account = account, *, secret: str | None = None) -> Any:
        return Client(client_config(simulator, of, secret=secret))

    return make


@pytest.fixture
def describe(client_of: ClientOf, account: Account) -> Describe:
    """Asks a simulator with the vendor's client for an account's service."""

    def ask(simulator: Simulator, of: Account = account, *, secret: str | None = None) -> dict[str, Any]:
        client = client_of(simulator, of, secret=secret)
        response = client.describe_dcdn_ipa_service(models.DescribeDcdnIpaServiceRequest())
        answer: dict[str, Any] = response.body.to_map()
        answer.pop("RequestId")
        return answer

    return ask


def test_an_active_service(simulate: Simulate, describe: Describe) -> None:
    """The client reads every field of an active service with a change pending."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(change=ChargeChange("PayByBandwidth", 4_000_000_000)))
    assert describe(simulator) == {
        "InstanceId": "1883927335936173",
        "OpeningTime": "2018-03-19T11:16:11Z",
        "InternetChargeType": "PayByTraffic",
        "ChangingChargeType": "PayByBandwidth",
        "ChangingAffectTime": "2096-10-02T07:06:40Z",
        "OperationLocks": {"LockReason": []},
    }


def test_a_locked_service(simulate: Simulate, describe: Describe) -> None:
    """The client reads the reason of a lock."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(locks=("financial",)))
    assert describe(simulator)["OperationLocks"] == {"LockReason": [{"LockReason": "financial"}]}


def test_temporary_credentials(simulate: Simulate, describe: Describe, temporary_account: Account) -> None:
    """The client's way to send a security token is the one that is checked."""
    assert describe(simulate(), temporary_account)["InternetChargeType"] == "PayByTraffic"


def test_a_service_that_is_not_activated(simulate: Simulate, describe: Describe) -> None:
    """The documented error arrives with its status and message."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(activated=False))
    with pytest.raises(ClientException, match="The DCDN IPA service has not been activated") as caught:
        describe(simulator)
    assert (caught.value.status_code, caught.value.code) == (403, "DcdnIpaServiceNotFound")
    assert caught.value.request_id == simulator.journal.entries()[0].request_id


def test_a_wrong_secret(simulate: Simulate, describe: Describe) -> None:
    """A signature by another secret does not match."""
    with pytest.raises(ClientException, match="server string to sign is:ACS3-HMAC-SHA256") as caught:
        describe(simulate(), secret="guessed")
    assert (caught.value.status_code, caught.value.code) == (400, "SignatureDoesNotMatch")


@pytest.mark.parametrize("shift_s", [-1000, 1000])
def test_a_clock_that_is_wrong(simulate: Simulate, describe: Describe, shift_s: int) -> None:
    """A request more than a quarter of an hour off is refused."""
    with pytest.raises(ClientException) as caught:
        describe(simulate(wall_clock=lambda: time.time() + shift_s))
    assert (caught.value.status_code, caught.value.code) == (400, "InvalidTimeStamp.Expired")


def test_a_nonce_used_again(simulate: Simulate, client_of: ClientOf) -> None:
    """A second request with the nonce of the first is refused, though it is signed rightly."""
    client = client_of(simulate())
    same_nonce = RuntimeOptions(extends_parameters=ExtendsParameters(headers={"x-acs-signature-nonce": "once"}))
    client.describe_dcdn_ipa_service_with_options(models.DescribeDcdnIpaServiceRequest(), same_nonce)
    with pytest.raises(ClientException) as caught:
        client.describe_dcdn_ipa_service_with_options(models.DescribeDcdnIpaServiceRequest(), same_nonce)
    assert (caught.value.status_code, caught.value.code) == (400, "SignatureNonceUsed")


def test_too_many_calls(simulate: Simulate, describe: Describe) -> None:
    """The call over the limit is throttled, by an exception of its own kind that says how long to wait."""
    simulator = simulate(limits={"DescribeDcdnIpaService": 1}, monotonic=lambda: 0.0)
    describe(simulator)
    with pytest.raises(ThrottlingException) as caught:
        describe(simulator)
    refusal = caught.value
    assert (refusal.status_code, refusal.code, refusal.retry_after) == (400, "Throttling.User", 1000)


def test_an_error_of_the_server(simulate: Simulate, describe: Describe) -> None:
    """A 503 in the gateway's form is an error of the server."""
    simulator = simulate()
    simulator.set_fault("alice", Fault("error", status=503, code="ServiceUnavailable"))
    with pytest.raises(ServerException) as caught:
        describe(simulator)
    assert (caught.value.status_code, caught.value.code) == (503, "ServiceUnavailable")


@pytest.mark.parametrize("kind", ["reset", "close", "html_502", "truncated_json", "cut_body", "not_json", "not_http"])
def test_answers_that_are_none(simulate: Simulate, describe: Describe, kind: FaultKind) -> None:
    """What is no answer of the API is an error of another kind."""
    simulator = simulate()
    simulator.set_fault("alice", Fault(kind))
    with pytest.raises(UnretryableException):
        describe(simulator)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        pytest.param(
            lambda client: client.describe_dcdn_service(models.DescribeDcdnServiceRequest()),
            {
                "InstanceId": "1883927335936173",
                "OpeningTime": "2018-03-19T11:16:11Z",
                "InternetChargeType": "PayByTraffic",
                "OperationLocks": {"LockReason": [{"LockReason": "financial"}]},
                "WebsocketType": "websockettraffic",
                "WebsocketChangingType": "websocketbps",
                "WebsocketChangingTime": "2096-10-02T07:06:40Z",
            },
            id="DescribeDcdnService",
        ),
        pytest.param(
            lambda client: client.describe_user_dcdn_status(models.DescribeUserDcdnStatusRequest()),
            {"Enabled": True, "OnService": False, "InDebt": True, "InDebtOverdue": True},
            id="DescribeUserDcdnStatus",
        ),
        pytest.param(
            lambda client: client.describe_user_dcdn_ipa_status(models.DescribeUserDcdnIpaStatusRequest()),
            {"Enabled": True, "OnService": True, "InDebt": False, "InDebtOverdue": False},
            id="DescribeUserDcdnIpaStatus",
        ),
    ],
)
def test_dcdn_and_its_debts(
    simulate: Simulate, client_of: ClientOf, *, call: Callable[[Any], Any], answer: dict[str, Any]
) -> None:
    """The client reads DCDN's own answers."""
    simulator = simulate()
    websocket = Component(change=ChargeChange("websocketbps", 4_000_000_000))
    state = ServiceState(locks=("financial",), components={"websocket": websocket})
    simulator.set_service("alice", state, product="dcdn")
    seen = call(client_of(simulator)).body.to_map()
    seen.pop("RequestId")
    assert seen == answer


def test_secure_dcdn(simulate: Simulate, client_of: ClientOf) -> None:
    """The client reads every field of its answer, and the refusals of one that is not there or not allowed."""
    simulator = simulate()
    client, request = client_of(simulator), models.DescribeDcdnsecServiceRequest()
    change = ChargeChange("PayByBandwidth", 4_000_000_000)
    simulator.set_service("alice", ServiceState(end_time="2030-01-01T00:00:00Z", change=change), product="dcdn_sec")
    answer = client.describe_dcdnsec_service(request).body.to_map()
    answer.pop("RequestId")
    assert answer == {
        "InstanceId": "1883927335936173",
        "StartTime": "2018-03-19T11:16:11Z",
        "EndTime": "2030-01-01T00:00:00Z",
        "InternetChargeType": "PayByTraffic",
        "ChangingChargeType": "PayByBandwidth",
        "ChangingAffectTime": "2096-10-02T07:06:40Z",
        "FlowType": "PayBySecTraffic",
        "RequestType": "PayBySecRequest",
        "Version": "enterprise",
        "DomainNum": "130",
        "OperationLocks": {"LockReason": []},
    }
    simulator.set_service("alice", None, product="dcdn_sec")
    with pytest.raises(ClientException) as absent:
        client.describe_dcdnsec_service(request)
    simulator.set_denied("alice", ["DescribeDcdnsecService"])
    with pytest.raises(ClientException) as denied:
        client.describe_dcdnsec_service(request)
    assert (absent.value.code, denied.value.code) == ("DcdnsecServiceNotFound", "Forbidden.RAM")
    assert denied.value.access_denied_detail["AuthAction"] == "dcdn:DescribeDcdnsecService"


def generic_call(client: Any, action: str, version: str, query: dict[str, str]) -> Any:
    """Call any operation through the core that all the vendor's clients share."""
    params = OpenApiParams(
        action=action,
        version=version,
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    return client.call_api(params, OpenApiRequest(query=query), RuntimeOptions())["body"]


def test_a_role_assumed_by_the_client(simulate: Simulate, client_of: ClientOf, account: Account) -> None:
    """Parameters as the vendor's core encodes them are the ones that are checked, and the token is good."""
    base = replace(account, ram_user="exporter", roles=(Role("reader", ("1000000000000001",), "a b/*~:+"),))
    simulator = simulate(Scenario("", (base,)))
    query = {
        "RoleArn": role_arn(base.account_id, "reader"),
        "RoleSessionName": "test",
        "ExternalId": "a b/*~:+",
        "DurationSeconds": "900",
    }
    credentials = generic_call(client_of(simulator), "AssumeRole", "2015-04-01", query)["Credentials"]
    bearer = replace(
        base,
        access_key_id=credentials["AccessKeyId"],
        access_key_secret=credentials["AccessKeySecret"],
        security_token=credentials["SecurityToken"],
    )
    assert generic_call(client_of(simulator, bearer), "GetCallerIdentity", "2015-04-01", {})["Arn"] == (
        "acs:ram::1000000000000001:assumed-role/reader/test"
    )
    simulator.revoke_tokens("alice")
    with pytest.raises(ClientException) as caught:
        generic_call(client_of(simulator, bearer), "GetCallerIdentity", "2015-04-01", {})
    assert (caught.value.status_code, caught.value.code) == (400, "InvalidSecurityToken.Expired")


def test_members_and_money_by_the_client(simulate: Simulate, client_of: ClientOf) -> None:
    """Pages turned by token, and a balance, as the vendor's core reads them; a lacking right tells which it is."""
    simulator = simulate()
    simulator.set_members("alice", [Member("20", "shop"), Member("21", "video")])
    client = client_of(simulator)
    page = generic_call(client, "ListAccounts", "2022-04-19", {"MaxResults": "1"})
    rest = generic_call(client, "ListAccounts", "2022-04-19", {"MaxResults": "1", "NextToken": page["NextToken"]})
    names = [row["DisplayName"] for part in (page, rest) for row in part["Accounts"]["Account"]]
    assert (names, rest["NextToken"]) == (["shop", "video"], "")
    assert generic_call(client, "QueryAccountBalance", "2017-12-14", {})["Data"]["AvailableAmount"] == "10000.00"
    simulator.set_denied("alice", ["QueryAccountBalance"])
    with pytest.raises(ClientException) as caught:
        generic_call(client, "QueryAccountBalance", "2017-12-14", {})
    assert (caught.value.status_code, caught.value.code) == (403, "Forbidden.RAM")
    assert caught.value.access_denied_detail["AuthAction"] == "bss:DescribeAcccount"
