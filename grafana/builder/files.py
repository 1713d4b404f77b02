"""The texts of the files that Grafana loads."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.builder.account import account
from grafana.builder.addresses import ACCOUNT_UID, DOCS, EXPORTER_UID, OVERVIEW_UID
from grafana.builder.exporter_health import exporter_health
from grafana.builder.overview import overview


def _text(build: Callable[[], Dashboard], docs_url: str) -> str:
    document = _linked(json.loads(JSONEncoder().encode(build().build())), docs_url)
    every = [inner for panel in document["panels"] for inner in (panel, *(panel.get("panels") or ()))]
    for number, panel in enumerate(every, start=1):
        panel["id"] = number
        panel["links"] = panel.get("links") or None
    return json.dumps(_without_nulls(document), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _linked(value: Any, docs_url: str) -> Any:
    """The same with links to runbooks below the address of the documents, or without them where that is not known."""
    if isinstance(value, list):
        return [_linked(item, docs_url) for item in value if docs_url or not _is_runbook(item)]
    if _is_runbook(value):
        return {**value, "url": f"{docs_url}/{value['url'].removeprefix(DOCS)}"}
    return {key: _linked(item, docs_url) for key, item in value.items()} if isinstance(value, dict) else value


def _is_runbook(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("url", "")).startswith(DOCS)


def _of_one_account(docs_url: str) -> str:
    """The account's dashboard, with its account matched whole.

    Grafana escapes what is special in a regular expression only where several values may be chosen, so that
    ``=~`` would not find an account named "prod (eu)"; and of one value it escapes an apostrophe, which PromQL then
    takes for a backslash and an apostrophe. As it is, between backticks, the name stands for itself.
    """
    return _text(account, docs_url).replace(r"account=~\"$account\"", "account=`${account:raw}`")


def _without_nulls(value: Any) -> Any:
    """The same without keys that say nothing; a threshold's null is its meaning, "from below"."""
    if isinstance(value, dict):
        return {
            key: _without_nulls(item)
            for key, item in value.items()
            if item is not None or (key == "value" and "color" in value)
        }
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


FILES: Final[Mapping[str, Callable[[str], str]]] = {
    f"{OVERVIEW_UID}.json": partial(_text, overview),
    f"{ACCOUNT_UID}.json": _of_one_account,
    f"{EXPORTER_UID}.json": partial(_text, exporter_health),
}
"""The text of each file; its panels link to the runbooks of their alerts where the folder docs has an address."""
