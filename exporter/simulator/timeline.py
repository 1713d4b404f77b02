"""What happens to an account over time: steps, and the moment they make at any time; pure."""

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from typing import Any, Protocol, runtime_checkable

from exporter.simulator.alterations import Alteration
from exporter.simulator.faults import Fault
from exporter.simulator.reading import refuse, shared
from exporter.simulator.state import (
    ENDING_PRODUCTS,
    SITES,
    WATCHED,
    AccessKey,
    Balance,
    ChargeChange,
    Component,
    Debt,
    Member,
    Opening,
    Role,
    ServiceState,
    checked_members,
    checked_service,
    written,
)


@runtime_checkable
class PlannedInventory(Protocol):
    """What there is of a kind from one step on, with moments that count from the timeline's start."""

    def begun(self, started_at_unix: float, *, now: float) -> Any:
        """Return what there is of a timeline that started then, as it is now; both are Unix time."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change of the billing method that falls due at a moment of the timeline."""

    charge_type: str
    at_s: float
    """Seconds after the timeline's start."""


@dataclass(frozen=True, slots=True)
class PlannedService:
    """A service from one step on."""

    state: ServiceState
    """Without its changes, which are planned apart: a timeline has no Unix time yet."""
    change: PlannedChange | None = None
    component_changes: Mapping[str, PlannedChange] = field(default_factory=dict)
    """By the name of a component."""
    ends_at_s: float | None = None
    """Seconds after the timeline's start; None: the state says when it ends."""

    def __post_init__(self) -> None:
        if self.state.change is not None or any(each.change is not None for each in self.state.components.values()):
            raise ValueError("the state of a planned service has a change of its own; it belongs into the plan")

    def settled(self, at_s: float) -> "PlannedService":
        """Return the service with the changes carried out that are due at this moment of the timeline."""
        due = {name: change for name, change in self.component_changes.items() if at_s >= change.at_s}
        ahead = {name: change for name, change in self.component_changes.items() if name not in due}
        settled = {name: Component(change.charge_type) for name, change in due.items()}
        state, change = replace(self.state, components={**self.state.components, **settled}), self.change
        if change is not None and at_s >= change.at_s:
            state, change = replace(state, charge_type=change.charge_type), None
        return PlannedService(state, change, ahead, self.ends_at_s)

    def begun(self, started_at_unix: float) -> ServiceState:
        """Return the service of a timeline that started then; moments of changes are cut to a whole second."""

        def change(planned: PlannedChange) -> ChargeChange:
            return ChargeChange(planned.charge_type, math.floor(started_at_unix + planned.at_s))

        components = {
            name: replace(self.state.components.get(name, Component()), change=change(planned))
            for name, planned in self.component_changes.items()
        }
        return replace(
            self.state,
            change=change(self.change) if self.change is not None else None,
            components={**self.state.components, **components},
            end_time=self.state.end_time if self.ends_at_s is None else written(started_at_unix + self.ends_at_s),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """An account from one moment of its timeline on, whole: nothing is inherited from the step before."""

    at_s: float = 0.0
    """Seconds after the timeline's start."""
    services: Mapping[str, PlannedService] = field(default_factory=dict)
    """By product; a product that is not here is not activated."""
    debts: Mapping[str, Debt] = field(default_factory=dict)
    """By product; the debt of a product that is not here follows from its service."""
    balance: Balance = field(default_factory=Balance)
    inventories: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    """What there is of each kind, by its key and the product; of the whole account, the product is empty."""
    denied: frozenset[str] = frozenset()
    """The actions that the caller's RAM policy lacks."""
    members: tuple[Member, ...] | None = None
    """Of the resource directory that the account manages; None: it manages none."""
    opening: Opening = field(default_factory=Opening)
    """What becomes of a call that would activate CDN."""
    answers: Mapping[str, Alteration] = field(default_factory=dict)
    """How answers are altered, by action."""
    fault: Fault | None = None
    announce: str | None = None
    """A sentence for people."""

    def __post_init__(self) -> None:
        if self.members is not None:
            checked_members(self.members)
        for product, service in self.services.items():
            checked_service(service.begun(0.0), product)
            if service.ends_at_s is not None and product not in ENDING_PRODUCTS:
                raise ValueError(f"{product} has an end; accepted: that of {', '.join(ENDING_PRODUCTS)}")


def _healthy() -> tuple[Step, ...]:
    return (Step(services={"dcdn_ipa": PlannedService(ServiceState())}),)


@dataclass(frozen=True, slots=True)
class Account:
    """One simulated account, with the key its calls are signed with."""

    name: str
    """For people; unique in a scenario."""
    account_id: str
    """Digits; two accounts with one id share one limit of calls."""
    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    ram_user: str | None = None
    """The RAM user who has the key; None: the account itself, who may not assume roles."""
    roles: tuple[Role, ...] = ()
    timeline: tuple[Step, ...] = field(default_factory=_healthy)
    """At least one step, the first at 0, each later than the one before."""
    repeat_every_s: float | None = None
    """When the timeline starts over; None: its last step stays."""
    products: tuple[str, ...] = ("dcdn_ipa",)
    """What the demo watches of it; the simulator answers for every product in any case."""
    debt_status: bool = False
    """Whether the demo watches the debts of those products."""
    balance: bool = False
    """Whether the demo watches its balance."""
    inventories: frozenset[str] = frozenset()
    """The keys of what the demo watches beside."""
    site: str | None = None
    """Whether it is of the site for China or of the international one; None: of the scenario's."""

    def __post_init__(self) -> None:
        """Raise ValueError for an account that could not be played."""
        refuse(self._problems())

    def _problems(self) -> Iterator[str]:
        for name in ("name", "access_key_id", "access_key_secret", "ram_user"):
            if getattr(self, name) == "":
                yield f"the {name} of an account is empty"
        if not (self.account_id.isascii() and self.account_id.isdigit()):
            yield f"account_id is {self.account_id!r}; accepted: digits"
        if not self.products or len(set(self.products)) < len(self.products) or not set(self.products) <= {*WATCHED}:
            seen = ", ".join(self.products) or "empty"
            yield f"products is {seen}; accepted: some of {', '.join(WATCHED)}, each once"
        moments = [step.at_s for step in self.timeline]
        if not moments:
            yield "timeline is empty; accepted: a step at 0s, and others after it"
        elif moments[0] != 0:
            yield f"timeline[0].at is {moments[0]:.15g} s; accepted: 0s"
        for place, (earlier, later) in enumerate(pairwise(moments)):
            if later <= earlier:
                yield f"timeline[{place + 1}].at is {later:.15g} s; accepted: after the step before, {earlier:.15g} s"
        if self.repeat_every_s is not None and not self.repeat_every_s > max(moments, default=0):
            last = max(moments, default=0)
            yield f"repeat_every is {self.repeat_every_s:.15g} s; accepted: after the last step, {last:.15g} s"

    @property
    def key(self) -> AccessKey:
        """The key that its calls are signed with."""
        return AccessKey(self.access_key_id, self.access_key_secret, self.security_token)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Accounts and what happens to them."""

    description: str
    accounts: tuple[Account, ...]
    site: str = "china"
    """Whose hosts are played: those of billing refuse accounts of the other site."""

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown site, or if two accounts could be taken for one another."""
        refuse(self._problems())

    def _problems(self) -> Iterator[str]:
        for site in (self.site, *(account.site for account in self.accounts)):
            if site not in (None, *SITES):
                yield f"a site is {site!r}; accepted: {', '.join(SITES)}"
        placed = [(f"accounts[{place}]", account) for place, account in enumerate(self.accounts)]
        for what in ("name", "access_key_id"):
            for places, value in shared((place, getattr(account, what)) for place, account in placed):
                yield f"{places} have the {what} {value!r}; it is unique"
        roles = (
            (f"{place}.roles[{number}]", (account.account_id, role.name))
            for place, account in placed
            for number, role in enumerate(account.roles)
        )
        for places, (account_id, name) in shared(roles):
            yield f"{places} of the account id {account_id} have the name {name!r}; it is unique"


@dataclass(frozen=True, slots=True)
class Moment:
    """An account at one moment."""

    services: Mapping[str, ServiceState]
    """By product."""
    debts: Mapping[str, Debt]
    """By product."""
    balance: Balance
    inventories: Mapping[tuple[str, str], Any]
    """By key and product."""
    begun_at_unix: float
    """When this round of the timeline began, Unix time."""
    denied: frozenset[str]
    """Actions."""
    members: tuple[Member, ...] | None
    opening: Opening
    answers: Mapping[str, Alteration]
    """By action."""
    fault: Fault | None
    fault_since_s: float
    """When the fault began, seconds after the simulator's start; it tells one occurrence of a fault from the next."""
    not_shown_yet: frozenset[str] = frozenset()
    """The products that a call has activated and whose service is not described yet."""


def account_at(account: Account, elapsed_s: float, started_at_unix: float) -> Moment:
    """Return the account as it is so many seconds after a start at that Unix time."""
    round_starts_s = 0.0
    if account.repeat_every_s is not None:
        round_starts_s = elapsed_s // account.repeat_every_s * account.repeat_every_s
    steps = account.timeline
    index = bisect_right(steps, elapsed_s - round_starts_s, key=lambda step: step.at_s) - 1
    index = max(0, index)
    step = steps[index]
    services = {
        product: planned.begun(started_at_unix + round_starts_s) for product, planned in step.services.items()
    }
    begun = {"started_at_unix": started_at_unix + round_starts_s, "now": started_at_unix + elapsed_s}
    inventories = {
        place: state.begun(**begun) if isinstance(state, PlannedInventory) else state
        for place, state in step.inventories.items()
    }
    # A fault that a step keeps from the one before is the same object, and goes on without a new count.
    while index > 0 and steps[index - 1].fault is step.fault:
        index -= 1
    return Moment(
        services,
        debts=step.debts,
        balance=step.balance,
        begun_at_unix=started_at_unix + round_starts_s,
        inventories=inventories,
        denied=step.denied,
        members=step.members,
        opening=step.opening,
        answers=step.answers,
        fault=step.fault,
        fault_since_s=round_starts_s + steps[index].at_s,
    )


def announcements(accounts: Iterable[Account], *, since_s: float = 0.0) -> Iterator[tuple[float, str, str]]:
    """Yield (elapsed seconds, account's name, sentence) in order of time; endless if a timeline repeats."""
    return heapq.merge(*(_announcements_of(account, since_s) for account in accounts))


def _announcements_of(account: Account, since_s: float) -> Iterator[tuple[float, str, str]]:
    announced = [(step.at_s, step.announce) for step in account.timeline if step.announce is not None]
    period_s = account.repeat_every_s
    if period_s is None:
        rounds: Iterable[float] = (0.0,)
    else:
        rounds = (number * period_s for number in count(int(since_s // period_s)))
    if not announced:
        return
    for round_starts_s in rounds:
        for at_s, sentence in announced:
            if round_starts_s + at_s >= since_s:
                yield round_starts_s + at_s, account.name, sentence
