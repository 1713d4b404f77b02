"""Parts of expressions that many rules share."""

from collections.abc import Iterable
from textwrap import dedent, indent
from typing import Final

from deploy.prometheus.rules.thresholds import RESTART_S, ROUTED_BY
from exporter.config.durations import format_duration

STATUS: Final = "account_product_status:dcdn_service_status:held"
LOCK: Final = "account_product_reason:dcdn_service_lock:held"
CHARGE_TYPE: Final = "account_product_charge_type:dcdn_service_charge_type:held"
NEXT_CHARGE_TYPE: Final = "account_product_charge_type:dcdn_service_next_charge_type:held"
IN_DEBT: Final = "account_product:dcdn_service_in_debt:held"
IN_DEBT_OVERDUE: Final = "account_product:dcdn_service_in_debt_overdue:held"


def within(seconds: int) -> str:
    """The range of so many seconds, as PromQL writes it."""
    return f"[{format_duration(seconds)}]"


def written(text: str) -> str:
    """An expression as it stands in the files: without the indentation of the source."""
    return dedent(text).strip()


def inside(text: str) -> str:
    """An expression as a part of another one."""
    return indent(written(text), "  ")


def held(metric: str, *, by: Iterable[str], probe: str, record: str) -> str:
    """What is 1 of a state, as of the last answer that any replica has, however old that is.

    The state's own series leave when they are stale, so that nobody trusts an old green. What was seen last goes on
    here until a fresh answer takes its place, and ends with its probe: for a removed account, or with the exporter.

    It reads itself, as of the last evaluation. A range here would find what had ended meanwhile; without one,
    Prometheus itself may be away for its look-back of 5 minutes.
    """
    return written(f"""
max by ({", ".join(by)}) ({metric}) == 1
  or
(
  {record}
    unless on (account, product)
  {metric}
    and on (account, product)
  last_over_time(dcdn_poll_success{{probe="{probe}"}}{within(RESTART_S)})
)""")


def routed(expression: str, *, known_within_s: int = RESTART_S) -> str:
    """The expression's series with the labels of their account by which alerts find their readers.

    One series for an account, even while replicas do not agree on its labels: two would fail the whole rule.
    """
    labels = ", ".join(ROUTED_BY)
    return (
        f"(\n{inside(expression)}\n)\n"
        f"  * on (account) group_left ({labels})\n"
        f"topk by (account) (1, max by (account, {labels}) "
        f"(last_over_time(dcdn_account_info{within(known_within_s)})))"
    )
