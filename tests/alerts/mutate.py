"""Breaks every rule in every way, and asks promtool's tests whether they notice.

Run by `make mutate`; writes docs/alert-mutations.md. A mutation that no test notices is a gap in the tests, unless
it changes nothing that can be seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.alerts.mutations import Mutation, mutations
from tests.alerts.shipped import ROOT, TEST_FILES, load, only, rules, tried

_ALERT = re.compile(r'alertname="(\w+)"')
_METRIC = re.compile(r"\bdcdn_\w+|\bup\b")
_RESULT = ROOT / "docs" / "alert-mutations.md"

# Mutations that change nothing that can be seen, and why.
_EQUIVALENT = (
    (r"expression: `(?:max by|changes\()` in `sum by .*increase\(.*> 0`", "more than 0 in all is more than 0 in one"),
    (
        r"(?:dcdn_service_\w+:held|dcdn_service_status:unanswered): matcher: no `(?:status|reason)=",
        "the metric's other series come and go with that one",
    ),
    (
        r"dcdn_(?:domains|resource_\w+|esa_\w+):(?:held|unanswered): matcher: no `status=\"(?:online|valid)\"`",
        "the metric's other series come and go with that one",
    ),
    (
        r"^([\w:]+:held): expression: no `and on \(account, product\) \1`$",
        "what is compared is joined by that record anyhow; where there is nothing of it, nothing is compared",
    ),
    (r"dcdn_esa_plans:unanswered: matcher: no `product=", "all of it is joined by the product"),
    (
        r"dcdn_poll_success:shown: expression: no `or on \(job, account, product\)",
        "a scrape that fails between two rules is seen by test_snapshots.py alone",
    ),
    (
        r"dcdn_poll_success:shown: (?:threshold: (?:120|30) |expression: (?:no `unless|`\+`).*process_)",
        "what an exporter that has just started does not show is lost already",
    ),
    (r"dcdn_service:attention: matcher: no `status=", "the metric's other series come and go with that one"),
    (r"dcdn_service:beside: expression: `min by`", "there is one series of each"),
    (r"dcdn_poll_success:since: expression: `-` in `time\(\) \+ ", "what is added is 0"),
    (r"DcdnServiceDeactivated: matcher: no `status=", "the other two values are excluded by what follows"),
    (
        r"dcdn_polls_(?:throttled|skipped):share: range: .*`.*rate\(dcdn_polls_total",
        "of the divisor alone; polls come steadily",
    ),
    (
        r"_(?:domains|offline):before: range: .* instead of 1m",
        "of one number, any moment before the present one serves",
    ),
    (r"^job\w*:(?:up|dcdn_poll_success):\w+: matcher: no `job=", "what is recorded of other jobs is not looked at"),
    (r"DcdnAccountsUnwatched: matcher: no `job=", "what is lost has a job, and all is joined by it"),
    (r"DcdnReplicaFailing: matcher: no `job=", "either of the two matchers is enough, since the job is matched"),
    (r"DcdnAccountMissing: threshold: 0.5 instead of 1", "what one exporter misses it misses by itself as well"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutation."""

    name: str
    how: str
    verdict: str
    """`noticed` by a test, `refused` by Prometheus, `survived`, or did so as an `equivalent`."""
    why: str = ""
    """Of an equivalent."""


def main() -> int:
    """Break all; 0 when every mutation that parses was noticed."""
    promtool = shutil.which("promtool")
    if promtool is None:
        sys.stderr.write("promtool is not installed (Debian: apt install prometheus)\n")
        return 2
    chosen = set(sys.argv[1:])
    work = [
        (rule, mutation) for rule in rules() if not chosen or _name(rule) in chosen for mutation in mutations(rule)
    ]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = []
        for outcome in pool.map(
            lambda numbered: _try(promtool, *numbered[1], folder=Path(folder) / str(numbered[0])), enumerate(work)
        ):
            outcomes.append(outcome)
            if outcome.verdict == "survived":
                sys.stdout.write(f"survived: {outcome.name}: {outcome.how}\n")
    if not chosen:
        _RESULT.write_text(report(outcomes), encoding="utf-8")
    survivors = [outcome for outcome in outcomes if outcome.verdict == "survived"]
    sys.stdout.write(f"{dict(Counter(outcome.verdict for outcome in outcomes))}\n")
    return int(bool(survivors))


