"""Scenario files: YAML in, Scenario out; docs/simulator.md has every key.

```yaml
description: one sentence
accounts:
  - name: released
    account_id: "1000000000000002"
    access_key_id: LTAI5tSimulatedReleased
    access_key_secret: made-up
    timeline:
      - at: 0s
        services: {dcdn_ipa: {activated: true}}
      - at: 30s
        services: {dcdn_ipa: {locks: [financial]}}         # what is not named stays as it was
```
"""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from importlib import resources
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from exporter.simulator.alterations import Alteration
from exporter.simulator.certificates import CERTIFICATES, Certificates
from exporter.simulator.domains import DOMAINS, Domains
from exporter.simulator.esa import BILLING_MODES, PLANS, EsaPlan, PlannedEsaPlan, PlannedEsaPlans
from exporter.simulator.faults import Fault
from exporter.simulator.operations import DENIABLE, INVENTORIES, LIMITS, checked_fault
from exporter.simulator.packages import RESOURCE_PACKAGES, ResourcePackage
from exporter.simulator.reading import (
    STRICT,
    ScenarioError,
    Seconds,
    accepting,
    json_of_yaml,
    one_of,
    problems_in,
    read_file,
)
from exporter.simulator.state import (
    COMPONENTS,
    DEBT_PRODUCTS,
    PRODUCTS,
    SITES,
    WATCHED,
    Balance,
    Component,
    Debt,
    Member,
    Opening,
    Role,
    ServiceState,
    checked_members,
)
from exporter.simulator.timeline import Account, PlannedChange, PlannedService, Scenario, Step

_LONGEST_NAME: Final = 64
_LIKE_AN_ID = re.compile(r"[0-9]{6,}")


def packaged_scenarios() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the simulator."""
    folder = resources.files("exporter.simulator") / "scenarios"
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    )


def load_scenario(name_or_path: str) -> Scenario:
    """Return the packaged scenario of that name, else the one in the file at that path; raises ScenarioError.

    The file is UTF-8, of 16 MiB at most.
    """
    packaged = packaged_scenarios()
    if name_or_path in packaged:
        folder = resources.files("exporter.simulator") / "scenarios"
        return parse_scenario((folder / f"{name_or_path}.yaml").read_text(encoding="utf-8"))
    if not name_or_path:
        raise ScenarioError([f"it is empty; accepted: {', '.join(packaged)}, or a file"])
    try:
        return parse_scenario(read_file(name_or_path))
    except FileNotFoundError as error:
        near = get_close_matches(name_or_path, packaged, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        problem = f"there is no such scenario and no such file; accepted: {', '.join(packaged)}{hint}, or a file"
        raise ScenarioError([problem]) from error
    except OSError as error:
        raise ScenarioError([f"the file cannot be read: {error.strerror}"]) from error


def parse_scenario(text: str) -> Scenario:
    """Return the scenario that a YAML text describes; raises ScenarioError with its problems.

    What is wrong between values is among them only if each value is right by itself.
    """
    document, root = json_of_yaml(text)
    try:
        return _File.model_validate_json(document).scenario()
    except ValidationError as error:
        raise ScenarioError(tuple(problems_in(error, _File, root))) from None


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file."""
    return _File.model_json_schema()


def _making(value: type[Debt | Balance]) -> AfterValidator:
    """Return the check that some fields of a value make sense together."""

    def check(named: dict[str, Any]) -> dict[str, Any]:
        value(**named)
        return named

    return AfterValidator(check)


# What the exporter's configuration takes in their places, so that there is one for every scenario (--print-config).
_Name = Annotated[
    str,
    accepting(
        lambda name: len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip() and '"' not in name,
        f'1 to {_LONGEST_NAME} printable characters without ", no space at either end',
    ),
]
_AccountId = Annotated[str, accepting(re.compile(r"[0-9]{1,32}").fullmatch, "1 to 32 digits, in quotes")]
_KeyId = Annotated[
    str, accepting(re.compile(r"[!-~]{1,128}").fullmatch, "1 to 128 printable ASCII characters without spaces")
]
_Secret = Annotated[str, accepting(re.compile(r"[!-~]+").fullmatch, "printable ASCII characters without spaces")]
_Product = Annotated[str, one_of(PRODUCTS)]
_ProductInDebt = Annotated[str, one_of(DEBT_PRODUCTS)]
_ComponentName = Annotated[str, one_of([name for names in COMPONENTS.values() for name in names])]
_Watched = Annotated[str, one_of(WATCHED)]
_Site = Annotated[str, one_of(SITES)]
_Action = Annotated[str, one_of(tuple(LIMITS))]
_Denied = frozenset[Annotated[str, one_of(DENIABLE)]]
_DebtFields = dict[Annotated[str, one_of([item.name for item in fields(Debt)])], bool | None]
_BalanceFields = dict[Annotated[str, one_of([item.name for item in fields(Balance)])], str]
# What the file does not name has the default of its value, or stays as it was in the step before.
_UNNAMED: Any = None


