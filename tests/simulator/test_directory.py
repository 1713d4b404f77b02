"""Members are listed a page at a time."""

import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from exporter.simulator import Account, Member, Scenario, Simulator, Step
from exporter.simulator.directory import list_members
from exporter.simulator.errors import GatewayError

MEMBERS = tuple(Member(str(number), f"member {number}") for number in (20, 3, 100, 21, 1))
LIST = {"action": "ListAccounts", "version": "2022-04-19"}


def ids_on(page: dict[str, Any]) -> list[str]:
    """Return the account ids of a page."""
    return [row["AccountId"] for row in page["Accounts"]["Account"]]


def test_a_page() -> None:
    """A page has its place, the number of all members, and what is known of each."""
    member = Member("20", "shop", status="InviteSuccess", type="CloudAccount", join_time="2022-02-02T02:02:02.222Z")
    assert list_members([member], {}) == {
        "TotalCount": 1,
        "PageNumber": 1,
        "PageSize": 10,
        "NextToken": "",
        "Accounts": {
            "Account": [
                {
                    "AccountId": "20",
                    "AccountName": "shop@rd-simulated.aliyunid.com",
                    "DisplayName": "shop",
                    "FolderId": "fd-simulated",
                    "JoinMethod": "invited",
                    "JoinTime": "2022-02-02T02:02:02.222Z",
                    "ModifyTime": "2022-02-02T02:02:02.222Z",
                    "ResourceDirectoryId": "rd-simulated",
                    "Status": "InviteSuccess",
                    "Type": "CloudAccount",
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("parameters", "ids", "number"),
    [
        pytest.param({}, ["1", "3", "20", "21", "100"], 1, id="all by default"),
        pytest.param({"PageSize": "2"}, ["1", "3"], 1, id="first"),
        pytest.param({"PageSize": "2", "PageNumber": "3"}, ["100"], 3, id="last"),
        pytest.param({"PageSize": "2", "PageNumber": "4"}, [], 4, id="behind the last"),
    ],
)
def test_pages_by_number(parameters: dict[str, str], ids: list[str], number: int) -> None:
    """Pages have numbers from 1 on, and no token."""
    page = list_members(MEMBERS, parameters)
    assert (ids_on(page), page["PageNumber"], page["TotalCount"], page["NextToken"]) == (ids, number, 5, "")


@pytest.mark.parametrize("size", [1, 2, 4, 5, 100])
def test_pages_by_token(size: int) -> None:
    """Every member is on exactly one page, and the last page has an empty token."""
    seen: list[str] = []
    parameters = {"MaxResults": str(size)}
    pages = 0
    while True:
        page = list_members(MEMBERS, parameters)
        seen += ids_on(page)
        pages += 1
        if not page["NextToken"]:
            break
        parameters["NextToken"] = str(page["NextToken"])
    assert seen == ["1", "3", "20", "21", "100"]
    assert pages == -(-5 // size)


TAGGED = (
    Member("1", "shop", tags={"team": "video", "stage": "live"}),
    Member("2", "Shop 测试", tags={"team": "video", "stage": "test"}),
    Member("30", "video", tags={"team": "shop"}),
)


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        pytest.param({"QueryKeyword": "shop"}, ["1", "2"], id="name"),
        pytest.param({"QueryKeyword": "测试"}, ["2"], id="Chinese name"),
        pytest.param({"QueryKeyword": "30"}, ["30"], id="account id"),
        pytest.param({"QueryKeyword": ""}, ["1", "2", "30"], id="empty keyword"),
        pytest.param({"QueryKeyword": "team"}, [], id="nowhere"),
        pytest.param({"Tag.1.Key": "team"}, ["1", "2", "30"], id="tag of any value"),
        pytest.param({"Tag.1.Key": "stage"}, ["1", "2"], id="tag that one has not"),
        pytest.param({"Tag.1.Key": "team", "Tag.1.Value": "video"}, ["1", "2"], id="tag"),
        pytest.param({"Tag.1.Key": "team", "Tag.1.Value": "live"}, [], id="value of another tag"),
        pytest.param(
            {"Tag.1.Key": "team", "Tag.1.Value": "video", "Tag.2.Key": "stage", "Tag.2.Value": "test"},
            ["2"],
            id="two tags",
        ),
        pytest.param({"QueryKeyword": "shop", "Tag.1.Key": "stage", "Tag.1.Value": "live"}, ["1"], id="both"),
    ],
)
def test_members_are_filtered(parameters: dict[str, str], ids: list[str]) -> None:
    """A keyword is part of a name or id; of tags a member has all, and the total counts who is left."""
    page = list_members(TAGGED, parameters)
    assert (ids_on(page), page["TotalCount"]) == (ids, len(ids))
    by_token = list_members(TAGGED, {**parameters, "MaxResults": "1"})
    assert (ids_on(by_token), bool(by_token["NextToken"])) == (ids[:1], len(ids) > 1)


def test_tags_are_listed_on_demand() -> None:
    """Only IncludeTags brings them."""
    [row] = list_members(TAGGED[2:], {"IncludeTags": "true"})["Accounts"]["Account"]  # type: ignore[index] # of objects
    assert row["Tags"] == {"Tag": [{"Key": "team", "Value": "shop"}]}
    [row] = list_members(TAGGED[2:], {"IncludeTags": "false"})["Accounts"]["Account"]  # type: ignore[index] # of objects
    assert "Tags" not in row


def test_members_that_come_and_go_between_pages() -> None:
    """A token holds its place: nobody who stays is left out or listed twice."""
    first = list_members(MEMBERS, {"MaxResults": "2"})
    changed = [member for member in MEMBERS if member.account_id not in ("1", "3")] + [Member("2", "new")]
    second = list_members(changed, {"MaxResults": "2", "NextToken": str(first["NextToken"])})
    assert (ids_on(first), ids_on(second)) == (["1", "3"], ["20", "21"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MaxResults", "0"),
        ("MaxResults", "101"),
        ("MaxResults", ""),
        ("PageSize", "101"),
        ("PageSize", "x"),
        ("PageNumber", "0"),
        ("PageNumber", "9" * 5000),
        ("NextToken", "x"),
        ("NextToken", "YmVmb3JlIDE="),
        ("NextToken", "ä"),
    ],
)
def test_a_page_that_does_not_exist(name: str, value: str) -> None:
    """Each parameter has bounds, and a token is one that was given out."""
    with pytest.raises(GatewayError) as caught:
        list_members(MEMBERS, {name: value})
    assert (caught.value.status, caught.value.code) == (400, f"InvalidParameter.{name}")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param({"account_id": "x"}, "the account_id of a member is 'x'; accepted: digits", id="id"),
        pytest.param({"display_name": ""}, "the display_name of the member 1 is empty", id="name"),
        pytest.param(
            {"status": "Gone"}, "the status of the member 1 is 'Gone'; accepted: CreateSuccess,", id="status"
        ),
        pytest.param({"type": "X"}, "the type of the member 1 is 'X'; accepted: CloudAccount, Res", id="type"),
    ],
)
def test_bad_members_do_not_exist(parts: dict[str, Any], message: str) -> None:
    """A member that the API would not list is refused."""
    with pytest.raises(ValueError, match=message):
        Member(**{"account_id": "1", "display_name": "one", **parts})
    with pytest.raises(ValueError, match="have the account_id '1'"):
        Step(members=(Member("1", "a"), Member("1", "b")))


