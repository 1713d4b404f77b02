"""Domains: how an answer is read, what is kept of it, and what is shown."""

from typing import Any

import pytest

from exporter.api.errors import MalformedReply
from exporter.core.model import Answer
from exporter.probes.domains import (
    FAMILIES,
    MOST_NAMED,
    NEWS,
    NO_DOMAINS,
    STATUSES,
    Domains,
    parse_domains,
    remember,
    view,
    visible,
)
from exporter.probes.kind import MOST_SEEN, Interval
from exporter.probes.table import PROBES
from exporter.probes.view import Note, Severity

KINDS = {kind.product: kind for kind in PROBES if kind.probe == "domains"}
DOCUMENTED = (
    "online",
    "offline",
    "configuring",
    "configure_failed",
    "checking",
    "check_failed",
    "stopping",
    "deleting",
)


def reply(*rows: object, total: object = None) -> dict[str, object]:
    count = len(rows) if total is None else total
    return {"TotalCount": count, "PageNumber": 1, "PageSize": 500, "Domains": {"PageData": list(rows)}}


def row(name: object, status: object = "online") -> dict[str, object]:
    return {"DomainName": name, "DomainStatus": status, "GmtModified": "2015-10-28T11:05:52Z"}


def parsed(*rows: object) -> Answer[Domains]:
    return parse_domains(reply(*rows), "request-1")


def counted(answer: Answer[Domains], *earlier: Answer[Domains]) -> dict[str, float]:
    """The series after these answers."""
    memory = None
    for each in (*earlier, answer):
        memory = remember(memory, each, 1000.0)
    [family] = FAMILIES
    return {labels[0]: value for labels, value in family.samples(visible(answer.state, memory, 1000.0).value)}


def notes(domains: Domains) -> list[tuple[Severity, str]]:
    return [(note.severity, note.text) for note in view(domains, 1000.0).notes]


def test_domains_are_counted_by_status() -> None:
    """Each name once, whatever else is said of it."""
    answer = parsed(row("a.example.com"), row("b.example.com", "offline"), row("c.example.com"))

    assert answer == Answer(
        Domains((("offline", 1), ("online", 2)), (("b.example.com", "offline"),)), request_id="request-1"
    )


def test_all_documented_statuses_are_series_from_the_first_answer_on() -> None:
    """Also of a fleet without domains, in the order of the documents."""
    assert STATUSES == DOCUMENTED
    assert counted(Answer(NO_DOMAINS)) == dict.fromkeys(DOCUMENTED, 0)
    assert list(counted(parsed(row("a", "stopping")))) == list(DOCUMENTED)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(reply(), id="no rows"),
        pytest.param({"TotalCount": 0, "Domains": {}}, id="no list"),
        pytest.param({"TotalCount": "0"}, id="nothing"),
    ],
)
def test_an_empty_fleet_is_an_answer(payload: dict[str, object]) -> None:
    """There are no domains, and that is known."""
    assert parse_domains(payload, None) == Answer(NO_DOMAINS)


def test_a_name_that_comes_twice_counts_once() -> None:
    """As it stands last, in any case: while pages are read, a row may move to the next one."""
    answer = parsed(row("a.example.com"), row("b.example.com"), row("A.example.com", "offline"))

    assert answer.state == Domains((("offline", 1), ("online", 1)), (("a.example.com", "offline"),))


def test_long_names_are_two_names() -> None:
    """However much of their beginnings is the same."""
    first, second = f"{'a' * 63}.{'b' * 60}.example", f"{'a' * 63}.{'b' * 61}.example"

    assert parsed(row(first, "offline"), row(second, "offline")).state.not_online == (
        (first, "offline"),
        (second, "offline"),
    )


def test_answers_that_say_the_same_are_equal() -> None:
    """In whatever order the rows come."""
    rows = [row(f"{number}.example.com", "offline" if number % 2 else "online") for number in range(100)]

    assert parsed(*rows).state == parsed(*reversed(rows)).state
    assert hash(parsed(*rows).state) == hash(parsed(*reversed(rows)).state)


