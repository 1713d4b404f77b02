"""What every kind of probe has to say of itself, on one that is none of ours."""

import math
from dataclasses import FrozenInstanceError, replace

import pytest

from exporter.api.errors import RefusalPattern, Refused
from exporter.api.operation import Operation
from exporter.core.model import Answer, ProbeKey
from exporter.probes.kind import (
    NO_ATTENTION,
    Attention,
    Family,
    MetricType,
    News,
    ProbeKind,
    Severity,
    StateInRefusal,
    View,
    Visible,
)

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


@pytest.mark.parametrize("seconds", [-0.1, math.inf, math.nan])
def test_what_lies_ahead_does_so_by_seconds(seconds: float) -> None:
    """A moment in the past, or none that a calendar has, is refused."""
    with pytest.raises(ValueError, match="finite and not negative"):
        View(ahead_s=seconds)


def test_the_worst_comes_first() -> None:
    """Rows are ordered by it: what stops delivery, then what does harm, what may, what will, and what is well."""
    words = ["critical", "serious", "failing", "warning", "waiting", "upcoming", "inactive", "good"]

    assert [severity.name.lower() for severity in sorted(Severity)] == words
