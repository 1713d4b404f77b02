"""What is shown and logged of the plans of Edge Security Acceleration."""

from datetime import UTC, datetime, timedelta

import pytest

from exporter.core.model import Answer
from exporter.probes.esa import CONDITIONS, FAMILIES, NEWS, view
from exporter.probes.esa_state import Plan, Plans
from exporter.probes.kind import NO_ATTENTION, Interval, MetricType, Scope, Visible
from exporter.probes.table import PROBES
from exporter.probes.view import Fragment, Note, Severity, View

NOW = datetime(2026, 3, 31, 16, 0, 0, tzinfo=UTC)
BOUGHT, POSTPAID = (kind for kind in PROBES if kind.product == "esa")
BY_NAME = {family.name: family for family in FAMILIES}


def plans_of(*plans: Plan, whole: bool = True) -> Plans:
    return Plans(plans, whole=whole)


def samples(family: str, plans: Plans) -> dict[tuple[str, ...], float]:
    found = list(BY_NAME[family].samples(plans))
    assert len(dict(found)) == len(found)
    return dict(found)


def in_days(days: float) -> datetime:
    return NOW + timedelta(days=days)


def test_families_have_the_names_and_labels_of_the_public_interface() -> None:
    """All belong to the account; the probe of postpaid plans has none of its own, so that none is there twice."""
    assert {family.name: (family.labels, family.scope, family.metric_type) for family in FAMILIES} == {
        "dcdn_esa_plans": (("status",), Scope.ACCOUNT, MetricType.GAUGE),
        "dcdn_esa_plan_expiry_timestamp_seconds": (("instance_id",), Scope.ACCOUNT, MetricType.GAUGE),
        "dcdn_esa_plan_info": (("instance_id", "plan_name", "renewal"), Scope.ACCOUNT, MetricType.GAUGE),
        "dcdn_esa_sites": (("status",), Scope.ACCOUNT, MetricType.GAUGE),
    }
    assert (BOUGHT.families, POSTPAID.families) == (FAMILIES, ())


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("Status", "dcdn_esa_plans"),
        ("ExpireTime", "dcdn_esa_plan_expiry_timestamp_seconds"),
        ("RenewalStatus", "dcdn_esa_plan_info"),
        ("SiteStatus", "dcdn_esa_sites"),
    ],
)
def test_help_names_the_vendors_field(field: str, name: str) -> None:
    """An operator finds the field in the vendor's documentation."""
    assert f"({field})" in BY_NAME[name].help


def test_every_documented_status_is_there_from_the_first_answers_of_both_lists() -> None:
    """Also at 0, so that alerts on them have a past."""
    assert samples("dcdn_esa_plans", plans_of()) == {
        ("online",): 0.0,
        ("offline",): 0.0,
        ("overdue",): 0.0,
        ("disable",): 0.0,
    }
    assert samples("dcdn_esa_sites", plans_of()) == {
        ("pending",): 0.0,
        ("active",): 0.0,
        ("offline",): 0.0,
        ("moved",): 0.0,
    }


def test_plans_and_their_sites_are_counted() -> None:
    """Each plan once, whatever its sites are."""
    plans = plans_of(
        Plan("a", "online", sites=(("active", 2),)),
        Plan("b", "overdue", sites=(("active", 1), ("offline", 4))),
        Plan("c", "online"),
        Plan("d", "frozen"),
    )

    assert samples("dcdn_esa_plans", plans) == {
        ("online",): 2.0,
        ("offline",): 0.0,
        ("overdue",): 1.0,
        ("disable",): 0.0,
        ("frozen",): 1.0,
    }
    assert samples("dcdn_esa_sites", plans) == {
        ("pending",): 0.0,
        ("active",): 3.0,
        ("offline",): 4.0,
        ("moved",): 0.0,
    }


def test_one_list_alone_says_nothing_of_what_it_has_not() -> None:
    """A plan that has stopped is counted; a 0 would say that the other list has none either."""
    plans = plans_of(Plan("a", "overdue", sites=(("moved", 1),)), whole=False)

    assert samples("dcdn_esa_plans", plans) == {("overdue",): 1.0}
    assert samples("dcdn_esa_sites", plans) == {("moved",): 1.0}
    assert samples("dcdn_esa_plans", plans_of(whole=False)) == {}


