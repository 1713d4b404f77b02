"""A resource directory: the member accounts of a management account, a page at a time.

https://help.aliyun.com/zh/resource-management/developer-reference/api-resourcedirectorymaster-2022-04-19-listaccounts
(read 2026-11-22).
"""

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from exporter.simulator.call import LONGEST_NUMBER, number_parameter
from exporter.simulator.errors import GatewayError
from exporter.simulator.state import Member

_PAGE_SIZES: Final = range(1, 101)
_DEFAULT_PAGE_SIZE: Final = 10
_PAGE_NUMBERS: Final = range(1, 10**LONGEST_NUMBER)
_TAG: Final = re.compile(r"Tag\.[0-9]+\.Key", re.ASCII).fullmatch


def list_members(members: Sequence[Member] | None, parameters: Mapping[str, str]) -> dict[str, object]:
    """Return a page of members in order of their ids, less its RequestId; raises GatewayError.

    None is an account that manages no directory. With MaxResults or NextToken the pages are turned by token: the next
    begins behind the last member of this one, also if members came or left in between; an empty token is the end.
    Otherwise they are turned by PageNumber. QueryKeyword and Tag.N leave members out; of a keyword the vendor says no
    more than that it is matched fuzzily, here it is a part of the id or of the name, in upper or lower case.

    ```json
    {"TotalCount": 1, "PageNumber": 1, "PageSize": 10, "NextToken": "",
     "Accounts": {"Account": [{"AccountId": "20", "DisplayName": "shop", "Status": "CreateSuccess", ...}]}}
    ```
    """
    if members is None:
        message = (
            "The specified account is neither the management account nor a delegated one of a resource directory."
        )
        raise GatewayError("ResourceDirectoryNotInUse", message)
    with_tags = parameters.get("IncludeTags", "").lower() == "true"
    ordered = sorted((member for member in members if _wanted(member, parameters)), key=_place)
    by_token = "MaxResults" in parameters or bool(parameters.get("NextToken"))
    if by_token:
        size = number_parameter(parameters, "MaxResults", default=_DEFAULT_PAGE_SIZE, accepted=_PAGE_SIZES)
        begin = bisect_right(ordered, _place_in(parameters.get("NextToken", "")), key=_place)
    else:
        size = number_parameter(parameters, "PageSize", default=_DEFAULT_PAGE_SIZE, accepted=_PAGE_SIZES)
        begin = (number_parameter(parameters, "PageNumber", default=1, accepted=_PAGE_NUMBERS) - 1) * size
    page = ordered[begin : begin + size]
    more = by_token and begin + size < len(ordered)
    return {
        "TotalCount": len(ordered),
        "PageNumber": begin // size + 1,
        "PageSize": size,
        "NextToken": _token(page[-1]) if more else "",
        "Accounts": {"Account": [_row(member, with_tags=with_tags) for member in page]},
    }


def _wanted(member: Member, parameters: Mapping[str, str]) -> bool:
    keyword = parameters.get("QueryKeyword", "").casefold()
    if keyword not in member.account_id and keyword not in member.display_name.casefold():
        return False
    tags = {key: parameters.get(f"{name.removesuffix('Key')}Value") for name, key in parameters.items() if _TAG(name)}
    return all(key in member.tags and value in (None, member.tags[key]) for key, value in tags.items())


def _row(member: Member, *, with_tags: bool) -> dict[str, object]:
    tags = {"Tags": {"Tag": [{"Key": key, "Value": value} for key, value in member.tags.items()]}}
    return {
        "AccountId": member.account_id,
        "AccountName": f"{member.display_name}@rd-simulated.aliyunid.com",
        "DisplayName": member.display_name,
        "FolderId": "fd-simulated",
        "JoinMethod": "invited" if member.status == "InviteSuccess" else "created",
        "JoinTime": member.join_time,
        "ModifyTime": member.join_time,
        "ResourceDirectoryId": "rd-simulated",
        "Status": member.status,
        "Type": member.type,
        **(tags if with_tags else {}),
    }


def _place(member: Member) -> tuple[int, str]:
    return len(member.account_id), member.account_id


def _token(last: Member) -> str:
    return base64.urlsafe_b64encode(f"after {last.account_id}".encode()).decode()


def _place_in(token: str) -> tuple[int, str]:
    if not token:
        return 0, ""
    try:
        word, _, account_id = base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii").partition(" ")
    except (binascii.Error, ValueError):
        word, account_id = "", ""
    if word != "after" or not account_id.isdigit():
        raise GatewayError("InvalidParameter.NextToken", "The specified NextToken is invalid.")
    return len(account_id), account_id
