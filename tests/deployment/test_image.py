"""The image, built by buildah and run by podman with every right taken away."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter import __version__
from exporter.simulator import load_scenario
from tests.deployment.containers import rights_of
from tests.end_to_end.page import Page
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deployment.containers import Containers

pytestmark = [pytest.mark.rehearsal, pytest.mark.waits]

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "container"
CLOSED = (
    "--read-only",
    "--read-only-tmpfs=false",  # else podman mounts some places that can be written to
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)
# A file that is no program in the place of each that could be a shell.
NO_SHELL = tuple(f"--volume=/dev/null:/usr/bin/{name}:ro" for name in ("sh", "bash", "dash", "perl"))


class Running:
    """The exporter in a container, which polls a simulator in another one."""

    def __init__(self, containers: Containers, *, container: str, folder: Path, address: str) -> None:
        self.containers, self.container = containers, container
        self._folder, self._address = folder, address

    def configure(self, *names: str) -> None:
        """Write the configuration: one simulated account under each of these names."""
        (played,) = load_scenario("healthy").accounts
        key = {"access_key_id": played.access_key_id, "access_key_secret": played.access_key_secret}
        configuration = {
            "poll": {"interval": "1s"},
            "accounts": [{"name": name, "credentials": {"type": "access_key", **key}} for name in names],
            "endpoints": dict.fromkeys(("dcdn", "sts"), "http://127.0.0.1:10521"),
        }
        (self._folder / "config.yaml").write_text(json.dumps(configuration), encoding="utf-8")

    def get(self, path: str) -> str:
        """The body of an answer on the port that is published; LookupError while there is none."""
        try:
            with urllib.request.urlopen(f"http://{self._address}{path}", timeout=10) as answer:
                body: bytes = answer.read()
        except OSError as error:
            raise LookupError(str(error)) from error
        return body.decode()

    def scrape(self) -> Page:
        """The samples on /metrics now."""
        return Page.parse(self.get("/metrics"))


@pytest.fixture
def running(image: str, containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The two containers; they share a network, of which one port can be reached from this machine."""
    folder = tmp_path_factory.mktemp("configuration")
    folder.chmod(0o755)
    started = [
        containers.start(
            "--publish=127.0.0.1::10520", *CLOSED, image, "simulator", "--listen-address=127.0.0.1:10521"
        )
    ]
    _, _, address = containers.podman("port", started[0]).stdout.strip().partition(" -> ")
    exporter = Running(containers, container="dcdn-exporter", folder=folder, address=address)
    exporter.configure("prod")
    try:
        started.append(
            containers.start(
                f"--name={exporter.container}",
                f"--network=container:{started[0]}",
                f"--volume={folder}:/etc/dcdn-exporter:ro",
                *CLOSED,
                *NO_SHELL,
                image,
                "serve",
                "--config.file=/etc/dcdn-exporter/config.yaml",
            )
        )
        yield exporter
    finally:
        for container in reversed(started):
            containers.remove(container)


def test_it_serves_with_no_right_and_no_shell_and_nothing_to_write_to(
    running: Running, tell: Callable[[str], None]
) -> None:
    """Scraped over the published port; no user of the machine, no capability, no way to one, no writable file."""
    page = wait_until("it is scraped", running.scrape)
    start_s = time.time() - page.value("process_start_time_seconds")
    spent_s = page.value("process_cpu_seconds_total")
    wait_until("the account is answered", lambda: running.scrape().value("dcdn_poll_success", account="prod") == 1)
    pid = running.containers.inspect(running.container)["State"]["Pid"]
    tell(f"the first scrape was answered {start_s:.2f} s after the start, for which {spent_s:.2f} s were computed")

    assert rights_of(Path(f"/proc/{pid}/status").read_text()) == {
        "Uid": "65532 65532 65532 65532",
        "Gid": "65532 65532 65532 65532",
        "CapEff": "0" * 16,
        "CapBnd": "0" * 16,
        "NoNewPrivs": "1",
        "Seccomp": "2",
    }
    assert [file.name for file in Path("/proc", str(pid), "root", "dev", "shm").iterdir()] == []


def test_it_is_healthy(running: Running) -> None:
    """By the image's own health check, and as it answers."""
    wait_until("it listens", lambda: running.get("/-/healthy"))

    assert running.containers.podman("healthcheck", "run", running.container).returncode == 0


