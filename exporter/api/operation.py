"""One action of the vendor's RPC API, as data."""

from dataclasses import dataclass
from enum import Enum


class Access(Enum):
    """Whether an operation only reads or changes the account."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Operation:
    """An API action.

    ``endpoint`` names the entry of the configuration's ``endpoints`` that serves it. ``calls_per_second`` is the
    vendor's limit for each account. The values of ``secret_parameters`` stand in no log or error. ``ram_action`` is
    what a RAM policy has to allow; None: nothing.
    """

    action: str
    version: str
    endpoint: str
    calls_per_second: int
    access: Access = Access.READ
    secret_parameters: frozenset[str] = frozenset()
    ram_action: str | None = None

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
)
