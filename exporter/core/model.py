"""What is known of the world: services, debts and balances, observations of them, and why one failed.

Floor: the lowest. Nothing here knows of HTTP, Prometheus or the configuration.
All dataclasses are frozen and refuse values that cannot be; every datetime is aware, every bare float of a
moment is Unix time in seconds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

# The one that the vendor documents for these products.
KNOWN_LOCK_REASONS = frozenset({"financial"})
UNSPECIFIED_REASON = "unspecified"
SECURITY_REASON = "security"
LABEL_VALUE_LENGTH = 64


class ServiceStatus(StrEnum):
    """The status of one product in one account; exactly one holds."""

    ACTIVE = "active"
    LOCKED = "locked"
    NOT_ACTIVATED = "not_activated"


class FailureReason(StrEnum):
    """Why the state could not be learned; each is a series of ``dcdn_poll_failures_total``."""

    AUTH = "auth"
    PERMISSION = "permission"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER = "server"
    REJECTED = "rejected"
    MALFORMED = "malformed"
    INTERNAL = "internal"


class UnknownField(StrEnum):
    """The fields, in the vendor's spelling, whose values the documentation lists and the API may extend."""

    CHARGE_TYPE = "InternetChargeType"
    NEXT_CHARGE_TYPE = "ChangingChargeType"
    LOCK_REASON = "LockReason"
    CURRENCY = "Currency"


def _require_aware(moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"a moment needs its time zone, seen {moment!r}")


def _require_label_value(text: str | None) -> None:
    # What the API says becomes label values: bounded, and never what a page could not be encoded with.
    if text is not None and not (0 < len(text) <= LABEL_VALUE_LENGTH and text.isprintable()):
        raise ValueError(f"1 to {LABEL_VALUE_LENGTH} printable characters are accepted, seen {text!r}")


@dataclass(frozen=True, slots=True)
class ChargeTypeChange:
    """A change of the billing method as the API announced it, be it ahead or past.

    ``charge_type`` is None when the API gave only the moment; ``takes_effect`` is None when it gave only the
    next method. One of them is there.
    """

    charge_type: str | None
    takes_effect: datetime | None

    def __post_init__(self) -> None:
        if self.charge_type is None and self.takes_effect is None:
            raise ValueError("a change names its charge type, its moment, or both")
        _require_label_value(self.charge_type)
        _require_aware(self.takes_effect)

    def is_pending(self, now: float) -> bool:
        """Whether the change lies ahead of ``now``; one without a moment always does."""
        return self.takes_effect is None or self.takes_effect.timestamp() > now


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The answer of one Describe…Service operation.

    ``lock_reasons`` are lower case, sorted, without repeats; empty when nothing is locked. Every text is 1 to 64
    printable characters. A service that is not activated has nothing else to say.
    """

    activated: bool = True
    lock_reasons: tuple[str, ...] = ()
    charge_type: str | None = None
    change: ChargeTypeChange | None = None
    opening_time: datetime | None = None
    instance_id: str | None = None

    def __post_init__(self) -> None:
        if list(self.lock_reasons) != sorted(set(self.lock_reasons)):
            raise ValueError(f"lock reasons are sorted and unique, not {self.lock_reasons!r}")
        if any(reason != reason.lower() for reason in self.lock_reasons):
            raise ValueError(f"lock reasons are lower case, not {self.lock_reasons!r}")
        if not self.activated and (
            self.lock_reasons
            or self.charge_type is not None
            or self.change is not None
            or self.opening_time is not None
            or self.instance_id is not None
        ):
            raise ValueError("a service that is not activated has no locks, billing method, dates or instance")
        for text in (*self.lock_reasons, self.charge_type, self.instance_id):
            _require_label_value(text)
        _require_aware(self.opening_time)

    @property
    def status(self) -> ServiceStatus:
        """The one status that holds: locked when there is any lock."""
        if not self.activated:
            return ServiceStatus.NOT_ACTIVATED
        return ServiceStatus.LOCKED if self.lock_reasons else ServiceStatus.ACTIVE

    def pending_change(self, now: float) -> ChargeTypeChange | None:
        """The change that lies ahead of ``now``, if any: the API also repeats changes that are past."""
        return self.change if self.change is not None and self.change.is_pending(now) else None


NOT_ACTIVATED = ServiceState(activated=False)
LOCKED_FOR_SECURITY = ServiceState(lock_reasons=(SECURITY_REASON,))


@dataclass(frozen=True, slots=True)
class DebtState:
    """The answer of one DescribeUser…Status operation; None is what the API left out.

    ``enabled``: the service is activated (Enabled). ``available``: it can be used (OnService). ``in_debt``: a payment
    is overdue (InDebt). ``in_debt_overdue``: and the time to make up for it is over (InDebtOverdue).
    """

    enabled: bool | None = None
    available: bool | None = None
    in_debt: bool | None = None
    in_debt_overdue: bool | None = None

    def __post_init__(self) -> None:
        if (self.enabled, self.available, self.in_debt, self.in_debt_overdue) == (None, None, None, None):
            raise ValueError("a debt state says one thing at least")


NOT_ENABLED = DebtState(enabled=False)


@dataclass(frozen=True, slots=True)
class Balance:
    """The answer of QueryAccountBalance: what an account can still spend, credit included; negative in debt.

    ``currency`` is upper case, such as CNY.
    """

    available_amount: float
    currency: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.available_amount):
            raise ValueError(f"an amount is finite, seen {self.available_amount!r}")
        if self.currency != self.currency.upper():
            raise ValueError(f"a currency is upper case, not {self.currency!r}")
        _require_label_value(self.currency)

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.available_amount <= 0


State = ServiceState | DebtState | Balance


@dataclass(frozen=True, slots=True, order=True)
class ProbeKey:
    """The name of a probe: what is polled for one account and product."""

    account: str
    product: str
    probe: str

    def __post_init__(self) -> None:
        if not (self.account and self.product and self.probe):
            raise ValueError(f"a probe has an account, a product and a name of its own, seen {self!s}")

    def __str__(self) -> str:
        return f"{self.account}/{self.product}/{self.probe}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The state was learned.

    ``unknown_values`` maps a field to those of its values that the vendor's documentation does not name.
    """

    state: State
    request_id: str | None = None
    unknown_values: Mapping[UnknownField, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Failure:
    """The state could not be learned.

    ``explanation`` is one sentence for people, free of secrets; ``code`` and ``request_id`` are the vendor's.
    ``of_credentials``: there were no credentials to ask the service with, and the other fields tell of whoever should
    have given them.
    """

    reason: FailureReason
    explanation: str
    code: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    of_credentials: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """One finished poll: an answer or a failure, never both.

    ``finished_at`` is Unix time; ``duration_s`` leaves the wait for the budget out.
    """

    finished_at: float
    duration_s: float
    outcome: Answer | Failure

    def __post_init__(self) -> None:
        if not (math.isfinite(self.finished_at) and math.isfinite(self.duration_s) and self.duration_s >= 0):
            raise ValueError(f"a poll ends at a moment and takes no negative time, seen {self!r}")
