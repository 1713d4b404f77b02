"""Where the links of an alert lead: to its runbook, and to the dashboard that shows it."""

from collections.abc import Callable, Mapping

from deploy.prometheus.rules.delays import first_seen_after_s
from deploy.prometheus.rules.rule import Alert
from grafana.builder.addresses import ACCOUNT_UID, EXPORTER_UID, base_address

Links = Callable[[Alert], Mapping[str, str]]
"""The annotations of an alert that are links, by their names."""

_CHINESE = ("DcdnInDebt", "DcdnInDebtOverdue", "DcdnServiceLockedFinancial", "DcdnServiceLockedOther")
"""The alerts whose runbooks are in docs/runbooks/zh, too."""
_HOUR_S = 3600
_SHOWN_BEFORE_H = 6


def no_links(_alert: Alert) -> Mapping[str, str]:
    """Where documents and dashboards are published only their publisher knows."""
    return {}


def relative(alert: Alert) -> Mapping[str, str]:
    """Links without the addresses that they begin with: of docs/runbooks, and of Grafana."""
    chinese = {"runbook_url_zh": f"zh/{alert.name}.md"} if alert.name in _CHINESE else {}
    return {"runbook_url": f"{alert.name}.md", **chinese, "dashboard_url": _dashboard(alert)}


def links_to(*, docs: str, grafana: str) -> Links:
    """Links that begin with these addresses, of the folder docs and of Grafana; none where an address is empty.

    Raises ValueError for an address to which no path can be added.
    """
    runbooks = docs and f"{base_address(docs)}/runbooks"
    begins = {
        "runbook_url": runbooks,
        "runbook_url_zh": runbooks,
        "dashboard_url": grafana and base_address(grafana),
    }
    return lambda alert: {name: f"{begins[name]}/{link}" for name, link in relative(alert).items() if begins[name]}


def _dashboard(alert: Alert) -> str:
    """The dashboard of the account where the alert is about one, else of the exporter.

    Who opens it with the first message sees the six hours before the trouble, too.
    """
    hours = _SHOWN_BEFORE_H + -(-first_seen_after_s(alert) // _HOUR_S)
    shown = f"from=now-{hours}h&to=now"
    if alert.is_about_an_account:
        return f"d/{ACCOUNT_UID}?var-account={{{{ $labels.account | urlquery }}}}&{shown}"
    return f"d/{EXPORTER_UID}?{shown}"
