"""Signatures are checked as the vendor describes them, stage by stage."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest

from exporter.simulator import Account
from exporter.simulator.errors import GatewayError
from exporter.simulator.http_messages import Request
from exporter.simulator.signature_check import (
    NonceStore,
    canonical_query,
    canonical_request,
    check_signature,
    claimed_access_key_id,
    parse_authorization,
    sign,
    string_to_sign,
)
from exporter.simulator.state import AccessKey
from tests.simulator.checking import NOW, checker, read

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "acs3.json").read_text(encoding="utf-8"))["vectors"]

each_vector = pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in VECTORS])


def request_of(vector: dict[str, Any]) -> Request:
    """Return the request of a vector as it could have come over the wire."""
    return Request(
        method=vector["method"],
        path=vector["pathname"],
        query=urlencode(vector["query"], quote_via=quote_plus),
        headers={**vector["headers"], "authorization": vector["authorization"]},
        body=vector["body_utf8"].encode(),
        keep_alive=True,
    )


@pytest.fixture
def check(account: Account, temporary_account: Account) -> Callable[..., AccessKey]:
    """Checks a request at NOW against the keys of both accounts, with a nonce store that lasts for the test."""
    return checker(check_signature, account, temporary_account)


@each_vector
def test_canonical_request(vector: dict[str, Any]) -> None:
    """The first stage is the vendor's, whatever encoding the query has on the wire."""
    signed_headers = parse_authorization(vector["authorization"]).signed_headers
    canonical = canonical_request(request_of(vector), signed_headers, content_hash=vector["content_sha256"])
    assert canonical == vector["canonical_request"]


@each_vector
def test_string_to_sign(vector: dict[str, Any]) -> None:
    """The second stage is the vendor's."""
    assert string_to_sign(vector["canonical_request"]) == vector["string_to_sign"]


@each_vector
def test_signature(vector: dict[str, Any]) -> None:
    """The last stage is the vendor's."""
    signature = sign(vector["access_key_secret"], vector["string_to_sign"])
    assert signature == parse_authorization(vector["authorization"]).signature


@each_vector
def test_a_request_signed_by_the_vendors_library_is_accepted(vector: dict[str, Any]) -> None:
    """All stages together accept the vendor's own requests at the moment they were signed."""
    key = AccessKey(vector["access_key_id"], vector["access_key_secret"], vector["security_token"])
    dates = {"2023-10-26T10:22:32Z": 1_698_315_752, "2026-01-02T03:04:05Z": 1_767_323_045}
    now = dates.get(vector["headers"]["x-acs-date"], 1_709_251_199)
    accepted = check_signature(
        request_of(vector), find_key={key.access_key_id: key}.get, now=now, nonces=NonceStore(window_s=900)
    )
    assert accepted == key


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("b=2&a=1", "a=1&b=2", id="sorted"),
        pytest.param("a=1&B=2", "B=2&a=1", id="upper case first"),
        pytest.param("a=x+y", "a=x%20y", id="plus is a space"),
        pytest.param("a=x%2by", "a=x%2By", id="upper case hex"),
        pytest.param("a=acs:ram::1:role/x*", "a=acs%3Aram%3A%3A1%3Arole%2Fx%2A", id="bare signs"),
        pytest.param("a=s~-_.", "a=s~-_.", id="unreserved"),
        pytest.param("a&b=", "a=&b=", id="empty values"),
        pytest.param("a=%E4%B8%AD", "a=%E4%B8%AD", id="UTF-8"),
        pytest.param("a=%FF", "a=%FF", id="no UTF-8"),
    ],
)
def test_canonical_query(query: str, canonical: str) -> None:
    """A query is decoded as a form and encoded again by RFC 3986."""
    assert canonical_query(query) == canonical


def test_a_right_request_is_accepted(
    check: Callable[..., AccessKey], signed: Callable[..., bytes], account: Account, temporary_account: Account
) -> None:
    """The key of an accepted request is returned, temporary or not, with a query and with a body."""
    assert check(read(signed(now=NOW))) == account.key
    assert check(read(signed(temporary_account, now=NOW))) == temporary_account.key
    assert check(read(signed(now=NOW, method="GET", target="/?RoleArn=acs:x&Name=a+b"))) == account.key
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert check(read(signed(now=NOW, body=b"a=1", changed=form))) == account.key


