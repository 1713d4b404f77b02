"""The overview's row of what can stop delivery beside a lock: certificates, domains, packages, plans, ends."""

from collections.abc import Callable, Iterator
from typing import Final

from grafana_foundation_sdk.builders import stat, table

from deploy.prometheus.rules.dashboard_inventories import RUNBOOKS, Measure
from deploy.prometheus.rules.expressions import ATTENTION as ATTENTION_RECORD
from deploy.prometheus.rules.expressions import BESIDE as BESIDE_RECORD
from deploy.prometheus.rules.thresholds import CHANGE_SOON_S
from grafana.builder import queries
from grafana.builder.addresses import account_of_row
from grafana.builder.mappings import (
    ATTENTION,
    CRITICAL,
    FINE,
    INFO,
    PLAIN,
    UNCOLOURED,
    WARNING,
    WHERE_POLLED,
    names,
    nothing,
)
from grafana.builder.panels import (
    NO_DATA,
    WIDTH,
    Step,
    alert_links,
    field,
    instant,
    rows,
    stat_panel,
    thresholds,
)
from grafana.builder.selectors import SERVICE, best, recorded
from grafana.builder.service_table import COLOURED_CELL, merged, sorted_by
from grafana.builder.thresholds import BESIDE

_FINDING: Final = f"{SERVICE}, finding, item"
# What is known of certificates or domains is so also while the state of a service is not. Plans are the state of ESA.
_UNWATCHED: Final = queries.needing("DcdnAccountsUnwatched")
_UNSURE_OF_PLANS: Final = f"{_UNWATCHED} or {queries.needing('DcdnDataStale', product='esa')}"
ALERT_OF: Final = {
    "certificates expired": "DcdnCertificateExpired",
    "certificates expiring within 30 days": "DcdnCertificatesExpiring",
    "domains offline": "DcdnDomainsOffline",
    "domains not accepted": "DcdnDomainCheckFailed",
    "resource package low": "DcdnResourcePackageLow",
    "resource package ends": "DcdnResourcePackageEnding",
    "ESA plans stopped": "DcdnEsaPlanStopped",
    "ESA sites offline": "DcdnEsaSitesOffline",
    "ESA plan ends": "DcdnEsaPlanExpiring",
    "service ends": "DcdnServiceEnding",
}
"""The alert of each finding. A changing part has none of those that stand beside a lock."""
# Below every need, so that what has no alert comes last.
_NO_ALERT: Final = -1
_COLUMNS: Final = {
    "Value #D": "Attention",
    "account": "Account",
    "product": "Product",
    "finding": "What",
    "item": "Of",
    "Value #A": "How many",
    "Value #B": "Left",
    "Value #C": "In",
}


def least_well() -> str:
    """The accounts that have most to see to beside locks, those whose alerts are worst first."""
    alerts = best("account", recorded(ATTENTION_RECORD, runbook=RUNBOOKS))
    return f"topk({BESIDE}, {alerts} or 0.5 * group by (account) ({recorded(BESIDE_RECORD)}))"


def tiles() -> Iterator[stat.Panel]:
    """How many services have something of each kind."""
    yield _tile(
        "Expired certificates",
        "Services with domains whose certificate has expired: browsers refuse them.",
        "DcdnCertificateExpired",
        color=WARNING,
        of=_probes("certificates"),
    )
    yield _tile(
        "Expiring certificates",
        "Services with domains whose certificate expires within 30 days.",
        "DcdnCertificatesExpiring",
        color=WARNING,
        of=_probes("certificates"),
    )
    yield _tile(
        "Offline domains",
        "Services of which online domains went offline within a day: a violation, a lapsed filing, a cap.",
        "DcdnDomainsOffline",
        color=CRITICAL,
        of=_probes("domains"),
    )
    yield _tile(
        "Failed domains",
        "Services with domains that failed their review or their configuration.",
        "DcdnDomainCheckFailed",
        color=WARNING,
        of=_probes("domains"),
    )
    yield _tile(
        "Low packages",
        "Services with little left of all resource packages of a kind, or nothing: what follows is billed as you go.",
        "DcdnResourcePackageLow",
        color=WARNING,
        of=_probes("resource_packages"),
    )
    yield _tile(
        "Stopped plans",
        "Accounts with plans of ESA that are overdue or have expired: their sites are not served.",
        "DcdnEsaPlanStopped",
        color=CRITICAL,
        of=_probes("plans"),
        unsure=_UNSURE_OF_PLANS,
    )
    yield _tile(
        "Ending in 7 days",
        "Services of which a resource package or a plan of ESA ends, or the service itself.",
        "DcdnResourcePackageEnding",
        "DcdnEsaPlanExpiring",
        "DcdnServiceEnding",
        color=WARNING,
        of=_that_end,
        unsure=_UNSURE_OF_PLANS,
    )
    changing = recorded(BESIDE_RECORD, finding="billing of a part changes")
    yield _counted(
        "Changing parts",
        "Services of which a part that is billed by itself, as websocket, will be billed by another method.",
        f"count(group by ({SERVICE}) ({changing}))",
        steps=((None, UNCOLOURED), (1, INFO)),
        of=lambda record: recorded(record, probe="service", product="dcdn|cdn"),
    ).links(alert_links("DcdnChargeTypeChangeScheduled"))


