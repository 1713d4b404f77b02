"""What a configuration calls decides which shares of a limit it may have, and which of its keys have no effect."""

from dataclasses import replace

import pytest

from exporter.app import VOCABULARY
from exporter.config import ConfigurationError, parse, unused_keys

ROLE = '{type: ram_role, role_arn: "acs:ram::1:role/r"}'
DIRECTORY = "discovery: {resource_directories: [{name: d, role_name: r}]}"
# Beside them, only GetCallerIdentity with its 100 calls a second is called.
FEW = {"DescribeDcdnIpaService": 20, "QueryAccountBalance": 10, "ListUserRatePlanInstances": 8}
SMALL = replace(
    VOCABULARY,
    vendor_limits={**VOCABULARY.vendor_limits, **FEW, "AssumeRole": 5, "ListAccounts": 4, "GetCallerIdentity": 3},
)
ID = 'account_id: "1"'


def problems(text: str, share: str) -> str:
    try:
        parse(f"rate_limit: {{share: {share}}}\n{text}", source="dcdn.yaml", vocabulary=SMALL)
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("text", "operation", "limit", "least"),
    [
        pytest.param(f"accounts: [{{name: a, {ID}}}]", "DescribeDcdnIpaService", 20, "0.05", id="service"),
        pytest.param("accounts: [{name: a}]", "GetCallerIdentity", 3, "0.3334", id="an id to find out"),
        pytest.param(
            f"accounts: [{{name: a, {ID}, balance: true}}]", "QueryAccountBalance", 10, "0.1", id="own switch"
        ),
        pytest.param(
            f"balance: true\naccounts: [{{name: a, {ID}}}]", "QueryAccountBalance", 10, "0.1", id="switch of the file"
        ),
        pytest.param(
            f"accounts: [{{name: a, {ID}, products: [esa]}}]", "ListUserRatePlanInstances", 8, "0.125", id="product"
        ),
        pytest.param(f"accounts: [{{name: a, credentials: {ROLE}}}]", "AssumeRole", 5, "0.2", id="role"),
        pytest.param(DIRECTORY, "ListAccounts", 4, "0.25", id="directory"),
    ],
)
def test_a_share_leaves_each_operation_that_is_called_a_call(
    text: str, operation: str, limit: int, least: str
) -> None:
    """A smaller one is refused with the smallest that is accepted; what is not called does not matter."""
    below = f"{float(least) - 0.0002:.4f}"

    assert problems(text, least) == ""
    assert problems(text, below) == (
        f"dcdn.yaml:1: rate_limit.share: seen {below} (a number); accepted: from 1/{limit} ({least}) to 1; a smaller "
        f"share leaves {operation}, which this file calls, less than one of its {limit} calls a second"
    )


def test_a_share_may_be_small_where_nothing_is_called_that_often() -> None:
    """The limits of ESA and of balances are for accounts that have them."""
    text = f"accounts: [{{name: a, {ID}, products: [cdn]}}]"
    assert problems(text, "0.0334") == ""
    assert problems(text, "0.0332").startswith("dcdn.yaml:1: rate_limit.share: seen 0.0332 (a number); accepted: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "certificates: true\naccounts: [{name: a}, {name: b, products: [esa]}]",
            "certificates: this key has no effect: it is for dcdn, cdn; the products here are dcdn_ipa, esa",
            id="switch-of-no-product",
        ),
        pytest.param(
            "certificates: true\ndiscovery: {resource_directories: [{name: d, role_name: r, products: [esa]}]}",
            "certificates: this key has no effect: it is for dcdn, cdn; the products here are esa",
            id="switch-of-no-product-of-a-directory",
        ),
        pytest.param(
            "balance: true\naccounts: [{name: a, balance: false}]",
            "balance: this key has no effect: every account that it is for turns it off",
            id="switch-off-everywhere",
        ),
        pytest.param(
            "certificates: true\naccounts: [{name: a}, {name: b, products: [cdn], certificates: false}]",
            "certificates: this key has no effect: every account that it is for turns it off",
            id="switch-off-where-it-fits",
        ),
        pytest.param(
            "poll: {balance_interval: 2m}\naccounts: [{name: a}]",
            "poll.balance_interval: this key has no effect: it is for balance, and no account has it",
            id="interval-of-balances",
        ),
        pytest.param(
            "poll: {inventory_interval: 20m}\naccounts: [{name: a}]",
            "poll.inventory_interval: this key has no effect: it is for certificates, domains, resource_packages, "
            "esa, and no account has it",
            id="interval-of-inventories",
        ),
        pytest.param(
            "rate_limit: {calls_per_second: {QueryAccountBalance: 2}}\naccounts: [{name: a}]",
            "rate_limit.calls_per_second.QueryAccountBalance: this key has no effect: it is for any product with "
            "balance",
            id="limit-of-a-switch",
        ),
        pytest.param(
            "rate_limit: {calls_per_second: {DescribeCdnService: 2}}\naccounts: [{name: a}]",
            "rate_limit.calls_per_second.DescribeCdnService: this key has no effect: it is for cdn",
            id="limit-of-a-product",
        ),
        pytest.param(
            "rate_limit: {calls_per_second: {DescribeUserDomains: 2}}\naccounts: [{name: a, products: [cdn]}]",
            "rate_limit.calls_per_second.DescribeUserDomains: this key has no effect: it is for cdn with domains",
            id="limit-of-a-switch-of-a-product",
        ),
        pytest.param(
            "rate_limit: {calls_per_second: {AssumeRole: 2}}\naccounts: [{name: a}]",
            "rate_limit.calls_per_second.AssumeRole: this key has no effect: it is for credentials of type ram_role "
            "and for members of directories",
            id="limit-of-roles",
        ),
    ],
)
def test_a_key_without_effect_is_named(text: str, said: str) -> None:
    """With what it would be for."""
    found = unused_keys(parse(text, source="dcdn.yaml", vocabulary=VOCABULARY), VOCABULARY)
    assert [str(problem) for problem in found] == [said]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("certificates: false\naccounts: [{name: a}]", id="switch-off"),
        pytest.param("certificates: true\naccounts: [{name: a}, {name: b, products: [dcdn]}]", id="one-account-fits"),
        pytest.param(
            "balance: true\naccounts: [{name: a, balance: false}, {name: b}]", id="one-account-leaves-it-on"
        ),
        pytest.param(
            "certificates: true\naccounts: [{name: a}]\n"
            "discovery: {resource_directories: [{name: d, role_name: r, products: [cdn]}]}",
            id="a-directory-fits",
        ),
        pytest.param(
            "poll: {balance_interval: 2m, inventory_interval: 20m}\n"
            "accounts: [{name: a, balance: true, products: [esa]}]",
            id="intervals-of-what-is-polled",
        ),
        pytest.param("poll: {interval: 2m}\naccounts: [{name: a}]", id="intervals-that-follow"),
        pytest.param(
            "rate_limit: {calls_per_second: {AssumeRole: 2, ListAccounts: 2, DescribeDcdnIpaService: 1}}\n"
            f"{DIRECTORY}",
            id="limits-of-what-is-called",
        ),
    ],
)
def test_a_key_that_some_account_uses_is_not_named(text: str) -> None:
    """Nor is a default."""
    assert unused_keys(parse(text, source="dcdn.yaml", vocabulary=VOCABULARY), VOCABULARY) == []
