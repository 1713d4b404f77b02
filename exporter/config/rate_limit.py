"""How much of the vendor's limits this process may use: the section `rate_limit`."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from exporter.config.refusals import FROZEN, Accepts, broken_rule, facts, is_positive, refusal, unknown

_SHARE_WORDS = "a number above 0, at most 1"
_LIMITS_WORDS = "a mapping of operations to numbers"
_ABOVE_ZERO = {"exclusiveMinimum": 0}


def _share(share: object, info: ValidationInfo) -> float:
    if not is_positive(share, at_most=1):
        raise refusal(_SHARE_WORDS)
    limits = facts(info).vendor_limits
    tightest = min(limits, key=lambda operation: limits[operation], default=None)
    if tightest is not None and _whole_calls(limits[tightest], share=share) < 1:
        raise refusal(f"a share that leaves {tightest} at least one of its {limits[tightest]} calls a second")
    return float(share)


def _limits(value: object, info: ValidationInfo) -> dict[str, float]:
    if not isinstance(value, dict):
        raise refusal(_LIMITS_WORDS)
    refused = [
        InitErrorDetails(type=error, loc=(operation,), input=None)
        for operation, number in value.items()
        if (error := _limit_refusal(operation, number, vendor_limits=facts(info).vendor_limits)) is not None
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


class RateLimit(BaseModel):
    """How much of the vendor's limits this process may use."""

    model_config = FROZEN

    share: Annotated[float, BeforeValidator(_share), Accepts(_SHARE_WORDS, shape=_ABOVE_ZERO | {"maximum": 1})] = 1.0
    """This replica's part of the vendor's limits: 1/n where n replicas poll the same accounts."""
    calls_per_second: Annotated[
        Mapping[str, float],
        BeforeValidator(_limits),
        AfterValidator(MappingProxyType),
        PlainSerializer(dict),
        Accepts(_LIMITS_WORDS, shape={"additionalProperties": {"type": "number", **_ABOVE_ZERO}}),
    ] = Field(
        default_factory=lambda: MappingProxyType({}),
    )
    """Limits below the vendor's, by operation, for one account and all replicas together."""

    def allowance(self, operation: str, *, vendor_limit: int, shards: int = 1) -> float:
        """Calls per second and account for this process: whole ones, unless the file leaves less than one.

        ``shards`` is how many processes besides replicas make these calls for the same account.
        """
        limit, share = self.calls_per_second.get(operation, vendor_limit), self.share / shards
        return _whole_calls(limit, share=share) or limit * share


def _whole_calls(limit: float, *, share: float) -> int:
    # A 49th of 49 is a hair below 1 among floats.
    return math.floor(limit * share + 1e-9)
