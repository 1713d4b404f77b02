"""What the vendor's clients of the older signature send is answered as it comes: headers, forms, chunks."""

import json
import socket
from collections.abc import Callable
from http.client import HTTPResponse

import pytest

from exporter.simulator import Account, Role, Scenario, Simulator
from tests.simulator.conftest import FORM_TYPE

Simulate = Callable[..., Simulator]
Connect = Callable[[Simulator], socket.socket]
Signed = Callable[..., bytes]
Ask = Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]]

STS = "2015-04-01"
# As aliyun-python-sdk-core, alibabacloud-tea-rpc and @alicloud/pop-core send them beside a Signature.
HEADERS = "x-acs-action: GetCallerIdentity\r\nx-acs-version: 2015-04-01\r\nx-sdk-client: Python/2.0.0\r\n"


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
