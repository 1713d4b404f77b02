from datetime import UTC, datetime

import pytest

from exporter.api.errors import MalformedReply
from exporter.api.fields import AnswerFields, pairs, read_json


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        pytest.param("2018-03-31T16:00:00Z", datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC), id="as documented"),
        pytest.param("2015-12-10T20:00Z", datetime(2015, 12, 10, 20, 0, tzinfo=UTC), id="without seconds"),
        pytest.param(
            "2021-01-18T08:01:50.522Z", datetime(2021, 1, 18, 8, 1, 50, 522_000, tzinfo=UTC), id="milliseconds"
        ),
        pytest.param(
            "2021-01-18T08:01:50.5220009Z", datetime(2021, 1, 18, 8, 1, 50, 522_000, tzinfo=UTC), id="nanoseconds"
        ),
        pytest.param("2018-04-01T00:00:00+08:00", datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC), id="with an offset"),
        pytest.param(" 2018-03-31T16:00:00Z\n", datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC), id="spaces around"),
        pytest.param("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC), id="leap day"),
        pytest.param("2018-03-31 16:00:00Z", datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC), id="a space for the T"),
        pytest.param("2018-03-31T16:00:00", datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC), id="no time zone"),
        pytest.param("2018-03-31 16:00", datetime(2018, 3, 31, 16, 0, tzinfo=UTC), id="the shortest"),
        pytest.param("2018-04-01T00:00:00+0800", datetime(2018, 3, 31, 16, tzinfo=UTC), id="an offset without colon"),
        pytest.param("2018-04-01 00:00:00 +08", datetime(2018, 3, 31, 16, tzinfo=UTC), id="an offset of hours"),
        pytest.param("2018-03-31 12:30:00.5-0330", datetime(2018, 3, 31, 16, 0, 0, 500_000, UTC), id="west of UTC"),
        pytest.param("2018-03-31T16:00:00,5z", datetime(2018, 3, 31, 16, 0, 0, 500_000, UTC), id="a comma"),
        pytest.param("1522512000522", datetime(2018, 3, 31, 16, 0, 0, 522_000, UTC), id="Unix time in milliseconds"),
        pytest.param(1_522_512_000_522, datetime(2018, 3, 31, 16, 0, 0, 522_000, UTC), id="the same as a number"),
        pytest.param("2018-03-31T24:00:00Z", datetime(2018, 4, 1, tzinfo=UTC), id="the end of a day"),
        pytest.param("2018-02-28 24:00", datetime(2018, 3, 1, tzinfo=UTC), id="the end of a month"),
        pytest.param("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC), id="a leap second"),
        pytest.param("2017-01-01T07:59:60+08:00", datetime(2017, 1, 1, tzinfo=UTC), id="a leap second in China"),
        pytest.param("9999-12-31T24:00:00+08:00", datetime(9999, 12, 31, 16, tzinfo=UTC), id="the last day's end"),
        pytest.param("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), id="never"),
        pytest.param(
            "9999-12-31T23:59:59.9999999Z",
            datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC),
            id="never, as .NET writes it",
        ),
        pytest.param("", None, id="empty"),
        pytest.param("  ", None, id="spaces"),
        pytest.param(None, None, id="null"),
    ],
)
def test_every_form_of_a_date_is_understood(written: object, moment: datetime | None) -> None:
    """Those of the vendor's pages and those that others write are a moment in UTC; an empty text is none."""
    read = AnswerFields({"OpeningTime": written}, None).moment("OpeningTime")

    assert read == moment
    assert read is None or read.tzinfo is UTC
    assert read is None or datetime.fromtimestamp(read.timestamp(), UTC).year == read.year


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param("2018-02-30T00:00:00Z", "str '2018-02-30T00:00:00Z'", id="30 February"),
        pytest.param("2023-02-29T00:00:00Z", "str '2023-02-29T00:00:00Z'", id="29 February of a common year"),
        pytest.param("2018-03-31T25:00:00Z", "str '2018-03-31T25:00:00Z'", id="25 o'clock"),
        pytest.param("2018-03-31T24:00:01Z", "str '2018-03-31T24:00:01Z'", id="a second after the day's end"),
        pytest.param("2018-03-31T24:00:00.1Z", "str '2018-03-31T24:00:00.1Z'", id="a little after the day's end"),
        pytest.param("2018-03-31T16:60:00Z", "str '2018-03-31T16:60:00Z'", id="minute 60"),
        pytest.param("2018-03-31T16:00:61Z", "str '2018-03-31T16:00:61Z'", id="second 61"),
        pytest.param("2018-03-31T16:00:00+24:00", "str '2018-03-31T16:00:00+24:00'", id="a day ahead of UTC"),
        pytest.param("2018-03-31T16:00:00+0860", "str '2018-03-31T16:00:00+0860'", id="60 minutes of an offset"),
        pytest.param("2018-03-31T16:00:00 CST", "str '2018-03-31T16:00:00 CST'", id="a named zone"),
        pytest.param("2018-03-31", "str '2018-03-31'", id="a day"),
        pytest.param("0000-00-00T00:00:00Z", "str '0000-00-00T00:00:00Z'", id="zeros"),
        pytest.param("0001-01-01T00:00:00+01:00", "str '0001-01-01T00:00:00+01:00'", id="before year 1"),
        pytest.param("9999-12-31T23:59:59-01:00", "str '9999-12-31T23:59:59-01:00'", id="after year 9999"),
        pytest.param("9999-12-31T24:00:00Z", "str '9999-12-31T24:00:00Z'", id="the end of time"),
        pytest.param("٢٠١٨-03-31T16:00:00Z", "str '٢٠١٨-03-31T16:00:00Z'", id="other digits"),
        pytest.param("-", "str '-'", id="a hyphen"),
        pytest.param("tomorrow", "str 'tomorrow'", id="text"),
        pytest.param(1_522_512_000, "int 1522512000", id="number"),
    ],
)
def test_what_is_no_date_is_refused(written: object, seen: str) -> None:
    """The error names the field, the value seen and a date that would be accepted."""
    with pytest.raises(MalformedReply) as caught:
        AnswerFields({"OpeningTime": written}, None).moment("OpeningTime")

    assert caught.value.explanation == (f"OpeningTime: seen {seen}; accepted: a date such as 2018-03-31T16:00:00Z")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("0001-01-01T00:00:00Z", id="of Go and .NET"),
        pytest.param("1601-01-01T00:00:00Z", id="of Windows"),
        pytest.param("1970-01-01T08:00:00+08:00", id="of Unix"),
        pytest.param("1999-12-31T23:59:59.999Z", id="the last one"),
    ],
)
def test_a_date_that_stands_for_none_is_refused(written: str) -> None:
    """The zero of a clock is no moment at which something ended, or was changed."""
    with pytest.raises(MalformedReply) as caught:
        AnswerFields({"EndTime": written}, None).moment("EndTime")

    assert caught.value.explanation == f"EndTime: seen str {written!r}; accepted: a date from 2000 on"
    assert AnswerFields({"EndTime": "2000-01-01T00:00:00Z"}, None).moment("EndTime") == datetime(
        2000, 1, 1, tzinfo=UTC
    )


