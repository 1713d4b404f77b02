import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter.activation import OPEN_CDN_SERVICE
from exporter.api.endpoints import SITES, endpoints
from exporter.api.errors import Refused
from exporter.api.operation import Access, Operation
from exporter.config import PRODUCTS as CONFIGURABLE_PRODUCTS
from exporter.config import Endpoints
from exporter.core.model import (
    LOCKED_FOR_SECURITY,
    NOT_ACTIVATED,
    NOT_ENABLED,
    Answer,
    FailureReason,
    Observation,
    ProbeKey,
    ServiceState,
    State,
)
from exporter.core.store import ProbeRecord
from exporter.metrics.families import STATE_FAMILIES
from exporter.metrics.visible_state import shown
from exporter.probes.table import (
    CDN_CHARGE_TYPES,
    DCDN_CHARGE_TYPES,
    OPERATIONS,
    PROBE_KINDS,
    PRODUCTS,
    ProbeKind,
    StateInRefusal,
    kinds_for,
    vendor_limits,
)
from exporter.simulator.operations import LIMITS as SIMULATED_LIMITS
from exporter.simulator.operations import OPERATIONS as SIMULATED_OPERATIONS

ROOT = Path(__file__).parents[2]
KINDS = {(kind.product, kind.probe): kind for kind in PROBE_KINDS}
IPA, DCDN, CDN = (KINDS[product, "service"] for product in ("dcdn_ipa", "dcdn", "cdn"))
IPA_DEBT, DCDN_DEBT, CDN_DEBT = (KINDS[product, "debt_status"] for product in ("dcdn_ipa", "dcdn", "cdn"))
BALANCE = KINDS["bss", "balance"]

each_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=f"{kind.product}-{kind.probe}") for kind in PROBE_KINDS]
)


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def sample_name(kind: ProbeKind) -> str:
    """The file of a sample answer, named after its action."""
    return "tests/payloads/" + re.sub(r"(?<!^)([A-Z])", r"_\1", kind.operation.action).lower() + ".json"


def sample(kind: ProbeKind) -> Mapping[str, Any]:
    payload: Mapping[str, Any] = json.loads(text_of(sample_name(kind)))
    return payload


def families_of(answer: Answer) -> list[str]:
    """The names of the families that show the state of such an answer."""
    record = ProbeRecord().after(Observation(1000.0, 0.1, answer))
    seen = shown(record, 1000.0, stale_after_s=600, documented_charge_types=())
    return [family.name for family in STATE_FAMILIES if isinstance(seen, family.of)]


def missing(kind: ProbeKind) -> dict[str, str]:
    """What else a row needs and has not got: what is missing, by the file where it belongs."""
    if not (ROOT / sample_name(kind)).exists():
        return {sample_name(kind): "a sample of the answer"}
    operation = kind.operation
    answer = kind.parse(sample(kind), None)
    link = rf"\[{operation.action}\]\(https://[^)]+\)"
    row = rf"^\| `{kind.product}` \| `{kind.probe}` \| {link} \| {operation.calls_per_second} calls per second"
    places = {
        "docs/metrics.md": (
            re.search(row, text_of("docs/metrics.md"), re.MULTILINE) is not None,
            "its line in the table of probes, with the limit",
        ),
        "docs/configuration.md": (
            f"`{kind.product}`" in text_of("docs/configuration.md"),
            "the product, or for the balance its endpoint",
        ),
        "exporter/config/models.py": (
            operation.endpoint in Endpoints.model_fields
            and (kind.product in CONFIGURABLE_PRODUCTS or kind.product not in PRODUCTS),
            "the product, and a key of the endpoint",
        ),
        "exporter/simulator/operations.py": (
            SIMULATED_LIMITS.get(operation.action) == operation.calls_per_second,
            "the operation, with the same limit",
        ),
        "exporter/probes/table.py": (
            all(operation.endpoint in endpoints(site) for site in SITES)
            and bool(kind.charge_types) == isinstance(answer.state, ServiceState),
            "the endpoint for every site, and the charge types of a service",
        ),
        "exporter/metrics/families.py": (families_of(answer) != [], "families that show such a state"),
    }
    return {file: what for file, (there, what) in places.items() if not there}


@each_kind
def test_a_row_is_at_home_everywhere(kind: ProbeKind) -> None:
    """A new row touches the catalogue; this names the places where the rest of it belongs."""
    assert missing(kind) == {}


@each_kind
def test_a_sample_of_its_answer_is_understood(kind: ProbeKind) -> None:
    """It is an answer without any value that the documentation would not name."""
    answer = kind.parse(sample(kind), "request-1")

    assert (answer.request_id, answer.unknown_values) == ("request-1", {})


def test_limits_are_the_vendors() -> None:
    """Calls per second and account are those of the vendor's pages, or below them where others share a limit.

    DescribeUserCdnStatus and QueryAccountBalance have none stated.
    """
    assert vendor_limits() == {
        "DescribeDcdnIpaService": 20,
        "DescribeDcdnService": 30,
        "DescribeCdnService": 30,
        "DescribeUserDcdnIpaStatus": 20,
        "DescribeUserDcdnStatus": 30,
        "DescribeUserCdnStatus": 20,
        "QueryAccountBalance": 10,
        "GetCallerIdentity": 100,
        "AssumeRole": 50,
        "ListAccounts": 20,
    }


def test_every_right_is_documented() -> None:
    """What the simulator denies to those who lack it stands, in the vendor's spelling, among the rights to give."""
    actions = {operation.action for operation in OPERATIONS}
    rights = {row.right.casefold() for row in SIMULATED_OPERATIONS if row.action in actions and row.right}
    _, _, chapter = text_of("docs/configuration.md").partition("\n## Rights\n")
    documented = re.findall(r"`(\w+:\w+)`", chapter.partition("\n## ")[0])
    assert {right.casefold() for right in documented} >= rights


def test_the_daemon_knows_reads_only() -> None:
    """No row changes an account: what it does not name has no budget in the daemon either."""
    assert {operation.access for operation in OPERATIONS} == {Access.READ}
    assert OPEN_CDN_SERVICE.access is Access.WRITE
    assert OPEN_CDN_SERVICE.calls_per_second == SIMULATED_LIMITS[OPEN_CDN_SERVICE.action]
    assert OPEN_CDN_SERVICE.action not in vendor_limits()


@pytest.mark.parametrize("operation", [pytest.param(operation, id=operation.action) for operation in OPERATIONS])
def test_every_operation_has_an_endpoint(operation: Operation) -> None:
    """One of the vendor's own on each site."""
    assert {operation.endpoint in endpoints(site) for site in SITES} == {True}


def test_sites_have_the_same_endpoints_at_addresses_of_their_own() -> None:
    """All are encrypted; where the vendor has another host abroad, it is that one."""
    china, international = (endpoints(site) for site in SITES)

    assert SITES == ("china", "international")
    assert set(china) == set(international) == {"dcdn", "cdn", "sts", "resource_directory", "bss"}
    assert {url.partition("//")[0] for site in SITES for url in endpoints(site).values()} == {"https:"}
    assert {name for name, url in china.items() if international[name] != url} == {"cdn", "resource_directory", "bss"}


def test_no_other_site_has_endpoints() -> None:
    """A site that nobody knows is a defect."""
    with pytest.raises(KeyError):
        endpoints("moon")


def test_every_configured_endpoint_is_known() -> None:
    """No key of the configuration is left over."""
    assert set(Endpoints.model_fields) <= set(endpoints("china"))


def test_rows_have_names_of_their_own() -> None:
    """Two rows of the same product and probe would share their series."""
    assert len(KINDS) == len(PROBE_KINDS)
    assert IPA.key("prod") == ProbeKey(account="prod", product="dcdn_ipa", probe="service")


def test_no_two_probes_of_an_account_show_the_same_families() -> None:
    """Else one of its products, or the account, would have a series twice."""
    by_product = [
        (kind.product, family) for kind in PROBE_KINDS for family in families_of(kind.parse(sample(kind), None))
    ]

    assert len(by_product) == len(set(by_product))


