"""What runbooks say: in which order, in which languages, and that what they name exists."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from deploy.prometheus.rules.groups import ALERTS
from deploy.prometheus.rules.rule import Severity
from tests.alerts.shipped import ROOT, RUNBOOKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUNBOOK_FILES = sorted(RUNBOOKS.glob("*.md"))
CHINESE_RUNBOOK_FILES = sorted((RUNBOOKS / "zh").glob("*.md"))
FIRST_LOOK = ROOT / "docs" / "first-look.md"
# The first lines of a runbook, after its title.
FIRST = (
    "First: open the [status page](../first-look.md#status-page), "
    "or run [`dcdn-exporter status`](../first-look.md#dcdn-exporter-status)."
)
# Their exporter may not run: it has no page, and there is no container to run a command in.
OF_A_DEAD_ONE = {
    "DcdnAccountsUnwatched",
    "DcdnExporterAbsent",
    "DcdnExporterDown",
    "DcdnExporterRestarting",
    "DcdnShardMissing",
}
FIRST_OF_A_DEAD_ONE = (
    "First: look at the process and its [log](../first-look.md#log). "
    "[If it does not run](../first-look.md#if-it-does-not-run) has the commands."
)
CHINESE_FIRST = (
    "先打开[状态页](../../zh/first-look.md#状态页)，"
    "或运行 [`dcdn-exporter status`](../../zh/first-look.md#dcdn-exporter-status)。"
)
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Over"]
CHINESE_SECTIONS = ["含义", "影响", "排查", "处理", "恢复"]


def test_each_alert_has_its_runbook_and_each_runbook_its_alert() -> None:
    """By name."""
    assert {file.stem for file in RUNBOOK_FILES} == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("file", RUNBOOK_FILES, ids=lambda file: file.stem)
def test_a_runbook_goes_from_meaning_to_end(file: Path) -> None:
    """Its name, five chapters with something in each, and both sites in the impact where customers are concerned."""
    text = file.read_text(encoding="utf-8")
    first = FIRST_OF_A_DEAD_ONE if file.stem in OF_A_DEAD_ONE else FIRST
    assert text.startswith(f"# {file.stem}\n\n{first}\n")
    heads = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    chapters = dict(zip(heads[::2], heads[1::2], strict=True))
    assert list(chapters) == SECTIONS
    assert all(len(chapter.strip()) > 30 for chapter in chapters.values())
    assert "```" in chapters["Diagnosis"] + chapters["Over"], "commands, not advice"
    severities = {alert.severity for alert in ALERTS if alert.name == file.stem}
    assert Severity.CRITICAL not in severities or re.search("site", chapters["Impact"])
    assert not re.search(r"journalctl|podman logs|kubectl logs|localhost:10520", text), "these stand in first-look.md"


def test_the_runbooks_of_locks_and_debts_are_there_in_chinese() -> None:
    """With the same chapters, commands and queries, and the two lead to each other."""
    names = ["DcdnInDebt", "DcdnInDebtOverdue", "DcdnServiceLockedFinancial", "DcdnServiceLockedOther"]
    assert [file.stem for file in CHINESE_RUNBOOK_FILES] == names
    for file in CHINESE_RUNBOOK_FILES:
        text, english = (one.read_text(encoding="utf-8") for one in (file, RUNBOOKS / file.name))
        assert text.startswith(f"# {file.stem}\n\n{CHINESE_FIRST}\n\n[English](../{file.name})\n")
        assert f"\n[中文](zh/{file.name})\n" in english
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == CHINESE_SECTIONS
        assert re.findall("```.*?```", text, re.DOTALL) == re.findall("```.*?```", english, re.DOTALL)
        for chapter in (r"## 影响\n(.*?)\n##", r"## 处理\n(.*?)\n##"):
            assert re.search(chapter, text, re.DOTALL)
        steps = re.compile(r"^(?:\d\.|-) ", re.MULTILINE)
        assert len(steps.findall(text)) == len(steps.findall(english))


@pytest.mark.parametrize("file", [*RUNBOOK_FILES, *CHINESE_RUNBOOK_FILES], ids=str)
def test_the_days_of_grace_are_those_of_the_international_site(file: Path) -> None:
    """The China site has none, but for some accounts; plans of ESA have their own days, after which they are gone."""
    lines = file.read_text(encoding="utf-8").splitlines()
    days = [line for line in lines if re.search("15 (?:days|天)", line) and not file.stem.startswith("DcdnEsa")]
    assert [line for line in days if not re.search(r"\*\*(?:[Ii]nternational site|国际站)\*\*", line)] == []
    none = [line for line in lines if re.search(r"\*\*(?:China site|中国站)\*\*.*(?:grace|宽限)", line)]
    assert [
        line for line in none if not re.search("no grace.*deferred suspension|没有宽限期.*延期免停权益", line)
    ] == []


@pytest.mark.parametrize("file", [*RUNBOOK_FILES, *CHINESE_RUNBOOK_FILES, FIRST_LOOK], ids=str)
def test_links_of_runbooks_lead_somewhere(file: Path) -> None:
    """To a file of the project, and to a heading that it has."""
    for link, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", file.read_text(encoding="utf-8")):
        target = (file.parent / link) if link else file
        assert target.exists(), f"{link} does not exist"
        if heading:
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}
            assert heading in anchors, f"{link}#{heading}"


def test_a_check_of_the_configuration_is_there_for_each_way_it_runs() -> None:
    """With the file that systemd, podman and the chart start it with; and so is a reload."""
    started = {
        way: re.findall(r"--config\.file=(/\S+)", (ROOT / file).read_text(encoding="utf-8"))
        for way, file in (
            ("/opt/dcdn-exporter/bin/dcdn-exporter", "deploy/systemd/dcdn-exporter.service"),
            ("podman exec dcdn-exporter dcdn-exporter", "docs/deployment.md"),
            (
                "kubectl exec deployment/dcdn-exporter -- dcdn-exporter",
                "deploy/helm/dcdn-exporter/templates/_helpers.tpl",
            ),
        )
    }
    expected = [f"{way} check-config {path}" for way, (path, *_) in started.items()]
    checks = {
        file.stem: re.findall(r"^.*dcdn-exporter check-config /.*$", text, re.MULTILINE)
        for file in RUNBOOK_FILES
        if "check-config /" in (text := file.read_text(encoding="utf-8"))
    }
    assert checks == dict.fromkeys(["DcdnAuthFailing", "DcdnConfigReloadFailed"], expected)
    reloads = (RUNBOOKS / "DcdnConfigReloadFailed.md").read_text(encoding="utf-8").partition("## Mitigation")[2]
    assert re.search(r"^systemctl reload .*\npodman kill --signal HUP .*\nkubectl rollout ", reloads, re.MULTILINE)


def test_what_runbooks_look_for_in_the_log_is_written_there() -> None:
    """Each event is one of the exporter's own, at a level that `warn` shows: not to find it says something."""
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "exporter").rglob("*.py"))
    loud = r"(?:logging\.(?:WARNING|ERROR)|log\.(?:warning|error)\()"
    events = {
        event
        for file in RUNBOOK_FILES
        for line in file.read_text(encoding="utf-8").splitlines()
        if "first-look.md#log" in line
        for event in re.findall(r"`([a-z]+(?: [a-z]+)+)`", line)
    }
    assert len(events) >= 7
    # Two are put together: of a role, and of a state, of which a status that is not good is a warning.
    written = {event: event.removeprefix("role ").replace("service state changed", " changed") for event in events}
    assert events - {
        event
        for event in events
        if re.search(rf'{loud}[^"]{{0,100}}f?"(?:{{news.subject}})?{written[event]}"', source)
    } == {"role not assumed", "service state learned"}
    assert re.search(r'news = .*"not assumed"', source)
    assert re.search(r'level = logging\.WARNING if news\.is_bad.*\n.*news\.subject} learned"', source)


def test_every_query_of_the_runbooks_can_be_asked(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Prometheus parses each of them."""
    queries = [
        query.strip()
        for file in RUNBOOK_FILES
        for query in re.findall(r"```promql\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert len(queries) > len(ALERTS)
    rules = [{"record": f"runbook:query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}), encoding="utf-8")
    ended = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("promtool"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
