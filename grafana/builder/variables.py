"""What is chosen above a dashboard, each list by those before it; and, hidden, the few accounts that a panel shows.

No query over time selects all accounts: of 10,000 that takes minutes. A hidden variable asks once for those that
matter most at the end of the range, and the panel's queries ask for these names.
"""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")
# Names of accounts have no ", so that this finds them whole.
_NAME: Final = '/account="([^"]*)"/'
_NUMBER: Final = "/} ([0-9]+)/"


def datasource() -> DatasourceVariable:
    """Which Prometheus is asked."""
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def job() -> QueryVariable:
    """What the scrape configuration calls the exporter."""
    return _all("job", "Job", "dcdn_exporter_build_info", "").all_value(".+")


def instance() -> QueryVariable:
    """Replicas and shards; panels show one series over all that are chosen."""
    return _all("instance", "Instance", "dcdn_exporter_build_info", 'job=~"$job"').all_value(".+")


def accounts() -> QueryVariable:
    """Any number of accounts.

    All of them are .* and not .+, for which Prometheus before 2.54 reads the series of each account by itself.
    """
    return _all("account", "Account", "dcdn_account_info", 'job=~"$job", instance=~"$instance"').all_value(".*")


def one_account() -> QueryVariable:
    """The account whose history is shown."""
    return _listed("account", "Account", "dcdn_account_info", 'job=~"$job", instance=~"$instance"')


def products() -> QueryVariable:
    """Any number of products that are polled; bss is the balance."""
    return _all("product", "Product", "dcdn_exporter_probe_info", 'job=~"$job", instance=~"$instance"').all_value(
        ".+"
    )


def chosen(name: str, expression: str) -> QueryVariable:
    """The names of the accounts that an expression has at the end of the range; the variable is hidden."""
    return _hidden(name, expression, _NAME).multi(True).include_all(True).current(_EVERYTHING)


def counted(name: str, expression: str) -> QueryVariable:
    """The number that an expression has at the end of the range, for titles."""
    return _hidden(name, expression, _NUMBER)


_EVERYTHING: Final = VariableOption(selected=True, text=["All"], value=["$__all"])


def _all(label: str, title: str, metric: str, chosen: str) -> QueryVariable:
    return _listed(label, title, metric, chosen).multi(True).include_all(True).current(_EVERYTHING)


def _listed(label: str, title: str, metric: str, chosen: str) -> QueryVariable:
    return (
        QueryVariable(label)
        .label(title)
        .datasource(DATASOURCE)
        .query(f"label_values({metric}{{{chosen}}}, {label})")
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )


def _hidden(name: str, expression: str, found: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .hide(VariableHide.HIDE_VARIABLE)
        .datasource(DATASOURCE)
        .query(f"query_result({expression})")
        .regex(found)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