@pytest.mark.parametrize(
    ("products", "debt_status", "balance", "kinds"),
    [
        pytest.param(["dcdn_ipa"], False, False, [IPA], id="one product"),
        pytest.param(["cdn", "dcdn_ipa"], False, False, [IPA, CDN], id="two, in the order of the rows"),
        pytest.param(["dcdn", "cdn"], True, False, [DCDN, CDN, DCDN_DEBT, CDN_DEBT], id="debts of each"),
        pytest.param(["dcdn_ipa"], False, True, [IPA, BALANCE], id="the balance of the account"),
        pytest.param(list(PRODUCTS), True, True, list(PROBE_KINDS), id="everything"),
    ],
)
def test_an_account_has_the_probes_that_it_asks_for(
    products: list[str],
    debt_status: bool,  # noqa: FBT001 - a row's fact
    balance: bool,  # noqa: FBT001 - a row's fact
    kinds: list[ProbeKind],
) -> None:
    """Services always, debts of the same products, and one balance whatever the products are."""
    assert kinds_for(products, debt_status=debt_status, balance=balance) == kinds


def test_products_are_in_the_order_of_their_rows() -> None:
    """The configuration, which knows none of the other parts, offers no product that nobody polls."""
    assert PRODUCTS == ("dcdn_ipa", "dcdn", "cdn")
    assert set(CONFIGURABLE_PRODUCTS) <= set(PRODUCTS)


@each_kind
def test_documented_charge_types_differ_in_more_than_case(kind: ProbeKind) -> None:
    """They are recognised in any case, so that two of them must not fall together."""
    assert len({charge_type.casefold() for charge_type in kind.charge_types}) == len(kind.charge_types)


@each_kind
def test_a_row_parses_with_its_own_charge_types(kind: ProbeKind) -> None:
    """What the row documents, its parse function knows."""
    for charge_type in kind.charge_types:
        answer = kind.parse({"InternetChargeType": charge_type}, "request-1")
        assert answer.unknown_values == {}


def test_charge_types_are_those_of_the_product() -> None:
    """CDN documents two of the seven."""
    assert [kind.charge_types for kind in (IPA, DCDN, CDN)] == [
        DCDN_CHARGE_TYPES,
        DCDN_CHARGE_TYPES,
        CDN_CHARGE_TYPES,
    ]
    assert set(CDN_CHARGE_TYPES) < set(DCDN_CHARGE_TYPES)


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
    ],
)
def test_a_refusal_may_be_a_state(kind: ProbeKind, code: str, message: str | None, state: State) -> None:
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
        pytest.param(BALANCE, "NotApplicable", None, FailureReason.REJECTED, id="no balance"),
        pytest.param(BALANCE, "NotAuthorized", None, FailureReason.PERMISSION, id="no right to the balance"),
        pytest.param(IPA, "", None, FailureReason.REJECTED, id="an empty code"),
        pytest.param(IPA, None, SECURITY, FailureReason.REJECTED, id="no code"),
    ],
)
def test_any_other_refusal_is_a_failure(
    kind: ProbeKind, code: str | None, message: str | None, reason: FailureReason
) -> None:
    """Another product's code, another message, or none at all says nothing of this one."""
    refusal = Refused("no", code=code, http_status=403, message=message)

    assert (kind.state_in_refusal(refusal), refusal.reason) == (None, reason)


def test_no_code_stands_for_no_state() -> None:
    """Else every error page of a proxy would."""
    with pytest.raises(ValueError, match="without a code"):
        StateInRefusal("", NOT_ACTIVATED)


@pytest.mark.parametrize(("code", "words"), [("DcdnServiceNotFound", ""), ("operationdenied", "Locked")])
def test_what_could_never_match_is_refused(code: str, words: str) -> None:
    """A row with capital letters would silently turn a state into a failure."""
    with pytest.raises(ValueError, match="case-folded"):
        StateInRefusal(code, NOT_ACTIVATED, words=words)
