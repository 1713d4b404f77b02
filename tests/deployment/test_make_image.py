"""What `make` asks of podman for the image, with a program in its place that writes down what it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent
DIGEST = "sha256:" + "a" * 64
ENGINE = f"""#!/bin/sh
echo "$@" >> "{{asked}}"
case "$1 $2 $*" in
    "pull "*) exit {{pull}} ;;
    "image inspect "*Architecture*) echo arm64 ;;
    "image inspect "*) echo mirror/python@{DIGEST}; exit {{local}} ;;
    "login "*) cat >> "{{asked}}" ;;
esac
"""

Asked = tuple[int, list[str]]


@pytest.fixture
def make(tool: Callable[[str], str], tmp_path: Path) -> Callable[..., Asked]:
    """Runs `make` in a repository of one commit; returns its exit code and what the engine was asked."""
    project = tmp_path / "project"
    (project / "exporter").mkdir(parents=True)
    (project / "deploy" / "container").mkdir(parents=True)
    for name in ("Makefile", "exporter/__init__.py", "deploy/container/Containerfile"):
        shutil.copy(ROOT / name, project / name)
    author = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    for command in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message=one"]):
        subprocess.run([tool("git"), *command], cwd=project, check=True)  # noqa: S603 — a tool that the tests look for

    def run(
        *arguments: str, name: str = "podman", pull: int = 0, local: int = 0, next_version: str = "", **environ: str
    ) -> Asked:
        if next_version:
            (project / "exporter" / "__init__.py").write_text(f'__version__ = "{next_version}"\n')
        engine, asked = tmp_path / name, tmp_path / "asked"
        engine.write_text(ENGINE.format(asked=asked, pull=pull, local=local))
        engine.chmod(0o755)
        asked.write_text("")
        done = subprocess.run(  # noqa: S603 — the makefile is our own
            [tool("make"), "--no-print-directory", f"ENGINE={engine}", *arguments],
            cwd=project,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, asked.read_text().splitlines()

    return run


def test_the_image_is_made_from_the_digest_of_the_base(make: Callable[..., Asked]) -> None:
    """Which its labels name beside tag, version and commit; a mirror is handed on."""
    code, asked = make(
        "image", "IMAGE=registry/us", "BASE=mirror/python:3.13", "PIP_INDEX_URL=http://localhost/simple"
    )
    build = asked[-1]

    assert code == 0
    assert f"--build-arg BASE=mirror/python@{DIGEST}" in build
    assert "--build-arg PIP_INDEX_URL=http://localhost/simple" in build
    assert "PIP_TRUSTED_HOST" not in build
    assert f"image.version={__version__} " in build
    assert f"image.base.name=mirror/python:3.13 --label org.opencontainers.image.base.digest={DIGEST} " in build
    assert "image.source" not in build
    assert build.endswith(f"-t registry/us:{__version__} build/source")


def test_an_image_of_the_last_commit_has_its_version(make: Callable[..., Asked]) -> None:
    """Not the one that the files around it have by now."""
    build = make("image", "IMAGE=registry/us", next_version="9.9.9")[1][-1]

    assert f"image.version={__version__} " in build
    assert build.endswith(f"-t registry/us:{__version__} build/source")


@pytest.mark.parametrize(("name", "begins"), [("podman", "build --format docker -f "), ("docker", "build -f ")])
def test_the_image_has_a_health_check_with_either_engine(make: Callable[..., Asked], name: str, begins: str) -> None:
    """Podman's own format has none, and docker knows one format."""
    assert make("image", name=name)[1][-1].startswith(begins)


def test_the_base_is_the_one_that_the_containerfile_names(make: Callable[..., Asked]) -> None:
    """Unless another one is given."""
    named = (ROOT / "deploy" / "container" / "Containerfile").read_text().partition("ARG BASE=")[2].split()[0]
    assert make("image")[1][0] == f"pull --quiet {named}"


@pytest.mark.parametrize(("local", "code"), [(0, 0), (1, 2)], ids=["here", "nowhere"])
def test_a_base_that_no_registry_has_must_be_here(make: Callable[..., Asked], local: int, code: int) -> None:
    """Else nothing is built."""
    ended, asked = make("image", pull=1, local=local)

    assert ended == code
    assert any(line.startswith("build ") for line in asked) == (code == 0)


@pytest.mark.parametrize(
    ("name", "flag"), [("podman", "--authfile {home}/.docker/config.json "), ("docker", "")], ids=["podman", "docker"]
)
def test_an_image_is_pushed_with_its_architecture(
    make: Callable[..., Asked], tmp_path: Path, name: str, flag: str
) -> None:
    """After a login whose password no command line shows, into the file where docker and helm look."""
    user = {"REGISTRY_USER": "robot", "REGISTRY_PASSWORD": "hunter2"}
    code, asked = make("registry-login", "push-image", "IMAGE=registry/us", name=name, **user)
    image = f"registry/us:{__version__}"

    assert code == 0
    assert asked[0] == f"login {flag.format(home=tmp_path)}--username robot --password-stdin registry"
    assert asked[1] == f"hunter2image inspect --format {{{{.Architecture}}}} {image}"
    assert asked[2:] == [f"tag {image} {image}-arm64", f"push {image}-arm64"]


def test_the_images_of_all_architectures_become_one(make: Callable[..., Asked]) -> None:
    """Under the version alone; again after a try that failed, whose list is still there."""
    code, asked = make("push-index", "IMAGE=registry/us")
    image = f"registry/us:{__version__}"

    assert code == 0
    assert asked == [
        f"manifest rm {image}-index",
        f"manifest create {image}-index",
        f"manifest add {image}-index docker://{image}-amd64",
        f"manifest add {image}-index docker://{image}-arm64",
        f"manifest push --all --digestfile dist/image.digest {image}-index docker://{image}",
    ]
