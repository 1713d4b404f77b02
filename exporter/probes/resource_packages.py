"""The probe ``resource_packages``: what is left of an account's resource packages, and when they end.

resource_packages(product, operation, …) -> ProbeKind
├── FAMILIES    what the packages of each template hold together
├── NEWS        how a state is logged
└── view        what people are shown
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from exporter.api.operation import Operation
from exporter.core.durations import in_words
from exporter.probes.kind import AS_OF, Family, Interval, News, ProbeKind, Sample, StateInRefusal
from exporter.probes.resource_package_state import (
    STATUS,
    STATUSES,
    UNKNOWN,
    UNKNOWN_FIELDS,
    Packages,
    combine,
    parse_packages,
)
from exporter.probes.resource_package_templates import (
    ENDING_S,
    LOW_SHARE,
    Amount,
    Template,
    VisiblePackages,
    remember,
    visible,
)
from exporter.probes.view import Condition, Note, Severity, View

RESOURCE_PACKAGES = "resource_packages"

_NAMES_IN_NOTE = 3


def _amounts(packages: VisiblePackages, field: str) -> Iterator[Sample]:
    for template, amount in packages.amounts():
        value = getattr(amount, field)
        if value is not None:
            yield (template.name, amount.unit), value


FAMILIES: tuple[Family[VisiblePackages], ...] = (
    Family(
        "dcdn_resource_packages",
        f"Resource packages by status (Status): valid, or exhaust (used up). {AS_OF}",
        lambda packages: (((status,), float(count)) for status, count in packages.counts),
        labels=("status",),
    ),
    Family(
        "dcdn_resource_package_capacity",
        "The initial capacity of the valid resource packages of a template (InitCapacity). The template is "
        "TemplateName, else CommodityCode. If none is valid, this is the capacity of "
        f"those that are used up and have not ended. {AS_OF}",
        lambda packages: _amounts(packages, "capacity"),
        labels=("template", "unit"),
    ),
    Family(
        "dcdn_resource_package_remaining",
        "The remaining capacity of the valid resource packages of a template (CurrCapacity). If none is valid, this "
        f"is 0 until the used up ones end. {AS_OF}",
        lambda packages: _amounts(packages, "remaining"),
        labels=("template", "unit"),
    ),
    Family(
        "dcdn_resource_package_end_timestamp_seconds",
        "Unix time at which the last valid resource package of a template ends (EndTime), of those with capacity "
        f"left; absent if none has any. {AS_OF}",
        lambda packages: (((each.name,), each.ends_at) for each in packages.templates if each.ends_at is not None),
        labels=("template",),
    ),
    Family(
        "dcdn_resource_packages_unreadable",
        "Resource packages of a template with a number that is missing or cannot be read (InitCapacity, "
        "CurrCapacity, their BaseUnit, EndTime). Above 0, the sum of that number is absent, or its unit is unknown. "
        f"{AS_OF}",
        lambda packages: (((each.name,), float(each.unreadable)) for each in packages.templates),
        labels=("template",),
    ),
    Family(
        "dcdn_resource_package_info",
        "Always 1; the labels describe the resource packages of the template (CommodityCode, Region, DisplayName). "
        f"{AS_OF}",
        lambda packages: (
            ((each.name, each.commodity_code, each.billing_region, each.display_name), 1.0)
            for each in packages.templates
        ),
        labels=("template", "commodity_code", "billing_region", "display_name"),
    ),
)


def _log_fields(packages: Packages) -> Mapping[str, str]:
    """Counts, and the templates that need a look; what is left itself moves with every poll."""
    shown = visible(packages, None, -math.inf).value
    shares = [(template.name, amount.share) for template, amount in shown.amounts() if amount.share is not None]
    return {
        **{status: str(count) for status, count in shown.counts},
        "low": _each(name for name, share in shares if 0 < share < LOW_SHARE),
        "used_up": _each(name for name, share in shares if share == 0),
        "unreadable": _each(template.name for template in shown.templates if template.unreadable),
        "without_capacity": _each(template.name for template, amount in shown.amounts() if amount.capacity == 0),
    }


def _each(names: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(names))


_BAD = ("low", "used_up", "unreadable", "without_capacity")
NEWS: News[Packages] = News(
    "resource packages",
    fields=_log_fields,
    is_bad=lambda packages: any(_log_fields(packages)[field] for field in _BAD),
    is_worse=lambda _packages, field, value: field in _BAD and value != "",
    is_worth_a_line=lambda before, after: _log_fields(before) != _log_fields(after),
)

_LOW, _ENDING = "with low resource packages", "with ending resource packages"
_UNCLEAR = "with unclear resource packages"
PACKAGE_LOW = Condition("resource_package_low", Severity.WARNING, state=False, one=_LOW, many=_LOW, rows=_LOW)
PACKAGE_UNCLEAR = Condition(
    "resource_package_unclear", Severity.WARNING, state=False, one=_UNCLEAR, many=_UNCLEAR, rows=_UNCLEAR
)
PACKAGE_ENDING = Condition(
    "resource_package_ending", Severity.UPCOMING, state=False, one=_ENDING, many=_ENDING, rows=_ENDING
)


def view(packages: Packages | None, now: float) -> View:
    """What people are shown: notes of packages of which little is left or not known, and of those that end soon."""
    if packages is None:
        return View(status_json={RESOURCE_PACKAGES: None})
    shown = visible(packages, None, now).value
    said = (*_said_of_shares(shown), *_said_of_ends(shown, now), *_said_of_unclear(shown))
    return View(
        conditions=tuple(dict.fromkeys(condition for condition, _ in said)),
        notes=tuple(note for _, note in said),
        status_json={
            RESOURCE_PACKAGES: {
                **dict(shown.counts),
                "unreadable": sum(template.unreadable for template in shown.templates),
                "templates": list(_rows_of_json(shown)),
            }
        },
        ahead_s=min((ahead_s for ahead_s, _ in _ending(shown, now)), default=None),
    )


_Said = Iterator[tuple[Condition, Note]]


def _said_of_shares(packages: VisiblePackages) -> _Said:
    shares = [(*each, each[1].share) for each in packages.amounts() if each[1].share is not None]
    used_up = [_called(template, amount) for template, amount, share in shares if share == 0]
    low = [_called(template, amount, _percent(share)) for template, amount, share in shares if 0 < share < LOW_SHARE]
    for text, names in (
        ("resource packages used up: {names}", used_up),
        ("resource packages under 10 %: {names}", low),
    ):
        if names:
            values = {"names": _listed(names)}
            yield PACKAGE_LOW, Note(PACKAGE_LOW.severity, text, values, "DcdnResourcePackageLow")


def _said_of_ends(packages: VisiblePackages, now: float) -> _Said:
    if ending := _ending(packages, now):
        text = "resource packages that end within 7 days, the first in {time}: {names}"
        values = {"time": in_words(ending[0][0]), "names": _listed([name for _, name in ending])}
        yield PACKAGE_ENDING, Note(PACKAGE_ENDING.severity, text, values, "DcdnResourcePackageEnding")


def _said_of_unclear(packages: VisiblePackages) -> _Said:
    """Of packages of which no number says how much is left."""
    unreadable = [(template, amount) for template, amount in packages.amounts() if amount.unreadable]
    if unreadable:
        text = "resource packages whose numbers cannot be read: {count} ({names})"
        names = [_called(template, amount, *amount.unreadable_fields) for template, amount in unreadable]
        count = sum(len(amount.unreadable) for _, amount in unreadable)
        yield (
            PACKAGE_UNCLEAR,
            Note(PACKAGE_UNCLEAR.severity, text, {"count": count, "names": _listed(names)}, "DcdnUnknownApiValue"),
        )
    if empty := [_called(template, amount) for template, amount in packages.amounts() if amount.capacity == 0]:
        text = "resource packages of capacity 0, neither full nor used up: {names}"
        yield (
            PACKAGE_UNCLEAR,
            Note(PACKAGE_UNCLEAR.severity, text, {"names": _listed(empty)}, "DcdnResourcePackageLow"),
        )


def _ending(packages: VisiblePackages, now: float) -> list[tuple[float, str]]:
    """The seconds until the end of each template that ends soon, and what it is called; the first comes first."""
    ends = [(each.ends_at - now, each) for each in packages.templates if each.ends_at is not None]
    ahead = [(ahead_s, _called(each, *each.amounts)) for ahead_s, each in ends if 0 <= ahead_s <= ENDING_S]
    return sorted(ahead)


def _called(template: Template, *parts: Amount | str) -> str:
    """The name that packages have for people, and what tells them from others: template, unit, how many they are."""
    amounts = [part for part in parts if isinstance(part, Amount)]
    count = sum(amount.packages for amount in amounts)
    details = (
        "" if template.display_name in ("", template.name) else template.name,
        *(amount.unit for amount in amounts if amount.unit != UNKNOWN),
        f"\N{MULTIPLICATION SIGN}{count}" if count > 1 else "",
        *(part for part in parts if isinstance(part, str)),
    )
    listed = ", ".join(filter(None, details))
    return f"{template.display_name or template.name}{listed and f' ({listed})'}"


def _percent(share: float) -> str:
    """A share with one decimal, rounded down: less than a tenth is never shown as one."""
    return f"{math.floor(share * 1000) / 10:.1f} %"


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many there are beside them."""
    rest = len(names) - _NAMES_IN_NOTE
    return "; ".join(names[:_NAMES_IN_NOTE]) + (f" (+{rest})" if rest > 0 else "")


