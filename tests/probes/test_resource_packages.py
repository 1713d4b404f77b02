import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exporter.api.operation import Operation
from exporter.core.model import Answer
from exporter.probes.kind import NO_ATTENTION, Interval, MetricType, Sample, Scope
from exporter.probes.resource_package_state import NO_PACKAGES, Package, Packages, combine
from exporter.probes.resource_package_templates import remember, visible
from exporter.probes.resource_packages import FAMILIES, NEWS, resource_packages, view
from exporter.probes.view import Severity, View
from exporter.web.texts import load_texts

NOW = 1_800_000_000.0
DAY_S = 86_400.0


def at(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def package(
    template: str = "t",
    remaining: float | None = 50.0,
    *,
    of: float | None = 100.0,
    status: str = "valid",
    unit: str | None = "bytes",
    ends_in_s: float | None = 30 * DAY_S,
    display_name: str = "",
) -> Package:
    """A package that ends some seconds after NOW; None: its end is not known."""
    return Package(
        template,
        status=status,
        unit=unit,
        capacity=of,
        remaining=remaining,
        ends_at=None if ends_in_s is None else at(NOW + ends_in_s),
        display_name=display_name,
    )


def used_up(template: str = "t", *, of: float | None = 100.0, ends_in_s: float | None = 30 * DAY_S) -> Package:
    return package(template, 0.0, of=of, status="exhaust", ends_in_s=ends_in_s)


def shown(name: str, *packages: Package, named: tuple[str, ...] | None = None, now: float = NOW) -> list[Sample]:
    """The samples of a family at a moment, NOW unless it is said."""
    seen = visible(packages, named, now).value
    (family,) = (each for each in FAMILIES if each.name == f"dcdn_resource_package{name}")
    return list(family.samples(seen))


@pytest.mark.parametrize(
    ("packages", "counts"),
    [
        pytest.param((), (0.0, 0.0), id="none"),
        pytest.param((package(), package("u"), used_up()), (2.0, 1.0), id="of both"),
        pytest.param((used_up(ends_in_s=-1.0),), (0.0, 1.0), id="one that has ended is what the API says"),
    ],
)
def test_packages_are_counted_by_status(packages: Packages, counts: tuple[float, float]) -> None:
    """Both statuses are there from the first answer on."""
    assert shown("s", *packages) == [(("valid",), counts[0]), (("exhaust",), counts[1])]


@pytest.mark.parametrize(
    ("packages", "capacity", "remaining"),
    [
        pytest.param((package(of=100.0), package(of=60.0)), [160.0], [100.0], id="valid ones are added"),
        pytest.param((package(remaining=500.0),), [100.0], [500.0], id="more than there was"),
        pytest.param((package(), used_up(of=900.0)), [100.0], [50.0], id="one that is used up has others behind it"),
        pytest.param((used_up(), used_up(of=900.0)), [1000.0], [0.0], id="only used up ones are left"),
        pytest.param((replace(used_up(), remaining=3.0),), [100.0], [0.0], id="whatever is said to be left of them"),
        pytest.param((used_up(), used_up(of=9.0, ends_in_s=0.0)), [100.0], [0.0], id="one of which has ended"),
        pytest.param((used_up(ends_in_s=None),), [100.0], [0.0], id="whose end is not known"),
        pytest.param((used_up(ends_in_s=-1.0),), [], [], id="that have ended"),
        pytest.param((package(ends_in_s=-1.0),), [100.0], [50.0], id="the API says what is valid"),
        pytest.param((package(remaining=None), package()), [200.0], [], id="what is left of one is not known"),
        pytest.param((package(of=None), package()), [], [100.0], id="what one held is not known"),
    ],
)
def test_packages_of_a_template_are_one_amount(
    packages: Packages, capacity: list[float], remaining: list[float]
) -> None:
    """A sum of which a part is not known is absent, so that nothing seems to run low for it."""
    assert shown("_capacity", *packages) == [(("t", "bytes"), value) for value in capacity]
    assert shown("_remaining", *packages) == [(("t", "bytes"), value) for value in remaining]


def test_what_is_counted_otherwise_is_not_added() -> None:
    """Each unit is a series; a template of which anything is valid has no amounts of packages that are used up."""
    packages = (package(), package(remaining=7.0, unit="requests"), package("u", unit="unknown"), used_up(of=900.0))

    assert shown("_remaining", *packages) == [
        (("t", "bytes"), 50.0),
        (("t", "requests"), 7.0),
        (("u", "unknown"), 50.0),
    ]
    assert shown("_capacity", package(unit="requests"), used_up()) == [(("t", "requests"), 100.0)]


@pytest.mark.parametrize(
    ("packages", "ends"),
    [
        pytest.param((package(ends_in_s=10.0), package(ends_in_s=20.0)), [20.0], id="the last of them"),
        pytest.param(
            (package(ends_in_s=10.0), package(remaining=0.0, ends_in_s=20.0)), [10.0], id="with something left"
        ),
        pytest.param((package(ends_in_s=10.0), package(remaining=None, ends_in_s=20.0)), [20.0], id="or who knows"),
        pytest.param((used_up(),), [], id="nothing is left"),
        pytest.param((package(ends_in_s=10.0), package(ends_in_s=None)), [], id="an end is not known"),
        pytest.param((package(ends_in_s=10.0), package(remaining=0.0, ends_in_s=None)), [10.0], id="of no concern"),
    ],
)
def test_a_template_ends_with_its_last_package(packages: Packages, ends: list[float]) -> None:
    """That is when nothing of it is left."""
    assert shown("_end_timestamp_seconds", *packages) == [(("t",), NOW + end) for end in ends]


def test_a_template_is_described_once() -> None:
    """Joins by account, product and template find one series; what differs between packages stands side by side."""
    packages = (
        replace(package(), commodity_code="bag", billing_region="CN", display_name="Data"),
        replace(package(), commodity_code="bag", billing_region="AP1", display_name="Data"),
        package("u"),
    )

    assert shown("_info", *packages) == [(("t", "bag", "AP1, CN", "Data"), 1.0), (("u", "", "", ""), 1.0)]
    ((labels, _),) = shown("_info", *(package(display_name=letter * 40) for letter in "ab"))
    assert labels[-1] == f"{'a' * 40}, {'b' * 22}"


MANY = tuple(package(f"t{number:02}", remaining=1.0) for number in range(20))


def test_templates_are_bounded() -> None:
    """Sixteen have series of their own, and all others are one."""
    named = remember(None, Answer(MANY), NOW)

    assert named == tuple(f"t{number:02}" for number in range(16))
    assert shown("_remaining", *MANY, named=named) == [
        (("other", "bytes"), 4.0),
        *(((name, "bytes"), 1.0) for name in named),
    ]
    assert shown("_info", *MANY, named=named)[0] == (("other", "", "", ""), 1.0)


def test_a_template_keeps_its_series() -> None:
    """Those that had one are not pushed aside by new ones, and leave it when they are gone or have ended."""
    named = remember(("t19", "t18", "gone", "over"), Answer((*MANY, used_up("over", ends_in_s=-1.0))), NOW)

    assert named[:3] == ("t19", "t18", "t00")
    assert len(named) == 16
    assert remember(named, Answer(NO_PACKAGES), NOW) == ()


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(package("z", 9.0), id="little is left"),
        pytest.param(used_up("z"), id="nothing is left"),
        pytest.param(package("z", None), id="what is left cannot be read"),
        pytest.param(package("z", of=0.0), id="of a capacity of 0"),
        pytest.param(package("z", ends_in_s=7 * DAY_S), id="it ends within a week"),
    ],
)
def test_a_template_that_needs_somebody_is_not_hidden_in_a_sum(odd: Package) -> None:
    """It has series of its own before others, and people hear of it."""
    healthy = tuple(package(f"t{number:02}") for number in range(20))
    before = remember(None, Answer(healthy), NOW)

    assert remember(before, Answer((*healthy, odd)), NOW) == ("z", *before[:15])
    assert [("z" in note.text, note.severity < Severity.GOOD) for note in view((*healthy, odd), NOW).notes] == [
        (True, True)
    ]


