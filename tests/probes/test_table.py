"""What the table of probes says, and where else each row has to stand."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter.api.endpoints import SITES, endpoints
from exporter.config import Endpoints, Poll
from exporter.core.model import Answer, ProbeKey
from exporter.metrics.families import families_of_polls
from exporter.probes.kind import AS_OF, AnyKind, Family, Interval, Scope
from exporter.probes.service_state import ServiceState
from exporter.probes.table import (
    PROBES,
    PRODUCTS,
    SWITCH_PRODUCTS,
    SWITCHES,
    UNKNOWN_FIELDS,
    kinds_for,
)
from exporter.simulator.operations import LIMITS as SIMULATED_LIMITS
from tests.pages import LITERARY, MOST_WORDS

ROOT = Path(__file__).parents[2]
KINDS = {(kind.product, kind.probe): kind for kind in PROBES}
IPA, DCDN, CDN = (KINDS[product, "service"] for product in ("dcdn_ipa", "dcdn", "cdn"))
IPA_DEBT, DCDN_DEBT, CDN_DEBT = (KINDS[product, "debt_status"] for product in ("dcdn_ipa", "dcdn", "cdn"))
BALANCE = KINDS["bss", "balance"]
SECURE = KINDS["dcdn_sec", "service"]
CDN_CERTIFICATES = KINDS["cdn", "certificates"]
IPA_DOMAINS, DCDN_DOMAINS, CDN_DOMAINS = (KINDS[product, "domains"] for product in ("dcdn_ipa", "dcdn", "cdn"))
DCDN_PACKAGES, CDN_PACKAGES = (KINDS[product, "resource_packages"] for product in ("dcdn", "cdn"))
PLANS = (KINDS["esa", "plans"], KINDS["esa", "postpaid_plans"])

each_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=f"{kind.product}-{kind.probe}") for kind in PROBES]
)


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def sample_name(kind: AnyKind) -> str:
    """The file of a sample answer, named after its action."""
    return "tests/payloads/" + re.sub(r"(?<!^)([A-Z])", r"_\1", kind.operation.action).lower() + ".json"


def sample(kind: AnyKind) -> Mapping[str, Any]:
    payload: Mapping[str, Any] = json.loads(text_of(sample_name(kind)))
    return payload


def shown_at(kind: AnyKind) -> AnyKind:
    """The kind whose families show what this one learns: itself, or the one that joins it."""
    return next((each for each in PROBES if each.product == kind.product and kind.probe in each.joins), kind)


def samples_of(kind: AnyKind, answer: Answer[Any]) -> dict[str, list[tuple[str, ...]]]:
    """The label values of the series that show such an answer, by the names of their families."""
    shown = shown_at(kind)
    state = shown.joined({kind.probe: answer.state})
    seen = shown.visible(state, kind.remember(None, answer, 1000.0), 1000.0).value
    return {family.name: [labels for labels, _ in family.samples(seen)] for family in shown.families}


def missing(kind: AnyKind) -> dict[str, str]:
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
            operation.endpoint in Endpoints.model_fields,
            "a key of the endpoint",
        ),
        "exporter/simulator/operations.py": (
            SIMULATED_LIMITS.get(operation.action) == operation.calls_per_second,
            "the operation, with the same limit",
        ),
        "exporter/api/endpoints.py": (
            all(operation.endpoint in endpoints(site) for site in SITES),
            "the endpoint for every site",
        ),
        "exporter/probes/": (any(samples_of(kind, answer).values()), "families that show such a state"),
    }
    return {file: what for file, (there, what) in places.items() if not there}


@each_kind
def test_a_row_is_at_home_everywhere(kind: AnyKind) -> None:
    """A new row touches the catalogue; this names the places where the rest of it belongs."""
    assert missing(kind) == {}


@each_kind
def test_a_sample_of_its_answer_is_understood(kind: AnyKind) -> None:
    """It is an answer without any value that the documentation would not name."""
    answer = kind.parse(sample(kind), "request-1")

    assert (answer.request_id, answer.unknown_values) == ("request-1", {})


def test_rows_have_names_of_their_own() -> None:
    """Two rows of the same product and probe would share their series."""
    assert len(KINDS) == len(PROBES)
    assert IPA.key("prod") == ProbeKey(account="prod", product="dcdn_ipa", probe="service")


def test_no_two_probes_of_an_account_show_the_same_families() -> None:
    """Else one of its products, or the account, would have a series twice."""
    shown = [
        (family.name, kind.product if family.scope is Scope.PRODUCT else "the account")
        for kind in PROBES
        for family in kind.families
        if family.scope is not Scope.PROBE
    ]

    assert len(shown) == len(set(shown))


def test_each_probe_shows_families_of_its_own() -> None:
    """Those of the same name are one for all products; together they are the public interface."""
    families = {family for kind in PROBES for family in kind.families}
    by_probe = {
        kind.probe: list(
            dict.fromkeys(family.name for other in PROBES if other.probe == kind.probe for family in other.families)
        )
        for kind in PROBES
    }

    assert len(families) == sum(map(len, by_probe.values()))
    assert by_probe == {
        "service": [
            "dcdn_service_status",
            "dcdn_service_lock",
            "dcdn_service_charge_type",
            "dcdn_service_next_charge_type",
            "dcdn_service_charge_type_change_timestamp_seconds",
            "dcdn_service_charge_type_change_remaining_seconds",
            "dcdn_service_opening_timestamp_seconds",
            "dcdn_service_info",
            "dcdn_service_component_charge_type",
            "dcdn_service_component_next_charge_type",
            "dcdn_service_component_charge_type_change_timestamp_seconds",
            "dcdn_service_end_timestamp_seconds",
        ],
        "debt_status": [
            "dcdn_service_enabled",
            "dcdn_service_available",
            "dcdn_service_in_debt",
            "dcdn_service_in_debt_overdue",
        ],
        "balance": ["dcdn_account_available_amount"],
        "certificates": ["dcdn_certificate_expired_domains", "dcdn_certificate_expiring_domains"],
        "domains": ["dcdn_domains"],
        "resource_packages": [
            "dcdn_resource_packages",
            "dcdn_resource_package_capacity",
            "dcdn_resource_package_remaining",
            "dcdn_resource_package_end_timestamp_seconds",
            "dcdn_resource_packages_unreadable",
            "dcdn_resource_package_info",
        ],
        "plans": [
            "dcdn_esa_plans",
            "dcdn_esa_plan_expiry_timestamp_seconds",
            "dcdn_esa_plan_info",
            "dcdn_esa_sites",
        ],
        "postpaid_plans": [],
    }
    assert {family.name: family.scope for family in families} == {
        name: Scope.ACCOUNT if name.startswith(("dcdn_account_", "dcdn_esa_")) else Scope.PRODUCT
        for names in by_probe.values()
        for name in names
    }


@each_kind
def test_help_is_one_line_without_escapes(kind: AnyKind) -> None:
    """Heads are written as they are."""
    for family in kind.families:
        assert family.help.isprintable()
        assert "\\" not in family.help


@pytest.mark.parametrize(
    "family",
    [*families_of_polls(CDN_DOMAINS), *dict.fromkeys(family for kind in PROBES for family in kind.families)],
    ids=lambda family: str(family.name),
)
def test_help_is_plain(family: Family[Any]) -> None:
    """Sentences, or the halves at a semicolon, are short, and of words that people search for."""
    words = re.sub(r" \([^)]*\)", "", family.help.removesuffix(AS_OF))
    lengths = [len(part.split()) for part in re.split(r"[.;:] ", words) if part]

    assert sum(lengths) / len(lengths) <= MOST_WORDS
    assert max(lengths) <= 2 * MOST_WORDS
    assert LITERARY.search(words) is None


@each_kind
def test_a_state_is_a_value(kind: AnyKind) -> None:
    """What an answer says can be compared and kept; the same answer again says the same."""
    first_time, again = (kind.parse(sample(kind), None).state for _ in range(2))

    assert first_time == again
    assert hash(first_time) == hash(again)


@each_kind
def test_people_and_programs_find_what_a_row_announces(kind: AnyKind) -> None:
    """A state has the JSON keys that there are without one, in their order, and no condition that is not named."""
    known, unknown = kind.view(kind.parse(sample(kind), None).state, 1000.0), kind.view(None, 1000.0)

    assert list(known.status_json) == list(unknown.status_json)
    assert list(known.billing_json) == list(unknown.billing_json)
    assert set(known.conditions) <= set(kind.conditions)
    assert (unknown.conditions, unknown.status, unknown.notes, unknown.billing) == ((), (), (), ())


def test_a_word_names_one_condition() -> None:
    """Counts and filters go by it."""
    conditions = list(dict.fromkeys(condition for kind in PROBES for condition in kind.conditions))

    assert len({condition.word for condition in conditions}) == len(conditions)


@pytest.mark.parametrize(
    ("products", "switches", "kinds"),
    [
        pytest.param(["dcdn_ipa"], [], [IPA], id="one product"),
        pytest.param(["cdn", "dcdn_ipa"], [], [IPA, CDN], id="two, in the order of the rows"),
        pytest.param(["dcdn", "cdn"], ["debt_status"], [DCDN, CDN, DCDN_DEBT, CDN_DEBT], id="debts of each"),
        pytest.param(["dcdn_ipa"], ["balance"], [IPA, BALANCE], id="the balance of the account"),
        pytest.param(["dcdn_ipa", "cdn"], ["certificates"], [IPA, CDN, CDN_CERTIFICATES], id="of those with it"),
        pytest.param(["dcdn_ipa", "cdn"], ["domains"], [IPA, CDN, IPA_DOMAINS, CDN_DOMAINS], id="domains of each"),
        pytest.param(["esa"], ["debt_status"], list(PLANS), id="plans, which have no service and no debts"),
        pytest.param(list(PRODUCTS), list(SWITCHES), list(PROBES), id="everything"),
    ],
)
def test_an_account_has_the_probes_that_it_asks_for(
    products: list[str], switches: list[str], kinds: list[AnyKind]
) -> None:
    """Services always, debts of the same products, and one balance whatever the products are."""
    assert kinds_for(products, switches) == kinds


def test_every_switch_and_interval_is_a_key_of_the_configuration() -> None:
    """Switches are its keys by the vocabulary, and intervals by its models."""
    assert tuple(SWITCHES) == ("debt_status", "balance", "certificates", "domains", "resource_packages")
    assert {kind.interval for kind in PROBES} == set(Interval)
    assert {interval.value for interval in Interval} <= {field.alias for field in Poll.model_fields.values()}


def test_a_switch_is_for_the_products_that_have_it() -> None:
    """One of the account is for all."""
    assert SWITCH_PRODUCTS == {
        "debt_status": ("dcdn_ipa", "dcdn", "cdn"),
        "certificates": ("dcdn", "cdn"),
        "domains": ("dcdn_ipa", "dcdn", "cdn"),
        "resource_packages": ("dcdn", "cdn"),
    }


def test_products_are_in_the_order_of_their_rows() -> None:
    """The first is the one that an account has where the file names none."""
    assert PRODUCTS == ("dcdn_ipa", "dcdn", "cdn", "dcdn_sec", "esa")
    assert (BALANCE.product in PRODUCTS, BALANCE.of_account) == (False, True)


# The public interface, written down a second time on purpose.
CHARGE_TYPES = (
    "PayByTraffic",
    "PayByBandwidth",
    "PayByBandwidth95",
    "PayByBandwidth_monthavg",
    "PayByBandwidth_month4th",
    "PayByBandwidth_monthday95avg",
    "PayByBandwidth_nighthalf95",
)


@pytest.mark.parametrize("kind", [IPA, DCDN, CDN, SECURE], ids=["dcdn_ipa", "dcdn", "cdn", "dcdn_sec"])
def test_all_products_are_billed_by_the_same_seven_methods(kind: AnyKind) -> None:
    """Each is known as the current method and as the next one, and all are series from the first answer on."""
    for charge_type in CHARGE_TYPES:
        answer = kind.parse({"InternetChargeType": charge_type, "ChangingChargeType": charge_type}, "request-1")
        assert answer.state.charge_type == charge_type
        assert answer.unknown_values == {}
    series = samples_of(kind, Answer(ServiceState(charge_type="PayByTraffic")))
    assert series["dcdn_service_charge_type"] == [(charge_type,) for charge_type in CHARGE_TYPES]


def test_unknown_values_are_counted_for_the_fields_that_rows_name() -> None:
    """Each is named once, in the vendor's spelling."""
    assert UNKNOWN_FIELDS == (
        "InternetChargeType",
        "ChangingChargeType",
        "LockReason",
        "ChangingAffectTime",
        "OpeningTime",
        "InstanceId",
        "WebsocketType",
        "WebsocketChangingType",
        "WebsocketChangingTime",
        "DynamicBillingType",
        "ChangingDynamicBillingType",
        "Enabled",
        "OnService",
        "InDebt",
        "InDebtOverdue",
        "Currency",
        "StartTime",
        "EndTime",
        "ExpireWithin30DaysCount",
        "DomainName",
        "DomainStatus",
        "InitCapacity",
        "CurrCapacity",
        "InitCapacityBaseUnit",
        "CurrCapacityBaseUnit",
        "TemplateName",
        "CommodityCode",
        "Region",
        "DisplayName",
        "Status",
        "SiteStatus",
        "RenewalStatus",
        "ExpireTime",
        "PlanName",
        "Sites",
    )
