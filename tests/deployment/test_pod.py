"""Pods of the chart, started by podman as they come from helm."""

from __future__ import annotations

import base64
import copy
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import yaml

from exporter.simulator import load_scenario
from tests.deployment.chart_sets import SETS
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
METRICS = "127.0.0.1:10520/metrics"
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

    def passes(self, name: str) -> bool:
        """Whether a probe of its specification passes now, which is asked as a kubelet does."""
        probe, ports = self._spec["containers"][0][name], self._spec["containers"][0]["ports"]
        wanted = probe.get("httpGet") or probe["tcpSocket"]
        (port,) = (each["containerPort"] for each in ports if each["name"] == wanted["port"])
        if "tcpSocket" in probe:
            return self._containers.is_open(self.container, port)
        headers = [f"{each['name']}: {each['value']}" for each in wanted.get("httpHeaders", [])]
        return self.ask(f"{wanted['scheme'].lower()}://127.0.0.1:{port}{wanted['path']}", *headers) == 200

    def ask(self, url: str, *headers: str, certificate: str = "") -> int:
        """The status of an answer; 0: there was none."""
        status, _ = self._containers.ask(self.container, url, *headers, certificate=certificate)
        return status

    def scrape(self) -> Page:
        """The samples on /metrics now."""
        status, body = self._containers.ask(self.container, f"http://{METRICS}")
        assert status == 200
        return Page.parse(body)

    def all_answered(self) -> Page | None:
        """The samples once every account was answered; the simulator may have come after the first polls."""
        page = self.scrape()
        return page if set(page.by("account", "dcdn_poll_success", probe="service").values()) == {1.0} else None

    def rights(self) -> dict[str, str]:
        """What the kernel says of the exporter's process."""
        return rights_of(self._containers.execute(self.container, "cat", "/proc/1/status"))


def as_maps(resources: list[Resource]) -> list[Resource]:
    """Secrets and ConfigMaps, all as the latter: podman 4.3 does not decode what it puts into files of Secrets."""
    made = []
    for resource in resources:
        if resource["kind"] in {"ConfigMap", "Secret"}:
            data = resource.get("stringData") or resource["data"]
            made.append({**resource, "kind": "ConfigMap", "data": data})
    return made


@pytest.fixture
def play_pod(image: str, containers: Containers) -> Iterator[Callable[..., Pod]]:
    """Starts a pod of a resource that helm rendered, without a network, and a simulator as its second container."""
    started = []

    def start(rendered: list[Resource], *, named: str, user: int | None = None, simulated: bool = True) -> Pod:
        template = copy.deepcopy(pods(rendered)[0]["spec"]["template"])
        if user is not None:  # as OpenShift picks one
            template["spec"]["securityContext"] |= {"runAsUser": user, "runAsGroup": 0, "fsGroup": user}
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
            "spec": {**template["spec"], "containers": [exporter, simulator] if simulated else [exporter]},
        }
        for volume in template["spec"]["volumes"]:
            if secret := volume.pop("secret", None):
                volume["configMap"] = {"name": secret["secretName"]}
        manifest = yaml.safe_dump_all([*as_maps(rendered), pod])
        containers.podman("play", "kube", "--network=none", "-", given=manifest)
        started.append(named)
        return Pod(containers, template["spec"], container=f"{named}-exporter")

    assert image == "{repository}:{tag}".format(**VALUES["image"])
    try:
        yield start
    finally:
        with ThreadPoolExecutor() as threads:  # each takes seconds, in which podman only waits
            list(threads.map(partial(containers.podman, "pod", "rm", "--force", "--time=0"), started))
        containers.podman("volume", "prune", "--force")


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


@pytest.fixture(scope="module")
def renewed() -> Resource:
    """The Secret that cert-manager would write, and in it a certificate for a client as well."""
    authority = trustme.CA()
    files = {"ca.crt": authority.cert_pem}
    for name in ("tls", "client"):
        certificate = authority.issue_cert("dcdn-exporter")
        files |= {f"{name}.crt": certificate.cert_chain_pems[0], f"{name}.key": certificate.private_key_pem}
    texts = {name: file.bytes().decode() for name, file in files.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "renewed"}, "stringData": texts}


def test_pods_start_behind_every_web_configuration_and_under_any_user(
    render: Render, play_pod: Callable[..., Pod], renewed: Resource
) -> None:
    """Their probes pass, those who have a password or a certificate are answered, and others are not."""
    started = {}
    for name, user in {"users": None, "TLS": None, "client certificates": None, "OpenShift": 1_000_680_000}.items():
        named = name.lower().replace(" ", "-")
        rendered = render({**VALUES, **SETS[name], "fullnameOverride": named})
        started[name] = play_pod([*rendered, renewed], named=named, user=user, simulated=False)

    for name, pod in started.items():
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            wait_until(f"the {probe} of {name} passes", partial(pod.passes, probe))
    with_users, with_tls, with_certificates, on_openshift = started.values()
    login = f"Authorization: Basic {base64.b64encode(b'prometheus:example').decode()}"
    assert [with_users.ask(f"http://{METRICS}", *headers) for headers in ((), (login,))] == [401, 200]
    assert [with_tls.ask(f"{scheme}://{METRICS}") for scheme in ("http", "https")] == [400, 200]
    given = ("", "/tls/client")
    assert [with_certificates.ask(f"https://{METRICS}", certificate=each) for each in given] == [0, 200]
    assert on_openshift.ask(f"http://{METRICS}") == 200
    rights = on_openshift.rights()
    assert (rights["Uid"].split()[0], rights["Gid"].split()[0]) == ("1000680000", "0")