def _probes(probe: str) -> Callable[[str], str]:
    return lambda record: recorded(record, probe=probe)


def _that_end(record: str) -> str:
    return f"{recorded(record, probe='resource_packages|plans')} or {recorded(record, product='dcdn_sec')}"


def _tile(
    title: str, description: str, *alerts: str, color: str, of: Callable[[str], str], unsure: str = _UNWATCHED
) -> stat.Panel:
    steps = ((None, FINE), (1, color))
    needing = queries.needing("|".join(alerts))
    return _counted(title, description, needing, steps=steps, of=of, unsure=unsure).links(alert_links(*alerts))


def _counted(
    title: str,
    description: str,
    count: str,
    *,
    steps: tuple[Step, ...],
    of: Callable[[str], str],
    unsure: str = _UNWATCHED,
) -> stat.Panel:
    return stat_panel(
        title,
        description,
        queries.where_polled(count, of, unsure),
        steps=steps,
        named=WHERE_POLLED,
        width=WIDTH // 8,
    )


def _attention() -> str:
    """How much each finding needs somebody, by its alert."""
    alerts = best(f"{SERVICE}, runbook", recorded(ATTENTION_RECORD, queries.BESIDE, runbook=RUNBOOKS))
    for finding, alert in ALERT_OF.items():
        alerts = f'label_replace({alerts}, "finding", "{finding}", "runbook", "{alert}")'
    every = f"group by ({_FINDING}) ({recorded(BESIDE_RECORD, queries.BESIDE)})"
    of_service = f"{SERVICE}, finding"
    alerted = f"{every} * on ({of_service}) group_left () {best(of_service, alerts)}"
    return f"{alerted} or {every} * {_NO_ALERT}"


def findings() -> table.Panel:
    """One row for each thing that needs somebody, of the accounts that need it most."""
    every = best(_FINDING, recorded(BESIDE_RECORD, queries.BESIDE))

    def measured(measure: Measure, change: str = "") -> str:
        """The findings that are so measured; the others without a number, so that no column vanishes."""
        found = best(_FINDING, recorded(BESIDE_RECORD, queries.BESIDE, measure=measure.value))
        return f"{found}{change} or {every} * NaN"

    links = [{"title": "History of this account", "url": account_of_row("Account")}]
    soon = thresholds(((None, INFO), (CHANGE_SOON_S, PLAIN))).build()
    panel = rows(
        f"Beside the lock, of the {BESIDE} accounts that need somebody most",
        "What can stop delivery though nothing is locked, as of the last answer, the worst first: certificates, "
        "domains, resource packages with less than a tenth left, plans of ESA, what ends within 7 days, and billing "
        "of a part that changes. Attention is that of the finding's own alert, which waits for some minutes. An "
        "account leads to all that is known of it.",
        (
            instant(measured(Measure.COUNT), "A"),
            instant(measured(Measure.LEFT), "B"),
            instant(measured(Measure.END, " - time()"), "C"),
            instant(_attention(), "D"),
        ),
        empty=f"nothing is known that needs somebody, or {NO_DATA}",
        size=(WIDTH, 7),
    ).transformations(merged(_COLUMNS, ("Time",)))
    none = [nothing("-")]
    needs = [names((_NO_ALERT, "no alert", UNCOLOURED), *ATTENTION)]
    return (
        panel.sort_by([sorted_by("Attention", desc=True), sorted_by("Account", desc=False)])
        .override_by_name("Attention", field(mappings=needs, cell=COLOURED_CELL, width=110))
        .override_by_name("How many", field(mappings=none, unit="locale", width=100))
        .override_by_name("Left", field(mappings=none, unit="percentunit", decimals=1, width=100))
        .override_by_name(
            "In",
            field(unit="s", decimals=1, cell={"type": "color-text"}, thresholds=soon, mappings=none, width=110),
        )
        .override_by_name("Product", field(width=110))
        .override_by_name("Account", field(links=links))
    )
