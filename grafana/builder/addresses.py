"""What the dashboards are called, and where their links lead."""

from typing import Final

from exporter import PROJECT_URL

TAG: Final = "dcdn-exporter"
OVERVIEW_UID: Final = "dcdn-overview"
ACCOUNT_UID: Final = "dcdn-account"
EXPORTER_UID: Final = "dcdn-exporter"
TITLES: Final = {OVERVIEW_UID: "DCDN / Overview", ACCOUNT_UID: "DCDN / Account", EXPORTER_UID: "DCDN / Exporter"}
# Where your Grafana is, for links from outside of it: from alerts.
GRAFANA_URL: Final = f"{PROJECT_URL}/grafana"

# What a link keeps of what was chosen. Not the accounts: one dashboard shows any number of them, another only one.
_CHOSEN: Final = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"


def runbook(alert: str) -> str:
    """Where the runbook of an alert stands."""
    return f"{PROJECT_URL}/docs/runbooks/{alert}.md"


def dashboard(uid: str) -> str:
    """One of the dashboards."""
    return f"/d/{uid}?{_CHOSEN}"


def account_of_row(field: str) -> str:
    """The account's dashboard, for the account that a field of the row names, over the same time."""
    return f"{dashboard(ACCOUNT_UID)}&var-account=${{__data.fields.{field}:percentencode}}&${{__url_time_range}}"


def account_of_series() -> str:
    """The account's dashboard, for the account that is a label of the series, over the same time."""
    return f"{dashboard(ACCOUNT_UID)}&var-account=${{__field.labels.account:percentencode}}&${{__url_time_range}}"
