"""Parts of expressions that many rules share."""

from collections.abc import Iterable
from textwrap import dedent, indent
from typing import Final

from deploy.prometheus.rules.thresholds import RESTART_S, ROUTED_BY
from exporter.config.values import format_duration

STATUS: Final = "account_product_status:dcdn_service_status:held"
LOCK: Final = "account_product_reason:dcdn_service_lock:held"
CHARGE_TYPE: Final = "account_product_charge_type:dcdn_service_charge_type:held"
NEXT_CHARGE_TYPE: Final = "account_product_charge_type:dcdn_service_next_charge_type:held"
IN_DEBT: Final = "account_product:dcdn_service_in_debt:held"
IN_DEBT_OVERDUE: Final = "account_product:dcdn_service_in_debt_overdue:held"
SERVICE_ROUTES: Final = "account:dcdn_account_info:service_routes"
LOCKED_ROUTES: Final = "account:dcdn_account_info:locked_routes"
POLL_ROUTES: Final = "account:dcdn_account_info:poll_routes"


def within(seconds: int) -> str:
    """The range of so many seconds, as PromQL writes it."""
    return f"[{format_duration(seconds)}]"


def written(text: str) -> str:
    """An expression as it stands in the files: without the indentation of the source."""
    return dedent(text).strip()


def inside(text: str) -> str:
    """An expression as a part of another one."""
    return indent(written(text), "  ")


def held(metric: str, *, by: Iterable[str], shown: str, probe: str, record: str) -> str:
    """What is 1 of a state, as of the last answer that any replica has, however old that is.

    The state's own series leave when they are stale, so that nobody trusts an old green. What was seen last goes on
    here until a fresh answer takes its place, and ends with its probe: for a removed account, or with the exporter.

    ``shown`` selects one series of the metric that is there whenever its others are: to find that all of them left,
    it is enough to look for that one.

    It reads itself, as of the last evaluation. A range here would find what had ended meanwhile; without one,
    Prometheus itself may be away for its look-back of 5 minutes.
    """
    return written(f"""
group by ({", ".join(by)}) ({metric} == 1)
  or
(
  {record}
    unless on (account, product)
  {shown}
    and on (account, product)
  last_over_time(dcdn_poll_success{{probe="{probe}"}}{within(RESTART_S)})
)""")


def routes() -> str:
    """The labels of each account by which alerts find their readers.

    One series for an account, even while replicas do not agree on its labels: two would fail every rule that joins.
    """
    return (
        f"topk by (account) (1, max by (account, {', '.join(ROUTED_BY)}) "
        f"(last_over_time(dcdn_account_info{within(RESTART_S)})))"
    )


def routed(expression: str, *, by: str) -> str:
    """The expression's series with what these routes say of their accounts.

    Routes are computed once for a group, and not in each of its rules: for 10,000 accounts that costs more than the
    rest of most rules.
    """
    return f"(\n{inside(expression)}\n)\n  * on (account) group_left ({', '.join(ROUTED_BY)})\n{by}"
