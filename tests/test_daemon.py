"""The daemon as it is put together: what the configuration says arrives where it counts."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.catalogue import vendor_limits
from exporter.config import Configuration, ConfigurationError, Problem, parse
from exporter.daemon import Daemon, WebOptions
from exporter.simulator import Account, Fault, Role, Scenario, Simulator, load_scenario, role_arn
from tests.recording_log import RecordingLog

PATIENCE_S = 20.0
SCHEMA = Path(__file__).parent.parent / "docs" / "status.schema.json"
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


def configured(simulator: Simulator, **document: Any) -> Configuration:
    whole = {
        "accounts": [{"name": "prod", "credentials": KEYS}],
        "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "bss"), simulator.url),
        **document,
    }
    return parse(json.dumps(whole), source="a test", vendor_limits=vendor_limits())


@contextmanager
def running(
    simulator: Simulator,
    *,
    environ: dict[str, str] | None = None,
    load: Callable[[], Configuration] | None = None,
    log: RecordingLog | None = None,
    **document: Any,
) -> Iterator[Daemon]:
    configuration = configured(simulator, **document)
    web = WebOptions(listen_address="127.0.0.1:0")
    load = load or (lambda: configuration)
    with Daemon(configuration, load=load, web=web, environ=environ or {}, log=log or RecordingLog()) as daemon:
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


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # the vendor's library
def test_accounts_of_every_kind_are_polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their credentials come from where the file says, once for all accounts that say the same."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text("e30.e30.c2ln", encoding="ascii")
    profile = {"name": "p", "mode": "AK", "access_key_id": "LTAI5tBase", "access_key_secret": "base-secret"}
    (tmp_path / "profiles.json").write_text(json.dumps({"current": "p", "profiles": [profile]}), encoding="ascii")
    base = Account(
        name="base",
        account_id="10",
        access_key_id="LTAI5tBase",
        access_key_secret="base-secret",
        roles=(Role("r", trusted=("oidc-provider/cluster",)),),
    )
    oidc = {
        "type": "oidc",
        "role_arn": role_arn("10", "r"),
        "oidc_provider_arn": "acs:ram::10:oidc-provider/cluster",
        "oidc_token_file": str(tmp_path / "token"),
    }
    with Simulator(Scenario("", (base,))) as simulator:
        uri = {"type": "credentials_uri", "uri": f"{simulator.url}/_credentials/base"}
        kinds = [oidc, uri, {"type": "profile", "file": str(tmp_path / "profiles.json")}]
        accounts = [
            {"name": f"{credentials['type']}-{twin}", "credentials": credentials}
            for credentials in kinds
            for twin in range(2)
        ]
        with running(simulator, accounts=accounts) as daemon:
            assert wait_until(daemon.is_ready)
            samples = scrape(daemon)
        handed_out = len(simulator.issued_tokens())

    polled = {labels: value for (name, labels), value in samples.items() if name == "dcdn_poll_success"}
    assert list(polled.values()) == [1] * 6
    assert handed_out == 2


def test_the_status_is_there_as_json(simulator: Simulator) -> None:
    """The path has what the command prints, out of the daemon's own polls."""
    second = {"name": "shop", "credentials": KEYS, "balance": True}
    with running(simulator, accounts=[{"name": "prod", "credentials": KEYS}, second]) as daemon:
        assert wait_until(daemon.is_ready)
        connection = HTTPConnection(daemon.address, timeout=PATIENCE_S)
        connection.request("GET", "/api/v1/status")
        document = json.loads(connection.getresponse().read())
        connection.close()

    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    assert {key: document["summary"][key] for key in ("accounts", "probes", "failed", "waiting")} == {
        "accounts": 2,
        "probes": 3,
        "failed": 0,
        "waiting": 0,
    }
    assert {(service["account"], service["product"], service["condition"]) for service in document["services"]} == {
        ("prod", "dcdn_ipa", "active"),
        ("shop", "dcdn_ipa", "active"),
        ("shop", "bss", "in_credit"),
    }