def test_unsigned_headers_of_the_http_library_do_no_harm(
    check: Callable[..., AccessKey], signed: Callable[..., bytes], account: Account
) -> None:
    """A content type without a body need not be signed, nor any header but host and x-acs-*."""
    extra = {"Content-Type": "application/octet-stream", "Accept-Encoding": "gzip"}
    assert check(read(signed(now=NOW, unsigned=extra))) == account.key


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        pytest.param({"now": NOW - 901}, "InvalidTimeStamp.Expired", id="too old"),
        pytest.param({"now": NOW + 901}, "InvalidTimeStamp.Expired", id="too new"),
        pytest.param({"changed": {"x-acs-date": "2027-01-15 08:00:00"}}, "InvalidTimeStamp.Format", id="no ISO date"),
        pytest.param(
            {"changed": {"x-acs-date": "2027-02-30T08:00:00Z"}}, "InvalidTimeStamp.Format", id="no such day"
        ),
        pytest.param(
            {"changed": {"x-acs-date": "2027-01-15T08:00:00.0Z"}}, "InvalidTimeStamp.Format", id="fractions"
        ),
        pytest.param({"changed": {"x-acs-date": ""}}, "IncompleteSignature", id="no date"),
        pytest.param({"changed": {"x-acs-signature-nonce": ""}}, "IncompleteSignature", id="no nonce"),
        pytest.param({"changed": {"x-acs-content-sha256": ""}}, "IncompleteSignature", id="no content hash"),
        pytest.param(
            {"changed": {"x-acs-content-sha256": "0" * 64}}, "SignatureDoesNotMatch", id="other content hash"
        ),
        pytest.param({"unsigned": {"x-acs-extra": "1"}}, "IncompleteSignature", id="unsigned x-acs header"),
        pytest.param({"body": b"{}", "unsigned": {"content-type": "a/b"}}, "IncompleteSignature", id="unsigned type"),
        pytest.param({"secret": "guessed"}, "SignatureDoesNotMatch", id="wrong secret"),
        pytest.param(
            {"changed": {"x-acs-security-token": "t"}},
            "InvalidSecurityToken.MismatchWithAccessKey",
            id="needless token",
        ),
    ],
)
def test_a_wrong_request_is_refused(
    check: Callable[..., AccessKey], signed: Callable[..., bytes], parts: dict[str, Any], code: str
) -> None:
    """Each thing that can be wrong has the gateway's own code."""
    with pytest.raises(GatewayError) as caught:
        check(read(signed(**{"now": NOW, **parts})))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="missing"),
        pytest.param("Bearer token", id="other scheme"),
        pytest.param("ACS3-HMAC-SHA256 Credential=LTAI5tAlice,Signature=00", id="no signed headers"),
        pytest.param("ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00", id="no key"),
        pytest.param("ACS3-HMAC-SHA256 Credential=LTAI5tAlice,SignedHeaders=host,Signature=", id="no signature"),
    ],
)
def test_an_authorization_with_parts_missing_is_incomplete(check: Callable[..., AccessKey], header: str) -> None:
    """Without its three parts there is nothing to check."""
    with pytest.raises(GatewayError) as caught:
        check(Request("POST", "/", "", {"host": "h", "authorization": header}, b"", keep_alive=True))
    assert caught.value.code == "IncompleteSignature"


def test_a_signed_header_must_come(check: Callable[..., AccessKey], signed: Callable[..., bytes]) -> None:
    """A header that is said to be signed and is not there makes the signature incomplete."""
    request = read(signed(now=NOW, changed={"accept": "application/json"}))
    without = {name: value for name, value in request.headers.items() if name != "accept"}
    with pytest.raises(GatewayError) as caught:
        check(replace(request, headers=without))
    assert caught.value.code == "IncompleteSignature"


def test_the_content_hash_must_be_the_bodys(check: Callable[..., AccessKey], signed: Callable[..., bytes]) -> None:
    """A header with another hash is refused even if the signature is over the right one."""
    request = read(signed(now=NOW, changed={"x-acs-content-sha256": "0" * 64}))
    authorization = parse_authorization(request.header("authorization"))
    of_no_body = hashlib.sha256(b"").hexdigest()
    canonical = canonical_request(request, authorization.signed_headers, content_hash=of_no_body)
    signature = sign("alice-secret", string_to_sign(canonical))
    signed_rightly = request.header("authorization").replace(authorization.signature, signature)
    with pytest.raises(GatewayError) as caught:
        check(replace(request, headers={**request.headers, "authorization": signed_rightly}))
    assert caught.value.code == "SignatureDoesNotMatch"


def test_host_must_be_signed(check: Callable[..., AccessKey], signed: Callable[..., bytes]) -> None:
    """The host is one of the headers that cannot be left out."""
    request = read(signed(now=NOW))
    authorization = request.header("authorization").replace("SignedHeaders=host;", "SignedHeaders=")
    with pytest.raises(GatewayError, match="host header is not signed"):
        check(replace(request, headers={**request.headers, "authorization": authorization}))


