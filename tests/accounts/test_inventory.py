from collections.abc import Iterable, Mapping

import pytest

from exporter.accounts.inventory import MemberRole, WatchedAccount, accounts_to_watch
from exporter.accounts.members import Member
from exporter.app import VOCABULARY
from exporter.config import (
    Configuration,
    DefaultCredentials,
    EcsRamRoleCredentials,
    RamRoleCredentials,
    parse,
)

ROLE = "credentials: {type: ram_role, role_arn: 'acs:ram::100001:role/r'}"
MAIN = "{name: main, role_name: DcdnReader}"


def configuration(text: str) -> Configuration:
    return parse(text, source="test.yaml", vocabulary=VOCABULARY)


def watched(
    text: str, *listed: Iterable[Member], known_ids: Mapping[str, str] | None = None
) -> tuple[WatchedAccount, ...]:
    """The inventory of a file, each of whose directories lists these members."""
    read = configuration(text)
    directories = read.discovery.resource_directories
    return accounts_to_watch(read.accounts, known_ids or {}, zip(directories, listed, strict=True))


def names(accounts: Iterable[WatchedAccount]) -> list[str]:
    return [account.name for account in accounts]


def test_an_account_of_the_file_is_watched_as_it_says() -> None:
    """Nothing of it is lost."""
    (account,) = watched("""
        accounts:
          - {name: shop, site: international, labels: {team: video}, account_id: "100001", products: [dcdn, cdn],
             debt_status: true, balance: false, credentials: {type: ecs_ram_role}}
        """)
    assert account == WatchedAccount(
        name="shop",
        account_id="100001",
        site="international",
        products=frozenset({"dcdn", "cdn"}),
        switches=frozenset({"debt_status"}),
        credentials=EcsRamRoleCredentials(type="ecs_ram_role"),
        account_name="",
        labels={"team": "video"},
    )


def test_a_member_is_watched_as_its_directory_says() -> None:
    """Under its id, through the role in it that the directory's identity assumes."""
    (member,) = watched(
        """
        discovery:
          resource_directories:
            - {name: main, site: international, credentials: {type: ecs_ram_role}, role_name: DcdnReader,
               external_id: a-b, products: [dcdn, cdn], debt_status: true, balance: true}
        """,
        [Member("100001", "shop")],
    )
    assert member == WatchedAccount(
        name="100001",
        account_id="100001",
        site="international",
        products=frozenset({"dcdn", "cdn"}),
        switches=frozenset({"debt_status", "balance"}),
        credentials=MemberRole(
            role_arn="acs:ram::100001:role/DcdnReader",
            source=EcsRamRoleCredentials(type="ecs_ram_role"),
            external_id="a-b",
        ),
        account_name="shop",
    )
    assert "a-b" not in repr(member)


def test_a_directory_may_be_read_through_a_role() -> None:
    """Then a role assumes the role in the member."""
    (member,) = watched(
        "discovery: {resource_directories: [{name: main, role_name: r, credentials: "
        "{type: ram_role, role_arn: 'acs:ram::9:role/admin', external_id: e-9}}]}",
        [Member("100001")],
    )
    assert member.credentials == MemberRole(
        role_arn="acs:ram::100001:role/r",
        source=RamRoleCredentials(
            type="ram_role", role_arn="acs:ram::9:role/admin", external_id="e-9", source=DefaultCredentials()
        ),
    )


def test_what_the_file_says_for_all_holds_for_members() -> None:
    """Where the directory has no word of its own."""
    (member,) = watched(
        f"products: [cdn]\nbalance: true\ndiscovery: {{resource_directories: [{MAIN}]}}", [Member("1")]
    )
    assert (member.products, member.switches) == (frozenset({"cdn"}), frozenset({"balance"}))


def test_the_file_comes_first_and_members_in_order_of_their_ids() -> None:
    """Whatever the order in which they were listed, and in which directory."""
    accounts = watched(
        "accounts: [{name: z}, {name: a}]\n"
        "discovery: {resource_directories: [{name: one, role_name: r}, {name: two, role_name: r}]}",
        [Member("20"), Member("100")],
        [Member("3"), Member("21")],
    )
    assert names(accounts) == ["z", "a", "3", "20", "21", "100"]


@pytest.mark.parametrize(
    ("account", "known_ids", "watching"),
    [
        pytest.param('name: a, account_id: "100001"', {}, ["a", "100002"], id="by its id"),
        pytest.param(f"name: a, {ROLE}", {}, ["a", "100002"], id="by the ARN of its role"),
        pytest.param("name: a", {"a": "100001"}, ["a", "100002"], id="by the id learned"),
        pytest.param("name: a", {}, ["a", "100001", "100002"], id="id not known yet"),
        pytest.param("name: a", {"b": "100001"}, ["a", "100001", "100002"], id="id of a name no longer there"),
        pytest.param(
            'name: a, account_id: "100003"', {"a": "100001"}, ["a", "100001", "100002"], id="the file's word counts"
        ),
        pytest.param('name: "100001", account_id: "100001"', {}, ["100001", "100002"], id="named by its id"),
    ],
)
def test_an_account_of_the_file_wins_over_the_same_one_found(
    account: str, known_ids: dict[str, str], watching: list[str]
) -> None:
    """By its id, however that is known; the management account of a directory is no exception, listed or not."""
    accounts = watched(
        f"accounts: [{{{account}}}]\ndiscovery: {{resource_directories: [{MAIN}]}}",
        [Member("100001"), Member("100002")],
        known_ids=known_ids,
    )
    assert names(accounts) == watching
    assert isinstance(accounts[1].credentials, MemberRole)


