from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import (
    Configuration,
    Credentials,
    DefaultCredentials,
    EcsRamRoleCredentials,
    OidcCredentials,
    ProfileCredentials,
    RamRoleCredentials,
    UriCredentials,
)

Configure = Callable[[str], Configuration]

ROLE = "acs:ram::1883927335936173:role/DcdnExporter"
PROVIDER = "acs:ram::1883927335936173:oidc-provider/ack-rrsa"
OIDC = f'type: oidc, role_arn: "{ROLE}", oidc_provider_arn: "{PROVIDER}", oidc_token_file: token'


@pytest.fixture
def credentials(configure: Configure, tmp_path: Path) -> Callable[[str], Credentials]:
    """Those of an account with these keys, beside the files `token` and `profiles`."""
    (tmp_path / "token").write_text("eyJhbGciOi.eyJpc3MiOi.c2lnbmF0dXJl\n")
    (tmp_path / "profiles").write_text('{"current": "default", "profiles": []}\n')
    return lambda keys: configure(f"accounts: [{{name: a, credentials: {{{keys}}}}}]").accounts[0].credentials


def test_a_role_is_assumed_by_the_default_chain_unless_the_file_names_a_source(
    credentials: Callable[[str], Credentials],
) -> None:
    """As an account uses the default chain unless it says otherwise."""
    assert credentials(f'type: ram_role, role_arn: "{ROLE}"') == RamRoleCredentials.model_construct(
        type="ram_role", role_arn=ROLE, external_id=None, session_name=None, source=DefaultCredentials()
    )


def test_every_value_of_a_role_arrives(credentials: Callable[[str], Credentials]) -> None:
    """The source is as complete as credentials of an account."""
    found = credentials(
        f'type: ram_role, role_arn: "{ROLE}", external_id: "a=b,c.d@e:f/g-1_", session_name: dcdn.exporter@eu-1_a, '
        "source: {type: ecs_ram_role, role_name: Base, disable_imds_v1: true}"
    )
    assert found == RamRoleCredentials.model_construct(
        type="ram_role",
        role_arn=ROLE,
        external_id="a=b,c.d@e:f/g-1_",
        session_name="dcdn.exporter@eu-1_a",
        source=EcsRamRoleCredentials(type="ecs_ram_role", role_name="Base", disable_imds_v1=True),
    )


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("type: default", id="default"),
        pytest.param("type: access_key, access_key_id: LTAI, access_key_secret: x", id="access_key"),
        pytest.param(OIDC, id="oidc"),
        pytest.param("type: ecs_ram_role", id="ecs_ram_role"),
        pytest.param("type: credentials_uri, uri: http://127.0.0.1:1/", id="credentials_uri"),
        pytest.param("type: profile", id="profile"),
    ],
)
def test_every_other_kind_can_be_the_source_of_a_role(credentials: Callable[[str], Credentials], source: str) -> None:
    """And then is what it would be for an account itself."""
    found = credentials(f'type: ram_role, role_arn: "acs:ram::1:role/r", source: {{{source}}}')
    assert isinstance(found, RamRoleCredentials)
    assert found.source == credentials(source)


def test_an_oidc_role_names_its_provider_and_token(credentials: Callable[[str], Credentials], tmp_path: Path) -> None:
    """The token's file is found from the folder of the configuration."""
    found = credentials(f"{OIDC}, session_name: ab")
    assert found == OidcCredentials.model_construct(
        type="oidc",
        role_arn=ROLE,
        oidc_provider_arn=PROVIDER,
        oidc_token_file=tmp_path / "token",
        session_name="ab",
    )


def test_profiles_and_instance_roles_need_no_keys(credentials: Callable[[str], Credentials], tmp_path: Path) -> None:
    """The vendor's defaults are used for what is not given."""
    assert credentials("type: ecs_ram_role") == EcsRamRoleCredentials(type="ecs_ram_role")
    assert credentials("type: profile") == ProfileCredentials(type="profile")
    assert credentials("type: profile, name: prod, file: profiles") == ProfileCredentials.model_construct(
        type="profile", name="prod", file=tmp_path / "profiles"
    )


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("https://vault.example/credentials/dcdn?role=reader", id="https"),
        pytest.param("https://vault.example:8443", id="no-path"),
        pytest.param("http://127.0.0.1:9000/credentials", id="loopback"),
        pytest.param("http://localhost/", id="localhost"),
    ],
)
def test_credentials_come_from_addresses_that_nobody_can_listen_to(
    credentials: Callable[[str], Credentials], uri: str
) -> None:
    """Encrypted, or on this machine; the address itself may hold a token and never shows."""
    found = credentials(f'type: credentials_uri, uri: "{uri}"')
    assert isinstance(found, UriCredentials)
    assert found.uri.get_secret_value() == uri
    assert uri not in f"{found} {found!r} {found.model_dump()} {found.model_dump_json()}"


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://10.0.0.1/credentials", id="plain-http-elsewhere"),
        pytest.param("http://100.100.100.200/latest/meta-data", id="metadata-server"),
        pytest.param("https://user:hunter2@host/", id="password"),
        pytest.param("https://host?token=hunter2", id="query-without-a-path"),
        pytest.param("https://host/#hunter2", id="fragment"),
        pytest.param("https://host/a b", id="space"),
        pytest.param("//host/credentials", id="no-scheme"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("https:///credentials", id="no-host"),
        pytest.param("https://[2001:db8::1]:8443", id="ipv6"),
        pytest.param("http://[::1]:9000/credentials", id="ipv6-loopback"),
    ],
)
def test_other_addresses_give_no_credentials(refused: Callable[[str], list[str]], uri: str) -> None:
    """And are not shown."""
    (problem,) = refused(f'accounts: [{{name: a, credentials: {{type: credentials_uri, uri: "{uri}"}}}}]')
    assert problem.startswith("1: accounts[0].credentials.uri: seen text (not shown); accepted: https://HOST")