class _Part(BaseModel):
    """A mapping of the file; its fields have the names of what is made of them."""

    model_config = STRICT

    def named(self) -> dict[str, Any]:
        """Return the fields that the file names."""
        return {name: value for name, value in self if name in self.model_fields_set}


class _Change(_Part):
    charge_type: str
    due_in_s: Seconds = Field(alias="in")

    def planned(self, at_s: float) -> PlannedChange:
        return PlannedChange(self.charge_type, at_s + self.due_in_s)


class _Component(_Part):
    charge_type: Annotated[str, Field(min_length=0)] = _UNNAMED
    change: _Change | None = _UNNAMED


class _Service(_Part):
    activated: bool = _UNNAMED
    charge_type: str = _UNNAMED
    locks: tuple[Annotated[str, Field(min_length=0)], ...] = _UNNAMED
    opening_time: str = _UNNAMED
    end_time: str = _UNNAMED
    ends_in_s: Seconds = Field(_UNNAMED, alias="ends_in")
    instance_id: str = _UNNAMED
    denied_for_security: bool = _UNNAMED
    change: _Change | None = _UNNAMED
    components: dict[_ComponentName, _Component] = {}

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.activated is False and self.locks:
            raise ValueError("a service that is not activated has no locks; leave out one of the two")
        if {"end_time", "ends_in_s"} <= self.model_fields_set:
            raise ValueError("a service has one end; leave out end_time or ends_in")
        return self

    def after(self, before: PlannedService, at_s: float) -> PlannedService:
        named = self.named()
        change = named.pop("change", before.change)
        if isinstance(change, _Change):
            change = change.planned(at_s)
        components, changes = dict(before.state.components), dict(before.component_changes)
        for name, component in named.pop("components", {}).items():
            if component.charge_type is not None:
                components[name] = Component(component.charge_type)
            if "change" in component.model_fields_set:
                changes.pop(name, None)
            if component.change is not None:
                changes[name] = component.change.planned(at_s)
        ends_in_s = named.pop("ends_in_s", None)
        ends_at_s = None if "end_time" in named else before.ends_at_s
        if ends_in_s is not None:
            ends_at_s = at_s + ends_in_s
        return PlannedService(replace(before.state, components=components, **named), change, changes, ends_at_s)


class _Plan(_Part):
    instance_id: str
    plan_name: str = _UNNAMED
    billing_mode: Annotated[str, one_of(BILLING_MODES)] = _UNNAMED
    status: str = _UNNAMED
    create_time: str = _UNNAMED
    expire_time: str = _UNNAMED
    expires_in_s: Seconds = Field(_UNNAMED, alias="expires_in")
    renewal_status: Annotated[str, Field(min_length=0)] = _UNNAMED
    sites: dict[str, Annotated[str, Field(min_length=0)]] = _UNNAMED

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if {"expire_time", "expires_in_s"} <= self.model_fields_set:
            raise ValueError("a plan has an expire_time or expires_in; leave out one of the two")
        return self

    def planned(self, at_s: float) -> PlannedEsaPlan:
        named = self.named()
        expires_in_s = named.pop("expires_in_s", None)
        return PlannedEsaPlan(EsaPlan(**named), None if expires_in_s is None else at_s + expires_in_s)


