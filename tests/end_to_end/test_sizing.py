"""docs/sizing.md has the series, the calls and the interval of every key, as the real page shows them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.probes.table import PRODUCTS, SWITCHES, kinds_for
from exporter.simulator import EsaPlan, ResourcePackage, ServiceState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.probes.kind import AnyKind
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate
    from tests.end_to_end.page import Page

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "sizing.md"
HAS = {
    ("resource_packages", "dcdn"): (ResourcePackage("package"),),
    ("resource_packages", "cdn"): (ResourcePackage("package"),),
    ("plans", ""): (EsaPlan("sp-1"),),
}
"""One of everything that has series of its own."""


Row = tuple[int, int, int, str]


def documented() -> dict[str, Row]:
    """By key: the series, those for each thing that has some of its own, the calls of a poll, and the interval."""
    found = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (\d*)[^|]*\| (\d+) \| `poll\.(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE
    )
    return {key: (int(series), int(more or 0), int(calls), interval) for key, series, more, calls, interval in found}


def series_of(kinds: Sequence[AnyKind], page: Page, account: str) -> int:
    """How many series an account has of some probes of one product: those of their health and of what they tell."""
    product = kinds[0].product
    probes = {kind.probe for kind in kinds}
    families = {family.name for kind in kinds for family in kind.families}
    labels = [(name, dict(has)) for name, has in page.samples if ("account", account) in has]
    return sum(
        of.get("product", product) == product and (of["probe"] in probes if "probe" in of else name in families)
        for name, of in labels
    )


def test_the_series_and_calls_of_every_key_are_those_of_the_page(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Of an account that has services and nothing else, and of one that has one more of each."""
    bare, more = accounts = (make_account("bare"), make_account("more"))
    simulator = simulate(*accounts)
    for account in accounts:
        for product in ("dcdn", "cdn", "dcdn_sec"):
            simulator.set_service(account.name, ServiceState(), product=product)
    for (key, product), state in HAS.items():
        simulator.set_inventory(more.name, key, state, product=product)
    configuration = configure(simulator.url, *accounts) | {"products": PRODUCTS, **dict.fromkeys(SWITCHES, True)}
    configuration["endpoints"] |= dict.fromkeys(("cdn", "bss", "esa"), simulator.url)
    exporter = serve(configuration)
    eventually("all are answered", lambda: set(exporter.scrape().find("dcdn_poll_success").values()) == {1})
    page = exporter.scrape()

    found: dict[str, set[Row]] = defaultdict(set)
    for (key, _), kinds in by_key_and_product().items():
        series = series_of(kinds, page, bare.name)
        further = series_of(kinds, page, more.name) - series
        found[key].add((series, further, sum(len(kind.calls) for kind in kinds), kinds[0].interval.value))
    assert {key: {row} for key, row in documented().items()} == found
    every = [name for name, has in page.samples if ("account", bare.name) in has]
    of_rows = sum(series_of(kinds, page, bare.name) for kinds in by_key_and_product().values())
    assert len(every) - of_rows == 1  # dcdn_account_info


def by_key_and_product() -> dict[tuple[str, str], list[AnyKind]]:
    """What is polled of each product for each key of the configuration."""
    found: dict[tuple[str, str], list[AnyKind]] = defaultdict(list)
    for kind in kinds_for(PRODUCTS, SWITCHES):
        found[kind.switch or kind.product, kind.product].append(kind)
    return found