def test_credentials_without_a_provider_are_refused_before_anything_starts(simulator: Simulator) -> None:
    """A daemon that cannot serve what the file asks for is not built."""
    role = {"name": "member", "credentials": {"type": "ram_role", "role_arn": "acs:ram::1:role/r"}}
    with (
        pytest.raises(ValueError, match="no provider of credentials of type ram_role"),
        running(simulator, accounts=[role]),
    ):
        pass


def of_account(daemon: Daemon, account: str) -> Samples:
    return {name: number for name, number in scrape(daemon).items() if ("account", account) in name[1]}


def reload_with(simulator: Simulator, *documents: dict[str, Any] | Exception) -> Callable[[], Configuration]:
    """What reads the configuration: each of the documents in turn."""
    later = iter(documents)

    def load() -> Configuration:
        document = next(later)
        if isinstance(document, Exception):
            raise document
        return configured(simulator, **document)

    return load


def test_a_reload_keeps_what_stays_and_drops_what_leaves(simulator: Simulator) -> None:
    """Accounts come and go with all their series; those that stay keep history, answers and account id."""
    prod, shop = ({"name": name, "credentials": KEYS} for name in ("prod", "shop"))
    poll = {"interval": "1h"}
    load = reload_with(simulator, {"accounts": [{"name": "new", "credentials": KEYS}, prod], "poll": poll})
    with running(simulator, load=load, accounts=[prod, shop], poll=poll) as daemon:
        assert wait_until(daemon.is_ready)
        assert wait_until(lambda: len(simulator.journal.entries(action="GetCallerIdentity")) == 2)
        known = ("dcdn_account_info", ("account_id", ACCOUNT.account_id))
        assert wait_until(lambda: any(name == known[0] and known[1] in labels for name, labels in scrape(daemon)))
        before = of_account(daemon, "prod")
        assert daemon.reload() is None
        samples = scrape(daemon)
        assert wait_until(lambda: value_of(daemon, "new", "dcdn_polls_total") == 1)
        after = of_account(daemon, "prod")

    assert after == before
    assert value(samples, "dcdn_exporter_configured_accounts") == 2
    assert not any(("account", "shop") in labels for _, labels in samples)


def value_of(daemon: Daemon, account: str, name: str, **labels: str) -> float:
    return value(scrape(daemon), name, account=account, product="dcdn_ipa", probe="service", **labels)


def test_a_bad_configuration_changes_nothing_and_is_shown(simulator: Simulator) -> None:
    """It is told and logged with all its problems, the one before stays in use, and the next good one counts."""
    problem = ConfigurationError((Problem("poll.interval", 1, "soon", "a duration"),), source="a test")
    log = RecordingLog()
    load = reload_with(simulator, problem, RuntimeError("a defect"), {"poll": {"interval": "30s"}})
    with running(simulator, load=load, log=log, poll={"interval": "1h"}) as daemon:
        seen = []
        for _ in range(3):
            told = daemon.reload()
            samples = scrape(daemon)
            seen.append(
                (
                    told,
                    value(samples, "dcdn_exporter_config_last_reload_successful"),
                    value(samples, "dcdn_exporter_poll_interval_seconds"),
                )
            )

    assert seen == [
        (str(problem), 0, 3600),
        ("a defect of the exporter; its log says more", 0, 3600),
        (None, 1, 30),
    ]
    assert [event for event, _ in log.above_debug() if "reload" in event] == [
        "configuration not reloaded",
        "reload hit a defect",
        "configuration not reloaded",
        "configuration reloaded",
    ]


def test_a_name_that_stands_for_another_account_shows_nothing_of_the_one_before(simulator: Simulator) -> None:
    """When the account id of a name changes, answers of the old one are gone at once; the counters go on."""
    one, other = ({"name": "prod", "account_id": number, "credentials": KEYS} for number in ("111", "222"))
    poll = {"interval": "1h"}
    load = reload_with(simulator, {"accounts": [other], "poll": poll})
    with running(simulator, load=load, accounts=[one], poll=poll) as daemon:
        assert wait_until(daemon.is_ready)
        simulator.set_fault(ACCOUNT.name, Fault("error", status=500, code="InternalError", message="no"))
        assert daemon.reload() is None
        samples = scrape(daemon)
        assert wait_until(lambda: value_of(daemon, "prod", "dcdn_polls_total") == 2)

    assert not any(name.startswith("dcdn_service") for name, _ in samples)
