"""How long an empty process takes to import what the daemon imports.

    python -m benchmarks.bare_imports FILE

FILE is a JSON list of the names of modules, in the order of their import. Prints "done" once all of them are there.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Import them; a name that is no module by itself is left out, as it is imported by another one."""
    for name in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        with suppress(ImportError):
            importlib.import_module(name)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
