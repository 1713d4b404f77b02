import base64
import textwrap
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.redaction import Redaction

SECRET = "Sk/Planted+Secret==Zz9"
TOKEN = "CAISPlanted/Token+0123456789abcdefghijklmnopqrstuvwxyz=="
SIGNATURE = "0123abcd" * 8
AUTHORIZATION = f"ACS3-HMAC-SHA256 Credential=LTAI,SignedHeaders=host,Signature={SIGNATURE}"
WITHHELD = "(withheld: it repeats a secret part of the request)"
UUID = "EF2AB7A5-0D9C-4B1C-8F0E-0123456789AB"


@pytest.fixture(scope="module")
def redaction() -> Redaction:
    """Of a call with temporary credentials."""
    return Redaction.of(Credentials("LTAI", Secret(SECRET), Secret(TOKEN)), authorization=AUTHORIZATION)


def in_base64(prefix: str, secret: str) -> str:
    return base64.b64encode(f"{prefix}{secret} and more".encode()).decode()


def in_base64_for_urls(prefix: str, secret: str) -> str:
    return base64.urlsafe_b64encode(f"{prefix}{secret} and more".encode()).decode()


SECRETS = [
    pytest.param(SECRET, id="secret"),
    pytest.param(TOKEN, id="token"),
    pytest.param(SIGNATURE, id="signature"),
]
WRITINGS: list[tuple[str, Callable[[str], str]]] = [
    ("raw", str),
    ("upper-case", str.upper),
    ("swapped-case", str.swapcase),
    ("url-encoded", lambda secret: quote(secret, safe="")),
    ("url-encoded-but-slashes", quote),
    ("url-encoded-twice", lambda secret: quote(quote(secret, safe=""), safe="")),
    ("url-encoded-lower-case", lambda secret: quote(secret, safe="").lower()),
    ("base64", lambda secret: base64.b64encode(secret.encode()).decode()),
    ("base64-after-1", lambda secret: in_base64("x", secret)),
    ("base64-after-2", lambda secret: in_base64("xx", secret)),
    ("base64-after-3", lambda secret: in_base64("xxx", secret)),
    ("base64-url-after-1", lambda secret: in_base64_for_urls("x", secret)),
    ("base64-url-after-2", lambda secret: in_base64_for_urls("xx", secret)),
    ("base64-url-encoded", lambda secret: quote(in_base64("x", secret), safe="")),
    ("line-breaks", lambda secret: "\r\n".join(textwrap.wrap(secret, 7))),
    ("base64-in-lines", lambda secret: "\n".join(textwrap.wrap(in_base64("x", secret), 9))),
    ("url-encoded-line-breaks", lambda secret: quote("\n").join(textwrap.wrap(secret, 9))),
    ("zero-width-spaces", lambda secret: "\u200b".join(textwrap.wrap(secret, 5))),
    ("nul", lambda secret: "\0".join(textwrap.wrap(secret, 5))),
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITINGS])
def test_a_sentence_with_a_secret_is_withheld(redaction: Redaction, secret: str, write: Callable[[str], str]) -> None:
    """However a secret is written, the sentence that repeats it does not pass."""
    assert redaction.sentence("InternalError", f"Your key is {write(secret)} as it seems.") == WITHHELD


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param(SIGNATURE, id="signature"),
        pytest.param(f"Code.{SIGNATURE.upper()}", id="signature-inside"),
        pytest.param(base64.b64encode(f"x{SIGNATURE}xx".encode()).decode(), id="signature-in-base64"),
        pytest.param("", id="empty"),
        pytest.param("two words", id="space"),
        pytest.param("x" * 129, id="long"),
        pytest.param("a\nb", id="line-break"),
        pytest.param("Code\n", id="line-break-at-the-end"),
        pytest.param("<b>", id="markup"),
        pytest.param("Codé", id="letter-of-another-alphabet"),
        pytest.param(None, id="none"),
    ],
)
def test_what_is_no_identifier_is_dropped(redaction: Redaction, identifier: str | None) -> None:
    """A code or request id that is none, or holds a secret, is no evidence."""
    assert redaction.plain(identifier) is None


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param(UUID, id="request-id"),
        pytest.param("InvalidAccessKeyId.NotFound", id="code"),
        pytest.param("FUWU_BIZ_COMMODITY_VERIFY_FAIL_HASORDER", id="underscores"),
        pytest.param("x" * 128, id="longest"),
    ],
)
def test_an_identifier_passes(redaction: Redaction, identifier: str) -> None:
    """A code or request id passes as it came."""
    assert redaction.plain(identifier) == identifier


