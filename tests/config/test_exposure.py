import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.config import Configuration, Vocabulary, exposure_warnings, load_web, parse
from exporter.config.exposure import exposed_mode, open_folders

HINT = "chown it to the exporter's user and chmod it to 0400"
Warn = Callable[..., list[str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user of the machine reaches, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def warn(folder: Path, vocabulary: Vocabulary) -> Warn:
    """What is said of a configuration in that folder."""

    def run(text: str, **environ: str) -> list[str]:
        file = folder / "dcdn.yaml"
        configuration: Configuration = parse(text, source=str(file), vocabulary=vocabulary)
        return exposure_warnings(configuration, file, web=None, environ=environ, root=folder)

    return run


def written(file: Path, mode: int = 0o644, content: str = "hunter2") -> Path:
    file.write_text(content)
    file.chmod(mode)
    return file


def account(keys: str, name: str = "a") -> str:
    return f"{{name: {name}, credentials: {{type: access_key, access_key_id: LTAI, {keys}}}}}"


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o660, 0o771])
def test_a_file_of_its_owner_and_group_is_not_exposed(warn: Warn, folder: Path, mode: int) -> None:
    """Nothing is said of it."""
    written(folder / "secret", mode)
    assert warn(f"accounts: [{account('access_key_secret_file: secret')}]") == []


@pytest.mark.parametrize(
    ("mode", "verbs"), [(0o644, "read"), (0o444, "read"), (0o602, "change"), (0o777, "read and change")]
)
def test_a_file_for_others_is_named_with_what_to_do(warn: Warn, folder: Path, mode: int, verbs: str) -> None:
    """With the mode that was seen, and no word of its content."""
    secret = written(folder / "secret", mode)
    found = warn(f"accounts: [{account('access_key_secret_file: secret')}]")
    assert found == [f"other users can {verbs} {secret} (mode {mode:04o}), which holds a secret; {HINT}"]


def test_a_file_in_a_folder_that_others_cannot_search_is_not_exposed(warn: Warn, folder: Path) -> None:
    """Wherever on the way that folder is."""
    (folder / "closed" / "open").mkdir(parents=True)
    written(folder / "closed" / "open" / "secret")
    text = f"accounts: [{account('access_key_secret_file: closed/open/secret')}]"
    assert len(warn(text)) == 1
    (folder / "closed").chmod(0o700)
    assert warn(text) == []


@pytest.mark.parametrize(
    ("mode", "replaced"), [(0o777, True), (0o733, True), (0o1777, False), (0o775, False), (0o776, False)]
)
def test_a_folder_that_others_can_write_to_is_named(warn: Warn, folder: Path, mode: int, *, replaced: bool) -> None:
    """Once for all its files, whatever their modes; not where the sticky bit keeps these, or others cannot search."""
    written(folder / "secret", 0o400)
    written(folder / "token", 0o400)
    folder.chmod(mode)
    text = f"accounts: [{account('access_key_secret_file: secret, security_token_file: token')}]"
    expected = (
        f"other users can replace what is in {folder} (mode {mode:04o}), where {folder / 'secret'} holds a secret; "
        f"chmod o-w {folder}"
    )
    assert warn(text) == ([expected] if replaced else [])


def test_a_folder_above_and_the_folder_of_a_link_count_too(warn: Warn, folder: Path) -> None:
    """Others can put a folder or a link of theirs in place of what is there, unless they are stopped above it."""
    for name in ("links", "real/secrets"):
        (folder / name).mkdir(parents=True)
    written(folder / "real" / "secrets" / "secret", 0o400)
    (folder / "links" / "secret").symlink_to("../real/secrets/secret")
    text = f"accounts: [{account('access_key_secret_file: links/secret')}]"
    assert warn(text) == []
    for name in ("links", "real"):
        (folder / name).chmod(0o777)
    assert [words.split()[7] for words in warn(text)] == [str(folder / "links"), str(folder / "real")]
    folder.chmod(0o700)
    assert warn(text) == []


def test_the_file_behind_links_counts(warn: Warn, folder: Path) -> None:
    """As Kubernetes mounts a Secret: a link to a file below a link to a folder."""
    real = folder / "..2026_11_29"
    real.mkdir()
    written(real / "secret", 0o644)
    (folder / "..data").symlink_to(real.name)
    (folder / "secret").symlink_to("..data/secret")
    text = f"accounts: [{account('access_key_secret_file: secret')}]"
    assert [words.split(" (")[0] for words in warn(text)] == [f"other users can read {folder / 'secret'}"]
    real.chmod(0o700)
    assert warn(text) == []


def test_a_pod_has_no_other_users(warn: Warn, folder: Path) -> None:
    """Kubernetes, which names its service in each pod, mounts Secrets with mode 0644."""
    written(folder / "secret")
    text = f"accounts: [{account('access_key_secret_file: secret')}]"
    assert len(warn(text)) == 1
    assert warn(text, KUBERNETES_SERVICE_HOST="127.0.0.1") == []


