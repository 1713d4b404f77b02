"""What a page of ListAccounts says: members of a resource directory, and where the next page begins.

    {"TotalCount": 2, "PageNumber": 1, "PageSize": 100, "NextToken": "TGlzdF…", "RequestId": "7B8A…",
     "Accounts": {"Account": [{"AccountId": "1815…", "DisplayName": "Dev", "AccountName": "dev@rd-….aliyunid.com",
                               "Status": "CreateSuccess", "Type": "ResourceAccount", "DeletionStatus": "", …}]}}

Every row is a member that can be polled, but for those that are being deleted. Status says how an account became a
member, or how far it is from a resource account to a cloud account; Type says which of both it is. Services and roles
exist in all these cases. A check before a deletion, or a deletion that failed, leaves the member as it was. Once a
deletion runs, its services and roles disappear at any moment, and its polls fail.

Sources: https://help.aliyun.com/zh/resource-management/developer-reference/api-resourcedirectorymaster-2022-04-19-listaccounts,
https://www.alibabacloud.com/help/en/resource-management/resource-directory/developer-reference/api-resourcedirectorymaster-2022-04-19-getaccountdeletionstatus
(read 2026-11-22)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.api.credentials.role import ACCOUNT_ID
from exporter.api.fields import AnswerFields, described, printable

_LEAVING = frozenset({"deleting", "success"})


@dataclass(frozen=True, slots=True)
class Member:
    """A member account that can be polled.

    ``name`` is what people call it, printable and of any length; empty where the directory has no name for it.
    """

    account_id: str
    name: str = ""

    def __post_init__(self) -> None:
        if ACCOUNT_ID.fullmatch(self.account_id) is None:
            raise ValueError(f"the id of a member is 1 to 32 digits, seen {self.account_id!r}")
        if self.name != printable(self.name):
            raise ValueError(f"the name of a member is printable, without spaces around it, seen {self.name!r}")

    @property
    def place(self) -> tuple[int, str]:
        """The order of members: their ids as numbers."""
        return len(self.account_id), self.account_id


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Members in the order of the answer; ``next_token`` requests the next page; None: there is none."""

    members: tuple[Member, ...]
    next_token: str | None


def parse_member_page(payload: Mapping[str, object], request_id: str | None) -> MemberPage:
    """Return the members on a page; raises MalformedReply when any row makes no sense."""
    answer = AnswerFields(payload, request_id)
    return MemberPage(tuple(_members(answer, request_id)), next_token=answer.text("NextToken"))


def _members(answer: AnswerFields, request_id: str | None) -> Iterator[Member]:
    for index, row in enumerate(_rows(answer)):
        path = f"Accounts.Account[{index}]"
        if not isinstance(row, dict):
            raise answer.malformed(path, described(row), "an object")
        fields = AnswerFields(row, request_id, path=f"{path}.")
        account_id = fields.text("AccountId")
        if account_id is None or ACCOUNT_ID.fullmatch(account_id) is None:
            raise fields.malformed("AccountId", described(row.get("AccountId")), "the digits of an account id")
        if (fields.text("DeletionStatus") or "").casefold() not in _LEAVING:
            yield Member(account_id, fields.text("DisplayName") or fields.text("AccountName") or "")


def _rows(answer: AnswerFields) -> list[object]:
    """The rows; the list may be missing only where TotalCount is 0."""
    if not answer.payload.get("Accounts") and answer.text("TotalCount") == "0":
        return []
    accounts = answer.inside("Accounts")
    rows = accounts.payload.get("Account")
    if rows is None and answer.text("TotalCount") == "0":
        return []
    if not isinstance(rows, list):
        raise accounts.malformed("Account", described(rows), "a list of members")
    return rows
