import pytest

from exporter.probes.kind import Sample
from exporter.probes.state_set import state_set, with_seen

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
        pytest.param(("other",), MANY[:15], ("other", *MANY[:15]), id="one that is called other"),
    ],
)
def test_values_seen_are_kept_and_bounded(
    already: tuple[str, ...], named: tuple[str, ...], seen: tuple[str, ...]
) -> None:
    """Each once, 16 of them, and from the 17th on `other` stands for all further ones, once and for good."""
    assert with_seen(already, named) == seen


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
