"""What the overview shows of the demo's day, beside what the demo's scenario says of the same moments."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from exporter.simulator import Account, load_scenario
from exporter.simulator.esa import EsaPlan
from exporter.simulator.state import Debt, ServiceState
from exporter.simulator.timeline import account_at
from grafana.builder.mappings import DEBT, STATUS
from tests.dashboards.record import DAY_S, SCRAPE_INTERVAL_S
from tests.dashboards.replay import Ask, replayed
from tests.dashboards.shipped import queries

MOMENTS = 30
# Polls come every 5 s and take up to 3, scrapes and rules every 5 s: so old may be what is shown of a probe that is
# answered, and after a failure the next poll comes up to 10 s later.
LAG_S = 26
# After a minute without an answer nothing is shown.
STALE_AFTER_S = 60
STATUSES = {text.replace(" ", "_"): number for number, text, _ in STATUS}
DEBTS = {text.replace(" ", "_"): number for number, text, _ in DEBT}
TABLE = "Services that need somebody"


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the table at one moment."""

    status: str
    reason: str
    charge_type: str
    next_charge_type: str
    debt: str


@dataclass(frozen=True, slots=True)
class Day:
    """The answers of the table's queries, by account and product and moment, and the scenario that they are about."""

    shown: Mapping[tuple[str, str], Mapping[float, Shown]]
    left_s: Mapping[tuple[str, str], Mapping[float, float]]
    age_s: Mapping[tuple[str, str], Mapping[float, float]]
    started: float


def model(account: Account, product: str, elapsed_s: float, started: float) -> tuple[Shown, float | None]:
    """The row that the scenario means at a moment, and the moment of the change that is pending."""
    now = account_at(account, elapsed_s, started)
    if product == "esa":
        return Shown(status_of_plans(now.inventories["plans", ""]), "-", "-", "-", ""), None
    service = now.services.get(product, ServiceState(activated=False))
    if service.change is not None and service.change.at_unix <= started + elapsed_s:
        service = ServiceState(charge_type=service.change.charge_type, locks=service.locks)
    reasons = ("security",) if service.denied_for_security else service.locks
    debt = now.debts.get(product, Debt())
    status = "locked" if reasons else "active" if service.activated else "not_activated"
    overdue = "financial" in reasons if debt.in_debt_overdue is None else debt.in_debt_overdue
    in_debt = overdue if debt.in_debt is None else debt.in_debt
    # A refusal tells nothing of how it is billed.
    billed = service.activated and not service.denied_for_security
    change = service.change if billed else None
    shown = Shown(
        status,
        "financial" if "financial" in reasons else reasons[0] if reasons else "-",
        service.charge_type if billed else "-",
        change.charge_type if change else "-",
        "not_polled" if not account.debt_status else "overdue" if overdue else "in_debt" if in_debt else "none",
    )
    return shown, change.at_unix if change else None


def status_of_plans(plans: Iterable[EsaPlan]) -> str:
    """By the worst of them."""
    statuses = {plan.status or "online" for plan in plans}
    return "stopped" if statuses & {"offline", "overdue"} else "active" if "online" in statuses else "not_activated"


