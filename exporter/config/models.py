"""The configuration as a whole, as frozen models: every key of the file, its bounds and its default."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from exporter.config.accounts import Account, Products
from exporter.config.addresses import Endpoint
from exporter.config.discovery import Discovery, ResourceDirectory
from exporter.config.poll import Poll
from exporter.config.rate_limit import RateLimit
from exporter.config.refusals import FROZEN, Accepts, Flag, broken_rule

_Polled = TypeVar("_Polled", Account, ResourceDirectory)
_POLLED = ("products", "debt_status", "balance")
_ACCOUNTS_WORDS = "a list with at least one account, or discovery.resource_directories"


def _resolved(polled: _Polled, defaults: Mapping[str, Any]) -> _Polled:
    """The same, knowing what to poll: by itself, or as the file says for all (where that has no problem itself)."""
    return polled.model_copy(
        update={key: defaults[key] for key in _POLLED if key in defaults and key not in polled.model_fields_set}
    )


class Endpoints(BaseModel):
    """Addresses to call in place of the vendor's own, whatever the site of the account; None: the vendor's."""

    model_config = FROZEN

    dcdn: Endpoint | None = None
    """DCDN and IPA."""
    cdn: Endpoint | None = None
    """CDN."""
    sts: Endpoint | None = None
    """Identities and roles."""
    resource_directory: Endpoint | None = None
    """Members of resource directories."""
    bss: Endpoint | None = None
    """Balances."""


class Configuration(BaseModel):
    """Everything the configuration file says, with every default filled in."""

    model_config = FROZEN

    poll: Poll = Field(default_factory=Poll)
    """When probes run."""
    products: Products = ("dcdn_ipa",)
    """What is polled for every account that does not say so itself; the next two likewise."""
    debt_status: Flag = False
    """Also poll the debt status of each product: the warning before the lock."""
    balance: Flag = False
    """Also poll each account's balance."""
    rate_limit: RateLimit = Field(default_factory=RateLimit)
    """How much of the vendor's limits to use."""
    discovery: Discovery = Field(default_factory=Discovery)
    """Where to find accounts."""
    accounts: Annotated[tuple[Account, ...], Accepts(_ACCOUNTS_WORDS)] = Field(default=(), validate_default=True)
    """The accounts that the file names; those that are discovered come on top."""
    endpoints: Endpoints = Field(default_factory=Endpoints)
    """Addresses to call in place of the vendor's own."""

    @field_validator("discovery")
    @classmethod
    def _complete_directories(cls, discovery: Discovery, info: ValidationInfo) -> Discovery:
        directories = tuple(_resolved(directory, info.data) for directory in discovery.resource_directories)
        return discovery.model_copy(update={"resource_directories": directories})

    @field_validator("accounts")
    @classmethod
    def _complete_accounts(cls, accounts: tuple[Account, ...], info: ValidationInfo) -> tuple[Account, ...]:
        """There are accounts, or places to find some."""
        discovery = info.data.get("discovery")  # absent where it has a problem of its own
        if not accounts and discovery is not None and not discovery.resource_directories:
            raise broken_rule("no account is named; name one here or a directory in discovery.resource_directories")
        return tuple(_resolved(account, info.data) for account in accounts)
