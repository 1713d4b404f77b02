"""The configuration as a whole, as frozen models: every key of the file, its bounds and its default."""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from exporter.config.accounts import Account, Products
from exporter.config.addresses import Endpoint
from exporter.config.poll import Poll
from exporter.config.rate_limit import RateLimit
from exporter.config.refusals import FROZEN, Accepts, Flag, refusal

PRODUCTS = ("dcdn_ipa", "dcdn", "cdn")
"""The products known when the caller names no others."""

_POLLED = ("products", "debt_status", "balance")
_ACCOUNTS_WORDS = "a list with at least one account"


class Endpoints(BaseModel):
    """Addresses to call in place of the vendor's own, whatever the site of the account; None: the vendor's."""

    model_config = FROZEN

    dcdn: Endpoint | None = None
    """DCDN and IPA."""
    cdn: Endpoint | None = None
    sts: Endpoint | None = None
    resource_directory: Endpoint | None = None
    bss: Endpoint | None = None
    """Balances."""


class Configuration(BaseModel):
    """Everything the configuration file says, with every default filled in."""

    model_config = FROZEN

    poll: Poll = Field(default_factory=Poll)
    products: Products = ("dcdn_ipa",)
    """What is polled for every account that does not say so itself; the next two likewise."""
    debt_status: Flag = False
    balance: Flag = False
    rate_limit: RateLimit = Field(default_factory=RateLimit)
    accounts: Annotated[tuple[Account, ...], Accepts(_ACCOUNTS_WORDS)]
    endpoints: Endpoints = Field(default_factory=Endpoints)

    @field_validator("accounts")
    @classmethod
    def _complete(cls, accounts: tuple[Account, ...], info: ValidationInfo) -> tuple[Account, ...]:
        """There are accounts, and each knows what to poll: by itself, or as the file says for all."""
        if not accounts:
            raise refusal(_ACCOUNTS_WORDS, seen="an empty list")
        return tuple(
            account.model_copy(
                update={
                    key: info.data[key] for key in _POLLED if key in info.data and key not in account.model_fields_set
                }
            )
            for account in accounts
        )
