"""The problems in a configuration file.

Nothing here holds a secret: who makes a problem leaves out the values of secret places.
"""

import re
from dataclasses import dataclass

Location = tuple[str | int, ...]
"""Keys and list positions from the top of the file down, such as `("accounts", 1, "credentials", "type")`."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_CREDENTIAL_KEY = re.compile(r"[a-z_]{1,32}(?:_v1)?")
_SHOWN_LENGTH = 60
_TOP_LEVEL = "(top level)"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in the file that cannot be accepted; as text, one line."""

    path: str
    """Where, such as `accounts[1].credentials.type`."""
    line: int | None
    """Counted from 1; None when the problem is the file itself."""
    message: str
    """Of a value what was seen and what is accepted, else a sentence. Never the value of a secret."""

    def __post_init__(self) -> None:
        """Refuse a problem without a place or a message."""
        if not self.path or not self.message or (self.line is not None and self.line < 1):
            raise ValueError(f"not a problem: {self.path=}, {self.line=}, {self.message=}")

    def __str__(self) -> str:
        about_file = self.line is None and self.path == _TOP_LEVEL
        return self.message if about_file else f"{self.path}: {self.message}"


class ConfigurationError(Exception):
    """The configuration cannot be used; as text, one line for each problem, in the order of the file."""

    problems: tuple[Problem, ...]
    source: str
    """The file, as the user named it."""

    def __init__(self, problems: tuple[Problem, ...], *, source: str) -> None:
        super().__init__(problems, source)
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        self.source = source

    def __str__(self) -> str:
        return "\n".join(
            f"{self.source}: {problem}" if problem.line is None else f"{self.source}:{problem.line}: {problem}"
            for problem in self.problems
        )


def path_of(location: Location) -> str:
    """The location as a user would write it; inside credentials, only what looks like a key is spelt out.

    A secret that slipped into the place of a key (`{type: access_key, hunter2}`) must not be printed either.
    """
    path = ""
    inside_credentials = False
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif inside_credentials and not _CREDENTIAL_KEY.fullmatch(part):
            path += ".(not shown)"
        elif _PLAIN_KEY.fullmatch(part):
            path += f".{part}" if path else part
        else:
            path += f"[{shown(part)}]"
        inside_credentials = inside_credentials or part == "credentials"
    return path or _TOP_LEVEL


def shown(text: str) -> str:
    """The text in quotes on one line, shortened, with nothing unprintable left in it."""
    return repr(text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…")
