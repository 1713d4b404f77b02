"""Errors that are wrapped in another way, and what they say beside their code."""

import json
import re

import pytest

from exporter.api.errors import MalformedReply, Refused
from exporter.api.reply import decode
from tests.api.test_reply import IN_HEAD, REDACTION, WITHHELD, evidence

XML = (
    "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>4BC0</RequestId><HostId>dcdn.aliyuncs.com</HostId>"
    "<Code>DcdnIpaServiceNotFound</Code><Message>m</Message></Error>"
)
NOT_FOUND = ("DcdnIpaServiceNotFound: m", "DcdnIpaServiceNotFound", 403, "4BC0")
CODE_ALONE = ("DcdnIpaServiceNotFound", *NOT_FOUND[1:])
WRAPPED = '{"Code":"Forbidden.RAM","Message":"用户没有权限","RequestId":"R1"}'
NO_RIGHT = ("Forbidden.RAM: 用户没有权限", "Forbidden.RAM", 403, "R1")


CODES: dict[str, object] = {
    "capitals": {"CODE": "NoAuth"},
    "short": {"ErrCode": "NoAuth"},
    "short, in lower case": {"errcode": "NoAuth"},
    "an underscore": {"error_code": "NoAuth"},
    "capitals inside": {"ERROR": {"CODE": "NoAuth"}},
    "as the error": {"error": "NoAuth"},
    "JSON in a text": {"Error": json.dumps({"Code": "NoAuth"})},
    "JSON in a text alone": json.dumps({"Code": "NoAuth"}),
    "a list": [{"Code": "NoAuth"}],
    "a list of errors": {"errors": [{"code": "NoAuth"}]},
    "an error in data": {"Data": {"Error": {"Inner": {"Code": "NoAuth"}}}},
    "beside a code of success": {"Code": "200", "ErrorCode": "NoAuth"},
    "beside a word of success": {"Code": "OK", "ErrorCode": "NoAuth"},
    "beside a number": {"Code": "403", "ErrorCode": "NoAuth"},
}


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        pytest.param(XML.encode(), "text/xml", NOT_FOUND, id="xml"),
        pytest.param(b"\xef\xbb\xbf\r\n" + XML.encode(), "", NOT_FOUND, id="xml after a byte order mark"),
        pytest.param(XML.replace("'UTF-8'", "'GBK'").replace(">m<", ">权限<").encode("gbk"), "text/xml",
                     ("DcdnIpaServiceNotFound: 权限", *NOT_FOUND[1:]), id="xml that declares GBK"),
        pytest.param(re.sub(r"<(/?)(?=[A-Z])", r"<\1E:", XML).encode(), "", NOT_FOUND, id="xml in a namespace"),
        pytest.param(XML.replace("</Error>", "<Code>Other</Code></Error>").encode(), "", NOT_FOUND, id="two codes"),
        pytest.param(XML.replace("<Code>", "<a>" * 900 + "x" + "</a>" * 900 + "<Code>").encode(), "", NOT_FOUND,
                     id="xml with something deep beside"),
        pytest.param(XML.replace("<Error>", "<Response><Errors><Error>").replace(
            "</Error>", "</Error></Errors></Response>").encode(), "", NOT_FOUND, id="xml in a further wrapping"),
        pytest.param(XML.replace(">m<", "><![CDATA[m]]><").encode(), "", NOT_FOUND, id="xml with CDATA"),
        pytest.param(XML.replace(">m<", ">&m &amp; &nbsp; \x01 &#65;<").encode(), "",
                     ("DcdnIpaServiceNotFound: &m & &nbsp; A", *NOT_FOUND[1:]), id="xml with odd signs"),
        pytest.param(XML.replace("<RequestId>", "<a b=c>").encode(), "", ("HTTP 403", None, 403, IN_HEAD),
                     id="xml that ends before its code"),
        pytest.param(XML.replace("<Message>", "<Message a=b>").encode(), "", CODE_ALONE,
                     id="xml that ends after its code"),
        pytest.param(XML.removesuffix("sage></Error>").encode(), "", CODE_ALONE, id="xml that is cut off"),
        pytest.param(XML.replace("UTF-8", "UTF-16").encode("utf-16"), "text/xml", NOT_FOUND, id="xml of UTF-16"),
        pytest.param(XML.replace("UTF-8", "UTF-16").encode("utf-16"), "text/xml; charset=utf-8", NOT_FOUND,
                     id="xml of UTF-16 that is declared as another one"),
        pytest.param(WRAPPED.encode("gbk"), "application/json;charset=GBK", NO_RIGHT, id="GBK"),
        pytest.param(WRAPPED.encode("gb18030"), 'application/json; charset="gb18030"', NO_RIGHT, id="GB18030"),
        pytest.param(WRAPPED.replace("用户没有权限", "沒有權限").encode("big5"), "text/json; Charset = Big5",
                     ("Forbidden.RAM: 沒有權限", *NO_RIGHT[1:]), id="Big5"),
        pytest.param(WRAPPED.encode("utf-16"), "application/json", NO_RIGHT, id="UTF-16, undeclared"),
        pytest.param(WRAPPED.encode("utf-8-sig"), "application/json", NO_RIGHT, id="UTF-8 with a mark"),
        pytest.param(WRAPPED.encode(), "application/json;charset=latin-9", NO_RIGHT, id="another one declared"),
        pytest.param(b'{"Code":"Forbidden.RAM","Message":"\xff","RequestId":"R1"}', "application/json;charset=zip",
                     ("Forbidden.RAM: \ufffd", *NO_RIGHT[1:]), id="no charset at all"),
        pytest.param(b'{"Code":"Forbidden.RAM","Message":"\xff","RequestId":"R1"}', "charset=punycode",
                     ("Forbidden.RAM: \ufffd", *NO_RIGHT[1:]), id="a charset that takes long"),
        pytest.param(b'{"Error":{"Code":"NoAuth","Message":"x","RequestId":"R1"}}', "",
                     ("NoAuth: x", "NoAuth", 403, "R1"), id="an error inside"),
        pytest.param(b'{"RequestId":"R1","error":{"code":"NoAuth","message":"x"}}', "",
                     ("NoAuth: x", "NoAuth", 403, "R1"), id="an error inside, in lower case"),
        pytest.param(b'{"errorCode":"NoAuth","errorMessage":"x","requestId":"R1"}', "",
                     ("NoAuth: x", "NoAuth", 403, "R1"), id="errorCode"),
        pytest.param(b'[{"data":{"errors":[{"ErrorCode":"NoAuth"}]}}]', "",
                     ("NoAuth", "NoAuth", 403, IN_HEAD), id="deep inside"),
        *(
            pytest.param(json.dumps(body).encode(), "", ("NoAuth", "NoAuth", 403, IN_HEAD), id=name)
            for name, body in CODES.items()
        ),
        pytest.param(b'{"error":"no_auth","error_description":"x"}', "", ("no_auth: x", "no_auth", 403, IN_HEAD),
                     id="as OAuth has it"),
        pytest.param(b'{"error":"No such luck"}', "", ("HTTP 403: No such luck", None, 403, IN_HEAD),
                     id="a sentence for a code"),
        pytest.param(b'{"Code":"200","Error":{"Code":"NoAuth"}}', "",
                     ("NoAuth", "NoAuth", 403, IN_HEAD), id="two codes, one of them of no error"),
    ],
)  # fmt: skip
def test_the_code_in_another_wrapping(
    body: bytes, content_type: str, expected: tuple[str, str | None, int | None, str | None]
) -> None:
    """It is the same refusal as in JSON of UTF-8."""
    with pytest.raises(Refused) as refusal:
        decode(body, REDACTION, http_status=403, request_id=IN_HEAD, headers={"Content-Type": content_type})

    assert evidence(refusal.value) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(XML.encode(), id="xml"),
        pytest.param(b'{"Error":{"Code":"DcdnIpaServiceNotFound"}}', id="an error inside"),
        pytest.param(b'{"errorCode":"DcdnIpaServiceNotFound"}', id="errorCode"),
        pytest.param(b'{"Success":false,"error":{"code":"DcdnIpaServiceNotFound"}}', id="no success"),
        pytest.param(b'{"success":"false","Code":"DcdnIpaServiceNotFound"}', id="no success, in lower case"),
        pytest.param(b'{"Code":"DcdnIpaServiceNotFound","InstanceId":"","Locks":[]}', id="without fields"),
        *(
            pytest.param(json.dumps(body).replace("NoAuth", "DcdnIpaServiceNotFound").encode(), id=name)
            for name, body in CODES.items()
        ),
    ],
)
def test_the_code_in_another_wrapping_of_a_200(body: bytes) -> None:
    """An error is one with HTTP 200 too."""
    with pytest.raises(Refused) as refusal:
        decode(body, REDACTION, http_status=200, request_id=None)

    assert refusal.value.code == "DcdnIpaServiceNotFound"


