"""Our simulator with as many accounts as are asked for: ``python -m benchmarks.simulated ACCOUNTS``.

Each has every service, and some of all that probes count.
"""

from __future__ import annotations

import signal
import sys
from typing import Any, NoReturn

from exporter.simulator import (
    Account,
    Certificates,
    Domains,
    EsaPlan,
    PlannedService,
    ResourcePackage,
    Scenario,
    ServiceState,
    Step,
)
from tests.only_read import only_read

_DOMAINS = Domains(online=20, statuses={"shop.example.com": "offline", "audit.example.com": "check_failed"})
_PACKAGES = (ResourcePackage("flow"), ResourcePackage("requests", template_name="https", base_unit="Count"))
_HAS = Step(
    services={product: PlannedService(ServiceState()) for product in ("dcdn_ipa", "dcdn", "cdn", "dcdn_sec")},
    inventories={
        **{("domains", product): _DOMAINS for product in ("dcdn_ipa", "dcdn", "cdn")},
        **{("certificates", product): Certificates(expired=1, expiring=2) for product in ("dcdn", "cdn")},
        **{("resource_packages", product): _PACKAGES for product in ("dcdn", "cdn")},
        ("plans", ""): (EsaPlan("sp-1"), EsaPlan("sp-2", billing_mode="POSTPAY")),
    },
)


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
        "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "bss", "esa"), url),
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
            timeline=(_HAS,),
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
