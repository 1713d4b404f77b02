"""The Helm chart: what can be read of it, and what helm makes of it for each way to run the exporter."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.prometheus.rules.files import alerts_file
from deploy.prometheus.rules.links import links_to, relative
from exporter import __version__
from exporter.app import VOCABULARY
from exporter.cli.serve import serve
from exporter.config import parse
from tests.alerts.shipped import load
from tests.alerts.test_files import strict
from tests.deployment.chart_sets import SETS

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "deploy" / "helm" / "dcdn-exporter"
CRDS = ROOT / "tests" / "alerts" / "crd"
VALUES: dict[str, Any] = load(CHART / "values.yaml")
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

# By the command, which reads megabytes of schemas anew for each resource and version, it takes minutes.
VALIDATE = """
import functools, json, sys
from kubernetes_validate import utils

utils.schema_contents = functools.cache(utils.schema_contents)
versions = list(dict.fromkeys(utils.major_minor(version) for version in utils.all_versions()))
refused, unknown = [], set()
resources = json.load(sys.stdin)
for version in versions:
    for resource in resources:
        try:
            utils.validate(resource, version, strict=True)
        except utils.SchemaNotFoundError:
            unknown.add(resource["kind"])
        except utils.ValidationError as error:
            refused.append(f"{version}: {error.message}")
json.dump([versions, refused, sorted(unknown)], sys.stdout)
"""

Resource = dict[str, Any]
Render = Callable[..., list[Resource]]


def pods(resources: list[Resource]) -> list[Resource]:
    return [resource for resource in resources if resource["kind"] in {"Deployment", "StatefulSet"}]


def one(resources: list[Resource], kind: str) -> Resource:
    """The only resource of this kind."""
    (found,) = [resource for resource in resources if resource["kind"] == kind]
    return found


def configuration(resources: list[Resource]) -> dict[str, Any]:
    """The exporter's, in the one map that has it."""
    (made,) = [resource for resource in resources if "config.yaml" in resource.get("data", {})]
    read: dict[str, Any] = yaml.safe_load(made["data"]["config.yaml"])
    return read


def example(chapter: str) -> dict[str, Any]:
    """The values that a chapter of the chart's README shows."""
    text = (CHART / "README.md").read_text(encoding="utf-8").partition(f"\n## {chapter}\n")[2]
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    values: dict[str, Any] = yaml.safe_load(found[1])
    return values


def kinds(resources: list[Resource]) -> list[str]:
    return sorted(resource["kind"] for resource in resources)


def test_the_chart_is_of_the_exporters_version() -> None:
    """The tag of the image follows from it; the publisher of the chart adds the address of its home."""
    chart = load(CHART / "Chart.yaml")

    assert chart["appVersion"] == __version__
    assert chart.keys() & {"home", "sources"} == set()


def test_the_rules_are_those_of_the_one_source() -> None:
    """`make rules` would change nothing here either."""
    assert (CHART / "files" / "alerts.yaml").read_text(encoding="utf-8") == alerts_file(relative)


@pytest.mark.parametrize("docs", ["", "https://git.invalid/x/docs"], ids=["no-runbooks", "runbooks"])
@pytest.mark.parametrize("grafana", ["", "https://grafana.invalid"], ids=["no-dashboards", "dashboards"])
@pytest.mark.parametrize("slash", ["", "/"], ids=["plain", "slash"])
def test_alerts_have_the_links_whose_beginning_is_a_value(
    render: Render, docs: str, grafana: str, slash: str
) -> None:
    """They are those that `make rules` writes; what has no beginning is left out."""
    values = {"runbookUrl": docs and f"{docs}/runbooks{slash}", "dashboardUrl": grafana and f"{grafana}{slash}"}
    resources = render({"prometheusRule": {"enabled": True, **values}})
    (spec,) = (resource["spec"] for resource in resources if resource["kind"] == "PrometheusRule")

    assert spec == yaml.load(alerts_file(links_to(docs=docs, grafana=grafana)), yaml.CSafeLoader)


@pytest.mark.parametrize("name", ["runbookUrl", "dashboardUrl"])
@pytest.mark.parametrize(
    "address", ["docs", "ftp://x.invalid", "https://", "https://x y", 'https://x"', "https://x?a=b"]
)
def test_a_value_that_can_begin_no_link_is_refused(name: str, address: str) -> None:
    """As `make rules` refuses it."""
    (refused,) = Draft7Validator(SCHEMA).iter_errors({**VALUES, "prometheusRule": {name: address}})
    assert list(refused.path) == ["prometheusRule", name]
    with pytest.raises(ValueError, match="accepted"):
        links_to(docs=address, grafana="")


