"""The daemon as it is put together: what the configuration says arrives where it counts."""

import gc
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exporter.accounts.directory import Directory
from exporter.activation import OPEN_CDN_SERVICE
from exporter.api.errors import WriteRefused
from exporter.api.operation import GET_CALLER_IDENTITY
from exporter.app import VOCABULARY
from exporter.app.daemon import Daemon, WebOptions
from exporter.app.simulated import simulated_configuration
from exporter.config import AccessKeyCredentials, Configuration, ConfigurationError, Problem, parse
from exporter.core.pool import threads_for
from exporter.probes.table import PROBES, PRODUCTS, SWITCHES
from exporter.simulator import (
    Account,
    Fault,
    Member,
    Role,
    Scenario,
    Simulator,
    load_scenario,
    packaged_scenarios,
    role_arn,
)
from tests.only_read import only_read
from tests.recording_log import RecordingLog
from tests.sample_lines import samples_on
from tests.waiting import PATIENCE_S, soon

SCHEMA = Path(__file__).parents[2] / "docs" / "status.schema.json"
ACCOUNT = load_scenario("healthy").accounts[0]
KEYS = {
    "type": "access_key",
    "access_key_id": ACCOUNT.access_key_id,
    "access_key_secret": ACCOUNT.access_key_secret,
}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def simulator(play: Callable[..., Simulator]) -> Simulator:
    return play(load_scenario("healthy"))


def configured(simulator: Simulator, **document: Any) -> Configuration:
    whole = {
        "accounts": [{"name": "prod", "credentials": KEYS}],
        "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "bss", "resource_directory", "esa"), simulator.url),
        **document,
    }
    return parse(json.dumps(whole), source="a test", vocabulary=VOCABULARY)


@contextmanager
def running(
    simulator: Simulator,
    *,
    environ: dict[str, str] | None = None,
    load: Callable[[], Configuration] | None = None,
    allowed: Callable[[int], int] = threads_for,
    log: RecordingLog | None = None,
    **document: Any,
) -> Iterator[Daemon]:
    configuration = configured(simulator, **document)
    with Daemon(
        configuration,
        load=load or (lambda: configuration),
        web=WebOptions(listen_address="127.0.0.1:0"),
        environ=environ or {},
        allowed=allowed,
        log=log or RecordingLog(),
    ) as daemon:
        yield daemon


def scrape(daemon: Daemon) -> Samples:
    connection = HTTPConnection(daemon.address, timeout=PATIENCE_S)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples_on(text)}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


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
    of = {"product": "dcdn_ipa", "probe": "service"}
    assert value(samples, "dcdn_exporter_probe_interval_seconds", **of) == 30
    assert value(samples, "dcdn_exporter_probe_stale_after_seconds", **of) == 420
    known = {"account": "prod", "account_id": "123", "account_name": "", "site": "china"}
    assert value(samples, "dcdn_account_info", **known) == 1


def test_a_balance_has_its_own_interval_on_the_page(simulator: Simulator) -> None:
    """A rule that counted its polls by the interval of services would find them late."""
    with running(simulator, balance=True, poll={"balance_interval": "4m", "stale_after": "9m"}) as daemon:
        samples = scrape(daemon)

    assert {
        labels: number for (name, labels), number in samples.items() if name == "dcdn_exporter_probe_interval_seconds"
    } == {
        (("probe", "balance"), ("product", "bss")): 240,
        (("probe", "service"), ("product", "dcdn_ipa")): 60,
    }
    assert value(samples, "dcdn_exporter_probe_stale_after_seconds", product="bss", probe="balance") == 540


def test_failures_of_all_accounts_are_one_series(simulator: Simulator) -> None:
    """It is the sum of the accounts' own, also when one of them is gone."""
    simulator.set_fault(ACCOUNT.name, Fault("error", status=500, code="InternalError", message="no"))
    loaded: list[Configuration] = []
    accounts = [{"name": name, "credentials": KEYS} for name in ("prod", "shop")]
    of = {"product": "dcdn_ipa", "probe": "service", "reason": "server"}
    with running(simulator, load=lambda: loaded[0], accounts=accounts) as daemon:
        soon(daemon.is_ready)
        loaded.append(configured(simulator, accounts=accounts[:1]))
        both = value(scrape(daemon), "dcdn_exporter_poll_failures_total", **of)
        assert daemon.reload().result(PATIENCE_S) is None
        samples = scrape(daemon)

    assert value(samples, "dcdn_poll_failures_total", account="prod", **of) == 1
    assert both == value(samples, "dcdn_exporter_poll_failures_total", **of) == 2


