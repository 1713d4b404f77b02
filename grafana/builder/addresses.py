"""What the dashboards are called, and where their links lead."""

from typing import Final

from exporter.config.values import web_address

TAG: Final = "dcdn-exporter"
OVERVIEW_UID: Final = "dcdn-overview"
ACCOUNT_UID: Final = "dcdn-account"
EXPORTER_UID: Final = "dcdn-exporter"
TITLES: Final = {OVERVIEW_UID: "DCDN / Overview", ACCOUNT_UID: "DCDN / Account", EXPORTER_UID: "DCDN / Exporter"}

# What a link keeps of what was chosen. Not the accounts: one dashboard shows any number of them, another only one.
_CHOSEN: Final = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"


# Stands for the address at which the folder docs is published.
DOCS: Final = "docs:"


def runbook(alert: str) -> str:
    """The runbook of an alert."""
    return f"{DOCS}runbooks/{alert}.md"


def base_address(address: str) -> str:
    """The address without a slash at its end; ValueError where it is none to which a path can be added."""
    if set(web_address(address)) & set("?#"):
        raise ValueError(f"seen {address!r}; accepted: an address without ? and #, since paths are added to it")
    return address.rstrip("/")


def dashboard(uid: str) -> str:
    """One of the dashboards."""
    return f"/d/{uid}?{_CHOSEN}"


def account_of_row(field: str) -> str:
    """The account's dashboard, for the account that a field of the row names, over the same time."""
    return f"{dashboard(ACCOUNT_UID)}&var-account=${{__data.fields.{field}:percentencode}}&${{__url_time_range}}"


def account_of_series() -> str:
    """The account's dashboard, for the account that is a label of the series, over the same time."""
    return f"{dashboard(ACCOUNT_UID)}&var-account=${{__field.labels.account:percentencode}}&${{__url_time_range}}"


def runbook_of_row(field: str) -> str:
    """The document that a field of the row names."""
    return f"{DOCS}${{__data.fields.{field}}}.md"


def status_page_of_row(field: str) -> str:
    """The status page of the exporter that a field of the row names, as Prometheus knows it."""
    return f"http://${{__data.fields.{field}}}/"