def test_the_dashboards_are_those_of_the_one_source(render: Render) -> None:
    """Each is in the chart as Grafana's own folder has it, and arrives whole in a ConfigMap of its own."""
    shipped = {
        file.name: file.read_text(encoding="utf-8") for file in (ROOT / "grafana" / "dashboards").glob("*.json")
    }
    resources = render({"dashboards": {"enabled": True}})
    boards = [resource for resource in resources if "grafana_dashboard" in resource["metadata"]["labels"]]

    assert {
        file.name: file.read_text(encoding="utf-8") for file in (CHART / "files" / "dashboards").iterdir()
    } == shipped
    assert {name: json.loads(text) for board in boards for name, text in board["data"].items()} == {
        name: json.loads(text) for name, text in shipped.items()
    }


def test_helm_finds_nothing_to_say(tool: Callable[[str], str]) -> None:
    """Warnings count."""
    linted = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("helm"), "lint", "--strict", str(CHART)], capture_output=True, text=True, timeout=60, check=False
    )

    assert linted.returncode == 0, linted.stdout
    assert "[WARNING]" not in linted.stdout


def test_kubernetes_takes_what_comes_out(render: Render, tool: Callable[[str], str]) -> None:
    """By the strict schemas of each version, from the oldest that the chart allows to the newest."""
    made = {json.dumps(resource, sort_keys=True): resource for values in SETS.values() for resource in render(values)}
    wrong = {**pods(render({}))[0], "sepc": {}}
    versions, refused = refusals(tool("kubernetes-validate"), [*made.values(), wrong])

    assert len(SETS) >= 20
    assert load(CHART / "Chart.yaml")["kubeVersion"] == f">={versions[0]}.0-0"
    assert versions == [f"1.{minor}" for minor in range(25, 38)]
    assert refused == [
        f"{version}: Additional properties are not allowed ('sepc' was unexpected)" for version in versions
    ]