@pytest.mark.parametrize(
    "code", ["200", "OK", "Success", "SUCCESS", "Succeed", "Successful", "0", "100", "Done", "yes"]
)
@pytest.mark.parametrize(
    "beside", [{}, {"Success": True}, {"Message": "Successful!"}], ids=["", "Success", "Message"]
)
def test_an_answer_with_a_code_of_success(code: str, beside: dict[str, object]) -> None:
    """Where nothing speaks of an error, and there is something in it, it is an answer, whatever its word is."""
    body = {"Code": code, "RequestId": "R1", "Data": {"AvailableAmount": "1"}} | beside

    assert decode(json.dumps(body).encode(), REDACTION, http_status=200, request_id=None) == (body, "R1")


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param({"Code": "Odd", "Message": "The order cannot be found."}, id="a message"),
        pytest.param({"Code": "Odd", "Success": False}, id="no success"),
        pytest.param({"Code": "Odd", "Error": {"Code": "Odd"}}, id="an error"),
        pytest.param({"Code": "Odd", "Data": None}, id="nothing else"),
        *(
            pytest.param({"Code": code}, id=code)
            for code in ["NoPermission", "OrderNotFound", "INVALID_X", "System.Failed"]
        ),
    ],
)
def test_an_answer_that_speaks_of_an_error(beside: dict[str, object]) -> None:
    """It is a refusal, whatever else is in it."""
    body = json.dumps({"RequestId": "R1", "Data": {"AvailableAmount": "1"}} | beside).encode()
    with pytest.raises(Refused) as refusal:
        decode(body, REDACTION, http_status=200, request_id=None)

    assert refusal.value.code == beside["Code"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"Error": None, "errorCode": "0", "a": 1}, id="no error"),
        pytest.param({"error": {}, "ErrorCode": ""}, id="an empty error"),
        pytest.param({"Data": {"Code": "Blue"}, "Items": [{"code": "Red"}]}, id="a code of something else"),
        pytest.param({"Data": {"Error": None, "a": 1}}, id="no error in data"),
        pytest.param({"error": "none", "a": 1}, id="a word for no error"),
    ],
)
def test_a_code_that_is_no_error(body: dict[str, object]) -> None:
    """What an answer names a code is its own affair."""
    assert decode(json.dumps(body).encode(), REDACTION, http_status=200, request_id=None) == (body, None)


