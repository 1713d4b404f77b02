"""The page knows what a kind of probe can say of itself, and no kind."""

import math
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.core.model import Answer
from exporter.metrics.families import HEALTH_FAMILIES
from exporter.metrics.lines import label_text
from exporter.metrics.page import Exposition, ExpositionFormat
from exporter.probes.kind import AnyKind, Family, Visible
from exporter.probes.table import PROBES
from tests.certificates import CERTIFICATES, Certificate, State
from tests.metrics.pages import (
    ACTIVE,
    BALANCE,
    BALANCE_KIND,
    CALLS_KIND,
    CHANGING,
    DEBT_KIND,
    HOSTILE,
    IN_DEBT,
    KIND,
    LOCKED,
    STALE_AFTER_S,
    START,
    TIMEOUT,
    Clock,
    Families,
    exposition,
    lines,
    record,
    text,
)
from tests.records import record_of, stale_after

SHORT = Certificate("a.example", "moon", START + 60)
LONG = Certificate("b.example", "sun", START + 300)
OTHER = Certificate("a.example", "sun", START + 300)
END = "dcdn_certificate_end_timestamp_seconds"
REMAINING = "dcdn_certificate_remaining_seconds"
SERVED = "dcdn_certificate_served"
KEY = CERTIFICATES.key("prod")


def certificates(clock: Clock, *states: State, kinds: tuple[AnyKind, ...] = (CERTIFICATES,)) -> Exposition:
    """The page of one account with these answers, the last of them from now."""
    page = exposition("prod", clock=clock, kinds=kinds)
    page.update(KEY, record(*states, at=clock.now, kind=CERTIFICATES))
    return page


def test_a_page_has_the_families_of_its_kinds() -> None:
    """In the order of the kinds, each once, then those of every probe's history, be there probes or not."""
    page = Exposition((DEBT_KIND, CERTIFICATES, *PROBES), own=CollectorRegistry(), now=Clock())
    heads = [line.split()[2] for line in text(page).splitlines() if line.startswith("# TYPE ")]
    families = dict.fromkeys(family.name for kind in (DEBT_KIND, CERTIFICATES, *PROBES) for family in kind.families)

    assert heads == [
        "dcdn_account_info",
        *families,
        *(family.name for family in HEALTH_FAMILIES),
        "dcdn_poll_calls_total",
        "dcdn_exporter_credential_expiry_timestamp_seconds",
    ]


def test_a_kind_that_is_none_of_ours_is_shown() -> None:
    """Several labels stand in the order of their names among those of the scope; each family has its head."""
    page = Exposition([CERTIFICATES], own=CollectorRegistry(), now=Clock())
    page.configure([(KEY, CERTIFICATES)], stale_after_of=stale_after(STALE_AFTER_S))
    page.update(KEY, record((SHORT, LONG), kind=CERTIFICATES))
    shown = text(page).partition("# HELP dcdn_poll_success ")[0]

    assert shown.splitlines()[2:] == [
        f"# HELP {END} When it ends.",
        f"# TYPE {END} gauge",
        f'{END}{{account="prod",domain="a.example",issuer="moon",product="esa"}} 1.52251176e+09',
        f'{END}{{account="prod",domain="b.example",issuer="sun",product="esa"}} 1.522512e+09',
        f"# HELP {REMAINING} What is left.",
        f"# TYPE {REMAINING} gauge",
        f'{REMAINING}{{account="prod",domain="a.example",issuer="moon",product="esa"}} 60.0',
        f'{REMAINING}{{account="prod",domain="b.example",issuer="sun",product="esa"}} 300.0',
        f"# HELP {SERVED} Whether there is one.",
        f"# TYPE {SERVED} gauge",
        f'{SERVED}{{account="prod",domain="a.example",product="esa"}} 1.0',
        f'{SERVED}{{account="prod",domain="b.example",product="esa"}} 1.0',
        "# HELP dcdn_account_certificates How many there are.",
        "# TYPE dcdn_account_certificates gauge",
        'dcdn_account_certificates{account="prod"} 2.0',
        "# HELP dcdn_certificate_domains_total Domains ever seen.",
        "# TYPE dcdn_certificate_domains_total counter",
        'dcdn_certificate_domains_total{account="prod",product="esa"} 2.0',
    ]