def test_five_thousand_domains_are_a_small_state() -> None:
    """Counts, and the names of 20 that are not online, the worst first and then by name."""
    failed = [row(f"failed-{number:02}.example.com", "check_failed") for number in range(30)]
    offline = [row(f"offline-{number:02}.example.com", "offline") for number in range(15)]
    checked = [row("a.example.com", "checking"), row("b.example.com", "configure_failed")]
    state = parsed(*checked, *failed, *offline, *(row(f"{number}.example.com") for number in range(5000))).state

    assert state.counts == (
        ("check_failed", 30),
        ("checking", 1),
        ("configure_failed", 1),
        ("offline", 15),
        ("online", 5000),
    )
    assert [name for name, _ in state.not_online] == [
        *(f"offline-{number:02}.example.com" for number in range(15)),
        *(f"failed-{number:02}.example.com" for number in range(5)),
    ]


def test_an_unknown_status_is_counted_under_its_name() -> None:
    """And as an unknown value of its field; once seen it stays, at 0."""
    answer = parsed(row("a", " Frozen "), row("b", "frozen"), row("c"))

    assert answer.unknown_values == {"DomainStatus": ("frozen",)}
    assert counted(answer)["frozen"] == 2
    assert counted(parsed(row("c")), answer) == dict.fromkeys(DOCUMENTED, 0) | {"online": 1, "frozen": 0}


def test_unknown_statuses_are_bounded() -> None:
    """Sixteen have a series, those that came first; all further ones share `other`, and no domain is lost."""
    many = parsed(*(row(f"{number}.example.com", f"new-{number:03}") for number in range(1000)))
    series = counted(many)

    assert len(many.state.counts) == len(many.unknown_values["DomainStatus"]) + 1 == MOST_SEEN + 1
    assert list(series)[len(DOCUMENTED) :] == [*(f"new-{number:03}" for number in range(MOST_SEEN)), "other"]
    assert series["other"] == 1000 - MOST_SEEN
    assert sum(series.values()) == 1000
    later = counted(parsed(row("a", "later"), row("b", "new-003")), many)
    assert (later["other"], later["new-003"], "later" in later) == (1, 1, False)


def test_a_status_that_is_called_other_takes_no_place() -> None:
    """Sixteen statuses have series beside it, also where its name comes before theirs."""
    many = parsed(*(row(f"{number}.example.com", f"z-{number:02}") for number in range(17)), row("o", "other"))
    series = counted(many)

    assert list(series)[len(DOCUMENTED) :] == [*(f"z-{number:02}" for number in range(MOST_SEEN)), "other"]
    assert (series["other"], many.unknown_values["DomainStatus"]) == (
        2,
        tuple(f"z-{number:02}" for number in range(MOST_SEEN)),
    )


@pytest.mark.parametrize(
    ("odd", "status", "named", "fields"),
    [
        pytest.param({"DomainName": "a"}, "unspecified", "a", {"DomainStatus"}, id="no status"),
        pytest.param(row("a", {"x": 1}), "unspecified", "a", {"DomainStatus"}, id="an object for a status"),
        pytest.param(row(None, "offline"), "offline", "unnamed", set(), id="no name"),
        pytest.param(row(["a"], "offline"), "offline", "unnamed", {"DomainName"}, id="a list for a name"),
        pytest.param(row(42, "offline"), "offline", "42", set(), id="a number for a name"),
    ],
)
def test_an_odd_field_spoils_itself(odd: dict[str, object], status: str, named: str, fields: set[str]) -> None:
    """The domain counts all the same, and the field's value as an unknown one."""
    answer = parsed(row("b"), odd)

    assert answer.state == Domains(tuple(sorted({"online": 1, status: 1}.items())), ((named, status),))
    assert set(answer.unknown_values) == fields


