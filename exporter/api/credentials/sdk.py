"""The sources of credentials in the vendor's library.

The one importer of alibabacloud-credentials:
https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-python-access-credentials
It reads its environment on import, which costs 0.2 s and 30 MB, so it is imported at the first call.
"""

import logging
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from exporter.api.credentials.base import Credentials, Secret
from exporter.api.credentials.refresh import THREAD
from exporter.api.credentials.role import DEFAULT_SESSION_NAME
from exporter.api.errors import CredentialsUnavailable
from exporter.api.failures import failed_elsewhere
from exporter.api.proxy import is_loopback

# The provider behind a profile's provider. Only it knows when the credentials end, and it has no public name.
# Versions up to 1.0.12 have it; without it the credentials have no known end, and nothing else is lost.
_BEHIND_A_PROFILE = ("_CLIProfileCredentialsProvider__innerProvider", "_ProfileCredentialsProvider__innerProvider")

_OIDC = "the exchange of the OIDC token"
_INSTANCE = "the metadata service of the ECS instance"
_URI = "the credentials URI"
_CHAIN_REMEDY = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or another source of the chain"

# "credentials" logs refreshes with the whole answer or URL, "alibabacloud-tea" requests where DEBUG=sdk is set. Both
# also have handlers that write to standard error.
_ITS_OWN = ("credentials", "alibabacloud-tea")
# These log the path of requests, with an OIDC token in the query: each at debug, one with odd headers at warning.
_SHARED_WITH_US = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry", "urllib3.poolmanager")

# Its messages for failures before any request.
_SENTENCES = (
    ("Environment variable accessKeyId", "ALIBABA_CLOUD_ACCESS_KEY_ID is not set"),
    ("Environment variable accessKeySecret", "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"),
    ("IMDS credentials is disabled", "ALIBABA_CLOUD_ECS_METADATA_DISABLED=true forbids it"),
    ("cli credentials file is disabled", "ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true forbids it"),
    ("unable to open credentials file", "there is no such file"),
    ("failed to parse credential form cli", "the file cannot be read, or is no JSON"),
    ("invalid profile name", "no profile is named, and the file calls none current"),
    ("unable to get profile with", "the file has no profile of that name"),
    ("unsupported profile mode", "the profile has a mode that the vendor's library does not know"),
    ("failed to get credential from credentials file", "there is no such file, or no such section in it"),
    ("failed to execute external command", "the profile's command failed"),
    ("command process timed out", "the profile's command took too long"),
    ("No cached value was found", "the credentials have ended already; see that this machine's clock is right"),
)
_HTTP_STATUS = re.compile(r"(?:http_code|HttpCode)\s*[=:]\s*(?P<status>[0-9]{3})\b")
# The vendor's codes are words with points between them; a token has digits and is longer.
_CODE = re.compile(r'"Code"\s*:\s*"(?P<code>[A-Z][A-Za-z]{1,31}(?:\.[A-Z][A-Za-z]{1,31}){0,3})"')
_OK = 200


def default_chain(*, sts_endpoint: str | None = None) -> "LibrarySource":
    """The vendor's default chain: environment, OIDC, profiles, instance role, URI, as the environment says.

    ``sts_endpoint`` exchanges OIDC tokens: https, or plain http to loopback; None: the vendor's own.
    """
    build = partial(_chain, sts_host=_sts_host(sts_endpoint))
    return LibrarySource("the default credential chain", _CHAIN_REMEDY, build, files_of_the_chain)


def oidc_role(
    *,
    role_arn: str,
    provider_arn: str,
    token_file: Path,
    session_name: str = DEFAULT_SESSION_NAME,
    sts_endpoint: str | None = None,
) -> "LibrarySource":
    """A role assumed with an OIDC token, whose file is read for each exchange."""
    arguments = {
        "role_arn": role_arn,
        "oidc_provider_arn": provider_arn,
        "oidc_token_file_path": str(token_file),
        "role_session_name": session_name,
        "sts_endpoint": _sts_host(sts_endpoint),
    }
    remedy = "check role_arn, oidc_provider_arn, the role's trust policy, and the token's audience and age"
    return LibrarySource(_OIDC, remedy, lambda library: library.OIDCRoleArnCredentialsProvider(**arguments))


