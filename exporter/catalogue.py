"""What can be polled, as rows: a new product or operation is one row here and its parse function.

Limits are the vendor's, for each account: https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from exporter.aliyun.errors import Refused
from exporter.aliyun.operation import GET_CALLER_IDENTITY, Operation
from exporter.model import NOT_ACTIVATED, Answer, ProbeKey
from exporter.service_answer import parse_service

# https://help.aliyun.com/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-endpoint
ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {"dcdn": "https://dcdn.aliyuncs.com", "sts": "https://sts.aliyuncs.com"}
)

DCDN_CHARGE_TYPES = (
    "PayByTraffic",
    "PayByBandwidth",
    "PayByBandwidth95",
    "PayByBandwidth_monthavg",
    "PayByBandwidth_month4th",
    "PayByBandwidth_monthday95avg",
    "PayByBandwidth_nighthalf95",
)


@dataclass(frozen=True, slots=True)
class ProbeKind:
    """What is polled for a product of every account that has it.

    ``not_activated_codes`` are error codes that mean a state of the world; in any case, as the vendor's are.
    ``charge_types`` are the documented billing methods. ``parse`` turns a decoded answer and its request id into an
    Answer, or raises MalformedReply.
    """

    product: str
    probe: str
    operation: Operation
    not_activated_codes: frozenset[str]
    charge_types: tuple[str, ...]
    parse: Callable[[Mapping[str, object], str | None], Answer]

    def __post_init__(self) -> None:
        if any(code != code.casefold() for code in self.not_activated_codes):
            raise ValueError(f"codes are compared case-folded, seen {sorted(self.not_activated_codes)}")

    def key(self, account: str) -> ProbeKey:
        """The name of this probe of an account."""
        return ProbeKey(account=account, product=self.product, probe=self.probe)

    def state_in_refusal(self, refusal: Refused) -> Answer | None:
        """The state that an error code stands for, or None when it stands for a failure."""
        if (refusal.code or "").casefold() in self.not_activated_codes:
            return Answer(state=NOT_ACTIVATED, request_id=refusal.request_id)
        return None


PROBE_KINDS: tuple[ProbeKind, ...] = (
    ProbeKind(
        product="dcdn_ipa",
        probe="service",
        operation=Operation(
            action="DescribeDcdnIpaService", version="2018-01-15", endpoint="dcdn", calls_per_second=20
        ),
        not_activated_codes=frozenset({"dcdnipaservicenotfound"}),
        charge_types=DCDN_CHARGE_TYPES,
        parse=partial(parse_service, charge_types=DCDN_CHARGE_TYPES),
    ),
)

OPERATIONS: tuple[Operation, ...] = (*(kind.operation for kind in PROBE_KINDS), GET_CALLER_IDENTITY)

PRODUCTS: tuple[str, ...] = tuple(dict.fromkeys(kind.product for kind in PROBE_KINDS))


def vendor_limits(operations: tuple[Operation, ...] = OPERATIONS) -> Mapping[str, int]:
    """Calls per second and account that the vendor allows, by action."""
    return MappingProxyType({operation.action: operation.calls_per_second for operation in operations})
