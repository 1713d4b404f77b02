"""YAML that no parser can read, with PyYAML as it is built with libyaml and without."""

import pytest
import yaml
from yaml.reader import ReaderError

from exporter.config.broken_yaml import Breach, Spot, explained
from exporter.config.document import UnreadableError, _broken, read

SAME_COLUMN = "begin the keys of one mapping in the same column, and so the items of one list"
SPACE = f"put a space behind the colon of the key above; {SAME_COLUMN}"
ONE_TEXT = "remove what follows the quote or bracket, or write all of it as one text in quotes"
CLOSE = "close the quote that opens there"
COMMA_OR_BRACKET = "put a comma between values, or close the bracket that opens there"
COMMA_OR_BRACE = "put a comma between values, or close the brace that opens there"
COLON = "put text with a colon in it in quotes"
BACKSLASH = "write text with backslashes in single quotes"
TOP = "begin the keys at the top in the same column, and write one document a file"
TEMPLATE = "the file is no template and has no variables: put text with braces in quotes"
FULL_WIDTH = "write a colon and a space in place of ："
END = "the end of the file"
DIFFERS = "only one of the two says where"

BOTH = pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])


def quotes(beginning: str) -> str:
    return f"put text that begins with {beginning} in quotes"


def tags() -> str:
    return f"YAML tags are not supported; {quotes('!')}"


@BOTH
@pytest.mark.parametrize(
    ("text", "where", "begun", "advice"),
    [
        pytest.param('a:\n  - b: "hunter2\n    c: d\n', f"3: {END}", "2, column 8", CLOSE, id="open-double-quote"),
        pytest.param("a:\n  - b: 'hunter2\n    c: d\n", f"3: {END}", "2, column 8", CLOSE, id="open-single-quote"),
        pytest.param("a: 'hunter2\n---\nc: d\n", "2: column 1", "1, column 4", CLOSE, id="quote-over-documents"),
        pytest.param("a:\n  - b: c\n   d: e\n", "3: column 4", "2, column 3", SAME_COLUMN, id="key-beside-no-other"),
        pytest.param(
            "a:\n  - b: c\n d: {}\n", "3: column 2", "1, column 1", SAME_COLUMN, id="key-between-two-levels"
        ),
        pytest.param("a: {}\n- hunter2\n", "2: column 1", "1, column 1", SAME_COLUMN, id="list-for-a-mapping"),
        pytest.param("a:\n  - b: c\n  d: e\n", "3: column 3", "2, column 3", SAME_COLUMN, id="mapping-for-a-list"),
        pytest.param("a:\n  b: c\n   d: e\n", "3: column 5", None, SPACE, id="key-too-far-right"),
        pytest.param("a:\n  b:hunter2\n  c: d\n", "3: column 4", None, SPACE, id="no-space-behind-a-colon"),
        pytest.param("  a:\n    b: c\nd: e\n", "3: column 1", None, TOP, id="first-key-indented"),
        pytest.param("a: b\n...\nc: d\n", "3: column 1", None, TOP, id="after-the-end-of-the-document"),
        pytest.param("a: hunter2: b\n", "1: column 11", None, COLON, id="colon-in-a-value"),
        pytest.param(
            "a: - b\n", "1: column 4", None, "begin a list on the line below its key", id="list-beside-its-key"
        ),
        pytest.param("a: [{b: c}\nd: e\n", "2: column 1", "1, column 4", COMMA_OR_BRACKET, id="open-bracket"),
        pytest.param('a: ["b" "hunter2"]\n', "1: column 9", "1, column 4", COMMA_OR_BRACKET, id="no-comma"),
        pytest.param("a: {b: c\nd: e\n", "2: column 2", "1, column 4", COMMA_OR_BRACE, id="open-brace"),
        pytest.param("a: {b: c\n", f"1: {END}", "1, column 4", COMMA_OR_BRACE, id="open-brace-at-the-end"),
        pytest.param(
            "a: [b]]\n", "1: column 7", "1, column 1", "remove the ], which closes nothing", id="second-bracket"
        ),
        pytest.param(
            "a: {b: c}}\n", "1: column 10", "1, column 1", "remove the }, which closes nothing", id="second-brace"
        ),
        pytest.param('a: "b"hunter2\n', "1: column 7", "1, column 1", ONE_TEXT, id="text-behind-a-quote"),
        pytest.param(
            "a: b\nhunter2\n",
            f"2: {END}",
            "2, column 1",
            "write a key, a colon, a space and a value",
            id="line-without-a-colon",
        ),
        pytest.param("a: @hunter2\n", "1: column 4", DIFFERS, quotes("@"), id="at-sign"),
        pytest.param("a: `hunter2`\n", "1: column 4", DIFFERS, quotes("`"), id="backtick"),
        pytest.param("a: %hunter2\n", "1: column 4", DIFFERS, quotes("%"), id="percent-sign"),
        pytest.param("a: {% hunter2 %}\n", "1: column 5", DIFFERS, TEMPLATE, id="template"),
        pytest.param("a: {b: ${HUNTER}, c: d}\n", "1: column 9", "1, column 4", TEMPLATE, id="variable"),
        pytest.param("a:\n  - b：hunter2\n    c: d\n", "3: column 6", None, FULL_WIDTH, id="full-width-colon-above"),
        pytest.param("a: 'b\nc：d\n", f"2: {END}", "1, column 4", FULL_WIDTH, id="full-width-colon"),
        pytest.param("a: *.hunter2\n", "1: column 5", "1, column 4", quotes("*"), id="star"),
        pytest.param("a: & hunter2\n", "1: column 5", "1, column 4", quotes("&"), id="ampersand"),
        pytest.param("a: | hunter2\n", "1: column 6", "1, column 4", quotes("| or >"), id="pipe"),
        pytest.param("a: !hunter2!b c\n", "1: column 4", "1, column 4", tags(), id="tag-of-no-handle"),
        pytest.param("a: !<hunter2\n", "1: column 13", "1, column 4", tags(), id="open-tag"),
        pytest.param('a: "\\xhunter2"\n', "1: column 7", "1, column 4", BACKSLASH, id="no-escape"),
        pytest.param("%YAML 2.0\n---\na: b\n", "1: column 1", None, "remove the line %YAML", id="version"),
        pytest.param("%YAML hunter2\n---\na: b\n", "1: column 7", "1, column 1", quotes("%"), id="no-version"),
    ],
)
def test_broken_yaml_says_where_what_was_expected_and_what_to_do(
    loader: type[yaml.SafeLoader], text: str, where: str, begun: str | None, advice: str
) -> None:
    """With the parser's own words between the two, and with none of the file."""
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.compose(text, Loader=loader)
    (problem,) = _broken(caught.value, text).args

    line, _, place = where.partition(": ")
    head, tail = f"broken YAML at {place}: ", f"; {advice}"
    assert str(problem.line) == line
    assert problem.message.startswith(head)
    assert problem.message.endswith(tail)
    words = problem.message.removeprefix(head).removesuffix(tail)
    assert any(word in words for word in ("expected", "not allowed", "found"))
    if begun != DIFFERS:
        assert (f" from line {begun}, " in words) == (begun is not None)
    assert "hunter" not in problem.message.lower()


