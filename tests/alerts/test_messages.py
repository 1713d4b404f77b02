"""What people read: the messages of every alert in every channel, as Alertmanager and the bridges write them."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.alerts.channels import (
    FOLDER,
    LANGUAGES,
    TEMPLATES,
    channels,
    every_message_to_all,
    sent_to,
    uncommented,
)
from tests.alerts.fired import DOCS, Labels, fired_alerts
from tests.alerts.receivers import Receivers, receivers
from tests.alerts.shipped import ALERTS_FILE
from tests.alerts.test_examples import run
from tests.end_to_end.monitoring import ALERTMANAGER_FLAGS
from tests.prometheus import post, ready
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import EmailMessage
    from pathlib import Path

    Fired = Mapping[str, tuple[Labels, Labels]]

BEGAN, NEWEST, OVER, LATER = (
    "2025-11-22T08:30:00Z",
    "2025-11-22T08:45:00Z",
    "2025-11-22T09:00:00Z",
    "2096-01-01T00:00:00Z",
)
CHANNELS = channels()
# Receivers of one program's kind get the same document; the bridges make their messages from it.
WITHOUT_BRIDGE = ("operators", "team-video", "pagerduty", "wecom")
BRIDGED = "dingtalk"
MOST_WORDS, MOST_WORDS_OF_MANY = 60, 80
OUTAGE = ("DcdnPollFailing", "DcdnDataStale", "DcdnAuthFailing", "DcdnPermissionMissing", "DcdnThrottled")


@pytest.fixture(scope="module")
def fired(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Fired:
    """Labels and annotations of every alert."""
    return fired_alerts(tool, tmp_path_factory.mktemp("fired"))


def test_every_message_can_be_written(fired: Fired) -> None:
    """Each alert fires in some case, and its annotations there have every value that they name."""
    texts = [str(annotations) for _, annotations in fired.values()]
    assert [text for text in texts if "<no value>" in text or "error" in text or "%!" in text] == []


def sent(labels: Labels, annotations: Labels, *, over: bool = False) -> dict[str, Any]:
    """An alert as Prometheus sends it."""
    return {"labels": labels, "annotations": annotations, "startsAt": BEGAN, "endsAt": OVER if over else LATER}


def alertmanager(tool: Callable[[str], str], folder: Path, configuration: Mapping[str, Any]) -> Any:
    """One with the configuration, while a block lasts."""
    (folder / "alertmanager.yaml").write_text(json.dumps(configuration))
    flags = (*ALERTMANAGER_FLAGS, "--web.external-url=http://alertmanager.example.org")
    return ready([tool("prometheus-alertmanager"), *flags], folder)


@pytest.fixture(scope="module")
def taken(fired: Fired, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each receiver took: each alert once, and then that a lock is over."""
    folder = tmp_path_factory.mktemp("messages")
    names = [f"{name}.{language}" for name in (*WITHOUT_BRIDGE, BRIDGED) for language in LANGUAGES]
    with receivers() as to:
        made = [
            sent_to(CHANNELS[name], language=language, http=to.http)
            for name in (*WITHOUT_BRIDGE, BRIDGED)
            for language in LANGUAGES
        ]
        with alertmanager(tool, folder, every_message_to_all(made, smtp=to.smtp)) as address:

            def have(count: int) -> bool:
                return all(len(to.taken.get(name, ())) >= count for name in names)

            post(address, "/api/v2/alerts", [sent(*one) for one in fired.values()])
            wait_until("every alert has arrived everywhere", lambda: have(len(fired)))
            post(address, "/api/v2/alerts", [sent(*fired["DcdnServiceLockedFinancial"], over=True)])
            wait_until("the end of the lock has, too", lambda: have(len(fired) + 1))
    return to.taken


def in_order(messages: list[str], fired: Fired) -> list[tuple[str, str]]:
    """The messages with the names of their alerts, in the order of the rules, and last the one without a runbook."""
    names = [*fired, "over"]

    def of(message: str) -> str:
        (runbook,) = set(re.findall(rf"{DOCS}/runbooks/(?:zh/)?(\w+)\.md", message)) or {""}
        # Two alerts of one name have summaries of their own.
        of_it = [
            name
            for name, (labels, annotations) in fired.items()
            if labels["alertname"] == runbook
            and any(annotations[summary] in message for summary in ("summary", "summary_zh"))
        ]
        return of_it[0] if runbook else "over"

    return sorted(((of(message), message) for message in messages), key=lambda one: (names.index(one[0]), one[1]))


