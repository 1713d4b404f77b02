"""The image of this code, and what it is made from: each made once, however many tests run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.deployment.containers import Containers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

ROOT = Path(__file__).parent.parent.parent
_SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
_DEBIAN = "trixie"  # whose Python is of the version that the Containerfile names
_INCLUDED = "python3,python3-venv,ca-certificates,systemd-sysv,dbus"


@pytest.fixture(scope="session")
def containers(tool: Callable[[str], str], unavailable: Callable[[str], NoReturn]) -> Iterator[Containers]:
    """Runs containers as root, which a unit with systemd needs."""
    programs = {name: tool(name) for name in ("podman", "buildah")}
    for name in ("runc", "catatonit"):
        tool(name)
    if os.geteuid() != 0:
        unavailable("only root can run systemd in a container")
    # podman refuses long names of the folder that its sockets are in.
    made = Containers(Path(tempfile.mkdtemp(prefix="containers-")), **programs)
    try:
        yield made
    finally:
        made.clear_away()


@pytest.fixture(scope="session")
def base(
    containers: Containers,
    tool: Callable[[str], str],
    unavailable: Callable[[str], NoReturn],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """An image in place of the one that the Containerfile names: a Debian with Python, from packages.

    It has systemd as well, so that one is enough for the unit.
    """
    mmdebstrap = tool("mmdebstrap")
    sources = "\n".join(Path(file).read_text(encoding="utf-8") for file in _SOURCES if Path(file).is_file())
    mirror = re.search(r"^(?:URIs:|deb(?: \[.*?\])?) *(\S+/debian)/?\s", sources, re.MULTILINE)
    if mirror is None:
        unavailable("the base image is made from Debian's packages, and this machine knows no mirror of them")
    tree = tmp_path_factory.mktemp("base") / "base.tar"
    subprocess.run(  # noqa: S603 — a tool that the tests look for
        [
            mmdebstrap,
            "--quiet",
            "--variant=minbase",
            f"--include={_INCLUDED}",
            _DEBIAN,
            str(tree),
            mirror[1],
        ],
        timeout=300,
        check=True,
        capture_output=True,
    )
    containers.podman("import", "--quiet", str(tree), "localhost/base:test")
    tree.unlink()
    return "localhost/base:test"


@pytest.fixture(scope="session")
def packages(base: str, containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """How a container gets at the locked packages: their files, and a pip that knows of nothing else.

    They come from wherever this machine's pip takes packages from, so that no image has to know where that is.
    """
    folder = tmp_path_factory.mktemp("packages")
    version = containers.run_to_end(
        base, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"
    ).strip()
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--python-version", version, "--dest", str(folder)]
    for lock in ("run.txt", "build.txt"):
        wanted = ["--no-deps", "--require-hashes", "--requirement", str(ROOT / "requirements" / lock)]
        subprocess.run([*fetch, *wanted], timeout=300, check=True)  # noqa: S603 — our own interpreter
    settings = tmp_path_factory.mktemp("pip") / "pip.conf"
    settings.write_text("[global]\nno-index = true\nfind-links = /packages\n", encoding="utf-8")
    return (f"--volume={folder}:/packages:ro", f"--volume={settings}:/etc/pip.conf:ro")


@pytest.fixture(scope="session")
def image(base: str, packages: tuple[str, ...], containers: Containers) -> str:
    """The image that the Containerfile makes, but for what it starts from."""
    name = "localhost/dcdn-exporter:test"
    file = ROOT / "deploy" / "container" / "Containerfile"
    containers.build(name, ROOT, f"--file={file}", f"--build-arg=BASE={base}", *packages)
    return name


@pytest.fixture(scope="session")
def render(
    tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """What helm makes of the chart with these values and an image; made once, and not to be changed."""
    helm, made = tool("helm"), {}

    def run(values: dict[str, Any]) -> str:
        if "image" not in values:
            values = {**values, "image": {"repository": "registry.invalid/dcdn-exporter"}}
        file = tmp_path_factory.mktemp("chart") / "values.json"
        file.write_text(json.dumps(values), encoding="utf-8")
        rendered = subprocess.run(  # noqa: S603 — a tool that the tests look for
            [
                helm,
                "template",
                "rel",
                str(ROOT / "deploy" / "helm" / "dcdn-exporter"),
                "--namespace",
                "watch",
                "--values",
                str(file),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if rendered.returncode:
            raise ValueError(rendered.stderr)
        return rendered.stdout

    def once(values: dict[str, Any]) -> list[dict[str, Any]]:
        key = json.dumps(values)
        if key not in made:
            made[key] = [resource for resource in yaml.load_all(run(values), yaml.CSafeLoader) if resource]
        return made[key]

    return once