def instance_role(role_name: str | None = None, *, disable_imds_v1: bool = False) -> "LibrarySource":
    """The role of the ECS instance, from the metadata service, which also gives its name where it is None."""
    remedy = "see that the exporter runs on an instance that has a RAM role, and check role_name"
    build = partial(_instance_role, role_name=role_name, disable_imds_v1=disable_imds_v1)
    return LibrarySource(_INSTANCE, remedy, build)


def credentials_uri(uri: Secret) -> "LibrarySource":
    """A URL that answers with temporary credentials; it is a secret, as it may hold a token."""

    def build(library: Any) -> Any:
        if ":" in (urlsplit(uri.reveal()).hostname or ""):
            raise CredentialsUnavailable("the vendor's library cannot call IPv6 addresses; write the host's name")
        return library.URLCredentialsProvider(uri=uri.reveal())

    remedy = "see that it gives Code, AccessKeyId, AccessKeySecret, SecurityToken and Expiration"
    return LibrarySource(_URI, remedy, build)


def profile(name: str | None = None, file: Path | None = None) -> "LibrarySource":
    """A profile of the vendor's command line.

    Without a name ALIBABA_CLOUD_PROFILE, else the one that the file calls current; the file is
    ``~/.aliyun/config.json`` unless given.
    """
    return LibrarySource(
        "the profile",
        "check name and file, and what `aliyun configure list` says of it",
        lambda library: library.CLIProfileCredentialsProvider(
            profile_name=name, profile_file=None if file is None else str(file)
        ),
        lambda: (file or profile_file(),),
    )


class LibrarySource:
    """Gets credentials of one source from the library, which is imported at the first call.

    The library remembers credentials until 15 minutes before they end, and reads ``files`` only once. So a new object
    of it is made when those are of no use, or when a file has changed. ``words`` name the source.
    """

    def __init__(
        self,
        words: str,
        remedy: str,
        build: Callable[[Any], Any],
        files: Callable[[], Sequence[Path]] = tuple,
    ) -> None:
        self.words = words
        self.build = build
        self._remedy = remedy
        self._files = files
        self._provider: Any = None
        self._seen: Sequence[object] = ()

    def __call__(self, *, anew: bool) -> Credentials:
        """Return the source's credentials; raises CredentialsUnavailable in our words."""
        silence()
        try:
            if self._provider is None or anew or self._states_of_files() != self._seen:
                from alibabacloud_credentials import provider as library  # noqa: PLC0415 — see above

                _keep_schedulers_out(library)
                self._provider = self.build(library)
            provider = self._provider
            found = _read(provider)
        except CredentialsUnavailable as unavailable:
            raise CredentialsUnavailable(f"{self.words}: {unavailable.explanation}") from None
        except Exception as error:  # noqa: BLE001 — each means that there are none
            raise CredentialsUnavailable(f"{self.words}: {explain(error)}; {self._remedy}") from None
        if provider is self._provider:  # else this call was given up, and another one made
            self._seen = self._states_of_files()  # last, as some profiles write to their file
        return found

    def _states_of_files(self) -> Sequence[object]:
        return [_state(file) for file in self._files()]


def _chain(library: Any, *, sts_host: str | None) -> "_ChainProvider":
    return _ChainProvider(_links(library, sts_host))


