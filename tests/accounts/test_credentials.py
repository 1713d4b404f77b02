"""One provider for each identity of the configuration, of the kind that it names."""

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from exporter import config
from exporter.accounts.credentials import CredentialProviders, _ask
from exporter.accounts.inventory import AnyCredentials, MemberRole
from exporter.api.credentials.base import Credentials, CredentialsProvider, Secret, StaticCredentials
from exporter.api.credentials.role import Role
from exporter.api.errors import CallAborted
from exporter.app import VOCABULARY
from exporter.core.pool import Pool
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S

KEYS = config.AccessKeyCredentials.model_validate(
    {"type": "access_key", "access_key_id": "LTAI5tKeys", "access_key_secret": "secret"}
)
DEFAULT = config.DefaultCredentials()
INSTANCE = config.EcsRamRoleCredentials(type="ecs_ram_role")
ROLE_ARN = "acs:ram::10:role/reader"
PROVIDER_ARN = "acs:ram::10:oidc-provider/cluster"
STS = "https://sts.example.com"
OIDC = {
    "role_arn": ROLE_ARN,
    "oidc_provider_arn": PROVIDER_ARN,
    "oidc_token_file_path": "token",
    "role_session_name": "dcdn-exporter",
    "sts_endpoint": "sts.example.com",
}


def configured(tmp_path: Path, **credentials: Any) -> Any:
    """Credentials as a configuration file names them."""
    for name in ("token", "config.json"):
        (tmp_path / name).write_text("{}", encoding="ascii")
    document = json.dumps({"accounts": [{"name": "a", "credentials": credentials}]})
    found = config.parse(document, source=str(tmp_path / "file.yaml"), vocabulary=VOCABULARY)
    return found.accounts[0].credentials


def role(source: config.BaseCredentials) -> config.RamRoleCredentials:
    return config.RamRoleCredentials(type="ram_role", role_arn=ROLE_ARN, source=source)


class Assuming:
    """Stands for what assumes roles: notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[AnyCredentials, Role, CredentialsProvider]] = []

    def __call__(self, credentials: AnyCredentials, role: Role, source: CredentialsProvider) -> CredentialsProvider:
        self.asked.append((credentials, role, source))
        return StaticCredentials(Credentials(f"role-{len(self.asked)}", Secret("secret")))


class RoleForTests(StaticCredentials):
    """A provider that says whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def assuming() -> Assuming:
    return Assuming()


@pytest.fixture
def providers(assuming: Assuming) -> CredentialProviders:
    return CredentialProviders(assume=assuming, pool=Pool(log=RecordingLog()))


def test_what_is_configured_alike_shares_a_provider(providers: CredentialProviders) -> None:
    """However many accounts name an identity, there is one object for it; another identity has its own."""
    again = config.EcsRamRoleCredentials(type="ecs_ram_role")
    other = config.EcsRamRoleCredentials(type="ecs_ram_role", role_name="reader")

    assert providers.of(INSTANCE) is providers.of(again)
    assert providers.of(INSTANCE) is not providers.of(other)


def test_a_role_is_assumed_from_its_source(providers: CredentialProviders, assuming: Assuming) -> None:
    """What assumes it gets the provider that accounts with the source's credentials have."""
    found = providers.of(role(INSTANCE))

    assert found is providers.of(role(INSTANCE))
    assert found.credentials(patience_s=0).access_key_id == "role-1"
    assert assuming.asked == [(role(INSTANCE), Role(ROLE_ARN, "dcdn-exporter"), providers.of(INSTANCE))]


def test_a_member_is_reached_by_the_role_of_its_directory(providers: CredentialProviders, assuming: Assuming) -> None:
    """The directory's own credentials, be they a role themselves, assume it with the external id that it demands."""
    member = MemberRole("acs:ram::20:role/member", source=role(INSTANCE), external_id="id-1")
    found = providers.of(member)

    assert found is providers.of(member)
    assert assuming.asked == [
        (role(INSTANCE), Role(ROLE_ARN, "dcdn-exporter"), providers.of(INSTANCE)),
        (member, Role("acs:ram::20:role/member", "dcdn-exporter", "id-1"), providers.of(role(INSTANCE))),
    ]


def test_a_provider_is_built_without_a_lock() -> None:
    """Another thread may build the same one meanwhile: both get the one that was there first, the other is closed."""
    built: list[RoleForTests] = []

    def assume(_credentials: AnyCredentials, _role: Role, _source: CredentialsProvider) -> CredentialsProvider:
        built.append(RoleForTests(Credentials(f"role-{len(built)}", Secret("secret"))))
        mine = built[-1]
        if len(built) == 1:
            another_thread = threading.Thread(target=racing.of, args=[role(INSTANCE)], daemon=True)
            another_thread.start()
            another_thread.join(PATIENCE_S)
            assert not another_thread.is_alive()
        return mine

    racing = CredentialProviders(assume=assume, pool=Pool(log=RecordingLog()))

    assert racing.of(role(INSTANCE)) is built[1]
    assert [each.closed for each in built] == [True, False]


def test_what_a_role_comes_from_is_kept_with_it(providers: CredentialProviders) -> None:
    """The sources of a role in use stay, over all steps, and only they."""
    member = MemberRole("acs:ram::20:role/member", source=role(INSTANCE))
    used, source, other = providers.of(member), providers.of(INSTANCE), providers.of(KEYS)
    providers.keep([member])

    assert (providers.of(member), providers.of(INSTANCE)) == (used, source)
    assert providers.of(KEYS) is not other


