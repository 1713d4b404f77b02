"""The lock file of what is installed, and what the installed packages say of themselves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements" / "run.txt"

_PIN = re.compile(
    r"^(?P<name>\S+)==(?P<version>\S+)(?P<marker> ; .+?)?(?P<hashes>(?: +--hash=sha256:[0-9a-f]{64})+)$"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked package."""

    name: str
    """As lock files write it, in lower case with hyphens."""
    version: str
    sha256: tuple[str, ...]
    """Of every file that may be installed: the source and the wheels of all platforms."""


def pins(text: str) -> Iterator[Pin]:
    """The packages of a lock file that Linux and macOS need; ValueError for a line that is no pin with hashes."""
    for line in text.replace("\\\n", " ").splitlines():
        pin = _PIN.match(line)
        if pin is None:
            raise ValueError(f"no pinned package with hashes: {line[:80]}")
        if pin["marker"] is None:
            yield Pin(pin["name"], pin["version"], tuple(re.findall(r"sha256:(\w+)", pin["hashes"])))
        elif pin["marker"] != " ; sys_platform == 'win32'":
            raise ValueError(f"a condition that is not known here: {pin['name']}{pin['marker']}")


def licence_of(name: str) -> str:
    """The licence that an installed package names, as an SPDX expression where it has one."""
    found = metadata.distribution(name).metadata.json
    of_classifiers = [
        line.removeprefix(_CLASSIFIER) for line in found.get("classifier", ()) if line.startswith(_CLASSIFIER)
    ]
    words = found.get("license_expression") or found.get("license") or " AND ".join(of_classifiers)
    return str(words or "not named").partition("\n")[0]


def needs_of(name: str) -> frozenset[str]:
    """The names of the packages that an installed one needs without extras, on any platform."""
    needed = (line for line in metadata.requires(name) or () if "extra ==" not in line)
    return frozenset(match[0].lower().replace("_", "-") for match in map(_NAME.match, needed) if match)