@BOTH
@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "a: *hunter2\n",
            f"1: broken YAML at column 4: this alias stands for nothing above it; {quotes('*')}",
            id="alias-of-nothing",
        ),
        pytest.param(
            "a: &hunter2 1\nb: &hunter2 2\n",
            "2: broken YAML at column 4: this anchor is set on line 1 already; give it another name",
            id="anchor-twice",
        ),
        pytest.param(
            "a: b\n---\nc: d\n",
            "2: broken YAML at column 1: a second document begins here; write one document a file",
            id="two-documents",
        ),
        pytest.param("a:\n\tb: c\n", "2: the indentation has a tab at column 1; use spaces", id="tab"),
        pytest.param(
            "a:\n  - b: c\n  \td: e\n", "3: the indentation has a tab at column 3; use spaces", id="tab-behind-spaces"
        ),
    ],
)
def test_what_is_known_well_is_said_in_one_sentence(loader: type[yaml.SafeLoader], text: str, said: str) -> None:
    """In place of the parser's words, which differ."""
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.compose(text, Loader=loader)
    (problem,) = _broken(caught.value, text).args
    assert f"{problem.line}: {problem.message}" == said


def test_the_words_of_the_parser_are_kept() -> None:
    """People look for them."""
    with pytest.raises(UnreadableError) as caught:
        read("accounts: [{name: a}\nproducts: [cdn]\n")
    (problem,) = caught.value.args
    assert (problem.line, problem.message.partition("did not find ")[2] or problem.message) == (
        2,
        f"expected ',' or ']'; {COMMA_OR_BRACKET}",
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(
            "expected <block end>, but found '<scalar>'", "expected <block end>, but found '<scalar>'", id="part"
        ),
        pytest.param("expected ',' or ']', but got '?'", "expected ',' or ']', but got '?'", id="punctuation"),
        pytest.param("found handle '!hunter2!'", "found handle (not shown)", id="handle"),
        pytest.param("expected '>', but found 'h'", "expected '>', but found (not shown)", id="character"),
        pytest.param("""but found "'" of hunter2""", "but found (not shown)", id="a-quote-in-quotes"),
        pytest.param("found 'hunter2', '<scalar>' hunter2'", "found (not shown)", id="odd"),
    ],
)
def test_quotes_of_the_file_are_left_out(words: str, shown: str) -> None:
    """What may stand in quotes is YAML's punctuation and the parser's names for parts of it."""
    line, message = explained(Breach(words, Spot(1, 1)), "a: b")
    assert (line, message.split(";")[0]) == (1, f"broken YAML at column 1: {shown}")


def test_an_error_that_says_nothing_is_one_at_the_top() -> None:
    """Also in a file without a line."""
    (problem,) = _broken(ReaderError("", 0, 0, "", ""), "").args
    assert (problem.line, problem.message) == (
        1,
        "broken YAML at column 1: unreadable; put text with special characters in quotes",
    )
