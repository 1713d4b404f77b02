"""Verifies signed requests in both forms that the gateway takes, from the vendor's descriptions.

- ACS3-HMAC-SHA256, in the Authorization header:
  https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature (read 2026-11-22)
- V1, HMAC-SHA1 in the query or in a form, which the vendor's older clients use:
  https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism (read 2026-11-22)

Written for the server's side: which headers were signed is the client's word, what must be among them is ours.
Each step is a function, so that a failing vector names the step that is wrong.
"""

import base64
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, quote

from exporter.simulator.errors import GatewayError
from exporter.simulator.http_messages import Request
from exporter.simulator.state import AccessKey

ALGORITHM = "ACS3-HMAC-SHA256"
DATE_WINDOW_S = 15 * 60
"""How far a request's date may be from the server's clock, to either side, and how long a nonce is remembered."""

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<key>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[^,\s]+)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_NEEDED_HEADERS: Final = (
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-content-sha256",
)
_NEEDED_PARAMETERS: Final = (
    "AccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureVersion",
    "Timestamp",
    "Version",
)
_FIXED_PARAMETERS: Final = {"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}


class NonceStore:
    """Remembers each nonce for a while; not thread-safe, its owner holds the lock."""

    def __init__(self, *, window_s: float, capacity: int = 500_000) -> None:
        self._window_s = window_s
        self._capacity = capacity
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used)

    def claim(self, access_key_id: str, nonce: str, *, now: float) -> bool:
        """Mark a nonce as used by this key at this moment; return False if it had been used within the window.

        Nonces older than the window are forgotten on the way; beyond the capacity, the oldest are.
        """
        self._forget(now)
        key = (access_key_id, nonce)
        if key in self._used:
            return False
        self._used[key] = now
        return True

    def _forget(self, now: float) -> None:
        while self._used:
            key, used_at = next(iter(self._used.items()))
            if now - used_at <= self._window_s and len(self._used) < self._capacity:
                return
            del self._used[key]


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of an Authorization header."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    """Lower case, sorted."""
    signature: str


def check_signature(
    request: Request, *, find_key: Callable[[str], AccessKey | None], now: float, nonces: NonceStore
) -> AccessKey:
    """Return the key of a request whose signature is right; its nonce is used up then.

    `now` is the server's Unix time. Raises GatewayError with the code the gateway has for what is wrong. The message
    of SignatureDoesNotMatch repeats what the server signed, so it can hold a security token: it is not for logs.
    """
    authorization = parse_authorization(request.header("authorization"))
    token = request.headers.get("x-acs-security-token")
    key = _usable_key(authorization.access_key_id, token, find_key=find_key, now=now)
    _check_date(request.header("x-acs-date"), now)
    _check_signed_headers(request, authorization)
    content_hash = hashlib.sha256(request.body).hexdigest()
    canonical = canonical_request(request, authorization.signed_headers, content_hash=content_hash)
    to_sign = string_to_sign(canonical)
    signature_matches = _same(authorization.signature, sign(key.access_key_secret, to_sign))
    if not signature_matches or not _same(request.header("x-acs-content-sha256"), content_hash):
        message = (
            "Specified signature is not matched with our calculation. "
            f"server string to sign is:{to_sign} server canonical request is:{canonical}"
        )
        raise GatewayError("SignatureDoesNotMatch", message)
    # Last, so that only the holder of the secret can use a nonce up.
    if not nonces.claim(key.access_key_id, request.header("x-acs-signature-nonce"), now=now):
        raise GatewayError("SignatureNonceUsed", "Specified signature nonce was used already.")
    return key


def parse_authorization(header: str) -> Authorization:
    """Return the parts of an Authorization header; raises GatewayError for any other form."""
    match = _AUTHORIZATION.fullmatch(header)
    if match is None:
        form = f"{ALGORITHM} Credential=...,SignedHeaders=...,Signature=..."
        message = f"The Authorization header is missing or is not of the form {form}"
        raise GatewayError("IncompleteSignature", message)
    names = tuple(sorted({name.lower() for name in match["headers"].split(";")}))
    return Authorization(match["key"], names, match["signature"])


def claimed_access_key_id(request: Request) -> str | None:
    """Return the key id that a request names, unverified."""
    match = _AUTHORIZATION.fullmatch(request.header("authorization"))
    return None if match is None else match["key"]


def canonical_query(query: str) -> str:
    """Return a query's canonical form: decoded as a form, encoded by RFC 3986, sorted by name.

    Clients put other encodings on the wire than they sign: `+` for a space, a bare `:` or `*`.
    """
    return _canonical_pairs(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))


def canonical_request(request: Request, signed_headers: tuple[str, ...], *, content_hash: str) -> str:
    """Return the text whose hash is signed; `signed_headers` are in lower case and sorted."""
    headers = "".join(f"{name}:{request.header(name)}\n" for name in signed_headers)
    names = ";".join(signed_headers)
    return f"{request.method}\n{request.path}\n{canonical_query(request.query)}\n{headers}\n{names}\n{content_hash}"


def string_to_sign(canonical: str) -> str:
    """Return the two lines that are signed."""
    # Latin-1 gives back the very bytes that the headers had on the wire.
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"


def sign(access_key_secret: str, to_sign: str) -> str:
    """Return the signature, in lower case hex."""
    return hmac.digest(access_key_secret.encode(), to_sign.encode(), "sha256").hex()


def check_signature_v1(
    request: Request, *, find_key: Callable[[str], AccessKey | None], now: float, nonces: NonceStore
) -> AccessKey:
    """Return the key of a request whose signature is right; its nonce is used up then.

    `now` is the server's Unix time. Raises GatewayError; the message of SignatureDoesNotMatch is not for logs, since
    what was signed holds the security token.
    """
    parameters = request.parameters()
    for name in _NEEDED_PARAMETERS:
        if not parameters.get(name):
            raise GatewayError("IncompleteSignature", f"The parameter {name} is missing.")
    for name, accepted in _FIXED_PARAMETERS.items():
        if parameters[name] != accepted:
            raise GatewayError("IncompleteSignature", f"The parameter {name} is not {accepted}.")
    key = _usable_key(parameters["AccessKeyId"], parameters.get("SecurityToken"), find_key=find_key, now=now)
    _check_date(parameters["Timestamp"], now)
    to_sign = string_to_sign_v1(request.method, request.encoded_parameters())
    if not _same(parameters["Signature"], sign_v1(key.access_key_secret, to_sign)):
        message = f"Specified signature is not matched with our calculation. server string to sign is:{to_sign}"
        raise GatewayError("SignatureDoesNotMatch", message)
    # Last, so that only the holder of the secret can use a nonce up.
    if not nonces.claim(key.access_key_id, parameters["SignatureNonce"], now=now):
        raise GatewayError("SignatureNonceUsed", "Specified signature nonce was used already.")
    return key


def string_to_sign_v1(method: str, encoded: str) -> str:
    """Return the text that is signed: every parameter of query and form but the signature itself."""
    pairs = parse_qsl(encoded, keep_blank_values=True, errors="surrogateescape")
    canonical = _canonical_pairs((name, value) for name, value in pairs if name != "Signature")
    return f"{method}&%2F&{_percent_encoded(canonical)}"


def sign_v1(access_key_secret: str, to_sign: str) -> str:
    """Return the signature, in base64."""
    return base64.b64encode(hmac.digest(f"{access_key_secret}&".encode(), to_sign.encode(), "sha1")).decode()


def _usable_key(
    access_key_id: str, token: str | None, *, find_key: Callable[[str], AccessKey | None], now: float
) -> AccessKey:
    """Return the key that a request names if it comes with the right token and has not expired.

    `token` is the security token that came with it, `now` Unix time. Raises GatewayError.
    """
    key = find_key(access_key_id)
    temporary = access_key_id.startswith("STS.") or (key is not None and key.security_token)
    if temporary and not token:
        raise GatewayError("MissingSecurityToken", "SecurityToken is mandatory for this action.")
    if key is None:
        raise GatewayError("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    if token and key.security_token is None:
        message = "Specified SecurityToken mismatch with the AccessKey."
        raise GatewayError("InvalidSecurityToken.MismatchWithAccessKey", message)
    if token and key.security_token is not None and not _same(token, key.security_token):
        raise GatewayError("InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
    if key.expires_at is not None and now >= key.expires_at:
        raise GatewayError("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
    return key


def _same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in constant time."""
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))


