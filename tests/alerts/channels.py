"""The channels of deploy/alertmanager: those in use, and those that stand there to be uncommented."""

import json
import re
from collections.abc import Iterable
from typing import Any

import yaml

from tests.alerts.shipped import ROOT

FOLDER = ROOT / "deploy" / "alertmanager"
TEMPLATES = FOLDER / "templates"
LANGUAGES = ("en", "zh")
_COMMENTED = re.compile(r"^#(?=  +\S)", re.MULTILINE)
_CHOSEN = re.compile(r'template \\"dcdn\.(?:zh\.)?')


def uncommented() -> str:
    """The shipped configuration with every channel in it."""
    return _COMMENTED.sub("", (FOLDER / "alertmanager.yaml").read_text(encoding="utf-8"))


def channels() -> dict[str, dict[str, Any]]:
    """The receivers, by their names."""
    return {receiver["name"]: receiver for receiver in yaml.safe_load(uncommented())["receivers"]}


def sent_to(receiver: dict[str, Any], *, language: str, http: str) -> dict[str, Any]:
    """The receiver with its texts in a language, and a server of the test's in place of the service.

    Its new name, which the server sees as well, is NAME.LANGUAGE.
    """
    name = f"{receiver['name']}.{language}"
    chosen = 'template \\"dcdn.' + ("zh." if language == "zh" else "")
    made: dict[str, Any] = json.loads(_CHOSEN.sub(chosen.replace("\\", r"\\"), json.dumps(receiver)))
    made["name"] = name
    for key, addressed, address in (
        ("webhook_configs", "url", f"{http}/{name}"),
        ("slack_configs", "api_url", f"{http}/{name}"),
        ("pagerduty_configs", "url", f"{http}/{name}"),
        ("wechat_configs", "api_url", f"{http}/{name}/"),
        ("email_configs", "to", f"{name}@example.org"),
    ):
        for one in made.get(key, ()):
            one[addressed] = address
    return made


def every_message_to_all(receivers: Iterable[dict[str, Any]], *, smtp: str) -> dict[str, Any]:
    """A configuration that sends each alert in a message of its own, at once, to every receiver."""
    made = list(receivers)
    return {
        "global": {"smtp_smarthost": smtp, "smtp_from": "alerts@example.org", "smtp_require_tls": False},
        "templates": [str(TEMPLATES / "*.tmpl")],
        "route": {
            "receiver": "nobody",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "100ms",
            "routes": [{"receiver": one["name"], "continue": True} for one in made],
        },
        "receivers": [{"name": "nobody"}, *made],
    }
