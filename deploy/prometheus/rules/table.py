"""The part of a page that is written by a program, between two marks."""

from typing import Final

END: Final = "<!-- end -->\n"


def with_table(page: str, table: str, *, target: str = "rules") -> str:
    """The page with the table of this target of `make` written anew; ValueError when it has no place for one."""
    begin = f"<!-- written by `make {target}` -->\n"
    before, found, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise ValueError(f"the page has no {begin.strip()} before a {END.strip()}")
    return f"{before}{begin}\n{table}\n{END}{after}"
