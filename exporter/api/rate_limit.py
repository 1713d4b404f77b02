"""The budget: when the next call of an account's operation may be sent.

The vendor counts each operation for each account and refuses the 21st call within any second
(https://help.aliyun.com/zh/edge-security-acceleration/dcdn/developer-reference/api-dcdn-2018-01-15-quota).
A token bucket of that rate lets 39 through, so calls are spaced evenly. Two rules hold together:

- a call reserves a **moment**, one spacing after the moment before it; the spacing is longer than the limit needs by
  a margin for the network, which changes it;
- a call that is late for its moment is still sent only when the calls before it leave room in the **window**, so
  that a process that stalled does not follow with a burst.

Both go by when calls are sent; the server goes by when they arrive. The first call of a burst may be on its way for
longer than the margin, when connections are made, and the one after the window would come too early for the server.
What follows on the reply of such a call, as the next page of a list does, is therefore spaced from that reply.

Where a refusal says when to call again, the budget is **held** until then: no reservation, past or future, is
admitted.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

# 18.5 of 20 calls: 21 evenly spaced calls then span 1.08 s, and the network may squeeze them by 80 ms.
USE_OF_LIMIT = 0.925
WINDOW_S = 1.05
_FEW_BUDGETS = 1_000


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reserved call of one budget; it may be sent at ``moment``, on the budget's clock."""

    identity: str
    action: str
    moment: float


class Budget:
    """The calls of one operation of one account; for one thread at a time.

    ``permitted`` is the highest number of calls per second: a whole number, or a fraction below one.
    """

    def __init__(self, permitted: float, *, clock: Callable[[], float]) -> None:
        if not (0 < permitted < 1 or (permitted >= 1 and permitted == math.floor(permitted))):
            raise ValueError(f"permitted calls per second: accepted are whole ones or a fraction, seen {permitted!r}")
        self.calls_per_second = permitted * USE_OF_LIMIT
        self.spacing_s = 1 / self.calls_per_second
        self._clock = clock
        self._next_moment = -math.inf
        self._window_s = WINDOW_S / min(1, permitted)
        self._sent: deque[float] = deque(maxlen=max(1, int(permitted)))

    def reserve(self, not_before: float = -math.inf) -> float:
        """Reserve the next moment, now or later."""
        moment = max(self._clock(), self._next_moment, not_before)
        self._next_moment = moment + self.spacing_s
        return moment

    def admit(self, moment: float) -> float:
        """Count a call as sent now and return 0, or return the seconds to wait before the next try.

        ``moment`` is the one it reserved.
        """
        now = self._clock()
        early = moment - now
        full = self._sent[0] + self._window_s - now if len(self._sent) == self._sent.maxlen else 0.0
        wait = max(early, full, 0.0)
        if wait == 0:
            self._sent.append(now)
        return wait

    def at_rest(self) -> bool:
        """Whether a new budget would be the same: no moment ahead is reserved, and no call is in the window."""
        now = self._clock()
        return self._next_moment <= now and (not self._sent or self._sent[-1] + self._window_s <= now)

    def spent(self) -> tuple[float, tuple[float, ...]]:
        """The first moment that is not reserved, and the moments at which the last calls were sent."""
        return self._next_moment, tuple(self._sent)

    def absorb(self, other: "Budget") -> None:
        """Count the calls that ``other`` reserved and sent as this budget's: both are of one account."""
        next_moment, sent = other.spent()
        self._next_moment = max(self._next_moment, next_moment)
        self._sent = deque(sorted([*self._sent, *sent]), maxlen=self._sent.maxlen)


