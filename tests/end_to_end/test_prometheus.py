"""A real Prometheus as the reader."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.parse
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from exporter.simulator import ServiceState
from tests.end_to_end.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

JOB = "dcdn-exporter"


@contextmanager
def prometheus(program: str, target: str, *, folder: Path, eventually: Eventually, **job: Any) -> Iterator[str]:
    """A server that scrapes the target every second, with further keys of the job if given; its address."""
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}], **job}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 — a tool that the tests look for
            [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        bound = eventually(
            "Prometheus names its address", lambda: re.search(r"address=(127\.0\.0\.1:[1-9]\d*)", log.read_text())
        )
        yield bound[1]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


def ask(address: str, path: str) -> bytes:
    with closing(HTTPConnection(address, timeout=20)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.read() if response.status == 200 else b""


def query(address: str, expression: str) -> list[dict[str, Any]]:
    """The samples that an expression has now."""
    answer = json.loads(ask(address, f"/api/v1/query?query={urllib.parse.quote(expression)}") or "{}")
    samples: list[dict[str, Any]] = answer.get("data", {}).get("result", [])
    return samples


def test_prometheus_scrapes_it_as_openmetrics(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """Prometheus takes OpenMetrics, takes every sample, and finds a lock by its labels."""
    program = tool("prometheus")
    accounts = [make_account(name) for name in ("overdue", 'odd "name" \\ with ü')]
    simulator = simulate(*accounts)
    simulator.set_service("overdue", ServiceState(locks=("financial",)))
    exporter = serve(configure(simulator.url, *accounts))
    eventually("the lock is shown", lambda: exporter.scrape().status("overdue") == "locked")

    with prometheus(program, exporter.address, folder=tmp_path, eventually=eventually) as address:
        eventually(
            "three scrapes",
            lambda: query(address, f'count_over_time(up{{job="{JOB}"}}[1m]) >= 3'),
        )
        (lock,) = query(address, 'dcdn_service_lock{reason="financial"} == 1')
        assert lock["metric"] == {
            "__name__": "dcdn_service_lock",
            "account": "overdue",
            "product": "dcdn_ipa",
            "reason": "financial",
            "instance": exporter.address,
            "job": JOB,
        }
        assert query(address, "min_over_time(up[1m])")[0]["value"][1] == "1"
        assert len(query(address, 'dcdn_service_status{account=~"odd.*"}')) == 3
        # A counter's family has no _total in OpenMetrics, and has it in the text format.
        metadata = json.loads(ask(address, "/api/v1/metadata"))["data"]
        assert metadata["dcdn_polls"][0]["type"] == "counter"
        assert "dcdn_polls_total" not in metadata
        # No label of ours met one of the target's, none came twice, and no time ran backwards.
        assert query(address, '{__name__=~"dcdn_.*", exported_job!=""}') == []
        assert query(address, '{__name__=~"dcdn_.*", exported_instance!=""}') == []
        own = Page.parse(ask(address, "/metrics").decode())
        for refused in ("duplicate_timestamp", "out_of_order", "out_of_bounds"):
            assert own.value(f"prometheus_target_scrapes_sample_{refused}_total") == 0
    assert exporter.stop() == 0
