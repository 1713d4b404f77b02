"""What is chosen above a dashboard; each list holds only what those before it leave."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableOption, VariableRefresh, VariableSort

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")


def datasource() -> DatasourceVariable:
    """Which Prometheus is asked."""
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def job() -> QueryVariable:
    """What the scrape configuration calls the exporter."""
    return _all("job", "Job", "dcdn_exporter_build_info", "")


def instance() -> QueryVariable:
    """Replicas and shards; panels show one series over all that are chosen."""
    return _all("instance", "Instance", "dcdn_exporter_build_info", 'job=~"$job"')


def accounts() -> QueryVariable:
    """Any number of accounts."""
    return _all("account", "Account", "dcdn_poll_success", 'job=~"$job", instance=~"$instance"')


def one_account() -> QueryVariable:
    """The account whose history is shown."""
    return _listed("account", "Account", "dcdn_poll_success", 'job=~"$job", instance=~"$instance"')


def products() -> QueryVariable:
    """Any number of products of those accounts; bss is the balance."""
    chosen = 'job=~"$job", instance=~"$instance", account=~"$account"'
    return _all("product", "Product", "dcdn_poll_success", chosen)


def _all(label: str, title: str, metric: str, chosen: str) -> QueryVariable:
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return _listed(label, title, metric, chosen).multi(True).include_all(True).all_value(".+").current(everything)


def _listed(label: str, title: str, metric: str, chosen: str) -> QueryVariable:
    return (
        QueryVariable(label)
        .label(title)
        .datasource(DATASOURCE)
        .query(f"label_values({metric}{{{chosen}}}, {label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )
