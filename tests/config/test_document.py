import pytest

from exporter.config.document import MAX_ALIASED_VALUES, MAX_DEPTH, Odd, UnreadableError, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("text", "text", id="text"),
        pytest.param("'12'", "12", id="quoted"),
        pytest.param('"no"', "no", id="double-quoted"),
        pytest.param("|-\n  12", "12", id="block"),
        pytest.param("!!str no", "no", id="text-tag"),
        pytest.param("2026-11-22", "2026-11-22", id="date"),
        pytest.param("=", "=", id="value-indicator"),
        pytest.param("y", "y", id="single-letter"),
        pytest.param("12", 12, id="whole-number"),
        pytest.param("-12", -12, id="negative"),
        pytest.param("0.25", 0.25, id="decimal"),
        pytest.param("yes", True, id="yes"),
        pytest.param("Off", False, id="off"),
        pytest.param("On", True, id="on"),
        pytest.param("010", Odd.NUMBER, id="octal"),
        pytest.param("0x10", Odd.NUMBER, id="hexadecimal"),
        pytest.param("1_000", Odd.NUMBER, id="underscore"),
        pytest.param("1:30", Odd.NUMBER, id="base-sixty"),
        pytest.param("1:30.5", Odd.NUMBER, id="base-sixty-decimal"),
        pytest.param(".inf", Odd.NUMBER, id="infinite"),
        pytest.param("9" * 5000, Odd.NUMBER, id="thousands-of-digits"),
    ],
)
def test_scalars_have_one_meaning(text: str, value: object) -> None:
    """What YAML 1.1 would read in a surprising way is a value that nothing accepts, or the text as it stands."""
    document = read(f"key: {text}")
    place = document.way(("key",))[1]
    assert (document.problems, place.value, type(place.value)) == ((), value, type(value))


def test_every_value_knows_its_line() -> None:
    """In a mapping that is the line of its key."""
    document = read("a:\n  b:\n  - 1\n  -\n    c: x\n")
    places = [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("a", "b", 1, "c")]
    assert [document.way(place)[-1].line for place in places] == [1, 2, 3, 5, 5]


def test_what_is_missing_is_placed_at_what_is_around_it() -> None:
    """The nearest thing above it that exists."""
    document = read("a:\n  b: 1\nc: 2\n")
    assert [document.way(place)[-1].line for place in [("a", "x"), ("c", 7, "x"), ("x",)]] == [1, 3, 1]


def test_plain_values_are_those_of_the_file() -> None:
    """Lists are tuples."""
    assert read("a: [1, {b: text}]\n").root.value == {"a": (1, {"b": "text"})}


# The first and the last of each range that YAML 1.1 allows (https://yaml.org/spec/1.1/#c-printable), but those that
# it takes for line ends, and the mark of the byte order.
ALLOWED_RANGES = (
    ("\t", "\n"),
    ("\r", "\r"),
    (" ", "~"),
    ("\xa0", "\u2027"),
    ("\u202a", "\ud7ff"),
    ("\ue000", "\ufefe"),
    ("\uff00", "\ufffd"),
    ("\U00010000", "\U0010ffff"),
)


def test_what_yaml_allows_is_accepted_and_all_between_is_not() -> None:
    """A comment may have each character of the ranges, and none that lies between two of them."""
    bounds = [(ord(first), ord(last)) for first, last in ALLOWED_RANGES]
    for code in {code for bound in bounds for code in bound}:
        assert read(f"# {chr(code)}\n").problems == ()
    ends = [-1, *(last for _, last in bounds)]
    between = [range(end + 1, first) for end, (first, _) in zip(ends, bounds, strict=False)]
    for code in {code for gap in between if gap for code in (gap[0], gap[-1])}:
        with pytest.raises(UnreadableError) as refused:
            read(f"# {chr(code)}\n")
        assert refused.value.args[0].message.startswith(f"the character U+{code:04X} at column 3 is not allowed")


def test_values_may_nest_to_the_limit() -> None:
    """Deeper nesting ends the reading."""
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).problems == ()
    with pytest.raises(UnreadableError, match="nested deeper"):
        read("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_a_file_of_brackets_is_one_problem() -> None:
    """It neither exhausts the stack nor takes long."""
    with pytest.raises(UnreadableError, match="nested deeper"):
        read("[" * 1_000_000)


def test_aliases_may_stand_for_values_to_the_limit() -> None:
    """Every value is counted that a reader without aliases would have had to write."""
    thousand = f"a: &a [{', '.join('x' * 999)}]\nb: ["
    most = MAX_ALIASED_VALUES // 1000
    assert read(thousand + ", ".join(["*a"] * most) + "]").problems == ()
    with pytest.raises(UnreadableError, match="more than 100000 values"):
        read(thousand + ", ".join(["*a"] * (most + 1)) + "]")


def test_aliases_of_what_was_refused_nest_to_the_limit_too() -> None:
    """What stands in the second of two equal keys is looked into where an alias stands for it, and no deeper."""
    deep = "[" * 20
    chain = ", ".join(f"&x{n} {deep}{f'*x{n - 1}' if n else 'x'}{deep.replace('[', ']')}" for n in range(200))
    with pytest.raises(UnreadableError, match="nested deeper"):
        read(f"a: 1\na: [{chain}]\nb: *x199\n")


def test_what_an_alias_stands_for_is_placed_where_it_is_used() -> None:
    """At the key, or at the list that the alias is in: the alias itself leaves no mark."""
    document = read("a: &a {b: 1,\n  c: 2}\nd:\n- *a\n")
    places = [("a", "b"), ("a", "c"), ("d",), ("d", 0), ("d", 0, "c")]
    assert [document.way(place)[-1].line for place in places] == [1, 2, 3, 3, 3]


def test_problems_inside_a_refused_value_are_not_told() -> None:
    """The second of two equal keys is one problem, whatever is in it."""
    document = read("a: 1\na: {b: 1, b: 2, <<: 3, c: }\n")
    assert [str(problem) for problem in document.problems] == [
        "a: this key is set on line 1 already; set it once",
    ]
