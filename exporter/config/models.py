"""The whole configuration as frozen models: every key of the file, its bounds and its default.

Keys that are named without a unit in the file have one here (`interval` is `interval_s`). Rules between two keys
stand at the later one and are skipped if the earlier one has a problem, so that all problems show at once.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from exporter.config.accounts import Account, Discovery, Polled, Products, ResourceDirectory, Switches
from exporter.config.calls import called_operations
from exporter.config.checks import (
    SWITCHES,
    Accepts,
    Section,
    broken_rule,
    refusal,
    share_given_keys,
    unknown,
    vocabulary,
)
from exporter.config.values import Endpoint, duration, format_duration, is_positive, milliseconds, whole_number

_INVENTORY_INTERVALS = 3


def _interval(earlier: dict[str, Any]) -> float:
    """The interval among the fields checked so far; where it has a problem, any number will do."""
    return float(earlier.get("interval_s", 60.0))


def _five_minutes(earlier: dict[str, Any]) -> float:
    """Five minutes, or what comes nearest to that from interval to half of stale_after (at least 1.5 intervals)."""
    return max(_interval(earlier), min(300.0, milliseconds(earlier.get("stale_after_s", 600.0)) // 2 / 1000))


class Poll(Section):
    """When probes run; what is not given follows `interval`, so that the rules between the keys always hold."""

    interval_s: Annotated[float, duration("1s", "1d")] = 60.0
    """How often each probe asks the API."""
    timeout_s: Annotated[float, duration("100ms", "1m")] = Field(
        default_factory=lambda earlier: min(10.0, _interval(earlier))
    )
    """Total deadline of one call; at most `interval`. Default: 10s, or `interval` if that is shorter."""
    stale_after_s: Annotated[float, duration("3s", "30d")] = Field(
        default_factory=lambda earlier: max(600.0, milliseconds(3 * _interval(earlier)) / 1000)
    )
    """Answers older than this leave /metrics; at least three times `interval`. Default: 10m, or that if longer."""
    locked_interval_s: Annotated[float, duration("1s", "1d")] = Field(
        default_factory=lambda earlier: min(15.0, _interval(earlier))
    )
    """Takes the place of `interval` for the first hour of a lock; at most `interval`. Default: 15s, or `interval`."""
    failing_interval_s: Annotated[float, duration("1s", "15d")] = Field(default_factory=_five_minutes)
    """The longest pause of a probe that keeps failing; from `interval` to half of `stale_after`. Default: near 5m."""
    balance_interval_s: Annotated[float, duration("1s", "15d")] = Field(default_factory=_five_minutes)
    """Takes the place of `interval` for balances; from `interval` to half of `stale_after`. Default: near 5m."""
    inventory_interval_s: Annotated[float, duration("1s", "1d")] = Field(
        default_factory=lambda earlier: max(600.0, _interval(earlier))
    )
    """Takes the place of `interval` for inventories; at least `interval`. Default: 10m, or `interval` if longer."""
    max_workers: Annotated[int, whole_number(1, 1024)] = 128
    """Calls under way at the same time."""

    @property
    def inventory_stale_after_s(self) -> float:
        """Answers of inventories older than this leave /metrics."""
        return max(self.stale_after_s, milliseconds(_INVENTORY_INTERVALS * self.inventory_interval_s) / 1000)

    @field_validator("timeout_s", "locked_interval_s")
    @classmethod
    def _at_most_interval(cls, seconds: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval_s")
        if interval is not None and seconds > interval:
            raise refusal(f"at most poll.interval, which is {format_duration(interval)}")
        return seconds

    @field_validator("stale_after_s")
    @classmethod
    def _three_intervals(cls, seconds: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval_s")
        if interval is not None and milliseconds(seconds) < 3 * milliseconds(interval):
            raise refusal(f"at least three times poll.interval, {format_duration(3 * interval)}")
        return seconds

    @field_validator("failing_interval_s", "balance_interval_s", "inventory_interval_s")
    @classmethod
    def _at_least_interval(cls, seconds: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval_s")
        if interval is not None and seconds < interval:
            raise refusal(f"at least poll.interval, which is {format_duration(interval)}")
        return seconds

    @field_validator("failing_interval_s", "balance_interval_s")
    @classmethod
    def _at_most_half_of_staleness(cls, seconds: float, info: ValidationInfo) -> float:
        stale_after = info.data.get("stale_after_s")
        if stale_after is not None and 2 * milliseconds(seconds) > milliseconds(stale_after):
            raise refusal(f"at most half of poll.stale_after, which is {format_duration(stale_after)}")
        return seconds


_SHARE_WORDS = "a number above 0, at most 1"
_LIMITS_WORDS = "a mapping of operations to numbers"
_ABOVE_ZERO = {"exclusiveMinimum": 0}


def _share(share: object, _info: ValidationInfo) -> float:
    if not is_positive(share, at_most=1):
        raise refusal(_SHARE_WORDS)
    return float(share)


def _limits(value: object, info: ValidationInfo) -> dict[str, float]:
    if not isinstance(value, dict):
        raise refusal(_LIMITS_WORDS)
    refused = [
        InitErrorDetails(type=error, loc=(operation,), input=None)
        for operation, number in value.items()
        if (error := _limit_refusal(operation, number, vendor_limits=vocabulary(info).vendor_limits)) is not None
    ]
    if refused:
        raise ValidationError.from_exception_data("calls_per_second", refused, hide_input=True)
    return {operation: float(number) for operation, number in value.items()}


def _limit_refusal(operation: str, number: object, *, vendor_limits: Mapping[str, int]) -> PydanticCustomError | None:
    vendor_limit = vendor_limits.get(operation)
    if vendor_limit is None:
        return broken_rule(unknown("operation", operation, vendor_limits))
    if not is_positive(number, at_most=vendor_limit):
        return refusal(f"a number above 0, at most the vendor's limit of {vendor_limit}")
    return None


class RateLimit(Section):
    """How much of the vendor's limits this process may use."""

    share: Annotated[float, Accepts(_SHARE_WORDS, _share, _ABOVE_ZERO | {"maximum": 1})] = 1.0
    """This replica's part of the vendor's limits: 1/n where n replicas poll the same accounts."""
    calls_per_second: Annotated[
        Mapping[str, float],
        AfterValidator(MappingProxyType),
        PlainSerializer(dict),
        Accepts(_LIMITS_WORDS, _limits, {"additionalProperties": {"type": "number", **_ABOVE_ZERO}}),
    ] = Field(default_factory=lambda: MappingProxyType({}))
    """Limits below the vendor's, by operation, for one account and all replicas together."""

    def allowance(self, operation: str, *, vendor_limit: int, shards: int = 1) -> float:
        """Calls per second and account for this process: whole ones, unless the file leaves less than one.

        ``shards`` is how many processes besides replicas make these calls for the same account.
        """
        limit, share = self.calls_per_second.get(operation, vendor_limit), self.share / shards
        return _whole_calls(limit, share=share) or limit * share


