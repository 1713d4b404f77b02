"""The texts of the files that come from the rules."""

from collections.abc import Iterator
from textwrap import fill, indent

from deploy.prometheus.rules.delays import first_seen_after_s
from deploy.prometheus.rules.expressions import NAMED_BY
from deploy.prometheus.rules.groups import ALERTS, GROUPS
from deploy.prometheus.rules.links import Links, no_links
from deploy.prometheus.rules.rule import Alert, Group, Pause, Recording
from deploy.prometheus.rules.thresholds import JOB
from exporter.config.values import format_duration

_WIDTH = 110
_NOTE = "# Written by `make rules` from deploy/prometheus/rules/: change it there.\n"


def alerts_file(links: Links = no_links) -> str:
    """The rules as Prometheus loads them."""
    return f"{_NOTE}{_groups(links)}"


def prometheus_rule(links: Links = no_links) -> str:
    """The rules as the Prometheus operator loads them."""
    return f"""{_NOTE}apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: dcdn-exporter
  labels:
    app.kubernetes.io/name: dcdn-exporter
spec:
{indent(_groups(links), "  ")}"""


def alerts_table() -> str:
    """The rows of docs/alerts.md: alert, severity, when it fires, and how soon."""
    head = "| alert | severity | fires when | `for` | first seen after |\n|---|---|---|---|---|\n"
    rows = (
        f"| [{alert.name}](runbooks/{alert.name}.md) | {alert.severity.value} | {alert.fires_when} | "
        f"{format_duration(alert.waits.seconds)} | {first_seen_after_s(alert):,} s |\n"
        for alert in ALERTS
    )
    return head + "".join(rows)


def _groups(links: Links) -> str:
    return "groups:\n" + "".join(indent(_group(group, links), "  ") for group in GROUPS)


def _group(group: Group, links: Links) -> str:
    rules = "\n".join(_rule(rule, links) for rule in group.rules)
    return f"- name: {group.name}\n  interval: {format_duration(group.interval_s)}\n  rules:\n{indent(rules, '    ')}"


def _rule(rule: Recording | Alert, links: Links) -> str:
    if isinstance(rule, Recording):
        labels = "".join(f"    {name}: {value}\n" for name, value in rule.labels.items())
        text = f"{_comment(rule.why)}- record: {rule.record}\n{_block('expr', rule.expression)}"
        return text + f"  labels:\n{labels}" * bool(labels)
    return "".join(
        (
            f"- alert: {rule.name}\n",
            _block("expr", rule.expression.strip()),
            *_pause("for", rule.waits),
            *(_pause("keep_firing_for", rule.keeps) if rule.keeps else ()),
            "  labels:\n",
            *(f"    {name}: {value}\n" for name, value in _labels(rule).items()),
            "  annotations:\n",
            indent(_block("summary", rule.summary), "  "),
            indent(_block("description", rule.description), "  "),
            indent(_block("summary_zh", rule.summary_zh), "  "),
            indent(_block("description_zh", rule.description_zh), "  "),
            *(f"    {name}: {link}\n" for name, link in links(rule).items()),
        )
    )


def _labels(alert: Alert) -> dict[str, str]:
    """What an alert carries beside the labels of its expression, and those of them that it lacks."""
    of_an_account = {"job": JOB, **dict.fromkeys(NAMED_BY, '""')} if alert.is_about_an_account else {}
    return {"severity": alert.severity.value} | of_an_account | dict.fromkeys(alert.unnamed, '""')


def _pause(key: str, pause: Pause) -> Iterator[str]:
    if not pause.seconds:
        yield indent(_comment(f"no {key}: {pause.why}"), "  ")
        return
    yield indent(_comment(f"{key}: {pause.why}"), "  ")
    yield f"  {key}: {format_duration(pause.seconds)}\n"


def _block(key: str, text: str) -> str:
    """A key with a literal text; `|-` keeps every character as it is."""
    return f"  {key}: |-\n{indent(text, '    ')}\n"


def _comment(text: str) -> str:
    return fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ") + "\n"
