"""A real Prometheus as the reader."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exporter.simulator import ServiceState
from tests.end_to_end.page import Page
from tests.prometheus import get, prometheus, query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

JOB = "dcdn-exporter"


def every_second(target: str, **job: Any) -> dict[str, Any]:
    """A configuration that scrapes the target every second, with further keys of the job if given."""
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}], **job}],
    }


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
    accounts = [make_account(name) for name in ("overdue", "odd 'name' \\ with ü")]
    simulator = simulate(*accounts)
    simulator.set_service("overdue", ServiceState(locks=("financial",)))
    exporter = serve(configure(simulator.url, *accounts))
    eventually("the lock is shown", lambda: exporter.scrape().status("overdue") == "locked")

    with prometheus(program, tmp_path, every_second(exporter.address)) as address:
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
        metadata = json.loads(get(address, "/api/v1/metadata"))["data"]
        assert metadata["dcdn_polls"][0]["type"] == "counter"
        assert "dcdn_polls_total" not in metadata
        # No label of ours met one of the target's, none came twice, and no time ran backwards.
        assert query(address, '{__name__=~"dcdn_.*", exported_job!=""}') == []
        assert query(address, '{__name__=~"dcdn_.*", exported_instance!=""}') == []
        own = Page.parse(get(address, "/metrics").decode())
        for refused in ("duplicate_timestamp", "out_of_order", "out_of_bounds"):
            assert own.value(f"prometheus_target_scrapes_sample_{refused}_total") == 0
    assert exporter.stop() == 0
