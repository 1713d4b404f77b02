"""The operations that are simulated: a table of rows, and the function behind each row.

A new operation is one row and one function. Those of STS, of the resource directory and of inventories have files of
their own.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from exporter.simulator.call import Call, Caller, required_parameter
from exporter.simulator.certificates import CERTIFICATES, count_expiring
from exporter.simulator.directory import list_members
from exporter.simulator.domains import DOMAIN_PRODUCTS, DOMAINS, list_user_domains
from exporter.simulator.errors import REFUSALS, GatewayError
from exporter.simulator.esa import PLANS, list_plans_of
from exporter.simulator.faults import Fault
from exporter.simulator.operation import Operation, activated_service, service_of
from exporter.simulator.packages import RESOURCE_PACKAGES, describe_packages
from exporter.simulator.state import COMPONENTS, Balance, Component, Debt, ServiceState, written
from exporter.simulator.sts import assume_role, assume_role_with_oidc, describe_identity, describe_principal

Billed = TypeVar("Billed", ServiceState, Component)

_COMPONENT_FIELDS: Final = {
    "websocket": ("WebsocketType", "WebsocketChangingType", "WebsocketChangingTime"),
    "dynamic": ("DynamicBillingType", "ChangingDynamicBillingType", None),
}
"""The fields of a component's method, of the one to come, and of when; None: there is none."""
_OPENED_PRODUCT: Final = "cdn"
_OPENED_CHARGE_TYPES: Final = ("PayByTraffic",)
_UNPAID: Final = "financial"


def describe_service(call: Call, *, product: str) -> dict[str, object]:
    """Return the state of the caller's service; that it is not activated is a refusal."""
    state = activated_service(call, product)
    if state.denied_for_security:
        raise GatewayError("OperationDenied", "The resource is locked for security reasons.")
    return describe(state, product=product, now=call.now)


def describe_secure_service(call: Call) -> dict[str, object]:
    """Return the state of the caller's secure DCDN, which ends.

    ```json
    {"InstanceId": "dcdn_dcdnsec_public_cn-123***", "StartTime": "2021-08-26T02:52:08Z",
     "EndTime": "2021-09-26T16:00:00Z", "InternetChargeType": "PayByTraffic", "FlowType": "PayBySecTraffic",
     "RequestType": "PayBySecRequest", "Version": "enterprise", "DomainNum": "130",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]}}
    ```
    A change is described as that of other services.
    https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnsecservice
    (read 2026-11-29).
    """
    answer = describe_service(call, product="dcdn_sec")
    answer["StartTime"] = answer.pop("OpeningTime")
    billed_by = {"FlowType": "PayBySecTraffic", "RequestType": "PayBySecRequest"}
    end_time = service_of(call, "dcdn_sec").end_time
    return {**answer, "EndTime": end_time, **billed_by, "Version": "enterprise", "DomainNum": "130"}


def describe_user_status(call: Call, *, product: str) -> dict[str, object]:
    """Return whether the caller's service is activated and paid for; that it is not is no refusal."""
    return describe_status(service_of(call, product), call.moment.debts.get(product, Debt()))


def open_cdn_service(call: Call) -> dict[str, object]:
    """Activate the caller's CDN; what it was billed by and when it began is what DescribeCdnService shows then."""
    charge_type = required_parameter(call.parameters, "InternetChargeType")
    if charge_type not in _OPENED_CHARGE_TYPES:
        raise _refused("invalid_charge_type")
    if _OPENED_PRODUCT in call.moment.not_shown_yet or service_of(call, _OPENED_PRODUCT).activated:
        raise _refused("already_open")
    if call.moment.opening.refusal is not None:
        raise _refused(call.moment.opening.refusal)
    state = ServiceState(
        charge_type=charge_type,
        opening_time=written(call.now),
        instance_id=call.caller.account.account_id,
    )
    call.activate(_OPENED_PRODUCT, state)
    return {}


def _refused(name: str) -> GatewayError:
    return GatewayError(*REFUSALS[name])


def settled(billed: Billed, *, now: float) -> Billed:
    """Return what is billed with its change carried out if that is due; `now` is Unix time."""
    if billed.change is None or now < billed.change.at_unix:
        return billed
    return replace(billed, charge_type=billed.change.charge_type, change=None)


