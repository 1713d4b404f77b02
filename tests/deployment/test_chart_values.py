"""The values of the chart: their defaults, their schema, their table, and where they end up."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from deploy.helm.values import Value, values_in, values_table
from deploy.prometheus.rules.table import with_table
from exporter import __version__
from tests.deployment.chart_sets import BESIDE, SETS
from tests.deployment.test_chart import CHART, SCHEMA, VALUES, Render, configuration, example, one, pods

README = (CHART / "README.md").read_text(encoding="utf-8")
FILE = (CHART / "values.yaml").read_text(encoding="utf-8")


def leaves(values: dict[str, Any], *, prefix: str = "") -> Iterator[str]:
    """The dotted names of all values; what Kubernetes reads as a whole is one."""
    for name, value in values.items():
        fixed = (
            isinstance(value, dict)
            and value
            and name not in {"config", "resources", "labels", "podSecurityContext", "securityContext"}
        )
        if fixed:
            yield from leaves(value, prefix=f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_the_table_of_the_readme_is_that_of_the_values() -> None:
    """`make values` would change nothing."""
    assert with_table(README, values_table(FILE), target="values") == README


def test_every_value_says_what_it_is() -> None:
    """Above it, in the file in which people look for it."""
    assert [value.name for value in values_in(FILE)] == list(leaves(VALUES))


def test_a_value_is_read_with_its_default_and_its_comment() -> None:
    """A comment may have several lines; a remark, and a comment that ends above, are of no value."""
    file = "## remark\na:\n  # one\n  # line\n  b: {c: 1}\n  d: 2\n# whole\ne:\n  f: x\n"

    assert list(values_in(file)) == [
        Value("a.b", {"c": 1}, "one line"),
        Value("e", {"f": "x"}, "whole"),
    ]


def test_the_schema_holds_for_the_defaults_and_knows_every_value() -> None:
    """What helm checks values by names each of them, and nothing that is not one."""
    Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(VALUES)] == []
    assert SCHEMA["properties"].keys() - {"global"} == VALUES.keys()
    assert list(Draft7Validator(SCHEMA).iter_errors({**VALUES, "replica": 2}))


def test_openshift_picks_the_ids(render: Render) -> None:
    """Its strictest context refuses a pod with ids of its own, and wants all else that the chart says."""
    (resource,) = pods(render(example("OpenShift")))
    spec = resource["spec"]["template"]["spec"]

    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["containers"][0]["securityContext"] == VALUES["securityContext"]
    assert example("OpenShift") == SETS["OpenShift"]


@pytest.mark.parametrize("name", ["podSecurityContext", "securityContext"])
def test_a_security_context_can_be_left_out(render: Render, name: str) -> None:
    """As a whole, for a cluster that sets it."""
    (resource,) = pods(render({name: None}))
    spec = resource["spec"]["template"]["spec"]

    assert ("securityContext" in spec) == (name != "podSecurityContext")
    assert ("securityContext" in spec["containers"][0]) == (name != "securityContext")


def test_a_pod_has_all_that_is_given_for_it(render: Render) -> None:
    """Beside what the chart itself says."""
    values = SETS["beside it"]
    (resource,) = pods(render(values))
    spec = resource["spec"]["template"]["spec"]
    exporter, *others = spec["containers"]

    assert (exporter["name"], others) == ("exporter", [BESIDE])
    assert exporter["envFrom"] == values["envFrom"]
    assert resource["metadata"]["annotations"] == values["annotations"]
    for name in ("initContainers", "hostAliases", "dnsPolicy", "dnsConfig"):
        assert spec[name] == values[name]


def test_a_service_has_the_families_that_are_given(render: Render) -> None:
    """In their order, the first of which is the one of its address."""
    given = SETS["two families"]["service"]
    service = one(render(SETS["two families"]), "Service")

    assert service["metadata"]["annotations"] == given["annotations"]
    assert {name: service["spec"][name] for name in ("ipFamilyPolicy", "ipFamilies")} == {
        name: given[name] for name in ("ipFamilyPolicy", "ipFamilies")
    }


def test_labels_for_all_are_on_all(render: Render) -> None:
    """A label of the pods' own wins there, and the chart's, by which it finds them, everywhere."""
    resources = render(SETS["labels"])
    made = pods(resources)

    assert len(resources) > 8
    for resource in resources:
        labels = resource["metadata"]["labels"]
        assert (labels["team"], labels["app.kubernetes.io/name"]) == ("video", "dcdn-exporter")
    for resource in made:
        labels = resource["spec"]["template"]["metadata"]["labels"]
        assert (labels["team"], labels["app.kubernetes.io/name"]) == ("pods", "dcdn-exporter")
        assert resource["metadata"]["annotations"] == {"reloader": "auto"}
    boards = [resource for resource in resources if "grafana_dashboard" in resource["metadata"]["labels"]]
    assert {board["metadata"]["annotations"]["folder"] for board in boards} == {"CDN"}


def test_a_pod_annotation_cannot_hide_a_change_of_the_configuration(render: Render) -> None:
    """A key is there once: the chart's checksums stay, and another container may be the default one."""
    checksum, default = "checksum/config", "kubectl.kubernetes.io/default-container"

    def annotations(**given: dict[str, str]) -> dict[str, str]:
        (resource,) = pods(render(given))
        found: dict[str, str] = resource["spec"]["template"]["metadata"]["annotations"]
        return found

    plain = annotations()
    assert set(plain) == {checksum, default}
    assert annotations(podAnnotations={checksum: "mine", default: "proxy", "a": "b"}) == {
        **plain,
        default: "proxy",
        "a": "b",
    }