@pytest.mark.parametrize("odd", [15, 16, 17, 40])
def test_statuses_that_are_not_documented_are_bounded(odd: int) -> None:
    """Sixteen have names of their own; all others are counted together."""
    plans = plans_of(*(Plan(f"{number:02}", f"odd-{number:02}") for number in range(odd)))

    shown = samples("dcdn_esa_plans", plans)

    assert len(shown) == 4 + min(odd, 17)
    assert shown.get(("other",), 0.0) == max(0, odd - 16)
    assert sum(shown.values()) == odd


def test_a_status_that_is_called_other_shares_its_series() -> None:
    """There is one series of that name."""
    plans = plans_of(*(Plan(f"{number:02}", f"a-{number:02}") for number in range(20)), Plan("99", "other"))

    assert samples("dcdn_esa_plans", plans)[("other",)] == 5.0


def test_the_plans_that_end_first_have_series_of_their_own() -> None:
    """Sixty-four of them, and no released one; those without an end have no date."""
    held = [Plan(f"{number:03}", "online", "basic", "auto", in_days(100 - number)) for number in range(70)]
    plans = plans_of(*held, Plan("x", "disable", expires_at=in_days(-30)), Plan("y", "online", "free"))

    ends = samples("dcdn_esa_plan_expiry_timestamp_seconds", plans)
    info = samples("dcdn_esa_plan_info", plans)

    assert ends == {(f"{number:03}",): in_days(100 - number).timestamp() for number in range(6, 70)}
    assert set(info) == {(f"{number:03}", "basic", "auto") for number in range(6, 70)}
    assert samples("dcdn_esa_plan_info", plans_of(Plan("y", "online", "free"))) == {("y", "free", "unknown"): 1.0}
    assert samples("dcdn_esa_plan_expiry_timestamp_seconds", plans_of(Plan("y", "online", "free"))) == {}


def test_the_log_names_the_plans_that_have_stopped() -> None:
    """Counts of the others; a plan that stops is bad news, and one that works again is none."""
    stopped = plans_of(
        Plan("a", "online", expires_at=in_days(1), sites=(("active", 2), ("moved", 1))),
        Plan("b", "overdue"),
        Plan("c", "offline", expires_at=in_days(-1)),
        Plan("d", "disable"),
        Plan("e", "frozen"),
    )
    well = plans_of(Plan("a", "online"))

    assert NEWS.subject == "plans"
    assert NEWS.fields(stopped) == {
        "plans_online": "1",
        "plans_offline": "c",
        "plans_overdue": "b",
        "plans_disable": "1",
        "plans_other": "frozen:1",
        "sites": "active:2,moved:1",
        "first_expiry": "2026-03-30T16:00:00Z",
    }
    assert list(NEWS.fields(well)) == list(NEWS.fields(stopped))
    assert (NEWS.is_bad(stopped), NEWS.is_bad(well)) == (True, False)
    worse = {name for name, value in NEWS.fields(stopped).items() if NEWS.is_worse(stopped, name, value)}
    assert worse == {"plans_offline", "plans_overdue"}
    assert not any(NEWS.is_worse(well, name, value) for name, value in NEWS.fields(well).items())


def test_the_log_names_twenty_plans_at_most() -> None:
    """And how many more there are."""
    plans = plans_of(*(Plan(f"{number:02}", "overdue") for number in range(25)))

    named = NEWS.fields(plans)["plans_overdue"]

    assert named == ",".join(f"{number:02}" for number in range(20)) + " and 5 more"


STOPPED_CELL = Fragment("plan offline", runbook="DcdnEsaPlanStopped")
STOPPED_NOTES = (
    Note(Severity.CRITICAL, "plans overdue: {count} of {total}", {"count": 1, "total": 3}, "DcdnEsaPlanStopped"),
    Note(Severity.CRITICAL, "plans offline: {count} of {total}", {"count": 1, "total": 3}, "DcdnEsaPlanStopped"),
)


