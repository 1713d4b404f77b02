"""The outcome of an attempt to activate CDN, decided from the API's answers, in words and as JSON; pure."""

import json
from dataclasses import dataclass
from enum import Enum

from exporter.activation.refusals import ATTACH_POLICY, explain, says_already_open, says_sent_before
from exporter.api.errors import ApiError, Refused
from exporter.core.model import FailureReason
from exporter.probes.service_state import ServiceState, ServiceStatus

_ASK_AGAIN = (
    "Run the command without --yes in a few minutes: it asks again and changes nothing. Activating twice does no "
    "harm, as the vendor refuses it."
)


class Result(Enum):
    """How an attempt ended: its word in reports, and the exit code of the command."""

    PLANNED = ("planned", 0)
    ALREADY_ACTIVE = ("already_active", 0)
    ACTIVATED = ("activated", 0)
    REFUSED = ("refused", 1)
    NOT_SENT = ("not_sent", 1)
    UNKNOWN = ("unknown", 5)

    def __init__(self, word: str, exit_code: int) -> None:
        self.word = word
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Subject:
    """The account to activate CDN for, and its billing method; ``account_id`` is None while it is not known."""

    account: str
    site: str
    charge_type: str
    account_id: str | None = None

    def __post_init__(self) -> None:
        if not self.charge_type.strip():
            raise ValueError(f"a billing method has a name, as PayByTraffic, seen {self.charge_type!r}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, in sentences for people.

    ``status`` is what DescribeCdnService said last; None when it did not. ``code``, ``vendor_message`` and
    ``request_id`` are the vendor's, of OpenCdnService unless that was not sent.
    """

    result: Result
    sentence: str
    next_step: str = ""
    status: ServiceStatus | None = None
    code: str | None = None
    vendor_message: str | None = None
    request_id: str | None = None

    def __post_init__(self) -> None:
        if not self.sentence.endswith("."):
            raise ValueError(f"an outcome is written in whole sentences, seen {self.sentence!r}")


@dataclass(frozen=True, slots=True)
class LastLook:
    """What DescribeCdnService last said within ``waited_s`` after the call, or why it did not."""

    waited_s: float
    state: ServiceState | None = None
    failure: str | None = None

    def __post_init__(self) -> None:
        if (self.state is None) == (self.failure is None):
            raise ValueError("a look saw a state or failed")

    @property
    def shows_it(self) -> bool:
        """Whether CDN is activated for all to see."""
        return self.state is not None and self.state.activated

    @property
    def status(self) -> ServiceStatus | None:
        """The status that was seen."""
        return self.state.status if self.state is not None else None


def planned() -> Outcome:
    """A dry run: nothing was changed."""
    return Outcome(
        Result.PLANNED,
        "Dry run: OpenCdnService was not called and nothing was changed.",
        "Add --yes to activate CDN.",
        status=ServiceStatus.NOT_ACTIVATED,
    )


def declined() -> Outcome:
    """The operator answered no: nothing was changed."""
    return Outcome(
        Result.PLANNED,
        "You did not confirm: OpenCdnService was not called and nothing was changed.",
        status=ServiceStatus.NOT_ACTIVATED,
    )


def found_active(state: ServiceState) -> Outcome | None:
    """The outcome for an account that has CDN already; None where it can be activated."""
    if not state.activated:
        return None
    locked = f", and locked ({', '.join(state.lock_reasons)})" if state.lock_reasons else ""
    return Outcome(
        Result.ALREADY_ACTIVE,
        f"CDN is already active for this account{locked}; there is nothing to do.",
        status=state.status,
    )


def not_sent(step: str, error: ApiError) -> Outcome:
    """OpenCdnService was not called, since what comes before it failed."""
    # Of the calls that can be refused here, only DescribeCdnService needs a right; for roles it is no Refused.
    lacks_right = isinstance(error, Refused) and error.reason is FailureReason.PERMISSION
    return Outcome(
        Result.NOT_SENT,
        f"{step} failed ({error.explanation}), so OpenCdnService was not called and nothing was changed.",
        ATTACH_POLICY if lacks_right else "Mend that, then run the command again.",
        code=error.code,
        vendor_message=error.message if isinstance(error, Refused) else None,
        request_id=error.request_id,
    )


def never_left(error: ApiError) -> Outcome:
    """OpenCdnService was called, and its request could not be sent."""
    return Outcome(
        Result.NOT_SENT,
        f"OpenCdnService could not be sent ({error.explanation}), so nothing was changed.",
        "Mend that, then run the command again.",
        code=error.code,
        request_id=error.request_id,
    )


def other_account(configured: str, found: str) -> Outcome:
    """OpenCdnService was not called, since the credentials are another account's."""
    return Outcome(
        Result.NOT_SENT,
        f"The credentials are those of account id {found}, the configuration says {configured}. Nothing was changed.",
        "Correct account_id or the credentials of the account in the configuration file.",
    )


def refused(refusal: Refused) -> Outcome | None:
    """The outcome of a refusal; None where CDN may have been activated all the same."""
    if says_already_open(refusal):
        return Outcome(
            Result.ALREADY_ACTIVE,
            "CDN is already active for this account; there was nothing to do.",
            code=refusal.code,
            vendor_message=refusal.message,
            request_id=refusal.request_id,
        )
    # An error of the server, or a page of something before it, may come after the order was carried out; so does a
    # nonce that was seen before: something on the way has sent the call twice, and its first answer is lost.
    if refusal.code is None or refusal.reason is FailureReason.SERVER or says_sent_before(refusal):
        return None
    explanation = explain(refusal)
    return Outcome(
        Result.REFUSED,
        f"{explanation.meaning} CDN was not activated.",
        explanation.next_step,
        code=refusal.code,
        vendor_message=refusal.message,
        request_id=refusal.request_id,
    )


def accepted(request_id: str, look: LastLook) -> Outcome:
    """The API said that it has activated CDN."""
    if look.shows_it:
        sentence, next_step = "CDN is active.", ""
    else:
        seen = "does not show it yet" if look.failure is None else f"could not be asked ({look.failure})"
        sentence = f"The vendor has activated CDN; DescribeCdnService {seen}, {look.waited_s:g} s after that."
        next_step = "Run the command without --yes in a few minutes to see it; it changes nothing."
    return Outcome(Result.ACTIVATED, sentence, next_step, status=look.status, request_id=request_id)


def unanswered(lost: str, look: LastLook, *, request_id: str | None = None) -> Outcome:
    """OpenCdnService was sent and not answered: the last look at DescribeCdnService decides."""
    if look.shows_it:
        return Outcome(
            Result.ACTIVATED,
            f"The answer of OpenCdnService was lost ({lost}), but DescribeCdnService shows that CDN is active now.",
            status=look.status,
            request_id=request_id,
        )
    if look.failure is None:
        seen = f"DescribeCdnService does not show CDN {look.waited_s:g} s after it: it may still come"
    else:
        seen = f"DescribeCdnService could not be asked either ({look.failure})"
    return Outcome(
        Result.UNKNOWN,
        f"It is not known whether CDN was activated: the answer of OpenCdnService was lost ({lost}), and {seen}.",
        _ASK_AGAIN,
        status=look.status,
        request_id=request_id,
    )


def interrupted_before() -> Outcome:
    """The operator ended the command before the call."""
    return Outcome(
        Result.NOT_SENT,
        "Interrupted: OpenCdnService was not called and nothing was changed.",
        "Run the command again when you want to.",
    )


def interrupted(request_id: str | None) -> Outcome:
    """The operator ended the command during the call or after it; ``request_id`` is there once it was answered."""
    if request_id is not None:
        return Outcome(
            Result.ACTIVATED,
            "The vendor has activated CDN; the wait for DescribeCdnService to show it was interrupted.",
            request_id=request_id,
        )
    return Outcome(
        Result.UNKNOWN,
        "It is not known whether CDN was activated: the command was interrupted before OpenCdnService was answered.",
        _ASK_AGAIN,
    )


_BILLING = {
    "PayByTraffic": "by data transfer: what CDN delivers for the account's domains is billed by its volume",
}
_OTHER_BILLING = "a method that the vendor does not document for the activation"


def plan_in_words(subject: Subject) -> str:
    """What will be done, for which account, and how it is billed."""
    billing = _BILLING.get(subject.charge_type, _OTHER_BILLING)
    return "\n".join(
        (
            f"account     {subject.account} (site {subject.site})",
            f"account id  {subject.account_id or 'not known'}",
            "CDN         not activated",
            "to do       call OpenCdnService, once",
            f"billing     {subject.charge_type}, {billing};",
            "            it starts with the activation, which neither the vendor's API nor this command can undo",
        )
    )


def in_one_line(subject: Subject, outcome: Outcome) -> str:
    """The outcome for people, in one line."""
    request = f"(request id {outcome.request_id})" if outcome.request_id else ""
    return " ".join(filter(None, (f"{_whom(subject)}: {outcome.sentence}", request, outcome.next_step)))


def as_text(subject: Subject, outcome: Outcome) -> str:
    """The outcome for people, in a few lines."""
    lines = [f"{_whom(subject)}: {outcome.sentence}"]
    lines += [outcome.next_step] if outcome.next_step else []
    vendor = (("code", outcome.code), ("message", outcome.vendor_message), ("request id", outcome.request_id))
    lines += [f"  {name:<11} {value}" for name, value in vendor if value]
    return "\n".join(lines)


def as_json(subject: Subject, outcome: Outcome) -> str:
    """The outcome for programs: one object, whose keys are always there."""
    document = {
        "account": subject.account,
        "account_id": subject.account_id,
        "site": subject.site,
        "product": "cdn",
        "internet_charge_type": subject.charge_type,
        "result": outcome.result.word,
        "status": outcome.status.value if outcome.status is not None else None,
        "explanation": outcome.sentence,
        "next_step": outcome.next_step or None,
        "code": outcome.code,
        "message": outcome.vendor_message,
        "request_id": outcome.request_id,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _whom(subject: Subject) -> str:
    return subject.account if subject.account_id is None else f"{subject.account} ({subject.account_id})"
