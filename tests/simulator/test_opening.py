"""CDN is activated over real HTTP, or refused in the words of the vendor's page."""

import json
import math
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode

import pytest

from exporter.simulator import (
    REFUSALS,
    WRITES,
    Account,
    Opening,
    Scenario,
    ScenarioError,
    ServiceState,
    Simulator,
    Step,
    parse_scenario,
)

Simulate = Callable[..., Simulator]
Call = Callable[..., tuple[int, dict[str, Any]]]

NOT_OPEN = (403, "CdnServiceNotFound")


@pytest.fixture
def call(
    connect: Callable[[Simulator], socket.socket],
    signed: Callable[..., bytes],
    ask: Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]],
) -> Call:
    """Calls an operation of CDN with some parameters; returns the status and the body."""

    def call_one(simulator: Simulator, action: str, **parameters: str) -> tuple[int, dict[str, Any]]:
        target = f"/?{urlencode(parameters)}" if parameters else "/"
        with connect(simulator) as connection:
            response, body = ask(connection, signed(action=action, version="2018-05-10", target=target))
        return response.status, json.loads(body)

    return call_one


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str | None]:
    return answer[0], answer[1].get("Code")


def opened(call: Call, simulator: Simulator) -> tuple[int, dict[str, Any]]:
    return call(simulator, "OpenCdnService", InternetChargeType="PayByTraffic")


def test_the_table_of_errors_is_the_vendors() -> None:
    """Codes and messages in the order of the vendor's page, its spelling kept; one code has four messages."""
    mandatory = "mandatory for processing this request"
    assert list(REFUSALS.values()) == [
        (
            "InvalidInternetChargeType.ValueNotSupported",
            "The specified value of parameter InternetChargeType is not valid.",
        ),
        ("CdnService.HasOpened", "Your cdn service has opened."),
        ("InsufficientBalance", "Your account does not have enough balance."),
        ("NoRealNameAuthentication", "Real name authentication is needed."),
        ("VertifyFailInvalidPayMethod", "INVALID PAY METHOD"),
        ("VertifyFailUserProfileComplete", "MISSING USERPROFILE"),
        ("CreateOrderFailed", "Create order failed"),
        ("QueryInfoError", "Create order failed"),
        (
            "MissingParameter",
            f"The input parameter OwnerId or OwnerAccount that is {mandatory} is not supplied.",
        ),
        ("CreateOrderFailed", "Create order failed."),
        ("CreateOrderFailed", "Query account info error."),
        ("CreateOrderFailed", "The specified value of parameter InternetChargeType is not valid."),
        ("Forbidden.IntlUser", "User not authorized to open Intl service."),
        ("Forbidden.BidUser", "Bid user is limited to open service."),
    ]


@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_leaves_cdn_as_it_was(simulate: Simulate, call: Call, name: str) -> None:
    """A row that is set is the answer, with its status, and nothing is activated."""
    simulator = simulate()
    simulator.set_opening("alice", Opening(name))
    status, payload = opened(call, simulator)

    assert (payload["Code"], payload["Message"]) == REFUSALS[name]
    assert status == (403 if payload["Code"].startswith("Forbidden.") else 400)
    assert code(call(simulator, "DescribeCdnService")) == NOT_OPEN


def test_what_was_activated_is_described(simulate: Simulate, call: Call) -> None:
    """The answer is a request id alone; from then on CDN has the billing method and the account's own id."""
    simulator = simulate()
    assert code(call(simulator, "DescribeCdnService")) == NOT_OPEN

    status, answer = opened(call, simulator)

    assert (status, set(answer)) == (200, {"RequestId"})
    assert answer["RequestId"] == simulator.journal.entries(action="OpenCdnService")[0].request_id
    status, service = call(simulator, "DescribeCdnService")
    assert (status, service["InternetChargeType"], service["InstanceId"]) == (
        200,
        "PayByTraffic",
        "1000000000000001",
    )
    assert call(simulator, "DescribeUserCdnStatus")[1]["Enabled"] is True


def test_it_is_activated_once(simulate: Simulate, call: Call) -> None:
    """The second time is refused with the code that says so, as is an account that always had CDN."""
    simulator = simulate()
    assert code(opened(call, simulator)) == (200, None)
    assert code(opened(call, simulator)) == (400, "CdnService.HasOpened")
    simulator.set_service("alice", ServiceState(activated=False), product="cdn")
    assert code(opened(call, simulator)) == (200, None)
    simulator.set_service("alice", ServiceState(locks=("financial",)), product="cdn")
    assert code(opened(call, simulator)) == (400, "CdnService.HasOpened")