def _links(library: Any, sts_host: str | None) -> list[tuple[str, Callable[[], Any]]]:
    """The sources of the vendor's chain in the order of its DefaultCredentialsProvider.

    Built here, since that one hides when credentials end, and why each source gave none.
    """
    from alibabacloud_credentials.utils import auth_util as environment  # noqa: PLC0415 — see above

    links: list[tuple[str, Callable[[], Any]]] = [
        ("the environment", library.EnvironmentVariableCredentialsProvider),
    ]
    if environment.enable_oidc_credential:
        oidc = partial(
            library.OIDCRoleArnCredentialsProvider,
            role_session_name=environment.environment_role_session_name or DEFAULT_SESSION_NAME,
            sts_endpoint=sts_host,
        )
        links.append((_OIDC, oidc))
    links.append(("~/.aliyun/config.json", library.CLIProfileCredentialsProvider))
    links.append(("~/.alibabacloud/credentials.ini", library.ProfileCredentialsProvider))
    if environment.environment_ecs_metadata_disabled.lower() != "true":
        links.append((_INSTANCE, partial(_instance_role, library)))
    if environment.environment_credentials_uri:
        links.append((_URI, library.URLCredentialsProvider))
    return links


class _ChainProvider:
    """Gives the credentials of the first link that has any, and from then on only of that link.

    When an exchange of OIDC tokens is configured and fails, a later link serves only while it does: the role of a
    node is not that of its pods.
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
                if _OIDC not in failures:
                    self._chosen = provider
                return found
        reasons = "; ".join(f"{words}: {failure}" for words, failure in failures.items())
        raise CredentialsUnavailable(f"no credentials found ({reasons}); {_CHAIN_REMEDY}")


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


def _instance_role(library: Any, *, role_name: str | None = None, disable_imds_v1: bool = False) -> Any:
    return library.EcsRamRoleCredentialsProvider(
        role_name=role_name,
        disable_imds_v1=disable_imds_v1 or None,  # None: as the environment says
        async_update_enabled=False,
    )


def _keep_schedulers_out(library: Any) -> None:
    """Give a profile's instance role no scheduler, which would be one more thread for good with each object."""
    quiet = partial(library.EcsRamRoleCredentialsProvider, async_update_enabled=False)
    library.cli_profile.EcsRamRoleCredentialsProvider = quiet
    library.profile.EcsRamRoleCredentialsProvider = quiet


def _sts_host(endpoint: str | None) -> str | None:
    """The host for the library, which puts https before it; the whole URL for plain http, to loopback only."""
    if endpoint is None:
        return None
    parts = urlsplit(endpoint)
    if parts.scheme == "https":
        return parts.netloc
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return endpoint
    raise ValueError("the STS endpoint is https, or plain http to loopback")


def profile_file() -> Path:
    """Where the vendor's command line keeps its profiles."""
    return _home("~/.aliyun/config.json")


def files_of_the_chain() -> Sequence[Path]:
    """Where the default chain looks for keys, whether there is such a file or not."""
    named = os.environ.get("ALIBABA_CLOUD_CREDENTIALS_FILE")
    return profile_file(), Path(named) if named else _home("~/.alibabacloud/credentials.ini")


def _home(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 — Path.expanduser raises for a user without a home


def _state(file: Path) -> object:
    try:
        state = os.stat(file)  # noqa: PTH116 — its fields, of any kind of file
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def explain(error: Exception) -> str:
    """Why there are no credentials, in our words; of a server's words only what has the form of a code."""
    text = str(error)
    for beginning, sentence in _SENTENCES:
        if text.startswith(beginning):
            return sentence
    if type(error).__name__ == "RetryError":
        return failed_elsewhere(error)
    if isinstance(error, OSError) and error.strerror:
        return f"its file cannot be read: {error.strerror}"
    code = _CODE.search(text)
    status = _HTTP_STATUS.search(text)
    if status is not None and int(status["status"]) != _OK:
        return f"refused with {code['code']} (HTTP {status['status']})" if code else f"HTTP {status['status']}"
    if code is not None and code["code"] != "Success":
        return f"refused with {code['code']}"
    return f"the answer holds no credentials ({type(error).__name__})"


def silence() -> None:
    """Stop the logs of the library, and those for it in threads called THREAD; calling it twice is harmless."""
    for name in _ITS_OWN:
        logging.getLogger(name).disabled = True
    for name in _SHARED_WITH_US:
        logging.getLogger(name).addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.threadName != THREAD
