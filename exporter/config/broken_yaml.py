"""What is wrong with YAML that cannot be read, in the parser's words and ours, without a word of the file.

A parser says what it expected, where, and in which part of the file that begins where. Its words are those of PyYAML
with libyaml ("did not find expected ',' or ']'") or without ("expected ',' or ']', but got '<scalar>'").
"""

import re
from dataclasses import dataclass

_TAB_INDENT = re.compile(r" *\t")
# Punctuation of YAML and names of its parts. Other words in quotes come from the file, and may be a secret.
_WITHOUT_VALUES = re.compile(r"""(?:[^'"]|'(?:[-,:?!\[\]{}>]|<[a-z ]+>)')*""")
_TEMPLATE = re.compile(r"\$\{|\{[{%]")
_NEEDS_QUOTES = "put text that begins with {} in quotes"
_SAME_COLUMN = "begin the keys of one mapping in the same column, and so the items of one list"
_SPACE_BEHIND_COLON = "put a space behind the colon of the key above"
_ONE_TEXT = "remove what follows the quote or bracket, or write all of it as one text in quotes"
_CLOSE_QUOTE = "close the quote that opens there"
# Where the words are few or odd: a sentence in place of them.
_SENTENCES = {
    "found undefined alias": f"this alias stands for nothing above it; {_NEEDS_QUOTES.format('*')}",
    "second occurrence": "this anchor is set on line {} already; give it another name",
    "but found another document": "a second document begins here; write one document a file",
}
# What usually leads to the words. The first one that is in them counts.
_ADVICE = {
    "<document start>": "begin the keys at the top in the same column, and write one document a file",
    "unexpected end of stream": _CLOSE_QUOTE,
    "unexpected document": _CLOSE_QUOTE,
    "escape": "write text with backslashes in single quotes",
    "hexdecimal": "write text with backslashes in single quotes",
    "entries are not allowed": "begin a list on the line below its key",
    "',' or ']'": "put a comma between values, or close the bracket that opens there",
    "',' or '}'": "put a comma between values, or close the brace that opens there",
    "an alias": _NEEDS_QUOTES.format("*"),
    "an anchor": _NEEDS_QUOTES.format("&"),
    "tag": f"YAML tags are not supported; {_NEEDS_QUOTES.format('!')}",
    "block scalar": _NEEDS_QUOTES.format("| or >"),
    "directive": _NEEDS_QUOTES.format("%"),
    "incompatible YAML document": "remove the line %YAML",
    "expected ':'": "write a key, a colon, a space and a value",
}


@dataclass(frozen=True, slots=True)
class Spot:
    """A character of the file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Breach:
    """What a parser says of the place where it gave up; None is what it did not say."""

    problem: str | None
    at: Spot | None
    context: str | None = None
    """What it was reading, such as `while parsing a flow sequence`."""
    begun: Spot | None = None
    """Where that begins."""


def explained(breach: Breach, text: str) -> tuple[int, str]:
    """The line to look at, and a sentence: the column, what was expected there, and what to do."""
    lines = text.splitlines() or [""]
    at = breach.at or Spot(1, 1)
    number = min(at.line, len(lines))
    above, line = lines[number - 2] if number > 1 else "", lines[number - 1]
    if _TAB_INDENT.match(line):
        return number, f"the indentation has a tab at column {line.index(chr(9)) + 1}; use spaces"
    where = f"at column {at.column}" if at.line == number else "at the end of the file"
    return (
        number,
        f"broken YAML {where}: {_sentence(breach) or f'{_words(breach)}; {_advice(breach, above, line, at)}'}",
    )


def _sentence(breach: Breach) -> str | None:
    begun = breach.begun.line if breach.begun else "(unknown)"
    return next((words.format(begun) for part, words in _SENTENCES.items() if part in (breach.problem or "")), None)


def _words(breach: Breach) -> str:
    words = _without_values(breach.problem or "unreadable")
    if not breach.context:
        return words
    begun = "" if breach.begun is None else f" from line {breach.begun.line}, column {breach.begun.column}"
    return f"{_without_values(breach.context)}{begun}, {words}"


def _without_values(words: str) -> str:
    match = _WITHOUT_VALUES.match(words)
    own = match[0] if match else ""
    return own if own == words else f"{own}(not shown)"


def _advice(breach: Breach, above: str, line: str, at: Spot) -> str:
    words = f"{breach.context or ''} {breach.problem or ''}"
    return (
        _advice_on_lines(above, line)
        or _advice_on_place(words, before=line[: at.column - 1], here=line[at.column - 1 : at.column])
        or next((advice for part, advice in _ADVICE.items() if part in words), None)
        or (_SAME_COLUMN if "while parsing a block" in words else "put text with special characters in quotes")
    )


def _advice_on_lines(above: str, line: str) -> str | None:
    if "：" in line or "：" in above:
        return "write a colon and a space in place of ："
    if _TEMPLATE.search(line):
        return "the file is no template and has no variables: put text with braces in quotes"
    return None


def _advice_on_place(words: str, *, before: str, here: str) -> str | None:
    if "cannot start any token" in words and here in tuple("@`%"):
        return _NEEDS_QUOTES.format(here)
    if "mapping values are not allowed" in words:
        second = re.search(r":\s", before)
        return "put text with a colon in it in quotes" if second else f"{_SPACE_BEHIND_COLON}; {_SAME_COLUMN}"
    if "while parsing a block" in words:
        if here in tuple("]}"):
            return f"remove the {here}, which closes nothing"
        return _ONE_TEXT if before.rstrip().endswith(tuple("'\"]}")) else None
    return None