def test_a_template_of_which_all_is_well_again_keeps_its_series() -> None:
    """It had some, as others no longer have."""
    healthy = tuple(package(f"t{number:02}") for number in range(20))
    low = remember(None, Answer((*healthy, package("z", 9.0))), NOW)

    assert remember(low, Answer((*healthy, package("z"))), NOW) == low


def test_time_alone_ends_a_package_that_is_used_up() -> None:
    """The page draws it anew at the first such moment; valid packages are what the API says."""
    packages = (used_up(ends_in_s=20.0), used_up("u", ends_in_s=10.0), used_up("v", ends_in_s=None), package("w"))

    assert visible(packages, None, NOW).until == NOW + 10.0
    assert visible(packages, None, NOW + 10.0).until == NOW + 20.0
    assert visible(packages, None, NOW + 20.0).until == math.inf
    assert [labels[0] for labels, _ in shown("_remaining", *packages, now=NOW + 10.0)] == ["t", "v", "w"]


def test_families_are_the_public_interface() -> None:
    """Their names and labels are fixed; help names the vendor's field, and how old a value may be."""
    assert {family.name: family.labels for family in FAMILIES} == {
        "dcdn_resource_packages": ("status",),
        "dcdn_resource_package_capacity": ("template", "unit"),
        "dcdn_resource_package_remaining": ("template", "unit"),
        "dcdn_resource_package_end_timestamp_seconds": ("template",),
        "dcdn_resource_packages_unreadable": ("template",),
        "dcdn_resource_package_info": ("template", "commodity_code", "billing_region", "display_name"),
    }
    assert {(family.metric_type, family.scope, family.countdown) for family in FAMILIES} == {
        (MetricType.GAUGE, Scope.PRODUCT, False)
    }
    fields = ("Status", "InitCapacity", "CurrCapacity", "EndTime", "BaseUnit", "CommodityCode")
    assert [field in family.help for family, field in zip(FAMILIES, fields, strict=True)] == [True] * 6


