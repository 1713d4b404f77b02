"""Scenario files: YAML in, Scenario out.

```yaml
description: one sentence
accounts:
  - name: released                        # for people, unique
    account_id: "1000000000000002"
    access_key_id: LTAI5tSimulatedReleased
    access_key_secret: made-up
    security_token: made-up               # optional: temporary credentials
    ram_user: exporter                    # optional: who has the key; only a user can assume roles
    roles:                                # optional: what temporary credentials can be had for
      - name: reader
        trusted: ["1000000000000001", ecs.aliyuncs.com, oidc-provider/cluster]
        external_id: made-up              # optional
        max_session: 1h                   # optional
    products: [dcdn_ipa, cdn]             # optional: what is worth watching of it, for whoever plays the scenario;
    debt_status: true                     # dcdn_ipa alone unless named, and neither its debts
    balance: true                         # nor its balance. The simulator answers for all of them in any case.
    denied: [QueryAccountBalance]         # optional: what the RAM policy lacks, until a step says denied: [...]
    repeat_every: 180s                    # optional: the timeline starts over; else its last step stays
    timeline:
      - at: 0s
        services: {dcdn_ipa: {activated: true, charge_type: PayByTraffic, locks: []}}
        announce: "healthy"               # optional, a sentence for people
      - at: 30s
        services: {dcdn_ipa: {locks: [financial]}}         # what is not named stays as it was
      - at: 75s
        fault: {kind: hang}               # until a step says fault: null
        services: {dcdn_ipa: {change: {charge_type: PayByBandwidth, in: 45s}}, cdn: {denied_for_security: true}}
        debt: {dcdn_ipa: {in_debt: true}}      # also enabled, on_service, in_debt_overdue; the rest follows from the
        balance: {available_amount: "-11.19"}  # service, and all of it again after dcdn_ipa: null
        members:                          # the account manages a resource directory; null: no longer
          - {account_id: "1000000000000003", display_name: shop, status: InviteSuccess, type: CloudAccount}
        opening: {shows_after: 5s}        # what becomes of OpenCdnService, until a step says opening: null; or a
                                          # refusal: a row of the vendor's error table by its name in errors.py
```
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from exporter.simulator.state import PRODUCTS, Role
from exporter.simulator.step_reading import STEP_KEYS, read_denied, read_timeline
from exporter.simulator.strict_yaml import ScenarioError, Section, read_each, read_yaml
from exporter.simulator.timeline import Account, Scenario, Step

_SCENARIO_KEYS: Final = ("description", "accounts")
_ACCOUNT_KEYS: Final = (
    "name",
    "account_id",
    "access_key_id",
    "access_key_secret",
    "security_token",
    "ram_user",
    "roles",
    "products",
    "debt_status",
    "balance",
    "denied",
    "repeat_every",
    "timeline",
)
_ROLE_KEYS: Final = ("name", "trusted", "external_id", "max_session")


def packaged_scenarios() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the simulator."""
    folder = resources.files("exporter.simulator") / "scenarios"
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    )


def load_scenario(name_or_path: str) -> Scenario:
    """Return the packaged scenario of that name, else the one in the file at that path; raises ScenarioError."""
    packaged = packaged_scenarios()
    if name_or_path in packaged:
        folder = resources.files("exporter.simulator") / "scenarios"
        return parse_scenario((folder / f"{name_or_path}.yaml").read_text(encoding="utf-8"))
    try:
        text = Path(name_or_path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"no scenario is named {name_or_path!r} ({', '.join(packaged)}), and it is no file to read: {error}"
        raise ScenarioError([problem]) from error
    return parse_scenario(text)


def parse_scenario(text: str) -> Scenario:
    """Return the scenario that a YAML text describes; raises ScenarioError with every account's first problems."""
    section = Section(read_yaml(text), "", accepted=_SCENARIO_KEYS)
    accounts = read_each(section.items("accounts"), _read_account)
    if not accounts:
        raise section.problem("accounts", [], "at least one account")
    try:
        return Scenario(section.text("description"), tuple(accounts))
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"accounts: {error}"]) from error


def _read_account(value: object, path: str) -> Account:
    section = Section(value, path, accepted=_ACCOUNT_KEYS)
    account_id = section.text("account_id")
    entries = [
        (entry_path, Section(entry, entry_path, accepted=STEP_KEYS))
        for entry_path, entry in section.items("timeline")
    ]
    first = Step(denied=read_denied(section) if section.has("denied") else frozenset())
    try:
        return Account(
            name=section.text("name"),
            account_id=account_id,
            access_key_id=section.text("access_key_id"),
            access_key_secret=section.text("access_key_secret", secret=True),
            security_token=section.text("security_token", secret=True) if section.has("security_token") else None,
            ram_user=section.text("ram_user") if section.has("ram_user") else None,
            roles=tuple(read_each(section.items("roles"), _read_role)) if section.has("roles") else (),
            products=tuple(_read_products(section)) if section.has("products") else ("dcdn_ipa",),
            debt_status=section.flag("debt_status") if section.has("debt_status") else False,
            balance=section.flag("balance") if section.has("balance") else False,
            timeline=read_timeline([entry for _, entry in entries], account_id, first=first),
            repeat_every_s=section.duration_s("repeat_every") if section.has("repeat_every") else None,
        )
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error


def _read_role(value: object, path: str) -> Role:
    section = Section(value, path, accepted=_ROLE_KEYS)
    trusted = tuple(read_each(section.items("trusted"), _read_trusted))
    try:
        return Role(
            name=section.text("name"),
            trusted=trusted,
            external_id=section.text("external_id") if section.has("external_id") else None,
            max_session_s=int(section.duration_s("max_session")) if section.has("max_session") else 3600,
        )
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error


def _read_trusted(value: object, path: str) -> str:
    if isinstance(value, str):
        return value
    raise Section.problem(path, value, "an account id in quotes, ecs.aliyuncs.com or oidc-provider/NAME")


def _read_products(section: Section) -> list[str]:
    return read_each(section.items("products"), _read_product)


def _read_product(value: object, path: str) -> str:
    if isinstance(value, str) and value in PRODUCTS:
        return value
    raise Section.problem(path, value, ", ".join(PRODUCTS))
