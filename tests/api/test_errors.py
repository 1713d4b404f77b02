import pytest

from exporter.api.errors import (
    ApiError,
    CallTimedOut,
    ConnectionFailed,
    CredentialsUnavailable,
    MalformedReply,
    RefusalPattern,
    Refused,
    RoleNotAssumed,
    WriteRefused,
    meaning_of_code,
    reason_of_refusal,
)
from exporter.core.model import FailureReason

THROTTLED, AUTH, PERMISSION = FailureReason.THROTTLED, FailureReason.AUTH, FailureReason.PERMISSION
SERVER, REJECTED = FailureReason.SERVER, FailureReason.REJECTED

REASONS = [
    # The code decides, whatever the status.
    ("Throttling", 400, THROTTLED),
    ("Throttling.User", 429, THROTTLED),
    ("Throttling.User", 503, THROTTLED),
    ("Throttling.Api", 400, THROTTLED),
    ("Throttling.Api.Concurrency", 400, THROTTLED),
    ("Throttling.System", 400, THROTTLED),
    ("Rejected.Throttling", 400, THROTTLED),
    ("FlowControlError", 400, THROTTLED),
    ("ServiceBusy", 503, THROTTLED),
    ("Site.ServiceBusy", 403, THROTTLED),
    ("TooManyRequests", 400, THROTTLED),
    ("Degrade.Api", 400, THROTTLED),
    ("Forbidden.Throttled", 403, THROTTLED),
    ("Throttling.Forbidden", 403, THROTTLED),
    ("RequestLimitExceeded", 400, THROTTLED),
    ("LimitExceeded", 400, THROTTLED),
    ("RateExceeded", 400, THROTTLED),
    ("Rate.Limited", 400, THROTTLED),
    ("TooManyRequest", 400, THROTTLED),
    ("SERVICE_BUSY", 400, THROTTLED),
    ("RATE_LIMIT", 400, THROTTLED),
    ("AuthenticationFailed", 403, AUTH),
    ("InvalidCredentials", 400, AUTH),
    ("SDK.InvalidCredential", 400, AUTH),
    ("Unauthenticated", 400, AUTH),
    ("MissingSignature", 400, AUTH),
    ("Forbidden.InvalidSecurityToken", 403, AUTH),
    ("MissingAccessKeyId", 400, AUTH),
    ("InvalidAccessKeyIdentity", 400, AUTH),
    ("Signature", 400, AUTH),
    ("SignatureDoesNotMatch", 400, AUTH),
    ("SignatureDoesNotMatch", 403, AUTH),
    ("IncompleteSignature", 400, AUTH),
    ("SignatureNonceUsed", 400, AUTH),
    ("InvalidAccessKeyId.NotFound", 404, AUTH),
    ("InvalidAccessKeyId.Inactive", 400, AUTH),
    ("InvalidAccessKeyId", 403, AUTH),
    ("Forbidden.AccessKeyDisabled", 403, AUTH),
    ("MissingSecurityToken", 400, AUTH),
    ("InvalidSecurityToken.Expired", 400, AUTH),
    ("InvalidSecurityToken.Malformed", 500, AUTH),
    ("InvalidSecurityToken.MismatchWithAccessKey", 400, AUTH),
    ("InvalidTimeStamp.Expired", 400, AUTH),
    ("InvalidTimeStamp.Format", 400, AUTH),
    ("IllegalTimestamp", 400, AUTH),
    ("NoPermission", 403, PERMISSION),
    ("NotAuthorized", 403, PERMISSION),
    ("Forbidden", 400, PERMISSION),
    ("Forbidden.RAM", 403, PERMISSION),
    ("Forbidden.NoPermission", 403, PERMISSION),
    ("ActionUnauthorized", 403, PERMISSION),
    ("Forbidden.NotSupportRAM", 403, PERMISSION),
    ("AccessDenied", 403, PERMISSION),
    ("AccessDenied.Detail", 400, PERMISSION),
    ("Forbidden.NoUserAuthorization", 403, PERMISSION),
    ("NoAuth", 403, PERMISSION),
    ("User.NoPermission", 500, PERMISSION),
    ("OperationDenied.NoPermission", 403, PERMISSION),
    ("InsufficientPermission", 400, PERMISSION),
    ("InvalidPermission", 400, PERMISSION),
    ("ImplicitDeny", 400, PERMISSION),
    ("ExplicitDeny", 400, PERMISSION),
    ("No.Permission", 400, PERMISSION),
    ("NO_PERMISSION", 400, PERMISSION),
    ("Access-Denied", 400, PERMISSION),
    ("InternalFailure", 400, SERVER),
    ("SystemError", 400, SERVER),
    ("Internal.Error", 400, SERVER),
    ("INTERNAL_SERVER_ERROR", 400, SERVER),
    ("Unavailable", 400, SERVER),
    ("UnknownException", 400, SERVER),
    ("ServiceTimeout", 400, SERVER),
    ("BackendTimeout", 400, SERVER),
    ("GatewayTimeout", 400, SERVER),
    ("SystemUpgrading", 403, SERVER),
    ("System.Maintenance", 403, SERVER),
    ("Service.InternalError", 400, SERVER),
    ("ServiceUnavailable", 400, SERVER),
    ("InternalError", 400, SERVER),
    ("UnknownError", 400, SERVER),
    ("Account.Arrearage", 403, REJECTED),
    ("Account.Arrearage", 503, REJECTED),
    ("Forbidden.InArrears", 403, REJECTED),
    ("OverdueBill", 403, REJECTED),
    # The vendor names these, and they speak of something else than rights.
    ("Forbidden.RiskControl", 403, REJECTED),
    ("Forbidden.IntlUser", 403, REJECTED),
    ("Forbidden.BidUser", 403, REJECTED),
    ("DomainNameDenied", 400, REJECTED),
    ("Certificate.DeniedList", 400, REJECTED),
    # A word within another one, or of something else.
    ("LimitExceeded.Domain", 400, REJECTED),
    ("DomainLimitExceeded", 400, REJECTED),
    ("DomainUnavailable", 400, REJECTED),
    ("InvalidParameter.Timeout", 400, REJECTED),
    ("RealNameAuthenticationFailed", 400, REJECTED),
    # A code that says nothing leaves it to the status.
    ("NoRealNameAuthentication", 400, REJECTED),
    ("InvalidAction.NotFound", 404, REJECTED),
    ("OperationDenied", 403, REJECTED),
    ("SomethingNew", 200, REJECTED),
    ("SomethingNew", 500, SERVER),
    (None, 302, THROTTLED),
    (None, 429, THROTTLED),
    (None, 301, REJECTED),
    (None, 401, AUTH),
    ("SomethingNew", 401, AUTH),
    (None, 403, REJECTED),
    (None, 499, REJECTED),
    (None, 500, SERVER),
    (None, 502, SERVER),
    (None, 599, SERVER),
    ("", 404, REJECTED),
]