def test_the_same_account_may_stand_in_the_file_twice() -> None:
    """Under two names, with other products or labels."""
    text = 'accounts: [{name: a, account_id: "100001"}, {name: b, account_id: "100001"}]'
    assert names(watched(text)) == ["a", "b"]


def test_the_first_directory_wins() -> None:
    """A member of two is watched as the first one in the file says."""
    accounts = watched(
        "discovery: {resource_directories: [{name: one, role_name: first}, {name: two, role_name: second}]}",
        [Member("2")],
        [Member("1"), Member("2")],
    )
    roles = {account.name: account.credentials for account in accounts}
    assert {name: role.role_arn for name, role in roles.items() if isinstance(role, MemberRole)} == {
        "1": "acs:ram::1:role/second",
        "2": "acs:ram::2:role/first",
    }


def test_no_two_accounts_share_a_name() -> None:
    """An account of the file with a short number for a name keeps it, though a member had that for an id."""
    accounts = watched(f'accounts: [{{name: "7"}}]\ndiscovery: {{resource_directories: [{MAIN}]}}', [Member("7")])
    assert [(account.name, account.account_id) for account in accounts] == [("7", None)]


@pytest.mark.parametrize(
    ("name", "account_name"),
    [("shop", "shop"), ("", ""), ("x" * 64, "x" * 64), ("x" * 65, "x" * 64), ("x" * 63 + " y", "x" * 63)],
)
def test_the_name_of_a_member_fits_a_label(name: str, account_name: str) -> None:
    """Patterns have seen the whole of it by then."""
    (member,) = watched(f"discovery: {{resource_directories: [{MAIN}]}}", [Member("1", name)])
    assert member.account_name == account_name


FILE = """
accounts:
  - name: shop
    labels: {team: video}
    products: [dcdn, cdn]
    credentials: {type: access_key, access_key_id: id-1, access_key_secret: secret-1}
discovery:
  resource_directories:
    - {name: main, role_name: DcdnReader, external_id: a-b}
"""


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        pytest.param("", "", [], id="nothing"),
        pytest.param("[dcdn, cdn]", "[cdn, dcdn]", [], id="the order of products"),
        pytest.param("name: main", "name: other", [], id="the name of the directory"),
        pytest.param("a-b}", "a-b, include: ['1.*'], refresh_interval: 1h}", [], id="how members are found"),
        pytest.param("team: video", "team: audio", ["shop"], id="a label"),
        pytest.param("[dcdn, cdn]", "[dcdn]", ["shop"], id="a product"),
        pytest.param("secret-1", "secret-2", ["shop"], id="a secret"),
        pytest.param("DcdnReader", "Reader", ["100001"], id="the role"),
        pytest.param("a-b", "a-c", ["100001"], id="the external id"),
        pytest.param("a-b}", "a-b, site: international}", ["100001"], id="the site"),
        pytest.param(
            "a-b}", "a-b, credentials: {type: ecs_ram_role}}", ["100001"], id="the credentials of the directory"
        ),
    ],
)
def test_accounts_are_equal_when_nothing_about_them_changed(old: str, new: str, changed: list[str]) -> None:
    """So that a reload touches only the others."""
    before = watched(FILE, [Member("100001", "m")])
    after = watched(FILE.replace(old, new), [Member("100001", "m")])

    assert [one.name for one, other in zip(before, after, strict=True) if one != other] == changed
    assert len({hash(account) for account in (*before, *watched(FILE, [Member("100001", "m")]))}) == 2


def test_a_learned_id_makes_no_other_account() -> None:
    """Its polls go on where they were."""
    assert watched("accounts: [{name: a}]") == watched("accounts: [{name: a}]", known_ids={"a": "100001"})


def test_a_member_with_another_name_is_shown_under_it() -> None:
    """The new name is a change of the account."""
    text = f"discovery: {{resource_directories: [{MAIN}]}}"
    assert watched(text, [Member("1", "a")]) != watched(text, [Member("1", "b")])


@pytest.mark.parametrize(("name", "products"), [("", ["dcdn"]), ("a", [])])
def test_bad_accounts_do_not_exist(name: str, products: list[str]) -> None:
    """Each has a name, and something to watch."""
    with pytest.raises(ValueError, match="an account has a name and a product"):
        WatchedAccount(name, None, "china", frozenset(products), frozenset(), DefaultCredentials())