def readable(name: str, message: Any) -> str:
    """What a person reads of what a receiver took."""
    if name.startswith("operators"):
        mail: EmailMessage = message
        body = mail.get_body(("plain",))
        assert body is not None
        return f"{mail['Subject']}\n\n{body.get_content()}"
    if name.startswith("team-video"):
        (attachment,) = message["attachments"]
        return f"{attachment['title']}\n\n{attachment['text']}"
    if name.startswith("pagerduty"):
        payload = message["payload"]
        details = payload["custom_details"]
        return f"{payload['severity']}: {payload['summary']}\n\n{details['firing']}{details['resolved'] or ''}"
    # The document itself: what the service of WeCom wants around the text is as good as the text.
    kept = {key: message[key] for key in ("agentid", "markdown", "msgtype", "toparty")}
    return json.dumps(kept, ensure_ascii=False, indent=2)


def by_bridge(amtool: str, data: Path, *, language: str) -> tuple[str, str]:
    """What prometheus-webhook-dingtalk and alertmanager-webhook-adapter make of a webhook's document."""
    zh = "zh." if language == "zh" else ""
    dingtalk = f'{{{{ template "dcdn.{zh}subject" . }}}}\n\n{{{{ template "dcdn.{zh}markdown" . }}}}'
    adapter = '{{ template "prom.title" . }}\n{{ template "prom.markdown" . }}'
    file = TEMPLATES / f"dcdn.{zh}tmpl"
    both = run(
        amtool,
        "template",
        "render",
        f"--template.glob={file}",
        f"--template.text={dingtalk}\f{adapter}",
        f"--template.data={data}",
    )
    one, other = both.split("\f")
    return one, other


@pytest.fixture(scope="module")
def messages(
    taken: dict[str, list[Any]], fired: Fired, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[str, str]]]:
    """Each message as it is read, with the name of its alert, by channel and language."""
    read: dict[str, list[str]] = {}
    data = tmp_path_factory.mktemp("bridges") / "message.json"
    for name in (f"{channel}.{language}" for channel in WITHOUT_BRIDGE for language in LANGUAGES):
        read[name] = [readable(name, message) for message in taken[name]]
    for language in LANGUAGES:
        for document in taken[f"{BRIDGED}.{language}"]:
            data.write_text(json.dumps(document))
            dingtalk, adapter = by_bridge(tool("amtool"), data, language=language)
            read.setdefault(f"dingtalk.{language}", []).append(dingtalk)
            read.setdefault(f"robot.{language}", []).append(adapter)
    return {name: in_order(texts, fired) for name, texts in read.items()}


def test_every_message_is_as_it_was(
    messages: dict[str, list[tuple[str, str]]], golden: Callable[[str, bytes], bytes]
) -> None:
    """Mail, Slack, PagerDuty, WeCom's document and what bridges send; `pytest --write-golden` writes them anew."""
    for name, texts in messages.items():
        whole = "".join(f"===== {alert}\n{text.strip()}\n\n" for alert, text in texts).encode()
        assert golden(f"messages/{name}.txt", whole).decode() == whole.decode(), name


def words(text: str) -> list[str]:
    """The words of a text; an address is none, and of Chinese two signs make one."""
    plain = re.sub(r"https?://[^\s)\"]+", " ", text)
    others = re.sub("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", " ", plain)
    return [word for word in others.split() if re.search(r"\w", word)] + re.findall("[\u4e00-\u9fff]{1,2}", plain)


def test_a_message_is_read_at_a_glance(messages: dict[str, list[tuple[str, str]]]) -> None:
    """At most 60 words say who, what, since when and what to do."""
    read = {
        # Where the text begins with its title, that is shown, and the other title is not.
        (name, alert): (json.loads(text)["markdown"]["content"] if name.startswith("wecom") else text).split("### ")[
            -1
        ]
        for name, texts in messages.items()
        for alert, text in texts
    }
    assert {key: len(words(text)) for key, text in read.items() if len(words(text)) > MOST_WORDS} == {}
    assert all(len(words(text)) > 5 for text in read.values())


