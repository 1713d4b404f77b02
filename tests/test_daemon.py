"""The daemon as it is put together: what the configuration says arrives where it counts."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.catalogue import vendor_limits
from exporter.config import parse
from exporter.daemon import Daemon, WebOptions
from exporter.simulator import Fault, Simulator, load_scenario
from tests.recording_log import RecordingLog

PATIENCE_S = 20.0
ACCOUNT = load_scenario("healthy").accounts[0]
KEYS = {
    "type": "access_key",
    "access_key_id": ACCOUNT.access_key_id,
    "access_key_secret": ACCOUNT.access_key_secret,
}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(load_scenario("healthy")) as simulator:
        yield simulator


@contextmanager
def running(simulator: Simulator, *, environ: dict[str, str] | None = None, **document: Any) -> Iterator[Daemon]:
    whole = {
        "accounts": [{"name": "prod", "credentials": KEYS}],
        "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "bss"), simulator.url),
        **document,
    }
    configuration = parse(json.dumps(whole), source="a test", vendor_limits=vendor_limits())
    web = WebOptions(listen_address="127.0.0.1:0")
    with Daemon(configuration, web=web, environ=environ or {}, log=RecordingLog()) as daemon:
        yield daemon


def scrape(daemon: Daemon) -> Samples:
    connection = HTTPConnection(daemon.address, timeout=PATIENCE_S)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def wait_until(condition: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < ends_at:
        threading.Event().wait(0.02)
    return condition()


def test_the_configuration_is_told_on_the_page(simulator: Simulator) -> None:
    """Alerting rules can follow the intervals, the budgets and the number of accounts of the file."""
    second = {"name": "shop", "site": "international", "labels": {"team": "video"}, "credentials": KEYS}
    document: dict[str, Any] = {
        "accounts": [{"name": "prod", "account_id": "123", "credentials": KEYS}, second],
        "poll": {"interval": "30s", "stale_after": "7m", "timeout": "5s"},
        "rate_limit": {"share": 0.5, "calls_per_second": {"DescribeDcdnIpaService": 10}},
    }
    with running(simulator, **document) as daemon:
        samples = scrape(daemon)

    assert value(samples, "dcdn_exporter_poll_interval_seconds") == 30
    assert value(samples, "dcdn_exporter_poll_stale_after_seconds") == 420
    assert value(samples, "dcdn_exporter_configured_accounts") == 2
    assert value(samples, "dcdn_exporter_probes") == 2
    operation = "DescribeDcdnIpaService"
    budget = value(samples, "dcdn_exporter_api_budget_calls_per_second", operation=operation)
    assert budget == pytest.approx(10 * 0.5 * 0.925)
    assert value(samples, "dcdn_exporter_probe_info", product="dcdn_ipa", probe="service", operation=operation) == 1
    known = {"account": "prod", "account_id": "123", "account_name": "", "site": "china"}
    assert value(samples, "dcdn_account_info", **known) == 1


def test_labels_and_the_learned_account_id_stand_on_the_account(simulator: Simulator) -> None:
    """The user's own labels are there from the start, the account id as soon as the API has told it."""
    account = {"name": "shop", "site": "international", "labels": {"team": "video"}, "credentials": KEYS}
    labels = {"account": "shop", "account_name": "", "site": "international", "team": "video"}
    series = ("dcdn_account_info", tuple(sorted({**labels, "account_id": ACCOUNT.account_id}.items())))
    with running(simulator, accounts=[account]) as daemon:
        assert wait_until(lambda: series in scrape(daemon))


def test_the_account_id_is_asked_again_until_it_is_told(simulator: Simulator) -> None:
    """A refusal of GetCallerIdentity is made up for after the failing interval."""
    refusal = Fault(
        "error", status=503, code="ServiceUnavailable", message="later", action="GetCallerIdentity", times=1
    )
    simulator.set_fault(ACCOUNT.name, refusal)
    poll = {"interval": "1s", "failing_interval": "1s"}
    with running(simulator, poll=poll):
        assert wait_until(lambda: len(simulator.journal.entries(action="GetCallerIdentity")) == 2)


def test_a_proxy_of_the_environment_is_not_taken_for_loopback(simulator: Simulator) -> None:
    """The simulator on this machine is reached directly, whatever proxy the environment names."""
    proxies = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    with running(simulator, environ=proxies) as daemon:
        assert wait_until(daemon.is_ready)
        samples = scrape(daemon)
    assert value(samples, "dcdn_poll_success", account="prod", product="dcdn_ipa", probe="service") == 1


def test_credentials_without_a_provider_are_refused_before_anything_starts(simulator: Simulator) -> None:
    """A daemon that cannot serve what the file asks for is not built."""
    role = {"name": "member", "credentials": {"type": "ram_role", "role_arn": "acs:ram::1:role/r"}}
    with (
        pytest.raises(ValueError, match="no provider of credentials of type ram_role"),
        running(simulator, accounts=[role]),
    ):
        pass
