"""The vendor's library for credentials, asked for one source.

The one importer of alibabacloud-credentials:
https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-python-access-credentials
It reads its environment when it is loaded, which costs 0.2 s and 30 MB and so waits for the first question.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.credentials.refresh import Ask
from exporter.api.credentials.role import DEFAULT_SESSION_NAME
from exporter.api.credentials.sdk_errors import explain
from exporter.api.credentials.sdk_logs import silence
from exporter.api.credentials.sources import Chain, EcsRole, Oidc, Profile, Source, Uri
from exporter.api.errors import CredentialsUnavailable

# What a profile's provider asks in turn. Only that one knows when its credentials end, and it has no public name;
# without it (1.0.12 and all before have it) they are credentials without an end, and nothing else is lost.
_BEHIND_A_PROFILE = ("_CLIProfileCredentialsProvider__innerProvider", "_ProfileCredentialsProvider__innerProvider")


def ask_library(source: Source) -> Ask:
    """Return a function that asks the library for a source; the library is loaded at its first call.

    The library remembers what it got until 15 minutes before its end. It is asked through a new object where that is
    of no use, and when a file that it reads only once has changed.
    """
    provider: Any = None
    seen: Sequence[object] = ()

    def ask(*, anew: bool) -> Credentials:
        nonlocal provider, seen
        silence()
        try:
            if provider is None or anew or _states_of_files(source) != seen:
                provider = _build(source)
            found = _read(provider)
        except CredentialsUnavailable as unavailable:
            raise CredentialsUnavailable(f"{source.words}: {unavailable.explanation}") from None
        except Exception as error:  # noqa: BLE001 — whatever the library raises means: none to be had
            raise CredentialsUnavailable(f"{source.words}: {explain(error)}; {source.remedy}") from None
        seen = _states_of_files(source)  # looked at last: some profiles keep what they got in their file
        return found

    return ask


def _build(source: Source) -> Any:
    from alibabacloud_credentials import provider as library  # noqa: PLC0415 — see above

    _keep_schedulers_out(library)
    match source:
        case Chain():
            return _ChainProvider(_links(library, source))
        case Oidc():
            return library.OIDCRoleArnCredentialsProvider(
                role_arn=source.role_arn,
                oidc_provider_arn=source.provider_arn,
                oidc_token_file_path=str(source.token_file),
                role_session_name=source.session_name,
                sts_endpoint=_sts_host(source.sts_endpoint),
            )
        case EcsRole():
            return _instance_role(library, source.role_name, disable_imds_v1=source.disable_imds_v1)
        case Uri():
            if ":" in (urlsplit(source.uri.reveal()).hostname or ""):
                raise CredentialsUnavailable("the vendor's library cannot call IPv6 addresses; write the host's name")
            return library.URLCredentialsProvider(uri=source.uri.reveal())
        case Profile():
            return library.CLIProfileCredentialsProvider(
                profile_name=source.name, profile_file=None if source.file is None else str(source.file)
            )


def _links(library: Any, chain: Chain) -> list[tuple[str, Callable[[], Any]]]:
    """The sources of the vendor's chain in its order, as its DefaultCredentialsProvider has them.

    Built here, since that one hides when credentials end, and why each of its sources gave none.
    """
    from alibabacloud_credentials.utils import auth_util as environment  # noqa: PLC0415 — see above

    links: list[tuple[str, Callable[[], Any]]] = [
        ("the environment", library.EnvironmentVariableCredentialsProvider),
    ]
    if environment.enable_oidc_credential:
        oidc = partial(
            library.OIDCRoleArnCredentialsProvider,
            role_session_name=environment.environment_role_session_name or DEFAULT_SESSION_NAME,
            sts_endpoint=_sts_host(chain.sts_endpoint),
        )
        links.append((Oidc.words, oidc))
    links.append(("~/.aliyun/config.json", library.CLIProfileCredentialsProvider))
    links.append(("~/.alibabacloud/credentials.ini", library.ProfileCredentialsProvider))
    if environment.environment_ecs_metadata_disabled.lower() != "true":
        links.append((EcsRole.words, partial(_instance_role, library, None, disable_imds_v1=False)))
    if environment.environment_credentials_uri:
        links.append((Uri.words, library.URLCredentialsProvider))
    return links


class _ChainProvider:
    """Gives the credentials of the first link that has any, and from then on of that link only.

    Where an exchange of OIDC tokens is configured and fails, what a later link has serves as long as that lasts: the
    role of a node is not that of its pods.
    """

    def __init__(self, links: Sequence[tuple[str, Callable[[], Any]]]) -> None:
        self._links = links
        self._chosen: Any = None

    def get_credentials(self) -> Any:
        if self._chosen is not None:
            return _found(self._chosen)
        failures = {}
        for words, build in self._links:
            try:
                provider = build()
                found = _found(provider)
            except Exception as error:  # noqa: BLE001 — the next link may have some
                failures[words] = explain(error)
            else:
                if Oidc.words not in failures:
                    self._chosen = provider
                return found
        told = "; ".join(f"{words}: {failure}" for words, failure in failures.items())
        raise CredentialsUnavailable(f"no credentials found ({told}); {Chain.remedy}")


def _read(provider: Any) -> Credentials:
    found = _found(provider)
    token = found.get_security_token()
    ends_at = found.get_expiration()
    return Credentials(
        access_key_id=found.get_access_key_id() or "",
        access_key_secret=Secret(found.get_access_key_secret() or ""),
        security_token=Secret(token) if token else None,
        expires_at=float(ends_at) if isinstance(ends_at, int | float) and ends_at > 0 else None,
    )


def _found(provider: Any) -> Any:
    found = (_behind(provider) or provider).get_credentials()
    behind = _behind(provider)
    if found.get_expiration() is None and found.get_security_token() and behind is not None:
        return behind.get_credentials()  # from its memory
    return found


def _behind(provider: Any) -> Any:
    for name in _BEHIND_A_PROFILE:
        behind = getattr(provider, name, None)
        if hasattr(behind, "get_credentials"):
            return behind
    return None


def _instance_role(library: Any, role_name: str | None, *, disable_imds_v1: bool) -> Any:
    return library.EcsRamRoleCredentialsProvider(
        role_name=role_name,
        disable_imds_v1=disable_imds_v1 or None,  # None: as the environment says
        async_update_enabled=False,
    )


def _keep_schedulers_out(library: Any) -> None:
    """A profile's instance role gets no scheduler, which would be a thread for good with each object of it."""
    quiet = partial(library.EcsRamRoleCredentialsProvider, async_update_enabled=False)
    library.cli_profile.EcsRamRoleCredentialsProvider = quiet
    library.profile.EcsRamRoleCredentialsProvider = quiet


def _sts_host(endpoint: str | None) -> str | None:
    """The library puts https before what it is given, unless that begins with http already: for loopback only."""
    if endpoint is None:
        return None
    parts = urlsplit(endpoint)
    return parts.netloc if parts.scheme == "https" else endpoint


def _states_of_files(source: Source) -> Sequence[object]:
    """What tells whether the files that the library reads once are others by now."""
    match source:
        case Profile(file=file):
            return (_state(file or _home("~/.aliyun/config.json")),)
        case Chain():
            named = os.environ.get("ALIBABA_CLOUD_CREDENTIALS_FILE")
            ini = Path(named) if named else _home("~/.alibabacloud/credentials.ini")
            return _state(_home("~/.aliyun/config.json")), _state(ini)
        case _:
            return ()


def _home(path: str) -> Path:
    return Path(path).expanduser()


def _state(file: Path) -> object:
    try:
        state = os.stat(file)  # noqa: PTH116 — its fields, of any kind of file
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
