"""The probe ``resource_packages``: what is left of an account's resource packages, and when they end.

resource_packages(product, operation, …) -> ProbeKind
├── remember    the templates that have series of their own
├── visible     what the packages of each template hold together, and the families that it stands in
├── NEWS        how a state is logged
└── view        what people are shown
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from exporter.api.fields import cut
from exporter.api.operation import Operation
from exporter.core.durations import in_words
from exporter.core.model import Answer
from exporter.probes.kind import (
    AS_OF,
    MOST_SEEN,
    OTHER,
    Family,
    Interval,
    News,
    ProbeKind,
    Sample,
    StateInRefusal,
    Visible,
)
from exporter.probes.resource_package_state import (
    BYTES,
    EXHAUST,
    REQUESTS,
    STATUS,
    STATUSES,
    UNKNOWN,
    UNKNOWN_FIELDS,
    VALID,
    Package,
    Packages,
    combine,
    parse_packages,
)
from exporter.probes.view import Condition, Note, Severity, View

RESOURCE_PACKAGES = "resource_packages"

LOW_SHARE = 0.1
ENDING_S = 7 * 86_400.0
_NAMES_IN_NOTE = 3


@dataclass(frozen=True, slots=True)
class Amount:
    """What the packages of one template hold in one unit; a sum of which a part is not known is None."""

    unit: str
    capacity: float | None
    remaining: float | None

    @property
    def share(self) -> float | None:
        """The part that is left, 1 for all; None where that is not known."""
        if self.remaining == 0:
            return 0.0
        return self.remaining / self.capacity if self.capacity and self.remaining is not None else None


@dataclass(frozen=True, slots=True)
class Template:
    """The packages of one template together.

    ``ends_at`` is the Unix time at which the last of them ends that has capacity left; None where none has, or where
    one of these has no known end. The other texts are those of all packages, joined.
    """

    name: str
    amounts: tuple[Amount, ...]
    ends_at: float | None
    commodity_code: str
    billing_region: str
    display_name: str

    @property
    def share(self) -> float | None:
        """The smallest part that is left of an amount; None where no part is known."""
        return min((amount.share for amount in self.amounts if amount.share is not None), default=None)


@dataclass(frozen=True, slots=True)
class VisiblePackages:
    """How many packages there are of each status, and what those that count hold, by template."""

    counts: tuple[tuple[str, int], ...]
    templates: tuple[Template, ...]


def _counted(packages: Packages, now: float) -> Packages:
    """The valid packages; of a template without any, those that are used up and have not ended."""
    valid = {package.template for package in packages if package.status == VALID}
    return tuple(
        package if package.status == VALID else replace(package, remaining=0.0)
        for package in packages
        if package.status == VALID or (package.template not in valid and not _has_ended(package, now))
    )


def _has_ended(package: Package, now: float) -> bool:
    return package.ends_at is not None and package.ends_at.timestamp() <= now


def remember(before: tuple[str, ...] | None, answer: Answer[Packages], at: float) -> tuple[str, ...]:
    """The templates that have series of their own: those that had some and are still there, then new ones; 16."""
    there = dict.fromkeys(package.template for package in _counted(answer.state, at))
    kept = (name for name in before or () if name in there)
    return tuple(dict.fromkeys((*kept, *there)))[:MOST_SEEN]


def visible(packages: Packages, named: tuple[str, ...] | None, now: float) -> Visible[VisiblePackages]:
    """What the page shows now, until one of the packages that are used up ends; ``named`` is what is remembered."""
    counted = _counted(packages, now)
    named = remember(named, Answer(packages), now) if named is None else named
    by_name: dict[str, list[Package]] = {}
    for package in counted:
        by_name.setdefault(package.template if package.template in named else OTHER, []).append(package)
    used_up = (package.ends_at for package in counted if package.status == EXHAUST)
    return Visible(
        VisiblePackages(
            counts=tuple((status, sum(each.status == status for each in packages)) for status in STATUSES),
            templates=tuple(_template(name, of_name) for name, of_name in sorted(by_name.items())),
        ),
        until=min((moment.timestamp() for moment in used_up if moment is not None), default=math.inf),
    )


def _template(name: str, packages: Sequence[Package]) -> Template:
    left = [package.ends_at for package in packages if package.remaining != 0]
    ends = [moment.timestamp() for moment in left if moment is not None]
    return Template(
        name,
        amounts=tuple(
            Amount(
                unit,
                capacity=_sum(package.capacity for package in packages if package.unit == unit),
                remaining=_sum(package.remaining for package in packages if package.unit == unit),
            )
            for unit in (BYTES, REQUESTS, UNKNOWN)
            if any(package.unit == unit for package in packages)
        ),
        ends_at=max(ends) if ends and len(ends) == len(left) else None,
        commodity_code=_joined(package.commodity_code for package in packages),
        billing_region=_joined(package.billing_region for package in packages),
        display_name=_joined(package.display_name for package in packages),
    )


def _sum(amounts: Iterable[float | None]) -> float | None:
    known = list(amounts)
    return None if None in known else math.fsum(amount for amount in known if amount is not None)


def _joined(texts: Iterable[str]) -> str:
    return cut(", ".join(sorted({text for text in texts if text})))


def _amounts(packages: VisiblePackages, field: str) -> Iterator[Sample]:
    for template in packages.templates:
        for amount in template.amounts:
            value = getattr(amount, field)
            if value is not None:
                yield (template.name, amount.unit), value


FAMILIES: tuple[Family[VisiblePackages], ...] = (
    Family(
        "dcdn_resource_packages",
        f"Resource packages by Status: valid, or exhaust, which is used up. {AS_OF}",
        lambda packages: (((status,), float(count)) for status, count in packages.counts),
        labels=("status",),
    ),
    Family(
        "dcdn_resource_package_capacity",
        "What the valid resource packages of a template (TemplateName, else CommodityCode) held at first, in the "
        "unit that the label names (InitCapacity); where only some are left that are used up and have not ended, "
        f"what these held. {AS_OF}",
        lambda packages: _amounts(packages, "capacity"),
        labels=("template", "unit"),
    ),
    Family(
        "dcdn_resource_package_remaining",
        "What is left of the valid resource packages of a template (CurrCapacity); 0 where only some are left that "
        f"are used up and have not ended. {AS_OF}",
        lambda packages: _amounts(packages, "remaining"),
        labels=("template", "unit"),
    ),
    Family(
        "dcdn_resource_package_end_timestamp_seconds",
        "Unix time at which the last resource package of a template ends that has capacity left (EndTime); absent "
        f"where none has any. {AS_OF}",
        lambda packages: (((each.name,), each.ends_at) for each in packages.templates if each.ends_at is not None),
        labels=("template",),
    ),
    Family(
        "dcdn_resource_package_info",
        "Always 1; the labels are those of the template's resource packages (CommodityCode, Region, DisplayName). "
        f"{AS_OF}",
        lambda packages: (
            ((each.name, each.commodity_code, each.billing_region, each.display_name), 1.0)
            for each in packages.templates
        ),
        labels=("template", "commodity_code", "billing_region", "display_name"),
    ),
)


def _log_fields(packages: Packages) -> Mapping[str, str]:
    """Counts, and the templates of which little or nothing is left; what is left itself moves with every poll."""
    shown = visible(packages, None, -math.inf).value
    shares = [(each.name, each.share) for each in shown.templates if each.share is not None]
    return {
        **{status: str(count) for status, count in shown.counts},
        "low": ",".join(name for name, share in shares if 0 < share < LOW_SHARE),
        "used_up": ",".join(name for name, share in shares if share == 0),
    }


_BAD = ("low", "used_up")
NEWS: News[Packages] = News(
    "resource packages",
    fields=_log_fields,
    is_bad=lambda packages: any(_log_fields(packages)[field] for field in _BAD),
    is_worse=lambda _packages, field, value: field in _BAD and value != "",
    is_worth_a_line=lambda before, after: _log_fields(before) != _log_fields(after),
)

PACKAGE_LOW = Condition("resource_package_low", Severity.WARNING, state=False)
PACKAGE_ENDING = Condition("resource_package_ending", Severity.UPCOMING, state=False)


def view(packages: Packages | None, now: float) -> View:
    """What people are shown: notes of packages of which little is left, and of those that end soon."""
    if packages is None:
        return View(status_json={RESOURCE_PACKAGES: None})
    shown = visible(packages, None, now).value
    said = tuple(_said(shown, now))
    return View(
        conditions=tuple(dict.fromkeys(condition for condition, _ in said)),
        notes=tuple(note for _, note in said),
        status_json={RESOURCE_PACKAGES: {**dict(shown.counts), "templates": list(_rows_of_json(shown))}},
        ahead_s=min((ahead_s for ahead_s, _ in _ending(shown, now)), default=None),
    )


def _said(packages: VisiblePackages, now: float) -> Iterator[tuple[Condition, Note]]:
    """The notes, each with what is true where there is one."""
    shares = [(_called(each), each.share) for each in packages.templates if each.share is not None]
    used_up = [name for name, share in shares if share == 0]
    low = [f"{name} ({_percent(share)})" for name, share in shares if 0 < share < LOW_SHARE]
    for template, names in (
        ("resource packages used up: {names}", used_up),
        ("resource packages under 10 %: {names}", low),
    ):
        if names:
            values = {"names": _listed(names)}
            yield PACKAGE_LOW, Note(PACKAGE_LOW.severity, template, values, "DcdnResourcePackageLow")
    if ending := _ending(packages, now):
        template = "resource packages that end within 7 days, the first in {time}: {names}"
        values = {"time": in_words(ending[0][0]), "names": _listed([name for _, name in ending])}
        yield PACKAGE_ENDING, Note(PACKAGE_ENDING.severity, template, values, "DcdnResourcePackageEnding")


def _ending(packages: VisiblePackages, now: float) -> list[tuple[float, str]]:
    """The seconds until the end of each template that ends soon, and what it is called; the first comes first."""
    ends = ((each.ends_at - now, _called(each)) for each in packages.templates if each.ends_at is not None)
    return sorted((ahead_s, name) for ahead_s, name in ends if 0 <= ahead_s <= ENDING_S)


def _called(template: Template) -> str:
    return template.display_name or template.name


def _percent(share: float) -> str:
    """A share with one decimal, rounded down: less than a tenth is never shown as one."""
    return f"{math.floor(share * 1000) / 10:.1f} %"


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many there are beside them."""
    rest = len(names) - _NAMES_IN_NOTE
    return ", ".join(names[:_NAMES_IN_NOTE]) + (f" (+{rest})" if rest > 0 else "")


def _rows_of_json(packages: VisiblePackages) -> Iterator[Mapping[str, object]]:
    for template in packages.templates:
        for amount in template.amounts:
            yield {
                "template": template.name,
                "display_name": template.display_name,
                "unit": amount.unit,
                "capacity": amount.capacity,
                "remaining": amount.remaining,
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
        conditions=(PACKAGE_LOW, PACKAGE_ENDING),
        view=view,
        unknown_fields=UNKNOWN_FIELDS,
        interval=Interval.INVENTORY,
        switch=RESOURCE_PACKAGES,
        switch_help="Also poll resource packages: what is left of them, and when they end.",
    )
