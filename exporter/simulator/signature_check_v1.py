"""Verifies requests signed with HMAC-SHA1 in the query (V1), from the vendor's description of the method.

https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism (read 2026-11-22). The vendor's library for
credentials still asks STS in this form.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from exporter.simulator.access_keys import same, usable_key
from exporter.simulator.error_bodies import GatewayError
from exporter.simulator.signature_check import canonical_pairs, check_date, percent_encoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.simulator.access_keys import AccessKey
    from exporter.simulator.http_messages import Request
    from exporter.simulator.nonces import NonceStore

_ALWAYS_NEEDED: Final = (
    "AccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureVersion",
    "Timestamp",
    "Version",
)
_FIXED: Final = {"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}


def check_signature_v1(
    request: Request, *, find_key: Callable[[str], AccessKey | None], now: float, nonces: NonceStore
) -> AccessKey:
    """Return the key that a request is rightly signed with; its nonce is used up then.

    `now` is the server's Unix time. Raises GatewayError; the message of SignatureDoesNotMatch is not for logs, since
    what was signed holds the security token.
    """
    parameters = dict(parse_qsl(request.query, keep_blank_values=True, errors="surrogateescape"))
    for name in _ALWAYS_NEEDED:
        if not parameters.get(name):
            raise GatewayError("IncompleteSignature", f"The parameter {name} is missing.")
    for name, accepted in _FIXED.items():
        if parameters[name] != accepted:
            raise GatewayError("IncompleteSignature", f"The parameter {name} is not {accepted}.")
    key = usable_key(parameters["AccessKeyId"], parameters.get("SecurityToken"), find_key=find_key, now=now)
    check_date(parameters["Timestamp"], now)
    to_sign = string_to_sign_v1(request.method, request.query)
    if not same(parameters["Signature"], sign_v1(key.access_key_secret, to_sign)):
        message = f"Specified signature is not matched with our calculation. server string to sign is:{to_sign}"
        raise GatewayError("SignatureDoesNotMatch", message)
    # Last, so that only the holder of the secret can use a nonce up.
    if not nonces.claim(key.access_key_id, parameters["SignatureNonce"], now=now):
        raise GatewayError("SignatureNonceUsed", "Specified signature nonce was used already.")
    return key


def string_to_sign_v1(method: str, query: str) -> str:
    """Return the text that is signed: every parameter but the signature itself."""
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    canonical = canonical_pairs((name, value) for name, value in pairs if name != "Signature")
    return f"{method}&%2F&{percent_encoded(canonical)}"


def sign_v1(access_key_secret: str, to_sign: str) -> str:
    """Return the signature, in base64."""
    return base64.b64encode(hmac.digest(f"{access_key_secret}&".encode(), to_sign.encode(), "sha1")).decode()