def describe(state: ServiceState, *, product: str, now: float) -> dict[str, object]:
    """Return the answer for an activated service, less its RequestId; `now` is Unix time.

    ```json
    {"InstanceId": "1883927335936173", "OpeningTime": "2018-03-19T11:16:11Z", "InternetChargeType": "PayByTraffic",
     "OperationLocks": {"LockReason": [{"LockReason": "financial"}]},
     "ChangingChargeType": "PayByBandwidth", "ChangingAffectTime": "2018-03-31T16:00:00Z"}
    ```
    The last two only while a change is pending. An unlocked service has an empty list: the vendor shows no sample of
    it, the gateway's other lists look like that. Components of the product have fields of their own, the method to
    come and its moment also only while that is pending.
    https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-describedcdnipaservice
    (read 2026-11-22).
    """
    state = settled(state, now=now)
    answer: dict[str, object] = {
        "InstanceId": state.instance_id,
        "OpeningTime": state.opening_time,
        "InternetChargeType": state.charge_type,
        "OperationLocks": {"LockReason": [{"LockReason": reason} for reason in state.locks]},
    }
    if state.change is not None:
        answer["ChangingChargeType"] = state.change.charge_type
        answer["ChangingAffectTime"] = written(state.change.at_unix)
    for name, usual in COMPONENTS.get(product, {}).items():
        component = settled(state.components.get(name, Component()), now=now)
        charge_type, next_charge_type, affect_time = _COMPONENT_FIELDS[name]
        answer[charge_type] = usual if component.charge_type is None else component.charge_type
        if component.change is not None:
            answer[next_charge_type] = component.change.charge_type
            if affect_time is not None:
                answer[affect_time] = written(component.change.at_unix)
    return answer


def describe_status(service: ServiceState, debt: Debt) -> dict[str, object]:
    """Return the answer of the DescribeUser...Status operations, less its RequestId.

    ```json
    {"Enabled": true, "OnService": true, "InDebt": false, "InDebtOverdue": false}
    ```
    How a lock and the debt hang together is not documented; that a financial lock means overdue and off service is
    our reading. A service that was never activated is answered too, as not enabled.
    https://help.aliyun.com/document_detail/130616.html (read 2026-11-22).
    """
    enabled = service.activated if debt.enabled is None else debt.enabled
    locked_unpaid = enabled and any(reason.strip().lower() == _UNPAID for reason in service.locks)
    overdue = locked_unpaid and debt.in_debt is not False if debt.in_debt_overdue is None else debt.in_debt_overdue
    in_debt = overdue if debt.in_debt is None else debt.in_debt
    in_service = enabled and not service.locks and not overdue
    return {
        "Enabled": enabled,
        "OnService": in_service if debt.on_service is None else debt.on_service,
        "InDebt": in_debt,
        "InDebtOverdue": overdue,
    }


def query_balance(call: Call) -> dict[str, object]:
    """Return the caller's balance, which the hosts of the other site refuse."""
    if call.other_site:
        raise GatewayError("NotApplicable", "This API is not applicable for caller.")
    return describe_balance(call.moment.balance)


def describe_balance(balance: Balance) -> dict[str, object]:
    """Return the answer of QueryAccountBalance, less its RequestId; every amount in it is a text.

    https://help.aliyun.com/document_detail/472991.html (read 2026-11-22).
    """
    return {
        "Code": "200",
        "Message": "success",
        "Success": True,
        "Data": {
            "AvailableAmount": balance.available_amount,
            "AvailableCashAmount": balance.available_amount,
            "CreditAmount": "0.00",
            "MybankCreditAmount": "0.00",
            "QuotaLimit": "0.00",
            "Currency": balance.currency,
        },
    }


def _row(
    action: str, version: str, product: str, calls_per_second: int, answer: Callable[[Call], dict[str, object]]
) -> Operation:
    return Operation(action, version, product, calls_per_second, answer, right=f"{product.lower()}:{action}")


