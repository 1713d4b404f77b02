"""What an account consists of, as values that refuse what the API does not have: services, money, members, roles.

The answers that describe them are in operations.py and directory.py.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from exporter.simulator.errors import REFUSALS
from exporter.simulator.reading import STRICT, Seconds, WholeSeconds, accepting, refuse, shared

DEBT_PRODUCTS: Final = ("dcdn_ipa", "dcdn", "cdn")
"""The names of an account's services whose debts the API tells."""
ENDING_PRODUCTS: Final = ("dcdn_sec",)
"""The names of those that end."""
PRODUCTS: Final = (*DEBT_PRODUCTS, *ENDING_PRODUCTS)
COMPONENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "dcdn": {"websocket": "websockettraffic"},
    "cdn": {"dynamic": ""},
}
"""By product, the parts of its service that are billed by themselves, and the method where nothing else is said."""
WATCHED: Final = (*PRODUCTS, "esa")
"""What a scenario's account can be watched for: its services, and its plans of Edge Security Acceleration."""
SITES: Final = ("china", "international")
CURRENCIES: Final = ("CNY", "USD", "JPY")
MEMBER_STATUSES: Final = (
    "CreateSuccess",
    "InviteSuccess",
    "PromoteVerifying",
    "PromoteFailed",
    "PromoteExpired",
    "PromoteCancelled",
    "PromoteSuccess",
)
MEMBER_TYPES: Final = ("CloudAccount", "ResourceAccount")
ECS: Final = "ecs.aliyuncs.com"
"""In a role's `trusted`: an instance may have the role, and gives its credentials out by the metadata service."""
SHORTEST_SESSION_S: Final = 900

_AMOUNT = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)\.[0-9]{2}", re.ASCII)
_ExternalId = Annotated[
    str, accepting(re.compile(r"[!-~]{2,1224}").fullmatch, "2 to 1224 printable ASCII characters without spaces")
]
_ROLE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TRUSTED = re.compile(rf"[0-9]+|{re.escape(ECS)}|oidc-provider/[A-Za-z0-9._-]+", re.ASCII)
_LONGEST_SESSION_S: Final = 43200


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair that requests may be signed with."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    """Set for temporary credentials: a request must then carry it."""
    expires_at: float | None = None
    """Unix time from which on it is refused; None: never."""


@dataclass(frozen=True, slots=True)
class ChargeChange:
    """A change of the billing method that was submitted and cannot be withdrawn."""

    charge_type: str
    """The billing method that comes."""
    at_unix: int
    """When it comes, Unix time; whole seconds, as on the wire."""

    def __post_init__(self) -> None:
        if not self.charge_type:
            raise ValueError("the charge type of a change is empty")


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a service that is billed by itself."""

    charge_type: str | None = None
    """The billing method; any word goes, the API names none where it is empty. None: that of COMPONENTS."""
    change: ChargeChange | None = None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One account's service in one product, as it stands from some moment on."""

    activated: bool = True
    charge_type: str = "PayByTraffic"
    """The billing method, in the vendor's spelling; any word goes, the vendor's list is open."""
    locks: tuple[str, ...] = ()
    """Reasons, any words; an empty tuple is a service that is not locked."""
    change: ChargeChange | None = None
    opening_time: str = "2018-03-19T11:16:11Z"
    """Sent as it is: the vendor has several forms of it."""
    end_time: str = "2099-12-31T16:00:00Z"
    """Of a service that ends; sent as it is."""
    instance_id: str = "1883927335936173"
    denied_for_security: bool = False
    """Whether a call for it is refused since it is locked for security reasons: OperationDenied, in all products."""
    components: Mapping[str, Component] = field(default_factory=dict)
    """By name, those that are billed otherwise than COMPONENTS says."""

    def __post_init__(self) -> None:
        if not self.charge_type:
            raise ValueError("the charge type is empty")
        if isinstance(self.locks, str):
            raise TypeError(f"locks is {self.locks!r}; it is a tuple of reasons")
        if len(set(self.locks)) < len(self.locks):
            raise ValueError(f"locks has {', '.join(map(repr, self.locks))}; accepted: each reason once")