@pytest.mark.parametrize(
    ("packages", "fields", "is_bad"),
    [
        pytest.param((), ("0", "0", "", "", "", ""), False, id="none"),
        pytest.param((package(), used_up()), ("1", "1", "", "", "", ""), False, id="one behind the other"),
        pytest.param((package("a", 9.9), package("b", 10.0)), ("2", "0", "a", "", "", ""), True, id="little left"),
        pytest.param(
            (package("a", 9), package("a", 8, unit="requests")), ("2", "0", "a", "", "", ""), True, id="twice"
        ),
        pytest.param((used_up("a"), used_up("b")), ("0", "2", "", "a,b", "", ""), True, id="nothing left"),
        pytest.param((package("a", None), package("b")), ("2", "0", "", "", "a", ""), True, id="not to be read"),
        pytest.param((package("a", 0.0, of=0.0),), ("1", "0", "", "", "", "a"), True, id="0 of 0"),
    ],
)
def test_the_log_tells_of_what_runs_out(packages: Packages, fields: tuple[str, ...], *, is_bad: bool) -> None:
    """By template, as the metrics do; it is bad news at its first sight, and when it comes to be."""
    names = ("valid", "exhaust", "low", "used_up", "unreadable", "without_capacity")
    told = dict(zip(names, fields, strict=True))

    assert NEWS.subject == "resource packages"
    assert NEWS.fields(packages) == told
    assert NEWS.is_bad(packages) is is_bad
    assert [NEWS.is_worse(packages, field, value) for field, value in told.items()] == [
        field not in ("valid", "exhaust") and value != "" for field, value in told.items()
    ]


