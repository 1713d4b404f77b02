"""The refusals of the RPC gateway: code, HTTP status, message, and the JSON body around them.

The codes and their statuses: https://www.alibabacloud.com/help/doc-detail/27232.htm and
https://help.aliyun.com/zh/polardb/client-error-codes (read 2026-11-22). One code has different statuses in different
products; those here are the gateway's own.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

STATUS_OF: Final = {
    "DcdnIpaServiceNotFound": 403,
    "IncompleteSignature": 400,
    "InternalError": 500,
    "InvalidAccessKeyId.NotFound": 404,
    "InvalidAction.NotFound": 404,
    "InvalidApi.NotFound": 404,
    "InvalidSecurityToken.Malformed": 400,
    "InvalidSecurityToken.MismatchWithAccessKey": 400,
    "InvalidTimeStamp.Expired": 400,
    "InvalidTimeStamp.Format": 400,
    "MissingSecurityToken": 400,
    "NoSuchVersion": 400,
    "SignatureDoesNotMatch": 400,
    "SignatureNonceUsed": 400,
    "Throttling.User": 400,
    "UnsupportedHTTPMethod": 400,
}


class GatewayError(Exception):
    """The gateway refuses a call; `code` and `message` go to the client as they are."""

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = STATUS_OF[code] if status is None else status
        """The HTTP status; left out, the usual one of the code."""


def error_payload(error: GatewayError, *, request_id: str, host: str, product: str) -> dict[str, str]:
    """Return the gateway's body for a refusal.

    ```json
    {"RequestId": "1DD9...", "HostId": "dcdn.aliyuncs.com", "Code": "Throttling.User", "Message": "...",
     "Recommend": "https://api.aliyun.com/troubleshoot?q=Throttling.User&product=dcdn&requestId=1DD9..."}
    ```
    """
    recommend = (
        f"https://api.aliyun.com/troubleshoot?q={quote(error.code)}&product={product}&requestId={quote(request_id)}"
    )
    return {
        "RequestId": request_id,
        "HostId": host,
        "Code": error.code,
        "Message": error.message,
        "Recommend": recommend,
    }
