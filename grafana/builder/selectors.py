"""How the queries choose series: by the variables above the dashboard, and never more than those allow."""

from typing import Final

_TARGET: Final = 'job=~"$job", instance=~"$instance"'
SERVICE: Final = "account, product"
PROBE: Final = "account, product, probe"


def of_exporter(metric: str, **labels: str) -> str:
    """The series of the chosen exporters."""
    return _selector(metric, _TARGET, labels)


def of_target(metric: str, *, by: str = "job, instance", rate: bool = False) -> str:
    """What every program that Prometheus scrapes has, of exporters alone: all jobs may be chosen.

    By job alone it is also that of an exporter which was never up, beside one which was.
    """
    chosen = of_exporter(metric)
    exporters = within_range(of_exporter("dcdn_exporter_configured_accounts"))
    return f"{f'rate({chosen}[$__rate_interval])' if rate else chosen} and on ({by}) {exporters}"


def of_account(metric: str, **labels: str) -> str:
    """The series of the chosen accounts, whatever their product."""
    return _selector(metric, f'{_TARGET}, account=~"$account"', labels)


def of_known_account(metric: str) -> str:
    """The same where the account's id is known; those without are not one account."""
    return _selector(metric, f'{_TARGET}, account=~"$account", account_id!=""', {})


def of_service(metric: str, **labels: str) -> str:
    """The series of the chosen accounts and products."""
    return _selector(metric, f'{_TARGET}, account=~"$account", product=~"$product"', labels)


def best(by: str, selector: str) -> str:
    """One series over all replicas: what any of them says."""
    return f"max by ({by}) ({selector})"


def within_range(selector: str, function: str = "max_over_time") -> str:
    """What a series was over the whole range shown: the same at every moment, so that a choice by it stays."""
    return f"{function}({selector}[$__range] @ end())"


def _selector(metric: str, chosen: str, labels: dict[str, str]) -> str:
    own = "".join(f', {name}="{value}"' for name, value in labels.items())
    return f"{metric}{{{chosen}{own}}}"