def test_the_role_of_rrsa_wins_over_an_annotation(render: Render) -> None:
    """Of the service account; others stay."""
    role = "pod-identity.alibabacloud.com/role-name"
    account = one(
        render({"rrsa": {"roleName": "mine"}, "serviceAccount": {"annotations": {role: "other", "a": "b"}}}),
        "ServiceAccount",
    )
    assert account["metadata"]["annotations"] == {role: "mine", "a": "b"}


def test_a_configuration_comes_from_one_place(render: Render) -> None:
    """One that no pod would read is refused."""
    with pytest.raises(ValueError, match="config and existingConfigSecret: only one of them"):
        render({"config": {"accounts": [{"name": "a"}]}, "existingConfigSecret": "file"})


@pytest.mark.parametrize(
    ("values", "where"),
    [
        pytest.param({"image": {"repository": "r.example:5000/x:1.0"}}, "/image/repository", id="tag-in-the-name"),
        pytest.param({"image": {"repository": "x@sha256"}}, "/image/repository", id="digest-in-the-name"),
        pytest.param({"livenessProbe": {"httpGet": {"path": "/"}}}, "/livenessProbe", id="a-probe-of-its-own"),
    ],
)
def test_a_value_that_another_one_decides_is_refused(render: Render, values: dict[str, Any], where: str) -> None:
    """In place of an image with two tags, or a probe that asks in two ways."""
    with pytest.raises(ValueError, match=f"at '{where}'"):
        render(values)


@pytest.mark.parametrize(
    ("argument", "web"),
    [
        ("--web.listen-address=:9999", {}),
        ("--config.file", {}),
        ("--web.config.file=/x", {"existingSecret": "web", "scheme": "http"}),
    ],
)
def test_a_flag_that_the_chart_gives_itself_is_refused(render: Render, argument: str, web: dict[str, str]) -> None:
    """The last one would win, and pods that listen elsewhere never become ready."""
    with pytest.raises(ValueError, match=f"extraArgs: the chart gives {argument.partition('=')[0]} itself"):
        render({"extraArgs": [argument], "webConfig": web})


def test_a_web_configuration_can_be_the_users_own_file(render: Render) -> None:
    """Where the chart has none."""
    (resource,) = pods(render({"extraArgs": ["--web.config.file=/x"], "webConfig": {"scheme": "https"}}))
    (container,) = resource["spec"]["template"]["spec"]["containers"]
    assert [argument for argument in container["args"] if "web.config" in argument] == ["--web.config.file=/x"]


def test_an_empty_list_of_accounts_is_none(render: Render) -> None:
    """The chart adds the one with the default chain, without which no pod would start."""
    assert configuration(render({"config": {"accounts": []}}))["accounts"] == [{"name": "default"}]


def test_a_monitor_relabels_after_the_name_of_the_job(render: Render) -> None:
    """So that a rule of the user's can even change that."""
    given = SETS["relabelings"]["serviceMonitor"]
    (endpoint,) = one(render(SETS["relabelings"]), "ServiceMonitor")["spec"]["endpoints"]

    assert endpoint["relabelings"][0]["targetLabel"] == "job"
    assert endpoint["relabelings"][1:] == given["relabelings"]
    assert endpoint["metricRelabelings"] == given["metricRelabelings"]


def test_the_image_has_to_be_said(render: Render) -> None:
    """No registry has one that everybody could pull; a digest wins over a tag, and the tag is the version's."""

    def image(**given: str) -> str:
        (resource,) = pods(render({"image": given}))
        (container,) = resource["spec"]["template"]["spec"]["containers"]
        named: str = container["image"]
        return named

    with pytest.raises(ValueError, match=r"image\.repository: say where you have put the image"):
        image(tag="1.0.0")
    assert image(repository="r/x") == f"r/x:{__version__}"
    assert image(repository="r/x", tag="1.0.0") == "r/x:1.0.0"
    assert image(repository="r/x", tag="1.0.0", digest=f"sha256:{'1' * 64}") == f"r/x@sha256:{'1' * 64}"
