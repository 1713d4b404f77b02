"""ACS3-HMAC-SHA256, stage by stage: pure functions from a request to its Authorization header.

Source: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

ALGORITHM = "ACS3-HMAC-SHA256"
_UNRESERVED = "-_.~"


def timestamp(moment: datetime) -> str:
    """``x-acs-date`` of a moment: UTC, whole seconds, ``2026-01-02T03:04:05Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def content_sha256(body: bytes) -> str:
    """The lower-case hexadecimal SHA-256 of the body, also the value of ``x-acs-content-sha256``."""
    return hashlib.sha256(body).hexdigest()


def canonical_query(query: Mapping[str, str]) -> str:
    """The query as it is signed and sent: sorted by name, encoded by RFC 3986, a space as ``%20``."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(query.items()))


def canonical_request(
    method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> str:
    """All that the signature covers; every given header is signed, its name in any case."""
    lines = {name.lower(): value.strip() for name, value in headers.items()}
    signed = "".join(f"{name}:{lines[name]}\n" for name in sorted(lines))
    return "\n".join((method, path, canonical_query(query), signed, ";".join(sorted(lines)), content_sha256(body)))


def string_to_sign(canonical: str) -> str:
    """What is signed: the algorithm's name and the hash of the canonical request."""
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def signature(text: str, secret: str) -> str:
    """The lower-case hexadecimal HMAC-SHA256; the secret is used as it is."""
    # Not hmac.digest, which releases the interpreter's lock and then waits for it.
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


def authorization(
    method: str,
    path: str,
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    access_key_id: str,
    access_key_secret: str,
) -> str:
    """The value of the Authorization header for a request with exactly these signed headers."""
    canonical = canonical_request(method, path, query=query, headers=headers, body=body)
    signed_names = ";".join(sorted(name.lower() for name in headers))
    sealed = signature(string_to_sign(canonical), access_key_secret)
    return f"{ALGORITHM} Credential={access_key_id},SignedHeaders={signed_names},Signature={sealed}"


def _encoded(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