def test_all_values_of_a_repeated_key_are_kept() -> None:
    """As a dict the object has the last of them, as JSON has it, and it is no other than one without repeats."""
    fields = read_json(b'{"Lock": 1, "lock": 2, "Lock": 3, "x": {"y": 4, "y": 5}}')

    assert fields == {"Lock": 3, "lock": 2, "x": {"y": 5}}
    assert list(pairs(fields)) == [("Lock", 1), ("lock", 2), ("Lock", 3), ("x", {"y": 5})]
    assert list(pairs(fields["x"])) == [("y", 4), ("y", 5)]
    assert list(pairs(read_json('{"y": 5}'))) == [("y", 5)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('{"Id": "1", "Id": "1"}', "1", id="twice the same"),
        pytest.param('{"Id": "1", "Other": 2, "Other": 3}', "1", id="another key"),
        pytest.param('{"Other": 2, "Other": 3}', None, id="missing"),
    ],
)
def test_another_repeated_key_leaves_a_field_alone(text: str, value: str | None) -> None:
    """So does a value that is written twice."""
    assert AnswerFields(read_json(text), None).text("Id") == value


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param('{"Id": "1", "Id": "2"}', "2 values, the last str '2'", id="two texts"),
        pytest.param('{"Id": "", "Id": null, "Id": "2"}', "3 values, the last str '2'", id="empty ones first"),
        pytest.param('{"Id": [], "Id": []}', "2 values, the last list []", id="lists"),
    ],
)
def test_a_field_of_several_values_makes_no_sense(text: str, seen: str) -> None:
    """Which of them holds is not known."""
    with pytest.raises(MalformedReply) as caught:
        AnswerFields(read_json(text), None).text("Id")

    assert caught.value.explanation == f"Id: seen {seen}; accepted: one value"


def test_a_number_of_any_length_is_read() -> None:
    """Python has a limit for the digits of a whole number, and must not refuse all of an answer for one of them."""
    assert read_json(f"[1, -2, {'9' * 1000}]") == [1, -2, int("9" * 1000)]
    assert read_json(f"[{'9' * 100_000}, -{'9' * 100_000}]") == [float("inf"), float("-inf")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"Id": "1", "Note": "a\tb"}', id="a tab"),
        pytest.param('{"Id": "1", "Note": "a\nb\x00\x1b"}', id="a line end and others"),
        pytest.param('{"Id": "1", "a\nb": 0}', id="in a key"),
        pytest.param('{"Id": "1"}\x00', id="NUL at the end"),
        pytest.param('{"Id": "1"}\r\n\x00\x00\n', id="NUL and line ends at the end"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_control_characters_spoil_no_document(text: str, encoding: str) -> None:
    """JSON has them as escapes only; raw ones, in an answer or a refusal, leave its other fields as they are."""
    assert read_json(text.encode(encoding))["Id"] == read_json(text)["Id"] == "1"


@pytest.mark.parametrize("text", ["", "\x00", "{}x", "{}{}", '{"a"\x00: 1}'])
def test_what_is_no_json_is_refused(text: str) -> None:
    """Between its parts, a control character makes it another text."""
    with pytest.raises(ValueError, match=r"char \d+"):
        read_json(text)


def test_odd_auxiliary_fields_are_noted() -> None:
    """They read as nothing, and count among the unknown values, beside those that are not documented."""
    fields = AnswerFields({"Id": [], "Name": "x", "Time": "soon"}, None)

    assert (fields.auxiliary(fields.text, "Id"), fields.auxiliary(fields.text, "Name")) == (None, "x")
    assert fields.auxiliary(fields.moment, "Time") is None
    assert fields.unknown_values({"Type": ("new",), "Time": ("later",)}) == {
        "Id": ("Id: seen list []; accepted: a text",),
        "Time": ("later",),
        "Type": ("new",),
    }
