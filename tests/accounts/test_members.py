import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.accounts.members import Member, parse_members
from exporter.api.errors import MalformedReply
from tests.json_values import JSON, TEXTS

ROW = {
    "AccountId": "1815000000000001",
    "AccountName": "dev@rd-abc.aliyunid.com",
    "DisplayName": "Dev",
    "FolderId": "r-Wm****",
    "JoinMethod": "created",
    "JoinTime": "2021-01-18T08:01:50.522Z",
    "Status": "CreateSuccess",
    "Type": "ResourceAccount",
}
DEV = Member("1815000000000001", "Dev")


def page(*rows: object, **fields: object) -> dict[str, object]:
    return {"TotalCount": len(rows), "NextToken": "", "Accounts": {"Account": [*rows]}, **fields}


def refusal(payload: dict[str, object]) -> str:
    with pytest.raises(MalformedReply) as caught:
        parse_members(payload, "request-1")
    assert caught.value.request_id == "request-1"
    return caught.value.explanation


def test_members_stand_in_order_of_their_ids() -> None:
    """Each has its id and its name."""
    other = ROW | {"AccountId": "7", "DisplayName": "Seven"}

    assert parse_members(page(ROW, other), None) == (Member("7", "Seven"), DEV)


def test_a_member_that_comes_twice_is_one() -> None:
    """Under the newer name, as long as no other one is missing for that."""
    newer = ROW | {"DisplayName": "Dev 2"}

    assert parse_members(page(ROW, newer, TotalCount=1), None) == (Member(DEV.account_id, "Dev 2"),)
    assert refusal(page(ROW, newer, TotalCount=2)) == ("TotalCount: seen 2 with 1 account; accepted: the whole list")


def test_a_member_that_is_being_deleted_is_no_missing_one() -> None:
    """It is counted as a row."""
    assert parse_members(page(ROW, ROW | {"AccountId": "7", "DeletionStatus": "Deleting"}), None) == (DEV,)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        pytest.param({"DisplayName": "Dev"}, "Dev", id="display name"),
        pytest.param({"DisplayName": " 视频\n"}, "视频", id="trimmed"),
        pytest.param({"DisplayName": ""}, "dev@rd-abc.aliyunid.com", id="none for display"),
        pytest.param({"DisplayName": None, "AccountName": None}, "", id="none"),
        pytest.param({"DisplayName": "a\x00b"}, "a b", id="not printable"),
        pytest.param({"DisplayName": "x" * 200}, "x" * 200, id="long"),
        pytest.param({"DisplayName": {"a": 1}}, "dev@rd-abc.aliyunid.com", id="none for display that is a text"),
        pytest.param({"DisplayName": ["x"], "AccountName": True}, "", id="none that is a text"),
    ],
)
def test_the_display_name_comes_before_the_account_name(fields: dict[str, object], name: str) -> None:
    """A member is known by what people see in the console; it may have no name at all."""
    assert parse_members(page(ROW | fields), None) == (Member(DEV.account_id, name),)


def test_an_account_id_may_be_a_number() -> None:
    """As in answers of other operations, and with a fraction of zero, as some writers of JSON have it."""
    assert parse_members(page(ROW | {"AccountId": 1815000000000001}), None) == (DEV,)
    assert parse_members(page(ROW | {"AccountId": 1815000000000001.0}, TotalCount=1.0), None) == (DEV,)


