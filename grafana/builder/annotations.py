"""Events as marks in every panel: locks, releases and billing changes."""

from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from grafana.builder.mappings import CRITICAL, FINE, INFO
from grafana.builder.selectors import SERVICE, best, of_service
from grafana.builder.variables import DATASOURCE

# No mark is missed at any zoom, and none is more exact than this.
_STEP = "15s"


class _PrometheusAnnotation(AnnotationQuery):
    """An annotation with what Grafana's Prometheus data source reads beside the query; the library leaves it out."""

    def __init__(self, *, title: str, color: str, expression: str, text: str) -> None:
        super().__init__(name=title, datasource=DATASOURCE, icon_color=color, expr=expression)
        self._text = text

    def to_json(self) -> dict[str, object]:
        shown = {
            "titleFormat": self.name,
            "textFormat": self._text,
            "tagKeys": SERVICE.replace(" ", ""),
            "step": _STEP,
        }
        return {**super().to_json(), **shown}


@dataclass(frozen=True, slots=True)
class Mark(Builder[AnnotationQuery]):
    """A mark at each moment for which the expression has a series of 1."""

    title: str
    color: str
    expression: str
    text: str

    def build(self) -> AnnotationQuery:
        """The annotation as the library knows it."""
        return _PrometheusAnnotation(title=self.title, color=self.color, expression=self.expression, text=self.text)


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


MARKS = (
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
