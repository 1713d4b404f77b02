import json

import pytest

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.errors import ApiError, MalformedReply, Refused
from exporter.api.redaction import Redaction
from exporter.api.reply import decode
from exporter.core.model import FailureReason

IN_HEAD = "11111111-1111-1111-1111-111111111111"
IN_BODY = "22222222-2222-2222-2222-222222222222"
REDACTION = Redaction.of(Credentials("LTAI", Secret("planted-secret-0123")), authorization="Signature=aabbccdd")
WITHHELD = "(withheld: it repeats a secret part of the request)"
OTHER_SITE = "the account is of the other site, or a reseller's customer: check its key `site`"


def evidence(error: ApiError) -> tuple[str, str | None, int | None, str | None]:
    return error.explanation, error.code, error.http_status, error.request_id


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        pytest.param({}, IN_HEAD, id="empty-object"),
        pytest.param({"RequestId": IN_BODY}, IN_BODY, id="id-in-the-body"),
        pytest.param({"requestId": IN_BODY}, IN_BODY, id="id-in-lower-case"),
        pytest.param({"RequestId": "planted-secret-0123"}, IN_HEAD, id="id-that-is-a-secret"),
        pytest.param({"RequestId": 7}, IN_HEAD, id="id-that-is-a-number"),
        pytest.param({"Code": "200", "a": 1}, IN_HEAD, id="code-200"),
        pytest.param({"Code": "OK", "a": 1}, IN_HEAD, id="code-ok"),
        pytest.param({"code": "success", "a": 1}, IN_HEAD, id="code-success"),
        pytest.param({"Code": 0, "a": 1}, IN_HEAD, id="code-that-is-a-number"),
        pytest.param({"Code": "", "a": 1}, IN_HEAD, id="code-that-is-empty"),
        pytest.param({"Code": "200", "Success": True}, IN_HEAD, id="success"),
        pytest.param({"Success": "true"}, IN_HEAD, id="success-as-a-text"),
        pytest.param({"Success": None}, IN_HEAD, id="success-that-is-null"),
    ],
)
def test_an_object_is_an_answer(body: dict[str, object], request_id: str) -> None:
    """A 200 with an object is returned with its request id, that of the body before that of the head."""
    answer = decode(json.dumps(body).encode(), REDACTION, http_status=200, request_id=IN_HEAD)

    assert answer == (body, request_id)


@pytest.mark.parametrize(
    ("http_status", "body", "expected"),
    [
        pytest.param(
            403,
            b'{"Code":"NoPermission","Message":"You may not.","RequestId":"%s"}' % IN_BODY.encode(),
            ("NoPermission: You may not.", "NoPermission", 403, IN_BODY),
            id="error",
        ),
        pytest.param(
            200, b'{"Code":"NoPermission"}', ("NoPermission", "NoPermission", 200, IN_HEAD), id="error-in-200"
        ),
        pytest.param(
            200,
            b'{"Code":"NotApplicable","Message":"Not for you.","Success":false}',
            (
                f"NotApplicable: Not for you. ({OTHER_SITE})",
                "NotApplicable",
                200,
                IN_HEAD,
            ),
            id="no-success-in-200",
        ),
        pytest.param(
            403,
            b'{"Code":"Account.Arrearage"}',
            ("Account.Arrearage (the account is in arrears)", "Account.Arrearage", 403, IN_HEAD),
            id="arrears",
        ),
        pytest.param(200, b'{"Success":false}', ("HTTP 200", None, 200, IN_HEAD), id="no-success-and-no-code"),
        pytest.param(
            200, b'{"Success":"False ","Message":"x"}', ("HTTP 200: x", None, 200, IN_HEAD), id="no-success-as-a-text"
        ),
        pytest.param(
            400,
            b'{"code":"Throttling.User","message":"slow down"}',
            ("Throttling.User: slow down", "Throttling.User", 400, IN_HEAD),
            id="lower-case",
        ),
        pytest.param(502, b"<html>Bad Gateway</html>", ("HTTP 502", None, 502, IN_HEAD), id="html"),
        pytest.param(500, b"", ("HTTP 500", None, 500, IN_HEAD), id="empty"),
        pytest.param(204, b"", ("HTTP 204", None, 204, IN_HEAD), id="no-content"),
        pytest.param(404, b"[1]", ("HTTP 404", None, 404, IN_HEAD), id="list"),
        pytest.param(400, b'{"Code":" \\n","Message":"x"}', ("HTTP 400: x", None, 400, IN_HEAD), id="blank-code"),
        pytest.param(400, b'{"Message":"x"}', ("HTTP 400: x", None, 400, IN_HEAD), id="message-without-code"),
        pytest.param(
            400,
            b'{"Code":"aabbccdd","Message":"planted-secret-0123"}',
            (f"HTTP 400: {WITHHELD}", None, 400, IN_HEAD),
            id="secrets",
        ),
        pytest.param(
            400,
            b'{"Code":"SignatureDoesNotMatch","Message":"server string to sign is: x"}',
            ("SignatureDoesNotMatch", "SignatureDoesNotMatch", 400, IN_HEAD),
            id="echo-of-the-request",
        ),
    ],
)
def test_an_error_is_refused(
    http_status: int, body: bytes, expected: tuple[str, str | None, int | None, str | None]
) -> None:
    """Any other status, and a 200 with an error's code, is a refusal that carries what it said."""
    with pytest.raises(Refused) as refusal:
        decode(body, REDACTION, http_status=http_status, request_id=IN_HEAD)

    assert evidence(refusal.value) == expected


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        pytest.param(" Throttling.User\n", "Throttling.User", FailureReason.THROTTLED, id="blanks around"),
        pytest.param("Throttling User", "Throttling User", FailureReason.THROTTLED, id="two words"),
        pytest.param("限流Throttling", "限流Throttling", FailureReason.THROTTLED, id="other letters"),
        pytest.param("Forbidden/RAM", "Forbidden/RAM", FailureReason.PERMISSION, id="a slash"),
        pytest.param("Forbid\u200bden\u200b", "Forbid den", FailureReason.PERMISSION, id="a letter without width"),
        pytest.param("x" * 200 + "NoAuth", "x" * 128, FailureReason.PERMISSION, id="a long one"),
        pytest.param("Throttling.planted-secret-0123", None, FailureReason.THROTTLED, id="a secret"),
        pytest.param("\u200b", None, FailureReason.REJECTED, id="nothing to be seen"),
    ],
)  # fmt: skip
def test_a_code_that_is_no_identifier(said: str, code: str | None, reason: FailureReason) -> None:
    """It is read all the same, and shown in one line of bounded length where it repeats no secret."""
    body = json.dumps({"Code": said, "Message": "m"}).encode()
    with pytest.raises(Refused) as refusal:
        decode(body, REDACTION, http_status=400, request_id=None)

    assert (refusal.value.code, refusal.value.reason) == (code, reason)
    assert refusal.value.explanation == f"{code or 'HTTP 400'}: m"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b'{"Code":"OperationDenied","Message":"Not  open\\nyet."}', "Not open yet.", id="one line"),
        pytest.param(b'{"Code":"OperationDenied"}', None, id="none"),
        pytest.param(b'{"Code":"SignatureDoesNotMatch","Message":"string to sign: x"}', None, id="an echo"),
        pytest.param(
            b'{"Code":"OperationDenied","Message":"planted-secret-0123"}',
            WITHHELD,
            id="a secret",
        ),
    ],
)
def test_a_refusal_carries_the_vendors_sentence(body: bytes, message: str | None) -> None:
    """So that who must tell two meanings of a code apart need not take our own words to pieces."""
    with pytest.raises(Refused) as refusal:
        decode(body, REDACTION, http_status=403, request_id=IN_HEAD)

    assert refusal.value.message == message


