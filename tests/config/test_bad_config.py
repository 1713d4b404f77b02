import re
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import Configuration, ConfigurationError

BAD_CONFIG = Path(__file__).parent.parent / "bad_config"
EXPECT = "# expect: "


@pytest.mark.parametrize("file", [pytest.param(path, id=path.stem) for path in sorted(BAD_CONFIG.glob("*.yaml"))])
def test_each_bad_file_has_exactly_the_problems_its_header_names(
    file: Path,
    configure: Callable[[str], Configuration],
    tmp_path: Path,
) -> None:
    """Every problem is there, in the order of the file, with its line, its path and what would be accepted."""
    text = file.read_text(encoding="utf-8")
    expected = [line.removeprefix(EXPECT) for line in text.split("\n") if line.startswith(EXPECT)]
    with pytest.raises(ConfigurationError) as caught:
        configure(text)
    # The words of the YAML parser depend on how PyYAML was built.
    found = [re.sub(r"broken YAML \(.*\)", "broken YAML (...)", str(line)) for line in str(caught.value).split("\n")]
    assert [line.replace(str(tmp_path), "FOLDER") for line in found] == [
        f"FOLDER/dcdn.yaml:{line}" for line in expected
    ]


@pytest.mark.parametrize("file", [pytest.param(path, id=path.stem) for path in sorted(BAD_CONFIG.glob("*.yaml"))])
def test_no_bad_file_gets_its_planted_secret_printed(file: Path, configure: Callable[[str], Configuration]) -> None:
    """Secrets in these files contain `hunter2`; wherever they slipped in, no message has it."""
    with pytest.raises(ConfigurationError) as caught:
        configure(file.read_text(encoding="utf-8"))
    assert "hunter2" not in f"{caught.value}{caught.value!r}".lower()
