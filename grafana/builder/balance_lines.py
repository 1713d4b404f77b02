"""What accounts can still spend, and how soon that ends."""

from grafana_foundation_sdk.builders import timeseries

from grafana.builder.mappings import FINE, WARNING
from grafana.builder.panels import NO_DATA, alert_links, field, lines, query
from grafana.builder.queries import balance, balance_forecast


def balance_lines(title: str, accounts: str) -> timeseries.Panel:
    """What is left of accounts, and dashed what the present slope leaves of that a day later."""
    dashed = field(line_style={"fill": "dash", "dash": [6, 6]})
    return (
        lines(
            title,
            "What accounts can still spend, credit included, in their currencies. Dashed: what is left a day later "
            "if the last 6 hours go on, where that is less and 5 hours are known. Below 0 the services of the China "
            "site are locked at once.",
            (
                query(balance(accounts), "{{account}} {{currency}}"),
                query(balance_forecast(accounts), "{{account}} {{currency}} in a day", "B"),
            ),
            unit="locale",
            steps=((None, WARNING), (0, FINE)),
            empty=f"no balance is known (balance: true polls it), or {NO_DATA}",
        )
        .override_by_query("B", dashed)
        .links(alert_links("DcdnBalanceRunningOut", "DcdnBalanceSpent"))
    )
