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

BESIDE: dict[str, Any] = {
    "name": "proxy",
    "image": "registry.invalid/proxy:1",
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    "livenessProbe": {"tcpSocket": {"port": 3128}},
    "readinessProbe": {"tcpSocket": {"port": 3128}},
}

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
        "image": {"repository": "registry.invalid/dcdn-exporter", "digest": f"sha256:{'0' * 64}"},
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
    # Of its security context restricted-v2, which picks ids itself and refuses others.
    "OpenShift": {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    "beside it": {
        "extraContainers": [BESIDE],
        "initContainers": [{key: BESIDE[key] for key in BESIDE if not key.endswith("Probe")} | {"name": "first"}],
        "envFrom": [{"configMapRef": {"name": "proxy"}}],
        "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["dcdn.aliyuncs.com"]}],
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["192.0.2.53"], "options": [{"name": "ndots", "value": "1"}]},
        "annotations": {"reloader": "auto"},
    },
    "two families": {
        "service": {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"], "annotations": {"a": "b"}}
    },
    "labels": {
        "commonLabels": {"team": "video", "app.kubernetes.io/name": "another"},
        "podLabels": {"team": "pods"},
        "annotations": {"reloader": "auto"},
        "sharding": {"total": 2},
        "dashboards": {"enabled": True, "annotations": {"folder": "CDN"}},
        "networkPolicy": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "serviceMonitor": {"enabled": True},
    },
    "relabelings": {
        "serviceMonitor": {
            "enabled": True,
            "relabelings": [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}],
            "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "python_.*", "action": "drop"}],
        }
    },
    "login over TLS": {
        "webConfig": {
            "config": {"tls_server_config": TLS, "basic_auth_users": USERS},
            "probeHeaders": [{"name": "Authorization", "value": "Basic cHJvbWV0aGV1czpleGFtcGxl"}],
        },
        "serviceMonitor": {"enabled": True, "tlsConfig": TRUST, "basicAuth": LOGIN},
        **RENEWED,
    },
    "directory": {
        "replicas": 2,
        "secretsFrom": "keys",
        "config": {
            "poll": {"interval": "2m"},
            "discovery": {
                "resource_directories": [
                    {
                        "name": "main",
                        "role_name": "dcdn-exporter",
                        "credentials": {
                            "type": "access_key",
                            "access_key_id_file": "/etc/dcdn-exporter/secrets/id",
                            "access_key_secret_file": "/etc/dcdn-exporter/secrets/secret",
                        },
                    }
                ]
            },
        },
    },
    "no more than needed": {
        "podDisruptionBudget": {"enabled": False},
        "serviceAccount": {"create": False, "name": "ours"},
        "sharding": {"total": 2},
        "logLevel": "warn",
        "logFormat": "logfmt",
    },
}