def test_keys_are_those_of_the_file(providers: CredentialProviders) -> None:
    """An access key that is written there is made into credentials once, and asks nobody."""
    provider = providers.of(KEYS)

    assert provider.credentials(patience_s=0) == Credentials("LTAI5tKeys", Secret("secret"))
    assert provider.credentials(patience_s=0) is provider.credentials(patience_s=0)


@pytest.mark.parametrize("in_file", ["access_key_id", "access_key_secret", "security_token"])
def test_what_stands_in_a_file_of_its_own_is_read_for_each_call(
    providers: CredentialProviders, tmp_path: Path, in_file: str
) -> None:
    """Whichever part of a key it is, the next call has what the file says then."""
    parts = {"access_key_id": "LTAI5tKeys", "access_key_secret": "secret", in_file: "old"}
    file = tmp_path / in_file
    file.write_text(parts.pop(in_file), encoding="ascii")
    written: dict[str, Any] = {**parts, f"{in_file}_file": str(file)}
    provider = providers.of(configured(tmp_path, type="access_key", **written))
    before = provider.credentials(patience_s=0)
    file.write_text("new", encoding="ascii")

    assert provider.credentials(patience_s=0) != before


def is_closed(provider: CredentialsProvider) -> bool:
    try:
        provider.credentials(patience_s=0)
    except CallAborted:
        return True
    return False


def test_what_is_no_longer_used_is_closed(providers: CredentialProviders) -> None:
    """And made anew when it comes back; the sources of roles that stay, stay."""
    uri = config.UriCredentials.model_validate({"type": "credentials_uri", "uri": "http://127.0.0.1:1/"})
    instance, other, member = providers.of(INSTANCE), providers.of(uri), providers.of(role(INSTANCE))
    providers.keep([role(INSTANCE)])

    assert is_closed(other)
    assert providers.of(uri) is not other
    assert providers.of(INSTANCE) is instance
    assert providers.of(role(INSTANCE)) is member
    providers.keep([])
    assert is_closed(instance)


def test_close_closes_all(providers: CredentialProviders) -> None:
    """Nobody waits for credentials after it."""
    all_of_them = [providers.of(DEFAULT), providers.of(INSTANCE)]
    providers.close()

    assert [is_closed(provider) for provider in all_of_them] == [True, True]


class Library:
    """Stands for the vendor's: notes which provider is made of what."""

    def __init__(self) -> None:
        self.made: list[tuple[str, dict[str, object]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda **arguments: self.made.append((name, arguments))


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        pytest.param(
            {
                "type": "oidc",
                "role_arn": ROLE_ARN,
                "oidc_provider_arn": PROVIDER_ARN,
                "oidc_token_file": "token",
                "session_name": "night",
            },
            ("OIDCRoleArnCredentialsProvider", {**OIDC, "role_session_name": "night"}),
            id="oidc",
        ),
        pytest.param(
            {
                "type": "oidc",
                "role_arn": ROLE_ARN,
                "oidc_provider_arn": PROVIDER_ARN,
                "oidc_token_file": "token",
            },
            ("OIDCRoleArnCredentialsProvider", OIDC),
            id="oidc without a session name",
        ),
        pytest.param(
            {"type": "ecs_ram_role"},
            (
                "EcsRamRoleCredentialsProvider",
                {"role_name": None, "disable_imds_v1": None, "async_update_enabled": False},
            ),
            id="instance",
        ),
        pytest.param(
            {"type": "ecs_ram_role", "role_name": "reader", "disable_imds_v1": True},
            (
                "EcsRamRoleCredentialsProvider",
                {"role_name": "reader", "disable_imds_v1": True, "async_update_enabled": False},
            ),
            id="role of the instance",
        ),
        pytest.param(
            {"type": "credentials_uri", "uri": "http://127.0.0.1:9000/x"},
            ("URLCredentialsProvider", {"uri": "http://127.0.0.1:9000/x"}),
            id="uri",
        ),
        pytest.param(
            {"type": "profile"},
            ("CLIProfileCredentialsProvider", {"profile_name": None, "profile_file": None}),
            id="current profile",
        ),
        pytest.param(
            {"type": "profile", "name": "reader", "file": "config.json"},
            ("CLIProfileCredentialsProvider", {"profile_name": "reader", "profile_file": "config.json"}),
            id="profile",
        ),
    ],
)
def test_what_the_library_is_asked_for(
    tmp_path: Path, credentials: dict[str, Any], expected: tuple[str, dict[str, object]]
) -> None:
    """Everything that the file says of the credentials arrives there, and the endpoint where tokens are exchanged."""
    library = Library()
    _ask(configured(tmp_path, **credentials), STS).build(library)
    ((provider, arguments),) = library.made

    seen = {
        name: value.removeprefix(f"{tmp_path}/") if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    assert (provider, seen) == expected


def test_the_default_chain_exchanges_tokens_where_the_file_says() -> None:
    """The rest of it is for the environment to say."""
    build = _ask(DEFAULT, STS).build
    assert isinstance(build, partial)
    assert build.keywords == {"sts_host": "sts.example.com"}
