"""Certificates: of how many domains of a product they have expired, or will soon."""

from dataclasses import dataclass
from typing import ClassVar, Final

from pydantic import ConfigDict

from exporter.simulator.call import Call
from exporter.simulator.errors import GatewayError
from exporter.simulator.operation import activated_service
from exporter.simulator.reading import STRICT

CERTIFICATES: Final = "certificates"


@dataclass(frozen=True, slots=True)
class Certificates:
    """The certificates of the domains of one product; a product without HTTPS domains has none of these."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    expired: int = 0
    """Domains whose certificate has expired."""
    expiring: int = 0
    """Domains whose certificate expires within 30 days."""

    def __post_init__(self) -> None:
        for name, count in (("expired", self.expired), ("expiring", self.expiring)):
            if count < 0:
                raise ValueError(f"{name} is {count}; accepted: a number of domains, 0 or more")


def count_expiring(call: Call, *, product: str) -> dict[str, object]:
    """Return the numbers of the caller's domains; that none has HTTPS is a refusal.

    ```json
    {"ExpireWithin30DaysCount": 0, "ExpiredCount": 6}
    ```
    The refusal is documented for CDN only. https://help.aliyun.com/document_detail/186564.html
    https://help.aliyun.com/zh/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnusercertificateexpirecount
    (read 2026-11-29).
    """
    activated_service(call, product)
    certificates = call.moment.inventories.get((CERTIFICATES, product))
    if certificates is None:
        raise GatewayError("NoHttpsDomain", "Your account doesn't have https domain.")
    return {"ExpireWithin30DaysCount": certificates.expiring, "ExpiredCount": certificates.expired}