@pytest.mark.parametrize(
    ("code", "http_status", "reason"),
    [pytest.param(*row, id=f"{row[0] or 'no-code'}-{row[1]}") for row in REASONS],
)
def test_reason_of_refusal(code: str | None, http_status: int, reason: FailureReason) -> None:
    """The code decides in any case, and the status where the code does not."""
    cases = {code, code and code.lower(), code and code.upper()}

    assert {reason_of_refusal(spelt, http_status) for spelt in cases} == {reason}


def test_a_sentence_that_speaks_of_throttling() -> None:
    """The vendor's flow control has no code of its own everywhere, and says this then."""
    refusal = Refused("why", code="Forbidden", http_status=403, message="QPS Limit exceeded, slow down")

    assert refusal.reason is THROTTLED


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("Account.Arrearage", "the account is in arrears"),
        ("forbidden.inarrears", "the account is in arrears"),
        ("NotApplicable", "the account is of the other site, or a reseller's customer: check its key `site`"),
        ("NotApplicable.Caller", "the account is of the other site, or a reseller's customer: check its key `site`"),
        ("NotApplicableX", None),
        ("NoPermission", None),
        (None, None),
    ],
)
def test_what_a_code_means(code: str | None, meaning: str | None) -> None:
    """Of codes whose sentence says nothing to an operator, the meaning is added."""
    assert meaning_of_code(code) == meaning


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(CredentialsUnavailable("why"), FailureReason.AUTH, id="credentials"),
        pytest.param(CallTimedOut("why"), FailureReason.TIMEOUT, id="timeout"),
        pytest.param(ConnectionFailed("why"), FailureReason.NETWORK, id="connection"),
        pytest.param(MalformedReply("why"), FailureReason.MALFORMED, id="malformed"),
        pytest.param(Refused("why", code="Throttling", http_status=400), FailureReason.THROTTLED, id="refused"),
    ],
)
def test_every_error_says_why(error: ApiError, reason: FailureReason) -> None:
    """An error carries its reason, and its explanation is what it says."""
    assert (error.reason, error.explanation, str(error)) == (reason, "why", "why")


