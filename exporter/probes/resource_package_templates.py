"""What the resource packages of each template hold together: what the page, the log and people are shown.

VisiblePackages
└── Template        the packages of one template
    └── Amount          what those of them hold that are counted in one unit
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from exporter.api.fields import cut
from exporter.core.model import Answer
from exporter.probes.kind import MOST_SEEN, OTHER, Visible
from exporter.probes.resource_package_state import EXHAUST, STATUSES, UNKNOWN, VALID, Package, Packages

LOW_SHARE = 0.1
ENDING_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Amount:
    """What the packages of one template hold in one unit; a sum of which a part is not known is None.

    ``unreadable`` has, for each package of which a number cannot be read, the fields that cannot.
    """

    unit: str
    packages: int
    capacity: float | None
    remaining: float | None
    unreadable: tuple[tuple[str, ...], ...] = ()

    @property
    def share(self) -> float | None:
        """The part that is left, 1 for all; None where that is not known, and of a capacity of 0."""
        if self.capacity == 0 or self.remaining is None:
            return None
        if self.remaining == 0:
            return 0.0
        return self.remaining / self.capacity if self.capacity else None

    @property
    def unreadable_fields(self) -> tuple[str, ...]:
        """The fields that cannot be read of some package."""
        return tuple(dict.fromkeys(field for fields in self.unreadable for field in fields))


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
    def unreadable(self) -> int:
        """Of how many packages a number cannot be read."""
        return sum(len(amount.unreadable) for amount in self.amounts)

    def needs_somebody(self, now: float) -> bool:
        """Whether little is left of it, how much is not known, or it ends within a week."""
        shares = [amount.share for amount in self.amounts]
        ends_soon = self.ends_at is not None and self.ends_at - now <= ENDING_S
        return ends_soon or self.unreadable > 0 or any(share is None or share < LOW_SHARE for share in shares)


@dataclass(frozen=True, slots=True)
class VisiblePackages:
    """How many packages there are of each status, and what those that count hold, by template."""

    counts: tuple[tuple[str, int], ...]
    templates: tuple[Template, ...]

    def amounts(self) -> Iterator[tuple[Template, Amount]]:
        """The amounts of all templates, each with its template."""
        return ((template, amount) for template in self.templates for amount in template.amounts)


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
    """The templates that have series of their own: those that had some and are still there, then new ones; 16.

    Where there are more, those that need somebody come first: in a sum with others they would be hidden.
    """
    by_name = _by_name(_counted(answer.state, at))
    names = tuple(dict.fromkeys((*(name for name in before or () if name in by_name), *by_name)))
    if len(names) > MOST_SEEN:
        needing = {name for name in names if _template(name, by_name[name]).needs_somebody(at)}
        names = tuple(sorted(names, key=lambda name: name not in needing))
    return names[:MOST_SEEN]


def _by_name(packages: Iterable[Package]) -> dict[str, list[Package]]:
    """The packages of each template."""
    by_name: dict[str, list[Package]] = {}
    for package in packages:
        by_name.setdefault(package.template, []).append(package)
    return by_name


def visible(packages: Packages, named: tuple[str, ...] | None, now: float) -> Visible[VisiblePackages]:
    """What the page shows now, until one of the packages that are used up ends; ``named`` is what is remembered."""
    counted = _counted(packages, now)
    named = remember(named, Answer(packages), now) if named is None else named
    known = (package if package.template in named else replace(package, template=OTHER) for package in counted)
    used_up = (package.ends_at for package in counted if package.status == EXHAUST)
    return Visible(
        VisiblePackages(
            counts=tuple((status, sum(each.status == status for each in packages)) for status in STATUSES),
            templates=tuple(_template(name, of_name) for name, of_name in sorted(_by_name(known).items())),
        ),
        until=min((moment.timestamp() for moment in used_up if moment is not None), default=math.inf),
    )


def _template(name: str, packages: Sequence[Package]) -> Template:
    left = [package.ends_at for package in packages if package.remaining != 0]
    ends = [moment.timestamp() for moment in left if moment is not None]
    return Template(
        name,
        amounts=tuple(_amounts(packages)),
        ends_at=max(ends) if ends and len(ends) == len(left) else None,
        commodity_code=_joined(package.commodity_code for package in packages),
        billing_region=_joined(package.billing_region for package in packages),
        display_name=_joined(package.display_name for package in packages),
    )


def _amounts(packages: Sequence[Package]) -> Iterator[Amount]:
    by_unit: dict[str, list[Package]] = {}
    for package in packages:
        by_unit.setdefault(package.unit or UNKNOWN, []).append(package)
    for unit, of_unit in sorted(by_unit.items()):
        yield Amount(
            unit,
            packages=len(of_unit),
            capacity=_sum(package.capacity for package in of_unit),
            remaining=_sum(package.remaining for package in of_unit),
            unreadable=tuple(package.unreadable for package in of_unit if package.unreadable),
        )


def _sum(amounts: Iterable[float | None]) -> float | None:
    known = list(amounts)
    return None if None in known else math.fsum(amount for amount in known if amount is not None)


def _joined(texts: Iterable[str]) -> str:
    return cut(", ".join(sorted({text for text in texts if text})))
