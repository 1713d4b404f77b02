"""Several processes that divide the accounts of one configuration: what each polls, asks and shows."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporter.accounts.sharding import Shard, owner
from exporter.api.call import Unobserved
from exporter.app import VOCABULARY
from exporter.app.build import Composition
from exporter.app.daemon import Daemon, WebOptions
from exporter.config import Configuration, parse
from exporter.core.pool import Pool
from exporter.probes.table import vendor_limits
from exporter.simulator import Account, Member, Role, Scenario, Simulator
from tests.recording_log import RecordingLog
from tests.waiting import PATIENCE_S, soon

BASE = Account("base", "10", access_key_id="LTAI5tBase", access_key_secret="base-secret", ram_user="exporter")
BASE_KEYS = {"type": "access_key", "access_key_id": "LTAI5tBase", "access_key_secret": "base-secret"}
MEMBERS = [f"2{number:05}" for number in range(12)]
DIRECTORY = {"name": "main", "role_name": "reader", "credentials": BASE_KEYS}

Compose = Callable[..., Composition]


def configured(url: str, **document: Any) -> Configuration:
    endpoints = dict.fromkeys(("dcdn", "sts", "resource_directory"), url)
    return parse(json.dumps({"endpoints": endpoints, **document}), source="a test", vocabulary=VOCABULARY)


@pytest.fixture
def compose() -> Iterator[Compose]:
    """Composes a shard of what a configuration needs; it reaches nobody, and is closed after the test."""
    with ExitStack() as made:

        def build(shard: Shard, **document: Any) -> Composition:
            configuration = configured("http://127.0.0.1:9", **document)
            composition = Composition(
                configuration,
                environ={},
                shard=shard,
                pool=Pool(log=RecordingLog()),
                observer=Unobserved(),
                log=RecordingLog(),
            )
            made.callback(composition.close)
            return composition

        yield build


def named(count: int, **parts: Any) -> list[dict[str, Any]]:
    return [{"name": f"account-{number}", "credentials": BASE_KEYS, **parts} for number in range(count)]


def test_every_account_of_the_file_is_polled_by_one_shard(compose: Compose) -> None:
    """The shards' probes together are those of the whole, each once, and every shard counts all accounts."""
    whole = compose(Shard(), accounts=named(30))
    shards = [compose(Shard(ordinal, 3), accounts=named(30)) for ordinal in range(3)]

    polled = [probe.key for shard in shards for probe in shard.inventory.probes]
    assert sorted(polled, key=str) == sorted((probe.key for probe in whole.inventory.probes), key=str)
    assert all(0 < len(shard.inventory.probes) < 30 for shard in shards)
    assert [shard.inventory.total for shard in shards] == [30] * 3


def test_an_account_goes_by_its_id_where_that_is_known(compose: Compose) -> None:
    """Two names of one account are polled by one shard, so that both spend one budget."""
    account_id = next(number for number in MEMBERS if owner(number, total=2) == 0)
    accounts = named(10, account_id=account_id)

    assert [len(compose(Shard(ordinal, 2), accounts=accounts).inventory.polled) for ordinal in range(2)] == [10, 0]


def test_shards_divide_what_they_ask_of_one_account(compose: Compose) -> None:
    """Every shard assumes roles, lists members and asks who it is as the same base account; polls it has alone."""
    budget = compose(Shard(1, 4), accounts=named(1)).budgets.calls_per_second()

    assert {action: pace / 0.925 for action, pace in budget.items()} == pytest.approx(
        {
            **{action: float(limit) for action, limit in vendor_limits().items()},
            "AssumeRole": 12,
            "ListAccounts": 5,
            "GetCallerIdentity": 25,
        }
    )


def test_more_shards_than_calls_leave_a_part_of_one(compose: Compose) -> None:
    """Of 20 lists a second, each of 40 shards has one every other second."""
    budget = compose(Shard(0, 40), accounts=named(1)).budgets.calls_per_second()

    assert budget["ListAccounts"] == pytest.approx(0.5 * 0.925)


def test_only_an_own_account_is_asked_who_it_is(compose: Compose) -> None:
    """Without a directory nobody has to know who the accounts of other shards are."""
    shard = compose(Shard(1, 3), accounts=named(12))

    asked = {name for name, _ in shard.inventory.without_id()}
    assert asked == {watched.account.name for watched in shard.inventory.polled}
    assert 0 < len(asked) < 12


def test_all_are_asked_where_one_may_be_a_member(compose: Compose) -> None:
    """Else the shard that has its id among the members would poll it once more; those with an id need not say."""
    accounts = [*named(12), {"name": "known", "account_id": "123", "credentials": BASE_KEYS}]
    shard = compose(
        Shard(1 - owner("123", total=2), 2), accounts=accounts, discovery={"resource_directories": [DIRECTORY]}
    )

    assert {name for name, _ in shard.inventory.without_id()} == {account["name"] for account in named(12)}
    assert len(shard.inventory.polled) < 12


def member(account_id: str) -> Account:
    return Account(
        f"member-{account_id}",
        account_id,
        access_key_id=f"LTAI5tMember{account_id}",
        access_key_secret="member-secret",
        roles=(Role("reader", trusted=(BASE.account_id,)),),
    )


def page(daemon: Daemon) -> dict[str, Metric]:
    connection = HTTPConnection(daemon.address, timeout=PATIENCE_S)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {family.name: family for family in text_string_to_metric_families(text)}


def accounts_of(family: Metric | None) -> list[str]:
    return [] if family is None else [sample.labels["account"] for sample in family.samples]


def test_members_are_polled_by_one_shard_each(play: Callable[..., Simulator]) -> None:
    """Both shards list all members and poll their own; one that the file names by its keys is polled by that name."""
    keys = {"type": "access_key", "access_key_id": f"LTAI5tMember{MEMBERS[0]}", "access_key_secret": "member-secret"}
    simulator = play(Scenario("", (BASE, *map(member, MEMBERS))))
    simulator.set_members("base", [Member(number, number) for number in MEMBERS])
    with ExitStack() as running:
        configuration = configured(
            simulator.url,
            accounts=[{"name": "by-key", "credentials": keys}],
            discovery={"resource_directories": [DIRECTORY]},
        )
        shards = [
            running.enter_context(
                Daemon(
                    configuration,
                    load=lambda: configuration,
                    web=WebOptions(listen_address="127.0.0.1:0"),
                    environ={},
                    shard=Shard(ordinal, 2),
                    log=RecordingLog(),
                )
            )
            for ordinal in range(2)
        ]
        everybody = sorted([*MEMBERS[1:], "by-key"])
        expected = [[name for name in everybody if owner(name, total=2) == ordinal] for ordinal in range(2)]
        wanted = [
            {
                "accounts": own,
                "successes": [1.0] * len(own),
                "shard_ordinal": ordinal,
                "total_shards": 2,
                "configured_accounts": 12,
                "probes": len(own),
            }
            for ordinal, own in enumerate(expected)
        ]
        soon(lambda: [facts(page(shard)) for shard in shards] == wanted)
        assert [facts(page(shard)) for shard in shards] == wanted


def facts(families: dict[str, Metric]) -> dict[str, object]:
    own = ("shard_ordinal", "total_shards", "configured_accounts", "probes")
    return {
        "accounts": sorted(accounts_of(families.get("dcdn_account_info"))),
        "successes": [sample.value for sample in families["dcdn_poll_success"].samples],
        **{name: families[f"dcdn_exporter_{name}"].samples[0].value for name in own},
    }
