"""The part of a page that is written by a program, between two marks."""

from typing import Final

BEGIN: Final = "<!-- written by `make rules` -->\n"
END: Final = "<!-- end -->\n"


def with_table(page: str, table: str) -> str:
    """The page with its table written anew; ValueError when it has no place for one."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN.strip()} before a {END.strip()}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
