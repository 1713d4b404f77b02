"""Pods of the chart, started by podman as they come from helm."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.simulator import load_scenario
from tests.deployment.containers import rights_of
from tests.deployment.test_chart import pods
from tests.end_to_end.page import Page
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deployment.containers import Containers
    from tests.deployment.test_chart import Render, Resource

pytestmark = [pytest.mark.rehearsal, pytest.mark.waits]

(PLAYED,) = load_scenario("healthy").accounts
ACCOUNTS = [f"account-{number}" for number in range(12)]
VALUES: dict[str, Any] = {
    "image": {"repository": "localhost/dcdn-exporter", "tag": "test", "pullPolicy": "Never"},
    "config": {
        "poll": {"interval": "5s"},
        "accounts": [
            {
                "name": name,
                "credentials": {
                    "type": "access_key",
                    "access_key_id": PLAYED.access_key_id,
                    "access_key_secret": PLAYED.access_key_secret,
                },
            }
            for name in ACCOUNTS
        ],
        "endpoints": dict.fromkeys(("dcdn", "sts"), "http://127.0.0.1:10521"),
    },
}


class Pod:
    """A pod that runs."""

    def __init__(self, containers: Containers, spec: Resource, *, container: str) -> None:
        self._containers, self._spec, self.container = containers, spec, container

    def probe(self, name: str) -> int:
        """The status that a probe of its specification is answered with now; 0: no answer."""
        asked = self._spec["containers"][0][name]["httpGet"]
        (port,) = (
            each["containerPort"] for each in self._spec["containers"][0]["ports"] if each["name"] == asked["port"]
        )
        status, _ = self._containers.ask(
            self.container, f"{asked['scheme'].lower()}://127.0.0.1:{port}{asked['path']}"
        )
        return status

    def passes(self, name: str) -> bool:
        """Whether this probe passes now."""
        return self.probe(name) == 200

    def scrape(self) -> Page:
        """The samples on /metrics now."""
        status, body = self._containers.ask(self.container, "http://127.0.0.1:10520/metrics")
        assert status == 200
        return Page.parse(body)

    def all_answered(self) -> Page | None:
        """The samples once every account was answered; the simulator may have come after the first polls."""
        page = self.scrape()
        return page if set(page.by("account", "dcdn_poll_success", probe="service").values()) == {1.0} else None

    def rights(self) -> dict[str, str]:
        """What the kernel says of the exporter's process."""
        return rights_of(self._containers.execute(self.container, "cat", "/proc/1/status"))


@pytest.fixture
def play_pod(image: str, containers: Containers) -> Iterator[Callable[..., Pod]]:
    """Starts a pod of a resource that helm rendered, with a simulator as its second container and no network."""
    manifests = []

    def start(rendered: list[Resource], *, named: str) -> Pod:
        template = pods(rendered)[0]["spec"]["template"]
        (exporter,) = copy.deepcopy(template["spec"]["containers"])
        # podman would take that port of this machine as well, which may have another use for it.
        del exporter["ports"]
        simulator = copy.deepcopy(exporter)
        for unused in ("startupProbe", "livenessProbe", "readinessProbe", "volumeMounts"):
            del simulator[unused]
        simulator |= {"name": "simulator", "args": ["simulator", "--listen-address=127.0.0.1:10521"]}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": named},
            "spec": {**template["spec"], "containers": [exporter, simulator]},
        }
        mounted = [resource for resource in rendered if resource["kind"] == "ConfigMap"]
        manifest = yaml.safe_dump_all([*mounted, pod])
        containers.podman("play", "kube", "--network=none", "-", given=manifest)
        manifests.append(manifest)
        return Pod(containers, template["spec"], container=f"{named}-exporter")

    assert image == "{repository}:{tag}".format(**VALUES["image"])
    try:
        yield start
    finally:
        for manifest in manifests:
            containers.podman("play", "kube", "--down", "-", given=manifest)


def test_the_pod_of_the_deployment_runs(render: Render, play_pod: Callable[..., Pod]) -> None:
    """Its probes pass one after the other, with no right, and every account is answered."""
    pod = play_pod(render(VALUES), named="watch")

    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        wait_until(f"{name} passes", partial(pod.passes, name))
    page: Page = wait_until("every account is answered", pod.all_answered)
    assert page.by("account", "dcdn_poll_success", probe="service").keys() == set(ACCOUNTS)
    rights = pod.rights()
    assert rights["Uid"].split() == rights["Gid"].split() == ["65532"] * 4
    assert (rights["CapEff"], rights["CapBnd"], rights["NoNewPrivs"], rights["Seccomp"]) == (
        "0" * 16,
        "0" * 16,
        "1",
        "2",
    )


def test_a_pod_of_the_shards_takes_its_part(render: Render, play_pod: Callable[..., Pod]) -> None:
    """The second of three pods knows by its name which shard it is, and polls that one's accounts."""
    rendered = render({**VALUES, "sharding": {"total": 3}})
    pod = play_pod(rendered, named=f"{pods(rendered)[0]['metadata']['name']}-1")

    wait_until("it is ready", partial(pod.passes, "readinessProbe"))
    page: Page = wait_until("every account is answered", pod.all_answered)
    polled = page.by("account", "dcdn_poll_success", probe="service")
    assert page.value("dcdn_exporter_shard_ordinal") == 1
    assert page.value("dcdn_exporter_total_shards") == 3
    assert page.value("dcdn_exporter_configured_accounts") == len(ACCOUNTS)
    assert 0 < len(polled) < len(ACCOUNTS)
