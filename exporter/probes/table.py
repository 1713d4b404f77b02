"""What can be polled, as rows: a new product or operation is one row here and its parse function.

Limits are the vendor's, for each account; the page that states one stands beside it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from exporter.api.errors import Refused
from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS, Operation
from exporter.core.model import LOCKED_FOR_SECURITY, NOT_ACTIVATED, NOT_ENABLED, Answer, ProbeKey, State
from exporter.probes.balance import parse_balance
from exporter.probes.debt_status import parse_debt
from exporter.probes.service import parse_service

DCDN_CHARGE_TYPES = (
    "PayByTraffic",
    "PayByBandwidth",
    "PayByBandwidth95",
    "PayByBandwidth_monthavg",
    "PayByBandwidth_month4th",
    "PayByBandwidth_monthday95avg",
    "PayByBandwidth_nighthalf95",
)
CDN_CHARGE_TYPES = ("PayByTraffic", "PayByBandwidth")

SERVICE, DEBT_STATUS, BALANCE = "service", "debt_status", "balance"


@dataclass(frozen=True, slots=True)
class StateInRefusal:
    """An error that stands for a state of the world.

    ``code`` is compared without regard to case, as the vendor's own pages disagree on it. Where a code has several
    meanings, ``words`` are those of the message that make it this one; else they are empty.
    """

    code: str
    state: State
    words: str = ""

    def __post_init__(self) -> None:
        if not self.code:
            raise ValueError("an error without a code stands for no state")
        for text in (self.code, self.words):
            if text != text.casefold():
                raise ValueError(f"codes and words are compared case-folded, seen {text!r}")

    def is_meant_by(self, refusal: Refused) -> bool:
        """Whether this is what the API says."""
        return (refusal.code or "").casefold() == self.code and self.words in (refusal.message or "").casefold()


# https://www.alibabacloud.com/help/doc-detail/27232.htm: one code with these two meanings, and further ones.
_LOCKED_FOR_SECURITY = StateInRefusal("operationdenied", LOCKED_FOR_SECURITY, words="locked for security reasons")
_CDN_NOT_OPEN_WORDS = "does not open cdn service"


@dataclass(frozen=True, slots=True)
class ProbeKind:
    """What is polled for a product of every account that has it.

    ``parse`` turns a decoded answer and its request id into an Answer, or raises MalformedReply.
    ``states_in_refusals`` are the errors that are answers. ``charge_types`` are the documented billing methods, where
    the answer names one.
    """

    product: str
    probe: str
    operation: Operation
    parse: Callable[[Mapping[str, object], str | None], Answer]
    states_in_refusals: tuple[StateInRefusal, ...] = ()
    charge_types: tuple[str, ...] = ()

    def key(self, account: str) -> ProbeKey:
        """The name of this probe of an account."""
        return ProbeKey(account=account, product=self.product, probe=self.probe)

    def state_in_refusal(self, refusal: Refused) -> Answer | None:
        """The state that an error stands for, or None when it stands for a failure."""
        for meaning in self.states_in_refusals:
            if meaning.is_meant_by(refusal):
                return Answer(state=meaning.state, request_id=refusal.request_id)
        return None


def _service(
    product: str,
    operation: Operation,
    *states_in_refusals: StateInRefusal,
    charge_types: tuple[str, ...] = DCDN_CHARGE_TYPES,
) -> ProbeKind:
    return ProbeKind(
        product=product,
        probe=SERVICE,
        operation=operation,
        parse=partial(parse_service, charge_types=charge_types),
        states_in_refusals=(*states_in_refusals, _LOCKED_FOR_SECURITY),
        charge_types=charge_types,
    )


def _debt_status(product: str, operation: Operation, *states_in_refusals: StateInRefusal) -> ProbeKind:
    return ProbeKind(
        product=product,
        probe=DEBT_STATUS,
        operation=operation,
        parse=parse_debt,
        states_in_refusals=states_in_refusals,
    )


PROBE_KINDS: tuple[ProbeKind, ...] = (
    _service(
        "dcdn_ipa",
        # https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
        Operation(
            action="DescribeDcdnIpaService",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=20,
            ram_action="dcdn:DescribeDcdnIpaService",
        ),
        StateInRefusal("dcdnipaservicenotfound", NOT_ACTIVATED),
    ),
    _service(
        "dcdn",
        # https://help.aliyun.com/document_detail/131656.html; the code is seen by users and not on the page.
        Operation(
            action="DescribeDcdnService",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=30,
            ram_action="dcdn:DescribeDcdnService",
        ),
        StateInRefusal("dcdnservicenotfound", NOT_ACTIVATED),
    ),
    _service(
        "cdn",
        # https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-describecdnservice
        Operation(
            action="DescribeCdnService",
            version="2018-05-10",
            endpoint="cdn",
            calls_per_second=30,
            ram_action="cdn:DescribeCdnService",
        ),
        StateInRefusal("cdnservicenotfound", NOT_ACTIVATED),
        StateInRefusal("operationdenied", NOT_ACTIVATED, words=_CDN_NOT_OPEN_WORDS),
        charge_types=CDN_CHARGE_TYPES,
    ),
    # What DescribeUser…Status answers for a service that is not activated is not documented: both forms will do.
    _debt_status(
        "dcdn_ipa",
        # https://help.aliyun.com/document_detail/130616.html
        Operation(
            action="DescribeUserDcdnIpaStatus",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=20,
            ram_action="dcdn:DescribeUserDcdnIpaStatus",
        ),
        StateInRefusal("dcdnipaservicenotfound", NOT_ENABLED),
    ),
    _debt_status(
        "dcdn",
        # https://www.alibabacloud.com/help/en/dcdn/developer-reference/api-dcdn-2018-01-15-describeuserdcdnstatus
        Operation(
            action="DescribeUserDcdnStatus",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=30,
            ram_action="dcdn:DescribeUserDcdnStatus",
        ),
        StateInRefusal("dcdnservicenotfound", NOT_ENABLED),
    ),
    _debt_status(
        "cdn",
        # https://help.aliyun.com/zh/cdn/developer-reference/api-cdn-2018-05-10-describeusercdnstatus states no limit;
        # the lowest of its neighbours is ours.
        Operation(
            action="DescribeUserCdnStatus",
            version="2018-05-10",
            endpoint="cdn",
            calls_per_second=20,
            ram_action="cdn:DescribeUserCdnStatus",
        ),
        StateInRefusal("cdnservicenotfound", NOT_ENABLED),
        StateInRefusal("operationdenied", NOT_ENABLED, words=_CDN_NOT_OPEN_WORDS),
    ),
    ProbeKind(
        product="bss",
        probe=BALANCE,
        # https://help.aliyun.com/document_detail/472991.html states no limit; that of its neighbours is ours. The
        # right has three c there.
        operation=Operation(
            action="QueryAccountBalance",
            version="2017-12-14",
            endpoint="bss",
            calls_per_second=10,
            ram_action="bss:DescribeAcccount",
        ),
        parse=parse_balance,
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *(kind.operation for kind in PROBE_KINDS),
    GET_CALLER_IDENTITY,
    ASSUME_ROLE,
    LIST_ACCOUNTS,
)

# Those that an account can have; the balance is one of the account and of no product of it.
PRODUCTS: tuple[str, ...] = tuple(kind.product for kind in PROBE_KINDS if kind.probe == SERVICE)


def kinds_for(products: Collection[str], *, debt_status: bool, balance: bool) -> list[ProbeKind]:
    """What is polled for an account that has these products, and of which these probes are asked for."""
    probes = {SERVICE: True, DEBT_STATUS: debt_status, BALANCE: balance}
    return [
        kind for kind in PROBE_KINDS if probes[kind.probe] and (kind.product in products or kind.probe == BALANCE)
    ]


def vendor_limits(operations: tuple[Operation, ...] = OPERATIONS) -> Mapping[str, int]:
    """Calls per second and account that the vendor allows, by action."""
    return MappingProxyType({operation.action: operation.calls_per_second for operation in operations})
