"""What an account's service is like, and the answer that describes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

PRODUCTS: Final = ("dcdn_ipa", "dcdn", "cdn")
"""What an account's services are named by."""


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
    instance_id: str = "1883927335936173"
    denied_for_security: bool = False
    """Whether a call for it is refused since it is locked for security reasons: OperationDenied, in all products."""

    def __post_init__(self) -> None:
        if not self.charge_type:
            raise ValueError("the charge type is empty")
        if isinstance(self.locks, str):
            raise TypeError(f"locks is {self.locks!r}; it is a tuple of reasons")


def settled(state: ServiceState, *, now: float) -> ServiceState:
    """Return the state with its change carried out if that is due; `now` is Unix time."""
    if state.change is None or now < state.change.at_unix:
        return state
    return replace(state, charge_type=state.change.charge_type, change=None)


def describe(state: ServiceState, *, now: float) -> dict[str, object]:
    """Return the answer for an activated service, less its RequestId; `now` is Unix time.

    ```json
    {"InstanceId": "1883927335936173", "OpeningTime": "2018-03-19T11:16:11Z", "InternetChargeType": "PayByTraffic",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]},
     "ChangingChargeType": "PayByBandwidth", "ChangingAffectTime": "2018-03-31T16:00:00Z"}
    ```
    The last two only while a change is pending. An unlocked service has an empty list: the vendor shows no sample of
    it, the gateway's other lists look like that.
    https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
    (read 2026-11-22).
    """
    state = settled(state, now=now)
    answer: dict[str, object] = {
        "InstanceId": state.instance_id,
        "OpeningTime": state.opening_time,
        "InternetChargeType": state.charge_type,
        "OperationLocks": {"LockReason": [{"LockReason": reason} for reason in state.locks]},
    }
    if state.change is not None:
        affect_time = datetime.fromtimestamp(state.change.at_unix, tz=UTC)
        answer["ChangingChargeType"] = state.change.charge_type
        answer["ChangingAffectTime"] = affect_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return answer