@pytest.mark.parametrize(
    ("before", "after", "is_worth_a_line"),
    [
        pytest.param((package(remaining=50.0),), (package(remaining=40.0),), False, id="less"),
        pytest.param((package(remaining=50.0),), (package(remaining=9.0),), True, id="little"),
        pytest.param((package(remaining=9.0),), (used_up(),), True, id="nothing"),
        pytest.param((used_up(),), (package(), used_up()), True, id="a new one"),
        pytest.param((package(),), (package(ends_in_s=None),), True, id="an end that cannot be read"),
    ],
)
def test_capacity_that_merely_moves_is_no_news(before: Packages, after: Packages, *, is_worth_a_line: bool) -> None:
    """It does so with every poll."""
    assert NEWS.is_worth_a_line(before, after) is is_worth_a_line


USED_UP = "resource packages used up: {names}"
LOW = "resource packages under 10 %: {names}"
ENDING = "resource packages that end within 7 days, the first in {time}: {names}"
UNREADABLE = "resource packages whose numbers cannot be read: {count} ({names})"
EMPTY = "resource packages of capacity 0, neither full nor used up: {names}"
WORDS = {USED_UP: "low", LOW: "low", ENDING: "ending", UNREADABLE: "unclear", EMPTY: "unclear"}
RUNBOOKS = {ENDING: "DcdnResourcePackageEnding", UNREADABLE: "DcdnUnknownApiValue"}


@pytest.mark.parametrize(
    ("packages", "notes", "ahead_s"),
    [
        pytest.param((package(), used_up(), used_up("u", ends_in_s=-1.0)), [], None, id="all is well"),
        pytest.param((package(remaining=10.0),), [], None, id="a tenth is left"),
        pytest.param(
            (package(remaining=9.999),), [(Severity.WARNING, LOW, "t (bytes, 9.9 %)")], None, id="hardly less"
        ),
        pytest.param(
            (package(remaining=None),),
            [(Severity.WARNING, UNREADABLE, "t (bytes, CurrCapacity)")],
            None,
            id="who knows what is left",
        ),
        pytest.param(
            (used_up(of=None),),
            [(Severity.WARNING, USED_UP, "t (bytes)"), (Severity.WARNING, UNREADABLE, "t (bytes, InitCapacity)")],
            None,
            id="nothing is left of who knows what",
        ),
        pytest.param(
            (package(of=0.0, remaining=0.0), package("u", of=0.0), replace(used_up("v"), capacity=0.0)),
            [(Severity.WARNING, EMPTY, "t (bytes); u (bytes); v (bytes)")],
            None,
            id="of a capacity of 0",
        ),
        pytest.param(
            (package(of=0.0, remaining=0.0), package(remaining=4.0)),
            [(Severity.WARNING, LOW, "t (bytes, \N{MULTIPLICATION SIGN}2, 4.0 %)")],
            None,
            id="beside one of a capacity of 0",
        ),
        pytest.param(
            (package("a", 4.0), package("b", 0.0), package("c", 2.0, display_name="流量包"), used_up("d")),
            [
                (Severity.WARNING, USED_UP, "b (bytes); d (bytes)"),
                (Severity.WARNING, LOW, "a (bytes, 4.0 %); 流量包 (c, bytes, 2.0 %)"),
            ],
            None,
            id="little of several",
        ),
        pytest.param(
            MANY[:5],
            [(Severity.WARNING, LOW, "t00 (bytes, 1.0 %); t01 (bytes, 1.0 %); t02 (bytes, 1.0 %) (+2)")],
            None,
            id="many",
        ),
        pytest.param((package(ends_in_s=7 * DAY_S + 1),), [], None, id="in more than seven days"),
        pytest.param(
            (package(ends_in_s=7 * DAY_S), package("u", ends_in_s=3 * DAY_S + 7200)),
            [(Severity.UPCOMING, ENDING, "u (bytes); t (bytes)")],
            3 * DAY_S + 7200,
            id="within seven days",
        ),
        pytest.param((package(ends_in_s=-1.0),), [], None, id="it has ended"),
    ],
)
def test_people_are_told_what_runs_out(
    packages: Packages, notes: list[tuple[Severity, str, str]], ahead_s: float | None
) -> None:
    """By their names, three at most; a share is of all packages of a template that are counted in one unit."""
    seen = view(packages, NOW)

    assert [(note.severity, note.template, note.values["names"]) for note in seen.notes] == notes
    assert [note.runbook for note in seen.notes] == [
        RUNBOOKS.get(template, "DcdnResourcePackageLow") for _, template, _ in notes
    ]
    assert [each.word for each in seen.conditions] == list(
        dict.fromkeys(f"resource_package_{WORDS[template]}" for _, template, _ in notes)
    )
    assert seen.ahead_s == ahead_s


