"""How many workers the limits of the system leave."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.cli.limits import threads_left

ROOT = Path(__file__).parents[2]

Write = Callable[[dict[str, str]], tuple[Path, Path]]

FILES = """
import resource, sys
from exporter.cli.limits import workers_allowed
from tests.recording_log import RecordingLog

resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, int(sys.argv[1])), int(sys.argv[1])))
log = RecordingLog()
workers = workers_allowed(128, log)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], workers, *[(event, fields["polls_at_a_time"])
      for event, fields in log.above_debug()])
"""


@pytest.mark.parametrize(
    ("hard", "printed"),
    [
        pytest.param(4096, "696 184", id="room"),  # one for each of 128 polls and 56 other calls, and 512
        pytest.param(640, "640 184", id="room for polls"),
        pytest.param(256, "256 86 ('open file limit is too low', 79)", id="less"),
        pytest.param(24, "24 8 ('open file limit is too low', 1)", id="few"),
    ],
)
def test_polls_leave_files_to_scrapes(hard: int, printed: str) -> None:
    """A low soft limit, as shells set it, is raised; where the hard one is low, polls have fewer threads."""
    process = subprocess.run(  # noqa: S603 — our own interpreter
        [sys.executable, "-c", FILES, str(hard)], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )

    assert process.stdout.strip() == printed


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files below a folder that stands for /, and returns the paths of own and mounted cgroups."""

    def write_files(files: dict[str, str]) -> tuple[Path, Path]:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="ascii")
        return tmp_path / "own", tmp_path / "cgroup"

    return write_files


@pytest.mark.parametrize(
    ("files", "left"),
    [
        pytest.param(
            {"own": "0::/a/b\n", "cgroup/a/b/pids.max": "100\n", "cgroup/a/b/pids.current": "30\n"}, 70, id="v2"
        ),
        pytest.param(
            {
                "own": "0::/a/b\n",
                "cgroup/a/b/pids.max": "max\n",
                "cgroup/a/b/pids.current": "3\n",
                "cgroup/a/pids.max": "50\n",
                "cgroup/a/pids.current": "45\n",
            },
            5,
            id="v2, of the group above",
        ),
        pytest.param(
            {"own": "0::/\n", "cgroup/pids.max": "40\n", "cgroup/pids.current": "1\n"}, 39, id="v2, in a container"
        ),
        pytest.param(
            {"own": "0::/of/the/host\n", "cgroup/pids.max": "40\n", "cgroup/pids.current": "1\n"},
            39,
            id="v2, in a container that sees the host's path",
        ),
        pytest.param(
            {
                "own": "5:cpu,cpuacct:/x\n4:pids:/a\n0::/b\n",
                "cgroup/pids/a/pids.max": "20\n",
                "cgroup/pids/a/pids.current": "8\n",
            },
            12,
            id="v1",
        ),
        pytest.param(
            {"own": "4:pids:/host\n", "cgroup/pids/pids.max": "20\n", "cgroup/pids/pids.current": "8\n"},
            12,
            id="v1, in a container",
        ),
    ],
)
def test_cgroups_say_how_many_threads_are_left(write: Write, files: dict[str, str], left: int) -> None:
    """The smallest number of the group and of those above it."""
    assert threads_left(*write(files)) == left


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="no cgroups"),
        pytest.param({"own": "0::/a\n"}, id="not mounted"),
        pytest.param({"own": "0::/a\n", "cgroup/a/pids.max": "max", "cgroup/a/pids.current": "9"}, id="no limit"),
        pytest.param({"own": "0::/a\n", "cgroup/a/pids.max": "", "cgroup/a/pids.current": "x"}, id="nonsense"),
        pytest.param({"own": "nonsense\n"}, id="no list"),
        pytest.param({"own": "3:memory:/a\n", "cgroup/pids/a/pids.max": "1\n"}, id="another controller"),
    ],
)
def test_without_a_limit_of_threads_there_is_room(write: Write, files: dict[str, str]) -> None:
    """What cannot be read limits nothing."""
    assert threads_left(*write(files)) > 100_000
