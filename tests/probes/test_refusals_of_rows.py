"""Which refusals of which rows are states."""

import pytest

from exporter.api.errors import Refused
from exporter.core.model import Answer, FailureReason, State
from exporter.probes.debt_status import NOT_ENABLED
from exporter.probes.domains import NO_DOMAINS
from exporter.probes.kind import AnyKind
from exporter.probes.resource_package_state import NO_PACKAGES
from exporter.probes.service_state import LOCKED_FOR_SECURITY, NOT_ACTIVATED
from exporter.probes.table import PROBES

KINDS = {(kind.product, kind.probe): kind for kind in PROBES}
IPA, DCDN, CDN = (KINDS[product, "service"] for product in ("dcdn_ipa", "dcdn", "cdn"))
IPA_DEBT, DCDN_DEBT, CDN_DEBT = (KINDS[product, "debt_status"] for product in ("dcdn_ipa", "dcdn", "cdn"))
BALANCE = KINDS["bss", "balance"]
SECURE = KINDS["dcdn_sec", "service"]
IPA_DOMAINS, DCDN_DOMAINS, CDN_DOMAINS = (KINDS[product, "domains"] for product in ("dcdn_ipa", "dcdn", "cdn"))
DCDN_PACKAGES, CDN_PACKAGES = (KINDS[product, "resource_packages"] for product in ("dcdn", "cdn"))
PLANS = (KINDS["esa", "plans"], KINDS["esa", "postpaid_plans"])

NOT_OPEN = "Your account does not open CDN service yet."
SECURITY = "Your account or the resource is locked for security reasons."


@pytest.mark.parametrize(
    ("kind", "code", "message", "state"),
    [
        pytest.param(IPA, "DcdnIpaServiceNotFound", None, NOT_ACTIVATED, id="ipa"),
        pytest.param(IPA, "DcdnipaServiceNotFound", "", NOT_ACTIVATED, id="ipa in another spelling"),
        pytest.param(IPA, "DCDNIPASERVICENOTFOUND", "any", NOT_ACTIVATED, id="ipa in capitals"),
        pytest.param(IPA, "OperationDenied", SECURITY, LOCKED_FOR_SECURITY, id="ipa locked"),
        pytest.param(DCDN, "DcdnServiceNotFound", None, NOT_ACTIVATED, id="dcdn"),
        pytest.param(DCDN, "OperationDenied", SECURITY, LOCKED_FOR_SECURITY, id="dcdn locked"),
        pytest.param(CDN, "CdnServiceNotFound", None, NOT_ACTIVATED, id="cdn"),
        pytest.param(CDN, "OperationDenied", NOT_OPEN, NOT_ACTIVATED, id="cdn by its message"),
        pytest.param(CDN, "operationdenied", NOT_OPEN.upper(), NOT_ACTIVATED, id="cdn by its message, in any case"),
        pytest.param(CDN, "OperationDenied", SECURITY, LOCKED_FOR_SECURITY, id="cdn locked"),
        pytest.param(IPA_DEBT, "DcdnIpaServiceNotFound", None, NOT_ENABLED, id="ipa debts"),
        pytest.param(DCDN_DEBT, "DcdnServiceNotFound", None, NOT_ENABLED, id="dcdn debts"),
        pytest.param(CDN_DEBT, "CdnServiceNotFound", None, NOT_ENABLED, id="cdn debts"),
        pytest.param(CDN_DEBT, "OperationDenied", NOT_OPEN, NOT_ENABLED, id="cdn debts by the message"),
        pytest.param(IPA_DOMAINS, "DcdnIpaServiceNotFound", None, NO_DOMAINS, id="ipa domains"),
        pytest.param(DCDN_DOMAINS, "DcdnServiceNotFound", None, NO_DOMAINS, id="dcdn domains"),
        pytest.param(CDN_DOMAINS, "CdnServiceNotFound", None, NO_DOMAINS, id="cdn domains"),
        pytest.param(CDN_DOMAINS, "OperationDenied", NOT_OPEN, NO_DOMAINS, id="cdn domains by the message"),
        pytest.param(DCDN_PACKAGES, "DcdnServiceNotFound", None, NO_PACKAGES, id="dcdn packages"),
        pytest.param(CDN_PACKAGES, "CdnServiceNotFound", None, NO_PACKAGES, id="cdn packages"),
        pytest.param(CDN_PACKAGES, "OperationDenied", NOT_OPEN, NO_PACKAGES, id="cdn packages by the message"),
    ],
)
def test_a_refusal_may_be_a_state(kind: AnyKind, code: str, message: str | None, state: State) -> None:
    """The code decides, in any case, and the message where the code has two meanings."""
    refusal = Refused("no", code=code, http_status=403, request_id="request-1", message=message)

    assert kind.state_in_refusal(refusal) == Answer(state=state, request_id="request-1")


@pytest.mark.parametrize(
    ("kind", "code", "message", "reason"),
    [
        pytest.param(IPA, "DcdnServiceNotFound", None, FailureReason.REJECTED, id="another product"),
        pytest.param(DCDN, "DcdnIpaServiceNotFound", None, FailureReason.REJECTED, id="a part of the product"),
        pytest.param(DCDN, "OperationDenied", NOT_OPEN, FailureReason.REJECTED, id="CDN, of no concern to DCDN"),
        pytest.param(
            CDN, "OperationDenied", "Your account is in arrears.", FailureReason.REJECTED, id="a third meaning"
        ),
        pytest.param(CDN, "OperationDenied", None, FailureReason.REJECTED, id="no message"),
        pytest.param(CDN, "OperationDenied.Other", NOT_OPEN, FailureReason.REJECTED, id="another code"),
        pytest.param(CDN, "Forbidden.RAM", NOT_OPEN, FailureReason.PERMISSION, id="no right to ask"),
        pytest.param(
            CDN_DEBT, "OperationDenied", SECURITY, FailureReason.REJECTED, id="a lock, of no concern to debts"
        ),
        pytest.param(
            CDN_DOMAINS, "DcdnServiceNotFound", None, FailureReason.REJECTED, id="domains of another product"
        ),
        pytest.param(CDN_DOMAINS, "OperationDenied", SECURITY, FailureReason.REJECTED, id="a lock, not of domains"),
        pytest.param(
            DCDN_PACKAGES, "CdnServiceNotFound", None, FailureReason.REJECTED, id="packages of another product"
        ),
        pytest.param(BALANCE, "NotApplicable", None, FailureReason.REJECTED, id="no balance"),
        pytest.param(BALANCE, "NotAuthorized", None, FailureReason.PERMISSION, id="no right to the balance"),
        pytest.param(PLANS[0], "TooManyRequests", None, FailureReason.THROTTLED, id="too many calls for plans"),
        pytest.param(PLANS[1], "Site.ServiceBusy", None, FailureReason.THROTTLED, id="plans while ESA is busy"),
        pytest.param(IPA, "", None, FailureReason.REJECTED, id="an empty code"),
        pytest.param(IPA, None, SECURITY, FailureReason.REJECTED, id="no code"),
    ],
)
def test_any_other_refusal_is_a_failure(
    kind: AnyKind, code: str | None, message: str | None, reason: FailureReason
) -> None:
    """Another product's code, another message, or none at all says nothing of this one."""
    refusal = Refused("no", code=code, http_status=403, message=message)

    assert (kind.state_in_refusal(refusal), refusal.reason) == (None, reason)
