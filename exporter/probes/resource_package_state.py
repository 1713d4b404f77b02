"""The resource packages of an account, and how they are read from a Describe…UserResourcePackage operation.

    {"ResourcePackageInfos": {"ResourcePackageInfo": [
        {"InstanceId": "FP-ilttxc23a", "CommodityCode": "cdnflowbag", "Status": "valid", "Region": "CN",
         "TemplateName": "FPT_cdn_bag_intl_deadlineAcc_1569491944",
         "DisplayName": "Data Transfer Plan in Asia Pacific 1",
         "CurrCapacity": "53661095687", "CurrCapacityBaseUnit": "Byte",
         "InitCapacity": "107374182400", "InitCapacityBaseUnit": "Byte", "EndTime": "2018-07-01T08:00:00Z"}]}}

A call answers for one Status, without pages. A package that is used up leaves the list of ``valid`` ones for that of
``exhaust``, so that a poll takes a call for each. CommodityCode does not tell bytes from requests. The list decides;
anything in a package that makes no sense is absent, and one of the unknown values.

Source: https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-describecdnuserresourcepackage
(read 2026-11-29)
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from exporter.api.fields import AnswerFields, described
from exporter.api.pages import objects_in
from exporter.core.model import Answer, require_aware, require_label_value
from exporter.probes.kind import MISSING, all_unknown

VALID, EXHAUST, CLOSED = "valid", "exhaust", "closed"
STATUSES = (VALID, EXHAUST)
"""Those that are asked for, in this order: a package that moves on between the calls is in the second answer."""
BYTES, REQUESTS, UNKNOWN = "bytes", "requests", "unknown"
# The page shows Byte, and calls the other unit "requests" or 次; its word in an answer is on no page.
_UNITS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("byte", "bytes", "b"), BYTES),
        **dict.fromkeys(("request", "requests", "count", "counts", "time", "times", "次"), REQUESTS),
    }
)
ROWS = ("ResourcePackageInfos", "ResourcePackageInfo")
STATUS, END_TIME = "Status", "EndTime"
CAPACITIES = ("InitCapacity", "CurrCapacity")
BASE_UNIT = "CapacityBaseUnit"
UNITS = (f"Init{BASE_UNIT}", f"Curr{BASE_UNIT}")
NAMES = ("TemplateName", "CommodityCode", "Region", "DisplayName", "InstanceId")
_MOST_CAPACITY = 1e21

UNKNOWN_FIELDS = (*CAPACITIES, *UNITS, *NAMES, STATUS, END_TIME)


@dataclass(frozen=True, slots=True)
class Package:
    """One resource package, as far as the API describes it.

    ``template`` is its TemplateName, else its CommodityCode. ``status`` is one of STATUSES; None: the answer leaves
    it out. ``capacity`` (InitCapacity) and ``remaining`` (CurrCapacity, which may be more) are in ``unit``, which is
    UNKNOWN where the answer names none, and None where it names one that is not known, or two.
    """

    template: str
    status: str | None = None
    unit: str | None = UNKNOWN
    capacity: float | None = None
    remaining: float | None = None
    ends_at: datetime | None = None
    commodity_code: str = ""
    billing_region: str = ""
    display_name: str = ""
    instance_id: str | None = None

    def __post_init__(self) -> None:
        if self.status not in (None, *STATUSES) or self.unit not in (BYTES, REQUESTS, UNKNOWN, None):
            raise ValueError(f"a package has a known status and unit, seen {self.status!r} and {self.unit!r}")
        for amount in (self.capacity, self.remaining):
            if amount is not None and not 0 <= amount <= _MOST_CAPACITY:
                raise ValueError(f"a capacity is a number from 0 to {_MOST_CAPACITY:g}, seen {amount!r}")
        for text in (self.template, self.instance_id):
            require_label_value(text)
        require_aware(self.ends_at)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The fields of numbers that are missing or make no sense; the end of a package that is used up is none."""
        lacking = {
            CAPACITIES[0]: self.capacity is None,
            CAPACITIES[1]: self.remaining is None,
            BASE_UNIT: self.unit is None,
            END_TIME: self.ends_at is None and self.remaining != 0,
        }
        return tuple(field for field, lacks in lacking.items() if lacks)


Packages = tuple[Package, ...]
NO_PACKAGES: Packages = ()


