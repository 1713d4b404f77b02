"""A configuration that is made for a scenario polls every account of it in the way that the account can be had."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.app.simulated import simulated_configuration
from exporter.config import AccessKeyCredentials, RamRoleCredentials
from exporter.simulator import (
    Account,
    Member,
    Role,
    Scenario,
    ScenarioError,
    Step,
    load_scenario,
    packaged_scenarios,
    parse_scenario,
)

URL = "http://127.0.0.1:10521"
MANAGER = Account("manager", "10", "LTAI5tManager", "made-up", ram_user="exporter")
SHOP = Account("shop", "20", "LTAI5tShop", "made-up", roles=(Role("reader", trusted=("10",)),))
LISTS = (Step(), Step(at_s=60, members=(Member("20", "shop"), Member("30", "live"))))


def names(scenario: Scenario) -> list[tuple[str, str]]:
    """The names of the accounts in the configuration, and how each is had."""
    configuration = simulated_configuration(scenario, URL)
    return [(account.name, account.credentials.type) for account in configuration.accounts]


def test_the_packaged_directory() -> None:
    """Its members are discovered, its manager is polled by key, and a partner by the role that trusts the manager."""
    configuration = simulated_configuration(load_scenario("directory"), URL)
    management, partner = configuration.accounts
    assert isinstance(management.credentials, AccessKeyCredentials)
    assert isinstance(partner.credentials, RamRoleCredentials)
    assert partner.credentials.role_arn == "acs:ram::1000000000000009:role/DcdnReader"
    assert partner.credentials.external_id == "made-up-external-id"
    assert partner.credentials.source == management.credentials
    [directory] = configuration.discovery.resource_directories
    assert (directory.name, directory.role_name) == ("management", "DcdnReader")
    assert directory.products == ("dcdn_ipa", "dcdn")


@pytest.mark.parametrize("name", set(packaged_scenarios()) - {"directory"})
def test_every_other_packaged_scenario_is_polled_by_key(name: str) -> None:
    """Each of its accounts is in the configuration, with its products and what else is watched of it."""
    scenario = load_scenario(name)
    configuration = simulated_configuration(scenario, URL)
    assert not configuration.discovery.resource_directories
    assert [
        (account.name, account.products, account.site, dict(account.switches)) for account in configuration.accounts
    ] == [
        (
            one.name,
            one.products,
            "china",
            {
                "debt_status": one.debt_status,
                "balance": one.balance,
                "certificates": "certificates" in one.inventories,
                "domains": "domains" in one.inventories,
                "resource_packages": "resource_packages" in one.inventories,
            },
        )
        for one in scenario.accounts
    ]


def test_a_member_without_the_role_is_polled_by_its_own_key() -> None:
    """Nothing is left out: who is no member, or has another role than most, has a key of its own in the file."""
    manager = replace(MANAGER, timeline=LISTS)
    live = Account("live", "30", "LTAI5tLive", "made-up")
    assert names(Scenario("", (manager, SHOP, live))) == [("manager", "access_key"), ("live", "access_key")]


def test_the_account_itself_may_not_assume_roles() -> None:
    """A manager whose key belongs to no user lists no members, so that each account is polled by its own key."""
    root = replace(MANAGER, ram_user=None, timeline=LISTS)
    assert names(Scenario("", (root, SHOP))) == [("manager", "access_key"), ("shop", "access_key")]


def test_a_role_that_trusts_others_is_of_no_use() -> None:
    """The account is polled by its own key then."""
    assert names(Scenario("", (MANAGER, SHOP))) == [("manager", "access_key"), ("shop", "ram_role")]
    stranger = replace(SHOP, roles=(Role("reader", trusted=("99", "ecs.aliyuncs.com")),))
    assert names(Scenario("", (MANAGER, stranger))) == [("manager", "access_key"), ("shop", "access_key")]


def test_the_site_is_the_accounts_else_the_scenarios() -> None:
    """It stands in the file, so that the exporter's label and hosts are right."""
    scenario = Scenario("", (replace(SHOP, site="china"), MANAGER), site="international")
    sites = [account.site for account in simulated_configuration(scenario, URL).accounts]
    assert sites == ["china", "international"]


@given(
    name=st.from_regex(r"[A-Za-z][A-Za-z0-9 ._:#'-]{0,20}[A-Za-z0-9]", fullmatch=True)
    | st.sampled_from(["yes", "null", "1e3", "0x1F", "12:30", "~", "2026-11-29", "店铺"]),
    secret=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40),
)
def test_names_and_secrets_survive_the_text(name: str, secret: str) -> None:
    """Whatever YAML might read into them, the exporter reads what the scenario has."""
    scenario = Scenario("", (Account(name, "20", "LTAI5tShop", secret),))
    [account] = simulated_configuration(scenario, URL).accounts
    assert isinstance(account.credentials, AccessKeyCredentials)
    assert account.credentials.access_key_secret is not None
    assert (account.name, account.credentials.access_key_secret.get_secret_value()) == (name, secret)


TEXT = st.from_regex(r"[!-~]{1,130}", fullmatch=True) | st.text(min_size=1, max_size=70)


@given(texts=st.tuples(*[TEXT] * 5), account_id=st.from_regex(r"[0-9]{1,34}", fullmatch=True))
def test_there_is_a_configuration_for_every_scenario(texts: tuple[str, ...], account_id: str) -> None:
    """What no configuration can have is refused when the scenario is read."""
    name, key, secret, token, external_id = texts
    role = {"name": "r", "trusted": ["10"], "external_id": external_id}
    shop = {"name": name, "account_id": account_id, "access_key_id": key, "access_key_secret": secret}
    user = {"name": "user", "account_id": "10", "access_key_id": "k", "access_key_secret": "s", "ram_user": "u"}
    accounts = [
        shop | {"security_token": token, "timeline": [{"at": "0s"}], "roles": [role]},
        user | {"timeline": [{"at": "0s"}]},
        user
        | {"name": account_id, "access_key_id": account_id, "timeline": [{"at": "0s"}], "account_id": account_id},
    ]
    for chosen in (accounts, accounts[:1], accounts[2:]):
        text = json.dumps({"description": "d", "accounts": chosen}, ensure_ascii=False)
        try:
            scenario = parse_scenario(text)
        except ScenarioError:
            continue
        assert simulated_configuration(scenario, URL).accounts