def test_a_role_that_is_not_assumed_has_the_evidence_of_its_cause() -> None:
    """The poll that needed the role fails for the reason of AssumeRole, and says which role it was."""
    cause = Refused("NoPermission: no", code="NoPermission", http_status=403, request_id="ID")
    error = RoleNotAssumed("acs:ram::7:role/reader", cause)

    assert isinstance(error, CredentialsUnavailable)
    assert error.explanation == "AssumeRole of acs:ram::7:role/reader: NoPermission: no"
    assert (error.reason, error.code, error.http_status, error.request_id, error.role_arn) == (
        FailureReason.PERMISSION, "NoPermission", 403, "ID", "acs:ram::7:role/reader"
    )  # fmt: skip


def test_without_credentials_nothing_is_sent() -> None:
    """Every other error may come after the request had its effect, unless it says otherwise."""
    cause = Refused("NoPermission: no", code="NoPermission", http_status=403)

    assert not CredentialsUnavailable("why").sent
    assert not RoleNotAssumed("acs:ram::7:role/reader", cause).sent
    assert cause.sent
    assert (CallTimedOut("why").sent, CallTimedOut("why", sent=False).sent) == (True, False)


def test_a_refusal_carries_evidence() -> None:
    """The parts of a refusal are fields: no code parses its sentence."""
    error = Refused("why", code="NoPermission", http_status=403, request_id="ID")

    assert (error.code, error.http_status, error.request_id) == ("NoPermission", 403, "ID")


@pytest.mark.parametrize(
    ("code", "refuses_token"),
    [
        pytest.param("InvalidSecurityToken.Expired", True, id="expired"),
        pytest.param("INVALIDSECURITYTOKEN.MALFORMED", True, id="malformed, in another case"),
        pytest.param("InvalidSecurityToken.MismatchWithAccessKey", True, id="of another key"),
        pytest.param("MissingSecurityToken", False, id="missing"),
        pytest.param("InvalidAccessKeyId.NotFound", False, id="a key"),
        pytest.param(None, False, id="no code"),
    ],
)
def test_another_token_may_be_accepted(code: str | None, *, refuses_token: bool) -> None:
    """Only what is said of the token itself is a reason to ask for another one."""
    assert Refused("why", code=code, http_status=400).refuses_token is refuses_token


def test_a_refused_write_is_no_answer_of_the_api() -> None:
    """A write asked of a client for reads is a defect, which no poll may count as a failure of the API."""
    error = WriteRefused("OpenCdnService")

    assert not isinstance(error, ApiError)
    assert error.action == "OpenCdnService"


def test_no_code_stands_for_no_state() -> None:
    """Else every error page of a proxy would."""
    with pytest.raises(ValueError, match="without a code"):
        RefusalPattern("")


@pytest.mark.parametrize(("code", "words"), [("DcdnServiceNotFound", ""), ("operationdenied", "Locked")])
def test_what_could_never_match_is_refused(code: str, words: str) -> None:
    """A row with capital letters would silently turn a state into a failure."""
    with pytest.raises(ValueError, match="case-folded"):
        RefusalPattern(code, words=words)
