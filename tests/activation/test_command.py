"""What the command prints and exits with, against the simulator."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from exporter.simulator import REFUSALS, WRITES, Account, Fault, Opening, Role, Scenario, Simulator, role_arn
from tests.activation.test_refusals import MEANINGS

OpenCdn = Callable[..., Result]

SECONDS = "accepted: seconds as a number, 0 to 600"

PLAN = """\
account     shop (site china)
account id  1000000000000007
CDN         not activated
to do       call OpenCdnService, once
billing     PayByTraffic, by data transfer: what CDN delivers for the account's domains is billed by its volume;
            it starts with the activation, which neither the vendor's API nor this command can undo

"""


def writes(simulator: Simulator) -> list[str | None]:
    return [entry.action for entry in simulator.journal.entries() if entry.action in WRITES]


def request_id(simulator: Simulator) -> str:
    return simulator.journal.entries(action="OpenCdnService")[0].request_id


def test_without_yes_it_is_a_dry_run(simulator: Simulator, open_cdn: OpenCdn) -> None:
    """Where nobody can be asked, nothing is assumed: the plan is shown and nothing is changed."""
    result = open_cdn()

    assert result.exit_code == 0
    assert result.output == PLAN + (
        "shop (1000000000000007): Dry run: OpenCdnService was not called and nothing was changed.\n"
        "Add --yes to activate CDN.\n"
    )
    assert writes(simulator) == []


def test_with_yes_it_activates(simulator: Simulator, open_cdn: OpenCdn) -> None:
    """The plan, that it is active, and the request id; the second time there is nothing to do."""
    result = open_cdn("--yes")

    assert (result.exit_code, result.output) == (
        0,
        f"{PLAN}shop (1000000000000007): CDN is active.\n  request id  {request_id(simulator)}\n",
    )
    again = open_cdn("--yes")
    assert (again.exit_code, again.output) == (
        0,
        "shop (1000000000000007): CDN is already active for this account; there is nothing to do.\n",
    )
    assert writes(simulator) == ["OpenCdnService"]


@pytest.mark.parametrize("name", MEANINGS)
def test_each_refusal_is_told_with_what_to_do(simulator: Simulator, open_cdn: OpenCdn, name: str) -> None:
    """A sentence of its own, the next step, and the vendor's code, message and request id; exit code 1."""
    simulator.set_opening("shop", Opening(name))
    result = open_cdn("--yes")
    code, message = REFUSALS[name]

    assert result.exit_code == 1
    told = result.output.removeprefix(PLAN).splitlines()
    assert told[0] == f"shop (1000000000000007): {MEANINGS[name]} CDN was not activated."
    assert told[2:] == [
        f"  code        {code}",
        f"  message     {message}",
        f"  request id  {request_id(simulator)}",
    ]
    assert writes(simulator) == ["OpenCdnService"]


def test_having_it_already_is_no_failure(simulator: Simulator, open_cdn: OpenCdn) -> None:
    """Also where only the answer to the call itself says so."""
    simulator.set_opening("shop", Opening("already_open"))
    result = open_cdn("--yes")

    assert result.exit_code == 0
    assert "already active" in result.output


def test_a_billing_method_that_is_not_offered(simulator: Simulator, open_cdn: OpenCdn) -> None:
    """The API decides on it, and the plan says that the vendor does not document it."""
    result = open_cdn("--yes", "--internet-charge-type", "PayByBandwidth")

    assert result.exit_code == 1
    assert "PayByBandwidth, a method that the vendor does not document for the activation" in result.output
    assert "--internet-charge-type PayByTraffic" in result.output
    assert writes(simulator) == ["OpenCdnService"]


def test_an_unknown_code_is_told_as_it_is(simulator: Simulator, open_cdn: OpenCdn) -> None:
    """Code, message and request id, by which the vendor's support finds the call."""
    simulator.set_fault(
        "shop", Fault("error", status=400, code="Moon.Full", message="Tonight.", action="OpenCdnService")
    )
    result = open_cdn("--yes")

    assert result.exit_code == 1
    for part in ("code        Moon.Full", "message     Tonight.", f"request id  {request_id(simulator)}"):
        assert part in result.output


def test_what_is_not_known_has_an_exit_code_of_its_own(simulator: Simulator, open_cdn: OpenCdn) -> None:
    """A lost answer that nothing makes up for is neither success nor refusal."""
    simulator.set_opening("shop", Opening("bid_user"))
    simulator.set_fault("shop", Fault("reset", action="OpenCdnService"))
    result = open_cdn("--yes")

    assert result.exit_code == 5
    assert "It is not known whether CDN was activated" in result.output
    assert writes(simulator) == ["OpenCdnService"]


