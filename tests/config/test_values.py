import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import format_duration, parse_duration
from exporter.config.values import milliseconds, web_address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("0", 0, id="zero-needs-no-unit"),
        pytest.param("0s", 0, id="zero-may-have-one"),
        pytest.param("500ms", 0.5, id="milliseconds"),
        pytest.param("90s", 90, id="more-than-the-next-unit"),
        pytest.param("1h30m", 5400, id="two-units"),
        pytest.param("1m500ms", 60.5, id="units-left-out"),
        pytest.param("1y2w3d4h5m6s7ms", 33_019_506.007, id="every-unit"),
        pytest.param("010s", 10, id="leading-zeros-are-decimal"),
    ],
)
def test_durations_are_read_as_prometheus_writes_them(text: str, seconds: float) -> None:
    """Whole numbers with units, the larger unit first, to the millisecond."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("60", id="no-unit"),
        pytest.param("00", id="two-zeros"),
        pytest.param("30m1h", id="ascending"),
        pytest.param("1m1m", id="twice"),
        pytest.param("1.5h", id="fraction"),
        pytest.param("-1s", id="negative"),
        pytest.param("1 s", id="space"),
        pytest.param(" 1s", id="leading-space"),
        pytest.param("1s\n", id="newline"),
        pytest.param("1S", id="capital"),
        pytest.param("1us", id="unknown-unit"),
        pytest.param("\u0661s", id="digit-of-another-script"),
        pytest.param("1234567890123ms", id="thirteen-digits"),
    ],
)
def test_other_texts_are_no_durations(text: str) -> None:
    """They are refused, not guessed at."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_formatted_duration_reads_back_as_itself(count: int) -> None:
    """To the millisecond, for thirty years."""
    assert milliseconds(parse_duration(format_duration(count / 1000))) == count


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0", id="zero"),
        pytest.param(0.1, "100ms", id="milliseconds"),
        pytest.param(600, "10m", id="one-unit"),
        pytest.param(90_061.5, "1d1h1m1s500ms", id="all-units"),
    ],
)
def test_durations_are_written_in_the_largest_units(seconds: float, text: str) -> None:
    """Days are the largest: weeks and years read worse than they help."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    "address",
    [
        "http://wiki",
        "https://git.invalid/x/-/blob/main/docs",
        "https://[::1]:8080/",
        "https://wiki.invalid/v?id=5#top",
    ],
)
def test_an_address_of_a_page_stays_as_it_is(address: str) -> None:
    """Any path, query or fragment may be part of it."""
    assert web_address(address) == address


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("wiki.invalid/docs", id="no-scheme"),
        pytest.param("javascript:alert(1)", id="a-script"),
        pytest.param("ftp://wiki.invalid/", id="another-scheme"),
        pytest.param("https://", id="no-host"),
        pytest.param("https:///docs", id="a-path-in-place-of-the-host"),
        pytest.param("https://wiki.invalid/a b", id="space"),
        pytest.param("https://wiki.invalid/\n", id="newline"),
        pytest.param('https://wiki.invalid/"', id="quote"),
        pytest.param("https://wiki.invalid/{{ $labels.account }}", id="template"),
    ],
)
def test_what_cannot_stand_in_a_link_is_no_address(text: str) -> None:
    """It would be a script, or another text where the address is put into a file."""
    with pytest.raises(ValueError, match=r"seen .*; accepted: http:// or https://"):
        web_address(text)
