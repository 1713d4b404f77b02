"""The operations that are simulated: a table of rows, and the function behind each row.

A new operation is one row and one function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.simulator.error_bodies import GatewayError
from exporter.simulator.service_state import ServiceState, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the gateway."""

    account_id: str
    services: Mapping[str, ServiceState]
    """The caller's, by product."""
    now: float
    """Unix time."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One row."""

    action: str
    version: str
    product: str
    """As the gateway calls it in its bodies."""
    calls_per_second: int
    """The vendor's limit for one account."""
    answer: Callable[[Call], dict[str, object]]
    """Returns the answer less its RequestId; raises GatewayError for a refusal."""
    raw_answers: bool = False
    """Whether `Simulator.set_raw_answer` replaces its answer."""


def describe_dcdn_ipa_service(call: Call) -> dict[str, object]:
    """Return the state of the caller's IPA; that it is not activated is a refusal."""
    state = call.services.get("dcdn_ipa")
    if state is None or not state.activated:
        raise GatewayError("DcdnIpaServiceNotFound", "The DCDN IPA service has not been activated.")
    return describe(state, now=call.now)


def get_caller_identity(call: Call) -> dict[str, object]:
    """Return who the caller is: always the account itself, none of its users.

    https://help.aliyun.com/document_detail/43767.html (read 2026-11-22).
    """
    return {
        "IdentityType": "Account",
        "AccountId": call.account_id,
        "PrincipalId": call.account_id,
        "UserId": call.account_id,
        "Arn": f"acs:ram::{call.account_id}:root",
    }


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("DescribeDcdnIpaService", "2018-01-15", "dcdn", 20, describe_dcdn_ipa_service, raw_answers=True),
    Operation("GetCallerIdentity", "2015-04-01", "Sts", 100, get_caller_identity),
)
LIMITS: Final[Mapping[str, int]] = {row.action: row.calls_per_second for row in OPERATIONS}
"""Calls per second and account, by action."""
PRODUCTS: Final[tuple[str, ...]] = ("dcdn_ipa",)
"""The products that an account's services are named by."""


def find_operation(action: str, version: str) -> Operation:
    """Return the row of an action; raises GatewayError if there is none of that name and version."""
    if version not in {row.version for row in OPERATIONS}:
        raise GatewayError("NoSuchVersion", f"Specified version does not exist: {version}.")
    for row in OPERATIONS:
        if row.action == action and row.version == version:
            return row
    message = "Specified api is not found, please check your url and method."
    raise GatewayError("InvalidAction.NotFound", message)