@pytest.mark.parametrize(
    ("plans", "words", "status", "notes"),
    [
        pytest.param([], ["no_plan"], "no plan", (), id="none"),
        pytest.param([Plan("a", "disable")], ["no_plan"], "no plan", (), id="released"),
        pytest.param([Plan("a", "online")], ["online"], "online", (), id="online"),
        pytest.param(
            [Plan("a", "online"), Plan("b", "overdue"), Plan("c", "offline"), Plan("d", "disable")],
            ["stopped", "online"],
            "plan overdue",
            STOPPED_NOTES,
            id="stopped",
        ),
        pytest.param(
            [Plan("a", "online"), Plan("b", "frozen")],
            ["plan_unclear", "online"],
            "frozen",
            (
                Note(
                    Severity.WARNING,
                    "plans {status}: {count} of {total}",
                    {"count": 1, "total": 2, "status": "frozen"},
                    "DcdnUnknownApiValue",
                ),
            ),
            id="not documented",
        ),
        pytest.param(
            [
                Plan("a", "online", renewal="manual", expires_at=in_days(7)),
                Plan("b", "online", renewal="none", expires_at=in_days(2.5)),
                Plan("c", "online", renewal="auto", expires_at=in_days(1)),
                Plan("d", "online", renewal="none", expires_at=in_days(7.1)),
            ],
            ["plan_ending", "online"],
            "online",
            (
                Note(
                    Severity.WARNING,
                    "plans that end within 7 days: {count} of {total}, the first in {time}",
                    {"count": 2, "total": 4, "time": "2 d 12 h"},
                    "DcdnEsaPlanExpiring",
                ),
            ),
            id="ending",
        ),
        pytest.param(
            [
                Plan("a", "online", renewal="none", expires_at=in_days(-1)),
                Plan("b", "online", renewal="none", expires_at=in_days(-2.5)),
                Plan("c", "online", renewal="none", expires_at=in_days(1)),
            ],
            ["plan_ending", "online"],
            "online",
            (
                Note(
                    Severity.WARNING,
                    "plans that ended: {count} of {total}, the first at {moment}",
                    {"count": 2, "total": 3, "moment": "2026-03-29 04:00 UTC"},
                    "DcdnEsaPlanExpiring",
                ),
                Note(
                    Severity.WARNING,
                    "plans that end within 7 days: {count} of {total}, the first in {time}",
                    {"count": 1, "total": 3, "time": "1 d"},
                    "DcdnEsaPlanExpiring",
                ),
            ),
            id="online past its end",
        ),
        pytest.param(
            [
                Plan("a", "online", sites=(("active", 3), ("offline", 2))),
                Plan("b", "disable", sites=(("offline", 4),)),
            ],
            ["site_offline", "online"],
            "online",
            (
                Note(
                    Severity.WARNING,
                    "sites offline: {count} of {total}",
                    {"count": 2, "total": 5},
                    "DcdnEsaSitesOffline",
                ),
            ),
            id="a site offline",
        ),
    ],
)
def test_people_are_shown_the_worst_status_and_what_is_wrong(
    plans: list[Plan], words: list[str], status: str, notes: tuple[Note, ...]
) -> None:
    """Notes count among the plans that are not released."""
    seen = view(plans_of(*plans), NOW.timestamp())

    assert [condition.word for condition in seen.conditions] == words
    assert [fragment.text for fragment in seen.status] == [status]
    assert seen.notes == notes


def test_one_list_alone_has_what_is_known_of_it() -> None:
    """Its plans are shown, the worst status first; without any, the account may have some all the same."""
    well = view(plans_of(Plan("a", "online"), whole=False), NOW.timestamp())
    bad = view(plans_of(Plan("a", "online"), Plan("b", "offline"), whole=False), NOW.timestamp())

    none = view(plans_of(whole=False), NOW.timestamp())

    assert ([condition.word for condition in well.conditions], well.status) == (["online"], (Fragment("online"),))
    assert (none.conditions, none.status) == ((), (Fragment("no plan known"),))
    assert ([condition.word for condition in bad.conditions], bad.status) == (["stopped", "online"], (STOPPED_CELL,))
    assert [note.text for note in bad.notes] == ["plans offline: 1 of 2"]


def test_programs_find_counts_and_the_plans_that_have_stopped() -> None:
    """Under one key, which is null before the first answer."""
    plans = plans_of(
        Plan("a", "online", expires_at=in_days(30), sites=(("active", 1),)),
        *(Plan(f"b{number:02}", "overdue") for number in range(25)),
    )

    assert view(plans, NOW.timestamp()).status_json == {
        "plans": {
            "statuses": {"online": 1, "overdue": 25},
            "sites": {"active": 1},
            "stopped": [f"b{number:02}" for number in range(20)],
            "first_expiry": in_days(30),
            "whole": True,
        }
    }
    assert view(None, NOW.timestamp()) == View(status_json={"plans": None})