@pytest.fixture(scope="module")
def seen(day: str, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Day:
    with replayed(day, tool, tmp_path_factory.mktemp("day"), last_s=DAY_S - 40) as ask:
        return read(ask)


def read(ask: Ask) -> Day:
    asked = {
        query.part.rpartition(" ")[2]: ask(query)
        for query in queries()
        if query.dashboard == "dcdn-overview" and query.part.startswith(TABLE)
    }
    status, debt = by_moment(asked["B"]), by_moment(asked["G"])
    reason, billed, then = (labels(asked[ref], name) for ref, name in zip("CDE", LABELS, strict=True))
    shown = {
        service: {
            moment: Shown(
                name_of(STATUSES, value),
                reason[service][moment],
                billed[service][moment],
                then[service][moment],
                name_of(DEBTS, debt[service][moment]),
            )
            for moment, value in values.items()
        }
        for service, values in status.items()
    }
    (change,) = (
        query for query in queries() if query.dashboard == "dcdn-account" and query.part == "Billing changes ahead D"
    )
    moments = {
        float(value) / 1000
        for series in ask(change)
        if series["metric"]["account"] == "switching"
        for _, value in series["values"]
        if value != "NaN"
    }
    # Its first change comes 45 s after the start, cut to a whole second.
    return Day(shown, by_moment(asked["F"]), by_moment(asked["H"]), min(moments) - 44.5)


LABELS = ("reason", "charge_type", "next_charge_type")


def by_moment(series: list[dict[str, Any]]) -> dict[tuple[str, str], dict[float, float]]:
    found: dict[tuple[str, str], dict[float, float]] = {}
    for one in series:
        service = (one["metric"]["account"], one["metric"]["product"])
        found.setdefault(service, {}).update({moment: float(value) for moment, value in one["values"]})
    return found


def labels(series: list[dict[str, Any]], name: str) -> dict[tuple[str, str], dict[float, str]]:
    """The label of the one series that a service has at each moment."""
    found: dict[tuple[str, str], dict[float, str]] = {}
    for one in series:
        service = (one["metric"]["account"], one["metric"]["product"])
        for moment, _ in one["values"]:
            assert moment not in found.setdefault(service, {}), f"{service} has two rows at {moment}"
            found[service][moment] = one["metric"][name]
    return found


def name_of(numbers: Mapping[str, int], value: float) -> str:
    return "" if math.isnan(value) else {number: name for name, number in numbers.items()}[round(value)]


def services() -> Iterator[tuple[Account, str]]:
    for account in load_scenario("demo").accounts:
        yield from ((account, product) for product in account.products)


@pytest.mark.parametrize(("account", "product"), [pytest.param(a, p, id=f"{a.name} {p}") for a, p in services()])
def test_what_is_shown_is_what_the_scenario_says(account: Account, product: str, seen: Day) -> None:
    """At 30 moments: status, reason, billing, debt, time left and age, but for the time that polls take."""
    shown = seen.shown[account.name, product]
    moments = list(shown)[:: len(shown) // MOMENTS][:MOMENTS]
    assert len(moments) == MOMENTS
    for moment in moments:
        elapsed_s = moment - seen.started
        answered = [at for at in seconds(elapsed_s, LAG_S) if fault_at(account, at, seen) is None]
        lately = [model(account, product, at, seen.started) for at in seconds(elapsed_s, LAG_S)]
        possible = {row for row, _ in lately}
        if len(answered) < len(lately):
            before = seconds(elapsed_s, LAG_S + STALE_AFTER_S)
            possible |= {model(account, product, at, seen.started)[0] for at in before}
            possible |= {Shown("unknown", row.reason, "-", "-", "") for row in possible}
        for name in Shown.__slots__:
            assert getattr(shown[moment], name) in {getattr(row, name) for row in possible}, (name, elapsed_s)
        changes = {change for _, change in lately}
        left_s = seen.left_s[account.name, product].get(moment, math.nan)
        if not math.isnan(left_s):
            assert any(change and abs(change - moment - left_s) <= SCRAPE_INTERVAL_S + 1 for change in changes)
        elif None not in changes:
            assert shown[moment].status == "unknown"
        age_s = seen.age_s[account.name, product].get(moment, math.nan)
        if len(answered) == len(lately):
            assert age_s <= LAG_S
        if not answered:
            assert age_s > SCRAPE_INTERVAL_S


def seconds(elapsed_s: float, back_s: int) -> list[float]:
    """Each second from so long ago until a second ahead, by which the start is not known better."""
    return [max(0.0, elapsed_s - back) for back in range(-1, back_s + 1)]


def fault_at(account: Account, elapsed_s: float, seen: Day) -> object:
    return account_at(account, elapsed_s, seen.started).fault


def test_most_moments_have_one_answer(seen: Day) -> None:
    """The comparison above is not met by anything: at most moments one row is possible, and each status is seen."""
    single = other = 0
    for account, product in services():
        rows = seen.shown[account.name, product]
        for moment in rows:
            possible = {model(account, product, at, seen.started)[0] for at in seconds(moment - seen.started, LAG_S)}
            single += len(possible) == 1
            other += len(possible) > 1
    assert single > 2 * other
    assert len({row.status for rows in seen.shown.values() for row in rows.values()}) == len(STATUS)


def test_every_service_has_a_row(seen: Day) -> None:
    """None of the scenario is missing, and there is no other."""
    assert seen.shown.keys() == {(account.name, product) for account, product in services()}
