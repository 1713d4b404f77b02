"""What the file may say of things that the configuration does not know: products, probes, operations, metrics."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = re.compile(r"[a-z][a-z0-9_]*")
LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that whoever reads a file hands in; made from the rows of what can be polled."""

    products: tuple[str, ...]
    """What `products` may list; the first is polled where the file lists none."""
    switches: Mapping[str, str]
    """Keys that are true or false, false unless given: at the top, of an account, of a directory. Each with a
    sentence that says what it is for."""
    vendor_limits: Mapping[str, int]
    """What `calls_per_second` may limit: the calls per second and account that the vendor allows, by operation."""
    forbidden_labels: frozenset[str]
    """Names that no label of an account may have: they would rename or hide ours."""

    def __post_init__(self) -> None:
        """Nothing in it could not be written, and there is a product."""
        keys = (*self.products, *self.switches)
        odd = [
            *(key for key in keys if not _KEY.fullmatch(key) or keys.count(key) > 1),
            *(key for key, sentence in self.switches.items() if not sentence),
            *(operation for operation, limit in self.vendor_limits.items() if not operation or limit < 1),
            *(name for name in self.forbidden_labels if not LABEL_NAME.fullmatch(name)),
        ]
        if odd or not self.products:
            raise ValueError(f"not a vocabulary: {', '.join(map(repr, odd)) or 'no product'}")
