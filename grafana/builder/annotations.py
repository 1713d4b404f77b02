"""Events as marks in every panel: locks, releases and billing changes.

Those of one account come from its own series. Those of many come from what rules have recorded of the few that are
shown, and are off at first: Grafana asks for them with every refresh.
"""

from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from deploy.prometheus.rules.expressions import LOCK
from grafana.builder.mappings import CRITICAL, FINE, INFO
from grafana.builder.queries import CHANGING, LOCKED
from grafana.builder.selectors import SERVICE, best, of_service, recorded
from grafana.builder.variables import DATASOURCE

# No mark is missed at any zoom, and none is more exact than this.
_STEP = "15s"


class _PrometheusAnnotation(AnnotationQuery):
    """An annotation with what Grafana's Prometheus data source reads beside the query; the library leaves it out."""

    def __init__(self, mark: "Mark") -> None:
        super().__init__(
            name=mark.title, datasource=DATASOURCE, icon_color=mark.color, expr=mark.expression, enable=mark.on
        )
        self._text = mark.text
        self._step = mark.step

    def to_json(self) -> dict[str, object]:
        shown = {
            "titleFormat": self.name,
            "textFormat": self._text,
            "tagKeys": SERVICE.replace(" ", ""),
            "step": self._step,
        }
        return {**super().to_json(), **shown}


@dataclass(frozen=True, slots=True)
class Mark(Builder[AnnotationQuery]):
    """A mark at each moment for which the expression has a series of 1; moments in a row are a region."""

    title: str
    color: str
    expression: str
    text: str
    on: bool = True
    """Without being chosen above the dashboard."""
    step: str = _STEP

    def build(self) -> AnnotationQuery:
        """The annotation as the library knows it."""
        return _PrometheusAnnotation(self)


def _began(metric: str, label: str) -> str:
    """What is 1 and was not an interval ago, of a service that was known then."""
    by = f"{SERVICE}, {label}"
    selector = of_service(metric)
    before = f"{selector} offset $__interval"
    return (
        f"{best(by, selector)} == 1 unless on ({by}) ({best(by, before)} == 1) "
        f"and on ({SERVICE}) {best(SERVICE, before)}"
    )


def _ended(metric: str, label: str) -> str:
    """What was 1 an interval ago and is 0 now; what is not known now has not ended."""
    by = f"{SERVICE}, {label}"
    selector = of_service(metric)
    return f"({best(by, f'{selector} offset $__interval')} == 1) and on ({by}) ({best(by, selector)} == 0)"


OF_ONE_ACCOUNT = (
    Mark(
        "Locked", CRITICAL, _began("dcdn_service_lock", "reason"), "{{product}} of {{account}} is locked: {{reason}}"
    ),
    Mark(
        "Released", FINE, _ended("dcdn_service_lock", "reason"), "{{product}} of {{account}}: no lock for {{reason}}"
    ),
    Mark(
        "Billing change submitted",
        INFO,
        _began("dcdn_service_next_charge_type", "charge_type"),
        "{{product}} of {{account}} will be billed by {{charge_type}}",
    ),
    Mark(
        "Billing changed",
        INFO,
        _began("dcdn_service_charge_type", "charge_type"),
        "{{product}} of {{account}} is billed by {{charge_type}}",
    ),
)
_CHANGES = 'alertname=~"DcdnChargeType.+", alertstate="firing"'
OF_MANY_ACCOUNTS = (
    Mark(
        "Locked",
        CRITICAL,
        recorded(LOCK, LOCKED),
        "{{product}} of {{account}} is locked: {{reason}}",
        on=False,
        step="1m",
    ),
    Mark(
        "Billing",
        INFO,
        f'ALERTS{{{_CHANGES}, account=~"${CHANGING}", product=~"$product"}}',
        "{{alertname}}: {{product}} of {{account}}",
        on=False,
        step="1m",
    ),
)
