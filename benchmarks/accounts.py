"""Accounts by number: as the configuration file has them, and as the simulator plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.simulator import Account

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIRECTORY = 9_999_999


def key_id(number: int) -> str:
    """The access key id of an account."""
    return f"LTAI5tBench{number:07}"


def account(number: int) -> dict[str, Any]:
    """An account as the configuration file has it; its id is given, so that nothing but its probe is polled."""
    return {
        "name": f"account-{number:07}",
        "account_id": f"1{number:015}",
        "credentials": {
            "type": "access_key",
            "access_key_id": key_id(number),
            "access_key_secret": f"made-up-{number:07}",
        },
    }


def duration(seconds: float) -> str:
    """As the configuration file writes it, which knows no fractions."""
    return f"{round(1000 * seconds)}ms"


def configuration(url: str, numbers: Iterable[int], *, interval_s: float, **poll: str) -> dict[str, Any]:
    """A configuration that polls these accounts at that URL; keywords are keys of `poll`."""
    return {
        "poll": {"interval": duration(interval_s), **poll},
        "accounts": [account(number) for number in numbers],
        "endpoints": dict.fromkeys(("dcdn", "sts", "resource_directory"), url),
    }


def directory(**parts: str) -> dict[str, Any]:
    """A resource directory as the configuration file has it, of an identity that polls nothing itself."""
    return {"name": "directory", "role_name": "reader", "credentials": account(_DIRECTORY)["credentials"], **parts}


def simulated(number: int) -> Account:
    """The account that the simulator plays for one of the configuration."""
    one = account(number)
    key = one["credentials"]
    return Account(one["name"], one["account_id"], key["access_key_id"], key["access_key_secret"])
