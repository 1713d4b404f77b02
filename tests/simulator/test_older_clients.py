"""What the vendor's clients of the older signature send is answered as it comes: headers, forms, chunks."""

import json
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from xml.etree import ElementTree as ET

import pytest

from exporter.simulator import Account, Fault, Member, Role, Scenario, ServiceState, Simulator
from tests.simulator.conftest import FORM_TYPE

Simulate = Callable[..., Simulator]
Connect = Callable[[Simulator], socket.socket]
Signed = Callable[..., bytes]
Ask = Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]]

STS = "2015-04-01"
# As aliyun-python-sdk-core, alibabacloud-tea-rpc and @alicloud/pop-core send them beside a Signature.
HEADERS = "x-acs-action: GetCallerIdentity\r\nx-acs-version: 2015-04-01\r\nx-sdk-client: Python/2.0.0\r\n"


def parsed(body: bytes) -> ET.Element:
    """Return the root of an XML document."""
    return ET.fromstring(body)  # noqa: S314 - of our own server


@pytest.mark.parametrize(
    "in_body",
    [
        pytest.param((), id="query"),
        pytest.param(("Action", "Version", "Signature", "AccessKeyId", "Timestamp"), id="query and form"),
    ],
)
def test_a_signature_among_the_parameters_makes_a_call_of_v1(
    simulate: Simulate, connect: Connect, signed_v1: Signed, ask: Ask, in_body: tuple[str, ...]
) -> None:
    """The headers of the newer form are there too, and nothing of them is needed or signed."""
    simulator = simulate()
    call = signed_v1(action="GetCallerIdentity", version=STS, method="POST", in_body=in_body, headers=HEADERS)
    response, body = ask(connect(simulator), call)
    assert (response.status, json.loads(body)["AccountId"]) == (200, "1000000000000001")
    [entry] = simulator.journal.entries()
    assert (entry.action, entry.access_key_id) == ("GetCallerIdentity", "LTAI5tAlice")


def test_a_wrong_signature_among_the_parameters_is_refused(
    simulate: Simulate, connect: Connect, signed_v1: Signed, ask: Ask
) -> None:
    """The headers of the newer form are no way around it."""
    call = signed_v1(action="GetCallerIdentity", version=STS, secret="guessed", headers=HEADERS)
    response, body = ask(connect(simulate()), call)
    assert (response.status, json.loads(body)["Code"]) == (400, "SignatureDoesNotMatch")


@pytest.mark.parametrize("chunked", [False, True])
def test_parameters_of_the_newer_form_may_stand_in_a_form(
    simulate: Simulate, connect: Connect, signed: Signed, ask: Ask, *, chunked: bool
) -> None:
    """An operation finds its parameters in the body, also where that comes in chunks, as Node's clients send it."""
    form = b"RoleArn=acs%3Aram%3A%3A1000000000000002%3Arole%2Freader&RoleSessionName=session"
    role = Role("reader", trusted=("1000000000000001",))
    of = Account("one", "1000000000000001", "LTAI5tOne", "one-secret", ram_user="exporter")
    other = Account("two", "1000000000000002", "LTAI5tTwo", "two-secret", roles=(role,))
    call = signed(of, action="AssumeRole", version=STS, body=form, changed={"content-type": FORM_TYPE})
    if chunked:
        length = b"Content-Length: %d" % len(form)
        assert length in call
        in_chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, form[:9], len(form) - 9, form[9:])
        call = call.replace(length, b"Transfer-Encoding: chunked").removesuffix(form) + in_chunks
    response, body = ask(connect(simulate(Scenario("", (of, other)))), call)
    assert response.status == 200
    assert json.loads(body)["AssumedRoleUser"]["Arn"] == "acs:ram::1000000000000002:role/reader/session"


def test_answers_in_xml(simulate: Simulate, connect: Connect, signed_v1: Signed, ask: Ask) -> None:
    """An element is named after the operation, each key is one in it, and each item of a list has its key's name."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(locks=("financial", "a<&b")))
    response, body = ask(connect(simulator), signed_v1(parameters={"Format": "XML"}))
    request_id = response.getheader("x-acs-request-id")
    assert (response.status, response.getheader("Content-Type")) == (200, "text/xml;charset=utf-8")
    assert body.decode() == (
        "<?xml version='1.0' encoding='UTF-8'?><DescribeDcdnIpaServiceResponse>"
        "<InstanceId>1883927335936173</InstanceId><OpeningTime>2018-03-19T11:16:11Z</OpeningTime>"
        "<InternetChargeType>PayByTraffic</InternetChargeType><OperationLocks>"
        "<LockReason><LockReason>financial</LockReason></LockReason>"
        "<LockReason><LockReason>a&lt;&amp;b</LockReason></LockReason></OperationLocks>"
        f"<RequestId>{request_id}</RequestId></DescribeDcdnIpaServiceResponse>"
    )


def test_empty_lists_numbers_and_flags_in_xml(
    simulate: Simulate, connect: Connect, signed_v1: Signed, ask: Ask
) -> None:
    """An empty list leaves its parent empty, and a flag is written in lower case."""
    simulator = simulate()
    simulator.set_members("alice", [Member("20", "店铺")])
    connection = connect(simulator)

    def asked(action: str, version: str) -> str:
        return ask(connection, signed_v1(action=action, version=version, parameters={"Format": "xml"}))[1].decode()

    assert "<OperationLocks></OperationLocks>" in asked("DescribeDcdnIpaService", "2018-01-15")
    assert "<Enabled>true</Enabled><OnService>true</OnService>" in asked("DescribeUserDcdnIpaStatus", "2018-01-15")
    members = asked("ListAccounts", "2022-04-19")
    assert "<TotalCount>1</TotalCount>" in members
    assert "<DisplayName>店铺</DisplayName>" in members


def test_refusals_in_xml(simulate: Simulate, connect: Connect, signed_v1: Signed, ask: Ask) -> None:
    """A refusal is an Error, whatever it is for, and its details are elements too."""
    simulator = simulate()
    simulator.set_denied("alice", ["DescribeDcdnIpaService"])
    response, body = ask(connect(simulator), signed_v1(parameters={"Format": "XML"}))
    error = parsed(body)
    assert (response.status, error.tag, error.findtext("Code")) == (403, "Error", "Forbidden.RAM")
    assert error.findtext("RequestId") == response.getheader("x-acs-request-id")
    assert error.findtext("AccessDeniedDetail/AuthAction") == "dcdn:DescribeDcdnIpaService"
    wrong = ask(connect(simulator), signed_v1(parameters={"Format": "XML"}, secret="guessed"))[1]
    assert parsed(wrong).findtext("Code") == "SignatureDoesNotMatch"


def test_faults_break_xml_too(simulate: Simulate, connect: Connect, signed_v1: Signed, ask: Ask) -> None:
    """What breaks off in the middle is XML that breaks off."""
    simulator = simulate()
    simulator.set_fault("alice", Fault("truncated_json"))
    response, body = ask(connect(simulator), signed_v1(parameters={"Format": "XML"}))
    assert response.getheader("Content-Type") == "text/xml;charset=utf-8"
    with pytest.raises(ET.ParseError):
        parsed(body)
