"""Names that the file may use and that this package does not know: products, switches, operations, labels."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_KEY = re.compile(r"[a-z][a-z0-9_]*")
LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that the file may use, made from the table of probes."""

    products: tuple[str, ...]
    """What `products` may list; the first is polled where the file lists none."""
    switches: Mapping[str, str]
    """Keys that are true or false, false unless given: at the top, of an account, of a directory. Each with a
    sentence that says what it is for."""
    switch_products: Mapping[str, tuple[str, ...]]
    """The products that a switch is for; one that is for every account is not in it."""
    intervals: Mapping[str, str]
    """The key below `poll` by which a product, or what a switch turns on, is polled; one not in it: `interval`."""
    vendor_limits: Mapping[str, int]
    """What `calls_per_second` may limit: the calls per second and account that the vendor allows, by operation."""
    operations: Mapping[str, tuple[str | None, str | None]]
    """The operations of probes, with the product and the switch that each needs; None: any account, no switch."""
    forbidden_labels: frozenset[str]
    """Names that no label of an account may have, since it would rename or hide ours."""

    def __post_init__(self) -> None:
        """Refuse names that no file could contain, and a vocabulary without products."""
        keys = (*self.products, *self.switches)
        odd = [
            *(key for key in keys if not _KEY.fullmatch(key) or keys.count(key) > 1),
            *(key for key, sentence in self.switches.items() if not sentence),
            *(key for key in self.switch_products if key not in self.switches),
            *(name for names in self.switch_products.values() for name in names if name not in self.products),
            *(operation for operation, limit in self.vendor_limits.items() if not operation or limit < 1),
            *(operation for operation in self.operations if operation not in self.vendor_limits),
            *(product for product, _ in self.operations.values() if product not in (None, *self.products)),
            *(switch for _, switch in self.operations.values() if switch not in (None, *self.switches)),
            *(name for name in self.forbidden_labels if not LABEL_NAME.fullmatch(name)),
        ]
        if odd or not self.products:
            raise ValueError(f"not a vocabulary: {', '.join(map(repr, odd)) or 'no product'}")

    def polled_operations(self, products: Collection[str], switches: Mapping[str, bool]) -> set[str]:
        """What is called to poll an account with these products and switches."""
        return {
            operation
            for operation, (product, switch) in self.operations.items()
            if product in (None, *products) and (switch is None or switches.get(switch, False))
        }

    def switched_on(self, products: Collection[str], switches: Mapping[str, bool]) -> list[str]:
        """The switches that turn something on for an account with these products."""
        return [
            switch
            for switch, on in switches.items()
            if on
            and (switch not in self.switch_products or not set(products).isdisjoint(self.switch_products[switch]))
        ]
