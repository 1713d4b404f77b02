"""A page of metrics as tests read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.sample_lines import samples_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True, repr=False)  # hundreds of lines would bury what failed
class Page:
    """The samples of one answer of /metrics."""

    samples: Mapping[Series, float]

    @classmethod
    def parse(cls, text: str) -> Page:
        """Read a page in the text format."""
        samples: dict[Series, float] = {}
        for sample in samples_on(text):
            series = (sample.name, frozenset(sample.labels.items()))
            assert series not in samples, f"{series} stands twice on the page"
            samples[series] = sample.value
        return cls(samples)

    def find(self, name: str, **labels: str) -> dict[frozenset[tuple[str, str]], float]:
        """The samples that have these labels, by their other labels."""
        wanted = frozenset(labels.items())
        return {has - wanted: value for (at, has), value in self.samples.items() if at == name and wanted <= has}

    def value(self, name: str, **labels: str) -> float:
        """The one sample with these labels; LookupError when there is none or more."""
        found = self.find(name, **labels)
        if len(found) != 1:
            raise LookupError(f"{len(found)} samples of {name} with {labels}")
        return next(iter(found.values()))

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """The samples with these labels by the value of one more; LookupError when two have the same."""
        found = self.find(name, **labels)
        values = {dict(rest)[label]: value for rest, value in found.items()}
        if len(values) != len(found):
            raise LookupError(f"{label} does not tell the samples of {name} with {labels} apart")
        return values

    def status(self, account: str, product: str = "dcdn_ipa") -> str | None:
        """The one status of the account's service that is 1; None when no state is shown."""
        states = self.by("status", "dcdn_service_status", account=account, product=product)
        holding = [name for name, value in states.items() if value]
        assert len(holding) <= 1, f"{account} is {holding} at once"
        return holding[0] if holding else None