def test_every_part_of_a_request_is_covered(check: Callable[..., AccessKey], signed: Callable[..., bytes]) -> None:
    """Whatever is changed on the way, the signature does not match any more."""
    request = read(signed(now=NOW, target="/?a=1"))
    tampered = [
        replace(request, method="GET"),
        replace(request, path="/x"),
        replace(request, query="a=2"),
        replace(request, body=b"x"),
        replace(request, headers={**request.headers, "x-acs-action": "OpenCdnService"}),
        replace(request, headers={**request.headers, "authorization": request.header("authorization") + "\xe4"}),
    ]
    for changed in tampered:
        with pytest.raises(GatewayError) as caught:
            check(changed)
        assert caught.value.code == "SignatureDoesNotMatch"


def test_a_mismatch_tells_what_the_server_signed(
    check: Callable[..., AccessKey], signed: Callable[..., bytes]
) -> None:
    """The message repeats the string to sign, as the real gateway's does."""
    with pytest.raises(GatewayError) as caught:
        check(read(signed(now=NOW, secret="guessed")))
    assert re.search(r"server string to sign is:ACS3-HMAC-SHA256\n[0-9a-f]{64} ", caught.value.message)


def test_unknown_keys_are_not_found(check: Callable[..., AccessKey], signed: Callable[..., bytes]) -> None:
    """A key that nobody has is a 404."""
    stranger = Account(name="x", account_id="1", access_key_id="LTAI5tStranger", access_key_secret="s")
    with pytest.raises(GatewayError) as caught:
        check(read(signed(stranger, now=NOW)))
    assert (caught.value.code, caught.value.status) == ("InvalidAccessKeyId.NotFound", 404)


def test_temporary_keys_need_their_token(
    check: Callable[..., AccessKey], signed: Callable[..., bytes], temporary_account: Account
) -> None:
    """A temporary key comes with its own token and no other."""
    with pytest.raises(GatewayError) as caught:
        check(read(signed(replace(temporary_account, security_token=None), now=NOW)))
    assert caught.value.code == "MissingSecurityToken"
    with pytest.raises(GatewayError) as caught:
        check(read(signed(replace(temporary_account, security_token="other"), now=NOW)))
    assert caught.value.code == "InvalidSecurityToken.Malformed"


def test_a_key_expires_at_its_moment(signed: Callable[..., bytes], temporary_account: Account) -> None:
    """Temporary credentials are good until the very second, by the server's clock; a wrong token is wrong first."""
    key = replace(temporary_account.key, expires_at=NOW)

    def code_of(sent_by: Account, *, now: float) -> str | None:
        request, nonces = read(signed(sent_by, now=now)), NonceStore(window_s=900)
        try:
            check_signature(request, find_key={key.access_key_id: key}.get, now=now, nonces=nonces)
        except GatewayError as error:
            return error.code
        return None

    assert code_of(temporary_account, now=NOW - 0.1) is None
    assert code_of(temporary_account, now=NOW) == "InvalidSecurityToken.Expired"
    assert code_of(replace(temporary_account, security_token="x"), now=NOW) == "InvalidSecurityToken.Malformed"


def test_a_nonce_is_good_for_one_request(check: Callable[..., AccessKey], signed: Callable[..., bytes]) -> None:
    """The same bytes a second time are a replay, and a new request with an old nonce is none better."""
    request = read(signed(now=NOW, changed={"x-acs-signature-nonce": "once"}))
    check(request)
    for again in (request, read(signed(now=NOW + 5, changed={"x-acs-signature-nonce": "once"}))):
        with pytest.raises(GatewayError) as caught:
            check(again)
        assert caught.value.code == "SignatureNonceUsed"


def test_only_the_holder_of_the_secret_uses_a_nonce_up(
    check: Callable[..., AccessKey], signed: Callable[..., bytes], account: Account
) -> None:
    """A forged request leaves its nonce free."""
    nonce = {"x-acs-signature-nonce": "mine"}
    with pytest.raises(GatewayError):
        check(read(signed(now=NOW, changed=nonce, secret="guessed")))
    assert check(read(signed(now=NOW, changed=nonce))) == account.key


def test_secrets_are_not_in_repr() -> None:
    """A key can be printed."""
    assert repr(AccessKey("LTAI5t", "planted", "planted")) == "AccessKey(access_key_id='LTAI5t', expires_at=None)"


def test_the_claimed_key_is_read_without_a_check(signed: Callable[..., bytes]) -> None:
    """Whose key a request names can be told before it is verified; a request without one names none."""
    assert claimed_access_key_id(read(signed(secret="guessed"))) == "LTAI5tAlice"
    assert claimed_access_key_id(Request("GET", "/", "", {"host": "h"}, b"", keep_alive=True)) is None
