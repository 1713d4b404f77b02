"""Every refusal has a sentence that says what it means, and one that says what to do."""

import pytest

from exporter.activation.outcome import LastLook, Outcome, Result, Subject, refused
from exporter.activation.refusals import DOCUMENTED, Explanation, explain
from exporter.api.errors import RefusalPattern, Refused
from exporter.simulator import REFUSALS

NOT_ACTIVATED = " CDN was not activated."
MEANINGS = {
    "invalid_charge_type": "CDN cannot be activated with this billing method.",
    "insufficient_balance": "The account does not have enough balance to activate CDN.",
    "no_real_name": "The account has not passed real-name verification, without which CDN cannot be activated.",
    "invalid_pay_method": "The account has no valid payment method.",
    "incomplete_profile": "The profile of the account is incomplete.",
    "order_failed": "The vendor could not create the order for CDN.",
    "order_query_failed": "The vendor could not look up what it needs to create the order for CDN.",
    "owner_missing": "The vendor could not tell which account is to get CDN (OwnerId or OwnerAccount).",
    "order_failed_with_full_stop": "The vendor could not create the order for CDN.",
    "order_account_query_failed": "The vendor could not read the account's details to create the order.",
    "order_charge_type_refused": "The vendor refused the order for its billing method.",
    "international_user": "The account is of the international site, where CDN is not open to every account.",
    "bid_user": "The account is one of those (BID users) that may not activate services themselves.",
}


def refusal(code: str | None, message: str | None, *, http_status: int = 400) -> Refused:
    return Refused(f"{code}: {message}", code=code, http_status=http_status, request_id="id-1", message=message)


@pytest.mark.parametrize("name", MEANINGS)
def test_each_row_of_the_vendors_table_is_explained(name: str) -> None:
    """Code, message and request id go with the sentence; in another case they mean the same."""
    code, message = REFUSALS[name]
    outcome = refused(refusal(code, message))

    assert outcome is not None
    assert outcome == Outcome(
        Result.REFUSED,
        MEANINGS[name] + NOT_ACTIVATED,
        outcome.next_step,
        code=code,
        vendor_message=message,
        request_id="id-1",
    )
    assert outcome.next_step.endswith(".")
    assert explain(refusal(code.upper(), message.upper())).meaning == MEANINGS[name]


def test_no_row_of_the_vendors_table_is_left_out() -> None:
    """All but the one that is success, and each row of ours is one of theirs or the rest of its code."""
    assert {*MEANINGS, "already_open"} == set(REFUSALS)
    patterns = [pattern for pattern, _ in DOCUMENTED]
    reached = {_first_match(patterns, refusal(code, message)) for code, message in REFUSALS.values()}
    assert set(patterns) - reached == {RefusalPattern("missingparameter")}
    assert len(patterns) == len(set(patterns))


def _first_match(patterns: list[RefusalPattern], refused_with: Refused) -> RefusalPattern | None:
    return next((pattern for pattern in patterns if pattern.matches(refused_with)), None)


def test_having_it_already_is_success() -> None:
    """The account has what was wanted."""
    outcome = refused(refusal(*REFUSALS["already_open"]))

    assert outcome is not None
    assert (outcome.result, outcome.result.exit_code) == (Result.ALREADY_ACTIVE, 0)
    assert "already active" in outcome.sentence


@pytest.mark.parametrize(
    ("code", "message", "http_status", "meaning"),
    [
        pytest.param("Forbidden.RAM", "no", 403, "lacks the right cdn:OpenCdnService.", id="right"),
        pytest.param("NoPermission", None, 403, "lacks the right cdn:OpenCdnService.", id="right in other words"),
        pytest.param("Throttling.User", "no", 400, "one too many, without looking at it.", id="throttled"),
        pytest.param("Throttling", "no", 503, "one too many, without looking at it.", id="throttled by a 503"),
        pytest.param("InvalidAccessKeyId.NotFound", "no", 404, "does not accept the credentials.", id="key"),
        pytest.param("MissingParameter", "RegionId", 400, "a parameter that this version does not send.", id="other"),
        pytest.param("CreateOrderFailed", None, 400, "could not create the order for CDN.", id="order, no message"),
        pytest.param("Moon.Full", "Tonight.", 400, "its page on OpenCdnService does not name.", id="unknown"),
    ],
)
def test_other_refusals_are_explained_by_their_kind(
    code: str, message: str | None, http_status: int, meaning: str
) -> None:
    """A code that the vendor's page does not name is shown with its message and request id."""
    outcome = refused(refusal(code, message, http_status=http_status))

    assert outcome is not None
    assert outcome.sentence.endswith(meaning + NOT_ACTIVATED)
    assert (outcome.code, outcome.vendor_message, outcome.request_id) == (code, message, "id-1")


@pytest.mark.parametrize(
    ("code", "http_status"),
    [
        ("InternalError", 500),
        ("ServiceUnavailable", 503),
        ("SignatureNonceUsed", 400),
        (None, 502),
        (None, 302),
        (None, 403),
    ],
)
def test_what_the_api_did_not_decide_is_no_refusal(code: str | None, http_status: int) -> None:
    """An error of the server, a proxy's page or its second try do not tell whether the order was carried out."""
    assert refused(refusal(code, None, http_status=http_status)) is None


def test_sentences_are_whole() -> None:
    """What people read ends with a full stop, and a look has seen something or not."""
    with pytest.raises(ValueError, match="whole sentences"):
        Explanation("No", "Pay.")
    with pytest.raises(ValueError, match="whole sentences"):
        Outcome(Result.REFUSED, "No")
    with pytest.raises(ValueError, match="a look"):
        LastLook(1.0)


def test_a_billing_method_has_a_name() -> None:
    """Without one the API would miss a parameter, which it tells in words for another mistake."""
    with pytest.raises(ValueError, match="a billing method has a name, as PayByTraffic, seen ' '"):
        Subject("shop", "china", " ")


def test_exit_codes_are_the_contracts() -> None:
    """0 when CDN is active or nothing was asked for, 1 when it was not activated, 5 when nobody knows."""
    assert {result.word: result.exit_code for result in Result} == {
        "planned": 0,
        "already_active": 0,
        "activated": 0,
        "refused": 1,
        "not_sent": 1,
        "unknown": 5,
    }