def test_unknown_values_of_all_rows_are_told() -> None:
    """Those that the documents lack and those that make no sense, sixteen of a field at most."""
    answer = parsed(row("a", "frozen"), *(row(["x"], [number]) for number in range(20)))

    assert answer.unknown_values["DomainStatus"][:3] == (
        "frozen",
        "unspecified",
        "Domains.PageData[1].DomainStatus: seen list [0]; accepted: a text",
    )
    assert {field: len(values) for field, values in answer.unknown_values.items()} == {
        "DomainName": MOST_SEEN,
        "DomainStatus": MOST_SEEN,
    }


def test_a_status_has_the_length_of_a_label() -> None:
    """Also one that is longer in lower case."""
    [(status, _)] = parsed(row("a", "\u0130" * 64)).state.counts

    assert len(status) == 64


def test_domains_without_a_name_are_as_many_as_there_are_rows() -> None:
    """None is taken for another."""
    assert parsed(row(None, "offline"), row("", "offline")).state == Domains(
        (("offline", 2),), (("unnamed", "offline"), ("unnamed", "offline"))
    )


@pytest.mark.parametrize(
    ("payload", "seen"),
    [
        pytest.param({}, "Domains: seen NoneType None", id="nothing"),
        pytest.param({"Domains": []}, "Domains: seen list []", id="a list"),
        pytest.param({"TotalCount": 1, "Domains": {}}, "Domains.PageData: seen NoneType None", id="no list"),
        pytest.param(reply(row("a"), "b"), "Domains.PageData[1]: seen str 'b'; accepted: an object", id="a text"),
        pytest.param(reply(total="many"), "TotalCount: seen str 'many'", id="no count"),
    ],
)
def test_what_is_no_list_of_objects_is_no_answer(payload: dict[str, object], seen: str) -> None:
    """Else domains would seem to be gone."""
    with pytest.raises(MalformedReply) as caught:
        parse_domains(payload, "request-1")
    assert caught.value.explanation.startswith(seen)
    assert caught.value.request_id == "request-1"


def test_what_cannot_be_is_refused() -> None:
    """Counts are sorted and above 0, and what is named is not online."""
    bad: list[dict[str, Any]] = [
        {"counts": (("online", 1), ("offline", 1))},
        {"counts": (("online", 1), ("online", 1))},
        {"counts": (("online", 0),)},
        {"counts": (("", 1),)},
        {"not_online": (("a", "online"),)},
        {"not_online": tuple((f"{number}", "offline") for number in range(MOST_NAMED + 1))},
    ]
    for parts in bad:
        with pytest.raises(ValueError, match=r"counts are|domains are named|printable"):
            Domains(**parts)


def test_what_people_are_told() -> None:
    """Offline domains are serious, failed ones a warning, and what is on its way comes last."""
    state = parsed(
        row("d.example.com", "checking"),
        row("c.example.com", "configure_failed"),
        row("b.example.com", "check_failed"),
        row("a.example.com", "offline"),
        row("e.example.com"),
        row("f.example.com", "new"),
    ).state
    shown = view(state, 1000.0)

    assert notes(state) == [
        (Severity.SERIOUS, "domains offline: 1 (a.example.com)"),
        (Severity.WARNING, "domains that failed the check: 1 (b.example.com)"),
        (Severity.WARNING, "domains that could not be configured: 1 (c.example.com)"),
        (Severity.WARNING, "domains of unknown status: 1 (f.example.com)"),
        (Severity.UPCOMING, "other domains that are not online: 1 (d.example.com)"),
    ]
    assert [note.runbook for note in shown.notes] == [
        "DcdnDomainsOffline",
        "DcdnDomainCheckFailed",
        "DcdnDomainCheckFailed",
        "DcdnUnknownApiValue",
        "",
    ]
    assert [(each.word, each.severity, each.state) for each in shown.conditions] == [
        ("domains_offline", Severity.SERIOUS, True),
        ("domains_failed", Severity.WARNING, True),
        ("domains_unclear", Severity.WARNING, True),
    ]
    assert list(shown.numbers.values()) == [1, 2, 1]
    assert shown.status_json == {
        "domains": dict.fromkeys(DOCUMENTED, 0)
        | {"online": 1, "offline": 1, "checking": 1, "check_failed": 1, "configure_failed": 1, "new": 1},
        "domains_not_online": [
            {"domain": "a.example.com", "status": "offline"},
            {"domain": "b.example.com", "status": "check_failed"},
            {"domain": "c.example.com", "status": "configure_failed"},
            {"domain": "d.example.com", "status": "checking"},
            {"domain": "f.example.com", "status": "new"},
        ],
    }