def test_labels_and_the_learned_account_id_stand_on_the_account(simulator: Simulator) -> None:
    """The user's own labels are there from the start, the account id as soon as the API has told it."""
    account = {"name": "shop", "site": "international", "labels": {"team": "video"}, "credentials": KEYS}
    labels = {"account": "shop", "account_name": "", "site": "international", "team": "video"}
    series = ("dcdn_account_info", tuple(sorted({**labels, "account_id": ACCOUNT.account_id}.items())))
    with running(simulator, accounts=[account]) as daemon:
        assert soon(lambda: series in scrape(daemon))


def test_the_account_id_is_asked_again_until_it_is_told(simulator: Simulator) -> None:
    """A refusal of GetCallerIdentity is made up for after the failing interval."""
    refusal = Fault(
        "error", status=503, code="ServiceUnavailable", message="later", action="GetCallerIdentity", times=1
    )
    simulator.set_fault(ACCOUNT.name, refusal)
    poll = {"interval": "1s", "failing_interval": "1s"}
    with running(simulator, poll=poll):
        assert soon(lambda: len(simulator.journal.entries(action="GetCallerIdentity")) == 2)


def test_the_account_id_of_other_credentials_is_asked_at_once(play: Callable[..., Simulator]) -> None:
    """A reload may change those of a name while the question for the former ones is under way."""
    former, now = member_account("200001"), member_account("200003")
    simulator = play(Scenario("", (former, now)))
    simulator.set_fault(former.name, Fault("hang", action="GetCallerIdentity"))
    accounts = [
        [
            {
                "name": "prod",
                "credentials": {**KEYS, "access_key_id": of.access_key_id, "access_key_secret": of.access_key_secret},
            }
        ]
        for of in (former, now)
    ]
    with running(simulator, load=reload_with(simulator, {"accounts": accounts[1]}), accounts=accounts[0]) as daemon:
        assert soon(lambda: simulator.journal.entries(action="GetCallerIdentity"))
        assert daemon.reload().result(PATIENCE_S) is None
        shown = (
            "dcdn_account_info",
            (("account", "prod"), ("account_id", now.account_id), ("account_name", ""), ("site", "china")),
        )
        assert soon(lambda: shown in scrape(daemon))


def test_a_proxy_of_the_environment_is_not_taken_for_loopback(simulator: Simulator) -> None:
    """The simulator on this machine is reached directly, whatever proxy the environment names."""
    proxies = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    with running(simulator, environ=proxies) as daemon:
        assert soon(daemon.is_ready)
        samples = scrape(daemon)
    assert value(samples, "dcdn_poll_success", account="prod", product="dcdn_ipa", probe="service") == 1


def test_the_daemon_cannot_activate_anything(simulator: Simulator) -> None:
    """Its client refuses the write before it asks for a place in the queue, with an account that would be let."""
    with running(simulator) as daemon:
        caller = daemon._composition.inventory.watched["prod"].caller
        client = daemon._composition.client
        permit = client.reserve(GET_CALLER_IDENTITY, caller)
        with pytest.raises(WriteRefused, match="OpenCdnService"):
            client.reserve(OPEN_CDN_SERVICE, caller)
        with pytest.raises(WriteRefused, match="OpenCdnService"):
            client.call(OPEN_CDN_SERVICE, caller, permit)
    assert simulator.journal.entries(action="OpenCdnService") == ()


