"""Records the demo's day as a real Prometheus has scraped it: ``python -m tests.dashboards.record`` (seven minutes).

To be done again when the demo, the metrics or the rules change; the tests of the dashboards say when.
"""

import json
import lzma
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.alerts.shipped import ALERTS_FILE, load
from tests.dashboards.shipped import queries
from tests.end_to_end.exporter_process import Exporter
from tests.prometheus import prometheus, query

RECORDING: Final = Path(__file__).parent / "demo_day.om.xz"
JOB: Final = "dcdn-exporter"
# The longest of the demo's stories takes 360 s; each is seen from its first moment into its second round. At the end
# two changes of billing are ahead.
DAY_S: Final = 395
SCRAPE_INTERVAL_S: Final = 5


def main() -> None:
    """Play the demo for a day of its own, and write every series that the dashboards ask for."""
    program = shutil.which("prometheus")
    if program is None:
        sys.exit("prometheus is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = _played(program, folder)
    text = "".join(_lines(series)) + "# EOF\n"
    RECORDING.write_bytes(lzma.compress(text.encode(), preset=9))


def _played(program: str, folder: Path) -> list[dict[str, Any]]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    demo = Exporter(
        ("demo", "--web.listen-address=127.0.0.1:0", "--log.level=info", "--log.format=json"),
        folder=folder,
        environ=environ,
    )
    with ExitStack() as running:
        running.callback(demo.end)
        # A day takes minutes, so that rules are evaluated with each scrape.
        rules = load(ALERTS_FILE)
        for group in rules["groups"]:
            group["interval"] = f"{SCRAPE_INTERVAL_S}s"
        (folder / "rules.json").write_text(json.dumps(rules))
        scraped = {
            "rule_files": ["rules.json"],
            "global": {"scrape_interval": f"{SCRAPE_INTERVAL_S}s", "scrape_timeout": f"{SCRAPE_INTERVAL_S}s"},
            "scrape_configs": [
                {"job_name": JOB, "static_configs": [{"targets": [demo.address], "labels": {"instance": "demo"}}]}
            ],
        }
        with prometheus(program, folder, scraped) as host:
            time.sleep(DAY_S)
            # States that are held have no job.
            return query(host, f'{{__name__=~".+"}}[{DAY_S}s]')


def _lines(series: list[dict[str, Any]]) -> Iterator[str]:
    asked = " ".join(query.expression for query in queries())
    for one in sorted(series, key=lambda one: sorted(one["metric"].items())):
        labels = dict(one["metric"])
        name = labels.pop("__name__")
        if f"{name}{{" in asked:
            written = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
            yield from (f"{name}{{{written}}} {value} {moment}\n" for moment, value in one["values"])


if __name__ == "__main__":
    main()