def _rows_of_json(packages: VisiblePackages) -> Iterator[Mapping[str, object]]:
    for template, amount in packages.amounts():
        yield {
            "template": template.name,
            "display_name": template.display_name,
            "commodity_code": template.commodity_code,
            "billing_region": template.billing_region,
            "unit": amount.unit,
            "packages": amount.packages,
            "capacity": amount.capacity,
            "remaining": amount.remaining,
            "unreadable": list(amount.unreadable_fields),
            "ends_at": None if template.ends_at is None else datetime.fromtimestamp(template.ends_at, UTC),
        }


def resource_packages(
    product: str, operation: Operation, *states_in_refusals: StateInRefusal[Packages]
) -> ProbeKind[Packages, tuple[str, ...], VisiblePackages]:
    """The row of a product's Describe…UserResourcePackage."""
    return ProbeKind(
        product=product,
        probe=RESOURCE_PACKAGES,
        operation=operation,
        calls=tuple(MappingProxyType({STATUS: status}) for status in STATUSES),
        parse=parse_packages,
        combine=combine,
        states_in_refusals=states_in_refusals,
        remember=remember,
        visible=visible,
        families=FAMILIES,
        news=NEWS,
        conditions=(PACKAGE_LOW, PACKAGE_UNCLEAR, PACKAGE_ENDING),
        view=view,
        unknown_fields=UNKNOWN_FIELDS,
        interval=Interval.INVENTORY,
        switch=RESOURCE_PACKAGES,
        switch_help="Also poll resource packages: what is left of them, and when they end.",
    )
