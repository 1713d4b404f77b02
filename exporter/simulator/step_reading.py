"""Reads the steps of an account's timeline; what a step does not name stays as it was in the step before."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final, TypeVar

from exporter.simulator.errors import REFUSALS
from exporter.simulator.faults import ECHO_FIELDS, FAULT_KINDS, Fault
from exporter.simulator.operations import DENIABLE, check_fault_target
from exporter.simulator.state import PRODUCTS, Balance, Debt, Member, Opening, ServiceState, checked_members
from exporter.simulator.strict_yaml import ScenarioError, Section, read_each
from exporter.simulator.timeline import PlannedChange, PlannedService, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Word = TypeVar("Word", bound=str)

STEP_KEYS: Final = ("at", "services", "debt", "balance", "denied", "members", "opening", "fault", "announce")

_SERVICE_KEYS: Final = (
    "activated",
    "charge_type",
    "locks",
    "change",
    "opening_time",
    "instance_id",
    "denied_for_security",
)
_CHANGE_KEYS: Final = ("charge_type", "in")
_DEBT_KEYS: Final = tuple(item.name for item in fields(Debt))
_BALANCE_KEYS: Final = tuple(item.name for item in fields(Balance))
_MEMBER_KEYS: Final = tuple(item.name for item in fields(Member))
_OPENING_KEYS: Final = ("refusal", "shows_after")
_FAULT_KEYS: Final = tuple(item.name for item in fields(Fault))


def read_timeline(entries: Sequence[Section], account_id: str, *, first: Step) -> tuple[Step, ...]:
    """Return the steps; `first` is what the first of them inherits from. Raises ScenarioError for all at once."""
    steps: list[Step] = []
    problems: list[str] = []
    previous = first
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
    debts = _read_debts(entry, previous.debts) if entry.has("debt") else previous.debts
    balance = _read_balance(entry, previous.balance) if entry.has("balance") else previous.balance
    denied = read_denied(entry) if entry.has("denied") else previous.denied
    members = _read_members(entry) if entry.has("members") else previous.members
    opening = _read_opening(entry) if entry.has("opening") else previous.opening
    fault = previous.fault
    if entry.has("fault"):
        fault = None if entry.is_null("fault") else _read_fault(entry.value("fault"), entry.at("fault"))
    announce = entry.text("announce") if entry.has("announce") else None
    return Step(
        at_s=at_s,
        services=services,
        debts=debts,
        balance=balance,
        denied=denied,
        members=members,
        opening=opening,
        fault=fault,
        announce=announce,
    )


def read_denied(section: Section) -> frozenset[str]:
    """Return the actions that a section's `denied` names; raises ScenarioError."""
    return frozenset(read_each(section.items("denied"), _read_deniable))


def _read_deniable(value: object, path: str) -> str:
    if isinstance(value, str) and value in DENIABLE:
        return value
    raise Section.problem(path, value, ", ".join(DENIABLE))


def _read_members(entry: Section) -> tuple[Member, ...] | None:
    if entry.is_null("members"):
        return None
    members = read_each(entry.items("members"), _read_member)
    try:
        return checked_members(members)
    except ValueError as error:
        raise ScenarioError([f"{entry.at('members')}: {error}"]) from error


def _read_opening(entry: Section) -> Opening:
    if entry.is_null("opening"):
        return Opening()
    section = Section(entry.value("opening"), entry.at("opening"), accepted=_OPENING_KEYS)
    return Opening(
        refusal=_one_of(section, "refusal", tuple(REFUSALS)) if section.has("refusal") else None,
        shows_after_s=section.duration_s("shows_after") if section.has("shows_after") else 0.0,
    )


def _read_member(value: object, path: str) -> Member:
    section = Section(value, path, accepted=_MEMBER_KEYS)
    section.value("account_id")
    section.value("display_name")
    try:
        return Member(**{key: section.text(key) for key in _MEMBER_KEYS if section.has(key)})
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error


def _read_debts(entry: Section, before: Mapping[str, Debt]) -> dict[str, Debt]:
    debts = dict(before)
    named = Section(entry.value("debt"), entry.at("debt"), accepted=PRODUCTS)
    for product in PRODUCTS:
        if named.is_null(product):
            debts.pop(product, None)
        elif named.has(product):
            debts[product] = _read_debt(named.value(product), named.at(product), debts.get(product, Debt()))
    return debts


def _read_debt(value: object, path: str, before: Debt) -> Debt:
    section = Section(value, path, accepted=_DEBT_KEYS)
    said = {key: None if section.is_null(key) else section.flag(key) for key in _DEBT_KEYS if section.has(key)}
    try:
        return replace(before, **said)
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error


def _read_balance(entry: Section, before: Balance) -> Balance:
    section = Section(entry.value("balance"), entry.at("balance"), accepted=_BALANCE_KEYS)
    try:
        return replace(before, **{key: section.text(key) for key in _BALANCE_KEYS if section.has(key)})
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"{section.path}: {error}"]) from error


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
    if section.has("denied_for_security"):
        state = replace(state, denied_for_security=section.flag("denied_for_security"))
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
        fault = Fault(
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
        check_fault_target(fault)
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error
    return fault


def _one_of(section: Section, key: str, words: Sequence[Word]) -> Word:
    text = section.text(key)
    for word in words:
        if word == text:
            return word
    raise section.problem(section.at(key), text, ", ".join(words))
