"""Removes secrets from a server's text before it is logged: it may repeat parts of the request."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from exporter.api.credentials.base import Credentials

_IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SENTENCE_LENGTH = 300
_BRIEF_LENGTH = 128
_CORE_LENGTH = 6  # shorter ones occur in any text by chance
_WITHHELD = "(withheld: it repeats a secret part of the request)"
# SignatureDoesNotMatch and IncompleteSignature echo the string to sign or the headers.
_ECHOING_FAMILIES = ("signature", "incompletesignature")


@dataclass(frozen=True, slots=True, repr=False)
class Redaction:
    """Knows the secret parts of one request, and lets through only text without them.

    It looks for them in upper and lower case, across line breaks, URL-encoded and in base64.
    """

    secrets: tuple[str, ...]

    @classmethod
    def of(cls, credentials: Credentials, *, authorization: str, parameters: Iterable[str] = ()) -> "Redaction":
        """Of the access key secret, the security token, the signature, and secret values of parameters.

        People choose the values of parameters: one of fewer than six characters occurs in any text by chance, and is
        not looked for.
        """
        secrets = [credentials.access_key_secret.reveal(), authorization.rpartition("Signature=")[2]]
        if credentials.security_token is not None:
            secrets.append(credentials.security_token.reveal())
        secrets.extend(value for value in parameters if len(value) >= _CORE_LENGTH)
        return cls(secrets=tuple(secret for secret in secrets if secret))

    def plain(self, identifier: str | None) -> str | None:
        """The request id, or the like, as it is; None when it does not look like one or holds a secret."""
        if identifier is None or _IDENTIFIER.fullmatch(identifier) is None:
            return None
        # Every good answer has an id of this form. It cannot be base64, and searching for that costs time.
        leaks = self._repeats(identifier) if _UUID.fullmatch(identifier) else self._leaks(identifier)
        return None if leaks else identifier

    def in_brief(self, text: str | None) -> str | None:
        """An error code, or the like, in one line of bounded length; None when it is empty or holds a secret."""
        return None if text is None or self._leaks(text) else _in_one_line(text)[:_BRIEF_LENGTH] or None

    def sentence(self, code: str | None, message: str | None) -> str | None:
        """The vendor's message in one line of bounded length, or None; withheld where it would leak."""
        if not message:
            return None
        if code is not None and code.casefold().startswith(_ECHOING_FAMILIES):
            return None
        if self._leaks(message):
            return _WITHHELD
        words = _in_one_line(message)
        return words if len(words) <= _SENTENCE_LENGTH else words[:_SENTENCE_LENGTH] + "…"

    def _repeats(self, text: str) -> bool:
        folded = text.casefold()
        return any(secret.casefold() in folded for secret in self.secrets)

    def _leaks(self, text: str) -> bool:
        plain = _squeezed(text)
        decoded = _squeezed(unquote(plain))
        readings = {reading.casefold() for reading in (plain, decoded, _squeezed(unquote(decoded)))}
        forms = [form.casefold() for secret in self.secrets for form in _forms(secret)]
        return any(form in reading for reading in readings for form in forms)


def _in_one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _squeezed(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and not char.isspace())


def _forms(secret: str) -> set[str]:
    """The secret, and the parts of its base64 that do not depend on the text around it.

    In the base64 of a longer text, the secret has one of three alignments.
    """
    data = secret.encode()
    cores = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        core = encoded[(0, 2, 3)[shift] : len(encoded) - 1]
        cores |= {core, core.replace("+", "-").replace("/", "_")}
    return {secret, *(core for core in cores if len(core) >= _CORE_LENGTH)}
