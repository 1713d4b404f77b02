"""What ListAccounts says: the members of a resource directory.

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
from exporter.api.pages import objects_in, total_of
from exporter.core.counts import counted

_LIST = ("Accounts", "Account")
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


def parse_members(payload: Mapping[str, object], request_id: str | None) -> tuple[Member, ...]:
    """The members in the list, each once, in order of their ids.

    A member that moves within the directory meanwhile may come twice, and the newer row counts. A name or a deletion
    that makes no sense is none. Raises MalformedReply when a row has no account id, and when there are fewer members
    than TotalCount says.
    """
    answer = AnswerFields(payload, request_id)
    total = total_of(answer)
    members = dict(_rows(answer, may_be_missing=total == 0))
    if len(members) < (total or 0):
        seen = counted(len(members), "account", "accounts")
        raise answer.malformed("TotalCount", f"{total} with {seen}", "the whole list")
    return tuple(sorted((member for member in members.values() if member is not None), key=lambda each: each.place))


def _rows(answer: AnswerFields, *, may_be_missing: bool) -> Iterator[tuple[str, Member | None]]:
    """The account id of each row, and the member, if it can be polled."""
    for fields in objects_in(answer, _LIST, may_be_missing=may_be_missing):
        account_id = fields.text("AccountId")
        if account_id is None or ACCOUNT_ID.fullmatch(account_id) is None:
            seen = described(fields.payload.get("AccountId"))
            raise fields.malformed("AccountId", seen, "the digits of an account id")
        leaves = (fields.auxiliary(fields.text, "DeletionStatus") or "").casefold() in _LEAVING
        names = (fields.auxiliary(fields.text, field) for field in ("DisplayName", "AccountName"))
        name = next(filter(None, names), "")
        yield account_id, None if leaves else Member(account_id, name)
