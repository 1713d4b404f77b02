"""Pages and records that the tests of the page make."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from exporter.core.model import Failure, FailureReason, ProbeKey, State
from exporter.core.store import ProbeRecord
from exporter.metrics.page import Exposition, ExpositionFormat
from exporter.probes.balance import Balance
from exporter.probes.certificates import Certificates
from exporter.probes.debt_status import DebtState
from exporter.probes.domains import Domains
from exporter.probes.esa_state import Plan, Plans
from exporter.probes.kind import AnyKind
from exporter.probes.resource_package_state import Package
from exporter.probes.service_state import WEBSOCKET, Billing, ChargeTypeChange, ServiceState
from exporter.probes.table import PROBES
from tests.records import record_of, stale_after

KIND = PROBES[0]
DEBT_KIND = next(kind for kind in PROBES if (kind.product, kind.probe) == (KIND.product, "debt_status"))
BALANCE_KIND = next(kind for kind in PROBES if kind.probe == "balance")
COMPONENTS_KIND = next(kind for kind in PROBES if (kind.product, kind.probe) == ("cdn", "service"))
SECURE_KIND = next(kind for kind in PROBES if kind.product == "dcdn_sec")
PACKAGES_KIND = next(kind for kind in PROBES if kind.probe == "resource_packages")
CALLS_KIND = replace(KIND, product="dcdn", calls=({"Page": "1"}, {"Page": "2"}), combine=lambda answers: answers[0])
CERTIFICATES_KIND = next(kind for kind in PROBES if kind.probe == "certificates")
DOMAINS_KIND = next(kind for kind in PROBES if kind.probe == "domains")
PLANS_KIND = next(kind for kind in PROBES if kind.probe == "plans")
STALE_AFTER_S = 600.0
MOMENT = datetime(2018, 3, 31, 16, 0, 0, tzinfo=UTC)
START = MOMENT.timestamp() - 300
OPENED = datetime(2018, 3, 19, 11, 16, 11, tzinfo=UTC)

ACTIVE = ServiceState(charge_type="PayByTraffic", opening_time=OPENED, instance_id="1883927335936173")
LOCKED = ServiceState(
    charge_type="PayByTraffic",
    opening_time=OPENED,
    instance_id="1883927335936173",
    lock_reasons=("financial", "security"),
)
CHANGING = ServiceState(
    charge_type="PayByTraffic",
    opening_time=OPENED,
    instance_id="1883927335936173",
    change=ChargeTypeChange("PayByBandwidth", MOMENT),
)
COMPONENT_CHANGING = replace(
    ACTIVE, components=(Billing(WEBSOCKET, "websockettraffic", ChargeTypeChange("websocketbps", MOMENT)),)
)
ENDING = replace(ACTIVE, end_time=MOMENT)
IN_DEBT = DebtState(enabled=True, available=True, in_debt=True, in_debt_overdue=False)
BALANCE = Balance(-1234.5, "CNY")
EXPIRED = Certificates(6, 2)
DOMAINS = Domains((("offline", 1), ("online", 4999), ('say "hi"', 1)), (("shop.example.com", "offline"),))
PACKAGES = (
    Package(
        'say "t"',
        status="valid",
        unit="bytes",
        capacity=107_374_182_400.0,
        remaining=53_661_095_687.0,
        ends_at=MOMENT,
        commodity_code="back\\slash",
        billing_region="CN",
        display_name="流量包",
    ),
)
PLANS = Plans((Plan("sp-1", "online", "basic", "auto", MOMENT, (("active", 1),)),))
TIMEOUT = Failure(FailureReason.TIMEOUT, "no reply within 10 s")
HOSTILE = [
    pytest.param('say "hi"', id="quotes"),
    pytest.param("back\\slash\\", id="backslashes"),
    pytest.param("line\nend", id="line end"),
    pytest.param('\\n\\"', id="what looks like an escape"),
    pytest.param('a",product="x"} 1', id="what looks like a label"),
    pytest.param("x{} 1\nx", id="what looks like a sample"),
    pytest.param("账户 😀 ü", id="other scripts"),
    pytest.param("  spaces\tand\u00a0tabs ", id="spaces"),
    pytest.param("\u2028\u0085", id="what some call line ends"),
    pytest.param("<b>&lt;\r</b>", id="markup"),
    pytest.param("\u202eacme\u2066\u200f", id="direction"),
]


class Families(Collector):
    """A registry of families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families as they were given."""
        return self._families


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time that it was set to."""
        return self.now


def key(account: str = "prod") -> ProbeKey:
    return KIND.key(account)


def exposition(
    *accounts: str,
    clock: Clock,
    own: CollectorRegistry | None = None,
    kinds: Iterable[AnyKind] = (KIND,),
    expiries: Iterable[tuple[str, float]] = (),
) -> Exposition:
    """The page of these accounts, each with these kinds of probes, none of them polled."""
    page = Exposition(
        dict.fromkeys((*PROBES, *kinds)), own=own or CollectorRegistry(), now=clock, expiries=lambda: expiries
    )
    page.configure(
        [(kind.key(account), kind) for account in accounts for kind in kinds],
        stale_after_of=stale_after(STALE_AFTER_S),
    )
    return page


def record(
    *outcomes: State | Failure, since: ProbeRecord | None = None, at: float = START, kind: AnyKind = KIND
) -> ProbeRecord:
    """The record after these polls of a probe of this kind, which took a quarter of a second each."""
    return record_of(*outcomes, since=since, at=at, duration_s=0.25, remember=kind.remember)


def text(page: Exposition) -> str:
    return b"".join(page.page(ExpositionFormat.TEXT)).decode()


def lines(page: Exposition, name: str) -> list[str]:
    return [line for line in text(page).splitlines() if line.startswith(f"{name}{{")]


def services(page: Exposition) -> set[str]:
    """The names of all families about services that have a sample."""
    return {
        family.name for family in parse_text(text(page)) if family.name.startswith("dcdn_service_") and family.samples
    }
