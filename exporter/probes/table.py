"""What is polled, as rows: a new product or operation is one row here, a new kind of probe a file beside it.

Limits are the vendor's, for each account; the page that states one stands beside it.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from exporter.api.errors import RefusalPattern
from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS, Operation, Pages
from exporter.probes.balance import balance
from exporter.probes.certificates import certificates
from exporter.probes.debt_status import NOT_ENABLED, debt_status
from exporter.probes.domains import NO_DOMAINS, PAGES, domains
from exporter.probes.esa import plans, postpaid_plans
from exporter.probes.esa_state import ROWS
from exporter.probes.kind import AnyKind, StateInRefusal
from exporter.probes.resource_package_state import NO_PACKAGES
from exporter.probes.resource_packages import resource_packages
from exporter.probes.service import service
from exporter.probes.service_state import DYNAMIC, NOT_ACTIVATED, WEBSOCKET, AnswerForm

_CDN_NOT_OPEN_WORDS = "does not open cdn service"
# The vendor allows 500 rows a page. Those may be too large for a reply, as each holds all sites of its plan.
_ESA_PAGES = Pages("PageNumber", (ROWS,), size=100, most=100)

PROBES: tuple[AnyKind, ...] = (
    service(
        "dcdn_ipa",
        # https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
        Operation(
            action="DescribeDcdnIpaService",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=20,
            ram_action="dcdn:DescribeDcdnIpaService",
        ),
        StateInRefusal(RefusalPattern("dcdnipaservicenotfound"), NOT_ACTIVATED),
    ),
    service(
        "dcdn",
        # https://help.aliyun.com/document_detail/131656.html; the code is seen by users and not on the page.
        Operation(
            action="DescribeDcdnService",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=30,
            ram_action="dcdn:DescribeDcdnService",
        ),
        StateInRefusal(RefusalPattern("dcdnservicenotfound"), NOT_ACTIVATED),
        form=AnswerForm(components=(WEBSOCKET,)),
    ),
    service(
        "cdn",
        # https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-describecdnservice
        Operation(
            action="DescribeCdnService",
            version="2018-05-10",
            endpoint="cdn",
            calls_per_second=30,
            ram_action="cdn:DescribeCdnService",
        ),
        StateInRefusal(RefusalPattern("cdnservicenotfound"), NOT_ACTIVATED),
        StateInRefusal(RefusalPattern("operationdenied", words=_CDN_NOT_OPEN_WORDS), NOT_ACTIVATED),
        form=AnswerForm(components=(DYNAMIC,)),
    ),
    # What DescribeUser…Status answers for a service that is not activated is not documented: a state or a refusal.
    debt_status(
        "dcdn_ipa",
        # https://help.aliyun.com/document_detail/130616.html
        Operation(
            action="DescribeUserDcdnIpaStatus",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=20,
            ram_action="dcdn:DescribeUserDcdnIpaStatus",
        ),
        StateInRefusal(RefusalPattern("dcdnipaservicenotfound"), NOT_ENABLED),
    ),
    debt_status(
        "dcdn",
        # https://www.alibabacloud.com/help/en/dcdn/developer-reference/api-dcdn-2018-01-15-describeuserdcdnstatus
        Operation(
            action="DescribeUserDcdnStatus",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=30,
            ram_action="dcdn:DescribeUserDcdnStatus",
        ),
        StateInRefusal(RefusalPattern("dcdnservicenotfound"), NOT_ENABLED),
    ),
    debt_status(
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
        StateInRefusal(RefusalPattern("cdnservicenotfound"), NOT_ENABLED),
        StateInRefusal(RefusalPattern("operationdenied", words=_CDN_NOT_OPEN_WORDS), NOT_ENABLED),
    ),
    balance(
        # https://help.aliyun.com/document_detail/472991.html states no limit; that of its neighbours is ours. The
        # right has three c there.
        Operation(
            action="QueryAccountBalance",
            version="2017-12-14",
            endpoint="bss",
            calls_per_second=10,
            ram_action="bss:DescribeAcccount",
        ),
    ),
    service(
        "dcdn_sec",
        # https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnsecservice
        # names no code for "not activated": that of DCDN and one like those of its siblings are taken for it.
        Operation(
            action="DescribeDcdnsecService",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=20,
            ram_action="dcdn:DescribeDcdnsecService",
        ),
        StateInRefusal(RefusalPattern("dcdnservicenotfound"), NOT_ACTIVATED),
        StateInRefusal(RefusalPattern("dcdnsecservicenotfound"), NOT_ACTIVATED),
        form=AnswerForm(opening_time="StartTime", end_time="EndTime"),
    ),
    # Their own pages state 100 calls a second, the page of the quotas 50 for their neighbours: the lower one is ours.
    certificates(
        "dcdn",
        # https://help.aliyun.com/zh/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnusercertificateexpirecount
        Operation(
            action="DescribeDcdnUserCertificateExpireCount",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=50,
            ram_action="dcdn:DescribeDcdnUserCertificateExpireCount",
        ),
        RefusalPattern("dcdnservicenotfound"),
    ),
    certificates(
        "cdn",
        # https://help.aliyun.com/document_detail/186564.html
        Operation(
            action="DescribeUserCertificateExpireCount",
            version="2018-05-10",
            endpoint="cdn",
            calls_per_second=50,
            ram_action="cdn:DescribeUserCertificateExpireCount",
        ),
        RefusalPattern("cdnservicenotfound"),
        RefusalPattern("operationdenied", words=_CDN_NOT_OPEN_WORDS),
    ),
    domains(
        "dcdn_ipa",
        # https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipauserdomains
        Operation(
            action="DescribeDcdnIpaUserDomains",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=30,
            ram_action="dcdn:DescribeDcdnIpaUserDomains",
            pages=PAGES,
        ),
        StateInRefusal(RefusalPattern("dcdnipaservicenotfound"), NO_DOMAINS),
    ),
    domains(
        "dcdn",
        # https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnuserdomains
        # says 80; the lower one of the page of all quotas counts.
        Operation(
            action="DescribeDcdnUserDomains",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=30,
            ram_action="dcdn:DescribeDcdnUserDomains",
            pages=PAGES,
        ),
        StateInRefusal(RefusalPattern("dcdnservicenotfound"), NO_DOMAINS),
    ),
    domains(
        "cdn",
        # https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-describeuserdomains
        Operation(
            action="DescribeUserDomains",
            version="2018-05-10",
            endpoint="cdn",
            calls_per_second=100,
            ram_action="cdn:DescribeUserDomains",
            pages=PAGES,
        ),
        StateInRefusal(RefusalPattern("cdnservicenotfound"), NO_DOMAINS),
        StateInRefusal(RefusalPattern("operationdenied", words=_CDN_NOT_OPEN_WORDS), NO_DOMAINS),
    ),
    resource_packages(
        "dcdn",
        # https://help.aliyun.com/document_detail/131648.html
        Operation(
            action="DescribeDcdnUserResourcePackage",
            version="2018-01-15",
            endpoint="dcdn",
            calls_per_second=30,
            ram_action="dcdn:DescribeDcdnUserResourcePackage",
        ),
        StateInRefusal(RefusalPattern("dcdnservicenotfound"), NO_PACKAGES),
    ),
    resource_packages(
        "cdn",
        # https://help.aliyun.com/document_detail/91171.html
        Operation(
            action="DescribeCdnUserResourcePackage",
            version="2018-05-10",
            endpoint="cdn",
            calls_per_second=30,
            ram_action="cdn:DescribeCdnUserResourcePackage",
        ),
        StateInRefusal(RefusalPattern("cdnservicenotfound"), NO_PACKAGES),
        StateInRefusal(RefusalPattern("operationdenied", words=_CDN_NOT_OPEN_WORDS), NO_PACKAGES),
    ),
    plans(
        # https://www.alibabacloud.com/help/en/edge-security-acceleration/esa/api-esa-2024-09-10-listuserrateplaninstances
        # states no limit, nor does the next one; that of both is ours.
        Operation(
            action="ListUserRatePlanInstances",
            version="2024-09-10",
            endpoint="esa",
            calls_per_second=10,
            ram_action="esa:ListUserRatePlanInstances",
            method="GET",
            pages=_ESA_PAGES,
        ),
    ),
    postpaid_plans(
        # https://www.alibabacloud.com/help/en/edge-security-acceleration/esa/api-esa-2024-09-10-listpostpaidrateplaninstances
        Operation(
            action="ListPostpaidRatePlanInstances",
            version="2024-09-10",
            endpoint="esa",
            calls_per_second=10,
            ram_action="esa:ListPostpaidRatePlanInstances",
            method="GET",
            pages=_ESA_PAGES,
        ),
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *(kind.operation for kind in PROBES),
    GET_CALLER_IDENTITY,
    ASSUME_ROLE,
    LIST_ACCOUNTS,
)

# Those that an account can have; the balance belongs to the account, not to a product.
PRODUCTS: tuple[str, ...] = tuple(dict.fromkeys(kind.product for kind in PROBES if not kind.of_account))
# Keys of the configuration, each with a sentence that says what it is for.
SWITCHES: Mapping[str, str] = MappingProxyType(
    {kind.switch: kind.switch_help for kind in PROBES if kind.switch is not None}
)
# The products that a switch is for; not in it is one of the account itself.
SWITCH_PRODUCTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        switch: tuple(kind.product for kind in PROBES if kind.switch == switch)
        for switch in SWITCHES
        if not any(kind.of_account for kind in PROBES if kind.switch == switch)
    }
)
# The product and the switch that each operation needs; None: any account, no switch.
NEEDS: Mapping[str, tuple[str | None, str | None]] = MappingProxyType(
    {kind.operation.action: (None if kind.of_account else kind.product, kind.switch) for kind in PROBES}
)
# The key below `poll` of the interval, by switch, and by product for what is always polled of it.
INTERVALS: Mapping[str, str] = MappingProxyType({kind.switch or kind.product: kind.interval.value for kind in PROBES})
UNKNOWN_FIELDS: tuple[str, ...] = tuple(dict.fromkeys(field for kind in PROBES for field in kind.unknown_fields))


def kinds_for(products: Collection[str], switches: Collection[str]) -> list[AnyKind]:
    """What is polled for an account that has these products, and for which these switches are on."""
    return [
        kind
        for kind in PROBES
        if (kind.switch is None or kind.switch in switches) and (kind.of_account or kind.product in products)
    ]


def vendor_limits(operations: tuple[Operation, ...] = OPERATIONS) -> Mapping[str, int]:
    """Calls per second and account that the vendor allows, by action."""
    return MappingProxyType({operation.action: operation.calls_per_second for operation in operations})
