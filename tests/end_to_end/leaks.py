"""The search for secrets in what leaves the process."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.simulator import Account
    from tests.end_to_end.exporter_process import Exporter

# With characters that some encodings write differently; {} makes them differ from each other.
SECRET = "uKey+of/{}=Zq7"
TOKEN = "CAIS+tok/en==of&{}?%20x;y,z~Wv9"
_OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def forms(secret: str) -> set[str]:
    """The ways in which a secret may be written, without regard to case: plain, escaped, or within base64."""
    data = secret.encode()
    encoded = set()
    for before in range(3):  # how many bytes stand before it, modulo three; the characters they touch are left out
        text = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        core = text[(0, 2, 3)[before] : -1]
        encoded |= {core, core.replace("+", "-").replace("/", "_")}
    written = {secret, quote(secret, safe=""), quote_plus(secret), secret.replace("/", "\\/"), data.hex(), *encoded}
    return {form.casefold() for form in written}


def leaked(secrets: Iterable[str], places: Mapping[str, str]) -> list[str]:
    """What was found where; line breaks within a secret do not hide it."""
    folded = {place: "".join(text.casefold().split()) for place, text in places.items()}
    return [
        f"{form} in {place}"
        for secret in secrets
        for form in forms(secret)
        for place, text in folded.items()
        if form in text
    ]


def everything_said(exporter: Exporter) -> dict[str, str]:
    """All that the process shows to anybody; it ends here."""
    pages = {
        "text": exporter.get("/metrics")[2],
        "OpenMetrics": exporter.get("/metrics", Accept=_OPENMETRICS)[2],
        "the status page": exporter.get("/")[2],
        "the status as JSON": exporter.get("/api/v1/status")[2],
    }
    assert b"# EOF" in pages["OpenMetrics"]
    assert exporter.stop() == 0
    places = {place: page.decode() for place, page in pages.items()}
    return {**places, "standard output": exporter.stdout, "standard error": exporter.stderr}


def secrets_of(accounts: Iterable[Account]) -> list[str]:
    return [part for account in accounts for part in (account.access_key_secret, account.security_token) if part]
