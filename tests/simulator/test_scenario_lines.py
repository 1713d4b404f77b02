"""A problem of a scenario file has the line of the file at which it is found."""

import json
import re

import pytest

from tests.simulator.scenarios import error_of


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        pytest.param("a\nb", "1 to 64 printable characters", id="line break"),
        pytest.param('a "b"', 'printable characters without ", no', id="quote"),
        pytest.param(" a", "no space at either end", id="space"),
        pytest.param("a" * 65, "1 to 64 printable", id="long"),
        pytest.param("1234567", "of numbers of 6 digits or more only the account_id", id="like another account"),
    ],
)
def test_a_name_that_no_configuration_can_have(name: str, accepted: str) -> None:
    """It is refused when the scenario is read, with its line there."""
    error = error_of("released", json.dumps(name))
    assert re.match(rf"line 4: accounts\[0\].*; accepted: .*{accepted}", str(error))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "LTAI5tReleased", "密钥", "line 6: accounts[0].access_key_id: seen '密钥'; accepted: 1 to 128", id="id"
        ),
        pytest.param("made-up\n", "密钥\n", "line 7: accounts[0].access_key_secret: seen a value (not", id="secret"),
        pytest.param(
            "made-up-too", "a b", "line 8: accounts[0].security_token: seen a value (not shown)", id="token"
        ),
        pytest.param(
            '"1000000000000002"', '"12a"', "line 5: accounts[0].account_id: seen '12a'; accepted", id="account"
        ),
        pytest.param(
            "repeat_every: 3m",
            'roles: [{name: r, trusted: ["1"], external_id: x}]',
            "line 9: accounts[0].roles[0].external_id: seen 'x'; accepted: 2 to 1224 printable ASCII",
            id="external id",
        ),
        pytest.param(
            "{activated: false, instance_id: FP-1}",
            "{activated: false, locks: [x]}",
            "line 20: accounts[0].timeline[3].services.dcdn_ipa: a service that is not activated has no locks",
            id="locked without being activated",
        ),
        pytest.param(
            "locks: []",
            "locks: [x, y, x]",
            "accounts[0]: timeline[2]: locks has 'x', 'y', 'x'; accepted: each reason once",
            id="lock twice",
        ),
        pytest.param(
            "seconds: 2",
            'seconds: 2, headers: {"": a}',
            "line 16: accounts[0].timeline[1].fault.headers['']: this name is empty; accepted: a text that is",
            id="header without a name",
        ),
        pytest.param(
            "three steps", "''", "line 2: description: seen ''; accepted: a text that is not empty", id="text"
        ),
        pytest.param(
            "description: three steps",
            "description: a\n? '中\t文'\n: 1",
            "line 3: ['中\\t文']: unknown key; use one of",
            id="an odd key",
        ),
        pytest.param("three steps", "a\n\x07", "line 3: broken YAML (the character U+0007, which YAML", id="bell"),
    ],
)
def test_a_problem_names_its_line(old: str, new: str, problem: str) -> None:
    """The line of the innermost value that is in the file."""
    assert problem in str(error_of(old, new))
