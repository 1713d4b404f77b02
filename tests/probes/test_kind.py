"""What every kind of probe has to say of itself, on one that is none of ours."""

import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from exporter.api.errors import RefusalPattern, Refused
from exporter.api.operation import Operation, Pages
from exporter.core.model import Answer, ProbeKey
from exporter.probes.kind import (
    NO_ATTENTION,
    Attention,
    Family,
    MetricType,
    News,
    ProbeKind,
    Sample,
    StateInRefusal,
    Visible,
    bounded,
    state_set,
    with_seen,
)
from exporter.probes.view import View

# A tide is a state: whether it is high or low.
TIDES: ProbeKind[str, None, str] = ProbeKind(
    product="moon",
    probe="tides",
    operation=Operation(action="DescribeTides", version="2026-01-01", endpoint="dcdn", calls_per_second=1),
    parse=lambda payload, request_id: Answer(str(payload["Tide"]), request_id=request_id),
    families=(),
    news=News("tide", fields=lambda tide: {"tide": tide}, is_bad=bool, is_worse=lambda *_: True),
    view=lambda _tide, _now: View(),
    conditions=(),
    states_in_refusals=(
        StateInRefusal(RefusalPattern("nowater", words="of spring"), "high"),
        StateInRefusal(RefusalPattern("nowater"), "low"),
    ),
)


def refused(code: str | None, message: str | None = None) -> Refused:
    return Refused("no", code=code, http_status=403, request_id="request-1", message=message)


def test_a_probe_of_an_account_has_a_name() -> None:
    """The row's product and probe are parts of it."""
    assert TIDES.key("prod") == ProbeKey(account="prod", product="moon", probe="tides")


@pytest.mark.parametrize(
    ("refusal", "state"),
    [
        pytest.param(refused("NoWater", "A lack of spring."), "high", id="the first that matches"),
        pytest.param(refused("NOWATER", "OF SPRING"), "high", id="in any case"),
        pytest.param(refused("NoWater", "None at all."), "low", id="another message"),
        pytest.param(refused("NoWater"), "low", id="no message"),
        pytest.param(refused("NoWater.Here"), None, id="another code"),
        pytest.param(refused(None, "A lack of spring."), None, id="no code"),
    ],
)
def test_an_error_may_stand_for_a_state(refusal: Refused, state: str | None) -> None:
    """The state is an answer, with the request id of the error; any other error is a failure."""
    expected = Answer(state, request_id="request-1") if state is not None else None

    assert TIDES.state_in_refusal(refusal) == expected


def test_a_kind_need_not_say_what_is_the_same_for_most() -> None:
    """It remembers nothing, shows the state as it is and for good, and is polled at the plain interval, always."""
    assert TIDES.remember(None, Answer("low"), 1000.0) is None
    assert TIDES.visible("low", None, 1000.0) == Visible("low", until=math.inf)
    assert TIDES.attention("low", None, 1000.0) == NO_ATTENTION == Attention(faster_until=-math.inf)
    assert NO_ATTENTION.extra_run_at is None
    assert TIDES.news.is_worth_a_line("low", "high")
    assert (TIDES.switch, TIDES.of_account, TIDES.interval.value) == (None, False, "interval")


def test_a_kind_does_not_change() -> None:
    """Everybody may keep it; another one is another value."""
    with pytest.raises(FrozenInstanceError):
        TIDES.product = "sun"  # type: ignore[misc]
    assert replace(TIDES, product="sun").key("prod").product == "sun"


@pytest.mark.parametrize(
    ("name", "metric_type"),
    [pytest.param("x", MetricType.COUNTER, id="counter"), pytest.param("x_total", MetricType.GAUGE, id="gauge")],
)
def test_counters_and_only_counters_end_in_total(name: str, metric_type: MetricType) -> None:
    """A family that breaks this rule does not come into being."""
    with pytest.raises(ValueError, match="_total"):
        Family[str](name, "", lambda _tide: iter(()), metric_type=metric_type)


@pytest.mark.parametrize(
    ("changes", "takes_many"),
    [
        pytest.param({}, False, id="one call"),
        pytest.param({"calls": ({"Tide": "ebb"}, {"Tide": "flood"}), "combine": max}, True, id="two"),
        pytest.param(
            {"operation": replace(TIDES.operation, pages=Pages("PageNumber", ("Tides",), size=1, most=9))},
            True,
            id="pages",
        ),
    ],
)
def test_a_kind_knows_whether_its_polls_may_take_many_calls(changes: dict[str, Any], *, takes_many: bool) -> None:
    """Only of those are calls counted."""
    assert replace(TIDES, **changes).takes_many_calls is takes_many


