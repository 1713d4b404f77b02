"""What every simulated operation is, and what those that describe a product's service have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exporter.simulator.call import Call
from exporter.simulator.errors import GatewayError
from exporter.simulator.state import ServiceState


@dataclass(frozen=True, slots=True)
class Operation:
    """A simulated operation."""

    action: str
    version: str
    product: str
    """As the gateway calls it in its bodies."""
    calls_per_second: int
    """The vendor's limit for one account."""
    answer: Callable[[Call], dict[str, object]]
    """Returns the answer less its RequestId; raises GatewayError for a refusal."""
    right: str | None
    """What a RAM policy must allow; None: every caller may."""
    denied_code: str = "Forbidden.RAM"
    """The product's code for a right that is lacking."""
    signed: bool = True
    """False: it is not signed, and answered for the account of the role that it names."""
    writes: bool = False
    """Whether it changes the account."""


# Each product's own code for "not activated": https://www.alibabacloud.com/help/zh/doc-detail/131648.htm for DCDN,
# https://help.aliyun.com/document_detail/91171.html for CDN (read 2026-11-28). CDN's is also seen for a moment after
# the activation: https://github.com/aliyun/terraform-provider-alicloud/pull/6917 (read 2026-11-22). That of secure
# DCDN is on no page, and named after its siblings'.
_NOT_ACTIVATED: Final = {
    "dcdn_ipa": ("DcdnIpaServiceNotFound", "The DCDN IPA service has not been activated."),
    "dcdn": ("DcdnServiceNotFound", "The DCDN service is not activated."),
    "cdn": ("CdnServiceNotFound", "Your account does not open CDN service yet."),
    "dcdn_sec": ("DcdnsecServiceNotFound", "The secure DCDN service is not activated."),
}


def service_of(call: Call, product: str) -> ServiceState:
    """Return the caller's service of a product, as it is."""
    return call.moment.services.get(product, ServiceState(activated=False))


def activated_service(call: Call, product: str) -> ServiceState:
    """Return the caller's service of a product; raises GatewayError while it is not activated."""
    state = service_of(call, product)
    if not state.activated:
        raise GatewayError(*_NOT_ACTIVATED[product])
    return state