def written(unix_time: float) -> str:
    """Return a moment as the API writes it."""
    return datetime.fromtimestamp(unix_time, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def checked_service(state: ServiceState, product: str) -> ServiceState:
    """Return the service of a product; raises ValueError if it has a component that the product has not."""
    known = COMPONENTS.get(product, {})
    refuse(
        f"{product} has a component {name!r}; accepted: {', '.join(known) or 'none'}"
        for name in state.components.keys() - known.keys()
    )
    return state


@dataclass(frozen=True, slots=True)
class Debt:
    """A product's debt; each of the four that is None follows from the others and the service."""

    enabled: bool | None = None
    """Else: the service is activated."""
    on_service: bool | None = None
    """Else: it is activated, not locked, and nothing is overdue."""
    in_debt: bool | None = None
    """Else: something is overdue. To say True is the warning before the lock."""
    in_debt_overdue: bool | None = None
    """Else: the service is locked for financial."""

    def __post_init__(self) -> None:
        if self.in_debt is False and self.in_debt_overdue:
            raise ValueError("in_debt is false and in_debt_overdue true; what is overdue is in debt")


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's money."""

    available_amount: str = "10000.00"
    """Two decimals, as on the wire; may be negative, and have commas between thousands."""
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not _AMOUNT.fullmatch(self.available_amount):
            raise ValueError(f"available_amount is {self.available_amount!r}; accepted: an amount such as '-11.19'")
        if self.currency not in CURRENCIES:
            raise ValueError(f"currency is {self.currency!r}; accepted: {', '.join(CURRENCIES)}")


@dataclass(frozen=True, slots=True)
class Member:
    """One member account."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    account_id: str
    display_name: str
    status: str = "CreateSuccess"
    type: str = "ResourceAccount"
    join_time: str = "2021-01-18T08:01:50.522Z"
    """Sent as it is."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """By which a list can be filtered."""

    def __post_init__(self) -> None:
        if not (self.account_id.isascii() and self.account_id.isdigit()):
            raise ValueError(f"the account_id of a member is {self.account_id!r}; accepted: digits")
        if not self.display_name:
            raise ValueError(f"the display_name of the member {self.account_id} is empty")
        for name, value, accepted in (("status", self.status, MEMBER_STATUSES), ("type", self.type, MEMBER_TYPES)):
            if value not in accepted:
                raise ValueError(
                    f"the {name} of the member {self.account_id} is {value!r}; accepted: {', '.join(accepted)}"
                )


def checked_members(members: Sequence[Member]) -> tuple[Member, ...]:
    """Return the members of a directory; raises ValueError if one is there twice."""
    placed = ((f"members[{place}]", member.account_id) for place, member in enumerate(members))
    refuse(f"{places} have the account_id {account_id!r}; it is unique" for places, account_id in shared(placed))
    return tuple(members)


@dataclass(frozen=True, slots=True)
class Opening:
    """What becomes of a call that would activate CDN."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    refusal: str | None = None
    """The row of the error table that stands against it; None: nothing does."""
    shows_after_s: Annotated[Seconds, Field(alias="shows_after")] = 0.0
    """How long the service, once activated, is not described yet."""

    def __post_init__(self) -> None:
        if self.refusal is not None and self.refusal not in REFUSALS:
            raise ValueError(f"refusal is {self.refusal!r}; accepted: {', '.join(REFUSALS)}")
        if not (math.isfinite(self.shows_after_s) and self.shows_after_s >= 0):
            raise ValueError(f"shows_after is {self.shows_after_s}; accepted: a number of seconds, 0 or more")


@dataclass(frozen=True, slots=True)
class Role:
    """A role of an account."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: str
    trusted: tuple[str, ...]
    """Account ids, `ecs.aliyuncs.com`, or `oidc-provider/NAME` for an identity provider of the role's own account."""
    external_id: _ExternalId | None = None
    """What a caller must bring to assume it."""
    max_session_s: Annotated[WholeSeconds, Field(alias="max_session")] = 3600

    def __post_init__(self) -> None:
        if not _ROLE_NAME.fullmatch(self.name):
            raise ValueError(f"the name of a role is {self.name!r}; accepted: 1 to 64 letters, digits, and . _ -")
        if not self.trusted or not all(_TRUSTED.fullmatch(trusted) for trusted in self.trusted):
            trusted = ", ".join(repr(trusted) for trusted in self.trusted) or "no one"
            raise ValueError(
                f"the role {self.name} trusts {trusted}; accepted: an account id, {ECS}, oidc-provider/NAME"
            )
        if not SHORTEST_SESSION_S <= self.max_session_s <= _LONGEST_SESSION_S:
            raise ValueError(f"max_session of the role {self.name} is {self.max_session_s} s; accepted: 900 to 43200")


def role_arn(account_id: str, name: str) -> str:
    """Return the name of a role in the whole cloud."""
    return f"acs:ram::{account_id}:role/{name}"
