"""What the function behind an operation is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.simulator.caller import Caller
    from exporter.simulator.issued_tokens import IssuedToken
    from exporter.simulator.state import Role, ServiceState
    from exporter.simulator.timeline import Account, Moment


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the gateway."""

    caller: Caller
    parameters: Mapping[str, str]
    moment: Moment
    """The caller's account as it is now."""
    now: float
    """Unix time."""
    find_role: Callable[[str, str], tuple[Account, Role] | None]
    """Finds the role of an account id and a name."""
    issue: Callable[[Caller, int], IssuedToken]
    """Hands out credentials for so many seconds."""
    activate: Callable[[str, ServiceState], None]
    """Gives the caller's account a service of that product from now on."""
