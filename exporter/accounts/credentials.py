"""Where accounts get their credentials from: one provider for each identity that the configuration names."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from exporter import config
from exporter.accounts.inventory import AnyCredentials, MemberRole
from exporter.api.credentials import sdk
from exporter.api.credentials.base import (
    Credentials,
    CredentialsProvider,
    RereadCredentials,
    Secret,
    StaticCredentials,
)
from exporter.api.credentials.refresh import RefreshedCredentials
from exporter.api.credentials.role import DEFAULT_SESSION_NAME, Role
from exporter.core.pool import Pool

Assume = Callable[[config.RamRoleCredentials | MemberRole, Role, CredentialsProvider], CredentialsProvider]
"""Makes the provider of a role, from its configuration, the role, and the provider of its source."""


class CredentialProviders:
    """The providers of all identities in use; credentials that are configured alike share one.

    Safe to use from any thread. ``sts_endpoint`` replaces the vendor's own where the vendor's library exchanges OIDC
    tokens; https, or plain http to loopback.
    """

    def __init__(
        self,
        *,
        assume: Assume,
        pool: Pool,
        sts_endpoint: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._assume = assume
        self._pool = pool
        self._sts_endpoint = sts_endpoint
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._by_configuration: dict[AnyCredentials, CredentialsProvider] = {}

    def of(self, credentials: AnyCredentials) -> CredentialsProvider:
        """Return the provider of these, without any call. Raises what ``assume`` raises."""
        with self._lock:
            provider = self._by_configuration.get(credentials)
        if provider is not None:
            return provider
        built = self._build(credentials)
        with self._lock:
            provider = self._by_configuration.setdefault(credentials, built)
        if provider is not built:  # another thread was faster
            built.close()
        return provider

    def keep(self, used: Iterable[AnyCredentials]) -> None:
        """Close and drop all providers but those of these credentials and of the sources of their roles."""
        kept = {each for credentials in used for each in _with_sources(credentials)}
        with self._lock:
            gone = [credentials for credentials in self._by_configuration if credentials not in kept]
            closed = [self._by_configuration.pop(credentials) for credentials in gone]
        for provider in closed:
            provider.close()

    def close(self) -> None:
        """End every wait for credentials with CallAborted, now and from now on."""
        with self._lock:
            providers = list(self._by_configuration.values())
        for provider in providers:
            provider.close()

    def _build(self, credentials: AnyCredentials) -> CredentialsProvider:
        match credentials:
            case config.RamRoleCredentials() | MemberRole():
                return self._assume(credentials, _role(credentials), self.of(credentials.source))
            case config.AccessKeyCredentials():
                read = partial(_read, credentials)
                return RereadCredentials(read) if _has_files(credentials) else StaticCredentials(read())
            case _:
                ask = _ask(credentials, self._sts_endpoint)
                return RefreshedCredentials(ask, source=ask.words, pool=self._pool, clock=self._clock, now=self._now)


def _with_sources(credentials: AnyCredentials) -> Iterator[AnyCredentials]:
    yield credentials
    if isinstance(credentials, config.RamRoleCredentials | MemberRole):
        yield from _with_sources(credentials.source)


def _role(credentials: config.RamRoleCredentials | MemberRole) -> Role:
    session_name = credentials.session_name if isinstance(credentials, config.RamRoleCredentials) else None
    return Role(
        arn=credentials.role_arn,
        session_name=session_name or DEFAULT_SESSION_NAME,
        external_id=credentials.external_id,
    )


_FromLibrary = (
    config.DefaultCredentials
    | config.OidcCredentials
    | config.EcsRamRoleCredentials
    | config.UriCredentials
    | config.ProfileCredentials
)


def _ask(credentials: _FromLibrary, sts_endpoint: str | None) -> sdk.LibrarySource:
    match credentials:
        case config.DefaultCredentials():
            return sdk.default_chain(sts_endpoint=sts_endpoint)
        case config.OidcCredentials():
            return sdk.oidc_role(
                role_arn=credentials.role_arn,
                provider_arn=credentials.oidc_provider_arn,
                token_file=credentials.oidc_token_file,
                session_name=credentials.session_name or DEFAULT_SESSION_NAME,
                sts_endpoint=sts_endpoint,
            )
        case config.EcsRamRoleCredentials():
            return sdk.instance_role(credentials.role_name, disable_imds_v1=credentials.disable_imds_v1)
        case config.UriCredentials():
            return sdk.credentials_uri(Secret(credentials.uri.get_secret_value()))
        case config.ProfileCredentials():
            return sdk.profile(credentials.name, credentials.file)


def _read(configured: config.AccessKeyCredentials) -> Credentials:
    """The credentials in the configuration and its files, read now."""
    token = _part(configured.security_token, configured.security_token_file)
    return Credentials(
        access_key_id=configured.access_key_id or _part(None, configured.access_key_id_file) or "",
        access_key_secret=Secret(_part(configured.access_key_secret, configured.access_key_secret_file) or ""),
        security_token=Secret(token) if token is not None else None,
    )


def _has_files(configured: config.AccessKeyCredentials) -> bool:
    files = (configured.access_key_id_file, configured.access_key_secret_file, configured.security_token_file)
    return any(file is not None for file in files)


def _part(inline: Any, file: Path | None) -> str | None:
    if inline is not None:
        return str(inline.get_secret_value())
    return config.read_secret_file(file) if file is not None else None
