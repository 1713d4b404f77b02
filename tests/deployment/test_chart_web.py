"""What the chart makes of a web configuration: a Secret, probes that can pass, and a monitor that can scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.config.web import HttpServer, TlsServer, WebConfiguration
from tests.deployment.chart_sets import CERTIFICATES, IDENTITY, LOGIN, RENEWED, SETS, TLS, TRUST, USERS
from tests.deployment.test_chart import SCHEMA, example, kinds, one, pods

if TYPE_CHECKING:
    from tests.deployment.test_chart import Render, Resource

AUTHORIZATION = {"name": "authorization", "value": "Basic eDp5"}
OPEN = "is open"


def probes(resources: list[Resource]) -> set[str]:
    """How the three probes ask: all in one way."""
    (container,) = pods(resources)[0]["spec"]["template"]["spec"]["containers"]
    asked = [container[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert all(probe.get("tcpSocket", probe.get("httpGet"))["port"] == "metrics" for probe in asked)
    paths = [probe["httpGet"]["path"] for probe in asked if "httpGet" in probe]
    assert paths in ([], ["/-/healthy", "/-/healthy", "/-/ready"])
    return {probe["httpGet"]["scheme"] if "httpGet" in probe else OPEN for probe in asked}


def test_a_web_configuration_becomes_a_secret(render: Render) -> None:
    """The pod reads it where its flag says, with the user's own volumes beside it."""
    values = SETS["client certificates"]
    resources = render(values)
    secret = one(resources, "Secret")
    spec = pods(resources)[0]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume.get("secret", {}).get("secretName") for volume in spec["volumes"]}

    assert yaml.safe_load(secret["stringData"]["web.yaml"]) == values["webConfig"]["config"]
    assert f"--web.config.file={mounts['web']}/web.yaml" in container["args"]
    assert volumes == {"config": None, "web": secret["metadata"]["name"], "tls": "renewed"}
    assert mounts["tls"] == "/tls"
    assert "Secret" not in kinds(render({"webConfig": {"existingSecret": "web", "scheme": "http"}}))


@pytest.mark.parametrize(
    ("web", "asked"),
    [
        pytest.param({}, "HTTP", id="nothing"),
        pytest.param({"config": {"http_server_config": {"http2": False}}}, "HTTP", id="headers"),
        pytest.param({"config": {"tls_server_config": TLS}}, "HTTPS", id="TLS"),
        pytest.param({"config": {"tls_server_config": TLS}, "scheme": "https"}, "HTTPS", id="TLS-said-twice"),
        pytest.param(
            {"config": {"tls_server_config": {**CERTIFICATES, "client_auth_type": "VerifyClientCertIfGiven"}}},
            "HTTPS",
            id="certificates-if-given",
        ),
        pytest.param({"config": {"tls_server_config": CERTIFICATES}}, OPEN, id="certificates"),
        pytest.param({"config": {"basic_auth_users": {}}}, "HTTP", id="no-users"),
        pytest.param({"config": {"basic_auth_users": USERS}}, OPEN, id="users"),
        pytest.param(
            {"config": {"basic_auth_users": USERS}, "probeHeaders": [{"name": "Host", "value": "x"}]},
            OPEN,
            id="users-and-another-header",
        ),
        pytest.param({"config": {"basic_auth_users": USERS}, "probeHeaders": [AUTHORIZATION]}, "HTTP", id="login"),
        pytest.param(
            {"config": {"basic_auth_users": USERS, "tls_server_config": TLS}, "probeHeaders": [AUTHORIZATION]},
            "HTTPS",
            id="login-over-TLS",
        ),
        pytest.param(
            {
                "config": {"basic_auth_users": USERS, "tls_server_config": CERTIFICATES},
                "probeHeaders": [AUTHORIZATION],
            },
            OPEN,
            id="login-and-certificates",
        ),
        pytest.param({"existingSecret": "web", "scheme": "http"}, "HTTP", id="secret"),
        pytest.param({"existingSecret": "web", "scheme": "https"}, "HTTPS", id="secret-with-TLS"),
        pytest.param({"existingSecret": "web", "scheme": "http", "passwords": True}, OPEN, id="secret-with-users"),
        pytest.param(
            {"existingSecret": "web", "scheme": "https", "clientCertificates": True},
            OPEN,
            id="secret-with-certificates",
        ),
    ],
)
def test_every_probe_can_pass(render: Render, web: dict[str, Any], asked: str) -> None:
    """It asks as the web configuration wants it; what it lacks a certificate or a password for, it finds open."""
    assert probes(render({"webConfig": web, **RENEWED})) == {asked}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"extraArgs": ["--web.config.file=/tls/web.yaml"]}, id="flag"),
        pytest.param({"extraArgs": ["--web.config.file", "/tls/web.yaml"]}, id="flag-in-two"),
        pytest.param(
            {"extraEnv": [{"name": "DCDN_EXPORTER_WEB_CONFIG_FILE", "value": "/tls/web.yaml"}]}, id="variable"
        ),
        pytest.param({"envFrom": [{"configMapRef": {"name": "web"}}]}, id="unknown-variables"),
    ],
)
def test_a_file_of_the_users_own_is_asked_as_the_values_say(render: Render, values: dict[str, Any]) -> None:
    """The chart cannot look into it."""
    assert probes(render({"webConfig": {"scheme": "https"}, **values})) == {"HTTPS"}


