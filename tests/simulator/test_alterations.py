"""Answers in which fields are missing, or have values that they should not have."""

import json
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import pytest

from exporter.simulator import Alteration, ScenarioError, ServiceState, Simulator, parse_scenario
from exporter.simulator.timeline import account_at

ANSWER: dict[str, object] = {"Id": "1", "Rows": {"Row": [{"Name": "a", "Left": 1}, {"Name": "b", "Left": 2}]}}
SCENARIO = """
description: altered answers
accounts:
  - name: alice
    account_id: "1"
    access_key_id: k
    access_key_secret: s
    timeline: [{timeline}]
"""


@pytest.mark.parametrize(
    ("alteration", "altered"),
    [
        pytest.param(Alteration(), ANSWER, id="nothing"),
        pytest.param(Alteration(missing=("Id",)), {"Rows": ANSWER["Rows"]}, id="a field is missing"),
        pytest.param(Alteration(values={"Id": None}), ANSWER | {"Id": None}, id="a field is null"),
        pytest.param(Alteration(values={"Rows": "none"}), {"Id": "1", "Rows": "none"}, id="an object is a text"),
        pytest.param(
            Alteration(values={"Rows.Row.Left": "x"}, missing=("Rows.Row.Name",)),
            {"Id": "1", "Rows": {"Row": [{"Left": "x"}, {"Left": "x"}]}},
            id="of every item of a list",
        ),
        pytest.param(
            Alteration(values={"Rows.Row.1.Left": {"y": []}, "Rows.Row.1.More": 3}),
            {"Id": "1", "Rows": {"Row": [{"Name": "a", "Left": 1}, {"Name": "b", "Left": {"y": []}, "More": 3}]}},
            id="of one item, with one more field",
        ),
        pytest.param(
            Alteration(values={"Rows.Row.0": "odd"}, missing=("Rows.Row.1",)),
            {"Id": "1", "Rows": {"Row": ["odd"]}},
            id="an item is another value, and one is missing",
        ),
        pytest.param(
            Alteration(values={"Rows.Row.2": "x", "No.Such": 1, "Id.Text": 2}, missing=("Rows.Row.2.Name", "None")),
            ANSWER,
            id="paths that lead nowhere",
        ),
    ],
)
def test_fields_are_missing_or_have_another_value(alteration: Alteration, altered: dict[str, object]) -> None:
    """What is not named is as it was, and so is the answer itself."""
    before = json.dumps(ANSWER)

    assert alteration.applied(ANSWER) == altered
    assert json.dumps(ANSWER) == before


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        pytest.param({"missing": ("",)}, "the path of a field is ''", id="empty"),
        pytest.param({"missing": ("a..b",)}, "the path of a field is 'a..b'; accepted: keys with dots", id="no key"),
        pytest.param({"values": {"a[0]": 1}}, r"the path of a field is 'a\[0\]'", id="brackets"),
        pytest.param(
            {"missing": ("a",), "values": {"a": 1}}, "the field a is there 2 times; accepted: once", id="twice"
        ),
    ],
)
def test_what_makes_no_sense_is_refused(parts: dict[str, Any], problem: str) -> None:
    """With what would be accepted."""
    with pytest.raises(ValueError, match=problem):
        Alteration(**parts)


def test_alterations_stay_until_a_step_takes_them_back() -> None:
    """Each operation by itself; null takes one back."""
    text = SCENARIO.format(
        timeline="""
          {at: 0s, answers: {DescribeCdnService: {missing: [InstanceId]}, ListAccounts: {values: {TotalCount: -1}}}},
          {at: 1m},
          {at: 2m, answers: {DescribeCdnService: null, ListAccounts: {values: {"Accounts.Account.0": null}}}}
        """
    )
    [account] = parse_scenario(text).accounts
    members = Alteration(values={"TotalCount": -1})
    first = {"DescribeCdnService": Alteration(missing=("InstanceId",)), "ListAccounts": members}

    assert [dict(step.answers) for step in account.timeline] == [
        first,
        first,
        {"ListAccounts": Alteration(values={"Accounts.Account.0": None})},
    ]
    assert account_at(account, 60.0, 0.0).answers == first


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param("{Moon: {}}", "answers.Moon: unknown key; use one of DescribeDcdnIpaService, ", id="operation"),
        pytest.param("{ListAccounts: {missing: Id}}", "missing: seen 'Id'; accepted: a list", id="no list"),
        pytest.param(
            "{ListAccounts: {values: [Id]}}",
            "values: seen a list; accepted: a mapping of names and their values",
            id="no mapping",
        ),
        pytest.param("{ListAccounts: {lacks: []}}", "lacks: unknown key; use one of missing, values", id="key"),
        pytest.param("{ListAccounts: {missing: [a.]}}", "the path of a field is 'a.'", id="path"),
    ],
)
def test_a_file_says_where_it_makes_no_sense(written: str, problem: str) -> None:
    """As with every other key."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(SCENARIO.format(timeline=f"{{at: 0s, answers: {written}}}"))
    assert problem in str(caught.value)


def test_what_is_set_by_hand_is_above_the_timeline(
    simulate: Callable[..., Simulator],
    connect: Callable[[Simulator], socket.socket],
    signed: Callable[..., bytes],
    ask: Callable[[socket.socket, bytes], tuple[HTTPResponse, bytes]],
) -> None:
    """Any field of any operation, but not of a refusal, until it is given back."""
    simulator = simulate()
    connection = connect(simulator)

    def answer() -> Any:
        response, body = ask(connection, signed())
        return response.status, json.loads(body)

    usual = answer()[1]
    alteration = Alteration(missing=("RequestId",), values={"OperationLocks.LockReason": [{"LockReason": 7}]})
    simulator.set_alteration("alice", alteration, action="DescribeDcdnIpaService")
    usual["OperationLocks"] = {"LockReason": [{"LockReason": 7}]}
    del usual["RequestId"]
    assert answer() == (200, usual)
    simulator.set_service("alice", ServiceState(activated=False))
    status, refusal = answer()
    assert (status, refusal["Code"], "RequestId" in refusal) == (403, "DcdnIpaServiceNotFound", True)
    simulator.set_service("alice", None)
    simulator.set_alteration("alice", None, action="DescribeDcdnIpaService")
    assert answer()[1].keys() == {*usual, "RequestId"}
    with pytest.raises(ValueError, match="action is 'Moon'; accepted: DescribeDcdnIpaService"):
        simulator.set_alteration("alice", alteration, action="Moon")