def fingerprint() -> str:
    """What a result is of: another one for other rules, as far as they are broken, or other tests of them."""
    parts = ("expr", "for", "keep_firing_for")
    broken = [{"name": _name(rule)} | {part: rule[part] for part in parts if part in rule} for rule in rules()]
    digest = hashlib.sha256(json.dumps(broken).encode())
    for file in sorted(TEST_FILES):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def report(outcomes: list[Outcome]) -> str:
    """The page of the documentation."""
    lines = [
        "# Mutations of the rules",
        "",
        "`make mutate` breaks every rule in turn: its words, thresholds, ranges, matchers, clauses, grouping, `for`",
        "and `keep_firing_for`. Each broken rule has to fail a test of `deploy/prometheus/*_test.yaml`. Those that",
        "Prometheus refuses to load are not counted. Last result, of rules and tests with the SHA-256",
        f"`{fingerprint()}`:",
        "",
        "| rule | mutations | noticed |",
        "|---|---|---|",
    ]
    counted = [outcome for outcome in outcomes if outcome.verdict in {"noticed", "survived"}]
    for name in dict.fromkeys(outcome.name for outcome in counted):
        ours = [outcome for outcome in counted if outcome.name == name]
        lines.append(f"| {name} | {len(ours)} | {sum(outcome.verdict == 'noticed' for outcome in ours)} |")
    noticed = sum(outcome.verdict == "noticed" for outcome in counted)
    lines.append(f"| all | {len(counted)} | {noticed} |")
    if survivors := [outcome for outcome in counted if outcome.verdict == "survived"]:
        lines += ["", "Not noticed:", ""]
        lines += [f"- {outcome.name}: {outcome.how}" for outcome in survivors]
    if equivalent := [outcome for outcome in outcomes if outcome.verdict == "equivalent"]:
        lines += ["", "Not counted either, since they change nothing that can be seen:", ""]
        lines += [f"- {outcome.name}: {outcome.how}: {outcome.why}" for outcome in equivalent]
    return "\n".join(lines) + "\n"


