import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import ConfigurationError, Vocabulary, load

BAD_CONFIG = Path(__file__).parent.parent / "bad_config"
EXPECT = "# expect: "
PARSER_WORDS = re.compile(r"(?<=: )mapping values are [^;]+;")
FILES = {
    "empty": b"",
    "with_spaces": b"hunter2 hunter2",
    "more_than_64_kib": b"x" * (64 * 1024 + 1),
    "long": b"x" * 129,
    "token": b"hunter2",
}
"""What the folder `files` beside the bad file has, and a named pipe."""

bad_files = pytest.mark.parametrize(
    "file", [pytest.param(path, id=path.stem) for path in sorted(BAD_CONFIG.glob("*.yaml"))]
)


@pytest.fixture
def refused(tmp_path: Path, vocabulary: Vocabulary) -> Callable[[Path], ConfigurationError]:
    """Why the file is refused, read as `dcdn.yaml` in a folder that the message calls FOLDER."""
    files = tmp_path / "files"
    files.mkdir()
    for name, content in FILES.items():
        (files / name).write_bytes(content)
    os.mkfifo(files / "pipe")

    def refuse(file: Path) -> ConfigurationError:
        copy = tmp_path / "dcdn.yaml"
        copy.write_bytes(file.read_bytes())
        with pytest.raises(ConfigurationError) as caught:
            load(copy, vocabulary=vocabulary)
        return caught.value

    return refuse


@bad_files
def test_each_bad_file_has_exactly_the_problems_its_header_names(
    file: Path, refused: Callable[[Path], ConfigurationError], tmp_path: Path
) -> None:
    """Every problem is there, in the order of the file, with its line, its path and what would be accepted."""
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    expected = [line.removeprefix(EXPECT) for line in lines if line.startswith(EXPECT)]
    # The words of the YAML parser depend on how PyYAML was built.
    found = re.sub(PARSER_WORDS, "...;", str(refused(file))).replace(str(tmp_path), "FOLDER")
    assert found.split("\n") == [f"FOLDER/dcdn.yaml:{line}" for line in expected]


@bad_files
def test_no_bad_file_gets_its_planted_secret_printed(
    file: Path, refused: Callable[[Path], ConfigurationError]
) -> None:
    """Secrets in these files contain `hunter2`; wherever they slipped in, no message has it."""
    error = refused(file)
    assert "hunter2" not in f"{error}{error!r}".lower()


def test_five_problems_are_five_lines(refused: Callable[[Path], ConfigurationError]) -> None:
    """One for each, whichever part of the file and whichever check they belong to."""
    assert len(str(refused(BAD_CONFIG / "five_problems.yaml")).splitlines()) == 5
