import codecs
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from exporter.config import (
    AccessKeyCredentials,
    Configuration,
    ConfigurationError,
    SecretFileError,
    Vocabulary,
    parse,
    read_secret_file,
    summary,
)
from exporter.config.checks import Facts

Configure = Callable[[str], Configuration]

SECRET = "hunter2/hunter2"
AROUND = "a file with spaces, or more than one newline, around the secret"


def credentials(keys: str) -> str:
    return f"accounts: [{{name: prod, credentials: {{type: access_key, access_key_id: LTAI, {keys}}}}}]"


def test_inline_secrets_show_in_no_text_of_a_configuration(configure: Configure, vocabulary: Vocabulary) -> None:
    """Not in repr, str, dumps or the summary; only where a program asks for one by name."""
    found = configure(credentials(f'access_key_secret: "{SECRET}", security_token: "{SECRET}"'))
    texts = [repr(found), str(found), f"{found.model_dump()}", found.model_dump_json(), summary(found, vocabulary)]
    assert not [text for text in texts if "hunter2" in text]
    (account,) = found.accounts
    assert isinstance(account.credentials, AccessKeyCredentials)
    assert account.credentials.access_key_secret is not None
    assert account.credentials.access_key_secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(credentials(f'access_key_secret: "{SECRET} "'), id="secret-with-a-space"),
        pytest.param(credentials("access_key_secret: [hunter2]"), id="secret-in-a-list"),
        pytest.param(credentials("access_key_secret: {hunter2: hunter2}"), id="secret-in-a-mapping"),
        pytest.param(credentials("access_key_secret: !hunter2 x"), id="secret-as-a-tag"),
        pytest.param(credentials("access_key_secret: *hunter2"), id="secret-as-an-alias"),
        pytest.param(credentials(f"access_key_secret: hunter2, acess_key_secret: {SECRET}"), id="misspelt-key"),
        pytest.param(credentials(f"access_key_secret_file: {SECRET}"), id="secret-in-place-of-a-path"),
        pytest.param(credentials(f'access_key_secret_file: "{"hunter2" * 99}"'), id="secret-too-long-for-a-path"),
        pytest.param(
            credentials(f'access_key_secret_file: "{"hunter2" * 99}/x"'),
            id="secret-with-a-slash-too-long-for-a-path",
        ),
        pytest.param(credentials('access_key_secret_file: "hunter2\\0"'), id="secret-with-a-nul"),
        pytest.param(credentials("access_key_secret: Hunter2, Hunter2"), id="secret-in-place-of-a-key"),
        pytest.param(credentials("access_key_secret: x, ? [hunter2] : x"), id="secret-inside-a-key"),
        pytest.param(credentials("access_key_secret: x, access_key_secret: hunter2"), id="second-secret"),
        pytest.param(credentials('access_key_secret: "hunter2'), id="open-quote"),
        pytest.param(credentials("access_key_secret: @hunter2"), id="character-that-needs-quotes"),
        pytest.param(credentials("access_key_secret: hunter2: hunter2"), id="colon"),
        pytest.param(credentials('access_key_secret: "hunter2\\q"'), id="unknown-escape"),
        pytest.param(credentials("access_key_secret: hunter2\x07"), id="control-character"),
        pytest.param("accounts: [{name: a, credentials: hunter2}]", id="secret-in-place-of-credentials"),
        pytest.param("accounts: [{name: a, access_key_secret: hunter2}]", id="secret-beside-credentials"),
        pytest.param(
            "accounts: [{name: a}]\nendpoints: {dcdn: 'https://u:hunter2@host'}", id="password-in-an-address"
        ),
        pytest.param(
            "accounts: [{name: a}]\nendpoints: {dcdn: 'https://host?token=hunter2'}", id="token-in-an-address"
        ),
    ],
)
def test_a_misplaced_secret_shows_in_no_error(configure: Configure, text: str) -> None:
    """Not in the message, the repr, the fields or a whole traceback with every cause in it."""
    with pytest.raises(ConfigurationError) as caught:
        configure(text)
    error = caught.value
    printed = [str(error), repr(error), repr(error.problems), "".join(traceback.format_exception(error))]
    assert not [words for words in printed if "hunter2" in words.lower()]


def test_a_secret_shows_in_no_error_of_the_models_themselves(vocabulary: Vocabulary) -> None:
    """Should such an error ever escape, its text quotes nothing."""
    tree = {"accounts": ({"name": "a", "credentials": {"type": "access_key", "access_key_secret": "hunter2 "}},)}
    with pytest.raises(ValidationError) as caught:
        Configuration.model_validate(tree, context=Facts(Path(), vocabulary))
    assert "hunter2" not in str(caught.value)


