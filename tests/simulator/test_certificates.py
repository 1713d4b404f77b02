"""The numbers of certificates that have expired, or will, asked for by the vendor's own clients."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from alibabacloud_cdn20180510 import models as cdn_models
from alibabacloud_cdn20180510.client import Client as CdnClient
from alibabacloud_dcdn20180115 import models as dcdn_models
from alibabacloud_dcdn20180115.client import Client as DcdnClient
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from exporter.simulator import (
    Account,
    Certificates,
    PlannedService,
    Scenario,
    ScenarioError,
    ServiceState,
    Simulator,
    Step,
    parse_scenario,
)

Simulate = Callable[..., Simulator]
Asking = Callable[[Simulator, str], dict[str, Any]]

CLIENTS: dict[str, tuple[Any, ModuleType, str]] = {
    "dcdn": (DcdnClient, dcdn_models, "describe_dcdn_user_certificate_expire_count"),
    "cdn": (CdnClient, cdn_models, "describe_user_certificate_expire_count"),
}
ACTIONS = {"dcdn": "DescribeDcdnUserCertificateExpireCount", "cdn": "DescribeUserCertificateExpireCount"}
each_product = pytest.mark.parametrize("product", CLIENTS)


@pytest.fixture
def ask(client_config: Callable[..., Config]) -> Asking:
    """Asks with the vendor's client of a product; returns the answer less its request id."""

    def call(simulator: Simulator, product: str) -> dict[str, Any]:
        client, _, operation = CLIENTS[product]
        config = client_config(simulator)
        answer: dict[str, Any] = getattr(client(config), operation)().body.to_map()
        assert answer.pop("RequestId") == simulator.journal.entries(action=ACTIONS[product])[-1].request_id
        return answer

    return call


def refusal_of(call: Callable[[], object]) -> tuple[int, str]:
    """Status and code of the error that the vendor's client raises."""
    with pytest.raises(ClientException) as caught:
        call()
    return caught.value.status_code, caught.value.code


@each_product
def test_the_numbers_of_a_product(simulate: Simulate, ask: Asking, product: str) -> None:
    """They are those that were set, and those of the timeline again once they are taken back."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(), product=product)
    simulator.set_inventory("alice", "certificates", Certificates(expired=6, expiring=2), product=product)
    assert ask(simulator, product) == {"ExpiredCount": 6, "ExpireWithin30DaysCount": 2}

    simulator.set_inventory("alice", "certificates", None, product=product)
    assert refusal_of(lambda: ask(simulator, product)) == (400, "NoHttpsDomain")


@each_product
def test_what_is_refused(simulate: Simulate, ask: Asking, product: str) -> None:
    """A service that is not activated has its own code, and a right that lacks the usual one."""
    simulator = simulate()
    simulator.set_service("alice", ServiceState(activated=False), product=product)
    codes = {"dcdn": "DcdnServiceNotFound", "cdn": "CdnServiceNotFound"}
    assert refusal_of(lambda: ask(simulator, product)) == (403, codes[product])

    simulator.set_denied("alice", (ACTIONS[product],))
    assert refusal_of(lambda: ask(simulator, product)) == (403, "Forbidden.RAM")


def test_each_step_says_what_changes(simulate: Simulate, ask: Asking, account: Account) -> None:
    """A product that a step does not name stays as it was; null is no domain with HTTPS."""
    text = """
        description: certificates
        accounts:
          - name: alice
            account_id: "1000000000000001"
            access_key_id: k
            access_key_secret: s
            certificates: true
            timeline:
              - {at: 0s, certificates: {dcdn: {expired: 1}, cdn: {expiring: 4}}}
              - {at: 1s, certificates: {dcdn: {expiring: 5}}}
              - {at: 2s, certificates: {dcdn: null}}
              - {at: 3s}
        """
    (found,) = parse_scenario(text).accounts
    assert found.inventories == {"certificates"}
    assert [{product: state for (_, product), state in step.inventories.items()} for step in found.timeline] == [
        {"dcdn": Certificates(expired=1), "cdn": Certificates(expiring=4)},
        {"dcdn": Certificates(expiring=5), "cdn": Certificates(expiring=4)},
        {"cdn": Certificates(expiring=4)},
        {"cdn": Certificates(expiring=4)},
    ]

    step = Step(
        services={"cdn": PlannedService(ServiceState())},
        inventories={("certificates", "cdn"): Certificates(expiring=4)},
    )
    played = Account("alice", "1000000000000001", account.access_key_id, account.access_key_secret, timeline=(step,))
    assert ask(simulate(Scenario("", (played,))), "cdn") == {"ExpiredCount": 0, "ExpireWithin30DaysCount": 4}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param("{moon: {}}", "certificates.moon: unknown key; use one of dcdn, cdn", id="product"),
        pytest.param("{cdn: {expired: -1}}", "expired is -1; accepted: a number of domains, 0 or more", id="below 0"),
        pytest.param("{cdn: {expired: many}}", "expired: seen 'many'; accepted: a whole number", id="no number"),
        pytest.param("{cdn: {old: 1}}", "old: unknown key; use one of expired, expiring", id="an unknown key"),
    ],
)
def test_what_makes_no_sense_is_named(written: str, problem: str) -> None:
    """With what would be accepted in its place."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(f"""
            description: certificates
            accounts:
              - name: alice
                account_id: "1"
                access_key_id: k
                access_key_secret: s
                timeline: [{{at: 0s, certificates: {written}}}]
            """)
    (found,) = caught.value.problems
    assert found.endswith(problem)


@pytest.mark.parametrize(
    ("key", "product", "problem"),
    [
        pytest.param("moons", "cdn", "an inventory is 'moons'; accepted: certificates", id="kind"),
        pytest.param("certificates", "moon", "product is 'moon'; accepted: dcdn, cdn", id="product"),
        pytest.param("certificates", "", "product is ''; accepted: dcdn, cdn", id="none"),
    ],
)
def test_an_unknown_inventory_is_refused(simulate: Simulate, key: str, product: str, problem: str) -> None:
    """Nobody would ask for it."""
    with pytest.raises(ValueError, match=problem):
        simulate().set_inventory("alice", key, Certificates(), product=product)
