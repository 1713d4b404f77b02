"""What the dashboards are called, and where their links lead."""

from typing import Final

from exporter import PROJECT_URL

TAG: Final = "dcdn-exporter"
OVERVIEW_UID: Final = "dcdn-overview"
ACCOUNT_UID: Final = "dcdn-account"
EXPORTER_UID: Final = "dcdn-exporter"
# Where your Grafana is, for links from outside of it: from alerts.
GRAFANA_URL: Final = f"{PROJECT_URL}/grafana"

# A link from a row of a table keeps what was chosen above it.
_CHOSEN: Final = "${datasource:queryparam}&${job:queryparam}&${__url_time_range}"


def runbook(alert: str) -> str:
    """Where the runbook of an alert stands."""
    return f"{PROJECT_URL}/docs/runbooks/{alert}.md"


def account_of_row(field: str = "account") -> str:
    """The account's dashboard, for the account that a field of the row or series names."""
    return f"/d/{ACCOUNT_UID}?var-account=${{__data.fields.{field}}}&{_CHOSEN}"


def account_of_series() -> str:
    """The account's dashboard, for the account that is a label of the series."""
    return f"/d/{ACCOUNT_UID}?var-account=${{__field.labels.account}}&{_CHOSEN}"