_DCDN: Final = "2018-01-15"
_CDN: Final = "2018-05-10"
_STS: Final = "2015-04-01"
_ESA: Final = "2024-09-10"
# Limits are the vendor's, each on the operation's own page, but some that are on none: for those of
# DescribeUserCdnStatus and QueryAccountBalance the lowest of their neighbours stands, for those of ESA ours.
OPERATIONS: Final[tuple[Operation, ...]] = (
    _row("DescribeDcdnIpaService", _DCDN, "dcdn", 20, partial(describe_service, product="dcdn_ipa")),
    _row("DescribeDcdnService", _DCDN, "dcdn", 30, partial(describe_service, product="dcdn")),
    _row("DescribeCdnService", _CDN, "Cdn", 30, partial(describe_service, product="cdn")),
    _row("DescribeUserDcdnIpaStatus", _DCDN, "dcdn", 20, partial(describe_user_status, product="dcdn_ipa")),
    _row("DescribeUserDcdnStatus", _DCDN, "dcdn", 30, partial(describe_user_status, product="dcdn")),
    _row("DescribeUserCdnStatus", _CDN, "Cdn", 20, partial(describe_user_status, product="cdn")),
    _row("DescribeDcdnsecService", _DCDN, "dcdn", 20, describe_secure_service),
    # 100 by their own pages, 50 by that of the quotas for their neighbours: the lower one counts.
    _row("DescribeDcdnUserCertificateExpireCount", _DCDN, "dcdn", 50, partial(count_expiring, product="dcdn")),
    _row("DescribeUserCertificateExpireCount", _CDN, "Cdn", 50, partial(count_expiring, product="cdn")),
    # The page of DescribeDcdnUserDomains says 80, that of the quotas 30.
    _row("DescribeDcdnIpaUserDomains", _DCDN, "dcdn", 30, partial(list_user_domains, product="dcdn_ipa")),
    _row("DescribeDcdnUserDomains", _DCDN, "dcdn", 30, partial(list_user_domains, product="dcdn")),
    _row("DescribeUserDomains", _CDN, "Cdn", 100, partial(list_user_domains, product="cdn")),
    _row("DescribeDcdnUserResourcePackage", _DCDN, "dcdn", 30, partial(describe_packages, product="dcdn")),
    _row("DescribeCdnUserResourcePackage", _CDN, "Cdn", 30, partial(describe_packages, product="cdn")),
    Operation("OpenCdnService", _CDN, "Cdn", 5, open_cdn_service, right="cdn:OpenCdnService", writes=True),
    # Three c: https://help.aliyun.com/document_detail/472991.html (read 2026-11-22).
    Operation(
        "QueryAccountBalance",
        "2017-12-14",
        "BssOpenApi",
        10,
        query_balance,
        right="bss:DescribeAcccount",
    ),
    _row("ListUserRatePlanInstances", _ESA, "ESA", 10, partial(list_plans_of, postpaid=False)),
    _row("ListPostpaidRatePlanInstances", _ESA, "ESA", 10, partial(list_plans_of, postpaid=True)),
    Operation(
        "ListAccounts",
        "2022-04-19",
        "ResourceDirectoryMaster",
        20,
        lambda call: list_members(call.moment.members, call.parameters),
        right="resourcemanager:ListAccounts",
        denied_code="NoPermission",
    ),
    Operation("GetCallerIdentity", _STS, "Sts", 100, lambda call: describe_identity(call.caller), right=None),
    Operation("AssumeRole", _STS, "Sts", 100, assume_role, right="sts:AssumeRole", denied_code="NoPermission"),
    Operation("AssumeRoleWithOIDC", _STS, "Sts", 100, assume_role_with_oidc, right=None, signed=False),
)
INVENTORIES: Final[Mapping[str, tuple[str, ...]]] = {
    CERTIFICATES: ("dcdn", "cdn"),
    DOMAINS: DOMAIN_PRODUCTS,
    RESOURCE_PACKAGES: ("dcdn", "cdn"),
    PLANS: (),
}
"""What an account can have beside services: the keys of a step, each with its products; () is one of the account."""
LIMITS: Final[Mapping[str, int]] = {row.action: row.calls_per_second for row in OPERATIONS}
"""Calls per second and account, by action."""
DENIABLE: Final[tuple[str, ...]] = tuple(row.action for row in OPERATIONS if row.right is not None)
"""The actions that a RAM policy can lack."""

WRITES: Final[frozenset[str]] = frozenset(row.action for row in OPERATIONS if row.writes)
"""The actions that change an account."""
CREDENTIALS_URI: Final = "CredentialsUri"
ECS_METADATA: Final = "EcsMetadata"
"""The names in the journal and in faults of the two services outside of the API that issue credentials."""
_FAULT_TARGETS: Final = (*LIMITS, CREDENTIALS_URI, ECS_METADATA)


def find_operation(action: str, version: str) -> Operation:
    """Return the row of an action; raises GatewayError if there is none of that name and version."""
    if version not in {row.version for row in OPERATIONS}:
        raise GatewayError("NoSuchVersion", f"Specified version does not exist: {version}.")
    for row in OPERATIONS:
        if row.action == action and row.version == version:
            return row
    message = "Specified api is not found, please check your url and method."
    raise GatewayError("InvalidAction.NotFound", message)


def lacking_right(operation: Operation, caller: Caller) -> GatewayError:
    """Return the refusal of a caller whose RAM policy does not allow the operation.

    Its details: https://help.aliyun.com/zh/ram/developer-reference/api-ram-2015-05-01-decodediagnosticmessage
    (read 2026-11-29).
    """
    message = "User not authorized to operate on the specified resource, or this API doesn't support RAM."
    detail = {
        "AuthAction": str(operation.right),
        **describe_principal(caller),
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "EncodedDiagnosticMessage": f"AQEAAAAA{base64.b64encode(str(operation.right).encode()).decode()}",
    }
    return GatewayError(operation.denied_code, message, access_denied_detail=detail)


def checked_fault(fault: Fault) -> Fault:
    """Return a fault; raises ValueError for one of an action that does not exist: it would never be played."""
    if fault.action is not None and fault.action not in _FAULT_TARGETS:
        raise ValueError(f"the action of a fault is {fault.action!r}; accepted: {', '.join(_FAULT_TARGETS)}")
    return fault
