"""What numbers are called, and their colours: red is critical, orange a warning, blue worth knowing."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    SpecialValueMap,
    SpecialValueMatch,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from deploy.prometheus.rules.dashboard_recordings import Attention

FINE: Final = "green"
INFO: Final = "blue"
WARNING: Final = "orange"
CRITICAL: Final = "red"
UNKNOWN: Final = "purple"
PLAIN: Final = "text"
QUIET: Final = "#6e7077"
"""Of what is not known: no alarm, and never to be taken for good news. Grafana's own "text" is the brightest tile of
a dark page."""
UNCOLOURED: Final = "transparent"
"""Of what is well at every number."""

# Numbers that the queries of the same name make.
STATUS: Final = (
    (0, "unknown", UNKNOWN),
    (1, "active", FINE),
    (2, "not activated", INFO),
    (3, "locked", CRITICAL),
    (4, "stopped", CRITICAL),
)
ATTENTION: Final = (
    (Attention.NONE, "fine", FINE),
    (Attention.CHANGES_SOON, "changes soon", INFO),
    (Attention.WARNED, "warning", WARNING),
    (Attention.FAILING, "failing", WARNING),
    (Attention.IN_DEBT, "in debt", WARNING),
    (Attention.UNKNOWN, "unknown", UNKNOWN),
    (Attention.OVERDUE, "overdue", CRITICAL),
    (Attention.PARTLY_DOWN, "partly down", CRITICAL),
    (Attention.LOCKED, "locked", CRITICAL),
)
DEBT: Final = (
    (0, "none", FINE),
    (1, "in debt", WARNING),
    (2, "overdue", CRITICAL),
    (3, "not polled", QUIET),
)
# Locks and debts in one panel with the status: numbers of their own, above those.
LOCK_FROM: Final = 10
LOCK: Final = ((LOCK_FROM, "none", FINE), (LOCK_FROM + 1, "locked", CRITICAL))
DEBT_FROM: Final = 20
DEBT_ROW: Final = tuple((DEBT_FROM + number, text, color) for number, text, color in DEBT)
# Of counts: nothing was found, but not all is known.
NONE_KNOWN: Final = -1
NOT_POLLED: Final = -2
WHERE_POLLED: Final = ((NONE_KNOWN, "none known", QUIET), (NOT_POLLED, "not polled", QUIET))
YES_NO: Final = ((0, "no", CRITICAL), (1, "yes", FINE))


def names(*rows: tuple[int, str, str]) -> ValueMapping:
    """The text and colour of each number."""
    return ValueMap(
        options={
            str(number): ValueMappingResult(text=text, color=color, index=index)
            for index, (number, text, color) in enumerate(rows)
        }
    )


def nothing(text: str, color: str = PLAIN) -> ValueMapping:
    """The text where there is no number, or none that is one."""
    options = DashboardSpecialValueMapOptions(
        match=SpecialValueMatch.NULL_AND_NAN, result=ValueMappingResult(text=text, color=color, index=99)
    )
    return SpecialValueMap(options=options)