def test_it_can_take_a_while_to_show(simulate: Simulate, call: Call) -> None:
    """Until then it is described as before, and activated all the same."""
    ahead_s = [0.0]
    simulator = simulate(wall_clock=lambda: time.time() + ahead_s[0])
    simulator.set_opening("alice", Opening(shows_after_s=300))
    assert code(opened(call, simulator)) == (200, None)

    assert code(call(simulator, "DescribeCdnService")) == NOT_OPEN
    assert call(simulator, "DescribeUserCdnStatus")[1]["Enabled"] is False
    assert code(opened(call, simulator)) == (400, "CdnService.HasOpened")
    ahead_s[0] = 301.0
    assert code(call(simulator, "DescribeCdnService")) == (200, None)


def test_it_is_paid_for_by_traffic_alone(simulate: Simulate, call: Call) -> None:
    """Another billing method, or none, is refused before anything else."""
    simulator = simulate()
    simulator.set_opening("alice", Opening("bid_user"))
    by_bandwidth = call(simulator, "OpenCdnService", InternetChargeType="PayByBandwidth")

    assert code(by_bandwidth) == (400, "InvalidInternetChargeType.ValueNotSupported")
    assert code(call(simulator, "OpenCdnService")) == (400, "MissingParameter")


def test_a_right_that_lacks_activates_nothing(simulate: Simulate, call: Call) -> None:
    """Without cdn:OpenCdnService the call has no effect."""
    simulator = simulate()
    simulator.set_denied("alice", ["OpenCdnService"])
    status, payload = opened(call, simulator)

    assert (status, payload["AccessDeniedDetail"]["AuthAction"]) == (403, "cdn:OpenCdnService")
    assert code(call(simulator, "DescribeCdnService")) == NOT_OPEN


def test_the_one_write_is_known_as_such() -> None:
    """A journal can be searched for what changes accounts."""
    assert set(WRITES) == {"OpenCdnService"}


SCENARIO = """
description: activated one day
accounts:
  - name: alice
    account_id: "1000000000000001"
    access_key_id: LTAI5tAlice
    access_key_secret: alice-secret
    timeline:
      - {at: 0s, opening: {refusal: bid_user}}
      - {at: 10s}
      - {at: 20s, opening: {shows_after: 5s}}
      - {at: 30s, opening: null}
"""


def test_a_scenario_says_what_becomes_of_it() -> None:
    """A step keeps what the one before it said."""
    (account,) = parse_scenario(SCENARIO).accounts

    assert [step.opening for step in account.timeline] == [
        Opening("bid_user"),
        Opening("bid_user"),
        Opening(shows_after_s=5.0),
        Opening(),
    ]


def test_a_scenario_names_rows_that_there_are() -> None:
    """Another name is a problem of the file, with its place."""
    with pytest.raises(ScenarioError, match=r"timeline\[0\]\.opening: refusal is 'rain'; accepted: invalid_charge"):
        parse_scenario(SCENARIO.replace("bid_user", "rain"))


def test_the_timeline_and_the_hand_decide(simulate: Simulate, call: Call, account: Account) -> None:
    """What is set by hand stands above the step until it is given back."""
    steps = (Step(opening=Opening("insufficient_balance")),)
    simulator = simulate(Scenario("", (replace(account, timeline=steps),)))
    simulator.set_opening("alice", Opening("no_real_name"))
    assert code(opened(call, simulator)) == (400, "NoRealNameAuthentication")
    simulator.set_opening("alice", None)
    assert code(opened(call, simulator)) == (400, "InsufficientBalance")


@pytest.mark.parametrize(
    ("refusal", "shows_after_s", "seen"),
    [("rain", 0.0, "refusal is 'rain'"), (None, -1.0, "shows_after is -1"), (None, math.nan, "shows_after is nan")],
)
def test_other_openings_do_not_exist(refusal: str | None, shows_after_s: float, seen: str) -> None:
    """A row that there is not, or a time that never comes, is refused."""
    with pytest.raises(ValueError, match=seen):
        Opening(refusal, shows_after_s)
