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

FINE: Final = "green"
INFO: Final = "blue"
WARNING: Final = "orange"
CRITICAL: Final = "red"
UNKNOWN: Final = "purple"
PLAIN: Final = "text"

# Numbers that the queries of the same name make.
STATUS: Final = ((0, "unknown", UNKNOWN), (1, "active", FINE), (2, "not activated", INFO), (3, "locked", CRITICAL))
ATTENTION: Final = (
    (0, "fine", FINE),
    (1, "changes soon", INFO),
    (2, "failing", WARNING),
    (3, "in debt", WARNING),
    (4, "unknown", UNKNOWN),
    (5, "overdue", CRITICAL),
    (6, "locked", CRITICAL),
)
DEBT: Final = ((0, "none", FINE), (1, "in debt", WARNING), (2, "overdue", CRITICAL))
YES_NO: Final = ((0, "no", CRITICAL), (1, "yes", FINE))


def names(*rows: tuple[int, str, str]) -> ValueMapping:
    """The text and colour of each number."""
    return ValueMap(
        options={
            str(number): ValueMappingResult(text=text, color=color, index=index)
            for index, (number, text, color) in enumerate(rows)
        }
    )


def nothing(text: str) -> ValueMapping:
    """The text where there is no number."""
    options = DashboardSpecialValueMapOptions(
        match=SpecialValueMatch.NULL, result=ValueMappingResult(text=text, color=PLAIN, index=99)
    )
    return SpecialValueMap(options=options)
