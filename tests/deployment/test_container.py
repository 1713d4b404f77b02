"""The image and the compose stack, as far as they can be read without an image registry."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli.serve import serve
from exporter.web.server import parse_listen_address

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "container"
FILE = (FOLDER / "Containerfile").read_text(encoding="utf-8")
PORT = next(
    parse_listen_address(str(parameter.default))[1]
    for parameter in serve.params
    if parameter.name == "web_listen_address"
)


def instructions(name: str) -> list[str]:
    """What follows each instruction of this name, lines joined."""
    joined = re.sub(r"^\s*#.*\n", "", FILE, flags=re.MULTILINE).replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", joined, re.MULTILINE)


def compose(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return document


def test_everything_that_is_installed_is_pinned_by_its_hash() -> None:
    """What builds packages and what is installed are fetched by their locks; our own code asks for nothing else."""
    runs = "&&".join(instructions("RUN")).split("&&")
    fetched = [line for line in runs if "/pip" in line and "--no-index" not in line]

    assert len(fetched) == 2
    assert [re.findall(r"-r requirements/(\S+)", line) for line in fetched] == [["build.txt"], ["run.txt"]]
    assert all("--require-hashes" in line for line in fetched)
    assert "--no-build-isolation" in fetched[1]


def test_the_base_is_of_the_newest_python_that_is_tested() -> None:
    """A tag, since no digest would be that of a mirror."""
    tested = re.findall(r'"Programming Language :: Python :: (3\.[0-9]+)"', (ROOT / "pyproject.toml").read_text())

    assert instructions("ARG")[0].startswith(f"BASE=python:{tested[-1]}-slim")


def test_the_image_is_of_no_user_that_has_a_name() -> None:
    """A number that is not root's is what Kubernetes can check."""
    assert instructions("USER") == ["65532:65532"]


def test_no_shell_is_needed() -> None:
    """What is started is started as it stands."""
    for name in ("ENTRYPOINT", "CMD"):
        for command in instructions(name):
            assert isinstance(json.loads(command), list)


def test_the_port_is_the_default_of_the_daemon() -> None:
    """What is exposed and asked for its health is where it listens."""
    (health,) = instructions("HEALTHCHECK")

    assert instructions("EXPOSE") == [str(PORT)]
    assert f"http://127.0.0.1:{PORT}/-/healthy" in health


def test_what_is_copied_is_not_ignored() -> None:
    """The list of what the build may see holds each source of a COPY, and no whole folder of secrets or tests."""
    allowed = (ROOT / ".containerignore").read_text(encoding="utf-8").partition("\n*\n")[2].splitlines()
    copied = {
        source for line in instructions("COPY") if not line.startswith("--from") for source in line.split()[:-1]
    }

    assert sorted(allowed) == sorted([*(f"!{source}" for source in copied), "**/__pycache__"])
    assert (ROOT / ".dockerignore").read_bytes() == (ROOT / ".containerignore").read_bytes()


def test_images_of_others_are_named_with_their_registry() -> None:
    """Podman on Debian looks in no registry of its own accord for `prom/prometheus`."""
    services = compose("compose.yaml")["services"]
    images = {service["image"] for service in services.values() if "build" not in service}
    assert {image.partition("/")[0] for image in images} == {"${MIRROR:-docker.io"}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.account.yaml"])
def test_every_file_that_the_stack_mounts_is_there(name: str) -> None:
    """But for those of the user's own account."""
    own = {"./config.yaml", "./secrets"}
    document = compose(name)
    sources = {
        volume.partition(":")[0] for service in document["services"].values() for volume in service.get("volumes", ())
    }
    sources -= set(compose("compose.yaml")["volumes"])

    assert {source for source in sources - own if not (FOLDER / source).exists()} == set()


@pytest.mark.parametrize("name", ["compose.yaml", "compose.account.yaml"])
def test_what_the_stack_mounts_can_be_read_where_selinux_is_on(name: str) -> None:
    """Each file of this machine is labelled for containers, of which several may read it, and none may write it."""
    stack, services = compose("compose.yaml"), compose(name)["services"].values()
    mounts = [volume for service in services for volume in service.get("volumes", ())]
    ours = [mount for mount in mounts if mount.partition(":")[0] not in stack["volumes"]]

    assert ours
    assert all(mount.endswith(":ro,z") for mount in ours)


def test_nothing_of_the_stack_is_open_to_the_network() -> None:
    """Every port is bound to this machine: the stack asks nobody for a password."""
    ports = [port for service in compose("compose.yaml")["services"].values() for port in service["ports"]]

    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_container_of_the_stack_has_rights_that_it_does_not_need() -> None:
    """No capability and no way to one."""
    for service in compose("compose.yaml")["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges"]


def test_old_versions_of_podman_compose_read_the_stack() -> None:
    """Version 1.0 fails at an alias of a network, and joins the commands of two files where they are lists."""
    services = compose("compose.yaml")["services"]
    targets = re.findall(r'"([a-z-]+):\d+"', (FOLDER / "prometheus.yaml").read_text(encoding="utf-8"))

    assert targets
    assert set(targets) <= services.keys()
    assert not any("networks" in service for service in services.values())
    for own in (services["exporter"], compose("compose.account.yaml")["services"]["exporter"]):
        assert isinstance(own["command"], str)


def test_prometheus_is_configured_as_it_is_without_containers() -> None:
    """But for the addresses, which are names of the stack's services."""
    shipped = (ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8")
    names = {"localhost:9093": "alertmanager:9093", f"localhost:{PORT}": f"exporter:{PORT}"}
    for ours, theirs in names.items():
        assert ours in shipped
        shipped = shipped.replace(ours, theirs)
    ours_here = (FOLDER / "prometheus.yaml").read_text(encoding="utf-8")

    assert yaml.safe_load(ours_here) == yaml.safe_load(shipped)