NO_JSON = "the reply is no JSON"
NO_OBJECT = "the reply is a JSON value that is no object"


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        pytest.param(b"", "the reply is empty", id="empty"),
        pytest.param(b" \r\n", "the reply is empty", id="blank"),
        pytest.param(b"everything is fine", NO_JSON, id="text"),
        pytest.param(b'{"a":', NO_JSON, id="cut-off"),
        pytest.param(b"[" * 1024 * 1024, NO_JSON, id="deep-brackets"),
        pytest.param(b'{"a":' * 200_000, NO_JSON, id="deep-braces"),
        pytest.param(b"9" * 10_000, NO_OBJECT, id="endless-number"),
        pytest.param(b'[{"LockReason":"financial"}]', NO_OBJECT, id="list"),
        pytest.param(b"null", NO_OBJECT, id="null"),
        pytest.param(b'"text"', NO_OBJECT, id="string"),
    ],
)
@pytest.mark.parametrize("http_status", [200, 203])
def test_a_200_that_makes_no_sense(body: bytes, explanation: str, http_status: int) -> None:
    """A 200 that is no object is malformed."""
    with pytest.raises(MalformedReply) as malformed:
        decode(body, REDACTION, http_status=http_status, request_id=IN_HEAD)

    assert evidence(malformed.value) == (explanation, None, http_status, IN_HEAD)


@pytest.mark.parametrize(
    ("http_status", "headers", "explanation"),
    [
        pytest.param(
            502, {"Content-Type": "text/html; charset=utf-8"}, "HTTP 502 (its content type is text/html)", id="a page"
        ),
        pytest.param(
            302, {"Location": "https://u:p@portal.example:8443/login?x", "Content-Type": "text/html"},
            "HTTP 302 (its content type is text/html; it redirects to portal.example)", id="a redirect",
        ),
        pytest.param(307, {"Location": "/elsewhere"}, "HTTP 307", id="to the same host"),
        pytest.param(308, {"Location": "https://[::1"}, "HTTP 308", id="to no host"),
        pytest.param(
            301, {"Location": "http://planted-secret-0123/"}, f"HTTP 301 (it redirects to {WITHHELD})", id="a secret"
        ),
        pytest.param(400, {"Content-Encoding": "br"}, "HTTP 400 (its content encoding is br)", id="compressed"),
    ],
)  # fmt: skip
def test_a_status_alone(http_status: int, headers: dict[str, str], explanation: str) -> None:
    """Where neither a code nor a sentence came, the head says what has answered."""
    with pytest.raises(Refused) as refusal:
        decode(b"<html>Log in", REDACTION, http_status=http_status, request_id=IN_HEAD, headers=headers)

    assert refusal.value.explanation == explanation


def test_a_sentence_without_a_code() -> None:
    """It says more than the head."""
    headers = {"Content-Type": "application/json"}
    with pytest.raises(Refused) as refusal:
        decode(b'{"Message":"No."}', REDACTION, http_status=400, request_id=None, headers=headers)

    assert refusal.value.explanation == "HTTP 400: No."


def test_an_answer_that_a_proxy_has_changed() -> None:
    """It is one with HTTP 203 too, and an error is an error."""
    assert decode(b'{"a":1}', REDACTION, http_status=203, request_id=IN_HEAD) == ({"a": 1}, IN_HEAD)
    with pytest.raises(Refused, match="NoPermission"):
        decode(b'{"Code":"NoPermission"}', REDACTION, http_status=203, request_id=IN_HEAD)