def test_undocumented_statuses_are_bounded_everywhere() -> None:
    """In JSON, in the log and among the notes, as on /metrics: sixteen, and ``other`` for the rest."""
    plans = plans_of(
        *(Plan(f"{number:02}", f"odd-{number:02}", sites=((f"s-{number:02}", 2),)) for number in range(40))
    )
    named = [f"{number:02}" for number in range(16)]

    seen = view(plans, NOW.timestamp())
    written = seen.status_json["plans"]

    assert written["statuses"] == {**{f"odd-{number}": 1 for number in named}, "other": 24}
    assert written["sites"] == {**{f"s-{number}": 2 for number in named}, "other": 48}
    assert [note.values["status"] for note in seen.notes] == [*(f"odd-{number}" for number in named), "other"]
    assert NEWS.fields(plans)["plans_other"] == ",".join([*(f"odd-{number}:1" for number in named), "other:24"])
    assert NEWS.fields(plans)["sites"] == ",".join(["other:48", *(f"s-{number}:2" for number in named)])


def test_plans_and_sites_are_counted_for_a_summary() -> None:
    """How many have each condition, in the words of a summary."""
    plans = plans_of(
        Plan("a", "overdue", sites=(("offline", 3),)),
        Plan("b", "offline"),
        Plan("c", "frozen"),
        Plan("d", "online", expires_at=in_days(2)),
    )

    seen = view(plans, NOW.timestamp())

    assert [condition.counted(seen.numbers[condition]) for condition in seen.conditions] == [
        "2 plans stopped",
        "1 plan unclear",
        "1 plan ending",
        "3 sites offline",
        "1 online",
    ]


def test_a_status_of_the_vendors_is_text_of_any_script() -> None:
    """A documented one is a word of ours."""
    assert view(plans_of(Plan("a", "frozen")), 0.0).status == (
        Fragment("frozen", foreign=True, runbook="DcdnUnknownApiValue"),
    )
    assert view(plans_of(Plan("a", "offline")), 0.0).status == (STOPPED_CELL,)


def test_plans_that_have_stopped_are_critical() -> None:
    """The command ``status`` exits with 3 then; what may become bad is a warning."""
    assert {condition.word: (condition.severity, condition.alarm) for condition in CONDITIONS} == {
        "stopped": (Severity.CRITICAL, "with stopped plans"),
        "plan_unclear": (Severity.WARNING, None),
        "plan_ending": (Severity.WARNING, None),
        "site_offline": (Severity.WARNING, None),
        "no_plan": (Severity.INACTIVE, None),
        "online": (Severity.GOOD, None),
    }


def test_both_lists_are_always_polled_at_the_interval_of_inventories() -> None:
    """With GET, a page at a time; the one shows what both say, and the other shows nothing by itself."""
    for kind in (BOUGHT, POSTPAID):
        operation = kind.operation
        assert (kind.switch, kind.interval, kind.of_account) == (None, Interval.INVENTORY, False)
        assert (operation.method, operation.endpoint, operation.version) == ("GET", "esa", "2024-09-10")
        assert operation.pages is not None
        assert (operation.pages.turn, operation.pages.rows) == ("PageNumber", ("InstanceInfo",))
        assert kind.attention(plans_of(Plan("a", "overdue")), None, 1000.0) == NO_ATTENTION
        assert kind.remember(None, Answer(plans_of()), 1000.0) is None
        assert kind.visible(plans_of(), None, 1000.0) == Visible(plans_of())
    assert POSTPAID.view(plans_of(Plan("a", "overdue")), 1000.0) == View()


A, B = Plan("a", "online"), Plan("b", "overdue")


@pytest.mark.parametrize(
    ("states", "joined"),
    [
        pytest.param({}, None, id="neither"),
        pytest.param({"plans": Plans((A,))}, Plans((A,)), id="bought ones"),
        pytest.param({"postpaid_plans": Plans((B,))}, Plans((B,)), id="postpaid ones"),
        pytest.param({"plans": Plans((A,)), "postpaid_plans": Plans((B,))}, Plans((A, B), whole=True), id="both"),
    ],
)
def test_what_both_probes_know_is_shown_as_one(states: dict[str, Plans], joined: Plans | None) -> None:
    """Also where only one of them knows something; it is not the whole then."""
    assert BOUGHT.joined(states) == joined
