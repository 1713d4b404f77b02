"""The command, which at its end also prints what its locks were seen to do, as JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import exporter
from tests.end_to_end.lock_tracer import LockTracer

if __name__ == "__main__":
    tracer = LockTracer(Path(exporter.__file__).parent)
    with tracer.installed():
        from exporter.__main__ import run

        try:
            run()
        finally:
            sys.stdout.write(json.dumps(dataclasses.asdict(tracer.trace())))
