"""What every part logs with. A logger is passed in, so that tests can read what is logged."""

import traceback
from collections.abc import Mapping
from typing import Any, Protocol


class Logger(Protocol):
    """A structured logger; ``level`` is one of the standard library's numbers."""

    def log(self, level: int, event: str, **fields: Any) -> Any:
        """Write one line."""


def defect(error: BaseException) -> Mapping[str, str]:
    """The fields that describe a defect: the type of the error, and where it was raised, innermost first.

    The error's own text is left out: it can hold what was being sent.
    """
    frames = reversed(traceback.extract_tb(error.__traceback__))
    places = (f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    return {"error": type(error).__name__, "where": " < ".join(places)}