@pytest.mark.parametrize(
    ("fields", "polled"),
    [
        *(
            pytest.param({"Status": status}, True, id=status)
            for status in (
                "CreateSuccess",
                "InviteSuccess",
                "PromoteVerifying",
                "PromoteFailed",
                "PromoteExpired",
                "PromoteCancelled",
                "PromoteSuccess",
                "SomethingNew",
            )
        ),
        pytest.param({"Type": "CloudAccount"}, True, id="CloudAccount"),
        pytest.param({"DeletionStatus": ""}, True, id="no deletion"),
        pytest.param({"DeletionStatus": None}, True, id="null deletion"),
        pytest.param({"DeletionStatus": "Checking"}, True, id="Checking"),
        pytest.param({"DeletionStatus": "CheckFailed"}, True, id="CheckFailed"),
        pytest.param({"DeletionStatus": "DeleteFailed"}, True, id="DeleteFailed"),
        pytest.param({"DeletionStatus": "SomethingNew"}, True, id="unknown deletion"),
        pytest.param({"DeletionStatus": ["x"]}, True, id="a deletion that is no text"),
        pytest.param({"DeletionStatus": "Deleting"}, False, id="Deleting"),
        pytest.param({"DeletionStatus": "Success"}, False, id="deleted"),
    ],
)
def test_a_member_counts_until_it_is_being_deleted(fields: dict[str, object], polled: bool) -> None:  # noqa: FBT001 - a row's fact
    """How it became one, or what kind of account it is, takes neither its services nor its roles away."""
    assert parse_members(page(ROW | fields), None) == ((DEV,) if polled else ())


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"TotalCount": 0, "Accounts": {"Account": []}}, id="empty list"),
        pytest.param({"TotalCount": 0, "Accounts": {}}, id="no list"),
        pytest.param({"TotalCount": "0", "Accounts": {"Account": None}}, id="null"),
        pytest.param({"TotalCount": 0}, id="nothing"),
    ],
)
def test_a_directory_may_have_no_members(payload: dict[str, object]) -> None:
    """Where the list is missing, the count has to say so."""
    assert parse_members(payload, None) == ()


@pytest.mark.parametrize(
    ("payload", "explanation"),
    [
        pytest.param({}, "Accounts: seen NoneType None; accepted: an object", id="empty"),
        pytest.param(
            {"TotalCount": 2, "Accounts": {}},
            "Accounts.Account: seen NoneType None; accepted: a list",
            id="members that are counted and not listed",
        ),
        pytest.param(
            {"TotalCount": 0, "Accounts": {"Account": {}}},
            "Accounts.Account: seen dict {}; accepted: a list",
            id="no list",
        ),
        pytest.param(page(ROW, "x"), "Accounts.Account[1]: seen str 'x'; accepted: an object", id="no object"),
        pytest.param(
            page({}),
            "Accounts.Account[0].AccountId: seen NoneType None; accepted: the digits of an account id",
            id="no id",
        ),
        pytest.param(
            page(ROW, ROW | {"AccountId": "12a"}),
            "Accounts.Account[1].AccountId: seen str '12a'; accepted: the digits of an account id",
            id="letters",
        ),
        pytest.param(
            page(ROW | {"AccountId": "١٢٣"}),
            "Accounts.Account[0].AccountId: seen str '١٢٣'; accepted: the digits of an account id",
            id="other digits",
        ),
        pytest.param(
            page(ROW | {"AccountId": float(2**53)}),
            f"Accounts.Account[0].AccountId: seen float {float(2**53)}; accepted: a text",
            id="a number that is not exact",
        ),
        pytest.param(
            page(ROW, TotalCount=1.5),
            "TotalCount: seen float 1.5; accepted: a number of rows",
            id="a count that is no whole number",
        ),
    ],
)
def test_one_row_that_makes_no_sense_spoils_the_list(payload: dict[str, object], explanation: str) -> None:
    """Left out, it would look like a member that has gone."""
    assert refusal(payload) == explanation


@pytest.mark.parametrize(
    ("account_id", "name"),
    [("", "a"), ("12a", "a"), ("1" * 33, "a"), ("1", " a"), ("1", "a\nb")],
)
def test_bad_members_do_not_exist(account_id: str, name: str) -> None:
    """An id is digits, and a name can stand on a label and in a line of the log."""
    with pytest.raises(ValueError, match="of a member is"):
        Member(account_id, name)


def test_members_are_ordered_by_their_ids_as_numbers() -> None:
    """So that the order does not depend on how many digits they have."""
    members = [Member(account_id) for account_id in ("100", "20", "3")]
    assert [member.account_id for member in sorted(members, key=lambda member: member.place)] == ["3", "20", "100"]


@given(
    row=st.dictionaries(st.sampled_from(["AccountId", "DisplayName", "DeletionStatus"]) | TEXTS, JSON, max_size=4),
    more=st.dictionaries(st.sampled_from(["TotalCount", "Accounts"]) | TEXTS, JSON, max_size=2),
)
def test_any_json_object_is_a_page_or_malformed(row: dict[str, object], more: dict[str, object]) -> None:
    """Nothing that the network could bring is a defect, and each message about it can be written as UTF-8."""
    try:
        told = repr(parse_members({"Accounts": {"Account": [{"AccountId": "1"} | row]}} | more, None))
    except MalformedReply as error:
        told = error.explanation

    assert told.isprintable()
    told.encode()
