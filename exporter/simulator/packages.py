"""Resource packages: what an account has bought in advance, and the answer that lists it.

https://www.alibabacloud.com/help/en/cdn/developer-reference/api-cdn-2018-05-10-describecdnuserresourcepackage
(read 2026-11-29).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from exporter.simulator.call import Call
from exporter.simulator.errors import GatewayError
from exporter.simulator.operation import activated_service
from exporter.simulator.reading import STRICT, Seconds

RESOURCE_PACKAGES: Final = "resource_packages"
PACKAGE_STATUSES: Final = ("valid", "exhaust", "closed")
_VALID, _EXHAUST, _CLOSED = PACKAGE_STATUSES
_CAPACITY = re.compile(r"[0-9]{1,18}", re.ASCII)
_BYTE: Final = "Byte"
_GB: Final = 1024**3
_MILLION: Final = 10**6
_TextOrEmpty = Annotated[str, Field(min_length=0)]


@dataclass(frozen=True, slots=True)
class ResourcePackage:
    """One package, as it stands from some moment on; every text is sent as it is."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    instance_id: str
    template_name: _TextOrEmpty = "FPT_cdn_bag_intl_deadlineAcc_1569491944"
    """What kind of package it is; empty: it is not sent."""
    commodity_code: str = "cdnflowbag"
    display_name: str = "Data Transfer Plan in Asia Pacific 1"
    region: str = "CN"
    """A region of the bill."""
    init_capacity: str = "107374182400"
    """What it held at first, in digits."""
    curr_capacity: str | None = None
    """What is left, in digits; may be more than it held at first. None: all of it."""
    base_unit: _TextOrEmpty = _BYTE
    """Of both; the vendor documents Byte, and that others are counted in requests. Empty: it is not sent."""
    start_time: str = "2021-08-24T04:09:22Z"
    end_time: str = "2099-12-31T16:00:00Z"
    ends_after_s: Annotated[Seconds | None, Field(alias="ends_after")] = None
    """Seconds from the start of the timeline to its end, in place of `end_time`; it is closed from then on."""
    status: str | None = None
    """None: it is used up when nothing is left."""

    def __post_init__(self) -> None:
        if not self.instance_id:
            raise ValueError("the instance_id of a package is empty")
        for name, capacity in (("init_capacity", self.init_capacity), ("curr_capacity", self.left)):
            if not _CAPACITY.fullmatch(capacity):
                raise ValueError(f"{name} is {capacity!r}; accepted: 1 to 18 digits")
        if self.status not in (None, *PACKAGE_STATUSES):
            raise ValueError(f"status is {self.status!r}; accepted: {', '.join(PACKAGE_STATUSES)}")

    @property
    def left(self) -> str:
        """What is left, in digits."""
        return self.init_capacity if self.curr_capacity is None else self.curr_capacity

    @property
    def present_status(self) -> str:
        """The status that is sent, and that a list is chosen by."""
        if self.status is not None:
            return self.status
        return _VALID if int(self.left) else _EXHAUST

    def as_of(self, now: float, *, begun_at_unix: float) -> "ResourcePackage":
        """Return the package of a timeline that began then, as it is now; both are Unix time."""
        if self.ends_after_s is None:
            return self
        ends_at = int(begun_at_unix + self.ends_after_s)
        status = _CLOSED if self.status is None and now >= ends_at else self.status
        end_time = datetime.fromtimestamp(ends_at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return replace(self, end_time=end_time, status=status, ends_after_s=None)


def describe_packages(call: Call, *, product: str) -> dict[str, object]:
    """Return the caller's packages of one status; that the product is not activated is a refusal."""
    activated_service(call, product)
    packages: tuple[ResourcePackage, ...] = call.moment.inventories.get((RESOURCE_PACKAGES, product), ())
    begun_at_unix = call.moment.begun_at_unix
    return list_packages([each.as_of(call.now, begun_at_unix=begun_at_unix) for each in packages], call.parameters)


def list_packages(packages: Iterable[ResourcePackage], parameters: Mapping[str, str]) -> dict[str, object]:
    """Return the packages of the status that is asked for, less its RequestId; raises GatewayError for another one.

    That refusal is on no page.

    ```json
    {"ResourcePackageInfos": {"ResourcePackageInfo": [{"InstanceId": "FP-ilttxc23a", "Status": "valid", ...}]}}
    ```
    """
    status = parameters.get("Status") or _VALID
    if status not in PACKAGE_STATUSES:
        raise GatewayError("InvalidParameter.Status", "The specified parameter Status is invalid.")
    rows = [_row(package) for package in packages if package.present_status == status]
    return {"ResourcePackageInfos": {"ResourcePackageInfo": rows}}


def _row(package: ResourcePackage) -> dict[str, str]:
    row = {
        "EndTime": package.end_time,
        "Status": package.present_status,
        "DisplayName": package.display_name,
        "StartTime": package.start_time,
        "CommodityCode": package.commodity_code,
        "InstanceId": package.instance_id,
        "CurrCapacity": package.left,
        "InitCapacity": package.init_capacity,
        "Region": package.region,
    }
    if package.template_name:
        row["TemplateName"] = package.template_name
    if package.base_unit:
        unit, size = ("GB", _GB) if package.base_unit == _BYTE else (package.base_unit, 1)
        for name, capacity in (("Curr", package.left), ("Init", package.init_capacity)):
            whole, rest = divmod(int(capacity), size)
            row[f"{name}CapacityShowValue"] = f"{whole}.{rest * _MILLION // size:06}"
            row[f"{name}CapacityShowUnit"] = unit
            row[f"{name}CapacityBaseUnit"] = package.base_unit
    return row