@pytest.mark.parametrize(
    ("language", "text"),
    [
        pytest.param(
            "en", "resource packages that end within 7 days, the first in 3 d 2 h: u (bytes); t (bytes)", id="english"
        ),
        pytest.param("zh", "7 天内到期的资源包，最早的在 3 天 2 小时后：u (bytes); t (bytes)", id="chinese"),
    ],
)
def test_the_first_end_is_told_in_the_readers_language(language: str, text: str) -> None:
    """The package that ends first is the first that is named."""
    (note,) = view((package(ends_in_s=5 * DAY_S), package("u", ends_in_s=3 * DAY_S + 7200)), NOW).notes

    assert "".join(piece for piece, _ in load_texts()[language].said(note)) == text


@pytest.mark.parametrize(
    ("packages", "names"),
    [
        pytest.param(
            (package("a", 4.0, display_name="Data"), package("b", 4.0, display_name="Data")),
            ["Data (a, bytes, 4.0 %)", "Data (b, bytes, 4.0 %)"],
            id="two templates of one name",
        ),
        pytest.param(
            (package("a", 4.0, display_name="Data"), package("a", 2.0, display_name="More")),
            ["Data, More (a, bytes, \N{MULTIPLICATION SIGN}2, 3.0 %)"],
            id="two packages of one template",
        ),
        pytest.param(
            (package("a", 4.0), package("a", 2.0, unit="requests"), package("a", 3.0, unit="unknown")),
            ["a (bytes, 4.0 %)", "a (requests, 2.0 %)", "a (3.0 %)"],
            id="three units of one template",
        ),
        pytest.param((package("a", 4.0, display_name="a"),), ["a (bytes, 4.0 %)"], id="one name for both"),
        pytest.param((used_up("a", of=None, ends_in_s=None),), ["a (bytes)"], id="nothing beside the unit"),
        pytest.param((replace(used_up("a"), unit="unknown"),), ["a"], id="nothing at all"),
    ],
)
def test_packages_are_told_apart(packages: Packages, names: list[str]) -> None:
    """By template and unit beside the name for people, and by how many there are."""
    assert view(packages, NOW).notes[0].values["names"] == "; ".join(names)


def test_an_end_is_that_of_all_units_of_a_template() -> None:
    """All are named."""
    (note,) = view((package(ends_in_s=DAY_S), package(unit="requests", ends_in_s=DAY_S)), NOW).notes

    assert note.values["names"] == "t (bytes, requests, \N{MULTIPLICATION SIGN}2)"


CAPACITY, LEFT, UNIT, END = "InitCapacity", "CurrCapacity", "CapacityBaseUnit", "EndTime"


