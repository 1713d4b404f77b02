"""The accounts that the vendor's clients see, and the answers that are right for them."""

from __future__ import annotations

from typing import Any

from exporter.simulator import (
    Account,
    Balance,
    Debt,
    Member,
    PlannedService,
    Role,
    Scenario,
    ServiceState,
    Step,
)

VERSIONS = {
    "DescribeDcdnIpaService": "2018-01-15",
    "DescribeDcdnService": "2018-01-15",
    "DescribeUserDcdnIpaStatus": "2018-01-15",
    "DescribeUserDcdnStatus": "2018-01-15",
    "DescribeCdnService": "2018-05-10",
    "DescribeUserCdnStatus": "2018-05-10",
    "OpenCdnService": "2018-05-10",
    "QueryAccountBalance": "2017-12-14",
    "ListAccounts": "2022-04-19",
    "AssumeRole": "2015-04-01",
    "AssumeRoleWithOIDC": "2015-04-01",
    "GetCallerIdentity": "2015-04-01",
}
LIMITS = {"DescribeUserCdnStatus": 2, "DescribeUserDcdnStatus": 2}
MEMBERS = {f"10000000000001{number:02}": f"商店 {number}: a+b*c~d/(e)" for number in range(23)}
"""Names by id, with everything that an encoding can get wrong."""
TAGGED, TAGS = "1000000000000117", {"team": "视频 & more"}

PROD = Account(
    "prod",
    "1883927335936173",
    "LTAI5tProd",
    "secret-of-prod",
    ram_user="exporter",
    timeline=(
        Step(
            services={
                "dcdn_ipa": PlannedService(
                    ServiceState(charge_type="PayByBandwidth95", locks=("financial", "security"), instance_id="ipa-1")
                ),
                "dcdn": PlannedService(ServiceState(charge_type="PayByTraffic", instance_id="dcdn-1")),
                "cdn": PlannedService(
                    ServiceState(charge_type="PayByBandwidth", opening_time="2015-12-10T20:00Z", instance_id="cdn-1")
                ),
            },
            debts={"dcdn": Debt(in_debt=True)},
            balance=Balance("-1,011.19", "USD"),
            members=tuple(
                Member(account_id, name, tags=TAGS if account_id == TAGGED else {})
                for account_id, name in MEMBERS.items()
            ),
        ),
    ),
)
SHOP = Account(
    "shop",
    "1000000000000301",
    "LTAI5tShop",
    "secret-of-shop",
    roles=(
        Role("reader", (PROD.account_id,), external_id="order=7&more+1"),
        Role("pod", ("oidc-provider/cluster",)),
    ),
)
EMPTY = Account(
    "empty", "1000000000000302", "LTAI5tEmpty", "secret-of-empty", site="international", timeline=(Step(),)
)
SCENARIO = Scenario("what the vendor's clients see", (PROD, SHOP, EMPTY))

ANSWERS: dict[str, dict[str, Any]] = {
    "DescribeDcdnIpaService": {
        "InstanceId": "ipa-1",
        "OpeningTime": "2018-03-19T11:16:11Z",
        "InternetChargeType": "PayByBandwidth95",
        "OperationLocks": {"LockReason": [{"LockReason": "financial"}, {"LockReason": "security"}]},
    },
    "DescribeDcdnService": {
        "InstanceId": "dcdn-1",
        "OpeningTime": "2018-03-19T11:16:11Z",
        "InternetChargeType": "PayByTraffic",
        "OperationLocks": {"LockReason": []},
        "WebsocketType": "websockettraffic",
    },
    "DescribeCdnService": {
        "InstanceId": "cdn-1",
        "OpeningTime": "2015-12-10T20:00Z",
        "InternetChargeType": "PayByBandwidth",
        "OperationLocks": {"LockReason": []},
    },
    "DescribeUserDcdnIpaStatus": {"Enabled": True, "OnService": False, "InDebt": True, "InDebtOverdue": True},
    "DescribeUserDcdnStatus": {"Enabled": True, "OnService": True, "InDebt": True, "InDebtOverdue": False},
    "DescribeUserCdnStatus": {"Enabled": True, "OnService": True, "InDebt": False, "InDebtOverdue": False},
    "QueryAccountBalance": {
        "Code": "200",
        "Message": "success",
        "Success": True,
        "Data": {
            "AvailableAmount": "-1,011.19",
            "AvailableCashAmount": "-1,011.19",
            "CreditAmount": "0.00",
            "MybankCreditAmount": "0.00",
            "QuotaLimit": "0.00",
            "Currency": "USD",
        },
    },
}
"""What the key of prod gets, less the RequestId."""
IDENTITY_OF_SESSION = {
    "IdentityType": "AssumedRoleUser",
    "AccountId": SHOP.account_id,
    "Arn": f"acs:ram::{SHOP.account_id}:assumed-role/reader/exporter@host-1",
}
# The vendor's words: help pages doc-detail/131648 (dcdn), doc-detail/91171 (cdn), and DescribeDcdnIpaService's own.
NOT_ACTIVATED = {
    "DescribeDcdnIpaService": ("DcdnIpaServiceNotFound", "The DCDN IPA service has not been activated."),
    "DescribeDcdnService": ("DcdnServiceNotFound", "The DCDN service is not activated."),
    "DescribeCdnService": ("CdnServiceNotFound", "Your account does not open CDN service yet."),
}
_CHARGE_TYPE_REFUSED = "The specified value of parameter InternetChargeType is not valid."
_OWNER_MISSING = (
    "The input parameter OwnerId or OwnerAccount that is mandatory for processing this request is not supplied."
)
# https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-opencdnservice, in its order: the
# simulator's name for it (none, where the call itself brings it about), status, code, message.
OPENING_REFUSALS: tuple[tuple[str, int, str, str], ...] = (
    ("", 400, "InvalidInternetChargeType.ValueNotSupported", _CHARGE_TYPE_REFUSED),
    ("", 400, "CdnService.HasOpened", "Your cdn service has opened."),
    ("insufficient_balance", 400, "InsufficientBalance", "Your account does not have enough balance."),
    ("no_real_name", 400, "NoRealNameAuthentication", "Real name authentication is needed."),
    ("invalid_pay_method", 400, "VertifyFailInvalidPayMethod", "INVALID PAY METHOD"),
    ("incomplete_profile", 400, "VertifyFailUserProfileComplete", "MISSING USERPROFILE"),
    ("order_failed", 400, "CreateOrderFailed", "Create order failed"),
    ("order_query_failed", 400, "QueryInfoError", "Create order failed"),
    ("owner_missing", 400, "MissingParameter", _OWNER_MISSING),
    ("order_failed_with_full_stop", 400, "CreateOrderFailed", "Create order failed."),
    ("order_account_query_failed", 400, "CreateOrderFailed", "Query account info error."),
    ("order_charge_type_refused", 400, "CreateOrderFailed", _CHARGE_TYPE_REFUSED),
    ("international_user", 403, "Forbidden.IntlUser", "User not authorized to open Intl service."),
    ("bid_user", 403, "Forbidden.BidUser", "Bid user is limited to open service."),
)
