"""The RAM policies that we ship allow what is asked and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.ram.policies import policies
from exporter.activation.activation import CDN, OPEN_CDN_SERVICE
from exporter.api.operation import GET_CALLER_IDENTITY, Operation
from exporter.app import VOCABULARY
from exporter.config import parse
from exporter.probes.table import OPERATIONS
from exporter.simulator.operations import OPERATIONS as SIMULATED

FOLDER = Path(__file__).parents[2] / "deploy" / "ram"
RIGHTS = {row.action: row.right for row in SIMULATED}


def statements(name: str) -> list[dict[str, Any]]:
    policy = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert policy["Version"] == "1"
    listed: list[dict[str, Any]] = policy["Statement"]
    return listed


def allowed(name: str) -> list[str]:
    assert {statement["Effect"] for statement in statements(name)} == {"Allow"}
    return [action for statement in statements(name) for action in statement["Action"]]


def test_the_daemons_policy_allows_what_it_asks_and_nothing_else() -> None:
    """Every action of the catalogue that needs a right, each once."""
    asked = [operation.ram_action for operation in OPERATIONS if operation.ram_action is not None]

    assert sorted(allowed("read-only.json")) == sorted(asked)


def test_policies_are_written_from_what_is_called() -> None:
    """The files are those that `make policies` writes."""
    assert {name: (FOLDER / name).read_text(encoding="utf-8") for name in policies()} == policies()


def test_the_commands_policy_allows_to_activate_cdn_and_to_look() -> None:
    """It is another policy than the daemon's, which allows nothing that changes an account."""
    assert allowed("open-cdn.json") == [CDN.operation.ram_action, OPEN_CDN_SERVICE.ram_action]
    rights_to_write = {row.right for row in SIMULATED if row.writes}
    assert rights_to_write == {OPEN_CDN_SERVICE.ram_action}
    assert not rights_to_write & set(allowed("read-only.json"))


def test_a_role_is_assumed_by_its_name_only() -> None:
    """The right to assume roles is one for those of the name that the documents use."""
    (statement,) = (each for each in statements("read-only.json") if "sts:AssumeRole" in each["Action"])

    assert statement["Action"] == ["sts:AssumeRole"]
    assert statement["Resource"] == "acs:ram:*:*:role/dcdn-exporter"


def test_a_member_allows_to_be_polled_and_nothing_else() -> None:
    """Its policy is the daemon's without the rights that only the source of the roles needs."""
    of_the_source = {"resourcemanager:ListAccounts", "sts:AssumeRole"}

    assert allowed("member-read-only.json") == [
        action for action in allowed("read-only.json") if action not in of_the_source
    ]


def test_a_member_trusts_one_identity_that_knows_what_to_say() -> None:
    """Not a whole account; and the external id is one that a configuration may have."""
    (trust,) = statements("member-trust.json")
    (identity,) = trust["Principal"]["RAM"]
    external_id = trust["Condition"]["StringEquals"]["sts:ExternalId"]
    ours = f"""
        accounts: [{{name: ours}}]
        discovery:
          resource_directories: [{{name: all, role_name: dcdn-exporter, external_id: {external_id}}}]
    """

    assert trust.keys() == {"Effect", "Action", "Principal", "Condition"}
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
    assert re.fullmatch(r"acs:ram::[0-9]{16}:user/dcdn-exporter", identity)
    (directory,) = parse(ours, source="a test", vocabulary=VOCABULARY).discovery.resource_directories
    assert directory.external_id == external_id


def test_no_policy_allows_more_than_it_names() -> None:
    """No action has a wildcard, and no policy lists one twice."""
    for file in set(FOLDER.glob("*.json")) - {FOLDER / "member-trust.json"}:
        actions = allowed(file.name)
        assert not [action for action in actions if "*" in action]
        assert len(set(actions)) == len(actions)


@pytest.mark.parametrize("operation", [pytest.param(operation, id=operation.action) for operation in OPERATIONS])
def test_a_right_is_the_one_that_the_simulator_wants(operation: Operation) -> None:
    """Two readings of the vendor's pages agree on it."""
    assert operation.ram_action == RIGHTS[operation.action]


def test_who_calls_needs_no_right_to_be_told() -> None:
    """Of all that the daemon asks, that alone needs none."""
    assert [operation for operation in OPERATIONS if operation.ram_action is None] == [GET_CALLER_IDENTITY]
