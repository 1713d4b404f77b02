"""Our simulator with as many accounts as are asked for: ``python -m benchmarks.simulated ACCOUNTS``."""

from __future__ import annotations

import signal
import sys
from typing import Any, NoReturn

from exporter.simulator.timeline import Account, Scenario
from tests.only_read import only_read


def configuration(accounts: int, url: str) -> dict[str, Any]:
    """Return a configuration file that polls the simulator's accounts."""
    return {
        "accounts": [
            {
                "name": f"account-{number:05}",
                "account_id": _account_id(number),
                "credentials": {
                    "type": "access_key",
                    "access_key_id": _key_id(number),
                    "access_key_secret": _secret(number),
                },
            }
            for number in range(accounts)
        ],
        "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "bss"), url),
    }


def _account_id(number: int) -> str:
    return f"{1_000_000_000_000_000 + number}"


def _key_id(number: int) -> str:
    return f"LTAI5tSimulated{number:05}"


def _secret(number: int) -> str:
    return f"made-up-secret-of-{number:05}"


def main() -> NoReturn:
    """Play until ended."""
    accounts = tuple(
        Account(
            name=f"account-{number:05}",
            account_id=_account_id(number),
            access_key_id=_key_id(number),
            access_key_secret=_secret(number),
        )
        for number in range(int(sys.argv[1]))
    )
    with only_read(Scenario("accounts that nothing ever happens to", accounts)) as simulator:
        sys.stdout.write(f"listening {simulator.url.removeprefix('http://')}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    sys.exit(0)


if __name__ == "__main__":
    main()