@pytest.mark.parametrize(
    "arn",
    [
        pytest.param("acs:ram::1:role/r", id="shortest"),
        pytest.param(f"acs:ram::{'1' * 32}:role/{'r' * 64}", id="longest"),
        pytest.param("acs:ram::1883927335936173:role/service-role/dcdn/r", id="path"),
    ],
)
def test_role_arns_name_an_account_and_a_role(credentials: Callable[[str], Credentials], arn: str) -> None:
    """With a path or without."""
    found = credentials(f'type: ram_role, role_arn: "{arn}"')
    assert isinstance(found, RamRoleCredentials)
    assert found.role_arn == arn


@pytest.mark.parametrize(
    "arn",
    [
        pytest.param("acs:ram::1:role/", id="no-name"),
        pytest.param("acs:ram::1:role//r", id="empty-step"),
        pytest.param("acs:ram:::role/r", id="no-account"),
        pytest.param("acs:ram:cn-hangzhou:1:role/r", id="region"),
        pytest.param("acs:ram::prod:role/r", id="account-name"),
        pytest.param("acs:ram::\u0661:role/r", id="digit-of-another-script"),
        pytest.param("acs:ram::1:role/r r", id="space"),
        pytest.param(f"acs:ram::1:role/{'r' * 65}", id="name-too-long"),
        pytest.param("acs:ram::1:root", id="root"),
        pytest.param("acs:ram::1:role/r\\n", id="newline"),
    ],
)
def test_other_texts_are_no_role_arns(refused: Callable[[str], list[str]], arn: str) -> None:
    """One problem each, at the key."""
    (problem,) = refused(f'accounts: [{{name: a, credentials: {{type: ram_role, role_arn: "{arn}"}}}}]')
    assert problem.startswith("1: accounts[0].credentials.role_arn: seen text (not shown)")


@pytest.mark.parametrize(
    ("key", "lengths"),
    [
        pytest.param("external_id", (2, 1224), id="external-id"),
        pytest.param("session_name", (2, 64), id="session-name"),
    ],
)
def test_texts_for_sts_have_the_lengths_it_takes(
    credentials: Callable[[str], Credentials],
    refused: Callable[[str], list[str]],
    key: str,
    lengths: tuple[int, int],
) -> None:
    """Each bound itself is accepted, the next length beyond is not."""
    shortest, longest = lengths
    role = f'type: ram_role, role_arn: "{ROLE}"'
    for length in (shortest, longest):
        assert getattr(credentials(f"{role}, {key}: {'x' * length}"), key) == "x" * length
    for length in (shortest - 1, longest + 1):
        assert len(refused(f"accounts: [{{name: a, credentials: {{{role}, {key}: {'x' * length}}}}}]")) == 1


@pytest.mark.parametrize(
    ("keys", "account_id"),
    [
        pytest.param("", None, id="nothing-said"),
        pytest.param('account_id: "12"', "12", id="account-id"),
        pytest.param(f'credentials: {{type: ram_role, role_arn: "{ROLE}"}}', "1883927335936173", id="role"),
        pytest.param(
            f'account_id: "1883927335936173", credentials: {{type: ram_role, role_arn: "{ROLE}"}}',
            "1883927335936173",
            id="both-agree",
        ),
        pytest.param(
            f"credentials: {{{OIDC}}}",
            "1883927335936173",
            id="oidc-role",
        ),
        pytest.param(
            f'credentials: {{type: ram_role, role_arn: "acs:ram::7:role/r", source: {{{OIDC}}}}}',
            "7",
            id="role-by-way-of-another",
        ),
    ],
)
def test_an_account_is_known_by_its_id_or_its_role(
    configure: Configure, tmp_path: Path, keys: str, account_id: str | None
) -> None:
    """The account of a role's source says nothing about the account that is polled."""
    (tmp_path / "token").write_text("x")
    (account,) = configure(f"accounts: [{{name: a, {keys}}}]").accounts
    assert account.known_account_id == account_id


def test_equal_credentials_are_one_key(credentials: Callable[[str], Credentials]) -> None:
    """So that accounts of the same identity can share what is made for it."""
    texts = [
        "type: access_key, access_key_id: LTAI, access_key_secret: x",
        "type: access_key, access_key_id: LTAI, access_key_secret: y",
        "type: profile, file: profiles",
        "type: default",
        f'type: ram_role, role_arn: "{ROLE}", source: {{type: credentials_uri, uri: "https://host/"}}',
    ]
    assert len({credentials(text) for text in texts * 2}) == len(texts)