def test_files_of_secrets_are_found_from_the_folder_of_the_configuration(
    configure: Configure, tmp_path: Path
) -> None:
    """The working directory does not matter, and absolute paths stay what they are."""
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "token").write_text(SECRET)
    found = configure(credentials(f"access_key_secret_file: secret, security_token_file: {tmp_path / 'token'}"))
    (account,) = found.accounts
    assert isinstance(account.credentials, AccessKeyCredentials)
    assert account.credentials.access_key_secret_file == tmp_path / "secret"
    assert account.credentials.security_token_file == tmp_path / "token"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        pytest.param(
            "access_key_secret: x, access_key_secret_file: good",
            "access_key_secret_file: set exactly one of access_key_secret, access_key_secret_file; both are set",
            id="both",
        ),
        pytest.param(
            "security_token: x",
            "access_key_secret_file: set exactly one of access_key_secret, access_key_secret_file; none is set",
            id="none",
        ),
        pytest.param(
            "access_key_secret: x, security_token: x, security_token_file: good",
            "security_token_file: set at most one of security_token, security_token_file; both are set",
            id="both-tokens",
        ),
        pytest.param(
            "access_key_id_file: good",
            "access_key_id_file: set exactly one of access_key_id, access_key_id_file; both are set",
            id="both-ids",
        ),
        pytest.param(
            "access_key_secret_file: missing",
            "access_key_secret_file: seen no such file in {} (the name is not shown, because it may be a secret",
            id="missing",
        ),
        pytest.param(
            "access_key_secret_file: empty", "access_key_secret_file: seen an empty file: {}/empty", id="empty"
        ),
        pytest.param(
            "access_key_secret_file: folder", "access_key_secret_file: seen a directory: {}/folder", id="folder"
        ),
        pytest.param("access_key_secret_file: ''", "access_key_secret_file: seen text (not shown)", id="no-path"),
    ],
)
def test_each_part_of_a_key_comes_from_exactly_one_place(
    refused: Callable[[str], list[str]],
    tmp_path: Path,
    keys: str,
    problem: str,
) -> None:
    """Which is a value, or a file that can be used now."""
    (tmp_path / "good").write_text(SECRET)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "folder").mkdir()
    found = refused(credentials(keys))
    assert f"1: accounts[0].credentials.{problem.format(tmp_path)}" in [text.split("; a")[0] for text in found]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        pytest.param("/run/no-such-folder/key", ": /run/no-such-folder/key", id="absolute"),
        pytest.param("./keys/prod", ": {}/keys/prod", id="from the folder"),
        pytest.param("../no-such-folder/prod", ": {}/../no-such-folder/prod", id="from the folder above"),
        pytest.param("~/prod", ": {}/~/prod", id="home, which is not known"),
        pytest.param("folder/prod", ": {}/folder/prod", id="in a folder that exists"),
        pytest.param("folder/no-such/prod", ": {}/folder/no-such/prod", id="below a folder that exists"),
        pytest.param("no-such/prod", " (the name is not shown, because it may be a secret", id="may be a secret"),
    ],
)
def test_a_file_that_is_missing_is_named(
    refused: Callable[[str], list[str]], tmp_path: Path, path: str, shown: str
) -> None:
    """Unless its name may be a secret, which was put in place of a path by mistake."""
    (tmp_path / "folder").mkdir()
    (problem,) = refused(credentials(f"access_key_secret_file: {path}"))

    assert problem.split("; a")[0] == (
        f"1: accounts[0].credentials.access_key_secret_file: seen no such file{shown.format(tmp_path)}"
    )


