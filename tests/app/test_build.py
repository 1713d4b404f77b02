"""What is built from a configuration, and that it asks nobody until it is used."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from exporter.accounts.account_id import LearnedId
from exporter.accounts.inventory import WatchedAccount
from exporter.api.call import Unobserved
from exporter.api.errors import CallAborted
from exporter.app import VOCABULARY
from exporter.app.build import Composition, intervals_of, keeping, stale_after_of
from exporter.config import Configuration, parse
from exporter.core.model import ProbeKey
from exporter.core.pool import Pool, Work
from exporter.core.store import Store
from exporter.polling.poller import Polled, Poller
from exporter.probes.kind import Interval
from exporter.probes.service_state import ServiceState
from exporter.probes.table import kinds_for
from exporter.simulator import Simulator, load_scenario
from tests.recording_log import RecordingLog

ACCOUNT = load_scenario("healthy").accounts[0]
KEYS = {
    "type": "access_key",
    "access_key_id": ACCOUNT.access_key_id,
    "access_key_secret": ACCOUNT.access_key_secret,
}

Compose = Callable[..., Composition]


@pytest.fixture
def simulator(play: Callable[..., Simulator]) -> Simulator:
    return play(load_scenario("healthy"))


@pytest.fixture
def compose(simulator: Simulator) -> Iterator[Compose]:
    """Composes what a configuration of these accounts needs; closed after the test."""
    with ExitStack() as made:

        def build(*accounts: dict[str, Any], url: str = simulator.url, **parts: Any) -> Composition:
            document = {
                "accounts": accounts or [{"name": "prod", "credentials": KEYS}],
                "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "bss"), url),
            }
            composition = Composition(
                parse(json.dumps(document), source="a test", vocabulary=VOCABULARY),
                environ={},
                observer=Unobserved(),
                log=RecordingLog(),
                **({"pool": Pool(log=RecordingLog())} | parts),
            )
            made.callback(composition.close)
            return composition

        yield build


def watched_accounts(composition: Composition) -> list[WatchedAccount]:
    return [watched.account for watched in composition.inventory.watched.values()]


def test_every_account_has_the_probes_that_it_asks_for(compose: Compose, simulator: Simulator) -> None:
    """In the order of the file, and without a call of the API."""
    shop = {"name": "shop", "products": ["dcdn", "cdn"], "debt_status": True, "balance": True, "credentials": KEYS}
    composition = compose({"name": "prod", "credentials": KEYS}, shop)

    assert [probe.key for probe in composition.inventory.probes] == [
        ProbeKey("prod", "dcdn_ipa", "service"),
        *(kind.key("shop") for kind in kinds_for(["dcdn", "cdn"], ["debt_status", "balance"])),
    ]
    assert simulator.journal.entries() == ()


def test_inventories_have_an_interval_and_an_age_of_their_own() -> None:
    """They are asked for seldom; their answers are kept for three intervals, or as long as all others."""
    service = kinds_for(["dcdn_ipa"], [])[0]
    inventory = replace(service, interval=Interval.INVENTORY)

    def known(poll: dict[str, str]) -> list[tuple[float, float]]:
        found = parse(json.dumps({"accounts": [{"name": "a"}], "poll": poll}), source="", vocabulary=VOCABULARY)
        return [(intervals_of(found)(kind).interval_s, stale_after_of(found)(kind)) for kind in (service, inventory)]

    assert known({}) == [(60, 600), (600, 1800)]
    assert known({"inventory_interval": "2m"}) == [(60, 600), (120, 600)]
    assert known({"interval": "1h", "stale_after": "1d"}) == [(3600, 86_400), (3600, 86_400)]


def test_a_probe_can_be_polled(compose: Compose) -> None:
    """Credentials, routes, budgets and client are those of the configuration."""
    composition = compose()
    (probe,) = composition.inventory.probes
    store = Store([probe.key], on_change=lambda _key, _record: None)
    poller = Poller(composition.client, store, log=RecordingLog())

    polled = poller.poll(probe)
    assert isinstance(polled, Polled)
    assert isinstance(polled.record.state, ServiceState)


class NotedPool(Pool):
    """Notes the kinds of work that it was given."""

    def __init__(self) -> None:
        super().__init__(log=RecordingLog())
        self.noted: list[Work] = []

    def submit(self, work: Work, *runs: Callable[[], object]) -> None:
        self.noted.append(work)
        super().submit(work, *runs)


def test_names_are_looked_up_by_the_pool(compose: Compose, simulator: Simulator) -> None:
    """The threads that it takes are among those that are counted."""
    pool = NotedPool()
    composition = compose(url=simulator.url.replace("127.0.0.1", "localhost"), pool=pool)
    (probe,) = composition.inventory.probes
    composition.client.ask(probe.kind.operation, probe.caller())

    assert pool.noted == [Work.RESOLVE]


def test_an_account_id_that_is_learned_counts_in_the_budget(compose: Compose) -> None:
    """From then on calls are made for the account."""
    composition = compose()
    (probe,) = composition.inventory.probes
    learned = LearnedId("prod", probe.caller(), ACCOUNT.account_id, ACCOUNT.access_key_id)

    assert composition.learn([learned]) == [learned]
    assert probe.caller().account_id == ACCOUNT.account_id
    action = probe.kind.operation.action
    by_key = composition.budgets.reserve(ACCOUNT.access_key_id, action)
    by_account = composition.budgets.reserve(ACCOUNT.account_id, action)
    assert by_account.moment > by_key.moment + 0.05  # of one budget, not each the first of its own


def test_the_key_of_an_account_that_left_is_forgotten(compose: Compose) -> None:
    """A process that runs for months keeps nothing of the accounts that left."""
    composition = compose()
    (probe,) = composition.inventory.probes
    composition.learn([LearnedId("prod", probe.caller(), ACCOUNT.account_id, ACCOUNT.access_key_id)])
    composition.configure(composition.configuration.model_copy(update={"accounts": ()}))

    action = probe.kind.operation.action
    by_key = composition.budgets.reserve(ACCOUNT.access_key_id, action)
    by_account = composition.budgets.reserve(ACCOUNT.account_id, action)
    assert by_account.moment < by_key.moment + 0.05  # each is the first of its own budget


def test_the_end_ends_every_call(compose: Compose, simulator: Simulator) -> None:
    """After it nothing is sent."""
    composition = compose()
    (probe,) = composition.inventory.probes
    permit = composition.client.reserve(probe.kind.operation, probe.caller())
    composition.close()

    with pytest.raises(CallAborted):
        composition.client.call(probe.kind.operation, probe.caller(), permit)
    assert simulator.journal.entries() == ()


def test_the_end_ends_the_default_chain(compose: Compose) -> None:
    """Nobody waits for credentials any more."""
    composition = compose({"name": "prod", "credentials": {"type": "default"}})
    (probe,) = composition.inventory.probes
    composition.close()

    with pytest.raises(CallAborted):
        composition.client.reserve(probe.kind.operation, probe.caller())


def test_other_addresses_end_the_waits_of_before(compose: Compose) -> None:
    """Credentials may come from another server now: nobody waits for those of the last one any more."""
    composition = compose({"name": "prod", "credentials": {"type": "default"}})
    before = composition.inventory.watched["prod"].caller.credentials
    document = {
        "accounts": [{"name": "prod", "credentials": {"type": "default"}}],
        "endpoints": {"sts": "http://127.0.0.1:9"},
    }
    composition.configure(parse(json.dumps(document), source="a test", vocabulary=VOCABULARY))

    with pytest.raises(CallAborted):
        before.credentials(patience_s=0)


@pytest.mark.parametrize("other", ["has left", "has other credentials"])
def test_an_id_of_an_account_that_is_another_one_by_now_is_not_learned(compose: Compose, other: str) -> None:
    """It was looked up for the one before, whose probes have no caller any more."""
    composition = compose()
    (probe,) = composition.inventory.probes
    learned = LearnedId("prod", probe.caller(), ACCOUNT.account_id, ACCOUNT.access_key_id)
    keys = {**KEYS, "access_key_id": "LTAI5tOther"}
    accounts = [{"name": "other" if other == "has left" else "prod", "credentials": keys}]
    composition.configure(parse(json.dumps({"accounts": accounts}), source="a test", vocabulary=VOCABULARY))

    assert composition.learn([learned]) == []
    assert composition.inventory.known_ids() == {}
    with pytest.raises(CallAborted):
        probe.caller()


def test_a_learned_id_outlives_other_configurations(compose: Compose) -> None:
    """As long as the account calls as before; with an id of the file it is another caller."""
    composition = compose()
    (probe,) = composition.inventory.probes
    composition.learn([LearnedId("prod", probe.caller(), ACCOUNT.account_id, ACCOUNT.access_key_id)])
    configuration = composition.configuration
    labelled = configuration.accounts[0].model_copy(update={"labels": {"team": "video"}})
    composition.configure(configuration.model_copy(update={"accounts": (labelled,)}))
    assert composition.inventory.known_ids() == {"prod": ACCOUNT.account_id}
    assert composition.inventory.probes == [probe]
    named = labelled.model_copy(update={"account_id": "123"})
    composition.configure(configuration.model_copy(update={"accounts": (named,)}))

    assert composition.inventory.known_ids() == {"prod": "123"}


def test_what_stays_as_it_was_is_the_same_object() -> None:
    """Of what another configuration leaves alone there is one object, whichever part is asked for it."""

    def read(*, labels: dict[str, str]) -> Configuration:
        changed = {"name": "changed", "credentials": KEYS, "labels": labels}
        document = {"accounts": [{"name": "kept", "credentials": KEYS}, changed]}
        return parse(json.dumps(document), source="a test", vocabulary=VOCABULARY)

    first, second = read(labels={"team": "video"}), read(labels={"team": "web"})
    composition = Composition(
        first, environ={}, pool=Pool(log=RecordingLog()), observer=Unobserved(), log=RecordingLog()
    )
    before, probes = watched_accounts(composition), composition.inventory.probes
    configuration = keeping(first, second)
    composition.configure(configuration)
    composition.close()

    assert configuration == second
    assert [now is then for now, then in zip(configuration.accounts, first.accounts, strict=True)] == [True, False]
    assert [now is then for now, then in zip(watched_accounts(composition), before, strict=True)] == [True, False]
    assert [now is then for now, then in zip(composition.inventory.probes, probes, strict=True)] == [True, True]
    assert watched_accounts(composition)[1].labels == {"team": "web"}