@pytest.mark.parametrize("name", packaged_scenarios())
def test_no_scenario_makes_the_daemon_change_anything(name: str, play: Callable[..., Simulator]) -> None:
    """With everything watched that there is, and every answer of the scenario's accounts, it only reads."""
    played = load_scenario(name)
    accounts = tuple(
        replace(account, products=PRODUCTS, debt_status=True, balance=True, inventories=frozenset(SWITCHES), roles=())
        for account in played.accounts
    )
    simulator = play(replace(played, accounts=accounts))
    asked = {(account.account_id, kind.operation.action) for account in accounts for kind in PROBES}
    configuration = simulated_configuration(replace(played, accounts=accounts), simulator.url)
    web = WebOptions("127.0.0.1:0")
    with Daemon(configuration, load=lambda: configuration, web=web, environ={}, log=RecordingLog()):
        assert soon(
            lambda: asked <= {(entry.account_id or "", entry.action or "") for entry in simulator.journal.entries()}
        )


def test_accounts_of_every_kind_are_polled(
    play: Callable[..., Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    simulator = play(Scenario("", (base,)))
    uri = {"type": "credentials_uri", "uri": f"{simulator.url}/_credentials/base"}
    kinds = [oidc, uri, {"type": "profile", "file": str(tmp_path / "profiles.json")}]
    accounts = [
        {"name": f"{credentials['type']}-{twin}", "credentials": credentials}
        for credentials in kinds
        for twin in range(2)
    ]
    with running(simulator, accounts=accounts) as daemon:
        assert soon(daemon.is_ready)
        samples = scrape(daemon)
    handed_out = len(simulator.issued_tokens())

    polled = {labels: value for (name, labels), value in samples.items() if name == "dcdn_poll_success"}
    assert list(polled.values()) == [1] * 6
    assert handed_out == 2


def test_sources_of_one_account_share_its_calls(
    play: Callable[..., Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roles that other roles of one account assume spend that account's budget, whatever keys those have by now."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text("e30.e30.c2ln", encoding="ascii")
    exchanged = [Role(name, trusted=("oidc-provider/cluster",)) for name in ("one", "two")]
    simulator = play(Scenario("", (replace(BASE, roles=tuple(exchanged)), member_account("200001"))))
    accounts = [
        {
            "name": role.name,
            "credentials": {
                "type": "ram_role",
                "role_arn": role_arn("200001", "reader"),
                "source": {
                    "type": "oidc",
                    "role_arn": role_arn("10", role.name),
                    "oidc_provider_arn": "acs:ram::10:oidc-provider/cluster",
                    "oidc_token_file": str(tmp_path / "token"),
                },
            },
        }
        for role in exchanged
    ]
    with running(simulator, accounts=accounts) as daemon:
        assert soon(daemon.is_ready)
        budgets = daemon._composition.budgets._budgets

        assert {identity for identity, action in budgets if action == "AssumeRole"} == {"10"}
    assert len(simulator.journal.entries(action="AssumeRole")) == 2


def test_reloads_leave_one_object_of_each_account(simulator: Simulator) -> None:
    """Nothing of an account that stays as it was is kept twice, however often the file is read anew."""
    parts: dict[str, Any] = {
        "accounts": [{"name": "prod", "credentials": {**KEYS, "access_key_id": "LTAI5tCounted"}}]
    }
    with running(simulator, load=lambda: configured(simulator, **parts), **parts) as daemon:
        assert soon(daemon.is_ready)
        for _ in range(2):
            assert daemon.reload().result(PATIENCE_S) is None
        gc.collect()
        kept = [each for each in gc.get_objects() if isinstance(each, AccessKeyCredentials)]

    assert [each.access_key_id for each in kept].count("LTAI5tCounted") == 1


def status(daemon: Daemon) -> Any:
    connection = HTTPConnection(daemon.address, timeout=PATIENCE_S)
    connection.request("GET", "/api/v1/status")
    document = json.loads(connection.getresponse().read())
    connection.close()
    return document


def test_the_status_is_there_as_json(simulator: Simulator) -> None:
    """The path has what the command prints, out of the daemon's own polls, and the ids that it has learned."""
    second = {"name": "shop", "credentials": KEYS, "balance": True}
    with running(simulator, accounts=[{"name": "prod", "credentials": KEYS}, second]) as daemon:
        assert soon(daemon.is_ready)
        assert soon(lambda: {row["account_id"] for row in status(daemon)["services"]} == {ACCOUNT.account_id})
        document = status(daemon)

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


def of_account(daemon: Daemon, account: str) -> Samples:
    return {name: number for name, number in scrape(daemon).items() if ("account", account) in name[1]}


BASE = Account(
    name="base", account_id="10", access_key_id="LTAI5tBase", access_key_secret="base-secret", ram_user="exporter"
)
BASE_KEYS = {"type": "access_key", "access_key_id": "LTAI5tBase", "access_key_secret": "base-secret"}
DIRECTORY = {"name": "main", "role_name": "reader", "credentials": BASE_KEYS, "refresh_interval": "1s"}


def member_account(account_id: str) -> Account:
    return Account(
        name=f"member-{account_id}",
        account_id=account_id,
        access_key_id=f"LTAI5tMember{account_id}",
        access_key_secret="member-secret",
        roles=(Role("reader", trusted=(BASE.account_id,)),),
    )


def members(*account_ids: str) -> tuple[Member, ...]:
    return tuple(Member(account_id, f"name of {account_id}") for account_id in account_ids)


def accounts_shown(samples: Samples) -> dict[str, str]:
    """The name in the directory of every account, by its own."""
    found = [dict(labels) for name, labels in samples if name == "dcdn_account_info"]
    return {labels["account"]: labels["account_name"] for labels in found}


def test_a_role_is_polled_with_the_credentials_that_sts_gives(play: Callable[..., Simulator]) -> None:
    """Two accounts of one role share its token, whose end is on the page; the id comes from the role."""
    role = {"type": "ram_role", "role_arn": role_arn("2001", "reader"), "source": BASE_KEYS}
    simulator = play(Scenario("", (BASE, member_account("2001"))))
    accounts = [{"name": name, "credentials": role} for name in ("one", "two")]
    with running(simulator, accounts=accounts) as daemon:
        assert soon(daemon.is_ready)
        samples = scrape(daemon)
    asked = simulator.journal.entries(action="AssumeRole")
    (token,) = simulator.issued_tokens()

    for name in ("one", "two"):
        assert value(samples, "dcdn_poll_success", account=name, product="dcdn_ipa", probe="service") == 1
        expiry = value(samples, "dcdn_exporter_credential_expiry_timestamp_seconds", account=name)
        assert expiry == pytest.approx(token.key.expires_at, abs=1)
        known = {"account": name, "account_id": "2001", "account_name": "", "site": "china"}
        assert value(samples, "dcdn_account_info", **known) == 1
    assert len(asked) == 1
    assert simulator.journal.entries(action="GetCallerIdentity") == ()


def test_members_come_and_go(play: Callable[..., Simulator]) -> None:
    """A member is polled under its id once it is listed, with its name beside it, and leaves with all its series."""
    world = Scenario("", (BASE, *(member_account(number) for number in ("200001", "200002", "200003"))))
    simulator = play(world)
    simulator.set_members("base", members("200001", "200002"))
    with running(simulator, accounts=[], discovery={"resource_directories": [DIRECTORY]}) as daemon:
        assert soon(daemon.is_ready)
        first = scrape(daemon)
        simulator.set_members("base", members("200002", "200003"))
        assert soon(lambda: accounts_shown(scrape(daemon)).keys() == {"200002", "200003"})
        assert soon(lambda: value_of(daemon, "200003", "dcdn_poll_success") == 1)
        second, named = scrape(daemon), status(daemon)["services"]

    assert {row["account"]: row["account_name"] for row in named} == accounts_shown(second)
    assert accounts_shown(first) == {number: f"name of {number}" for number in ("200001", "200002")}
    assert value(first, "dcdn_exporter_configured_accounts") == 2
    for number in ("200001", "200002"):
        assert value(first, "dcdn_poll_success", account=number, product="dcdn_ipa", probe="service") == 1
    assert not any(("account", "200001") in labels for _, labels in second)
    listed = [
        value(page, "dcdn_exporter_discovery_last_success_timestamp_seconds", directory="main")
        for page in (first, second)
    ]
    assert 0 < listed[0] < listed[1]


def test_a_list_that_is_cut_takes_no_member_away(play: Callable[..., Simulator]) -> None:
    """All are polled on while the API counts three and lists two; the time of the last whole list stays."""
    numbers = ("200001", "200002", "200003")
    cut = {"TotalCount": 3, "Accounts": {"Account": [{"AccountId": number} for number in numbers[:2]]}}
    simulator = play(Scenario("", (BASE, *map(member_account, numbers))))
    simulator.set_members("base", members(*numbers))
    with running(simulator, accounts=[], discovery={"resource_directories": [DIRECTORY]}) as daemon:
        assert soon(lambda: accounts_shown(scrape(daemon)).keys() == {*numbers})
        simulator.set_raw_answer("base", cut, action="ListAccounts")
        listed = len(simulator.journal.entries(action="ListAccounts"))
        assert soon(lambda: len(simulator.journal.entries(action="ListAccounts")) >= listed + 2)
        first = scrape(daemon)
        assert soon(lambda: len(simulator.journal.entries(action="ListAccounts")) >= listed + 3)
        second = scrape(daemon)

    assert accounts_shown(second).keys() == {*numbers}
    success = "dcdn_exporter_discovery_last_success_timestamp_seconds"
    assert value(first, success, directory="main") == value(second, success, directory="main") > 0


def test_changes_of_who_is_watched_come_one_after_the_other(play: Callable[..., Simulator]) -> None:
    """Members that are listed while a configuration is reloaded wait for the end of that, and so does a reload."""
    simulator = play(Scenario("", (BASE, *(member_account(number) for number in ("200001", "200002")))))
    simulator.set_members("base", members("200001"))
    under_way: list[str] = []
    at_once: set[tuple[str, ...]] = set()

    def allow(polls: int) -> int:
        under_way.append(threading.current_thread().name)
        at_once.add(tuple(under_way))
        threading.Event().wait(0.05)
        under_way.pop()
        return threads_for(polls)

    with running(simulator, allowed=allow, accounts=[], discovery={"resource_directories": [DIRECTORY]}) as daemon:
        assert soon(lambda: daemon.reload().result() is None and accounts_shown(scrape(daemon)).keys() == {"200001"})
        simulator.set_members("base", members("200001", "200002"))
        assert soon(lambda: daemon.reload().result() is None and "200002" in accounts_shown(scrape(daemon)))

    assert max(map(len, at_once)) == 1, at_once


def _names(threads: Iterable[threading.Thread]) -> set[str]:
    return {thread.name for thread in threads}


def test_a_stop_breaks_off_a_change_of_who_is_watched(simulator: Simulator) -> None:
    """Nothing is logged of that, nor of a reload that waits for it; a change that comes later is not begun."""
    log, begun, before = RecordingLog(), threading.Event(), set(threading.enumerate())

    def allow(polls: int) -> int:
        while threading.current_thread().name == "inventory":
            begun.set()
        return threads_for(polls)

    with running(simulator, allowed=allow, log=log) as daemon:
        reloaded = daemon.reload()
        assert begun.wait(PATIENCE_S)
        waiting = daemon.reload()
        lines = len(log.lines)

    for outcome in (reloaded, waiting):
        with pytest.raises(CancelledError):
            outcome.result(PATIENCE_S)
    assert [line for line in log.lines[lines:] if line[0] >= logging.WARNING] == []
    assert soon(lambda: {"inventory", "web-reload"}.isdisjoint(_names(set(threading.enumerate()) - before)))


def test_members_stay_when_they_cannot_be_listed(play: Callable[..., Simulator]) -> None:
    """A directory that does not answer any more leaves the members of its last list, and the time of that."""
    simulator = play(Scenario("", (BASE, member_account("200001"))))
    simulator.set_members("base", members("200001"))
    with running(simulator, accounts=[], discovery={"resource_directories": [DIRECTORY]}) as daemon:
        assert soon(daemon.is_ready)
        simulator.set_denied("base", ["ListAccounts"])
        refused = len(simulator.journal.entries(action="ListAccounts")) + 1
        assert soon(lambda: len(simulator.journal.entries(action="ListAccounts")) > refused)
        before = value_of(daemon, "200001", "dcdn_polls_total")
        samples = scrape(daemon)

    assert accounts_shown(samples).keys() == {"200001"}
    assert before >= 1


def test_an_account_of_the_file_wins_over_the_same_member(play: Callable[..., Simulator]) -> None:
    """By the id that the file says, and by one that is learned later: then the member is gone."""
    world = (BASE, member_account("200001"), member_account("200002"))
    keys = {"type": "access_key", "access_key_id": "LTAI5tMember200002", "access_key_secret": "member-secret"}
    role = {"type": "ram_role", "role_arn": role_arn("200001", "reader"), "source": BASE_KEYS}
    accounts = [{"name": "by-role", "credentials": role}, {"name": "by-key", "credentials": keys}]
    simulator = play(Scenario("", world))
    simulator.set_members("base", members("200001", "200002"))
    with running(simulator, accounts=accounts, discovery={"resource_directories": [DIRECTORY]}) as daemon:
        assert soon(lambda: daemon.is_ready() and accounts_shown(scrape(daemon)).keys() == {"by-role", "by-key"})


def test_accounts_are_polled_as_soon_as_they_have_credentials_again(play: Callable[..., Simulator]) -> None:
    """When AssumeRole is refused and then is not, nobody waits for the pause after a failed poll to be over."""
    role = {"type": "ram_role", "role_arn": role_arn("2001", "reader"), "source": BASE_KEYS}
    poll = {"interval": "1h", "timeout": "5s"}
    simulator = play(Scenario("", (BASE, member_account("2001"))))
    down = Fault("error", status=503, code="ServiceUnavailable", message="later", action="AssumeRole", times=1)
    simulator.set_fault("base", down)
    with running(simulator, accounts=[{"name": "one", "credentials": role}], poll=poll) as daemon:
        assert soon(daemon.is_ready)
        assert value_of(daemon, "one", "dcdn_poll_failures_total", reason="server") == 1
        assert soon(lambda: value_of(daemon, "one", "dcdn_poll_success") == 1)


def test_a_changed_directory_keeps_its_members_until_it_is_listed_again(play: Callable[..., Simulator]) -> None:
    """A reload that changes what is polled of the members does not lose them for a moment."""
    simulator = play(Scenario("", (BASE, member_account("200001"))))
    simulator.set_members("base", members("200001"))
    plain, more = ({"resource_directories": [found]} for found in (DIRECTORY, {**DIRECTORY, "debt_status": True}))
    load = reload_with(simulator, {"accounts": [], "discovery": more})
    with running(simulator, load=load, accounts=[], discovery=plain) as daemon:
        assert soon(daemon.is_ready)
        simulator.set_denied("base", ["ListAccounts"])
        assert daemon.reload().result(PATIENCE_S) is None
        shown = accounts_shown(scrape(daemon))
        debt = {"account": "200001", "product": "dcdn_ipa", "probe": "debt_status"}
        assert soon(lambda: value(scrape(daemon), "dcdn_poll_success", **debt) == 1)

    assert shown.keys() == {"200001"}


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
        assert soon(daemon.is_ready)
        assert soon(lambda: len(simulator.journal.entries(action="GetCallerIdentity")) == 2)
        known = ("dcdn_account_info", ("account_id", ACCOUNT.account_id))
        assert soon(lambda: any(name == known[0] and known[1] in labels for name, labels in scrape(daemon)))
        before = of_account(daemon, "prod")
        assert daemon.reload().result(PATIENCE_S) is None
        samples = scrape(daemon)
        assert soon(lambda: value_of(daemon, "new", "dcdn_polls_total") == 1)
        after = of_account(daemon, "prod")

    assert after == before
    assert value(samples, "dcdn_exporter_configured_accounts") == 2
    assert not any(("account", "shop") in labels for _, labels in samples)


@pytest.mark.parametrize(("removed", "named"), [(0, 0), (1, 1), (20, 20), (25, 20)])
def test_a_reload_warns_of_accounts_that_are_gone(simulator: Simulator, removed: int, named: int) -> None:
    """One line has their number and the names of the first 20, since a file that was cut short looks the same."""
    stays, comes = ({"name": name, "credentials": KEYS} for name in ("stays", "comes"))
    leaving = [{"name": f"gone-{number}", "account_id": "1", "credentials": KEYS} for number in range(removed)]
    log = RecordingLog()
    load = reload_with(simulator, {"accounts": [comes, stays]})
    with running(simulator, load=load, log=log, accounts=[stays, *leaving]) as daemon:
        assert daemon.reload().result(PATIENCE_S) is None

    warnings = [(event, fields) for level, event, fields in log.lines if level == logging.WARNING]
    names = ", ".join(f"gone-{number}" for number in range(named))
    assert warnings == [("accounts removed", {"accounts": removed, "names": names})][:removed]


def value_of(daemon: Daemon, account: str, name: str, **labels: str) -> float:
    return value(scrape(daemon), name, account=account, product="dcdn_ipa", probe="service", **labels)


def test_a_bad_configuration_changes_nothing_and_is_shown(simulator: Simulator) -> None:
    """All its problems are returned and logged, the one before stays in use, and the next good one counts."""
    problem = ConfigurationError((Problem("poll.interval", 1, "seen soon; accepted: a duration"),), source="a test")
    log = RecordingLog()
    load = reload_with(simulator, problem, RuntimeError("a defect"), {"poll": {"interval": "30s"}})
    with running(simulator, load=load, log=log, poll={"interval": "1h"}) as daemon:
        seen = []
        for _ in range(3):
            told = daemon.reload().result(PATIENCE_S)
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
        assert soon(daemon.is_ready)
        simulator.set_fault(ACCOUNT.name, Fault("error", status=500, code="InternalError", message="no"))
        assert daemon.reload().result(PATIENCE_S) is None
        samples = scrape(daemon)
        assert soon(lambda: value_of(daemon, "prod", "dcdn_polls_total") == 2)

    assert not any(name.startswith("dcdn_service") for name, _ in samples)


def test_a_name_can_come_to_stand_for_another_account_and_be_asked_more(simulator: Simulator) -> None:
    """One reload may change an account's id and add a product to it: what was not polled before starts empty."""

    def account(account_id: str, *products: str) -> dict[str, Any]:
        return {
            "accounts": [{"name": "a", "account_id": account_id, "products": products, "credentials": KEYS}],
            "poll": {"interval": "1h"},
        }

    one, other = account("1", "dcdn_ipa"), account("2", "dcdn_ipa", "cdn")
    with running(simulator, load=reload_with(simulator, other), **one) as daemon:
        assert daemon.reload().result(PATIENCE_S) is None
        assert soon(daemon.is_ready)

        polled = {labels for (name, labels) in scrape(daemon) if name == "dcdn_last_poll_timestamp_seconds"}
        assert {dict(labels)["product"] for labels in polled} == {"dcdn_ipa", "cdn"}


def test_the_first_round_and_each_reload_are_announced(simulator: Simulator) -> None:
    """When all were polled, and for each reload that was taken; not for one that was refused."""
    settled, replaced = threading.Semaphore(0), threading.Semaphore(0)
    good = configured(simulator)
    refusals = [
        ConfigurationError((Problem("poll.interval", 1, "seen soon; accepted: a duration"),), source="a test")
    ]

    def load() -> Configuration:
        if refusals:
            raise refusals.pop()
        return good

    web = WebOptions(listen_address="127.0.0.1:0")
    with Daemon(
        good,
        load=load,
        web=web,
        environ={},
        settled=settled.release,
        replaced=replaced.release,
        log=RecordingLog(),
    ) as daemon:
        assert settled.acquire(timeout=10)
        assert daemon.reload().result(PATIENCE_S) is not None
        assert not replaced.acquire(blocking=False)
        assert daemon.reload().result(PATIENCE_S) is None
    assert replaced.acquire(blocking=False)
    assert not replaced.acquire(blocking=False)
    assert not settled.acquire(blocking=False)


def test_an_answer_that_comes_after_the_reload_is_not_that_of_the_new_account(simulator: Simulator) -> None:
    """A poll under way while its name comes to stand for another account shows nothing on the page."""
    one, other = ({"name": "prod", "account_id": number, "credentials": KEYS} for number in ("111", "222"))
    wrong = {**other, "credentials": {**KEYS, "access_key_secret": "wrong"}}
    poll = {"interval": "1h"}
    simulator.set_fault(ACCOUNT.name, Fault("latency", seconds=0.5))
    load = reload_with(simulator, {"accounts": [wrong], "poll": poll})
    with running(simulator, load=load, accounts=[one], poll=poll) as daemon:
        assert soon(lambda: len(simulator.journal.entries(action="DescribeDcdnIpaService")) == 1)
        assert daemon.reload().result(PATIENCE_S) is None
        assert soon(lambda: value_of(daemon, "prod", "dcdn_poll_failures_total", reason="auth") == 1)
        samples = scrape(daemon)

    assert not any(name.startswith("dcdn_service") for name, _ in samples)


def test_a_name_that_turns_out_to_be_another_account_leaves_its_member_to_the_directory() -> None:
    """A member that was left out for an account of the file is polled again once that is known to be another."""
    keys = [
        {"type": "access_key", "access_key_id": f"LTAI5tMember{number}", "access_key_secret": "member-secret"}
        for number in ("200001", "200003")
    ]
    discovery = {"resource_directories": [DIRECTORY]}
    now, later = ([{"name": "by-key", "credentials": key}] for key in keys)
    world = Scenario("", (BASE, *(member_account(number) for number in ("200001", "200002", "200003"))))
    with only_read(world) as simulator:
        simulator.set_members("base", members("200001", "200002"))
        load = reload_with(simulator, {"accounts": later, "discovery": discovery})
        with running(simulator, load=load, accounts=now, discovery=discovery) as daemon:
            assert soon(lambda: daemon.is_ready() and accounts_shown(scrape(daemon)).keys() == {"by-key", "200002"})
            assert daemon.reload().result(PATIENCE_S) is None
            assert soon(lambda: accounts_shown(scrape(daemon)).keys() == {"by-key", "200001", "200002"})
            assert soon(lambda: value_of(daemon, "by-key", "dcdn_poll_success") == 1)


def test_a_directory_with_another_name_keeps_its_members() -> None:
    """Until it is listed under the new name, and longer where that fails; so does their history."""
    with only_read(Scenario("", (BASE, member_account("200001")))) as simulator:
        simulator.set_members("base", members("200001"))
        old, new = ({"resource_directories": [{**DIRECTORY, "name": name}]} for name in ("main", "group"))
        load = reload_with(simulator, {"accounts": [], "discovery": new})
        with running(simulator, load=load, accounts=[], discovery=old) as daemon:
            assert soon(daemon.is_ready)
            simulator.set_denied("base", ["ListAccounts"])
            polled = value_of(daemon, "200001", "dcdn_polls_total")
            assert daemon.reload().result(PATIENCE_S) is None
            samples = scrape(daemon)

    assert accounts_shown(samples).keys() == {"200001"}
    assert value(samples, "dcdn_polls_total", account="200001", product="dcdn_ipa", probe="service") >= polled >= 1
    listed = {labels for name, labels in samples if name == "dcdn_exporter_discovery_last_success_timestamp_seconds"}
    assert listed == {(("directory", "group"),)}


def test_a_directory_that_left_is_kept_by_nobody(play: Callable[..., Simulator]) -> None:
    """Nor are the credentials that listed it, be it the last of them."""
    simulator = play(Scenario("", (BASE, member_account("200001"))))
    simulator.set_members("base", members("200001"))
    discovery = {"resource_directories": [DIRECTORY]}
    load = reload_with(simulator, {"accounts": [{"name": "prod", "credentials": KEYS}]})
    with running(simulator, load=load, accounts=[], discovery=discovery) as daemon:
        assert soon(daemon.is_ready)
        assert daemon.reload().result(PATIENCE_S) is None

        def directories() -> list[Directory]:
            gc.collect()
            return [each for each in gc.get_objects() if isinstance(each, Directory)]

        assert soon(lambda: directories() == [])


def test_a_daemon_is_alive_while_it_takes_on_work(play: Callable[..., Simulator]) -> None:
    """Whether the API answers is another matter."""
    simulator = play(load_scenario("healthy"))
    simulator.set_fault(ACCOUNT.name, Fault("hang"))
    alive = threading.Event()
    with running(simulator) as daemon:
        daemon.call_if_alive(alive.set)
        assert alive.wait(PATIENCE_S)
