"""Sets of values, each for a way to run the chart."""

from typing import Any

TLS = {"cert_file": "/tls/tls.crt", "key_file": "/tls/tls.key"}
CERTIFICATES = {**TLS, "client_ca_file": "/tls/ca.crt", "client_auth_type": "RequireAndVerifyClientCert"}
# Of the password "example", at a cost that is too low for a real one.
USERS = {"prometheus": "$2b$04$4kjMDyuh7GiJ0sKdD19mqOaHixEOu6H9woetRXjMEZ48IxtKUgZGm"}
RENEWED: dict[str, Any] = {
    "extraVolumes": [{"name": "tls", "secret": {"secretName": "renewed", "defaultMode": 0o440}}],
    "extraVolumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
}
OF_SECRET = {name: {"name": "scrape", "key": name} for name in ("username", "password", "ca", "cert", "key")}
LOGIN = {"username": OF_SECRET["username"], "password": OF_SECRET["password"]}
TRUST = {"serverName": "dcdn-exporter", "ca": {"secret": OF_SECRET["ca"]}}
IDENTITY = {"cert": {"secret": OF_SECRET["cert"]}, "keySecret": OF_SECRET["key"]}

SETS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "two replicas": {"replicas": 2},
    "shards": {"sharding": {"total": 3}},
    "shards and replicas": {"replicas": 3, "sharding": {"total": 4}},
    "operator": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "p"}},
        "prometheusRule": {"enabled": True},
    },
    "closed": {
        "networkPolicy": {
            "enabled": True,
            "from": [{"namespaceSelector": {}}],
            "egress": [{"ports": [{"port": 80}]}],
        },
        "webConfig": {
            "existingSecret": "web",
            "scheme": "https",
            "passwords": True,
            "probeHeaders": [{"name": "Authorization", "value": "Basic eDp5"}],
        },
        "serviceMonitor": {"enabled": True, "tlsConfig": {"insecureSkipVerify": True}, "basicAuth": LOGIN},
    },
    "own secrets": {
        "existingConfigSecret": "whole-file",
        "secretsFrom": "keys",
        "image": {"digest": f"sha256:{'0' * 64}"},
    },
    "users": {
        "webConfig": {"config": {"basic_auth_users": USERS}},
        "serviceMonitor": {"enabled": True, "basicAuth": LOGIN},
    },
    "TLS": {
        "webConfig": {"config": {"tls_server_config": TLS}},
        "serviceMonitor": {"enabled": True, "tlsConfig": TRUST},
        **RENEWED,
    },
    "client certificates": {
        "webConfig": {"config": {"tls_server_config": CERTIFICATES}},
        "serviceMonitor": {"enabled": True, "tlsConfig": {**TRUST, **IDENTITY}},
        **RENEWED,
    },
    "pod identity": {"rrsa": {"roleName": "exporter"}, "serviceAccount": {"annotations": {"a": "b"}}},
    "scheduling": {
        "replicas": 2,
        "imagePullSecrets": [{"name": "pull"}],
        "nodeSelector": {"a": "b"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
        ],
        "priorityClassName": "high",
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "extraArgs": ["--web.enable-lifecycle"],
        "podLabels": {"a": "b"},
        "podAnnotations": {"a": "b"},
        "dashboards": {"enabled": True},
        "fullnameOverride": "watch",
    },
}
