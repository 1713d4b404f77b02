"""Hundreds of accounts of every kind of credentials in one process, from where they get their keys to the page."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.every_kind import PRODUCTS, Population
from tests.end_to_end.page import Page
from tests.end_to_end.play_every_kind import THREADS_AT_REST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.end_to_end.conftest import OnInstance
    from tests.end_to_end.every_kind import Series, Watched

    Watch = Callable[..., tuple[tuple[Watched, ...], Page, dict[str, Any]]]

pytestmark = pytest.mark.rehearsal


@pytest.fixture
def watch(tmp_path: Path, on_instance: OnInstance) -> Watch:
    """Runs the exporter on an instance, for so many accounts; returns them, the page, and what the process took."""

    def run(*, of_each_kind: int, members: int) -> tuple[tuple[Watched, ...], Page, dict[str, Any]]:
        folder = tmp_path / str(of_each_kind)
        folder.mkdir()
        seen = on_instance("play_every_kind", folder, str(of_each_kind), str(members))
        population = Population(of_each_kind=of_each_kind, members=members, folder=folder, url="https://127.0.0.1")
        return population.watched, Page.parse(seen.pop("page")), seen

    return run


def not_zero(page: Page, beginning: str) -> dict[Series, float]:
    """The samples of families whose names begin so, other than 0."""
    return {series: value for series, value in page.samples.items() if value and series[0].startswith(beginning)}


def test_three_hundred_accounts_of_every_kind(watch: Watch) -> None:
    """Each account shows its own state, debts, id and end of credentials; more accounts cost no more threads."""
    few, _, less = watch(of_each_kind=1, members=4)
    watched, page, took = watch(of_each_kind=10, members=158)
    sys.stdout.write(
        f"{len(few)} accounts: {without_tokens(less)}\n{len(watched)} accounts: {without_tokens(took)}\n"
    )
    assert (len(few), len(watched)) == (20, 300)

    expected: dict[Series, float] = {}
    for each in watched:
        expected |= each.series()
    assert not_zero(page, "dcdn_service_") == expected
    assert not_zero(page, "dcdn_account_info") == dict.fromkeys((each.info() for each in watched), 1)
    assert not_zero(page, "dcdn_poll_success") == {
        ("dcdn_poll_success", frozenset({"account": each.name, "product": product, "probe": probe}.items())): 1
        for each in watched
        for product in PRODUCTS
        for probe in ("service", "debt_status")
    }
    assert not_zero(page, "dcdn_poll_failures_total") == {}

    ends = defaultdict(set)
    for name, expires_at in took["issued"]:
        ends[name].add(expires_at)
    told = page.by("account", "dcdn_exporter_credential_expiry_timestamp_seconds")
    assert told.keys() == {each.name for each in watched if each.ends}
    assert [each.name for each in watched if each.ends and told[each.name] not in ends[each.account.name]] == []

    assert max(less["threads"], took["threads"]) <= THREADS_AT_REST
    # The libraries alone are 100 MiB; an account has a few dozen KiB for its 100 series.
    assert took["peak_rss_kib"] < 400 * 1024


def without_tokens(took: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in took.items() if name != "issued"}
