"""What the chart makes around the pods: who may reach them, who finds them, what role they have, how many may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.alerts.shipped import ALERTS_FILE, load
from tests.deployment.chart_sets import SETS
from tests.deployment.test_chart import VALUES, one, pods

if TYPE_CHECKING:
    from tests.deployment.test_chart import Render, Resource


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_what_speaks_of_pods_means_those_of_the_release(render: Render, values: Resource) -> None:
    """Service, monitor, network policy and disruption budget select by labels that every pod has."""
    resources = render(values)
    ours = {"app.kubernetes.io/name": "dcdn-exporter", "app.kubernetes.io/instance": "rel"}
    selectors = [
        resource["spec"].get("podSelector", resource["spec"].get("selector"))
        for resource in resources
        if resource["kind"] in {"Service", "ServiceMonitor", "NetworkPolicy", "PodDisruptionBudget"}
    ]

    assert all(selector.get("matchLabels", selector) == ours for selector in selectors)
    assert one(resources, "Service")["metadata"]["labels"].items() >= ours.items()
    for resource in pods(resources):
        labels = resource["spec"]["template"]["metadata"]["labels"].items()
        assert labels >= ours.items()
        assert labels >= resource["spec"]["selector"]["matchLabels"].items()


def test_prometheus_finds_every_pod_under_the_name_that_the_rules_ask_for(render: Render) -> None:
    """Also one that is not ready, of which the rules have most to say."""
    resources = render(SETS["operator"])
    monitor, service = one(resources, "ServiceMonitor"), one(resources, "Service")["spec"]
    (endpoint,) = monitor["spec"]["endpoints"]

    assert monitor["metadata"]["labels"]["release"] == "p"
    assert service["publishNotReadyAddresses"] is True
    assert endpoint == {
        "port": service["ports"][0]["name"],
        "scheme": "http",
        "interval": VALUES["serviceMonitor"]["interval"],
        "scrapeTimeout": VALUES["serviceMonitor"]["scrapeTimeout"],
        "relabelings": [{"action": "replace", "targetLabel": "job", "replacement": "dcdn-exporter"}],
    }


def test_the_operator_gets_the_rules_whole(render: Render) -> None:
    """With the labels that its selectors name."""
    rule = one(render({"prometheusRule": {"enabled": True, "labels": {"role": "alerts"}}}), "PrometheusRule")

    assert rule["spec"] == load(ALERTS_FILE)
    assert rule["metadata"]["labels"]["role"] == "alerts"


def test_a_network_policy_lets_through_what_is_needed(render: Render) -> None:
    """In: the port, from whom the user names. Out: names, the API, and what the user adds."""
    policy = one(render(SETS["closed"]), "NetworkPolicy")["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [
        {"ports": [{"port": "metrics", "protocol": "TCP"}], "from": [{"namespaceSelector": {}}]}
    ]
    assert policy["egress"] == [
        {
            "ports": [
                {"port": 53, "protocol": "UDP"},
                {"port": 53, "protocol": "TCP"},
                {"port": 443, "protocol": "TCP"},
            ]
        },
        {"ports": [{"port": 80}]},
    ]


def test_a_role_is_given_through_the_service_account(render: Render) -> None:
    """As ACK's webhook wants it: the account names the role, the pods ask for it."""
    resources = render(SETS["pod identity"])
    account, (pod,) = one(resources, "ServiceAccount"), pods(resources)
    template = pod["spec"]["template"]

    assert account["metadata"]["annotations"] == {"pod-identity.alibabacloud.com/role-name": "exporter", "a": "b"}
    assert template["metadata"]["labels"]["pod-identity.alibabacloud.com/injection"] == "on"
    assert template["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_an_update_never_runs_more_pods_than_share_the_limit(render: Render) -> None:
    """One ends before the next starts; a drain of nodes takes one at a time as well."""
    resources = render(SETS["two replicas"])

    assert pods(resources)[0]["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert one(resources, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
