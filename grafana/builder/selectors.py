"""How the queries choose series: by the variables above the dashboard, and never more than those allow."""

import re
from typing import Final

_TARGET: Final = 'job=~"$job", instance=~"$instance"'
_PRODUCT: Final = 'product=~"$product"'
ACCOUNT: Final = "account"
"""The variable of the accounts that were chosen; others hold the few of them that a panel shows."""
SERVICE: Final = "account, product"
PROBE: Final = "account, product, probe"


def of_exporter(metric: str, **labels: str) -> str:
    """The series of the chosen exporters."""
    return _selector(metric, _TARGET, labels)


def of_product(metric: str, **labels: str) -> str:
    """The same of the chosen products."""
    return _selector(metric, f"{_TARGET}, {_PRODUCT}", labels)


def of_target(metric: str, *, by: str = "job, instance", rate: bool = False) -> str:
    """What every program that Prometheus scrapes has, of exporters alone: all jobs may be chosen.

    By job alone it is also that of an exporter which was never up, beside one which was.
    """
    chosen = of_exporter(metric)
    exporters = within_range(of_exporter("dcdn_exporter_configured_accounts"))
    return f"{f'rate({chosen}[$__rate_interval])' if rate else chosen} and on ({by}) {exporters}"


def of_account(metric: str, accounts: str = ACCOUNT, **labels: str) -> str:
    """The series of the accounts that a variable holds, whatever their product."""
    return _selector(metric, f'{_TARGET}, account=~"${accounts}"', labels)


def of_service(metric: str, accounts: str = ACCOUNT, **labels: str) -> str:
    """The series of the accounts that a variable holds, and of the chosen products."""
    return _selector(metric, f'{_TARGET}, account=~"${accounts}", {_PRODUCT}', labels)


def recorded(record: str, accounts: str = "", **labels: str) -> str:
    """What rules have recorded, by those of the variables whose labels it has: its name begins with them."""
    matchers = {
        "job": 'job=~"$job"',
        "instance": 'instance=~"$instance"',
        "account": f'account=~"${accounts or ACCOUNT}"',
        "product": _PRODUCT,
    }
    level = record.partition(":")[0].split("_")
    return _selector(record, ", ".join(text for label, text in matchers.items() if label in level), labels)


def best(by: str, selector: str) -> str:
    """One series over all replicas: what any of them says."""
    return f"max by ({by}) ({selector})"


def within_range(selector: str, function: str = "max_over_time") -> str:
    """What a series was over the whole range shown: the same at every moment, so that a choice by it stays."""
    return f"{function}({selector}[$__range] @ end())"


def _selector(metric: str, chosen: str, labels: dict[str, str]) -> str:
    """A label whose value is several, with | between them, is matched by a pattern."""
    own = (f'{name}{"=~" if re.search(r"[|*+]", value) else "="}"{value}"' for name, value in labels.items())
    return f"{metric}{{{', '.join((chosen, *own))}}}"