def test_a_message_says_who_what_since_when_and_what_to_do(
    messages: dict[str, list[tuple[str, str]]], fired: Fired
) -> None:
    """In either language, with the links; a resolved message says when, and asks for nothing to be done."""
    since = {"en": "2025-11-22 08:30", "zh": "2025-11-22 16:30"}
    over = {"en": "2025-11-22 09:00", "zh": "2025-11-22 17:00"}
    for name, texts in messages.items():
        language = name.rpartition(".")[2]
        assert [alert for alert, _ in texts] == [*fired, "over"]
        for alert, text in texts:
            labels, annotations = fired["DcdnServiceLockedFinancial" if alert == "over" else alert]
            chosen = {
                key: annotations.get(f"{key}_zh" if language == "zh" else key, annotations[key])
                for key in ("summary", "description", "runbook_url")
            }
            unescaped = json.loads(text)["markdown"]["content"] if name.startswith("wecom") else text
            assert since[language] in text
            assert chosen["summary"] in unescaped
            assert labels.get("account", "") in text
            assert annotations["dashboard_url"] in unescaped
            assert (chosen["description"] in unescaped) == (alert != "over")
            assert (chosen["runbook_url"] in unescaped) == (alert != "over")
            english = language == "zh" and "runbook_url_zh" not in annotations and alert != "over"
            assert ("处理手册（英文）" in unescaped) == english
            assert (over[language] in text) == (alert == "over")


def test_a_message_about_many_names_the_newest(
    fired: Fired, tool: Callable[[str], str], tmp_path: Path, golden: Callable[[str, bytes], bytes]
) -> None:
    """It and two others of those that fire, and one that is over; how many there are, and what to do about it."""
    labels, annotations = fired["DcdnServiceLockedFinancial"]
    data = tmp_path / "message.json"
    for count in (7, 3, 2):
        alerts = [
            {
                "status": "resolved" if number == count else "firing",
                "labels": {**labels, "account": f"member-{number}"},
                "annotations": {
                    name: text.replace("prod", f"member-{number}") if "summary" in name else f"{text}#{number}"
                    for name, text in annotations.items()
                },
                "startsAt": NEWEST if number == 1 else BEGAN,
                "endsAt": OVER,
            }
            for number in range(count + 1)
        ]
        data.write_text(json.dumps({"status": "firing", "alerts": alerts}))
        for language in LANGUAGES:
            _, text = by_bridge(tool("amtool"), data, language=language)
            assert len(words(text)) <= MOST_WORDS_OF_MANY
            assert set(re.findall(r"#\d", text)) == {"#1"}, "what to do and the links are the newest one's"
            assert "member-1" in text.splitlines()[0]
            text = text.replace("#1", "")
            assert golden(f"messages/{count}-locks.{language}.txt", text.encode()).decode() == text


def test_without_addresses_a_message_has_no_links(fired: Fired, tool: Callable[[str], str], tmp_path: Path) -> None:
    """The shipped rules have none; nothing is left behind of what would stand around them."""
    labels, annotations = fired["DcdnInDebt"]
    plain = {key: text for key, text in annotations.items() if "_url" not in key}
    alert = {"status": "firing", "labels": labels, "annotations": plain, "startsAt": BEGAN, "endsAt": BEGAN}
    data = tmp_path / "message.json"
    data.write_text(json.dumps({"status": "firing", "commonAnnotations": plain, "alerts": [alert]}))
    for language in LANGUAGES:
        for text in by_bridge(tool("amtool"), data, language=language):
            assert not re.search(r"http|\]\(|unbook|ashboard|手册|面板", text)
            assert text.rstrip().endswith(plain.get(f"description_{language}", plain["description"]))