def refusals(program: str, resources: list[Resource]) -> tuple[list[str], list[str]]:
    """The versions that the checker has, and what each of them refuses; the operator's own kinds it does not know."""
    checked = subprocess.run(  # noqa: S603 — the Python that the tool is installed in
        [str(Path(program).resolve().parent / "python3"), "-c", VALIDATE],
        input=json.dumps(resources),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: tuple[list[str], list[str], list[str]] = json.loads(checked.stdout)
    versions, refused, unknown = found
    assert unknown == ["PrometheusRule", "ServiceMonitor"]
    return versions, refused


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_the_operator_takes_what_comes_out(render: Render, values: dict[str, Any]) -> None:
    """By its own definitions; and all of it is in the release's namespace."""
    for resource in render(values):
        assert resource["metadata"]["namespace"] == "watch"
        if resource["apiVersion"] == "monitoring.coreos.com/v1":
            crd = load(CRDS / f"monitoring.coreos.com_{resource['kind'].lower()}s.yaml")
            schema = strict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
            assert [error.message for error in Draft7Validator(schema).iter_errors(resource)] == []


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_every_pod_is_restricted(render: Render, values: dict[str, Any]) -> None:
    """As Kubernetes' strictest standard wants it, and with nothing of the cluster in reach."""
    for resource in pods(render(values)):
        spec = resource["spec"]["template"]["spec"]
        container, *_ = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_every_flag_is_one_of_the_daemon(render: Render, values: dict[str, Any]) -> None:
    """What the pods are started with is what serve takes."""
    flags = {option for parameter in serve.params for option in parameter.opts}
    for resource in pods(render(values)):
        command, *arguments = resource["spec"]["template"]["spec"]["containers"][0]["args"]
        assert command == "serve"
        assert {argument.partition("=")[0] for argument in arguments} <= flags


def test_the_service_has_the_port_of_the_pods(render: Render) -> None:
    """It has no address that could translate another one: its name leads to the pods themselves."""
    resources = render({})
    (service,) = [resource["spec"] for resource in resources if resource["kind"] == "Service"]
    (container,) = pods(resources)[0]["spec"]["template"]["spec"]["containers"]

    assert service["clusterIP"] == "None"
    assert [port["port"] for port in service["ports"]] == [port["containerPort"] for port in container["ports"]]


@pytest.mark.parametrize(("replicas", "shards"), [(1, 1), (2, 1), (1, 3), (3, 4)])
def test_replicas_share_the_limit_and_shards_the_accounts(render: Render, replicas: int, shards: int) -> None:
    """One pod for each shard and replica; a configuration that the exporter takes gives each its part."""
    resources = render({"replicas": replicas, "sharding": {"total": shards}})
    written = yaml.safe_dump(configuration(resources))
    parsed = parse(written, source="the chart", vocabulary=VOCABULARY)
    made = pods(resources)

    assert parsed.rate_limit.share == pytest.approx(1 / replicas)
    assert sum(resource["spec"]["replicas"] for resource in made) == replicas * shards
    for resource in made:
        arguments = resource["spec"]["template"]["spec"]["containers"][0]["args"]
        assert (f"--shard=auto/{shards}" in arguments) == (shards > 1)
        if shards > 1:
            assert (resource["spec"]["replicas"], resource["spec"]["podManagementPolicy"]) == (shards, "Parallel")
    assert kinds(resources).count("PodDisruptionBudget") == (replicas * shards > 1)


def test_a_share_of_the_users_own_is_kept(render: Render) -> None:
    """Something else may call the API as well."""
    config = {"accounts": [{"name": "prod"}], "rate_limit": {"share": 0.25}}

    assert configuration(render({"replicas": 2, "config": config})) == config


def test_without_a_configuration_one_account_is_watched(render: Render) -> None:
    """By the default chain of credentials, as a role of the pod gives them."""
    assert configuration(render({})) == {"accounts": [{"name": "default"}], "rate_limit": {"share": 1}}


def test_the_example_of_the_readme_watches_the_directory_alone(render: Render) -> None:
    """No account that it does not name gets into its configuration."""
    values = example("Shards and replicas")

    assert configuration(render(values)) == {**values["config"], "rate_limit": {"share": 0.5}}


def test_a_whole_file_in_a_secret_leaves_no_map(render: Render) -> None:
    """Nor do the defaults of the chart get into it."""
    resources = render({"existingConfigSecret": "whole-file"})
    (pod,) = pods(resources)

    assert "ConfigMap" not in kinds(resources)
    assert pod["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"] == "whole-file"


def test_the_liveness_probe_is_a_value(render: Render) -> None:
    """Its timing can be others, and it can be left out."""

    def liveness(probe: dict[str, int] | None) -> Any:
        (container,) = pods(render({"livenessProbe": probe}))[0]["spec"]["template"]["spec"]["containers"]
        return container.get("livenessProbe")

    assert liveness(None) is None
    slow = liveness({"periodSeconds": 90, "failureThreshold": 1})
    assert (slow["periodSeconds"], slow["failureThreshold"]) == (90, 1)
    assert slow["httpGet"]["path"] == "/-/healthy"


def test_values_that_cannot_be_are_refused(render: Render) -> None:
    """By the schema, before anything is made."""
    for values in ({"replica": 2}, {"replicas": 0}, {"sharding": {"total": 0}}, {"webConfig": {"scheme": "ftp"}}):
        with pytest.raises(ValueError, match="values don't meet the specifications"):
            render(values)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"replicas": 11}, id="more replicas than names have room for"),
        pytest.param({"fullnameOverride": "a.b"}, id="no name of a service"),
        pytest.param({"fullnameOverride": "1a"}, id="a digit in front"),
        pytest.param({"podDisruptionBudget": {"maxUnavailable": "half"}}, id="no part"),
        pytest.param({"podDisruptionBudget": {"maxUnavailable": -1}}, id="less than none"),
        pytest.param({"sharding": {"total": None}}, id="nothing"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_at_once(render: Render, values: dict[str, Any]) -> None:
    """Or what would make something else of it than was meant."""
    with pytest.raises(ValueError, match="values don't meet the specifications"):
        render(values)


def test_a_value_that_is_taken_away_is_refused_or_not_needed(render: Render) -> None:
    """Helm drops what is null: what the templates need is then told to be missing, and the rest left out."""
    needed = SCHEMA["required"]
    with pytest.raises(ValueError, match="values don't meet the specifications") as refused:
        render(dict.fromkeys(VALUES))

    assert all(f"'{name}'" in str(refused.value) for name in needed)
    assert pods(render(dict.fromkeys(VALUES.keys() - needed)))


def test_names_fit_whatever_the_release_is_called(tool: Callable[[str], str]) -> None:
    """A pod's name is its host's, of 63 characters without a dot; its StatefulSet's leaves room for a hash of ten."""
    release = "release.of.a-name-that-is-as-long-as-helm-lets-it-be1"
    many = ["--set=sharding.total=1000,replicas=10,image.repository=x"]
    rendered = subprocess.run(  # noqa: S603 — a tool that the tests look for
        [tool("helm"), "template", release, str(CHART), *many], capture_output=True, text=True, timeout=60, check=True
    )
    names = {
        each["metadata"]["name"]
        for each in yaml.load_all(rendered.stdout, yaml.CSafeLoader)
        if each["kind"] == "StatefulSet"
    }

    assert len(release) == 53
    assert len(names) == 10
    assert all(re.fullmatch(r"[a-z]([-a-z0-9]{0,50}[a-z0-9])?", name) for name in names)