def _name(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


def _try(promtool: str, rule: dict[str, Any], mutation: Mutation, *, folder: Path) -> Outcome:
    """Whether the tests that ask for the rule notice what was done to it."""
    name = _name(rule)
    folder.mkdir()
    _write(folder / "alerts.yaml", {"groups": [{"name": "one", "rules": [mutation.rule]}]})
    if _refused(promtool, folder / "alerts.yaml"):
        return Outcome(name, mutation.how, "refused")
    for alerts, case in _cases(rule):
        _write(folder / "alerts.yaml", _mutated(rule, mutation.rule, alerts))
        _write(folder / "case.yaml", case)
        if tried(promtool, "case.yaml", folder=folder).returncode:
            return Outcome(name, mutation.how, "noticed")
    for pattern, why in _EQUIVALENT:
        if re.search(pattern, f"{name}: {mutation.how}"):
            return Outcome(name, mutation.how, "equivalent", why)
    return Outcome(name, mutation.how, "survived")


def _alerts(rule: dict[str, Any]) -> list[str]:
    """The alerts that show what becomes of the rule: itself, or those that use what it records, directly or not."""
    if "alert" in rule:
        return [rule["alert"]]
    return [alert for alert, used in _used().items() if rule["record"] in used]


@cache
def _used() -> dict[str, set[str]]:
    """What each alert uses of what is recorded."""
    alerts = [rule["alert"] for rule in rules() if "alert" in rule]
    return {
        alert: {rule["record"] for group in only(alert)["groups"] for rule in group["rules"] if "record" in rule}
        for alert in alerts
    }


def _mutated(rule: dict[str, Any], by: dict[str, Any], alerts: frozenset[str]) -> dict[str, Any]:
    """These alerts and what they use, with the other rule in the place of this one."""
    groups = only(*alerts)["groups"]
    return {
        "groups": [
            {**group, "rules": [by if other == rule else other for other in group["rules"]]} for group in groups
        ]
    }


def _cases(rule: dict[str, Any]) -> list[tuple[frozenset[str], dict[str, Any]]]:
    """Every case by itself that has series which the rules look at, with the alerts that it is asked about.

    First come those in which an alert fires, asked about that alone: that is quick, and notices most. The first of
    them have most of what the rule itself looks at. Then all that has it is asked about the rule, or about the alerts
    that use it without another recording between. What no alert uses is asked for in the cases that name it.
    """
    users = frozenset(_alerts(rule))
    if not users:
        asked = frozenset({_name(rule)})
        named = [(file, case) for file in _files() for case in file["tests"] if _is_asked(case, _name(rule))]
        return [(asked, _asked(file, case, asked)) for file, case in named]
    direct = frozenset(
        other["alert"]
        for other in rules()
        if other.get("alert") in users and (rule == other or rule.get("record", "no record") in other["expr"])
    )
    looked_at = {metric for other in _used_by(direct) for metric in _METRIC.findall(other["expr"])}
    own = set(_METRIC.findall(rule["expr"]))
    quick: list[tuple[int, frozenset[str], dict[str, Any]]] = []
    complete = []
    for file, case in ((one, case) for one in _files() for case in one["tests"]):
        given = {series["series"].partition("{")[0] for series in case["input_series"]}
        firing = frozenset(
            name
            for check in case["promql_expr_test"]
            for sample in check["exp_samples"]
            for name in _alerts_of(check, sample)
        )
        if asked := firing & users:
            quick.append((-len(own & given), asked, _asked(file, case, asked)))
        if direct and (asked or (looked_at - {"dcdn_account_info"}) & given):
            complete.append((direct, _asked(file, case, direct)))
    return [(asked, case) for _, asked, case in sorted(quick, key=lambda one: one[0])] + complete


@cache
def _files() -> list[dict[str, Any]]:
    return [load(file) for file in TEST_FILES]


def _is_asked(case: dict[str, Any], record: str) -> bool:
    return any(record in check["expr"] for check in case["promql_expr_test"])


@cache
def _used_by(alerts: frozenset[str]) -> list[dict[str, Any]]:
    return [rule for group in only(*alerts)["groups"] for rule in group["rules"]]


def _asked(file: dict[str, Any], case: dict[str, Any], alerts: frozenset[str]) -> dict[str, Any]:
    """The file with this case alone, and that asked about these alerts and what they use."""
    records = [rule["record"] for rule in _used_by(alerts) if "record" in rule]
    checks = [_asking_for(alerts, check) for check in case["promql_expr_test"] if _can_ask(check, records)]
    messages = [check for check in case.get("alert_rule_test", []) if check["alertname"] in alerts]
    return {**file, "tests": [{**case, "promql_expr_test": checks, "alert_rule_test": messages}]}


def _can_ask(check: dict[str, Any], records: list[str]) -> bool:
    """Whether a check is about alerts, or about something recorded that is there."""
    return "ALERTS" in check["expr"] or any(record in check["expr"] for record in records)


def _asking_for(names: frozenset[str], check: dict[str, Any]) -> dict[str, Any]:
    """The check less what it says of alerts that are not there; other checks look at what is recorded."""
    if "ALERTS" not in check["expr"]:
        return check
    samples = [sample for sample in check["exp_samples"] if _alerts_of(check, sample)[0] in names]
    return {**check, "exp_samples": samples}


def _alerts_of(check: dict[str, Any], sample: dict[str, Any]) -> list[str]:
    """Whose sample it is: the check's expression names the alert where the sample does not."""
    return _ALERT.findall(sample["labels"]) or _ALERT.findall(check["expr"])


def _write(file: Path, content: object) -> None:
    file.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper), encoding="utf-8")


def _refused(promtool: str, file: Path) -> bool:
    ended = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, check=False)  # noqa: S603
    return ended.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