@pytest.mark.parametrize(
    "calls", [pytest.param((), id="none"), pytest.param(({"Tide": "ebb"}, {"Tide": "flood"}), id="two answers")]
)
def test_a_poll_has_one_answer(calls: tuple[dict[str, str], ...]) -> None:
    """A kind that asks nothing, or does not say how several answers are one, does not come into being."""
    with pytest.raises(ValueError, match="one answer of several"):
        replace(TIDES, calls=calls)


MANY = tuple(f"value {number:02}" for number in range(20))


@pytest.mark.parametrize(
    ("already", "named", "seen"),
    [
        pytest.param((), [], (), id="nothing"),
        pytest.param((), ["b", "a", "b"], ("b", "a"), id="in the order of their first appearance"),
        pytest.param(("b", "a"), ["a", "c"], ("b", "a", "c"), id="beside those from before"),
        pytest.param(MANY[:15], MANY[15:16], MANY[:16], id="as many as there may be"),
        pytest.param(MANY[:16], MANY[16:17], (*MANY[:16], "other"), id="one more"),
        pytest.param((), MANY, (*MANY[:16], "other"), id="many at once"),
        pytest.param((*MANY[:16], "other"), [], (*MANY[:16], "other"), id="as before"),
        pytest.param((*MANY[:16], "other"), MANY[16:], (*MANY[:16], "other"), id="never more"),
        pytest.param((), ["other", *MANY[:16]], (*MANY[:16], "other"), id="one that is called other takes no place"),
        pytest.param(("other",), MANY[:1], (*MANY[:1], "other"), id="other comes last"),
    ],
)
def test_values_seen_are_kept_and_bounded(
    already: tuple[str, ...], named: tuple[str, ...], seen: tuple[str, ...]
) -> None:
    """Each once, 16 of them, and from the 17th on `other` stands for all further ones, once and for good."""
    assert with_seen(already, named) == seen


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"b": 1, "a": 2, "new": 3}, {"a": 2, "b": 1, "new": 3}, id="documented ones first"),
        pytest.param(dict.fromkeys(MANY[:16], 1), dict.fromkeys(MANY[:16], 1), id="as many as there may be"),
        pytest.param(
            {"a": 7, **dict.fromkeys(MANY, 2)},
            {"a": 7, **dict.fromkeys(MANY[:16], 2), "other": 2 * (len(MANY) - 16)},
            id="more",
        ),
        pytest.param(
            {"other": 5, **dict.fromkeys(MANY[:17], 1)},
            {**dict.fromkeys(MANY[:16], 1), "other": 6},
            id="one that is called other takes no place",
        ),
    ],
)
def test_undocumented_values_are_bounded(counts: dict[str, int], kept: dict[str, int]) -> None:
    """Documented ones are always kept, and 16 others under their names; nothing is lost."""
    seen = bounded(counts, ("a", "b"))

    assert list(seen.items()) == list(kept.items())
    assert sum(seen.values()) == sum(counts.values())


@pytest.mark.parametrize(
    ("values", "holding", "samples"),
    [
        pytest.param(("a", "b"), {"b"}, [(("a",), 0.0), (("b",), 1.0)], id="one holds"),
        pytest.param(("a", "b"), {"a", "b"}, [(("a",), 1.0), (("b",), 1.0)], id="two hold"),
        pytest.param(("a",), {None}, [(("a",), 0.0)], id="nothing that has a name"),
        pytest.param(("a",), set(), [(("a",), 0.0)], id="nothing"),
        pytest.param(("a", "a"), {"a"}, [(("a",), 1.0)], id="each value is one series"),
        pytest.param(("a",), {"c"}, [(("a",), 0.0), (("other",), 1.0)], id="an unnamed one"),
        pytest.param(("a",), {"a", "c", "d"}, [(("a",), 1.0), (("other",), 1.0)], id="two unnamed ones"),
        pytest.param(("a", "other"), {"a"}, [(("a",), 1.0), (("other",), 0.0)], id="other is not needed any more"),
        pytest.param(("other", "a"), {"c"}, [(("other",), 1.0), (("a",), 0.0)], id="other has its place"),
        pytest.param(("a", "other"), {"other"}, [(("a",), 0.0), (("other",), 1.0)], id="one that is called other"),
    ],
)
def test_every_value_is_0_or_1(values: tuple[str, ...], holding: set[str | None], samples: list[Sample]) -> None:
    """In the order of the values; what holds without a series of its own holds as `other`."""
    assert list(state_set(values, holding)) == samples
