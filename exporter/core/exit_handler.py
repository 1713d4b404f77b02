"""The end of a command at a signal, wherever it is."""

from collections.abc import Callable
from types import FrameType
from typing import NoReturn

EXIT_BY_SIGNAL = 128


class ExitHandler:
    """A signal handler that ends the command with this exit code, else with those of a shell: 130 and 143.

    Python drops what is raised in a destructor or a callback of a weak reference: a signal that comes during one is
    noted, and `check` ends the command later. Before, ``note`` is called with the number of the signal.
    """

    def __init__(self, code: int | None = None, *, note: Callable[[int], object] = lambda _: None) -> None:
        self._code = code
        self._note = note
        self._received: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> NoReturn:
        """Raise SystemExit."""
        self._received = number
        self._note(number)
        self._exit(number)

    def check(self) -> None:
        """Raise SystemExit if a signal was received."""
        if self._received is not None:
            self._exit(self._received)

    def _exit(self, number: int) -> NoReturn:
        raise SystemExit(EXIT_BY_SIGNAL + number if self._code is None else self._code)
