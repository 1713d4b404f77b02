"""What helm prints once the chart is installed."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.deployment.test_chart import CHART

PODS = "  kubectl -n watch get pods -l app.kubernetes.io/instance=rel"
FORWARD = "  kubectl -n watch port-forward service/rel-dcdn-exporter 10520"
TO_ONE = f"{FORWARD}     # leads to one of them"
SCRAPED: dict[str, Any] = {"serviceMonitor": {"enabled": True}, "config": {"accounts": [{"name": "prod"}]}}


SHARE = "They share the vendor's limit: the file in existingConfigSecret needs rate_limit.share 1/3, as a decimal."


def unscraped(pods: str, which: str) -> str:
    asked = f"set serviceMonitor.enabled, or scrape port 10520 of {which} under the job name dcdn-exporter."
    return f"Nothing scrapes {pods} yet: {asked}"


def closed(wanted: str) -> str:
    seen = "Probes only see whether port 10520 is open"
    return f"{seen}: the web configuration wants a {wanted}, and the kubelet has none."


def curl(options: str, scheme: str = "http") -> str:
    return f"  curl {options} {scheme}://localhost:10520/metrics | grep ^dcdn_service"


@pytest.mark.parametrize(
    ("values", "notes"),
    [
        pytest.param(
            {},
            [
                "One pod polls the accounts.",
                "There is one account, with the vendor's default credential chain: say more in config.",
                *("", PODS, FORWARD, curl("-s"), ""),
                unscraped("this pod", "it"),
            ],
            id="one",
        ),
        pytest.param(
            {**SCRAPED, "replicas": 2},
            ["2 pods poll the same accounts.", "", PODS, TO_ONE, curl("-s")],
            id="replicas",
        ),
        pytest.param(
            {"existingConfigSecret": "file", "replicas": 3, "serviceMonitor": {"enabled": True}},
            [
                "3 pods poll the same accounts.",
                SHARE,
                *("", PODS, TO_ONE, curl("-s")),
            ],
            id="replicas-of-a-file",
        ),
        pytest.param(
            {"config": SCRAPED["config"], "sharding": {"total": 3}},
            [
                "3 pods divide the accounts among themselves.",
                *("", PODS, TO_ONE, curl("-s"), ""),
                unscraped("these pods", "each"),
            ],
            id="shards",
        ),
        pytest.param(
            {
                **SCRAPED,
                "replicas": 2,
                "sharding": {"total": 3},
                "webConfig": {"existingSecret": "w", "scheme": "https", "clientCertificates": True},
                "serviceMonitor": {"enabled": True, "tlsConfig": {"certFile": "a", "keyFile": "b"}},
            },
            [
                "6 pods poll the accounts: 3 shards, each with 2 replicas.",
                *("", PODS, TO_ONE, curl("-sk --cert client.crt --key client.key", "https"), ""),
                closed("certificate"),
            ],
            id="shards-and-replicas-that-want-a-certificate",
        ),
        pytest.param(
            {
                "config": SCRAPED["config"],
                "webConfig": {"existingSecret": "w", "scheme": "http", "passwords": True},
                "serviceMonitor": {"enabled": True, "basicAuth": {"username": {"name": "s", "key": "u"}}},
            },
            [
                "One pod polls the accounts.",
                *("", PODS, FORWARD, curl("-s --user NAME"), ""),
                closed("password"),
            ],
            id="a-password",
        ),
    ],
)
def test_the_notes_fit_what_was_installed(
    tool: Callable[[str], str], values: dict[str, Any], notes: list[str]
) -> None:
    """One pod or many, scraped or not; the commands ask as the web configuration wants it."""
    install = [tool("helm"), "install", "rel", str(CHART), "--namespace=watch", "--dry-run=client"]
    installed = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [*install, "--set=image.repository=x", "--values=-"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert installed.stdout.partition("\nNOTES:\n")[2].splitlines() == notes
