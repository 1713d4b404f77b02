"""A fleet as the benchmark of the dashboards needs it: its accounts, what happens to them, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

JOB = "dcdn-exporter"
SPAN_S = 6 * 3600
# Within one block of 18 hours, as promtool cuts them: it reads its input once for each.
END = 18 * 3600 * 27_000 + 17 * 3600
"""The last moment, in 2025."""
TROUBLE_S = 3600
"""What goes wrong in a scenario does so for the last hour."""
LOCKED_AT_ONCE = 2_000
_SPACING_S = 240
_RECORDED_S = 60
INTERVAL_S = 60
STALE_AFTER_S = 600
PRODUCT = "dcdn_ipa"
BUDGET_PER_S = 20
WITH_INVENTORIES = 10
WITH_PLANS = 40


@dataclass(frozen=True, slots=True)
class Probe:
    """What is polled of one account of so many."""

    product: str
    name: str
    operation: str
    one_of: int = 1

    def polls(self, number: int) -> bool:
        """Whether the account of that number has it."""
        return number % self.one_of == 0


PROBES = (
    Probe(PRODUCT, "service", "DescribeDcdnIpaService"),
    Probe(PRODUCT, "debt_status", "DescribeDcdnIpaUserStatus"),
    Probe("cdn", "certificates", "DescribeUserCertificateExpireCount", WITH_INVENTORIES),
    Probe("cdn", "domains", "DescribeUserDomains", WITH_INVENTORIES),
    Probe("cdn", "resource_packages", "DescribeCdnUserResourcePackage", WITH_INVENTORIES),
    Probe("esa", "plans", "ListUserRatePlanInstances", WITH_PLANS),
    Probe("esa", "postpaid_plans", "ListPostpaidRatePlanInstances", WITH_PLANS),
)


class Scenario(StrEnum):
    """What happens to the fleet in the last hour."""

    WELL = "well"
    STALE = "all stale"
    LOCKED = "2,000 locked at once"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Accounts, each of which every replica polls."""

    accounts: int
    replicas: int
    scenario: Scenario
    all_marked: bool = False
    """Whether locks and billing have six hours of every account, which nothing reads but marks of all accounts."""

    def __str__(self) -> str:
        replicas = f"{self.replicas} replica{'s' * (self.replicas > 1)}"
        return replicas if self.scenario is Scenario.WELL else f"{replicas}, {self.scenario.value}"

    @property
    def locked(self) -> int:
        """How many accounts are locked at the end, the first ones by number: all day some, in its scenario many."""
        many = self.scenario is Scenario.LOCKED
        return min(LOCKED_AT_ONCE if many else max(1, self.accounts // 2_000), self.accounts)

    @property
    def changing(self) -> int:
        """How many wait for a billing change: a tenth, the last ones by number."""
        return self.accounts // 10


class Times:
    """Moments, as they stand behind the values of a series."""

    def __init__(self, begin: int, end: int, spacing_s: int) -> None:
        # The last sample is of the end, so that a query of that moment finds it.
        self.moments = list(range(end, begin - 1, -spacing_s))[::-1]
        self._behind = [f" {moment}\n" for moment in self.moments]

    def constant(self, series: str, value: float) -> str:
        head = f"{series} {value}"
        return head + head.join(self._behind)

    def counting(self, series: str, per_second: float) -> str:
        """A counter that was 0 when the fleet began."""
        begin = self.moments[0]
        return "".join(
            f"{series} {(moment - begin) * per_second:g}{behind}"
            for moment, behind in zip(self.moments, self._behind, strict=True)
        )

    def following(self, series: str, lag_s: float = 0.0) -> str:
        """The moment itself, less a lag."""
        return "".join(
            f"{series} {moment - lag_s:.1f}{behind}"
            for moment, behind in zip(self.moments, self._behind, strict=True)
        )


class Spans:
    """The times of series that begin at one moment, and change at the turn where there is trouble."""

    def __init__(self, begin: int) -> None:
        self.always = Times(begin, END, _SPACING_S)
        self.before = Times(begin, TURN, _SPACING_S)
        self.each_minute = Times(begin, END, _RECORDED_S)
        # An answer is too old, so that its state goes, some time after the last one.
        self.until_stale = Times(begin, TURN + STALE_AFTER_S, _SPACING_S)

    def known(self, fleet: Fleet) -> Times:
        """When a state is shown."""
        return self.until_stale if fleet.scenario is Scenario.STALE else self.always


BEGIN = END - SPAN_S
TURN = END - TROUBLE_S
WHOLE = Spans(BEGIN)
_LATE = Spans(TURN - TROUBLE_S // 2)
AFTER = Times(TURN + _RECORDED_S, END, _SPACING_S)
EACH_MINUTE_AFTER = Times(TURN + _RECORDED_S, END, _RECORDED_S)
# As Prometheus scrapes: a rate costs by its samples, those of accounts over 15 minutes, those of exporters over all.
_SCRAPED_S = 15
COUNTED = Times(END - 1_200, END, _SCRAPED_S)
SCRAPED = Times(BEGIN, END, _SCRAPED_S)
ONCE_STALE = Times(TURN + STALE_AFTER_S + 2 * _RECORDED_S, END, _RECORDED_S)
# Of so many accounts with the lowest numbers, and with the highest, everything is there: those that panels show.
_SHOWN = 250


def spans_of(fleet: Fleet, number: int) -> Spans:
    return WHOLE if min(number, fleet.accounts - 1 - number) < _SHOWN else _LATE
