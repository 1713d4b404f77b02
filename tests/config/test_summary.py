"""The summary of a configuration says what is polled, and how often."""

from dataclasses import replace

import pytest

from exporter.config import Vocabulary, parse, summary


@pytest.mark.parametrize(
    ("products", "polled"),
    [
        pytest.param(
            "[esa]",
            [
                "  prod (china): esa; credentials: default",
                "inventories every 20m",
                "  while failing at least every 5m",
                "one call takes at most 10s; 128 calls at a time",
                "answers of inventories are stale after 1h",
            ],
            id="esa alone",
        ),
        pytest.param(
            "[dcdn, esa]",
            [
                "  prod (china): dcdn, esa + debt status; credentials: default",
                "polled every 1m",
                "  while locked every 15s",
                "  while failing at least every 5m",
                "inventories every 20m",
                "one call takes at most 10s; 128 calls at a time",
                "answers are stale after 10m",
                "answers of inventories are stale after 1h",
            ],
            id="esa and dcdn",
        ),
    ],
)
def test_the_summary_names_only_what_is_polled(vocabulary: Vocabulary, products: str, polled: list[str]) -> None:
    """A switch for all accounts says nothing of one that it does not fit, and neither does an interval."""
    with_plans = replace(vocabulary, products=(*vocabulary.products, "esa"), intervals={"esa": "inventory_interval"})
    text = f"""
        debt_status: true
        poll: {{inventory_interval: 20m}}
        accounts: [{{name: prod, products: {products}}}]
        """

    found = parse(text, source="dcdn.yaml", vocabulary=with_plans)

    assert summary(found, with_plans).split("\n") == ["1 account", *polled, "share of the vendor's limits: 1"]