class Budgets:
    """All budgets of the process, by identity and action; safe to use from any thread.

    An identity is an account id, or an access key id while its account is not known. No budget is held for longer
    than ``longest_hold_s``, whatever the API says.
    """

    def __init__(
        self,
        permitted: Mapping[str, float],
        *,
        clock: Callable[[], float],
        longest_hold_s: float = math.inf,
    ) -> None:
        self._permitted = dict(permitted)
        self.longest_hold_s = longest_hold_s
        self._clock = clock
        self._lock = threading.Lock()
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._held_until: dict[tuple[str, str], float] = {}
        self._most_unlooked = _FEW_BUDGETS
        self._accounts: dict[str, str] = {}

    def permit(self, permitted: Mapping[str, float]) -> None:
        """Set the permitted calls per second of each action; calls already sent stay counted.

        Budgets at rest are forgotten here, as accounts may have been removed, and whenever their number has doubled
        since, as temporary keys change all the time.
        """
        with self._lock:
            self._permitted = dict(permitted)
            for (identity, action), spent in list(self._budgets.items()):
                budget = spent
                if permitted[action] * USE_OF_LIMIT != spent.calls_per_second:
                    budget = self._budgets[identity, action] = Budget(permitted[action], clock=self._clock)
                    budget.absorb(spent)
            self._forget_those_at_rest()

    def calls_per_second(self) -> Mapping[str, float]:
        """The calls per second of each action and account."""
        return {action: permitted * USE_OF_LIMIT for action, permitted in self._permitted.items()}

    def reserve(self, identity: str, action: str, *, after_reply: bool = False) -> Reservation:
        """Reserve the next moment for a call; KeyError for an action without a limit.

        A call ``after_reply`` goes out one spacing from now at the earliest. The server counted the call before it by
        now, however long that was on its way, so that it sees no two of them closer than the spacing.
        """
        with self._lock:
            budget = self._budget(identity, action)
            not_before = self._clock() + budget.spacing_s if after_reply else -math.inf
            if self._held_until:
                not_before = max(not_before, self._end_of_hold(identity, action))
            return Reservation(identity=identity, action=action, moment=budget.reserve(not_before))

    def hold(self, reservation: Reservation, seconds: float) -> None:
        """Admit no call of this reservation's budget for so long, and not before an earlier hold ends."""
        with self._lock:
            now = self._clock()
            ends_at = now + min(seconds, self.longest_hold_s)
            ends_at = max(ends_at, self._end_of_hold(reservation.identity, reservation.action))
            held = {key: until for key, until in self._held_until.items() if until > now}
            self._held_until = held | {self._key(reservation.identity, reservation.action): ends_at}

    def held_s(self, reservation: Reservation) -> float:
        """Seconds for which the budget of a reservation is still held; 0 or less when it is not."""
        return self._end_of_hold(reservation.identity, reservation.action) - self._clock()

    def seconds_to(self, reservation: Reservation) -> float:
        """Seconds to the reserved moment, or the later end of a hold; 0 when it has come."""
        return max(0.0, self._moment(reservation) - self._clock())

    def admit(self, reservation: Reservation) -> float:
        """Count the reserved call as sent and return 0, or return the seconds to wait; see Budget.admit."""
        with self._lock:
            return self._budget(reservation.identity, reservation.action).admit(self._moment(reservation))

    def unite(self, access_key_id: str, account_id: str) -> None:
        """Count the calls of the key, past and future, in the account's budget."""
        with self._lock:
            if self._accounts.get(access_key_id) == account_id:
                return
            self._accounts[access_key_id] = account_id
            for identity, action in [key for key in self._budgets if key[0] == access_key_id]:
                spent = self._budgets.pop((identity, action))
                own = self._budgets.get((account_id, action))
                if own is None:
                    self._budgets[account_id, action] = spent
                else:
                    own.absorb(spent)
            for identity, action in [key for key in self._held_until if key[0] == access_key_id]:
                ends_at = max(self._held_until[identity, action], self._end_of_hold(account_id, action))
                self._held_until = self._held_until | {(account_id, action): ends_at}

    def keep(self, account_ids: Collection[str]) -> None:
        """Forget the keys of all other accounts, for which no call is made any more."""
        with self._lock:
            self._accounts = {key: account for key, account in self._accounts.items() if account in account_ids}

    def _key(self, identity: str, action: str) -> tuple[str, str]:
        return self._accounts.get(identity, identity), action

    def _moment(self, reservation: Reservation) -> float:
        if not self._held_until:  # hardly ever is one held
            return reservation.moment
        return max(reservation.moment, self._end_of_hold(reservation.identity, reservation.action))

    def _end_of_hold(self, identity: str, action: str) -> float:
        # The dictionary is replaced as a whole, so that readers need no lock.
        return self._held_until.get(self._key(identity, action), -math.inf)

    def _budget(self, identity: str, action: str) -> Budget:
        key = self._key(identity, action)
        budget = self._budgets.get(key)
        if budget is None:
            if len(self._budgets) >= self._most_unlooked:
                self._forget_those_at_rest()
            budget = self._budgets[key] = Budget(self._permitted[action], clock=self._clock)
        return budget

    def _forget_those_at_rest(self) -> None:
        self._budgets = {key: budget for key, budget in self._budgets.items() if not budget.at_rest()}
        self._most_unlooked = max(_FEW_BUDGETS, 2 * len(self._budgets))