def test_for_programs(simulator: Simulator, open_cdn: OpenCdn) -> None:
    """One JSON object whose keys are always there, and nothing else; without --yes nothing is changed."""
    plain: dict[str, Any] = {
        "account": "shop",
        "account_id": "1000000000000007",
        "site": "china",
        "product": "cdn",
        "internet_charge_type": "PayByTraffic",
    }
    dry = open_cdn("--output", "json")
    assert (dry.exit_code, json.loads(dry.output)) == (
        0,
        {
            **plain,
            "result": "planned",
            "status": "not_activated",
            "explanation": "Dry run: OpenCdnService was not called and nothing was changed.",
            "next_step": "Add --yes to activate CDN.",
            "code": None,
            "message": None,
            "request_id": None,
        },
    )
    assert writes(simulator) == []

    done = open_cdn("--output", "json", "--yes")
    assert (done.exit_code, json.loads(done.output)) == (
        0,
        {
            **plain,
            "result": "activated",
            "status": "active",
            "explanation": "CDN is active.",
            "next_step": None,
            "code": None,
            "message": None,
            "request_id": request_id(simulator),
        },
    )


@pytest.mark.parametrize(
    ("flags", "account", "told"),
    [
        pytest.param((), "shopp", "--account: seen 'shopp'; accepted: shop", id="account"),
        pytest.param(("--wait", "-1"), "shop", f"--wait': seen '-1'; {SECONDS}", id="wait"),
        pytest.param(("--wait", "601"), "shop", f"--wait': seen '601'; {SECONDS}", id="long wait"),
        pytest.param(("--wait", "nan"), "shop", f"--wait': seen 'nan'; {SECONDS}", id="no number"),
        pytest.param(("--wait", "1 m"), "shop", f"--wait': seen '1 m'; {SECONDS}", id="a duration"),
        pytest.param(("--output", "xml"), "shop", "--output", id="output"),
        pytest.param(
            ("--internet-charge-type", " "), "shop", "seen ' '; accepted: PayByTraffic", id="billing method"
        ),
    ],
)
def test_bad_usage_changes_nothing(
    simulator: Simulator, open_cdn: OpenCdn, flags: tuple[str, ...], account: str, told: str
) -> None:
    """Exit code 2, and the API is not asked."""
    result = open_cdn("--yes", *flags, account=account)

    assert result.exit_code == 2
    assert told in result.output
    assert simulator.journal.total == 0


@pytest.mark.parametrize(
    ("names", "name", "accepted"),
    [
        pytest.param(("shop", "video"), "vdeo", "shop, video (did you mean video?)", id="like another one"),
        pytest.param((), "shop", "none, as the file has no accounts", id="none"),
        pytest.param(
            [f"a{number}" for number in range(22)],
            "shop",
            ", ".join(f"a{number}" for number in range(20)) + ", and 2 more",
            id="many",
        ),
    ],
)
def test_an_unknown_account_names_some_that_are_known(
    document: dict[str, Any], open_cdn: OpenCdn, names: Sequence[str], name: str, accepted: str
) -> None:
    """Twenty at most; a member of a resource directory is not known before it is in the file."""
    document["accounts"] = [{"name": each} for each in names]
    document["discovery"] = {"resource_directories": [{"name": "main", "role_name": "reader"}]}
    result = open_cdn(account=name)

    members = "; to open CDN for a member of a resource directory, add it to accounts"
    assert result.exit_code == 2
    assert result.output == f"--account: seen {name!r}; accepted: {accepted}{members}\n"


def test_a_role_is_assumed(document: dict[str, Any], open_cdn: OpenCdn, shop: Account) -> None:
    """The command takes every kind of credentials that the daemon takes, here a role of another account."""
    operator = Account(
        name="operator", account_id="9", access_key_id="LTAI5tOperator", access_key_secret="s", ram_user="op"
    )
    member = replace(shop, roles=(Role("opener", trusted=("9",)),))
    with Simulator(Scenario("an operator of another account", (operator, member))) as simulator:
        document["endpoints"] = dict.fromkeys(("cdn", "sts"), simulator.url)
        source = {"type": "access_key", "access_key_id": "LTAI5tOperator", "access_key_secret": "s"}
        role = {"type": "ram_role", "role_arn": role_arn(shop.account_id, "opener"), "source": source}
        document["accounts"][0]["credentials"] = role
        result = open_cdn("--yes")

    assert (result.exit_code, "CDN is active." in result.output) == (0, True)
    (written,) = simulator.journal.entries(action="OpenCdnService")
    assert written.account_id == shop.account_id


def test_credentials_in_files_are_read(
    simulator: Simulator, document: dict[str, Any], open_cdn: OpenCdn, tmp_path: Path
) -> None:
    """The command takes the same configuration file as the daemon."""
    keys = document["accounts"][0]["credentials"]
    for name in ("access_key_id", "access_key_secret"):
        file = tmp_path / name
        file.write_text(keys.pop(name) + "\n")
        file.chmod(0o600)
        keys[f"{name}_file"] = str(file)

    assert open_cdn("--yes").exit_code == 0
    assert writes(simulator) == ["OpenCdnService"]


def test_credentials_that_nobody_knows_change_nothing(
    simulator: Simulator, document: dict[str, Any], open_cdn: OpenCdn
) -> None:
    """Exit code 1, and that nothing was changed."""
    document["accounts"][0]["credentials"]["access_key_id"] = "LTAI5tNobody"
    result = open_cdn("--yes")

    assert result.exit_code == 1
    assert "GetCallerIdentity failed (InvalidAccessKeyId.NotFound" in result.output
    assert "nothing was changed" in result.output
    assert writes(simulator) == []