@pytest.mark.parametrize(
    ("web", "where"),
    [
        pytest.param({"tls_server_config": {**TLS, "cert_fil": "/x"}}, "/tls_server_config", id="unknown-key"),
        pytest.param({"tls_server_config": {"cert_file": "/x"}}, "/tls_server_config", id="no-key-file"),
        pytest.param(
            {"tls_server_config": {**CERTIFICATES, "client_auth_type": "requireandverifyclientcert"}},
            "/tls_server_config/client_auth_type",
            id="unknown-policy",
        ),
        pytest.param({"http_server_config": {"http2": True}}, "/http_server_config/http2", id="http2"),
        pytest.param({"basic_auth_users": {"a": "$2b$10$cut"}}, "/basic_auth_users/a", id="cut-hash"),
    ],
)
def test_a_web_configuration_that_no_pod_would_start_with_is_refused(
    render: Render, web: dict[str, Any], where: str
) -> None:
    """Helm says which key is wrong."""
    with pytest.raises(ValueError, match=f"at '/webConfig/config{where}'"):
        render({"webConfig": {"config": web}})


def test_the_schema_has_every_key_of_the_web_configuration() -> None:
    """But for those that are never accepted."""
    known = SCHEMA["properties"]["webConfig"]["properties"]["config"]["properties"]

    assert set(known) == set(WebConfiguration.model_fields) - {"rate_limit"}
    assert set(known["tls_server_config"]["properties"]) == set(TlsServer.model_fields) - {"cert", "key"}
    assert set(known["http_server_config"]["properties"]) == set(HttpServer.model_fields)


