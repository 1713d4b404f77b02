"""The account's row of what can stop delivery beside a lock: certificates, domains, packages, plans, ends."""

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import common, statetimeline, table, timeseries

from deploy.prometheus.rules.thresholds import CHANGE_SOON_S, PACKAGE_SHARE
from grafana.builder.mappings import CRITICAL, FINE, INFO, PLAIN, WARNING, names, nothing
from grafana.builder.panels import (
    NO_DATA,
    WIDTH,
    alert_links,
    coloured,
    field,
    instant,
    lines,
    query,
    rows,
    thresholds,
    timeline,
)
from grafana.builder.selectors import SERVICE, best, of_account, of_service
from grafana.builder.service_table import merged

_TEMPLATE: Final = f"{SERVICE}, template"
_COMPONENT: Final = f"{SERVICE}, component"
# Components of billing in one panel with what they will be billed by.
_PENDING: Final = 2


def inventories() -> Iterator[timeseries.Panel | table.Panel | statetimeline.Panel]:
    """What is known of the account beside its locks."""
    yield _certificates()
    yield _domains()
    yield _packages()
    yield _counts()
    yield _ends()
    yield _components()


def _not_known(probe: str) -> str:
    return f"nothing is known ({probe}: true polls it), or {NO_DATA}"


def _certificates() -> timeseries.Panel:
    panel = lines(
        "Domains whose certificate has expired, or will",
        "How many domains have a certificate that has expired, and how many one that expires within 30 days.",
        (
            query(best(SERVICE, of_service("dcdn_certificate_expired_domains")), "{{product}} expired"),
            query(best(SERVICE, of_service("dcdn_certificate_expiring_domains")), "{{product}} within 30 days", "B"),
        ),
        unit="short",
        empty=_not_known("certificates"),
        reaches=1,
    )
    return coloured(panel, (" expired", CRITICAL), (" within 30 days", WARNING)).links(
        alert_links("DcdnCertificateExpired", "DcdnCertificatesExpiring")
    )


def _domains() -> timeseries.Panel:
    panel = lines(
        "Domains by status",
        "How many domains have each status that any has.",
        (query(f"{best(f'{SERVICE}, status', of_service('dcdn_domains'))} > 0", "{{product}} {{status}}"),),
        unit="short",
        empty=_not_known("domains"),
        many=True,
    )
    failed = " (check|configure)_failed"
    return coloured(panel, (".", INFO), (" online", FINE), (failed, WARNING), (" offline", CRITICAL)).links(
        alert_links("DcdnDomainsOffline", "DcdnDomainCheckFailed")
    )


def _packages() -> timeseries.Panel:
    left, whole = (
        best(_TEMPLATE, of_service(f"dcdn_resource_package_{which}")) for which in ("remaining", "capacity")
    )
    return lines(
        "Resource packages: what is left",
        "What is left of all resource packages of a kind that are valid, as a share of what they had.",
        (query(f"{left} / ({whole} > 0)", "{{product}} {{template}}"),),
        unit="percentunit",
        steps=((None, WARNING), (PACKAGE_SHARE, FINE)),
        empty=_not_known("resource_packages"),
        reaches=1,
    ).links(alert_links("DcdnResourcePackageLow"))


def _counts() -> timeseries.Panel:
    by_status = "account, status"
    panel = lines(
        "Resource packages, plans of ESA and their sites, by status",
        "How many there are of each status that any has, and of how many packages a number cannot be read.",
        (
            query(
                f"{best(f'{SERVICE}, status', of_service('dcdn_resource_packages'))} > 0",
                "{{product}} packages {{status}}",
            ),
            query(f"{best(by_status, of_account('dcdn_esa_plans'))} > 0", "plans {{status}}", "B"),
            query(f"{best(by_status, of_account('dcdn_esa_sites'))} > 0", "sites {{status}}", "C"),
            query(
                f"{best(f'{SERVICE}, template', of_service('dcdn_resource_packages_unreadable'))} > 0",
                "{{product}} {{template}} cannot be read",
                "D",
            ),
        ),
        unit="short",
        empty=f"nothing is known (resource_packages: true and the product esa), or {NO_DATA}",
        many=True,
    )
    fine, used_up, stopped = " (valid|online|active)", " exhaust", " (offline|overdue)"
    return coloured(panel, (".", INFO), (fine, FINE), (used_up, WARNING), (stopped, CRITICAL)).links(
        alert_links("DcdnEsaPlanStopped", "DcdnEsaSitesOffline")
    )