@pytest.mark.parametrize("mark", ["run/.containerenv", ".dockerenv"])
def test_secrets_that_the_engine_hands_to_a_container_are_not_exposed(warn: Warn, folder: Path, mark: str) -> None:
    """They are copies of mode 0444; a file that is mounted has the mode that it has on its machine."""
    (folder / "run" / "secrets").mkdir(parents=True)
    (folder / "mounted").mkdir()
    handed, mounted = written(folder / "run/secrets/key", 0o444), written(folder / "mounted/key", 0o444)
    text = "accounts: [" + ", ".join(account(f"access_key_secret_file: {file}") for file in (handed, mounted)) + "]"
    text = text.replace("name: a", "name: b", 1)

    def named() -> list[str]:
        return [words.partition(" (mode ")[0].split()[-1] for words in warn(text)]

    assert named() == [str(mounted), str(handed)]
    (folder / mark).touch()
    assert named() == [str(mounted)]
    for mode in (0o644, 0o446):
        handed.chmod(mode)
        assert named() == [str(mounted), str(handed)]


@pytest.mark.parametrize("keys", ["access_key_secret: x", "access_key_secret_file: s, security_token: x"])
def test_keys_in_the_configuration_itself_are_better_kept_elsewhere(warn: Warn, folder: Path, keys: str) -> None:
    """Once for the file, however many there are."""
    file = written(folder / "dcdn.yaml")
    written(folder / "s", 0o400)
    (found,) = warn(f"accounts: [{account(keys)}, {account(keys, 'b')}]")
    said, _, hint = found.partition("; ")
    assert said == f"other users can read {file} (mode 0644), which holds keys"
    assert hint == f"keep keys in files of their own (access_key_secret_file), or {HINT}"


def test_a_configuration_without_keys_may_be_read(warn: Warn, folder: Path) -> None:
    """An access key's id is no secret."""
    written(folder / "dcdn.yaml")
    written(folder / "id")
    written(folder / "s", 0o400)
    credentials = "{type: access_key, access_key_id_file: id, access_key_secret_file: s}"
    assert warn(f"accounts: [{{name: a, credentials: {credentials}}}]") == []


def test_every_kind_of_secret_file_is_looked_at(warn: Warn, folder: Path) -> None:
    """Also those of directories, and of the identity that assumes a role."""
    files = [written(folder / name) for name in ("1-secret", "2-token", "3-oidc", "4-profile")]
    oidc = (
        '{type: oidc, role_arn: "acs:ram::1:role/r", oidc_provider_arn: "acs:ram::1:oidc-provider/p", '
        "oidc_token_file: 3-oidc}"
    )
    role = f'{{type: ram_role, role_arn: "acs:ram::1:role/r", source: {oidc}}}'
    found = warn(
        f"accounts: [{account('access_key_secret_file: 1-secret, security_token_file: 2-token')}]\n"
        "discovery:\n  resource_directories:\n"
        f"    - {{name: m, role_name: r, credentials: {role}}}\n"
        "    - {name: n, role_name: r, credentials: {type: profile, file: 4-profile}}\n"
    )
    assert [words.split()[4] for words in found] == [str(file) for file in files]


@pytest.mark.parametrize(
    ("credentials", "place"),
    [
        ("profile", ".aliyun/config.json"),
        ("default", ".aliyun/config.json"),
        ("default", ".alibabacloud/credentials.ini"),
    ],
)
def test_a_profile_file_that_nobody_names_is_looked_at(
    warn: Warn, folder: Path, monkeypatch: pytest.MonkeyPatch, credentials: str, place: str
) -> None:
    """Where the vendor's library looks for it."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("ALIBABA_CLOUD_CREDENTIALS_FILE", raising=False)
    (folder / place).parent.mkdir()
    file = written(folder / place)
    (found,) = warn(f"accounts: [{{name: a, credentials: {{type: {credentials}}}}}]")
    assert found.startswith(f"other users can read {file} ")


def test_a_token_in_a_credentials_uri_is_a_secret(warn: Warn, folder: Path) -> None:
    """One without a query holds none."""
    file = written(folder / "dcdn.yaml")
    text = "accounts: [{{name: a, credentials: {{type: credentials_uri, uri: 'https://keys.example/role{}'}}}}]"
    (found,) = warn(text.format("?token=hunter2"))
    assert found == (f"other users can read {file} (mode 0644), which holds a credentials URI with a token; {HINT}")
    assert warn(text.format("")) == []


def test_twenty_files_are_named(warn: Warn, folder: Path) -> None:
    """And how many more there are."""
    for number in range(23):
        written(folder / f"s{number:02}")
    accounts = ", ".join(account(f"access_key_secret_file: s{number:02}", f"a{number}") for number in range(23))
    found = warn(f"accounts: [{accounts}]")
    assert len(found) == 21
    assert str(folder / "s19") in found[19]
    assert found[20] == "and 3 more"


def test_the_key_of_the_certificate_is_looked_at(folder: Path) -> None:
    """The certificate itself is for everybody."""
    written(folder / "cert")
    key = written(folder / "key", 0o640)
    file = written(folder / "web.yaml", content="tls_server_config: {cert_file: cert, key_file: key}")
    web = load_web(file)
    assert exposure_warnings(None, None, web=web, environ={}) == []
    key.chmod(0o644)
    assert exposure_warnings(None, None, web=web, environ={}) == [
        f"other users can read {key} (mode 0644), which holds the key of the certificate; {HINT}"
    ]


def test_a_file_that_is_gone_is_not_exposed(folder: Path) -> None:
    """Nor is that an error: who uses it says so."""
    folder.chmod(0o777)
    assert exposed_mode(folder / "gone") is None
    assert open_folders(folder / "gone") == {}
