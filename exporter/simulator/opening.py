"""How CDN is activated: what stands against it, and how long it takes to show.

https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-opencdnservice (read 2026-11-22).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from exporter.simulator.errors import GatewayError
from exporter.simulator.service_state import ServiceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.simulator.call import Call

PRODUCT: Final = "cdn"
ACCEPTED_CHARGE_TYPES: Final = ("PayByTraffic",)

_NEVER: Final = ServiceState(activated=False)
_CHARGE_TYPE_REFUSED: Final = "The specified value of parameter InternetChargeType is not valid."
REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "invalid_charge_type": ("InvalidInternetChargeType.ValueNotSupported", _CHARGE_TYPE_REFUSED),
    "already_open": ("CdnService.HasOpened", "Your cdn service has opened."),
    "insufficient_balance": ("InsufficientBalance", "Your account does not have enough balance."),
    "no_real_name": ("NoRealNameAuthentication", "Real name authentication is needed."),
    "invalid_pay_method": ("VertifyFailInvalidPayMethod", "INVALID PAY METHOD"),
    "incomplete_profile": ("VertifyFailUserProfileComplete", "MISSING USERPROFILE"),
    "order_failed": ("CreateOrderFailed", "Create order failed"),
    "order_query_failed": ("QueryInfoError", "Create order failed"),
    "owner_missing": (
        "MissingParameter",
        "The input parameter OwnerId or OwnerAccount that is mandatory for processing this request is not supplied.",
    ),
    "order_failed_with_full_stop": ("CreateOrderFailed", "Create order failed."),
    "order_account_query_failed": ("CreateOrderFailed", "Query account info error."),
    "order_charge_type_refused": ("CreateOrderFailed", _CHARGE_TYPE_REFUSED),
    "international_user": ("Forbidden.IntlUser", "User not authorized to open Intl service."),
    "bid_user": ("Forbidden.BidUser", "Bid user is limited to open service."),
}
"""The rows of the vendor's error table in its order: code and message, in its spelling, by a name of ours."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What becomes of a call that would activate CDN."""

    refusal: str | None = None
    """The row of the error table that stands against it; None: nothing does."""
    shows_after_s: float = 0.0
    """How long the service, once activated, is not described yet."""

    def __post_init__(self) -> None:
        if self.refusal is not None and self.refusal not in REFUSALS:
            raise ValueError(f"refusal is {self.refusal!r}; accepted: {', '.join(REFUSALS)}")
        if not (math.isfinite(self.shows_after_s) and self.shows_after_s >= 0):
            raise ValueError(f"shows_after is {self.shows_after_s}; accepted: a number of seconds, 0 or more")


def open_cdn_service(call: Call) -> dict[str, object]:
    """Activate the caller's CDN; what it was billed by and when it began is what DescribeCdnService shows then."""
    charge_type = call.parameters.get("InternetChargeType", "")
    if not charge_type:
        message = (
            'The input parameter "InternetChargeType" that is mandatory for processing this request is not supplied.'
        )
        raise GatewayError("MissingParameter", message)
    if charge_type not in ACCEPTED_CHARGE_TYPES:
        raise _refused("invalid_charge_type")
    if PRODUCT in call.moment.not_shown_yet or call.moment.services.get(PRODUCT, _NEVER).activated:
        raise _refused("already_open")
    if call.moment.opening.refusal is not None:
        raise _refused(call.moment.opening.refusal)
    opened_at = datetime.fromtimestamp(call.now, tz=UTC)
    state = ServiceState(
        charge_type=charge_type,
        opening_time=opened_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        instance_id=call.caller.account.account_id,
    )
    call.activate(PRODUCT, state)
    return {}


def _refused(name: str) -> GatewayError:
    return GatewayError(*REFUSALS[name])
