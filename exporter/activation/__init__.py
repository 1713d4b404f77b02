"""Activating CDN for an account: an operator's command, which the daemon cannot run.

    activation    check account and state, call once, wait for the new state
    outcome       the results, as values, in words and as JSON; pure
    refusals      the vendor's error codes in plain words; pure

An import contract keeps it out of the daemon's reach. The call starts billing: it is sent once, also when no answer
comes, and DescribeCdnService shows afterwards whether CDN is active.
"""

from exporter.activation.activation import OPEN_CDN_SERVICE, Activation, Wait, connected
from exporter.activation.outcome import (
    Outcome,
    Result,
    Subject,
    as_json,
    as_text,
    declined,
    in_one_line,
    plan_in_words,
    planned,
)

__all__ = [
    "OPEN_CDN_SERVICE",
    "Activation",
    "Outcome",
    "Result",
    "Subject",
    "Wait",
    "as_json",
    "as_text",
    "connected",
    "declined",
    "in_one_line",
    "plan_in_words",
    "planned",
]
