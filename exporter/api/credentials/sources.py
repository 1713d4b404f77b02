"""What the vendor's library can be asked for: each source of credentials, as it is configured."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from exporter.api.credentials.base import Secret
from exporter.api.credentials.role import DEFAULT_SESSION_NAME
from exporter.api.proxy import is_loopback


@dataclass(frozen=True, slots=True)
class Chain:
    """The vendor's default chain: environment, OIDC, profiles, instance role, URI, as the environment says."""

    sts_endpoint: str | None = None
    """Where OIDC tokens are exchanged, in place of the vendor's own endpoint."""

    words: ClassVar[str] = "the default credential chain"
    remedy: ClassVar[str] = (
        "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or another source of the chain"
    )

    def __post_init__(self) -> None:
        _require_endpoint(self.sts_endpoint)


@dataclass(frozen=True, slots=True)
class Oidc:
    """A role that STS gives for an OIDC token; the token's file is read for each exchange."""

    role_arn: str
    provider_arn: str
    token_file: Path
    session_name: str = DEFAULT_SESSION_NAME
    sts_endpoint: str | None = None
    """In place of the vendor's own."""

    words: ClassVar[str] = "the exchange of the OIDC token"
    remedy: ClassVar[str] = (
        "check role_arn, oidc_provider_arn, the role's trust policy, and the token's audience and age"
    )

    def __post_init__(self) -> None:
        _require_text(role_arn=self.role_arn, provider_arn=self.provider_arn, session_name=self.session_name)
        _require_endpoint(self.sts_endpoint)


@dataclass(frozen=True, slots=True)
class EcsRole:
    """The role of the ECS instance, from the metadata service."""

    role_name: str | None = None
    """None: the metadata service is asked for it."""
    disable_imds_v1: bool = False

    words: ClassVar[str] = "the metadata service of the ECS instance"
    remedy: ClassVar[str] = "see that the exporter runs on an instance that has a RAM role, and check role_name"


@dataclass(frozen=True, slots=True)
class Uri:
    """An address that answers with temporary credentials. It is a secret: it may hold a token."""

    uri: Secret

    words: ClassVar[str] = "the credentials URI"
    remedy: ClassVar[str] = "see that it gives Code, AccessKeyId, AccessKeySecret, SecurityToken and Expiration"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of the vendor's command line."""

    name: str | None = None
    """None: ALIBABA_CLOUD_PROFILE, else the one that the file calls current."""
    file: Path | None = None
    """None: ``~/.aliyun/config.json``."""

    words: ClassVar[str] = "the profile"
    remedy: ClassVar[str] = "check name and file, and what `aliyun configure list` says of it"


Source = Chain | Oidc | EcsRole | Uri | Profile


def _require_text(**parts: str) -> None:
    for name, value in parts.items():
        if not value:
            raise ValueError(f"{name} is empty")


def _require_endpoint(url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("the STS endpoint is https, or plain http to loopback")