def test_an_answer_in_another_charset() -> None:
    """It is read, and a letter that is none in its charset spoils itself alone."""
    of_gbk = decode(
        '{"a":"全站加速"}'.encode("gbk"), REDACTION,
        http_status=200, request_id=None, headers={"Content-Type": "application/json; charset=gbk"},
    )  # fmt: skip
    spoilt = decode(b'{"a":"\xff","b":1}', REDACTION, http_status=200, request_id=None)

    assert (of_gbk, spoilt) == (({"a": "全站加速"}, None), ({"a": "\ufffd", "b": 1}, None))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "NoPermission">]><Error><Code>&x;</Code></Error>',
            id="an entity",
        ),
        pytest.param(
            b'<!DOCTYPE a [<!ENTITY a "NoPermission"><!ENTITY b "'
            + b"&a;" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000 + b'">]><Error><Code>&c;</Code></Error>',
            id="entities that grow",
        ),
        pytest.param(
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><Error><Code>&x;</Code></Error>', id="a file"
        ),
        pytest.param(b"<!DOCTYPE html><html><Code>NoPermission</Code></html>", id="a document type"),
        pytest.param(b"<a>" * 300_000, id="deep"),
        pytest.param(b"<a>" * 50 + b"<Code>NoPermission</Code>" + b"</a>" * 50, id="a code too deep"),
        pytest.param(b"<Error><Code>NoPermiss", id="a code that is cut off"),
        pytest.param(b"<HTML><body><code>502</code></body></HTML>", id="a page"),
        pytest.param(b"<" * 1024 * 1024, id="no xml"),
    ],
)  # fmt: skip
def test_xml_that_is_not_read(body: bytes) -> None:
    """No entity is expanded, no file read; such a refusal has no code, and a 200 is malformed."""
    with pytest.raises(Refused) as refusal:
        decode(body, REDACTION, http_status=403, request_id=IN_HEAD)
    with pytest.raises(MalformedReply, match="the reply is no JSON"):
        decode(body, REDACTION, http_status=200, request_id=IN_HEAD)

    assert evidence(refusal.value) == ("HTTP 403", None, 403, IN_HEAD)


