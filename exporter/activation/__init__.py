"""Activating CDN for an account: what an operator does on purpose, and the daemon never.

    activation    look, then act: who it is for, what CDN is like, the one call, what became of it
    outcome       what became of it, as values, in words and as JSON; pure
    refusals      the vendor's error codes in plain words; pure

Floor: beside ``daemon``, which cannot reach it. The call starts billing: it is sent once, whatever becomes of its
answer, and what is true afterwards is what DescribeCdnService says.
"""

from exporter.activation.activation import OPEN_CDN_SERVICE, Activation, Wait, connected
from exporter.activation.outcome import Outcome, Result, Subject, as_json, as_text, plan_in_words

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
    "plan_in_words",
]
