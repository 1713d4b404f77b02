"""The vendor's reasons not to activate CDN, each with what it means and what to do next.

https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-opencdnservice has the codes. Codes
and messages are compared without regard to case; several meanings of one code differ by words of the message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.api.errors import RefusalPattern, Refused
from exporter.core.model import FailureReason

_ALREADY_OPEN = RefusalPattern("cdnservice.hasopened")
_SENT_BEFORE = RefusalPattern("signaturenonceused")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a refusal means, and what to do next."""

    meaning: str
    next_step: str

    def __post_init__(self) -> None:
        for sentence in (self.meaning, self.next_step):
            if not sentence.endswith("."):
                raise ValueError(f"an explanation is made of whole sentences, seen {sentence!r}")


_AGAIN = (
    "Run the command again in a few minutes; if it is refused again, ask the vendor's support with the request id."
)
_BY_TRAFFIC = "Use --internet-charge-type PayByTraffic, the one that the vendor documents."


def _row(code: str, meaning: str, next_step: str, *, words: str = "") -> tuple[RefusalPattern, Explanation]:
    return RefusalPattern(code, words), Explanation(meaning, next_step)


# The first row that is meant counts.
DOCUMENTED: tuple[tuple[RefusalPattern, Explanation], ...] = (
    _row(
        "invalidinternetchargetype.valuenotsupported",
        "CDN cannot be activated with this billing method.",
        _BY_TRAFFIC,
    ),
    _row(
        "insufficientbalance",
        "The account does not have enough balance to activate CDN.",
        "Top the account up, then run the command again.",
    ),
    _row(
        "norealnameauthentication",
        "The account has not passed real-name verification, without which CDN cannot be activated.",
        "Complete it in the vendor's console, signed in as the account itself, then run the command again.",
    ),
    _row(
        "vertifyfailinvalidpaymethod",
        "The account has no valid payment method.",
        "Add or renew one in the vendor's console, then run the command again.",
    ),
    _row(
        "vertifyfailuserprofilecomplete",
        "The profile of the account is incomplete.",
        "Complete its contact and billing details in the vendor's console, then run the command again.",
    ),
    _row(
        "createorderfailed",
        "The vendor could not read the account's details to create the order.",
        "Check that the account's profile and payment method are in order. " + _AGAIN,
        words="query account info",
    ),
    _row(
        "createorderfailed",
        "The vendor refused the order for its billing method.",
        _BY_TRAFFIC,
        words="internetchargetype is not valid",
    ),
    _row("createorderfailed", "The vendor could not create the order for CDN.", _AGAIN),
    _row("queryinfoerror", "The vendor could not look up what it needs to create the order for CDN.", _AGAIN),
    _row(
        "missingparameter",
        "The vendor could not tell which account is to get CDN (OwnerId or OwnerAccount).",
        "Use the access key of a RAM user of the account itself, or of a role in it.",
        words="owner",
    ),
    _row(
        "missingparameter",
        "The vendor wants a parameter that this version does not send.",
        "Look for a newer version of dcdn-exporter, or activate CDN in the vendor's console.",
    ),
    _row(
        "forbidden.intluser",
        "The account is of the international site, where CDN is not open to every account.",
        "Ask the vendor's sales or support to admit the account, then run the command again.",
    ),
    _row(
        "forbidden.biduser",
        "The account is one of those (BID users) that may not activate services themselves.",
        "Ask the manager of the account to activate CDN for it.",
    ),
)

ATTACH_POLICY = "Attach deploy/ram/open-cdn.json to the identity that runs this command; the daemon does not need it."
# Refusals that any operation can get, by their kind.
_BY_REASON: Mapping[FailureReason, Explanation] = MappingProxyType(
    {
        FailureReason.PERMISSION: Explanation(
            "The RAM user or role of these credentials lacks the right cdn:OpenCdnService.",
            ATTACH_POLICY,
        ),
        FailureReason.THROTTLED: Explanation(
            "The vendor refused the call as one too many, without looking at it.",
            "Run the command again in a few seconds; it does not do so by itself.",
        ),
        FailureReason.AUTH: Explanation(
            "The vendor does not accept the credentials.",
            "Check the account's credentials in the configuration file, and this machine's clock.",
        ),
    }
)
_UNDOCUMENTED = Explanation(
    "The vendor refused with a code that its page on OpenCdnService does not name.",
    "Look the code up in the vendor's documentation, or ask its support with the request id.",
)


def explain(refusal: Refused) -> Explanation:
    """What a refusal means; codes that the vendor's page does not name are explained by their kind, if at all."""
    for pattern, explanation in DOCUMENTED:
        if pattern.matches(refusal):
            return explanation
    return _BY_REASON.get(refusal.reason, _UNDOCUMENTED)


def says_already_open(refusal: Refused) -> bool:
    """Whether the account has CDN already, which is no failure."""
    return _ALREADY_OPEN.matches(refusal)


def says_sent_before(refusal: Refused) -> bool:
    """Whether the vendor refused the request as a repetition; the result of the first one is unknown."""
    return _SENT_BEFORE.matches(refusal)
