"""The older way to sign is checked as the vendor describes it, stage by stage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exporter.simulator import Account
from exporter.simulator.errors import GatewayError
from exporter.simulator.http_messages import Request
from exporter.simulator.signature_check import NonceStore, check_signature_v1, sign_v1, string_to_sign_v1
from exporter.simulator.state import AccessKey
from tests.simulator.checking import NOW, checker, read

# Computed by the vendor's own library, alibabacloud-openapi-util 0.2.4.
VENDORS_QUERY = (
    "Version=2014-05-26&Action=DescribeDedicatedHosts&Format=JSON&RegionId=cn-beijing&AccessKeyId=testid"
    "&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureNonce=edb2b34af0af9a6d14deaf7c1a5315eb"
    "&Timestamp=2023-03-13T08%3A34%3A30Z"
)
VENDORS_SIGNATURE = "9NaGiOspFP5UPcwX8Iwt2YJXXuk="
VENDORS_NOW = 1_678_696_470.0


@pytest.fixture
def check(account: Account, temporary_account: Account) -> Callable[..., AccessKey]:
    """Checks a request at NOW against the keys of both accounts, with a nonce store that lasts for the test."""
    return checker(check_signature_v1, account, temporary_account)


def test_string_to_sign() -> None:
    """The first stage is method, path and the encoded query, sorted, without the signature."""
    assert string_to_sign_v1("GET", f"{VENDORS_QUERY}&Signature=x") == (
        "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeDedicatedHosts%26Format%3DJSON%26RegionId%3Dcn-beijing"
        "%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3Dedb2b34af0af9a6d14deaf7c1a5315eb"
        "%26SignatureVersion%3D1.0%26Timestamp%3D2023-03-13T08%253A34%253A30Z%26Version%3D2014-05-26"
    )


def test_signature() -> None:
    """The last stage gives the vendor's signature."""
    assert sign_v1("testsecret", string_to_sign_v1("GET", VENDORS_QUERY)) == VENDORS_SIGNATURE


def test_the_vendors_request_is_accepted() -> None:
    """All stages together accept the vendor's request at the moment it was signed."""
    key = AccessKey("testid", "testsecret")
    query = f"{VENDORS_QUERY}&Signature=9NaGiOspFP5UPcwX8Iwt2YJXXuk%3D"
    accepted = check_signature_v1(
        Request("GET", "/", query, {"host": "h"}, b"", keep_alive=True),
        find_key={"testid": key}.get,
        now=VENDORS_NOW,
        nonces=NonceStore(window_s=900),
    )
    assert accepted == key


def test_a_right_request_is_accepted(
    check: Callable[..., AccessKey], signed_v1: Callable[..., bytes], account: Account, temporary_account: Account
) -> None:
    """The key of an accepted request is returned, temporary or not, by GET and by POST."""
    assert check(read(signed_v1(now=NOW))) == account.key
    assert check(read(signed_v1(temporary_account, now=NOW, method="POST"))) == temporary_account.key
    assert check(read(signed_v1(now=NOW, parameters={"Odd": "a b*~/+%ä", "Empty": ""}))) == account.key


@pytest.mark.parametrize(
    "in_body",
    [
        pytest.param({"RegionId"}, id="a parameter"),
        pytest.param({"Action", "Signature", "AccessKeyId", "Version", "RegionId"}, id="some of each sort"),
    ],
)
def test_query_and_form_are_signed_together(
    check: Callable[..., AccessKey], signed_v1: Callable[..., bytes], account: Account, in_body: set[str]
) -> None:
    """A parameter is signed wherever it stands, so that one that was changed on the way is refused."""
    parts = {"now": NOW, "method": "POST", "parameters": {"RegionId": "a b*~/+%ä"}, "in_body": in_body}
    assert check(read(signed_v1(**parts))) == account.key
    with pytest.raises(GatewayError) as caught:
        check(read(signed_v1(**parts, tampered={"RegionId": "another"})))
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        pytest.param({"now": NOW - 901}, "InvalidTimeStamp.Expired", id="too old"),
        pytest.param({"now": NOW + 901}, "InvalidTimeStamp.Expired", id="too new"),
        pytest.param({"parameters": {"Timestamp": "yesterday"}}, "InvalidTimeStamp.Format", id="no date"),
        *(
            pytest.param({"parameters": {name: None}}, "IncompleteSignature", id=f"no {name}")
            for name in ("Timestamp", "SignatureNonce", "SignatureMethod", "SignatureVersion", "AccessKeyId")
        ),
        pytest.param({"parameters": {"SignatureMethod": "HMAC-MD5"}}, "IncompleteSignature", id="other method"),
        pytest.param({"parameters": {"SignatureVersion": "2.0"}}, "IncompleteSignature", id="other version"),
        pytest.param({"tampered": {"Signature": ""}}, "IncompleteSignature", id="no signature"),
        pytest.param({"tampered": {"Signature": "ä"}}, "SignatureDoesNotMatch", id="odd signature"),
        pytest.param({"tampered": {"RoleArn": "another"}}, "SignatureDoesNotMatch", id="parameter added"),
        pytest.param({"secret": "guessed"}, "SignatureDoesNotMatch", id="wrong secret"),
        pytest.param({"parameters": {"AccessKeyId": "LTAI5tX"}}, "InvalidAccessKeyId.NotFound", id="unknown key"),
        pytest.param({"parameters": {"AccessKeyId": "STS.NBob"}}, "MissingSecurityToken", id="no token"),
        pytest.param(
            {"parameters": {"SecurityToken": "t"}}, "InvalidSecurityToken.MismatchWithAccessKey", id="needless token"
        ),
    ],
)
def test_a_wrong_request_is_refused(
    check: Callable[..., AccessKey], signed_v1: Callable[..., bytes], parts: dict[str, Any], code: str
) -> None:
    """Each thing that can be wrong has the gateway's own code."""
    with pytest.raises(GatewayError) as caught:
        check(read(signed_v1(**{"now": NOW, **parts})))
    assert caught.value.code == code


def test_the_method_is_covered(check: Callable[..., AccessKey], signed_v1: Callable[..., bytes]) -> None:
    """A GET that is sent again as a POST does not match."""
    with pytest.raises(GatewayError) as caught:
        check(replace(read(signed_v1(now=NOW)), method="POST"))
    assert caught.value.code == "SignatureDoesNotMatch"


def test_a_nonce_is_good_for_one_request(check: Callable[..., AccessKey], signed_v1: Callable[..., bytes]) -> None:
    """The same bytes a second time are a replay."""
    request = read(signed_v1(now=NOW))
    check(request)
    with pytest.raises(GatewayError) as caught:
        check(request)
    assert caught.value.code == "SignatureNonceUsed"