@pytest.mark.parametrize(
    ("packages", "count", "named"),
    [
        pytest.param((package(), used_up("u")), 0, "", id="none"),
        pytest.param((package(of=None),), 1, f"bytes, {CAPACITY}", id="what it held"),
        pytest.param((package(remaining=None),), 1, f"bytes, {LEFT}", id="what is left"),
        pytest.param((package(unit=None),), 1, UNIT, id="the unit"),
        pytest.param((package(unit="unknown"),), 0, "", id="no unit is said"),
        pytest.param((package(ends_in_s=None),), 1, f"bytes, {END}", id="the end"),
        pytest.param((package(remaining=0.0, ends_in_s=None),), 0, "", id="an end that is of no concern"),
        pytest.param((replace(used_up(), remaining=None, ends_at=None),), 0, "", id="nor is it of a used up one"),
        pytest.param((package(), used_up(of=None)), 0, "", id="one that does not count"),
        pytest.param(
            (package(of=None, remaining=None), package(), package(remaining=None)),
            2,
            f"bytes, \N{MULTIPLICATION SIGN}3, {CAPACITY}, {LEFT}",
            id="two of three",
        ),
        pytest.param(
            (package(of=None), package(unit=None)), 2, f"bytes, {CAPACITY}); t ({UNIT}", id="one of each unit"
        ),
    ],
)
def test_numbers_that_cannot_be_read_are_told(packages: Packages, count: int, named: str) -> None:
    """To Prometheus as a number that is 0 else, to people as a note, and to programs."""
    notes = [note for note in view(packages, NOW).notes if note.template == UNREADABLE]
    told = view(packages, NOW).status_json["resource_packages"]

    assert dict(shown("s_unreadable", *packages))[("t",)] == count
    assert [note.text for note in notes] == [
        f"resource packages whose numbers cannot be read: {count} (t ({named}))" for _ in range(min(count, 1))
    ]
    assert told["unreadable"] == count
    fields = [field for row in told["templates"] for field in row["unreadable"]]
    assert fields == [word for word in (CAPACITY, LEFT, UNIT, END) if word in named]


def test_a_capacity_of_0_has_no_share() -> None:
    """Neither low nor used up, whatever the status says; both numbers are what the API says."""
    packages = (package(of=0.0, remaining=0.0), package("u", of=0.0, remaining=5.0))

    assert shown("_capacity", *packages) == [(("t", "bytes"), 0.0), (("u", "bytes"), 0.0)]
    assert shown("_remaining", *packages) == [(("t", "bytes"), 0.0), (("u", "bytes"), 5.0)]
    assert [amount.share for _, amount in visible(packages, None, NOW).value.amounts()] == [None, None]


def test_programs_are_told_all_templates() -> None:
    """With what identifies each, and what is left of each unit; what is not known is null."""
    data = replace(package(display_name="Data"), commodity_code="bag", billing_region="CN")
    seen = view((data, data, package(remaining=None, unit="requests", ends_in_s=None)), NOW)

    assert seen.status_json == {
        "resource_packages": {
            "valid": 3,
            "exhaust": 0,
            "unreadable": 1,
            "templates": [
                {
                    "template": "t",
                    "display_name": "Data",
                    "commodity_code": "bag",
                    "billing_region": "CN",
                    "unit": unit,
                    "packages": count,
                    "capacity": count * 100.0,
                    "remaining": remaining,
                    "unreadable": unreadable,
                    "ends_at": None,
                }
                for unit, count, remaining, unreadable in (
                    ("bytes", 2, 100.0, []),
                    ("requests", 1, None, [LEFT, END]),
                )
            ],
        }
    }
    ended: dict[str, list[dict[str, object]]] = view((package(),), NOW).status_json["resource_packages"]
    assert ended["templates"][0]["ends_at"] == at(NOW + 30 * DAY_S)
    assert view(None, NOW) == View(status_json={"resource_packages": None})


def test_packages_are_an_inventory_of_two_calls() -> None:
    """Where it is wanted; what is left moves in hours, so that nothing is waited for."""
    row = resource_packages(
        "moon", Operation(action="DescribeMoonPackage", version="2026-01-01", endpoint="dcdn", calls_per_second=1)
    )

    assert (row.probe, row.switch, row.interval) == ("resource_packages", "resource_packages", Interval.INVENTORY)
    assert [dict(parameters) for parameters in row.calls] == [{"Status": "valid"}, {"Status": "exhaust"}]
    assert (row.combine, row.of_account) == (combine, False)
    assert row.attention((package(remaining=0.0),), None, NOW) == NO_ATTENTION
    assert [(condition.word, condition.severity) for condition in row.conditions] == [
        ("resource_package_low", Severity.WARNING),
        ("resource_package_unclear", Severity.WARNING),
        ("resource_package_ending", Severity.UPCOMING),
    ]
