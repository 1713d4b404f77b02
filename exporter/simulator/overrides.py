"""What is set by hand for an account, above its timeline."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from exporter.simulator.alterations import Alteration
from exporter.simulator.faults import Fault
from exporter.simulator.operations import DENIABLE, INVENTORIES, LIMITS, checked_fault
from exporter.simulator.state import (
    DEBT_PRODUCTS,
    PRODUCTS,
    Balance,
    Debt,
    Member,
    Opening,
    ServiceState,
    checked_members,
    checked_service,
)
from exporter.simulator.timeline import Moment

Key = TypeVar("Key")
Value = TypeVar("Value")


class Overrides:
    """One account's; what is set to None is given back to the timeline. Not thread-safe, its owner holds the lock.

    Every `set_...` raises ValueError for an unknown name, before anything is changed.
    """

    def __init__(self) -> None:
        self._services: dict[str, ServiceState] = {}
        self._debts: dict[str, Debt] = {}
        self._inventories: dict[tuple[str, str], Any] = {}
        self.balance: Balance | None = None
        self.opening: Opening | None = None
        """What becomes of a call that would activate CDN."""
        self._denied: frozenset[str] | None = None
        self._members: tuple[Member, ...] | None = None
        self._activated: dict[str, tuple[ServiceState, float]] = {}
        self._fault: Fault | None = None
        self._faults_set = 0
        self._fault_uses: tuple[tuple[str, float], int] = (("", 0.0), 0)
        self._alterations: dict[str, Alteration] = {}
        self._raw_answers: dict[str, bytes] = {}

    def set_service(self, state: ServiceState | None, *, product: str) -> None:
        """Put a product's service above the timeline."""
        _check_one_of("product", product, PRODUCTS)
        _put(self._services, product, None if state is None else checked_service(state, product))
        self._activated.pop(product, None)

    def set_debt(self, debt: Debt | None, *, product: str) -> None:
        """Put a product's debt above the timeline."""
        _check_one_of("product", product, DEBT_PRODUCTS)
        _put(self._debts, product, debt)

    def set_inventory(self, key: str, state: object, *, product: str) -> None:
        """Put what there is of a kind above the timeline; the product is empty for one of the whole account."""
        _check_one_of("an inventory", key, INVENTORIES)
        _check_one_of("product", product, INVENTORIES[key] or ("",))
        _put(self._inventories, (key, product), state)

    def set_denied(self, actions: Collection[str] | None) -> None:
        """Have the RAM policy lack these actions and no other."""
        for action in actions or ():
            _check_one_of("a denied action", action, DENIABLE)
        self._denied = None if actions is None else frozenset(actions)

    def set_members(self, members: Sequence[Member] | None) -> None:
        """Have the account manage a directory of these members."""
        self._members = None if members is None else checked_members(members)

    def activate(self, product: str, state: ServiceState, *, shows_at: float) -> None:
        """Keep a service that a call has activated, in place of one that is not; `shows_at` is Unix time.

        It stays until the product is set by hand.
        """
        self._activated[product] = (state, shows_at)

    def set_fault(self, fault: Fault | None) -> None:
        """Put a fault above the timeline; its `times` count from now."""
        if fault is not None:
            checked_fault(fault)
        self._fault = fault
        self._faults_set += 1

    def set_alteration(self, alteration: Alteration | None, *, action: str) -> None:
        """Have the answers of one operation altered."""
        _check_one_of("action", action, LIMITS)
        _put(self._alterations, action, alteration)

    def set_raw_answer(self, body: bytes | None, *, action: str) -> None:
        """Have this body served with status 200 by one operation; None ends that."""
        _check_one_of("action", action, LIMITS)
        _put(self._raw_answers, action, body)

    def raw_answer(self, action: str) -> bytes | None:
        """Return the body that was set for an operation."""
        return self._raw_answers.get(action)

    def over(self, moment: Moment, *, now: float) -> Moment:
        """Return the moment with what was set and activated above it, less the fault; `now` is Unix time."""
        services = {**moment.services, **self._services}
        activated = {
            product: (state, shows_at)
            for product, (state, shows_at) in self._activated.items()
            if not services.get(product, ServiceState(activated=False)).activated
        }
        services |= {product: state for product, (state, shows_at) in activated.items() if now >= shows_at}
        return replace(
            moment,
            services=services,
            not_shown_yet=frozenset(product for product, (_, shows_at) in activated.items() if now < shows_at),
            opening=self.opening or moment.opening,
            debts={**moment.debts, **self._debts},
            balance=self.balance or moment.balance,
            inventories={**moment.inventories, **self._inventories},
            answers={**moment.answers, **self._alterations},
            denied=moment.denied if self._denied is None else self._denied,
            members=moment.members if self._members is None else self._members,
        )

    def take_fault(self, moment: Moment, action: str, *, reused: bool, if_named: bool = False) -> Fault | None:
        """Return the fault that a request gets, and count it; with `if_named`, only one that names the action."""
        if self._fault is not None:
            fault, turn = self._fault, ("set", float(self._faults_set))
        elif moment.fault is not None:
            fault, turn = moment.fault, ("timeline", moment.fault_since_s)
        else:
            return None
        meant = fault.action == action or (fault.action is None and not if_named)
        if not meant or (fault.kind == "close_reused" and not reused):
            return None
        if fault.times is None:
            return fault
        last_turn, used = self._fault_uses
        used = used + 1 if last_turn == turn else 1
        self._fault_uses = (turn, used)
        return fault if used <= fault.times else None


def _check_one_of(what: str, word: str, words: Collection[str]) -> None:
    if word not in words:
        raise ValueError(f"{what} is {word!r}; accepted: {', '.join(words)}")


def _put(overrides: dict[Key, Value], key: Key, value: Value | None) -> None:
    if value is None:
        overrides.pop(key, None)
    else:
        overrides[key] = value