@pytest.mark.parametrize(
    ("content_type", "explanation"),
    [
        ("text/html; charset=utf-8", "the reply is no JSON, its content type is text/html"),
        ("planted-secret-0123", "the reply is no JSON, its content type is " + WITHHELD),
    ],
)  # fmt: skip
def test_the_content_type_of_what_is_no_json(content_type: str, explanation: str) -> None:
    """The page of a portal says that it is one."""
    with pytest.raises(MalformedReply) as malformed:
        decode(
            b"<html>Log in</html>", REDACTION,
            http_status=200, request_id=IN_HEAD, headers={"Content-Type": content_type},
        )  # fmt: skip

    assert evidence(malformed.value) == (explanation, None, 200, IN_HEAD)


DENIED = {
    "AuthAction": "dcdn:DescribeDcdnIpaService",
    "AuthPrincipalType": "SubUser",
    "NoPermissionType": "ImplicitDeny",
    "PolicyType": "AccountLevelIdentityBasedPolicy",
    "EncodedDiagnosticMessage": "AQIBIAAAAPXc",
}
WHY = (
    "PolicyType AccountLevelIdentityBasedPolicy, NoPermissionType ImplicitDeny, "
    "AuthAction dcdn:DescribeDcdnIpaService"
)


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        pytest.param({"AccessDeniedDetail": DENIED, "Message": "No."}, f"NoPermission: No. ({WHY})", id="whole"),
        pytest.param({"AccessDeniedDetail": DENIED}, f"NoPermission ({WHY})", id="without a message"),
        pytest.param({"AccessDeniedDetail": {"AuthAction": "a:B"}}, "NoPermission (AuthAction a:B)", id="a part"),
        pytest.param({"AccessDeniedDetail": {"AuthAction": "planted-secret-0123"}}, "NoPermission", id="a secret"),
        pytest.param({"AccessDeniedDetail": {"AuthAction": 7}}, "NoPermission", id="a number"),
        pytest.param({"AccessDeniedDetail": "text"}, "NoPermission", id="no object"),
        pytest.param({"AccessDeniedDetail": json.dumps(DENIED)}, f"NoPermission ({WHY})", id="JSON in a text"),
        pytest.param({"AccessDeniedDetail": [DENIED]}, f"NoPermission ({WHY})", id="a list"),
        pytest.param(
            {"accessDeniedDetail": {"policyType": "P", "authAction": "a:B"}},
            "NoPermission (PolicyType P, AuthAction a:B)",
            id="lower case",
        ),
        pytest.param(
            {"Code": "", "Error": {"Code": "NoPermission"}, "AccessDeniedDetail": DENIED},
            f"NoPermission ({WHY})",
            id="beside a wrapped error",
        ),
        pytest.param(
            {"AccessDeniedDetail": {"PolicyType": "Control Policy", "AuthAction": "dcdn:*"}},
            "NoPermission (PolicyType Control Policy, AuthAction dcdn:*)",
            id="no identifiers",
        ),
    ],
)
def test_why_a_right_is_missing(body: dict[str, object], explanation: str) -> None:
    """The refusal names the policy, the kind of denial, and the action that has to be allowed."""
    with pytest.raises(Refused) as refusal:
        decode(json.dumps({"Code": "NoPermission"} | body).encode(), REDACTION, http_status=403, request_id=None)

    assert refusal.value.explanation == explanation


def test_why_a_right_is_missing_in_xml() -> None:
    """The same is read there."""
    detail = "".join(f"<{name}>{value}</{name}>" for name, value in DENIED.items())
    body = f"<Error><Code>NoPermission</Code><AccessDeniedDetail>{detail}</AccessDeniedDetail></Error>"
    with pytest.raises(Refused) as refusal:
        decode(body.encode(), REDACTION, http_status=403, request_id=None)

    assert refusal.value.explanation == f"NoPermission ({WHY})"
