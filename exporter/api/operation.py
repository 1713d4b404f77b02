"""One action of the vendor's RPC API, as data."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Access(Enum):
    """Whether an operation only reads or changes the account."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Pages:
    """How an operation gives its list.

    ``turn`` is what requests the next page: its number, or the token on the page before. ``rows`` are the keys that
    lead to the list, one inside the other. ``size`` rows are requested with each page, and from one on that is too
    large for a reply, ``smaller`` ones; None: such a page is an error. A list of more than ``most`` pages of ``size``
    rows is an error, and one of which a page would be requested after ``within_s``.
    """

    turn: Literal["PageNumber", "NextToken"]
    rows: tuple[str, ...]
    size: int
    most: int
    within_s: float = 60.0
    smaller: int | None = None

    def __post_init__(self) -> None:
        if not self.rows or min(self.size, self.most, self.within_s) <= 0:
            raise ValueError(f"pages have rows, and a size, number and time above 0, seen {self!r}")
        if self.smaller is not None and not 0 < self.smaller < self.size:
            raise ValueError(f"smaller pages have fewer rows, and some, seen {self!r}")


@dataclass(frozen=True, slots=True)
class Operation:
    """An API action.

    ``endpoint`` names the entry of the configuration's ``endpoints`` that serves it. ``calls_per_second`` is the
    vendor's limit for each account. The values of ``secret_parameters`` stand in no log or error. ``ram_action`` is
    what a RAM policy has to allow; None: nothing. ``pages``: the answer is a list that
    comes in pages; None: it is not.
    """

    action: str
    version: str
    endpoint: str
    calls_per_second: int
    access: Access = Access.READ
    secret_parameters: frozenset[str] = frozenset()
    ram_action: str | None = None
    method: Literal["GET", "POST"] = "POST"
    pages: Pages | None = None

    def __post_init__(self) -> None:
        if self.calls_per_second < 1:
            raise ValueError(f"a limit is at least one call per second, seen {self.calls_per_second!r}")


# https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-quota
# The limit of AssumeRole is 100 too, shared by all users and roles of the account; the exporter uses half of it.
ASSUME_ROLE = Operation(
    action="AssumeRole",
    version="2015-04-01",
    endpoint="sts",
    calls_per_second=50,
    secret_parameters=frozenset({"ExternalId"}),
    ram_action="sts:AssumeRole",
)
# Needs no RAM action: https://help.aliyun.com/document_detail/43767.html
GET_CALLER_IDENTITY = Operation(
    action="GetCallerIdentity", version="2015-04-01", endpoint="sts", calls_per_second=100
)

# https://help.aliyun.com/zh/resource-management/developer-reference/api-resourcedirectorymaster-2022-04-19-listaccounts
LIST_ACCOUNTS = Operation(
    action="ListAccounts",
    version="2022-04-19",
    endpoint="resource_directory",
    calls_per_second=20,
    ram_action="resourcemanager:ListAccounts",
    # Room for 50,000 members, also where shards and replicas divide the limit.
    pages=Pages("NextToken", ("Accounts", "Account"), size=100, most=500, within_s=600.0),
)