def _refuse_share_below_one_call(share: float, called: Collection[str], limits: Mapping[str, int]) -> None:
    """Raise where the share leaves less than one call a second of an operation that is called."""
    tightest = min(called, key=lambda operation: (limits[operation], operation), default=None)
    if tightest is None or _whole_calls(limits[tightest], share=share) >= 1:
        return
    limit = limits[tightest]
    words = (
        f"from 1/{limit} ({math.ceil(10_000 / limit) / 10_000:g}) to 1; a smaller share leaves {tightest}, "
        f"which this file calls, less than one of its {limit} calls a second"
    )
    details = InitErrorDetails(type=refusal(words), loc=("share",), input=None)
    raise ValidationError.from_exception_data("share", [details], hide_input=True)


def _whole_calls(limit: float, *, share: float) -> int:
    # A 49th of 49 is a hair below 1 among floats.
    return math.floor(limit * share + 1e-9)


_Polled = TypeVar("_Polled", Account, ResourceDirectory)
_ACCOUNTS_WORDS = "a list with at least one account, or discovery.resource_directories"


def _resolved(polled: _Polled, defaults: Mapping[str, Any]) -> _Polled:
    """The same, knowing what to poll: by itself, or as the file says for all (where that has no problem itself)."""
    common: Mapping[str, bool] = defaults.get("switches", {})
    own = {**common, **polled.switches}
    switches = common if own == common else MappingProxyType(own)  # thousands of accounts share one mapping
    products = polled.products or defaults.get("products", ())
    resolved = polled.model_copy(update={"switches": switches, "products": products})
    share_given_keys(resolved)
    return resolved


