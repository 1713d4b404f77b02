"""Keys that a section does not have, as slips and copies from elsewhere make them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import ConfigurationError, load_web

Refused = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "accounts: [{name: a}]\nshare: 1\n",
            "2: share: unknown key here: it is a key of rate_limit; ",
            id="outside",
        ),
        pytest.param(
            "accounts: [{name: a, access_key_id: x}]",
            "1: accounts[0].access_key_id: unknown key here: it is a key of credentials; ",
            id="beside-its-section",
        ),
        pytest.param(
            "accounts: [{name: a, poll: {}}]",
            "1: accounts[0].poll: unknown key here: it is a key of the top level; ",
            id="too-deep",
        ),
        pytest.param(
            "accounts: [{name: a}]\nbasic_auth_users: {}\n",
            "2: basic_auth_users: unknown key here: it is a key of the file of --web.config.file; ",
            id="of-the-other-file",
        ),
        pytest.param(
            "accounts: [{name: a, credentials: {type: default, role_arn: x}}]",
            "1: accounts[0].credentials.role_arn: unknown key; use type",
            id="of-another-type",
        ),
    ],
)
def test_a_key_of_another_section_is_sent_home(refused: Refused, text: str, said: str) -> None:
    """The outermost section that has it."""
    assert any(problem.startswith(said) for problem in refused(text)), refused(text)


def test_the_configuration_is_no_web_configuration(tmp_path: Path) -> None:
    """Each names the flag of the other."""
    file = tmp_path / "web.yaml"
    file.write_text("accounts: []\n")
    with pytest.raises(ConfigurationError, match=r"unknown key here: it is a key of the file of --config\.file; use"):
        load_web(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "accounts：\n  - name：a\n",
            "1: (top level): seen text (not shown) (it has ： in place of a colon and a space); accepted: a mapping",
            id="colons",
        ),
        pytest.param(
            "accounts: [{name: a}]\npoll:\u00a060s: x\n", "(it has U+00A0 in place of a space)", id="no-break-space"
        ),
        pytest.param(
            "accounts:\n\u3000\u3000- name: a\n", "(it has U+3000 in place of a space)", id="full-width-space"
        ),
    ],
)
def test_characters_of_input_methods_are_named(refused: Refused, text: str, said: str) -> None:
    """Editors show them like those of YAML."""
    assert any(problem.endswith(said) for problem in refused(text)), refused(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("products: [DCDN]", "dcdn", id="product"),
        pytest.param("rate_limit: {calls_per_second: {assumerole: 1}}", "AssumeRole", id="operation"),
        pytest.param("POLL: {}", "poll", id="key"),
    ],
)
def test_a_slip_of_case_is_recognized(refused: Refused, text: str, meant: str) -> None:
    """Names of products are in small letters, those of operations are not."""
    (problem,) = refused(f"{text}\naccounts: [{{name: a}}]")
    assert problem.endswith(f"(did you mean {meant}?)")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("products: [ipa]", "dcdn_ipa", id="product"),
        pytest.param("poll: {workers: 4}", "max_workers", id="key"),
    ],
)
def test_a_part_of_a_name_is_recognized(refused: Refused, text: str, meant: str) -> None:
    """As the vendor's console says IPA."""
    (problem,) = refused(f"{text}\naccounts: [{{name: a}}]")
    assert problem.endswith(f"(did you mean {meant}?)")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("export KEY=hunter2\nSECRET=hunter2\n", id="environment"),
        pytest.param("poll: hunter2\naccounts: [{name: a}]", id="section"),
        pytest.param("accounts: id hunter2", id="list-of-sections"),
        pytest.param("accounts: [id hunter2]", id="section-in-a-list"),
        pytest.param("discovery: {resource_directories: hunter2}", id="list-in-a-section"),
    ],
)
def test_a_text_in_place_of_a_section_is_not_shown(refused: Refused, text: str) -> None:
    """It may be what the section holds, with secrets, in another format."""
    (problem,) = refused(text)
    assert "seen text (not shown); accepted: a " in problem


@pytest.mark.parametrize("text", ["~", "null", "---\n", "--- ~\n...\n", ""])
def test_a_file_with_nothing_in_it_names_no_account(refused: Refused, text: str) -> None:
    """However it says nothing."""
    assert refused(text) == [
        "1: accounts: no account is named; name one here or a directory in discovery.resource_directories"
    ]