# What is in the table of ends: its moments, and in which label stands what each is of.
def _moments() -> str:
    def each(what: str, selector: str, label: str = "", *, product: str = "") -> str:
        """The moments, with what they are and of what."""
        by = f"account, {label}" if product else f"{SERVICE}, {label}".removesuffix(", ")
        found = f'label_replace({best(by, selector)}, "what", "{what}", "", "")'
        found = f'label_replace({found}, "product", "{product}", "", "")' if product else found
        named = f'"$1", "{label}", "(.+)"' if label else '"-", "", ""'
        return f'label_replace({found}, "of", {named})'

    return " or ".join(
        (
            each("service ends", of_service("dcdn_service_end_timestamp_seconds")),
            each("package ends", of_service("dcdn_resource_package_end_timestamp_seconds"), "template"),
            each(
                "plan ends",
                of_account("dcdn_esa_plan_expiry_timestamp_seconds"),
                "instance_id",
                product="esa",
            ),
            each(
                "billing changes",
                of_service("dcdn_service_component_charge_type_change_timestamp_seconds"),
                "component",
            ),
        )
    )


def _ends() -> table.Panel:
    by = "account, product, what, of"
    moments = f"max by ({by}) ({_moments()})"
    package = best(f"{_TEMPLATE}, display_name", of_service("dcdn_resource_package_info"))
    plan = best("account, instance_id, plan_name, renewal", of_account("dcdn_esa_plan_info"))
    plan = f'label_replace({plan}, "product", "esa", "", "")'

    def named(info: str, label: str, name: str, what: str) -> str:
        """The label of an info that names what the moment is of."""
        of = f'label_replace({info}, "of", "$1", "{label}", "(.+)")'
        found = f'label_replace({of}, "what", "{what}", "", "")'
        return f'max by ({by}, name) (label_replace({found}, "name", "$1", "{name}", "(.+)"))'

    names_of = (
        f"{named(package, 'template', 'display_name', 'package ends')} or "
        f"{named(plan, 'instance_id', 'plan_name', 'plan ends')}"
    )
    renewals = f"max by ({by}, renewal) ({_of_plan(plan)})"
    columns = {
        "product": "Product",
        "what": "What",
        "of": "Of",
        "name": "Name",
        "renewal": "Renewal",
        "Value #A": "In",
        "Value #B": "At",
    }
    soon = thresholds(((None, INFO), (CHANGE_SOON_S, PLAIN))).build()
    return (
        rows(
            "What ends or changes, the next first",
            "When the service ends, its resource packages with something left, its plans of ESA, and when a part of "
            "it is billed by another method. A plan whose renewal is auto is renewed by itself.",
            (
                instant(f"{moments} - time()", "A"),
                instant(f"{moments} * 1000", "B"),
                instant(
                    f"topk by ({by}) (1, {names_of}) and on ({by}) {moments} or on ({by}) "
                    f'label_replace({moments}, "name", "-", "", "")',
                    "C",
                ),
                instant(
                    f"topk by ({by}) (1, {renewals}) and on ({by}) {moments} or on ({by}) "
                    f'label_replace({moments}, "renewal", "-", "", "")',
                    "D",
                ),
            ),
            empty=f"no end is known, or {NO_DATA}",
            size=(WIDTH, 7),
        )
        .transformations(merged(columns, ("Time", "account", "Value #C", "Value #D")))
        .sort_by([common.TableSortByFieldState().display_name("In").desc(False)])
        .override_by_name("In", field(unit="s", decimals=1, cell={"type": "color-text"}, thresholds=soon, width=110))
        .override_by_name("At", field(unit="dateTimeAsIso", mappings=[nothing("-")], width=190))
        .override_by_name("Product", field(width=110))
        .override_by_name("What", field(width=140))
        .override_by_name("Renewal", field(width=110))
        .links(alert_links("DcdnResourcePackageEnding", "DcdnEsaPlanExpiring", "DcdnServiceEnding"))
    )


def _of_plan(plan: str) -> str:
    return f'label_replace(label_replace({plan}, "of", "$1", "instance_id", "(.+)"), "what", "plan ends", "", "")'


def _components() -> statetimeline.Panel:
    by = f"{_COMPONENT}, charge_type"
    current = best(by, of_service("dcdn_service_component_charge_type"))
    coming = best(by, of_service("dcdn_service_component_next_charge_type"))
    return timeline(
        "Parts that are billed by themselves",
        "The billing method of each part, as websocket of DCDN, and the one to come for as long as it is pending.",
        (
            query(f"{current} == 1", "{{product}} {{component}}: {{charge_type}}"),
            query(f"({coming} == 1) * {_PENDING}", "{{product}} {{component}} then: {{charge_type}}", "B"),
        ),
        mappings=(names((1, "in use", INFO), (_PENDING, "pending", INFO)),),
        empty=f"no such part is known, or {NO_DATA}",
        size=(WIDTH, 5),
    ).links(alert_links("DcdnChargeTypeChangeSoon", "DcdnChargeTypeChangeScheduled", "DcdnChargeTypeChanged"))