def _refuse_switches_without_use(polled: Sequence[_Polled], info: ValidationInfo, *keys: str) -> None:
    """Raise for each switch that is on in a section of its own, and is for none of the products there.

    One that is off there says what is so anyway.
    """
    known = vocabulary(info).switch_products
    common = info.data.get("products", ())
    refused = [
        InitErrorDetails(
            type=broken_rule(f"this is for {', '.join(known[switch])}; the products here are {', '.join(products)}"),
            loc=(*keys, place, SWITCHES, switch),
            input=None,
        )
        for place, each in enumerate(polled)
        if (products := each.products or common)
        for switch, on in each.switches.items()
        if on and switch in known and not set(products) & set(known[switch])
    ]
    if refused:
        raise ValidationError.from_exception_data("switches", refused, hide_input=True)


class Endpoints(Section):
    """Addresses to call in place of the vendor's own, whatever the site of the account; None: the vendor's."""

    dcdn: Endpoint | None = None
    """DCDN, IPA and secure DCDN."""
    cdn: Endpoint | None = None
    """CDN."""
    sts: Endpoint | None = None
    """Identities and roles."""
    resource_directory: Endpoint | None = None
    """Members of resource directories."""
    bss: Endpoint | None = None
    """Balances."""
    esa: Endpoint | None = None
    """Plans of Edge Security Acceleration."""


class Configuration(Polled):
    """The configuration file with every default filled in."""

    poll: Poll = Field(default_factory=Poll)
    """When probes run."""
    products: Products = Field(default=None, validate_default=True)
    """What is polled for every account that does not say so itself."""
    switches: Switches = Field(default_factory=dict)
    """Which of the vocabulary's switches are on: every one, as given or off."""
    discovery: Discovery = Field(default_factory=Discovery)
    """Where to find accounts."""
    accounts: Annotated[tuple[Account, ...], Accepts(_ACCOUNTS_WORDS)] = Field(default=(), validate_default=True)
    """The accounts that the file names; those that are discovered come on top."""
    rate_limit: RateLimit = Field(default_factory=RateLimit)
    """How much of the vendor's limits to use."""
    endpoints: Endpoints = Field(default_factory=Endpoints)
    """Addresses to call in place of the vendor's own."""

    @field_validator("products", mode="before")
    @classmethod
    def _first_unless_given(cls, products: object, info: ValidationInfo) -> object:
        return vocabulary(info).products[:1] if products is None else products

    @field_validator("switches")
    @classmethod
    def _off_unless_given(cls, switches: Mapping[str, bool], info: ValidationInfo) -> Mapping[str, bool]:
        return MappingProxyType({**dict.fromkeys(vocabulary(info).switches, False), **switches})

    @field_validator("discovery")
    @classmethod
    def _complete_directories(cls, discovery: Discovery, info: ValidationInfo) -> Discovery:
        _refuse_switches_without_use(discovery.resource_directories, info, "resource_directories")
        directories = tuple(_resolved(directory, info.data) for directory in discovery.resource_directories)
        return discovery.model_copy(update={"resource_directories": directories})

    @field_validator("accounts")
    @classmethod
    def _complete_accounts(cls, accounts: tuple[Account, ...], info: ValidationInfo) -> tuple[Account, ...]:
        """There are accounts, or places to find some."""
        discovery = info.data.get("discovery")  # absent where it has a problem of its own
        if not accounts and discovery is not None and not discovery.resource_directories:
            raise broken_rule("no account is named; name one here or a directory in discovery.resource_directories")
        _refuse_switches_without_use(accounts, info)
        return tuple(_resolved(account, info.data) for account in accounts)

    @field_validator("rate_limit")
    @classmethod
    def _one_call_of_each_operation(cls, rate_limit: RateLimit, info: ValidationInfo) -> RateLimit:
        """Of those that are called for the accounts; others do not matter."""
        accounts, discovery, known = info.data.get("accounts"), info.data.get("discovery"), vocabulary(info)
        if accounts is not None and discovery is not None:
            called = called_operations(accounts, discovery.resource_directories, known)
            _refuse_share_below_one_call(rate_limit.share, called, known.vendor_limits)
        return rate_limit
