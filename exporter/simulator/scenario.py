"""Scenario files: YAML in, Scenario out.

```yaml
description: one sentence
accounts:
  - name: released                        # for people, unique
    account_id: "1000000000000002"
    access_key_id: LTAI5tSimulatedReleased
    access_key_secret: made-up
    security_token: made-up               # optional: temporary credentials
    repeat_every: 180s                    # optional: the timeline starts over; else its last step stays
    timeline:
      - at: 0s
        services: {dcdn_ipa: {activated: true, charge_type: PayByTraffic, locks: []}}
        announce: "healthy"               # optional, a sentence for people
      - at: 30s
        services: {dcdn_ipa: {locks: [financial]}}         # what is not named stays as it was
      - at: 75s
        fault: {kind: hang}               # until a step says fault: null
        services: {dcdn_ipa: {change: {charge_type: PayByBandwidth, in: 45s}}}
```
"""

from __future__ import annotations

from dataclasses import fields, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from exporter.simulator.faults import ECHO_FIELDS, FAULT_KINDS, Fault
from exporter.simulator.operations import PRODUCTS
from exporter.simulator.service_state import ServiceState
from exporter.simulator.strict_yaml import ScenarioError, Section, read_each, read_yaml
from exporter.simulator.timeline import Account, PlannedChange, PlannedService, Scenario, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

Word = TypeVar("Word", bound=str)

_SCENARIO_KEYS: Final = ("description", "accounts")
_ACCOUNT_KEYS: Final = (
    "name",
    "account_id",
    "access_key_id",
    "access_key_secret",
    "security_token",
    "repeat_every",
    "timeline",
)
_STEP_KEYS: Final = ("at", "services", "fault", "announce")
_SERVICE_KEYS: Final = ("activated", "charge_type", "locks", "change", "opening_time", "instance_id")
_CHANGE_KEYS: Final = ("charge_type", "in")
_FAULT_KEYS: Final = tuple(item.name for item in fields(Fault))


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
        (entry_path, Section(entry, entry_path, accepted=_STEP_KEYS))
        for entry_path, entry in section.items("timeline")
    ]
    try:
        return Account(
            name=section.text("name"),
            account_id=account_id,
            access_key_id=section.text("access_key_id"),
            access_key_secret=section.text("access_key_secret", secret=True),
            security_token=section.text("security_token", secret=True) if section.has("security_token") else None,
            timeline=_read_timeline([entry for _, entry in entries], account_id),
            repeat_every_s=section.duration_s("repeat_every") if section.has("repeat_every") else None,
        )
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error


def _read_timeline(entries: Sequence[Section], account_id: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    problems: list[str] = []
    previous = Step()
    for entry in entries:
        try:
            previous = _read_step(entry, previous, account_id)
        except ScenarioError as error:
            problems += error.problems
        steps.append(previous)
    if problems:
        raise ScenarioError(problems)
    return tuple(steps)


def _read_step(entry: Section, previous: Step, account_id: str) -> Step:
    at_s = entry.duration_s("at")
    services = {product: service.settled(at_s) for product, service in previous.services.items()}
    if entry.has("services"):
        named = Section(entry.value("services"), entry.at("services"), accepted=PRODUCTS)
        for product in PRODUCTS:
            if named.has(product):
                before = services.get(product, PlannedService(ServiceState(instance_id=account_id)))
                services[product] = _read_service(named.value(product), named.at(product), before, at_s)
    fault = previous.fault
    if entry.has("fault"):
        fault = None if entry.is_null("fault") else _read_fault(entry.value("fault"), entry.at("fault"))
    announce = entry.text("announce") if entry.has("announce") else None
    return Step(at_s=at_s, services=services, fault=fault, announce=announce)


def _read_service(value: object, path: str, before: PlannedService, at_s: float) -> PlannedService:
    section = Section(value, path, accepted=_SERVICE_KEYS)
    state = before.state
    if section.has("activated"):
        state = replace(state, activated=section.flag("activated"))
    if section.has("charge_type"):
        state = replace(state, charge_type=section.text("charge_type"))
    if section.has("locks"):
        state = replace(state, locks=_read_locks(section))
    if section.has("opening_time"):
        state = replace(state, opening_time=section.text("opening_time"))
    if section.has("instance_id"):
        state = replace(state, instance_id=section.text("instance_id"))
    change = before.change
    if section.has("change"):
        change = None if section.is_null("change") else _read_change(section, at_s)
    return PlannedService(state, change)


def _read_locks(section: Section) -> tuple[str, ...]:
    reasons: list[str] = []
    for path, reason in section.items("locks"):
        if not isinstance(reason, str):
            raise section.problem(path, reason, "a reason, in quotes if it looks like something else")
        reasons.append(reason)
    return tuple(reasons)


def _read_change(service: Section, at_s: float) -> PlannedChange:
    section = Section(service.value("change"), service.at("change"), accepted=_CHANGE_KEYS)
    return PlannedChange(section.text("charge_type"), at_s + section.duration_s("in"))


def _read_fault(value: object, path: str) -> Fault:
    section = Section(value, path, accepted=_FAULT_KEYS)
    try:
        return Fault(
            _one_of(section, "kind", FAULT_KINDS),
            seconds=section.number("seconds") if section.has("seconds") else None,
            interval=section.number("interval") if section.has("interval") else None,
            status=section.whole("status") if section.has("status") else None,
            code=section.text("code") if section.has("code") else None,
            message=section.text("message") if section.has("message") else None,
            chunked=section.flag("chunked") if section.has("chunked") else None,
            field=_one_of(section, "field", ECHO_FIELDS) if section.has("field") else None,
            times=section.whole("times") if section.has("times") else None,
            action=section.text("action") if section.has("action") else None,
        )
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error


def _one_of(section: Section, key: str, words: Sequence[Word]) -> Word:
    text = section.text(key)
    for word in words:
        if word == text:
            return word
    raise section.problem(section.at(key), text, ", ".join(words))