def test_a_secret_that_looks_like_a_request_id() -> None:
    """Its form does not let a secret through as a request id."""
    redaction = Redaction.of(Credentials("LTAI", Secret(UUID)), authorization=AUTHORIZATION)

    assert redaction.plain(UUID.lower()) is None


def test_secret_values_of_parameters() -> None:
    """A parameter's value is withheld, unless it is so short that it stands in any text by chance."""
    redaction = Redaction.of(
        Credentials("LTAI", Secret(SECRET)), authorization=AUTHORIZATION, parameters=["42", "of-the-trust"]
    )

    assert redaction.sentence("X", "The external id is OF-THE-TRUST.") == WITHHELD
    assert redaction.sentence("X", "There are 42 roles.") == "There are 42 roles."


@pytest.mark.parametrize(
    ("code", "message", "sentence"),
    [
        pytest.param("NoPermission", "You are not authorized.", "You are not authorized.", id="plain"),
        pytest.param("X", "two\r\nlines\tand\0more", "two lines and more", id="control-characters"),
        pytest.param("X", "a\u202eb\u2028c\ud800d", "a b c d", id="direction-separator-surrogate"),
        pytest.param("X", "中文说明", "中文说明", id="chinese"),
        pytest.param("X", "x" * 300, "x" * 300, id="longest"),
        pytest.param("X", "x" * 301, "x" * 300 + "…", id="too-long"),
        pytest.param("X", "", None, id="empty"),
        pytest.param("X", None, None, id="none"),
        pytest.param("SignatureDoesNotMatch", "server string to sign is: POST", None, id="echoes-the-request"),
        pytest.param("signaturenonceused", "harmless", None, id="echoing-family-in-lower-case"),
        pytest.param("IncompleteSignature", "harmless", None, id="incomplete-signature"),
        pytest.param(None, "no code", "no code", id="no-code"),
    ],
)
def test_a_sentence_is_one_bounded_line(
    redaction: Redaction, code: str | None, message: str | None, sentence: str | None
) -> None:
    """What passes is one printable line of at most 300 characters; codes that echo the request have none."""
    assert redaction.sentence(code, message) == sentence


def test_a_secret_beyond_the_cut_counts(redaction: Redaction) -> None:
    """A message is looked at whole before it is cut."""
    assert redaction.sentence("X", "x" * 299 + SECRET) == WITHHELD


def test_long_term_credentials_have_no_token() -> None:
    """Without a token the secret and the signature are what is looked for."""
    redaction = Redaction.of(Credentials("LTAI", Secret(SECRET)), authorization=AUTHORIZATION)

    assert redaction.sentence("X", TOKEN) == TOKEN
    assert redaction.sentence("X", SECRET) == WITHHELD


def test_a_redaction_does_not_show_what_it_knows(redaction: Redaction) -> None:
    """Its repr holds no secret."""
    assert SECRET not in repr(redaction)


printable = st.characters(min_codepoint=0x21, max_codepoint=0x7E)


@settings(deadline=None)
@given(
    secret=st.text(printable, min_size=16, max_size=64),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
)
def test_base64_at_every_alignment(secret: str, before: bytes, after: bytes) -> None:
    """Whatever stands around a secret, its base64 form is found."""
    redaction = Redaction.of(Credentials("LTAI", Secret(secret)), authorization=AUTHORIZATION)
    written = base64.b64encode(before + secret.encode() + after).decode()

    assert redaction.sentence("X", f"<{written}>") == WITHHELD
