"""The signature, stage by stage, against requests that the vendor's own library signed."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api import signing

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "acs3.json").read_text(encoding="utf-8"))["vectors"]
vectors = pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in VECTORS])


def request_of(vector: dict[str, Any]) -> dict[str, Any]:
    return {"query": vector["query"], "headers": vector["headers"], "body": vector["body_utf8"].encode()}


@vectors
def test_body_hash(vector: dict[str, Any]) -> None:
    """Stage one: the body is hashed as it is."""
    assert signing.content_sha256(vector["body_utf8"].encode()) == vector["content_sha256"]


@vectors
def test_canonical_request(vector: dict[str, Any]) -> None:
    """Stage two: method, path, query, headers and body in canonical form."""
    canonical = signing.canonical_request(vector["method"], vector["pathname"], **request_of(vector))

    assert canonical == vector["canonical_request"]


@vectors
def test_string_to_sign(vector: dict[str, Any]) -> None:
    """Stage three: the algorithm and the hash of the canonical request."""
    assert signing.string_to_sign(vector["canonical_request"]) == vector["string_to_sign"]


@vectors
def test_signature(vector: dict[str, Any]) -> None:
    """Stage four: the secret is used as it is."""
    sealed = signing.signature(vector["string_to_sign"], vector["access_key_secret"])

    assert sealed == vector["authorization"].rpartition("Signature=")[2]


@vectors
def test_authorization(vector: dict[str, Any]) -> None:
    """All stages together give the header that the vendor's library sends."""
    header = signing.authorization(
        vector["method"],
        vector["pathname"],
        **request_of(vector),
        access_key_id=vector["access_key_id"],
        access_key_secret=vector["access_key_secret"],
    )

    assert header == vector["authorization"]


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        pytest.param({}, "", id="none"),
        pytest.param({"b": "2", "B": "1", "a": "3"}, "B=1&a=3&b=2", id="upper-case-first"),
        pytest.param({"k": "a b+c*d~e/f"}, "k=a%20b%2Bc%2Ad~e%2Ff", id="space-plus-star-tilde-slash"),
        pytest.param({"k": ""}, "k=", id="empty-value"),
        pytest.param({"Tag.1.Key": "中"}, "Tag.1.Key=%E4%B8%AD", id="utf-8"),
    ],
)
def test_canonical_query(query: dict[str, str], canonical: str) -> None:
    """A query is sorted by name in byte order and encoded by RFC 3986."""
    assert signing.canonical_query(query) == canonical


def test_header_names_in_any_case() -> None:
    """A header is signed under its lower-case name, its value without the spaces around it."""
    canonical = signing.canonical_request("POST", "/", query={}, headers={"X-Acs-B": " 2 ", "host": "h"}, body=b"")

    assert canonical.splitlines()[3:7] == ["host:h", "x-acs-b:2", "", "host;x-acs-b"]


def test_timestamp() -> None:
    """A moment of any zone is written as whole seconds of UTC."""
    tokyo = timezone(timedelta(hours=9))

    assert signing.timestamp(datetime(2026, 1, 2, 12, 4, 5, 999_999, tzinfo=tokyo)) == "2026-01-02T03:04:05Z"


values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)
header_values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)
names = st.text("abcXYZ019.-_", min_size=1, max_size=8)


@settings(deadline=None)
@given(
    query=st.dictionaries(names, values, max_size=4),
    nonce=header_values,
    token=st.none() | header_values,
    secret=header_values,
)
def test_the_vendors_library_signs_the_same(
    query: dict[str, str], nonce: str, token: str | None, secret: str
) -> None:
    """For any request and any key, the vendor's own library makes the same header."""
    headers = {"host": "dcdn.aliyuncs.com", "x-acs-action": "A", "x-acs-signature-nonce": nonce}
    if token is not None:
        headers["x-acs-security-token"] = token
    theirs = DaraRequest()
    theirs.method, theirs.pathname, theirs.query, theirs.headers = "POST", "/", dict(query), dict(headers)
    empty = signing.content_sha256(b"")

    ours = signing.authorization(
        "POST", "/", query=query, headers=headers, body=b"", access_key_id="LTAI", access_key_secret=secret
    )

    assert ours == Utils.get_authorization(theirs, signing.ALGORITHM, empty, "LTAI", secret)
