"""What the function behind an operation is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.simulator.timeline import Account, Moment


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the gateway."""

    account: Account
    """The caller's."""
    moment: Moment
    """The account as it is now."""
    now: float
    """Unix time."""