def _check_date(date: str, now: float) -> None:
    """Raise GatewayError for a date that is none, or is too far from the server's clock."""
    if not date:
        raise GatewayError("IncompleteSignature", "The x-acs-date header is missing.")
    try:
        if not _DATE.fullmatch(date):
            raise ValueError  # noqa: TRY301 - answered in one place with a date that no calendar has
        sent_at = datetime.fromisoformat(date).timestamp()
    except ValueError:
        message = "Specified time stamp or date value is not well formatted: it is YYYY-MM-DDThh:mm:ssZ."
        raise GatewayError("InvalidTimeStamp.Format", message) from None
    if abs(now - sent_at) > DATE_WINDOW_S:
        raise GatewayError("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")


def _check_signed_headers(request: Request, authorization: Authorization) -> None:
    for name in _NEEDED_HEADERS:
        if not request.header(name):
            raise GatewayError("IncompleteSignature", f"The {name} header is missing.")
    signed = authorization.signed_headers
    for name in signed:
        if name not in request.headers:
            raise GatewayError("IncompleteSignature", f"The {name} header is said to be signed and did not come.")
    for name in request.headers:
        must_be_signed = name == "host" or name.startswith("x-acs-") or (name == "content-type" and request.body)
        if must_be_signed and name not in signed:
            raise GatewayError("IncompleteSignature", f"The {name} header is not signed.")


def _canonical_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the canonical form of decoded parameters: encoded by RFC 3986, sorted by name."""
    return "&".join(f"{_percent_encoded(name)}={_percent_encoded(value)}" for name, value in sorted(pairs))


def _percent_encoded(text: str) -> str:
    """Return a text encoded by RFC 3986, nothing but letters, digits and -_.~ kept."""
    return quote(text, safe="", errors="surrogateescape")