class _Step(_Part):
    at_s: Seconds = Field(alias="at")
    services: dict[_Product, _Service] = {}
    debts: dict[_ProductInDebt, Annotated[_DebtFields, _making(Debt)] | None] = Field({}, alias="debt")
    balance: Annotated[_BalanceFields, _making(Balance)] = {}
    certificates: dict[Annotated[str, one_of(INVENTORIES[CERTIFICATES])], Certificates | None] = {}
    domains: dict[Annotated[str, one_of(INVENTORIES[DOMAINS])], Domains | None] = {}
    resource_packages: dict[
        Annotated[str, one_of(INVENTORIES[RESOURCE_PACKAGES])], tuple[ResourcePackage, ...] | None
    ] = {}
    plans: tuple[_Plan, ...] = _UNNAMED
    denied: _Denied = _UNNAMED
    members: Annotated[tuple[Member, ...], AfterValidator(checked_members)] | None = _UNNAMED
    opening: Annotated[Opening, BeforeValidator(lambda value: {} if value is None else value)] = _UNNAMED
    answers: dict[_Action, Alteration | None] = {}
    fault: Annotated[Fault, AfterValidator(checked_fault)] | None = _UNNAMED
    announce: str = _UNNAMED

    def after(self, before: Step, account_id: str) -> Step:
        """Return the account from this step on: what it names, the rest as it was."""
        services = {product: service.settled(self.at_s) for product, service in before.services.items()}
        for product, service in self.services.items():
            earlier = services.get(product, PlannedService(ServiceState(instance_id=account_id)))
            services[product] = service.after(earlier, self.at_s)
        debts = dict(before.debts)
        for product, debt in self.debts.items():
            if debt is None:
                debts.pop(product, None)
            else:
                debts[product] = replace(debts.get(product, Debt()), **debt)
        balance = replace(before.balance, **self.balance)
        named = self.named()
        if PLANS in named:
            named[PLANS] = PlannedEsaPlans(tuple(plan.planned(self.at_s) for plan in self.plans))
        inventories = _with_inventories(before.inventories, named)
        answers = {action: each for action, each in {**before.answers, **self.answers}.items() if each is not None}
        whole = {"services": services, "debts": debts, "balance": balance, "answers": answers}
        whole["announce"] = self.announce
        return replace(before, **(named | whole), inventories=inventories)


def _with_inventories(before: Mapping[tuple[str, str], Any], named: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """The inventories of a step, which are taken out of what it names; those that it does not name are as before."""
    now = dict(before)
    for key in named.keys() & INVENTORIES.keys():
        found = named.pop(key)
        now |= {(key, product): state for product, state in (found if INVENTORIES[key] else {"": found}).items()}
    return {place: state for place, state in now.items() if state is not None}


class _Account(_Part):
    name: _Name
    account_id: _AccountId
    access_key_id: _KeyId
    access_key_secret: _Secret
    security_token: _Secret = _UNNAMED
    ram_user: str = _UNNAMED
    roles: tuple[Role, ...] = _UNNAMED
    products: tuple[_Watched, ...] = _UNNAMED
    debt_status: bool = _UNNAMED
    balance: bool = _UNNAMED
    certificates: bool = _UNNAMED
    domains: bool = _UNNAMED
    resource_packages: bool = _UNNAMED
    denied: _Denied = frozenset()
    site: _Site = _UNNAMED
    repeat_every_s: Seconds = Field(_UNNAMED, alias="repeat_every")
    timeline: tuple[_Step, ...]

    def account(self) -> Account:
        if _LIKE_AN_ID.fullmatch(self.name) and self.name != self.account_id:
            raise ValueError(f"name is {self.name!r}; accepted: of numbers of 6 digits or more only the account_id")
        steps = [Step(denied=self.denied)]
        for number, step in enumerate(self.timeline):
            try:
                steps.append(step.after(steps[-1], self.account_id))
            except ValueError as error:
                raise ValueError(f"timeline[{number}]: {error}") from error
        named = self.named() | {"timeline": tuple(steps[1:])}
        named.pop("denied", None)
        named["inventories"] = frozenset(key for key in INVENTORIES if named.pop(key, False))
        return Account(**named)

    @model_validator(mode="after")
    def _can_be_played(self) -> Self:
        # Here, so that a problem of the whole account is listed with the other problems of the file.
        self.account()
        return self


class _File(_Part):
    description: str
    accounts: tuple[_Account, ...]
    site: _Site = "china"

    def scenario(self) -> Scenario:
        if not self.accounts:
            raise ValueError("a scenario has at least one account; accounts is empty")
        return Scenario(self.description, tuple(account.account() for account in self.accounts), self.site)

    @model_validator(mode="after")
    def _can_be_played(self) -> Self:
        self.scenario()
        return self
