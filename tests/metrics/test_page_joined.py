"""States of several probes that are shown as one: a series never stands on the page twice."""

from collections import Counter
from datetime import UTC, datetime

from exporter.core.model import State
from exporter.metrics.page import Exposition
from exporter.probes.esa_state import Plan, Plans
from exporter.probes.kind import AnyKind
from exporter.probes.table import PROBES
from tests.metrics.pages import KIND, STALE_AFTER_S, START, TIMEOUT, Clock, exposition, lines, record, text
from tests.records import stale_after

BOUGHT, POSTPAID = (kind for kind in PROBES if kind.product == "esa")
END = datetime(2018, 4, 30, tzinfo=UTC)
ONE = Plan("sp-1", "online", "basic", "manual", END)
SAME_PAID_LATER = Plan("sp-1", "overdue", "basic")
OTHER = Plan("sp-2", "overdue")
OVERDUE = 'dcdn_esa_plans{account="prod",status="overdue"}'
OFFLINE = 'dcdn_esa_plans{account="prod",status="offline"}'


def page_of_plans(clock: Clock, *accounts: str) -> Exposition:
    return exposition(*(accounts or ("prod",)), clock=clock, kinds=(KIND, BOUGHT, POSTPAID))


def learn(page: Exposition, kind: AnyKind, *outcomes: State, at: float = START, account: str = "prod") -> None:
    page.update(kind.key(account), record(*outcomes, at=at, kind=kind))


def series(page: Exposition) -> dict[str, str]:
    """Every series of plans with its value, each of which is there once."""
    found = [line.rpartition(" ") for line in text(page).splitlines() if line.startswith("dcdn_esa_")]
    counts = Counter(name for name, _, _ in found)
    assert [name for name, count in counts.items() if count > 1] == []
    return {name: value for name, _, value in found}


def test_an_instance_of_both_lists_has_one_series_of_each_family() -> None:
    """Whichever list is learned first."""
    for order in ((BOUGHT, POSTPAID), (POSTPAID, BOUGHT)):
        page = page_of_plans(Clock())
        for kind in order:
            learn(page, kind, Plans((ONE,)) if kind is BOUGHT else Plans((SAME_PAID_LATER, OTHER)))

        seen = series(page)

        assert (seen[OVERDUE], seen['dcdn_esa_plans{account="prod",status="online"}']) == ("2.0", "0.0")
        end = seen['dcdn_esa_plan_expiry_timestamp_seconds{account="prod",instance_id="sp-1"}']
        assert float(end) == END.timestamp()
        info = [name for name in seen if name.startswith("dcdn_esa_plan_info")]
        assert info == [
            'dcdn_esa_plan_info{account="prod",instance_id="sp-1",plan_name="basic",renewal="manual"}',
            'dcdn_esa_plan_info{account="prod",instance_id="sp-2",plan_name="",renewal="unknown"}',
        ]


def test_nothing_is_shown_before_an_answer_of_either_list() -> None:
    """Their polls have a history from the start, each its own."""
    page = page_of_plans(Clock())

    assert series(page) == {}
    assert [line.split('probe="')[1].split('"')[0] for line in lines(page, "dcdn_poll_success")] == [
        "service",
        "plans",
        "postpaid_plans",
    ]


def test_one_list_alone_has_no_zero() -> None:
    """A plan that has stopped is shown at once; with the other list come the zeros."""
    page = page_of_plans(Clock())

    learn(page, POSTPAID, Plans((OTHER,)))
    assert (series(page).get(OVERDUE), series(page).get(OFFLINE)) == ("1.0", None)
    learn(page, BOUGHT, Plans())
    assert (series(page).get(OVERDUE), series(page).get(OFFLINE)) == ("1.0", "0.0")


def test_a_list_goes_stale_by_the_age_of_its_own_probe() -> None:
    """Time alone takes its plans and the zeros away; a failure of its poll brings nothing back."""
    clock = Clock()
    page = page_of_plans(clock)
    learn(page, BOUGHT, Plans((ONE,)))
    learn(page, POSTPAID, Plans((OTHER,)), at=START + 60)

    clock.now = START + STALE_AFTER_S
    assert (series(page).get(OVERDUE), series(page).get(OFFLINE)) == ("1.0", "0.0")
    clock.now = START + STALE_AFTER_S + 1
    assert series(page) == {
        OVERDUE: "1.0",
        'dcdn_esa_plan_info{account="prod",instance_id="sp-2",plan_name="",renewal="unknown"}': "1.0",
    }
    clock.now = START + STALE_AFTER_S + 61
    assert series(page) == {}
    learn(page, POSTPAID, Plans((OTHER,)), TIMEOUT, at=START + 60)
    assert series(page) == {}


def test_another_age_holds_for_both_lists() -> None:
    """A reload with a longer one shows them again."""
    clock = Clock()
    page = page_of_plans(clock)
    learn(page, BOUGHT, Plans((ONE,)))
    learn(page, POSTPAID, Plans((OTHER,)))
    clock.now = START + STALE_AFTER_S + 1
    assert series(page) == {}

    page.configure(
        [(kind.key("prod"), kind) for kind in (KIND, BOUGHT, POSTPAID)], stale_after_of=stale_after(2 * STALE_AFTER_S)
    )

    assert (series(page)[OVERDUE], series(page)[OFFLINE]) == ("1.0", "0.0")


def test_accounts_do_not_share_plans() -> None:
    """Each account's lists are shown together, and no others."""
    page = page_of_plans(Clock(), "prod", "shop")
    learn(page, BOUGHT, Plans((ONE,)), account="shop")
    learn(page, POSTPAID, Plans((OTHER,)))

    assert set(series(page)) == {
        OVERDUE,
        'dcdn_esa_plan_info{account="prod",instance_id="sp-2",plan_name="",renewal="unknown"}',
        'dcdn_esa_plans{account="shop",status="online"}',
        'dcdn_esa_plan_expiry_timestamp_seconds{account="shop",instance_id="sp-1"}',
        'dcdn_esa_plan_info{account="shop",instance_id="sp-1",plan_name="basic",renewal="manual"}',
    }
