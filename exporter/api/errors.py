"""Why a call gave no answer.

    ApiError
    ├── CredentialsUnavailable   there are no credentials             auth
    │   └── RoleNotAssumed       AssumeRole gave none                 that of AssumeRole
    ├── CallTimedOut             the total deadline passed            timeout
    ├── ConnectionFailed         no whole reply came                  network
    ├── Refused                  an error was the reply               by code, then by HTTP status
    ├── PageRefused              the same for a further page          that of the refusal
    └── MalformedReply           a reply that is no sensible answer   malformed
        └── ReplyTooLarge            more than any answer needs           malformed
    CallAborted                  the daemon stops; the state is as unknown as before
    WriteRefused                 a defect of ours: a client made for reads was to write

Codes are compared case-insensitively: the vendor's tables disagree on case.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

from exporter.core.model import FailureReason


class ApiError(Exception):
    """The state is not known; the fields say why, so that no code parses the message.

    ``explanation`` is one sentence for people and holds no secret. ``code``, ``http_status`` and ``request_id``
    are set when a reply has them. ``sent`` is False when nothing of the request was sent, so it had no effect.
    """

    def __init__(
        self,
        explanation: str,
        *,
        reason: FailureReason,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(explanation)
        self.sent = sent
        self.explanation = explanation
        self.reason = reason
        self.code = code
        self.http_status = http_status
        self.request_id = request_id


class CredentialsUnavailable(ApiError):
    """No credentials could be had, so the call was not sent."""

    def __init__(self, explanation: str) -> None:
        super().__init__(explanation, reason=FailureReason.AUTH, sent=False)


class RoleNotAssumed(CredentialsUnavailable):
    """AssumeRole gave no credentials of a role.

    ``cause`` is why: an error of the call to STS, or of the credentials for it. Its reason and evidence become this
    error's.
    """

    def __init__(self, role_arn: str, cause: ApiError) -> None:
        super().__init__(f"AssumeRole of {role_arn}: {cause.explanation}")
        self.role_arn = role_arn
        self.reason, self.code = cause.reason, cause.code
        self.http_status, self.request_id = cause.http_status, cause.request_id


class CallTimedOut(ApiError):
    """The total deadline of the call passed before the whole reply came."""

    def __init__(self, explanation: str, *, sent: bool = True) -> None:
        super().__init__(explanation, reason=FailureReason.TIMEOUT, sent=sent)


class ConnectionFailed(ApiError):
    """The connection could not be made, or ended before the reply did."""

    def __init__(self, explanation: str, *, sent: bool = True) -> None:
        super().__init__(explanation, reason=FailureReason.NETWORK, sent=sent)


class Refused(ApiError):
    """The API, or something before it, answered with an error.

    ``message`` is the vendor's sentence without secrets: one of its codes has several meanings, which only the
    sentence distinguishes. None when there is none, or when it could repeat the request. ``retry_after_s`` is set
    when the reply says when to call again: it is throttling then, whatever the code. ``reason`` is for a code that
    cannot be shown.
    """

    def __init__(
        self,
        explanation: str,
        *,
        code: str | None,
        http_status: int,
        request_id: str | None = None,
        message: str | None = None,
        retry_after_s: float | None = None,
        reason: FailureReason | None = None,
    ) -> None:
        reason = reason or reason_of_refusal(code, http_status, message)
        super().__init__(
            explanation,
            reason=reason if retry_after_s is None else FailureReason.THROTTLED,
            code=code,
            http_status=http_status,
            request_id=request_id,
        )
        self.message = message
        self.retry_after_s = retry_after_s

    @property
    def refuses_token(self) -> bool:
        """Whether the API refuses the security token, so that another one may be accepted."""
        return _OTHER_TOKEN_NEEDED.fullmatch((self.code or "").casefold()) is not None


class PageRefused(ApiError):
    """A page of a list was refused after others had come: that stands for no state, as it contradicts their rows.

    Its reason and evidence are those of the refusal.
    """

    def __init__(self, number: int, refusal: Refused) -> None:
        super().__init__(
            f"page {number} of the list: {refusal.explanation}",
            reason=refusal.reason,
            code=refusal.code,
            http_status=refusal.http_status,
            request_id=refusal.request_id,
        )


@dataclass(frozen=True, slots=True)
class RefusalPattern:
    """Matches refusals of one meaning.

    ``code`` is compared case-insensitively. Where a code has several meanings, ``words`` are the part of the message
    that marks this one; else they are empty.
    """

    code: str
    words: str = ""

    def __post_init__(self) -> None:
        if not self.code:
            raise ValueError("an error without a code has no meaning of its own")
        for text in (self.code, self.words):
            if text != text.casefold():
                raise ValueError(f"codes and words are compared case-folded, seen {text!r}")

    def matches(self, refusal: Refused) -> bool:
        """Whether the refusal has this meaning."""
        return (refusal.code or "").casefold() == self.code and self.words in (refusal.message or "").casefold()


class MalformedReply(ApiError):
    """The reply claims success and makes no sense."""

    def __init__(self, explanation: str, *, http_status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(explanation, reason=FailureReason.MALFORMED, http_status=http_status, request_id=request_id)


class ReplyTooLarge(MalformedReply):
    """The reply is larger than any answer needs to be; a list may fit where smaller pages of it are requested."""


class CallAborted(Exception):
    """The daemon stops, so the call was ended."""


class WriteRefused(Exception):
    """A client that may only read was to call an operation that changes an account."""

    def __init__(self, action: str) -> None:
        super().__init__(f"{action} changes the account; this client was made for reads")
        self.action = action


_THROTTLING = (
    "throttl|flowcontrol|servicebusy|degrade|toomanyrequest|ratelimit|rateexceed|qpslimit|requestlimitexceed"
    "|^limitexceeded$"
)
_THROTTLING_SENTENCE = "qps limit exceeded"
_ARREARS = "arrear|overdue|indebt"
# Words of a segment; the first row that has one counts. Codes differ in case, so that capitals do not divide words.
# https://help.aliyun.com/en/document_detail/434846.html, https://www.alibabacloud.com/help/doc-detail/27232.htm and
# https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-opencdnservice, of no right.
_REASON_OF_WORDS = {
    f"{_ARREARS}|operationdenied|riskcontrol|intl|biduser|domainnamedenied|deniedlist": FailureReason.REJECTED,
    "signature|accesskey|securitytoken|timestamp|^authenticationfail|invalidcredential|unauthenticated": (
        FailureReason.AUTH
    ),
    "forbidden|denied|(im|ex)plicitdeny|(no|insufficient|invalid)permission|(not|un)authorized|noauth": (
        FailureReason.PERMISSION
    ),
    "(service|^)unavailable|internal(server)?error|internalfailure|systemerror|upgrading|maintenance"
    "|unknown(error|exception)|(service|backend|gateway)timeout": FailureReason.SERVER,
}
_ERROR = (
    "invalid|missing|not_?(found|exist|support|applicable)|illegal|error|fail|exceed|unsupported|conflict|expired"
)
# https://help.aliyun.com/zh/polardb/client-error-codes
_OTHER_TOKEN_NEEDED = re.compile(r"invalidsecuritytoken\.(expired|malformed|mismatchwithaccesskey)")


def reason_of_refusal(code: str | None, http_status: int, message: str | None = None) -> FailureReason:
    """The failure reason of an error reply, by its code, else by its HTTP status.

    A code is read by its segments, which dots divide, the last one first: it is the narrowest; then as a whole, for
    words that are divided themselves. Letters and digits count in it, and no other sign.
    """
    if _THROTTLING_SENTENCE in (message or "").casefold():
        return FailureReason.THROTTLED
    if (reason := _reason_in_words(code)) is not None:
        return reason
    # STS answers a 302 over its limit:
    # https://www.alibabacloud.com/help/en/ram/support/faq-about-ram-roles-and-sts-tokens
    if http_status in (HTTPStatus.FOUND, HTTPStatus.TOO_MANY_REQUESTS):
        return FailureReason.THROTTLED
    if http_status == HTTPStatus.UNAUTHORIZED:
        return FailureReason.AUTH
    if http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FailureReason.SERVER
    return FailureReason.REJECTED


def speaks_of_error(code: str | None) -> bool:
    """Whether a code is one of an error by its words, whatever was answered with it."""
    return _reason_in_words(code) is not None or re.search(_ERROR, (code or "").casefold()) is not None


def meaning_of_code(code: str | None) -> str | None:
    """What a code means for the operator, where the vendor's sentence does not say it."""
    folded = (code or "").casefold()
    if re.search(_ARREARS, folded):
        return "the account is in arrears"
    # https://help.aliyun.com/document_detail/472991.html: a code of BssOpenApi
    if folded.partition(".")[0] == "notapplicable":
        return "the account is of the other site, or a reseller's customer: check its key `site`"
    return None


def _reason_in_words(code: str | None) -> FailureReason | None:
    segments = re.sub(r"[^a-z0-9.]", "", (code or "").casefold()).split(".")
    joined = "".join(segments)
    if re.search(_THROTTLING, joined):
        return FailureReason.THROTTLED
    found = (
        reason
        for part in (*reversed(segments), joined)
        for words, reason in _REASON_OF_WORDS.items()
        if re.search(words, part)
    )
    return next(found, None)