def test_the_folder_of_a_missing_file_is_named_whole(
    vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the configuration file was given by its name alone."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=f"seen no such file in {tmp_path} "):
        parse(credentials("access_key_secret_file: missing"), source="dcdn.yaml", vocabulary=vocabulary)


def test_a_file_with_more_than_a_key_id_is_refused(refused: Callable[[str], list[str]], tmp_path: Path) -> None:
    """Someone exchanged the two files."""
    (tmp_path / "id").write_text("hunter2" * 20)
    (problem,) = refused(
        "accounts: [{name: a, credentials: {type: access_key, access_key_id_file: id, access_key_secret: x}}]",
    )
    assert problem == (
        "1: accounts[0].credentials.access_key_id_file: seen a longer text in the file; "
        "accepted: a file with an access key id of at most 128 characters"
    )


@pytest.mark.parametrize(
    "keys",
    [
        "access_key_secret: ${HUNTER2}",
        "access_key_secret: $HUNTER2",
        'access_key_secret: "${HUNTER2:-hunter2}"',
        "access_key_secret_file: $HUNTER2",
        "access_key_secret: x, security_token: $HUNTER2",
    ],
)
def test_a_variable_is_no_secret(refused: Callable[[str], list[str]], keys: str) -> None:
    """No file can have a value that the environment has; a key of that text would fail much later."""
    (problem,) = refused(credentials(keys.replace("${", '"${').replace("}", '}"') if '"' not in keys else keys))
    assert (
        ": seen a variable (not shown), which is not replaced; credentials of type default read the environment; "
        "accepted: "
    ) in problem
    assert "hunter2" not in problem.lower()


def test_a_variable_is_no_key_id(refused: Callable[[str], list[str]]) -> None:
    """Nor is it shown."""
    (problem,) = refused(credentials("access_key_secret: x").replace("LTAI", "$KEY_ID"))
    assert problem.startswith("1: accounts[0].credentials.access_key_id: seen a variable (not shown), which is not ")


@pytest.mark.parametrize("content", ['"hunter2"', "'hunter2'\n", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=hunter2\n"])
def test_a_secret_stands_alone_in_its_file(refused: Callable[[str], list[str]], tmp_path: Path, content: str) -> None:
    """Without quotes, and without the name that it has in a file of variables."""
    (tmp_path / "secret").write_text(content)
    (problem,) = refused(credentials("access_key_secret_file: secret"))
    assert problem == (
        "1: accounts[0].credentials.access_key_secret_file: seen a file with quotes or a name around the secret: "
        f"{tmp_path / 'secret'}; accepted: a file with the secret alone, as the vendor shows it"
    )


@pytest.mark.parametrize("content", ["hunter2==", "hunter2=", "a'b'c", "$hunter2"])
def test_a_secret_may_have_signs(configure: Configure, tmp_path: Path, content: str) -> None:
    """Tokens end with the signs of base64."""
    (tmp_path / "secret").write_text(content)
    assert configure(credentials("access_key_secret_file: secret")).accounts
    assert configure(credentials(f'access_key_secret: "{content}"')).accounts


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"hunter2/hunter2", id="no-newline"),
        pytest.param(b"hunter2/hunter2\n", id="newline"),
        pytest.param(b"hunter2/hunter2\r\n", id="windows-newline"),
    ],
)
def test_one_newline_at_the_end_of_a_secret_file_does_not_count(tmp_path: Path, content: bytes) -> None:
    """Editors put it there."""
    (tmp_path / "secret").write_bytes(content)
    assert read_secret_file(tmp_path / "secret") == SECRET


def test_a_secret_of_64_kib_is_read_whole(tmp_path: Path) -> None:
    """That is the limit, the newline counted."""
    (tmp_path / "secret").write_text("x" * (64 * 1024 - 1) + "\n")
    assert len(read_secret_file(tmp_path / "secret")) == 64 * 1024 - 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"\n", "an empty file", id="only-a-newline"),
        pytest.param(b"hunter2\n\n", AROUND, id="two-newlines"),
        pytest.param(b"hunter2 ", AROUND, id="space"),
        pytest.param(b"\thunter2\n", AROUND, id="tab"),
        pytest.param(b"hunter2\nhunter2\n", "a file of several lines", id="two-lines"),
        pytest.param(
            codecs.BOM_UTF8 + b"hunter2",
            "a file that begins with a byte order mark (save it without)",
            id="byte-order-mark",
        ),
        pytest.param("hunter2".encode("utf-16"), "a file in UTF-16 (save it as UTF-8 or ASCII)", id="utf-16"),
        pytest.param(
            b"hunter2 hunter2", "a file with other than printable ASCII characters, or with spaces", id="words"
        ),
        pytest.param(b"hunter2\xff", "a file with other than printable ASCII characters, or with spaces", id="bytes"),
        pytest.param(b"x" * (64 * 1024 + 1), "a file of more than 64 KiB", id="too-long"),
    ],
)
def test_an_unusable_secret_file_is_an_error_without_its_content(tmp_path: Path, content: bytes, reason: str) -> None:
    """The error has the path and the reason as fields."""
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SecretFileError) as caught:
        read_secret_file(tmp_path / "secret")
    assert (caught.value.path, caught.value.reason) == (tmp_path / "secret", reason)
    assert str(caught.value) == f"{tmp_path / 'secret'}: {reason}"
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody writes into it, and nobody waits for that."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SecretFileError, match="not a regular file"):
        read_secret_file(tmp_path / "pipe")


def test_a_secret_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """A rotated secret is seen without a restart."""
    (tmp_path / "secret").write_text("old")
    assert read_secret_file(tmp_path / "secret") == "old"
    (tmp_path / "secret").write_text("new")
    assert read_secret_file(tmp_path / "secret") == "new"