def parse_packages(payload: Mapping[str, object], request_id: str | None) -> Answer[Packages]:
    """Return the packages of one call's answer, without those that are closed.

    Raises MalformedReply where there is no list of objects: packages would seem to be gone. What makes no sense in a
    package is absent.
    """
    answer = AnswerFields(payload, request_id)
    packages: list[Package] = []
    unknown: list[Mapping[str, tuple[str, ...]]] = []
    for fields in objects_in(answer, ROWS, may_be_missing=_may_have_no_list(payload)):
        packages += _packages_in(fields)
        unknown.append(fields.unknown_values(_undocumented(fields)))
    return Answer(tuple(packages), request_id=request_id, unknown_values=all_unknown(unknown))


def _may_have_no_list(payload: Mapping[str, object]) -> bool:
    """Whether packages may be missing: there is their place, with nothing in it but their own key."""
    around = payload.get(ROWS[0])
    return ROWS[0] in payload and (not around or (isinstance(around, dict) and ROWS[1] in around))


def _packages_in(row: AnswerFields) -> Iterator[Package]:
    """The package of a row; none where that is closed."""
    status = _status(row)
    if status == CLOSED:
        return
    template, commodity_code, region, display_name, instance_id = (row.auxiliary(row.label, name) for name in NAMES)
    capacity, remaining = (row.auxiliary(partial(_capacity, row), name) for name in CAPACITIES)
    units = _units_in(row)
    yield Package(
        template=template or commodity_code or UNKNOWN,
        status=status if status in STATUSES else None,
        unit=_unit_of(units),
        capacity=capacity if len(units) <= 1 else None,
        remaining=remaining if len(units) <= 1 else None,
        ends_at=row.auxiliary(row.moment, END_TIME),
        commodity_code=commodity_code or "",
        billing_region=region or "",
        display_name=display_name or "",
        instance_id=instance_id,
    )


def _status(row: AnswerFields) -> str | None:
    text = row.auxiliary(row.label, STATUS)
    return text.lower() if text is not None else None


def _units(row: AnswerFields) -> Mapping[str, str]:
    """The units that a row names, by their fields."""
    named = {name: row.auxiliary(row.label, name) for name in UNITS}
    return {name: unit for name, unit in named.items() if unit is not None}


def _units_in(row: AnswerFields) -> AbstractSet[str | None]:
    """The units of both capacities, each once: an undocumented one by its word, None for one that makes no sense."""
    words = {unit.lower() for unit in _units(row).values()}
    return {*(_UNITS.get(word, word) for word in words), *(None for name in UNITS if name in row.odd)}


def _unit_of(units: AbstractSet[str | None]) -> str | None:
    if not units:
        return UNKNOWN
    return next(iter(units)) if len(units) == 1 and units <= {BYTES, REQUESTS} else None


def _undocumented(row: AnswerFields) -> Mapping[str, tuple[str, ...]]:
    units = _units(row)
    named = {name: (unit,) for name, unit in units.items() if unit.lower() not in _UNITS}
    if not named and len({_UNITS[unit.lower()] for unit in units.values()}) > 1:
        named = {name: (unit,) for name, unit in units.items()}
    status = _status(row)
    return named if status in (None, CLOSED, *STATUSES) else {**named, STATUS: (str(status),)}


def _capacity(row: AnswerFields, name: str) -> float | None:
    amount = row.amount(name)
    if amount is not None and not 0 <= amount <= _MOST_CAPACITY:
        raise row.malformed(name, described(row.payload[name]), "a capacity of 0 or more")
    return amount


def combine(answers: Sequence[Answer[Packages]]) -> Answer[Packages]:
    """The packages of both calls, each once, in an order that does not depend on the API's.

    A package whose status was left out has the one that its call asked for. Numbers of valid packages that are
    missing are unknown values, too: else no alert says that nothing is known of what is left.
    """
    packages: dict[object, Package] = {}
    for status, answer in zip(STATUSES, answers, strict=True):
        for package in answer.state:
            known = package if package.status is not None else replace(package, status=status)
            packages[known.instance_id or object()] = known
    unknown = all_unknown(answer.unknown_values for answer in answers)
    return Answer(
        tuple(sorted(packages.values(), key=_place)),
        request_id=answers[-1].request_id,
        unknown_values=all_unknown((unknown, _missing(packages.values(), unknown))),
    )


def _missing(packages: Iterable[Package], seen: Container[str]) -> Mapping[str, tuple[str, ...]]:
    """The fields of valid packages' numbers that are missing, and of which nothing else was ``seen``."""
    valid = (package for package in packages if package.status == VALID and package.unit is not None)
    lacking = {field for package in valid for field in package.unreadable}
    return {field: (MISSING,) for field in (*CAPACITIES, END_TIME) if field in lacking and field not in seen}


def _place(package: Package) -> tuple[str, ...]:
    return package.template, package.status or "", package.instance_id or "", repr(package)