def test_calls_are_on_the_page_for_kinds_whose_polls_take_many() -> None:
    """From the start, at 0; kinds with the same families and polls of one call have no such series beside them."""
    page = exposition("a", "b", clock=Clock(), kinds=(KIND, CALLS_KIND))
    page.update(CALLS_KIND.key("b"), record_of(Answer(ACTIVE), calls=7))

    assert lines(page, "dcdn_poll_calls_total") == [
        'dcdn_poll_calls_total{account="a",probe="service",product="dcdn"} 0.0',
        'dcdn_poll_calls_total{account="b",probe="service",product="dcdn"} 7.0',
    ]
    assert len(lines(page, "dcdn_polls_total")) == 4


def test_each_moment_of_a_countdown_is_counted_down_to() -> None:
    """The seconds are those of the scrape; a sample leaves at its moment without a poll, and all else of it too."""
    clock = Clock()
    page = certificates(clock, (SHORT, LONG))

    def left() -> dict[str, float]:
        return {
            sample.labels["domain"]: sample.value
            for family in parse_text(text(page))
            if family.name == REMAINING
            for sample in family.samples
        }

    seen = []
    for seconds in (0.0, 59.5, 60.0, 299.75, 300.0):
        clock.now = START + seconds
        seen.append((left(), len(lines(page, END)), [line[-3:] for line in lines(page, SERVED)]))

    assert seen == [
        ({"a.example": 60.0, "b.example": 300.0}, 2, ["1.0", "1.0"]),
        ({"a.example": 0.5, "b.example": 240.5}, 2, ["1.0", "1.0"]),
        ({"b.example": 240.0}, 1, ["0.0", "1.0"]),
        ({"b.example": 0.25}, 1, ["0.0", "1.0"]),
        ({}, 0, ["0.0", "0.0"]),
    ]


def test_a_countdown_does_not_keep_an_answer_fresh() -> None:
    """Past the age allowed nothing of it is left, and the next answer brings it back with what is remembered."""
    clock = Clock()
    page = certificates(clock, (Certificate("a.example", "moon", math.inf),))
    clock.now = START + STALE_AFTER_S
    before = lines(page, REMAINING)
    clock.now = math.nextafter(START + STALE_AFTER_S, math.inf)
    after = [lines(page, family.name) for family in CERTIFICATES.families]

    assert before == [f'{REMAINING}{{account="prod",domain="a.example",issuer="moon",product="esa"}} +Inf']
    assert after == [[]] * len(CERTIFICATES.families)
    assert len(lines(page, "dcdn_polls_total")) == 1
    page.update(KEY, record((SHORT,), (), at=clock.now, kind=CERTIFICATES))
    assert lines(page, SERVED) == [f'{SERVED}{{account="prod",domain="a.example",product="esa"}} 0.0']


def test_no_answer_is_no_line() -> None:
    """Before the first one there is only the probe's history, as without any kind's help."""
    page = exposition("prod", clock=Clock(), kinds=[CERTIFICATES])
    page.update(KEY, record(TIMEOUT, kind=CERTIFICATES))

    assert [lines(page, family.name) for family in CERTIFICATES.families] == [[]] * len(CERTIFICATES.families)
    assert lines(page, "dcdn_polls_total") == [
        'dcdn_polls_total{account="prod",probe="certificates",product="esa"} 1.0'
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_come_back_whole(name: str) -> None:
    """Whatever the vendor calls things, a parser reads each label of a family that has several."""
    page = certificates(Clock(), (Certificate(name, f"by {name}", START + 60),))
    (family,) = (family for family in parse_text(text(page)) if family.name == REMAINING)

    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"account": "prod", "product": "esa", "domain": name, "issuer": f"by {name}"}, 60.0)
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_kind_is_written_as_the_library_writes_it(name: str) -> None:
    """In both formats, be it a gauge, a counter or a countdown, beside kinds of ours."""
    page = certificates(Clock(), (SHORT, Certificate(name, name, START + 60)), kinds=(KIND, CERTIFICATES))
    page.update(KIND.key("prod"), record(CHANGING))
    plain, openmetrics = (b"".join(page.page(each)).decode() for each in ExpositionFormat)

    assert generate_latest(Families(parse_text(plain))).decode() == plain
    assert generate_openmetrics(Families(parse_openmetrics(openmetrics))).decode() == openmetrics
    assert "# TYPE dcdn_certificate_domains counter\n" in openmetrics


