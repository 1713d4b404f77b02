"""The refusals of the RPC gateway: code, HTTP status, message, and what the body says beside them.

The codes and their statuses: https://www.alibabacloud.com/help/doc-detail/27232.htm and
https://help.aliyun.com/zh/polardb/client-error-codes (read 2026-11-22). One code has different statuses in different
products; those here are the gateway's own.
"""

import math
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

_STATUS: Final = {
    "AuthenticationFail.NoPermission": 401,
    "AuthenticationFail.OIDCToken.Expired": 401,
    "AuthenticationFail.OIDCToken.Invalid": 401,
    "CdnServiceNotFound": 403,
    "DcdnIpaServiceNotFound": 403,
    "DcdnServiceNotFound": 403,
    "DcdnsecServiceNotFound": 403,
    "EntityNotExist.Role": 404,
    "Forbidden.BidUser": 403,
    "Forbidden.IntlUser": 403,
    "Forbidden.RAM": 403,
    "InternalError": 500,
    "InvalidAccessKeyId.NotFound": 404,
    "InvalidAction.NotFound": 404,
    "InvalidApi.NotFound": 404,
    "NoPermission": 403,
    "OperationDenied": 403,
    "ResourceDirectoryNotInUse": 404,
}
_USUAL_STATUS: Final = 400
_FIRST_NO_SUCCESS: Final = 300
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


class GatewayError(Exception):
    """The gateway refuses a call; `code` and `message` go to the client as they are."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        access_denied_detail: Mapping[str, str] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = _STATUS.get(code, _USUAL_STATUS) if status is None else status
        """The HTTP status."""
        self.access_denied_detail = access_denied_detail
        """The details of a missing right, in a refusal by RAM."""
        self.headers = headers
        """Sent with it."""


def throttled(wait_s: float) -> GatewayError:
    """Return the refusal of a call above the limit, with the time after which the next one is served.

    In milliseconds, and never 0: the vendor's SDKs read it so, and raise an exception of its own kind only with it:
    https://github.com/aliyun/darabonba-openapi/pull/283 (read 2026-11-29).
    """
    retry_after_ms = max(1, math.ceil(wait_s * 1000))
    return GatewayError(
        "Throttling.User",
        "Request was denied due to user flow control.",
        headers=(("x-acs-retry-after", str(retry_after_ms)),),
    )


def describe_error(error: GatewayError, *, request_id: str, host: str, product: str) -> dict[str, object]:
    """Return what the gateway's body says of a refusal.

    ```json
    {"RequestId": "1DD9...", "HostId": "dcdn.aliyuncs.com", "Code": "Throttling.User", "Message": "...",
     "Recommend": "https://api.aliyun.com/troubleshoot?q=Throttling.User&product=dcdn&requestId=1DD9..."}
    ```
    A refusal with a status of success has the form that the billing product has for it:
    ```json
    {"RequestId": "1DD9...", "Code": "NotAuthorized", "Message": "...", "Success": false}
    ```
    """
    reason = {"Code": error.code, "Message": error.message}
    if error.status < _FIRST_NO_SUCCESS:
        return {"RequestId": request_id, **reason, "Success": False}
    code, sought = (quote(text, errors="replace") for text in (error.code, request_id))
    recommend = f"https://api.aliyun.com/troubleshoot?q={code}&product={product}&requestId={sought}"
    payload: dict[str, object] = {"RequestId": request_id, "HostId": host, **reason, "Recommend": recommend}
    if error.access_denied_detail is not None:
        payload["AccessDeniedDetail"] = dict(error.access_denied_detail)
    return payload