def test_a_signal_reloads_it(running: Running) -> None:
    """SIGHUP takes the mounted file as it is now; a bad one changes nothing, and shows."""
    reloaded, known = "dcdn_exporter_config_last_reload_successful", "dcdn_exporter_configured_accounts"
    wait_until("it is scraped", running.scrape)

    running.configure("prod", "staging")
    running.containers.podman("kill", "--signal=HUP", running.container)
    wait_until("there are two", lambda: running.scrape().value(known) == 2)
    assert running.scrape().value(reloaded) == 1

    running.configure("prod", "prod")
    running.containers.podman("kill", "--signal=HUP", running.container)
    wait_until("it is refused", lambda: running.scrape().value(reloaded) == 0)
    assert running.scrape().value(known) == 2


def test_the_image_holds_what_the_documents_say(
    image: str, containers: Containers, tell: Callable[[str], None]
) -> None:
    """Its size beyond the base image; the locked packages; no pip; labels that say what it is."""
    (found,) = json.loads(containers.podman("image", "inspect", image).stdout)
    listed = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions(path=[p])))"
    here = "import pathlib; p = str(next(pathlib.Path('/opt/dcdn-exporter/lib').glob('python3*/site-packages'))); "
    installed = containers.run_to_end("--entrypoint=python3", image, "-c", here + listed).split()
    measured = "import os; print(sum(e.stat().st_size for d, _, f in os.walk('/opt') for e in map("
    measure = measured + "__import__('pathlib').Path(d).joinpath, f) if not e.is_symlink()))"
    own_mb = int(containers.run_to_end("--entrypoint=python3", image, "-c", measure)) / 1e6
    locked = re.findall(r"^([a-z0-9-]+)==[^;]*?\\$", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    told = re.search(r"and (\d+) MB of its own", (ROOT / "docs" / "deployment.md").read_text())
    tell(f"{own_mb:.1f} MB of its own in {len(installed)} packages, and {found['Size'] / 1e6:.0f} MB in all")

    assert told is not None
    assert own_mb == pytest.approx(int(told[1]), rel=0.05)
    assert sorted(name.replace("_", "-") for name in installed) == sorted([*locked, "dcdn-exporter"])
    assert found["Labels"]["org.opencontainers.image.title"] == "dcdn-exporter"
    assert found["Config"]["User"] == "65532:65532"
    assert containers.run_to_end(image, "--version").strip() == f"dcdn-exporter, version {__version__}"
    named = re.search(r"^ARG BASE=python:([0-9.]+)", (FOLDER / "Containerfile").read_text(), re.MULTILINE)
    version = containers.run_to_end("--entrypoint=python3", image, "--version")
    assert named is not None
    assert version.startswith(f"Python {named[1]}.")


def test_a_secret_of_podman_is_not_exposed(image: str, containers: Containers, tmp_path: Path) -> None:
    """It has mode 0444 and is for that container; a file that is mounted has the mode that it has on its machine."""
    keys = "credentials: {type: access_key, access_key_id: LTAI, access_key_secret_file: /run/secrets"
    file, mounted = tmp_path / "config.yaml", tmp_path / "mounted"
    file.write_text(f"accounts: [{{name: a, {keys}/handed}}}}, {{name: b, {keys}/mounted}}}}]")
    mounted.write_text("hunter2")
    for each in (file, mounted):
        each.chmod(0o644)
    containers.podman("secret", "create", "handed", "-", given="hunter2")
    volumes = [f"--volume={file}:/config.yaml:ro", f"--volume={mounted}:/run/secrets/mounted:ro"]
    said = containers.podman(
        "run", "--rm", "--network=none", "--secret=handed", *volumes, image, "check-config", "/config.yaml"
    )

    warnings = [line.partition("; ")[0] for line in said.stderr.splitlines() if line.startswith("warning:")]
    assert warnings == ["warning: other users can read /run/secrets/mounted (mode 0644), which holds a secret"]


def test_a_signal_stops_it(running: Running, tell: Callable[[str], None]) -> None:
    """SIGTERM is an end that was asked for: the exit code is 0."""
    wait_until("it is scraped", running.scrape)

    container = running.containers.inspect(running.container)
    asked_s = time.monotonic()
    os.kill(container["State"]["Pid"], signal.SIGTERM)
    wait_until("the process ended", lambda: not Path(f"/proc/{container['State']['Pid']}").exists())
    tell(f"it had ended {time.monotonic() - asked_s:.2f} s after the signal")

    exit_code = running.containers.podman("wait", running.container).stdout.strip()
    assert exit_code == "0", running.containers.log(running.container)