def test_domains_whose_status_is_not_known_do_not_look_well() -> None:
    """Whether the API names none, one that is not documented, or a hundred of these."""
    without = parsed({"DomainName": "a"}, row("b", [])).state
    many = parsed(*(row(f"{number:03}", f"new-{number}") for number in range(100))).state

    assert notes(without) == [(Severity.WARNING, "domains of unknown status: 2 (a, b)")]
    assert [note.values["count"] for note in view(many, 1000.0).notes] == [100]
    for state in (without, many):
        assert [each.word for each in view(state, 1000.0).conditions] == ["domains_unclear"]


def test_a_note_says_that_there_are_more_than_it_names() -> None:
    """The notes name 20 domains in all; a note whose domains are not among them has a number alone."""
    state = parsed(
        *(row(f"{number:02}", "offline") for number in range(22)), *(row(f"x{number}", "deleting") for number in "ab")
    ).state

    assert notes(state) == [
        (Severity.SERIOUS, f"domains offline: 22 ({', '.join(f'{number:02}' for number in range(20))}, …)"),
        (Severity.UPCOMING, "other domains that are not online: 2"),
    ]


def test_nothing_is_told_of_a_fleet_that_is_online() -> None:
    """Nor of one that is empty, or not known."""
    for state in (parsed(row("a"), row("b")).state, NO_DOMAINS, None):
        shown = view(state, 1000.0)
        assert (shown.notes, shown.conditions, shown.status, shown.billing) == ((), (), (), ())


def test_a_template_is_the_same_for_all_values() -> None:
    """A translation is found by it."""
    [template] = {note.template for size in (1, 30) for note in view(parsed(*rows(size)).state, 1000.0).notes}

    assert template == "domains offline: {count}{names}"
    assert Note(Severity.SERIOUS, template, {"count": 2, "names": ""}).text == "domains offline: 2"


def rows(count: int) -> list[dict[str, object]]:
    return [row(f"{number}", "offline") for number in range(count)]


def test_the_log_names_the_domains_that_are_not_online() -> None:
    """A state with an offline or a failed domain is a warning, any other is none."""
    bad = parsed(row("a"), row("b.example.com", "offline"), row("c.example.com", "checking")).state
    good = parsed(row("a"), row("c.example.com", "checking")).state

    assert NEWS.fields(bad) == {
        "domains": "1 checking, 1 offline, 1 online",
        "not_online": "b.example.com (offline), c.example.com (checking)",
    }
    assert [NEWS.is_bad(state) for state in (bad, good, NO_DOMAINS)] == [True, False, False]
    for field, value in NEWS.fields(bad).items():
        assert NEWS.is_worse(bad, field, value)
        assert not NEWS.is_worse(good, field, value)


@pytest.mark.parametrize(("product", "limit"), [("dcdn_ipa", 30), ("dcdn", 30), ("cdn", 100)])
def test_all_domains_are_asked_for(product: str, limit: int) -> None:
    """Also those that are checked, in pages as large as the API has them, or smaller ones."""
    kind = KINDS[product]
    pages = kind.operation.pages

    assert kind.calls == ({"CheckDomainShow": "true"},)
    assert (kind.interval, kind.switch, kind.operation.calls_per_second) == (Interval.INVENTORY, "domains", limit)
    assert pages is not None
    assert (pages.turn, pages.rows, pages.size, pages.smaller) == ("PageNumber", ("Domains", "PageData"), 500, 100)
