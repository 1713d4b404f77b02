import copy
import dataclasses
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.api.credentials import base
from exporter.api.credentials.base import Credentials, RereadCredentials, Secret, StaticCredentials
from exporter.api.errors import CredentialsUnavailable

PLANTED = "planted-value-0123456789"


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param(format, id="format"),
        pytest.param(lambda secret: f"{secret}", id="f-string"),
        pytest.param(lambda secret: f"{secret!r:>40}", id="f-string-repr"),
        pytest.param(lambda secret: "%s %r %a" % (secret, secret, secret), id="percent"),  # noqa: UP031
        pytest.param(lambda secret: str([secret, {"key": secret}]), id="inside-containers"),
        pytest.param(lambda secret: repr(Credentials("id", secret, secret)), id="credentials"),
    ],
)
def test_a_secret_never_shows(write: Callable[[Secret], str]) -> None:
    """However a secret is turned into text, its value is not in it."""
    text = write(Secret(PLANTED))

    assert PLANTED not in text
    assert "**********" in text


@pytest.mark.parametrize(
    "take",
    [
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(lambda secret: pickle.dumps(secret, protocol=0), id="pickle-as-text"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda secret: dataclasses.asdict(Credentials("id", secret)), id="asdict"),
    ],
)
def test_a_secret_is_not_copied_out(take: Callable[[Secret], object]) -> None:
    """What would write a secret elsewhere is refused."""
    with pytest.raises(TypeError, match="a secret is not pickled"):
        take(Secret(PLANTED))


def test_a_secret_has_no_dictionary() -> None:
    """Tools that list attributes find none."""
    assert not hasattr(Secret(PLANTED), "__dict__")


def test_a_secret_compares_by_value() -> None:
    """Two secrets of one value are equal and hash alike; a secret never equals its text."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("ä") == Secret("ä")


def test_a_secret_reveals_its_value() -> None:
    """There is one way to the value."""
    assert Secret(PLANTED).reveal() == PLANTED


PARTS = ["access key id", "access key secret", "security token"]
BAD = [
    pytest.param("", "is empty", id="empty"),
    pytest.param(f"{PLANTED}\n", "outside printable ASCII", id="line-break"),
    pytest.param(f"{PLANTED}\r\nx-acs-action: OpenCdnService", "outside printable ASCII", id="header-injection"),
    pytest.param(f"{PLANTED} x", "holds a space", id="space"),
    pytest.param(f"{PLANTED}\0", "outside printable ASCII", id="nul"),
    pytest.param(f"{PLANTED}ä", "outside printable ASCII", id="latin-1"),
    pytest.param(f"{PLANTED}\u2028", "outside printable ASCII", id="line-separator"),
]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("value", "problem"), BAD)
def test_a_value_that_fits_no_header_is_refused(part: str, value: str, problem: str) -> None:
    """The refusal names the part and never its value, not even in a traceback that shows local variables."""
    values = {"access key id": "id", "access key secret": "secret", "security token": "token"} | {part: value}

    with pytest.raises(CredentialsUnavailable, match=f"the {part} .*{problem}") as refusal:
        make_credentials([Secret(text) for text in values.values()])

    shown = traceback.TracebackException.from_exception(refusal.value, capture_locals=True)
    own = [frame for frame in shown.stack if frame.filename == base.__file__]
    assert own
    assert PLANTED not in str(refusal.value)
    if part != "access key id":  # an id is no secret: Credentials shows it
        assert not any(PLANTED in str(frame.locals) for frame in own)


def make_credentials(values: list[Secret]) -> Credentials:
    key_id, secret, token = values
    return Credentials(key_id.reveal(), secret, token)


def test_static_credentials_stay() -> None:
    """They are what was given, also after a close."""
    given = Credentials("id", Secret("secret"))
    provider = StaticCredentials(given)
    provider.close()

    assert provider.credentials(patience_s=0) is given


def test_reread_credentials_follow_a_rotated_file(tmp_path: Path) -> None:
    """A file that is written anew counts from the next call on."""
    file = tmp_path / "secret"
    provider = RereadCredentials(lambda: Credentials("id", Secret(file.read_text(encoding="ascii"))))

    file.write_text("old", encoding="ascii")
    before = provider.credentials(patience_s=0)
    file.write_text("new", encoding="ascii")
    after = provider.credentials(patience_s=0)

    assert (before.access_key_secret, after.access_key_secret) == (Secret("old"), Secret("new"))


def test_an_unreadable_file_is_a_lack_of_credentials(tmp_path: Path) -> None:
    """A file that is gone is named, and comes back as it was written again."""
    file = tmp_path / "secret"
    provider = RereadCredentials(lambda: Credentials("id", Secret(file.read_text(encoding="ascii"))))

    with pytest.raises(CredentialsUnavailable, match=f"cannot be read: .*{file}"):
        provider.credentials(patience_s=0)
    file.write_text("back", encoding="ascii")

    assert provider.credentials(patience_s=0).access_key_secret == Secret("back")


def test_a_file_of_other_bytes_is_not_repeated(tmp_path: Path) -> None:
    """A file that is no text is a lack of credentials, and no error in the chain holds its content."""
    file = tmp_path / "secret"
    file.write_bytes(PLANTED.encode() + b"\xff")
    provider = RereadCredentials(lambda: Credentials("id", Secret(file.read_text(encoding="ascii"))))

    with pytest.raises(CredentialsUnavailable) as refusal:
        provider.credentials(patience_s=0)

    assert PLANTED not in "".join(traceback.format_exception(refusal.value))
    assert PLANTED not in repr(refusal.value.__cause__)


def test_files_give_others_once_they_were_written_anew(tmp_path: Path) -> None:
    """Files that still hold what was refused, or nothing usable, have nothing else to give."""
    file = tmp_path / "secret"
    provider = RereadCredentials(lambda: Credentials("id", Secret(file.read_text(encoding="ascii"))))
    file.write_text("old", encoding="ascii")
    refused = provider.credentials(patience_s=0)

    same = provider.renew(refused)
    file.write_text("", encoding="ascii")
    empty = provider.renew(refused)
    file.write_text("new", encoding="ascii")

    assert (same, empty, provider.renew(refused)) == (False, False, True)


def test_static_credentials_have_nothing_else_to_give() -> None:
    """They say when they end, and stay what they are."""
    given = Credentials("id", Secret("secret"), Secret("token"), expires_at=1_800_000_000.0)
    provider = StaticCredentials(given)

    assert (provider.renew(given), provider.expiry()) == (False, 1_800_000_000.0)
