import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from exporter.app import VOCABULARY
from exporter.config import Configuration, format_duration, json_schema
from exporter.config.values import PATTERN

ROOT = Path(__file__).parent.parent.parent
SCHEMA = ROOT / "deploy" / "dcdn-exporter.schema.json"
EXAMPLE = ROOT / "deploy" / "config.example.yaml"
BAD_CONFIG = sorted((ROOT / "tests" / "bad_config").glob("*.yaml"))

# Files whose problems only the exporter sees: what YAML allows or JSON has no word for, and rules between two keys.
LEFT_TO_THE_EXPORTER = {
    "account_of_an_oidc_role",
    "line_separator",
    "merge_key",
    "not_utf_8",
    "poll_above_half_of_stale",
    "poll_at_odds",
    "poll_timeout_above_interval",
    "rate_limit_not_a_number",
}


@pytest.fixture(scope="session")
def validator() -> Draft202012Validator:
    return Draft202012Validator(json_schema(vocabulary=VOCABULARY))


def test_the_schema_in_the_repository_is_that_of_the_models(request: pytest.FixtureRequest) -> None:
    """After a change, `pytest --write-golden` writes it anew."""
    current = json.dumps(json_schema(vocabulary=VOCABULARY), indent=2, ensure_ascii=False) + "\n"
    if request.config.getoption("--write-golden"):
        SCHEMA.write_text(current, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == current


def test_the_schema_is_one() -> None:
    """By the rules of its dialect."""
    Draft202012Validator.check_schema(json_schema(vocabulary=VOCABULARY))


def test_the_example_is_valid(validator: Draft202012Validator) -> None:
    """And names the schema, which lies beside it, for editors."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []
    assert text.split("\n")[0] == f"# yaml-language-server: $schema={SCHEMA.name}"


def test_what_the_schema_cannot_refuse_is_known(validator: Draft202012Validator) -> None:
    """Every other bad file that is YAML at all is refused in an editor already."""
    accepted = {
        file.stem for file in BAD_CONFIG if is_valid(validator, file.read_text(encoding="utf-8", errors="replace"))
    }
    assert accepted == LEFT_TO_THE_EXPORTER


def test_every_key_says_what_it_is_for() -> None:
    """Or at least what it accepts: editors show that beside the key."""
    schema = json_schema(vocabulary=VOCABULARY)
    sections = {"": schema, **schema["$defs"]}
    keys = {
        f"{name}.{key}": value for name, section in sections.items() for key, value in section["properties"].items()
    }
    assert [key for key, value in keys.items() if not value["description"]] == []


def test_unknown_keys_are_refused_everywhere() -> None:
    """A slip in a key is marked while it is typed."""
    schema = json_schema(vocabulary=VOCABULARY)
    sections = {"": schema, **schema["$defs"]}
    assert {name: section["additionalProperties"] for name, section in sections.items()} == dict.fromkeys(
        sections, False
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("accounts: [{name: a}]", id="shortest"),
        pytest.param("discovery: {resource_directories: [{name: a, role_name: r}]}", id="discovery-alone"),
        pytest.param("accounts: [{name: 视频 prod, labels: {}}]", id="any-script"),
        pytest.param(
            "accounts: [{name: x}]\nendpoints: {bss: 'http://[::1]:1', sts: 'http://LocalHost'}", id="loopback"
        ),
        pytest.param(
            "accounts: [{name: a, credentials: {type: ram_role, role_arn: 'acs:ram::1:role/a/b'}}]",
            id="role",
        ),
        pytest.param(
            "accounts: [{name: a}]\nrate_limit: {share: 1, calls_per_second: {AssumeRole: 0.5}}", id="limits"
        ),
        pytest.param("accounts: [{name: '100001', account_id: '100001'}, {name: '10000'}]", id="named-by-id"),
        pytest.param(
            "accounts: [{name: '1', credentials: {type: ram_role, role_arn: 'acs:ram::1:role/r'}},"
            " {name: '100001', credentials: {type: ram_role, role_arn: 'acs:ram::100001:role/r'}}]",
            id="named-by-id-of-role",
        ),
        pytest.param("accounts: [{name: a}]\npoll: {interval: 1h30m, stale_after: 1w}", id="durations"),
    ],
)
def test_what_the_exporter_accepts_the_schema_accepts(
    configure: Callable[[str], Configuration], validator: Draft202012Validator, text: str
) -> None:
    """No editor marks a file that is right."""
    configure(text)
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@given(st.integers(min_value=1, max_value=10**12))
def test_every_duration_is_one_to_the_schema(count: int) -> None:
    """As the exporter writes it, to the millisecond."""
    assert re.search(PATTERN, format_duration(count / 1000))


@pytest.mark.parametrize("text", ["", "60", "30m1h", "1m1m", "1.5h", "1 s", "1S"])
def test_other_texts_are_no_durations_to_the_schema(text: str) -> None:
    """As they are none to the exporter."""
    assert re.search(PATTERN, text) is None


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param({}, id="no-type"),
        pytest.param({"type": "sts"}, id="unknown-type"),
        pytest.param({"type": "access_key", "access_key_id": "x"}, id="no-secret"),
        pytest.param(
            {"type": "access_key", "access_key_id": "x", "access_key_id_file": "y", "access_key_secret": "z"},
            id="both",
        ),
        pytest.param({"type": "default", "access_key_id": "x"}, id="key-of-another-type"),
        pytest.param({"type": "ram_role"}, id="no-role"),
        pytest.param(
            {"type": "ram_role", "role_arn": "acs:ram::1:role/r", "source": {"type": "ram_role"}}, id="role-of-a-role"
        ),
        pytest.param({"type": "profile", "name": None}, id="null"),
    ],
)
def test_the_schema_knows_the_kinds_of_credentials(
    validator: Draft202012Validator, credentials: dict[str, Any]
) -> None:
    """Each with its own keys."""
    assert not validator.is_valid({"accounts": [{"name": "a", "credentials": credentials}]})


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({}, id="alone"),
        pytest.param({"credentials": {"type": "default"}}, id="credentials-without-a-role"),
    ],
)
def test_the_schema_knows_names_that_need_an_id(validator: Draft202012Validator, keys: dict[str, Any]) -> None:
    """From 6 digits on."""
    assert not validator.is_valid({"accounts": [{"name": "100001", **keys}]})
    assert validator.is_valid({"accounts": [{"name": "10000", **keys}]})
    assert validator.is_valid({"accounts": [{"name": "100001a", **keys}]})


def is_valid(validator: Draft202012Validator | Draft7Validator, text: str) -> bool:
    """Whether the text is YAML, and by the schema right. Editors read YAML as if it were JSON: keys are text."""
    try:
        content = json.loads(json.dumps(yaml.safe_load(text), default=str))
    except (yaml.YAMLError, ValueError):
        return False
    return validator.is_valid(content)