def test_templates_use_functions_that_the_bridges_have() -> None:
    """Those of Go's own templates: of Alertmanager's, the bridges have few."""
    own = {"and", "or", "not", "eq", "gt", "lt", "index", "len"}
    grammar = {"define", "template", "end", "if", "else", "with", "range"}
    for file in TEMPLATES.glob("*.tmpl"):
        text = re.sub(r"{{/\*.*?\*/}}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        actions = re.findall(r"{{-? *(.*?) *-?}}", text)
        called = {
            word
            for action in actions
            for word in re.findall(r"(?<![\w.$\"])[a-zA-Z]\w*", re.sub(r'"[^"]*"', '""', action))
        }
        assert called - grammar <= own, file.name


def test_alertmanager_accepts_every_channel(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Each alone beside those that are in use, and all together, with the templates that they name."""
    whole, shipped = yaml.safe_load(uncommented()), (FOLDER / "alertmanager.yaml").read_text(encoding="utf-8")
    (tmp_path / "templates").symlink_to(TEMPLATES)
    names = [receiver["name"] for receiver in whole["receivers"]]
    used = [receiver["name"] for receiver in yaml.safe_load(shipped)["receivers"]]
    assert set(used) < set(names)
    alone = [[*used, name] for name in names if name not in used]
    for number, kept in enumerate([*alone, names]):
        routes = [route for route in whole["route"]["routes"] if route["receiver"] in kept]
        configuration = {
            **whole,
            "route": {**whole["route"], "routes": routes},
            "receivers": [receiver for receiver in whole["receivers"] if receiver["name"] in kept],
        }
        file = tmp_path / f"{number}.yaml"
        file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        assert f"{len(kept)} receivers" in run(tool("amtool"), "check-config", str(file))


def test_a_linter_finds_no_fault_in_any_channel(tool: Callable[[str], str], tmp_path: Path) -> None:
    """With the rules beside it: each route and inhibition matches an alert that there is."""
    # Which channels are routed to, and where keys stand, is the user's.
    on_purpose = "plaintext-secret,unused-receiver"
    (tmp_path / "templates").symlink_to(TEMPLATES)
    file = tmp_path / "alertmanager.yaml"
    file.write_text(uncommented(), encoding="utf-8")
    arguments = ["check", "--strict", f"--rules={ALERTS_FILE}", f"--ignore={on_purpose}"]
    run(tool("amlint"), *arguments, str(file))

    file.write_text(
        uncommented().replace('alertname="DcdnServiceLockedFinancial"', 'alertname="DcdnNoSuch"'), encoding="utf-8"
    )
    refused = subprocess.run([tool("amlint"), *arguments, str(file)], capture_output=True, text=True, check=False)  # noqa: S603
    assert (refused.returncode, "DcdnNoSuch" in refused.stdout) == (1, True), refused


def test_a_robot_takes_an_outage_and_shows_a_lock_in_it(
    fired: Fired, tool: Callable[[str], str], tmp_path: Path
) -> None:
    """Two hundred accounts fail in five ways: a robot gets six messages, and it takes 20 in a minute."""
    shipped = yaml.safe_load(uncommented())
    shipped["templates"] = [str(TEMPLATES / "*.tmpl")]
    del shipped["inhibit_rules"]  # not even those are needed
    robots = [route["receiver"] for route in shipped["route"]["routes"] if "group_by" in route]
    assert len(robots) == 1
    for route in (shipped["route"], *shipped["route"]["routes"]):
        route |= {key: "2s" for key in ("group_wait",) if key in route}
    failing = [
        sent({**fired[name][0], "account": f"account-{number:03}"}, fired[name][1])
        for name in OUTAGE
        for number in range(200)
    ]
    lock = sent(*fired["DcdnServiceLockedFinancial"])
    with receivers() as to:
        shipped["receivers"] = [
            {"name": name, "webhook_configs": [{"url": f"{to.http}/{name}"}]} for name in CHANNELS
        ]
        with alertmanager(tool, tmp_path, shipped) as address:
            # They begin now: a group of alerts that began before its group_wait is sent at once, in parts.
            for alert in (*failing, lock):
                del alert["startsAt"]
            post(address, "/api/v2/alerts", [*failing, lock])
            wait_until("the lock has arrived", lambda: locks(to, robots[0]))
            wait_until("everything has", lambda: len(to.taken[robots[0]]) > len(OUTAGE))
        (alone,) = locks(to, robots[0])
        assert len(alone["alerts"]) == 1
        assert len(to.taken[robots[0]]) == len(OUTAGE) + 1


def locks(to: Receivers, name: str) -> list[dict[str, Any]]:
    """The messages about a lock that a receiver took."""
    return [
        one for one in to.taken.get(name, ()) if one["commonLabels"].get("alertname") == "DcdnServiceLockedFinancial"
    ]
