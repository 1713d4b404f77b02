"""A logger that keeps what is logged, for tests to read."""

import logging
from typing import Any


class RecordingLog:
    def __init__(self) -> None:
        self.lines: list[tuple[int, str, dict[str, Any]]] = []

    def log(self, level: int, event: str, **fields: Any) -> None:
        self.lines.append((level, event, fields))

    def above_debug(self) -> list[tuple[str, dict[str, Any]]]:
        """(event, fields) of the lines that an operator sees."""
        return [(event, fields) for level, event, fields in self.lines if level > logging.DEBUG]
