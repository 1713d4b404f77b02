"""The configuration as a whole, as frozen models: every key of the file, its bounds and its default."""

import ipaddress
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from exporter.config.accounts import Account, Products
from exporter.config.poll import Poll
from exporter.config.rate_limit import RateLimit
from exporter.config.refusals import FROZEN, Accepts, Flag, refusal

PRODUCTS = ("dcdn_ipa", "dcdn", "cdn")
"""The products known when the caller names no others."""

_POLLED = ("products", "debt_status", "balance")
_ACCOUNTS_WORDS = "a list with at least one account"

_ENDPOINT = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?",
)
_HIGHEST_PORT = 65_535
_ENDPOINT_WORDS = (
    "https://HOST or https://HOST:PORT and nothing after it; http:// to 127.0.0.0/8, [::1] and localhost only"
)


def _is_endpoint(value: str) -> bool:
    match = _ENDPOINT.fullmatch(value)
    if match is None or (match["port"] and not 1 <= int(match["port"]) <= _HIGHEST_PORT):
        return False
    host, encrypted = match["host"], match["scheme"] == "https"
    try:
        address = ipaddress.IPv6Address(host[1:-1]) if host.startswith("[") else ipaddress.IPv4Address(host)
    except ValueError:
        return not host.startswith("[") and (encrypted or host.lower() == "localhost")
    return encrypted or address.is_loopback


def _endpoint(value: object) -> str:
    if isinstance(value, str) and _is_endpoint(value):
        return value
    if isinstance(value, str) and set(value) & set("@?#"):
        # A password before the host, or a token behind it, must not be printed.
        raise refusal(_ENDPOINT_WORDS, seen="an address with more than a host and a port")
    raise refusal(_ENDPOINT_WORDS, kind="text_refused")


Endpoint = Annotated[str, BeforeValidator(_endpoint)]


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