@pytest.mark.parametrize("name", ["users", "TLS", "client certificates", "closed"])
def test_prometheus_asks_as_the_web_configuration_wants_it(render: Render, name: str) -> None:
    """Over TLS where that is spoken, and with what the user gives for it."""
    given = SETS[name]["serviceMonitor"]
    (endpoint,) = one(render(SETS[name]), "ServiceMonitor")["spec"]["endpoints"]

    assert endpoint["scheme"] == ("http" if name == "users" else "https")
    assert {key: endpoint.get(key) for key in ("tlsConfig", "basicAuth")} == {
        key: given.get(key) for key in ("tlsConfig", "basicAuth")
    }


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param(
            {"webConfig": {"config": {"basic_auth_users": USERS}, "existingSecret": "web", "scheme": "http"}},
            "webConfig.config and webConfig.existingSecret: ",
            id="two-files",
        ),
        pytest.param({"webConfig": {"existingSecret": "web"}}, "webConfig.scheme: http or https?", id="no-scheme"),
        *(
            pytest.param(
                {
                    "webConfig": {key: value},
                    "extraEnv": [{"name": "A", "value": "b"}],
                    "extraArgs": ["--log.level=warn"],
                },
                f"webConfig.{key} is {said}, but the exporter has no web configuration: ",
                id=f"no-file-for-{key}",
            )
            for key, value, said in (
                ("scheme", "https", "https"),
                ("passwords", True, "true"),
                ("clientCertificates", True, "true"),
            )
        ),
        *(
            pytest.param(
                {"webConfig": {"scheme": "http", "clientCertificates": True, **web}, **own},
                "webConfig.clientCertificates is true, but webConfig.scheme is http: ",
                id=f"certificates-over-http-of-{name}",
            )
            for name, web, own in (
                ("a-secret", {"existingSecret": "web"}, {}),
                ("an-own-file", {}, {"extraArgs": ["--web.config.file=/x"]}),
            )
        ),
        pytest.param(
            {"webConfig": {"config": {"tls_server_config": TLS}, "scheme": "http"}},
            "webConfig.scheme is http, but webConfig.config makes it https",
            id="http",
        ),
        pytest.param(
            {"webConfig": {"config": {"basic_auth_users": USERS}, "scheme": "https"}},
            "webConfig.scheme is https, but webConfig.config makes it http",
            id="https",
        ),
        pytest.param(
            {"webConfig": {"config": {"tls_server_config": TLS}, "passwords": True}},
            "webConfig.passwords is true, but",
            id="passwords",
        ),
        pytest.param(
            {"webConfig": {"config": {"tls_server_config": TLS}, "clientCertificates": True}},
            "webConfig.clientCertificates is true, but",
            id="certificates",
        ),
        *(
            pytest.param(
                {"webConfig": {"config": {"tls_server_config": {**CERTIFICATES, key: "tls.pem"}}}},
                f"webConfig.config.tls_server_config.{key} is tls.pem, ",
                id=key,
            )
            for key in ("cert_file", "key_file", "client_ca_file")
        ),
        pytest.param(
            {"webConfig": {"config": {"tls_server_config": TLS}}, "serviceMonitor": {"enabled": True}},
            "serviceMonitor.tlsConfig: ",
            id="monitor-without-TLS",
        ),
        *(
            pytest.param(
                {
                    "webConfig": {"config": {"tls_server_config": CERTIFICATES}},
                    "serviceMonitor": {"enabled": True, "tlsConfig": {**TRUST, **half}},
                },
                "serviceMonitor.tlsConfig: the web configuration wants a certificate",
                id=f"monitor-with-{'-'.join(half) or 'nothing'}",
            )
            for half in ({}, {"cert": IDENTITY["cert"]}, {"keySecret": IDENTITY["keySecret"]})
        ),
        pytest.param(
            {"webConfig": {"config": {"basic_auth_users": USERS}}, "serviceMonitor": {"enabled": True}},
            "serviceMonitor.basicAuth: the web configuration has users",
            id="monitor-without-a-password",
        ),
    ],
)
def test_values_at_odds_are_refused_by_name(render: Render, values: dict[str, Any], named: str) -> None:
    """With a sentence that says what to do, in place of pods that never start or targets that are never up."""
    with pytest.raises(ValueError, match=named.replace("?", r"\?")):
        render(values)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"tls_server_confg": TLS}, id="misspelt"),
        pytest.param({"tls_server_config": {}}, id="empty"),
        pytest.param({"basic_auth_users": {"prometheus": "example"}}, id="no-hash"),
        pytest.param({"basic_auth_users": ["prometheus"]}, id="no-mapping"),
    ],
)
def test_what_is_no_web_configuration_is_refused(render: Render, config: dict[str, Any]) -> None:
    """By the schema: the pods could never start with it."""
    with pytest.raises(ValueError, match="values don't meet the specifications"):
        render({"webConfig": {"config": config}})


def test_a_certificate_from_a_file_of_prometheus_will_do(render: Render) -> None:
    """Not only one from a Secret."""
    files = {**TRUST, "certFile": "/etc/x.crt", "keyFile": "/etc/x.key"}
    monitor = {"enabled": True, "tlsConfig": files, "basicAuth": LOGIN}
    config = {"tls_server_config": CERTIFICATES, "basic_auth_users": USERS}
    (endpoint,) = one(render({"webConfig": {"config": config}, "serviceMonitor": monitor}), "ServiceMonitor")["spec"][
        "endpoints"
    ]

    assert endpoint["tlsConfig"] == files


def test_the_example_of_the_readme_can_be_scraped(render: Render) -> None:
    """With a password over TLS, of which the probes see that the port is open."""
    values = example("TLS and passwords")
    values["webConfig"]["config"]["basic_auth_users"] = USERS  # what is shown is no hash that anybody could take over
    resources = render(values)
    (endpoint,) = one(resources, "ServiceMonitor")["spec"]["endpoints"]

    assert probes(resources) == {OPEN}
    assert endpoint["scheme"] == "https"
    assert {name: endpoint[name] for name in ("tlsConfig", "basicAuth")} == {
        name: values["serviceMonitor"][name] for name in ("tlsConfig", "basicAuth")
    }