def test_probes_with_the_same_families_stand_together() -> None:
    """Those of other families come after them, each in the order of the schedule."""
    kinds = (KIND, DEBT_KIND, BALANCE_KIND, CERTIFICATES)
    page = exposition("prod", "shop", clock=Clock(), kinds=kinds)
    (polls,) = (family for family in parse_text(text(page)) if family.name == "dcdn_polls")

    assert [(sample.labels["probe"], sample.labels["account"]) for sample in polls.samples] == [
        (kind.probe, account) for kind in kinds for account in ("prod", "shop")
    ]


def test_products_share_their_families() -> None:
    """Lines of products with the same families follow each other as the probes do in the schedule."""
    services = [kind for kind in PROBES if kind.probe == KIND.probe]
    page = exposition("prod", "shop", clock=Clock(), kinds=services)
    for account in ("prod", "shop"):
        for kind in services:
            page.update(kind.key(account), record(ACTIVE, kind=kind))

    assert lines(page, "dcdn_service_opening_timestamp_seconds") == [
        f'dcdn_service_opening_timestamp_seconds{{account="{account}",product="{product}"}} 1.521458171e+09'
        for alike in (("dcdn_ipa",), ("dcdn", "cdn"), ("dcdn_sec",))
        for account in ("prod", "shop")
        for product in alike
    ]


def test_an_update_of_one_kind_leaves_the_lines_of_others() -> None:
    """The page has the new lines of that probe, and every other one as it was."""
    page = exposition("prod", "shop", clock=Clock(), kinds=(KIND, DEBT_KIND, BALANCE_KIND, CERTIFICATES))
    for account in ("prod", "shop"):
        page.update(KIND.key(account), record(LOCKED))
        page.update(DEBT_KIND.key(account), record(IN_DEBT, kind=DEBT_KIND))
        page.update(BALANCE_KIND.key(account), record(BALANCE, kind=BALANCE_KIND))
        page.update(CERTIFICATES.key(account), record((LONG,), kind=CERTIFICATES))
    before = text(page).splitlines()
    page.update(KEY, record((LONG, OTHER), kind=CERTIFICATES))
    after = text(page).splitlines()

    assert [line for line in after if line not in before] == [
        f'{END}{{account="prod",domain="a.example",issuer="sun",product="esa"}} 1.522512e+09',
        f'{REMAINING}{{account="prod",domain="a.example",issuer="sun",product="esa"}} 300.0',
        f'{SERVED}{{account="prod",domain="a.example",product="esa"}} 1.0',
        'dcdn_account_certificates{account="prod"} 2.0',
        'dcdn_certificate_domains_total{account="prod",product="esa"} 2.0',
    ]
    assert [line for line in before if line not in after] == [
        'dcdn_account_certificates{account="prod"} 1.0',
        'dcdn_certificate_domains_total{account="prod",product="esa"} 1.0',
    ]


@pytest.mark.parametrize("labels", [("product2",), ("product2", "zone")], ids=["one", "two"])
def test_labels_are_ordered_by_their_names(labels: tuple[str, ...]) -> None:
    """Not by how they are written, where "=" stands behind a digit: the order is that of the library."""
    family: Family[State] = Family("dcdn_odd", "Odd.", lambda _: iter([(("x",) * len(labels), 1.0)]), labels=labels)
    certificates: AnyKind = CERTIFICATES
    kind = replace(
        certificates, families=(family,), remember=lambda *_: None, visible=lambda state, *_: Visible(state)
    )
    page = exposition("prod", clock=Clock(), kinds=(kind,))
    page.update(KEY, record((SHORT,), kind=kind))
    named = {"account": "prod", "product": "esa", **dict.fromkeys(labels, "x")}

    assert lines(page, "dcdn_odd") == [f"dcdn_odd{{{label_text(named)}}} 1.0"]