def test_only_the_management_account_lists_members(
    simulate: Callable[..., Simulator],
    connect: Callable[[Simulator], socket.socket],
    signed: Callable[..., bytes],
    ask: Any,
    account: Account,
) -> None:
    """Members come and go with the timeline of who manages them, or by hand; anybody else is refused."""
    manager = Account(
        name="manager",
        account_id="10",
        access_key_id="LTAI5tManager",
        access_key_secret="s",
        timeline=(Step(members=MEMBERS), Step(at_s=10, members=MEMBERS[:2])),
    )
    elapsed = [0.0]
    simulator = simulate(Scenario("", (account, manager)), monotonic=lambda: elapsed[0])
    connection = connect(simulator)

    def listed(of: Account, **parameters: str) -> Any:
        _, body = ask(connection, signed(of, target=f"/?{urlencode(parameters)}", **LIST))
        page = json.loads(body)
        return page.get("Code") or ids_on(page)

    assert listed(manager, MaxResults="2") == ["1", "3"]
    assert listed(account) == "ResourceDirectoryNotInUse"
    elapsed[0] = 10.0
    assert listed(manager) == ["3", "20"]
    simulator.set_members("manager", [])
    assert listed(manager) == []
    simulator.set_members("manager", None)
    assert listed(manager) == ["3", "20"]
    simulator.set_denied("manager", ["ListAccounts"])
    assert listed(manager) == "NoPermission"
    with pytest.raises(ValueError, match="have the account_id '20'"):
        simulator.set_members("manager", [MEMBERS[0], MEMBERS[0]])
