import gc
from collections.abc import Callable

import pytest

from exporter.config import Configuration, DefaultCredentials, EcsRamRoleCredentials, ResourceDirectory

Configure = Callable[[str], Configuration]


@pytest.fixture
def directory(configure: Configure) -> Callable[[str], ResourceDirectory]:
    """The one with these keys, in a file without accounts."""

    def only(keys: str) -> ResourceDirectory:
        text = f"debt_status: true\nproducts: [cdn]\ndiscovery: {{resource_directories: [{{{keys}}}]}}"
        (found,) = configure(text).discovery.resource_directories
        return found

    return only


def test_a_directory_needs_a_name_and_a_role(directory: Callable[[str], ResourceDirectory]) -> None:
    """Everything else has a default; what to poll is what the file says for all."""
    assert directory("name: main, role_name: DcdnReader") == ResourceDirectory.model_construct(
        name="main",
        credentials=DefaultCredentials(),
        role_name="DcdnReader",
        external_id=None,
        site="china",
        refresh_interval_s=600.0,
        include=(),
        exclude=(),
        products=("cdn",),
        switches={"debt_status": True, "balance": False},
    )


def test_every_value_of_a_directory_arrives(directory: Callable[[str], ResourceDirectory]) -> None:
    """Its own word about what to poll wins, also when it is no."""
    assert directory("""
        name: main, credentials: {type: ecs_ram_role}, role_name: DcdnReader, external_id: a-b, site: international,
        refresh_interval: 1h, include: [prod, "1.*"], exclude: [".*-test"], products: [dcdn, dcdn_ipa],
        debt_status: false, balance: true
        """) == ResourceDirectory.model_construct(
        name="main",
        credentials=EcsRamRoleCredentials(type="ecs_ram_role"),
        role_name="DcdnReader",
        external_id="a-b",
        site="international",
        refresh_interval_s=3600.0,
        include=("prod", "1.*"),
        exclude=(".*-test",),
        products=("dcdn", "dcdn_ipa"),
        switches={"debt_status": False, "balance": True},
    )


@pytest.mark.parametrize("accounts", [pytest.param("", id="missing"), pytest.param("accounts: []", id="empty")])
def test_accounts_may_all_be_found(configure: Configure, accounts: str) -> None:
    """A file with a resource directory needs none of its own."""
    found = configure(f"discovery: {{resource_directories: [{{name: a, role_name: r}}]}}\n{accounts}")
    assert (found.accounts, len(found.discovery.resource_directories)) == ((), 1)


def test_no_directory_is_the_default(configure: Configure) -> None:
    """However that is written."""
    texts = ["", "discovery: {}", "discovery: {resource_directories: []}"]
    assert {configure(f"accounts: [{{name: a}}]\n{text}").discovery.resource_directories for text in texts} == {()}


def test_missing_accounts_are_no_problem_beside_a_wrong_directory(refused: Callable[[str], list[str]]) -> None:
    """Once that one is mended, there is where to find some."""
    assert [text.split(";")[0] for text in refused("discovery: {resource_directories: [{name: a}]}")] == [
        "1: discovery.resource_directories[0].role_name: this key is required"
    ]


def test_directories_and_accounts_may_share_a_name(configure: Configure) -> None:
    """They never meet in one label."""
    found = configure("accounts: [{name: a}]\ndiscovery: {resource_directories: [{name: a, role_name: r}]}")
    assert found.accounts[0].name == found.discovery.resource_directories[0].name


@pytest.mark.parametrize(
    ("pattern", "seen"),
    [
        pytest.param("a)", "'a)' (unbalanced parenthesis at character 2)", id="parenthesis"),
        pytest.param("*", "'*' (nothing to repeat at character 1)", id="nothing-to-repeat"),
        pytest.param("\\", "'\\\\' (bad escape (end of pattern) at character 1)", id="escape"),
        pytest.param("(" * 512, "(a number or nesting beyond any use)", id="nesting"),
    ],
)
def test_a_pattern_that_does_not_compile_is_told_with_its_place(
    refused: Callable[[str], list[str]], pattern: str, seen: str
) -> None:
    """Counted from 1, as editors count."""
    gc.collect()  # what tests before this one left cannot end well in the depth that a pattern nests to
    (problem,) = refused(f"discovery: {{resource_directories: [{{name: a, role_name: r, include: ['{pattern}']}}]}}")
    assert seen in problem.split("; accepted")[0]


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(f"include: ['{'x' * 512}']", id="pattern"),
        pytest.param("refresh_interval: 1s", id="shortest-interval"),
        pytest.param("refresh_interval: 1d", id="longest-interval"),
        pytest.param(f"external_id: {'x' * 1224}", id="external-id"),
    ],
)
def test_bounds_of_a_directory_belong_to_what_is_accepted(
    directory: Callable[[str], ResourceDirectory], keys: str
) -> None:
    """Each bound itself can be written."""
    assert directory(f"name: a, role_name: r, {keys}").name == "a"
