from pathlib import Path

import pytest

from exporter.aliyun.errors import Refused
from exporter.aliyun.operation import Access, Operation
from exporter.catalogue import (
    DCDN_CHARGE_TYPES,
    ENDPOINTS,
    OPERATIONS,
    PROBE_KINDS,
    PRODUCTS,
    ProbeKind,
    vendor_limits,
)
from exporter.config import PRODUCTS as CONFIGURABLE_PRODUCTS
from exporter.config import Endpoints
from exporter.model import NOT_ACTIVATED, Answer, ProbeKey
from exporter.service_answer import parse_service
from exporter.simulator.operations import LIMITS as SIMULATED_LIMITS

DOCS = Path(__file__).parent.parent / "docs"
IPA = PROBE_KINDS[0]

each_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=f"{kind.product}-{kind.probe}") for kind in PROBE_KINDS]
)


def test_limits_are_the_vendors() -> None:
    """Calls per second and account, as the vendor's pages state them."""
    assert vendor_limits() == {"DescribeDcdnIpaService": 20, "GetCallerIdentity": 100}


def test_the_daemon_knows_reads_only() -> None:
    """No row changes an account."""
    assert {operation.access for operation in OPERATIONS} == {Access.READ}


@pytest.mark.parametrize("operation", [pytest.param(operation, id=operation.action) for operation in OPERATIONS])
def test_every_operation_has_an_endpoint(operation: Operation) -> None:
    """The vendor's own is https, and the configuration can name another."""
    assert ENDPOINTS[operation.endpoint].startswith("https://")
    assert operation.endpoint in Endpoints.model_fields


def test_every_endpoint_serves_an_operation() -> None:
    """No address is left over in the table, and each can be set in the configuration."""
    in_use = {operation.endpoint for operation in OPERATIONS}

    assert set(ENDPOINTS) == in_use
    assert in_use <= set(Endpoints.model_fields)


def test_rows_have_names_of_their_own() -> None:
    """Two rows of the same product and probe would share their series."""
    assert len({kind.key("prod") for kind in PROBE_KINDS}) == len(PROBE_KINDS)
    assert IPA.key("prod") == ProbeKey(account="prod", product="dcdn_ipa", probe="service")


def test_the_configuration_offers_every_product() -> None:
    """The two lists of products are written apart, as the configuration knows none of the other parts."""
    assert set(PRODUCTS) <= set(CONFIGURABLE_PRODUCTS)


@each_kind
def test_a_new_row_is_complete(kind: ProbeKind) -> None:
    """What else a row needs: a place in the simulator, and its product and operation in the documentation."""
    documentation = (DOCS / "configuration.md").read_text(encoding="utf-8")
    metrics = (DOCS / "metrics.md").read_text(encoding="utf-8")

    assert SIMULATED_LIMITS[kind.operation.action] == kind.operation.calls_per_second
    assert f"`{kind.product}`" in documentation
    assert kind.operation.action in documentation
    assert f"`{kind.product}`" in metrics
    assert f"`{kind.probe}`" in metrics
    assert kind.operation.action in metrics


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


@pytest.mark.parametrize(
    "code", ["DcdnIpaServiceNotFound", "DcdnipaServiceNotFound", "DCDNIPASERVICENOTFOUND", "dcdnipaservicenotfound"]
)
def test_not_activated_is_a_state_in_any_case(code: str) -> None:
    """The vendor's code for it is seen in more than one spelling."""
    refusal = Refused("not activated", code=code, http_status=403, request_id="request-1")

    assert IPA.state_in_refusal(refusal) == Answer(state=NOT_ACTIVATED, request_id="request-1")


@pytest.mark.parametrize("code", ["DcdnServiceNotFound", "Forbidden.RAM", "ServiceNotFound", "", None])
def test_any_other_refusal_is_a_failure(code: str | None) -> None:
    """Another product's code, or none at all, says nothing of this one."""
    assert IPA.state_in_refusal(Refused("no", code=code, http_status=403)) is None


def test_codes_that_could_never_match_are_refused() -> None:
    """A row with capital letters in a code would silently turn a state into a failure."""
    with pytest.raises(ValueError, match="case-folded"):
        ProbeKind(
            product="dcdn_ipa",
            probe="service",
            operation=IPA.operation,
            not_activated_codes=frozenset({"DcdnIpaServiceNotFound"}),
            charge_types=DCDN_CHARGE_TYPES,
            parse=lambda payload, request_id: parse_service(payload, request_id, charge_types=DCDN_CHARGE_TYPES),
        )
